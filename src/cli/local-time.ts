// Local civil time, for tariffs and billing periods only: everything inside is UTC. The rules come with Node (ICU's copy
// of the IANA time zones), whose version stands in each settlement.
import { SiteFault } from '../quantity/fault.ts';
import {
  floorDiv,
  type InstantNs,
  instantNs,
  type Interval,
  NS_PER_MS,
  parseInstant,
} from '../quantity/time.ts';
import { UsageError } from './command.ts';

export const timeZonesVersion = (): string => process.versions['tz'] ?? 'unknown';

const DAY_NS = 86_400_000_000_000n;
/** Zones change their offset at whole quarters of an hour. */
const QUARTER_NS = 900_000_000_000n;

/** Offset of a zone from UTC at an instant, ns; a day without a change is asked for once. */
export function offsetIn(zone: string): (atNs: InstantNs) => bigint {
  if (zone === 'UTC') return () => 0n;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const asked = new Map<bigint, bigint>();
  const ask = (atNs: bigint): bigint => {
    const known = asked.get(atNs);
    if (known !== undefined) return known;
    const date = new Date(Number(atNs / NS_PER_MS));
    const part = Object.fromEntries(
      format.formatToParts(date).map(({ type, value }) => [type, Number(value)]),
    );
    const localMs = Date.UTC(
      part['year'] ?? 0,
      (part['month'] ?? 1) - 1,
      part['day'],
      part['hour'],
      part['minute'],
      part['second'],
    );
    const offset = BigInt(localMs - date.getTime()) * NS_PER_MS;
    asked.set(atNs, offset);
    return offset;
  };
  return (atNs) => {
    const day = floorDiv(atNs, DAY_NS) * DAY_NS;
    const [begins, ends] = [ask(day), ask(day + DAY_NS)];
    return begins === ends ? begins : ask(floorDiv(atNs, QUARTER_NS) * QUARTER_NS);
  };
}

/** A date (its local midnight) or an instant in UTC. Throws SiteFault. */
export function instantOfCivil(text: string, zone: string): InstantNs {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const whole = isDate ? `${text}T00:00:00Z` : text.replace(/T(\d\d:\d\d)Z$/, 'T$1:00Z');
  const civilNs = parseInstant(whole);
  if (civilNs === undefined) {
    const remedy = 'write 2026-11-01 or 2026-11-01T06:00:00Z';
    throw new SiteFault({ where: text, what: 'there is no such day or time', remedy });
  }
  if (!isDate) return civilNs;
  const offsetOf = offsetIn(zone);
  // The offset at the local time is found in two steps, since it is asked for by UTC.
  const near = instantNs(civilNs - offsetOf(civilNs));
  return instantNs(civilNs - offsetOf(near));
}

/** `2026-11` or `2026-11-05` as a span of local time. Throws UsageError. */
export function civilPeriod(text: string, zone: string): Interval {
  const [, year = '', month = '', day] = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/.exec(text) ?? [];
  if (year === '') throw new UsageError('--period takes a month (2026-11) or a day (2026-11-05)');
  const first = `${year}-${month}-${day ?? '01'}`;
  const next =
    day === undefined
      ? new Date(Date.UTC(Number(year), Number(month), 1))
      : new Date(Date.UTC(Number(year), Number(month) - 1, Number(day) + 1));
  return {
    fromNs: instantOfCivil(first, zone),
    untilNs: instantOfCivil(next.toISOString().slice(0, 10), zone),
  };
}
