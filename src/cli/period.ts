// A period of civil time as two options; either may be left out.
import { instantNs, type InstantNs, type Interval, parseInstant } from '../quantity/time.ts';
import { UsageError } from './command.ts';

const BEGINNING = instantNs(0n);
/** 2262-04-11: the last instant that a signed 64-bit count of nanoseconds holds, as InfluxDB does. */
const END = instantNs(9_223_372_036_854_775_000n);

/** `[from, until)` from RFC 3339 texts or dates; everything where they are left out. Throws UsageError. */
export function parsePeriod(from: string | undefined, until: string | undefined): Interval {
  const period = {
    fromNs: from === undefined ? BEGINNING : instantOf(from, '--from'),
    untilNs: until === undefined ? END : instantOf(until, '--to'),
  };
  if (period.untilNs <= period.fromNs) throw new UsageError('--to must be later than --from');
  return period;
}

function instantOf(text: string, option: string): InstantNs {
  const instant = parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  if (instant !== undefined) return instant;
  throw new UsageError(`${option} takes a UTC instant such as 2026-11-01 or 2026-11-01T06:00:00Z`);
}
