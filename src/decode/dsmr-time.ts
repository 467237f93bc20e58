// The clock of a DSMR meter: `YYMMDDhhmmssX`, local time whose last letter says summer or winter (P1 Companion Standard 5.0.2
// §6.4). So the hour that the clock lives through twice in autumn is told apart, and it is a civil instant after all.
import { type InstantNs, instantNs, NS_PER_S, parseInstant } from '../quantity/time.ts';

const STAMP = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})([SW])$/;

/** The instant of a stamp; winter time is `offsetMin` ahead of UTC, summer an hour more. undefined where it is no stamp. */
export function dsmrInstant(stamp: string, offsetMin: number): InstantNs | undefined {
  const match = STAMP.exec(stamp);
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', season] = match;
  const local = parseInstant(`20${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (local === undefined) return undefined;
  const aheadMin = offsetMin + (season === 'S' ? 60 : 0);
  return instantNs(local - BigInt(aheadMin) * 60n * NS_PER_S);
}
