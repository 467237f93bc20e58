// The time that a device puts on its message. Only UTC is used: local time without a zone, seconds since boot and the
// start of a minute say too little to narrow a window. Devices that send their uptime until their clock is set give
// themselves away by the size of the number.
import { instantNs, NS_PER_MS, NS_PER_S, parseInstant, type InstantNs } from '../quantity/time.ts';
import type { TimeUnit } from './profile-words.ts';

/** 2001-09-09: a number below is an uptime (31 years would be a long one), or a clock that was never set. */
const UTC_SECONDS_MIN = 1_000_000_000n;
/** Year 2554: what fits 64 bits of nanoseconds. */
const UTC_SECONDS_MAX = 18_446_744_073n;

/** The instant that a field of the given unit means, or undefined where it cannot be UTC. Fractions are kept to 1 µs. */
export function utcInstant(field: unknown, unit: TimeUnit): InstantNs | undefined {
  if (unit === 'rfc3339')
    return typeof field === 'string' ? plausible(parseInstant(field)) : undefined;
  if (typeof field === 'string') {
    if (!/^\d{1,20}$/.test(field)) return undefined;
    return plausible(instantNs(BigInt(field) * NS_PER[unit]));
  }
  if (typeof field !== 'number' || !Number.isFinite(field) || Math.abs(field) > 1e19)
    return undefined;
  const wholeUnits = Math.floor(field);
  const fraction = Math.round((field - wholeUnits) * 1e6);
  return plausible(
    instantNs(BigInt(wholeUnits) * NS_PER[unit] + (BigInt(fraction) * NS_PER[unit]) / 1_000_000n),
  );
}

const NS_PER = { s: NS_PER_S, ms: NS_PER_MS, ns: 1n } as const;

const plausible = (instant: InstantNs | undefined): InstantNs | undefined =>
  instant !== undefined &&
  instant >= UTC_SECONDS_MIN * NS_PER_S &&
  instant <= UTC_SECONDS_MAX * NS_PER_S
    ? instant
    : undefined;
