// A frame of a push meter becomes observations: one for every read of the profile. The meter says unit and scale of each
// value itself, and those count; the profile says which code means what, and how its counters behave.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Observation } from '../quantity/observation.ts';
import { fromMs, NS_PER_S, type TimeWindow } from '../quantity/time.ts';
import { wrapsAt } from './counter-energy.ts';
import { readTelegram } from './d0-telegram.ts';
import { dsmrInstant } from './dsmr-time.ts';
import type { Fraction } from './exact.ts';
import type { ObisEntry } from './obis.ts';
import { counterOf, gaugeOf } from './obis-value.ts';
import type { ObisRead, PushProfile } from './push-profile.ts';
import { type DeviceStamp, reachNs, receivedWindow, stampedWindow } from './reading-window.ts';
import { readSmlFile } from './sml-file.ts';

/** Never throws: a frame that cannot be read is a gap for every channel. */
export function decodePush(profile: PushProfile, exchange: Exchange): readonly Observation[] {
  const gaps = (fault: FaultCode): readonly Observation[] =>
    profile.reads.map((read) => gapOf(profile, exchange, read, fault));
  if (exchange.fault !== undefined) return gaps(exchange.fault);
  const { protocol, check } = profile.speaks;
  if (exchange.form !== protocol) return gaps('decode.malformed');
  const entries =
    protocol === 'sml' ? readSmlFile(exchange.reply) : readTelegram(exchange.reply, check)?.entries;
  const byCode = entries && entriesByCode(entries);
  if (byCode === undefined) return gaps('decode.malformed');
  const stamp = stampOf(profile, exchange, byCode);
  if (stamp !== undefined && isStale(profile, exchange, stamp)) return gaps('decode.stale');
  return profile.reads.flatMap((read) => decodeRead(profile, exchange, read, byCode, stamp));
}

/** Entries by code; undefined where a frame gives one code two values: then nobody can say which is meant. */
function entriesByCode(entries: readonly ObisEntry[]): ReadonlyMap<string, ObisEntry> | undefined {
  const byCode = new Map<string, ObisEntry>();
  for (const entry of entries) {
    const other = byCode.get(entry.code);
    if (other !== undefined && (other.text !== entry.text || !isSame(other.step, entry.step)))
      return undefined;
    byCode.set(entry.code, entry);
  }
  return byCode;
}

const isSame = (a: Fraction, b: Fraction): boolean =>
  a.numerator === b.numerator && a.denominator === b.denominator;

function decodeRead(
  profile: PushProfile,
  exchange: Exchange,
  read: ObisRead,
  byCode: ReadonlyMap<string, ObisEntry>,
  stamp: DeviceStamp | undefined,
): readonly Observation[] {
  const entry = byCode.get(read.obis);
  if (entry === undefined && read.partial) return [];
  const window = windowOf(profile, exchange, read, stamp);
  const gap = (fault: FaultCode): readonly Observation[] => [
    gapOf(profile, exchange, read, fault, window),
  ];
  if (entry === undefined) return gap('decode.missing');
  if (isSentinel(profile, read, entry)) return gap('decode.sentinel');
  const { source } = exchange;
  if (read.kind === 'gauge') {
    const gauge = gaugeOf(read, entry, byCode);
    if ('fault' in gauge) return gap(gauge.fault);
    return [{ kind: 'gauge', channel: read.channel, ...gauge, source, component: '', window }];
  }
  const counted = counterOf(read, entry, byCode);
  if ('fault' in counted) return gap(counted.fault);
  const more = { wrapsAtUj: wrapsAt(read), epoch: '', source, component: '', window };
  return [{ kind: 'counter', channel: read.channel, ...counted, ...more }];
}

const isSentinel = (profile: PushProfile, read: ObisRead, entry: ObisEntry): boolean =>
  profile.sentinels.some(
    ({ channel, raw }) => (channel === undefined || channel === read.channel) && raw === entry.text,
  );

/** No gateway keeps a frame for longer: a clock that far behind was never set, and says nothing. */
const DAY_NS = 86_400n * NS_PER_S;

function stampOf(
  profile: PushProfile,
  exchange: Exchange,
  byCode: ReadonlyMap<string, ObisEntry>,
): DeviceStamp | undefined {
  const { clock } = profile.speaks;
  const shown = clock && byCode.get(clock.obis);
  const atNs = shown && dsmrInstant(shown.text, clock.offset_min);
  if (atNs === undefined || exchange.firstByteNs - atNs > DAY_NS) return undefined;
  return { atNs, uncertaintyNs: fromMs(clock?.uncertainty_ms ?? 0) };
}

/** By its own clock the frame was old when it came: something between the meter and us had kept it. */
function isStale(profile: PushProfile, exchange: Exchange, stamp: DeviceStamp): boolean {
  const received = receivedWindow(exchange, reachNs({}, profile.limits));
  return stamp.atNs + stamp.uncertaintyNs < received.notBeforeNs;
}

/** When the frame came; narrowed by the meter's own clock where that says more. */
function windowOf(
  profile: PushProfile,
  exchange: Exchange,
  read: ObisRead,
  stamp: DeviceStamp | undefined,
): TimeWindow {
  const reach = reachNs(read, profile.limits);
  const received = receivedWindow(exchange, reach);
  const stamped = stamp && stampedWindow(exchange, reach, stamp);
  if (stamped === undefined) return received;
  const notBeforeNs =
    stamped.notBeforeNs > received.notBeforeNs ? stamped.notBeforeNs : received.notBeforeNs;
  const notAfterNs =
    stamped.notAfterNs < received.notAfterNs ? stamped.notAfterNs : received.notAfterNs;
  return notBeforeNs <= notAfterNs ? { notBeforeNs, notAfterNs } : received;
}

const gapOf = (
  profile: PushProfile,
  exchange: Exchange,
  read: ObisRead,
  fault: FaultCode,
  window: TimeWindow = receivedWindow(exchange, reachNs(read, profile.limits)),
): Observation => ({
  kind: 'gap',
  channel: read.channel,
  fault,
  source: exchange.source,
  component: '',
  window,
});
