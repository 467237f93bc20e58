// Time as types: instants and durations are nanoseconds as bigint, so that neither leap years nor long uptimes round.
// Civil time is UTC as POSIX counts it (no leap seconds). RFC 3339 is the only text form.
import { SiteFault } from './fault.ts';

declare const time: unique symbol;
type Branded<Name extends string> = bigint & { readonly [time]: Name };

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export type InstantNs = Branded<'instant'>;
/** A difference of two instants. */
export type DurationNs = Branded<'duration'>;

export const instantNs = (ns: bigint): InstantNs => ns as InstantNs;
export const durationNs = (ns: bigint): DurationNs => ns as DurationNs;

export const NS_PER_MS = 1_000_000n;
export const NS_PER_S = 1_000_000_000n;

export const fromMs = (durationMs: number): DurationNs =>
  durationNs(BigInt(Math.round(durationMs * 1e6)));
export const fromSeconds = (durationS: number): DurationNs =>
  durationNs(BigInt(Math.round(durationS * 1e9)));
export const toSeconds = (duration: DurationNs): number => Number(duration) / 1e9;
export const toMs = (duration: DurationNs): number => Number(duration) / 1e6;
export const since = (from: InstantNs, until: InstantNs): DurationNs => durationNs(until - from);
export const later = (instant: InstantNs, by: DurationNs): InstantNs => instantNs(instant + by);
export const middle = (a: InstantNs, b: InstantNs): InstantNs => instantNs((a + b) / 2n);

/** When the thing read was true: no earlier than, no later than. */
export interface TimeWindow {
  readonly notBeforeNs: InstantNs;
  readonly notAfterNs: InstantNs;
}

/** A half-open span of civil time [fromNs, untilNs). */
export interface Interval {
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
}

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Reads RFC 3339 with up to nanoseconds; undefined where the text is no such instant or names no zone. */
export function parseInstant(text: string): InstantNs | undefined {
  return plainInstant(text) ?? anyInstant(text);
}

/** Midnights that were read last: what is read in one go lies on few days. */
const midnights = new Map<string, bigint>();
const MIDNIGHTS_COUNT_MAX = 64;

/** The form that formatInstant writes, ten times as fast; undefined for any other, right or wrong. */
function plainInstant(text: string): InstantNs | undefined {
  const end = text.length - 1;
  if (end < 19 || end > 29 || text[end] !== 'Z' || text[10] !== 'T') return undefined;
  const midnightNs = midnightOf(text.slice(0, 10));
  const clockS =
    3600 * digitsIn(text, 11, 13, 23) +
    60 * digitsIn(text, 14, 16, 59) +
    digitsIn(text, 17, 19, 59);
  const isShaped = text[13] === ':' && text[16] === ':' && (end === 19 || text[19] === '.');
  const fraction = end === 19 ? 0 : digitsIn(text, 20, end, Infinity);
  const nanoseconds = end === 19 ? 0 : fraction * 10 ** (29 - end);
  if (midnightNs === undefined || !isShaped || Number.isNaN(clockS + nanoseconds)) return undefined;
  return instantNs(midnightNs + BigInt(clockS) * NS_PER_S + BigInt(nanoseconds));
}

/** A number in [from, until) of the text, NaN where that is none, is empty, or is more than the most. */
function digitsIn(text: string, from: number, until: number, most: number): number {
  let number = from < until ? 0 : NaN;
  for (let at = from; at < until; at++) {
    const digit = text.charCodeAt(at) - 48;
    number = digit >= 0 && digit <= 9 ? 10 * number + digit : NaN;
  }
  return number <= most ? number : NaN;
}

function midnightOf(date: string): bigint | undefined {
  const known = midnights.get(date);
  if (known !== undefined) return known;
  const midnightNs = anyInstant(`${date}T00:00:00Z`);
  if (midnightNs === undefined) return undefined;
  if (midnights.size >= MIDNIGHTS_COUNT_MAX) midnights.clear();
  midnights.set(date, midnightNs);
  return midnightNs;
}

function anyInstant(text: string): InstantNs | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  // Date.UTC would take the years 0 to 99 for 1900 to 1999; setUTCFullYear takes them as they are.
  const date = new Date(Date.UTC(2000, 0, 1, Number(hour), Number(minute), Number(second)));
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // It rolls 31 February over into March: what does not come back the same was no date.
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() + 1 !== Number(month))
    return undefined;
  const zoneNs = zone && zone.length > 1 ? zoneOffsetNs(zone) : 0n;
  if (zoneNs === undefined) return undefined;
  const fractionNs = BigInt((fraction ?? '').padEnd(9, '0'));
  return instantNs(BigInt(date.getTime()) * NS_PER_MS + fractionNs - zoneNs);
}

/** RFC 3339 §5.6: hours to 23, minutes to 59; undefined beyond. */
function zoneOffsetNs(zone: string): bigint | undefined {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1n : 1n) * BigInt(hours * 60 + minutes) * 60n * NS_PER_S;
}

/** RFC 3339 UTC; the fraction has 0, 3, 6 or 9 digits, as few as are exact. */
export function formatInstant(instant: InstantNs): string {
  const seconds = floorDiv(instant, NS_PER_S);
  const fractionNs = instant - seconds * NS_PER_S;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const digits = fractionNs
    .toString()
    .padStart(9, '0')
    .replace(/(000){1,3}$/, '');
  return digits === '' ? `${whole}Z` : `${whole}.${digits}Z`;
}

/** The interval of the given length, aligned to the epoch, that holds the instant. */
export function alignedInterval(instant: InstantNs, length: DurationNs): Interval {
  const fromNs = instantNs(floorDiv(instant, length) * length);
  return { fromNs, untilNs: instantNs(fromNs + length) };
}

/** Integer division that rounds towards minus infinity. */
export function floorDiv(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n !== divisor < 0n && dividend % divisor !== 0n
    ? quotient - 1n
    : quotient;
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|min|h|d)$/;
const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `30s`, `5min`, `2h`; for command lines and site files. */
export function parseDuration(text: string, where: string): DurationNs {
  const match = DURATION.exec(text.trim());
  const unitMs = DURATION_MS[match?.[2] ?? ''];
  if (!match || unitMs === undefined) {
    throw new SiteFault({
      where,
      what: `"${text}" is not a duration`,
      remedy: 'write a number with a unit, such as 500ms, 30s, 5min, 2h or 1d',
    });
  }
  return fromMs(Number(match[1]) * unitMs);
}
