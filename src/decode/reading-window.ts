// When a reading was true: from the moment the device can have taken it at the earliest, to the moment it had come.
// A refresh or averaging time that a profile does not know counts as 0 here: `align` estimates it before the reading may
// anchor an interval, and the profile shows that it is unknown.
import type { Exchange } from '../quantity/exchange.ts';
import { fromMs, instantNs, type InstantNs, type TimeWindow } from '../quantity/time.ts';

export interface KnownDelays {
  readonly refresh_ms?: number | 'unknown' | undefined;
  readonly averaging_ms?: number | 'unknown' | undefined;
}

/** How far back a value may reach, ns: its own delays, else those of the device. Worked out once for each pair. */
export function reachNs(own: KnownDelays, device: KnownDelays): bigint {
  const before = known.get(own);
  if (before?.device === device) return before.reach;
  const reach =
    delayNs(own.refresh_ms ?? device.refresh_ms) + delayNs(own.averaging_ms ?? device.averaging_ms);
  known.set(own, { device, reach });
  return reach;
}

const known = new WeakMap<KnownDelays, { readonly device: KnownDelays; readonly reach: bigint }>();

const delayNs = (delay: number | 'unknown' | undefined): bigint =>
  typeof delay === 'number' ? fromMs(delay) : 0n;

/** [sent - refresh - averaging, received]. */
export function receivedWindow(exchange: Exchange, reach: bigint): TimeWindow {
  return ordered(exchange.sentNs - reach, exchange.lastByteNs);
}

/** A broker that replays what it kept, or sends again what it queued, does not say how old it is. */
export const isOfUnknownAge = ({ flags }: Exchange): boolean => flags.retained || flags.redelivered;

/** What a device says about the time of a reading: its stamp and how far that may be off. */
export interface DeviceStamp {
  readonly atNs: InstantNs;
  readonly uncertaintyNs: bigint;
}

/**
 * Around the device's own stamp, never later than the message came. undefined where the stamp lies after the arrival by
 * more than its uncertainty: that clock is wrong, and its stamps say nothing.
 */
export function stampedWindow(
  exchange: Exchange,
  reach: bigint,
  stamp: DeviceStamp,
): TimeWindow | undefined {
  const { atNs, uncertaintyNs } = stamp;
  const received = exchange.lastByteNs;
  if (atNs - uncertaintyNs > received) return undefined;
  const latest = atNs + uncertaintyNs;
  return ordered(atNs - uncertaintyNs - reach, latest < received ? latest : received);
}

// A host clock that is set back between sending and receiving must not turn a window inside out.
function ordered(fromNs: bigint, untilNs: bigint): TimeWindow {
  return fromNs <= untilNs
    ? { notBeforeNs: instantNs(fromNs), notAfterNs: instantNs(untilNs) }
    : { notBeforeNs: instantNs(untilNs), notAfterNs: instantNs(fromNs) };
}
