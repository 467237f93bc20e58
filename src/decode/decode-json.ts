// A JSON payload becomes observations: one for every read of the profile on the topic that it came on.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Observation } from '../quantity/observation.ts';
import { fromMs, type TimeWindow } from '../quantity/time.ts';
import { countPrinted, wrapsAt } from './counter-energy.ts';
import { utcInstant } from './device-time.ts';
import { gaugeReading } from './gauge-reading.ts';
import { fieldAt, parseJson, textOf } from './json-field.ts';
import type { HttpJsonProfile, JsonRead, MqttJsonProfile } from './json-profile.ts';
import {
  isOfUnknownAge,
  reachNs,
  receivedWindow,
  stampedWindow,
  type DeviceStamp,
} from './reading-window.ts';
import { suffixOf } from './topics.ts';

type JsonProfile = MqttJsonProfile | HttpJsonProfile;

/** Never throws. A retained or redelivered message without a time of its own is a gap: it may be of any age. */
export function decodeJson(
  profile: JsonProfile,
  exchange: Exchange,
  topic: string,
): readonly Observation[] {
  const suffix = suffixOf(profile.reads, topic, textOf(exchange.request));
  const reads =
    suffix === undefined ? profile.reads : profile.reads.filter((read) => read.suffix === suffix);
  const parsed = parseJson(exchange.reply);
  const fault =
    exchange.fault ?? (suffix === undefined || !parsed ? ('decode.malformed' as const) : undefined);
  if (fault !== undefined || !parsed || suffix === undefined)
    return reads.map((read) => gap(profile, exchange, read, fault ?? 'decode.malformed'));
  const stamp = stampOf(profile, suffix, parsed.json);
  return reads.flatMap((read) => decodeField(profile, exchange, read, parsed.json, stamp));
}

function decodeField(
  profile: JsonProfile,
  exchange: Exchange,
  read: JsonRead,
  json: unknown,
  stamp: DeviceStamp | undefined,
): readonly Observation[] {
  const field = fieldAt(json, read.path);
  if (field === undefined)
    return read.partial ? [] : [gap(profile, exchange, read, 'decode.missing')];
  const stamped = stamp && stampedWindow(exchange, reachNs(read, profile.limits), stamp);
  if (isOfUnknownAge(exchange) && stamped === undefined)
    return [gap(profile, exchange, read, 'decode.stale')];
  const window = stamped ?? receivedWindow(exchange, reachNs(read, profile.limits));
  const isBelieved = read.valid_path === undefined || fieldAt(json, read.valid_path) === true;
  if (field === null || !isBelieved || isSentinel(profile, read, field))
    return [gap(profile, exchange, read, 'decode.sentinel', window)];
  if (typeof field !== 'number') return [gap(profile, exchange, read, 'decode.malformed', window)];
  const where = { source: exchange.source, component: '', window };
  if (read.kind === 'gauge') {
    const gauge = gaugeReading(field, read);
    if ('fault' in gauge) return [gap(profile, exchange, read, gauge.fault, window)];
    return [{ kind: 'gauge', channel: read.channel, ...gauge, ...where }];
  }
  const counted = countPrinted(field, read.as === 'float32', read);
  if ('fault' in counted) return [gap(profile, exchange, read, counted.fault, window)];
  const { channel } = read;
  const epoch = read.epoch_path ? epochText(fieldAt(json, read.epoch_path)) : '';
  return [{ kind: 'counter', channel, ...counted, wrapsAtUj: wrapsAt(read), epoch, ...where }];
}

const gap = (
  profile: JsonProfile,
  exchange: Exchange,
  read: JsonRead,
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

function stampOf(profile: JsonProfile, suffix: string, json: unknown): DeviceStamp | undefined {
  const time = profile.speaks.times.find(
    (known) => known.suffix === suffix && known.kind === 'utc',
  );
  if (time === undefined) return undefined;
  const atNs = utcInstant(fieldAt(json, time.path), time.unit);
  return atNs === undefined ? undefined : { atNs, uncertaintyNs: fromMs(time.uncertainty_ms) };
}

function isSentinel(profile: JsonProfile, read: JsonRead, field: unknown): boolean {
  return profile.sentinels.some(
    (sentinel) =>
      sentinel.as === read.as &&
      (sentinel.channel === undefined || sentinel.channel === read.channel) &&
      (typeof field === 'number' || typeof field === 'string') &&
      sentinel.raw === String(field),
  );
}

// An epoch is compared for equality only, so any short text serves.
const epochText = (field: unknown): string =>
  typeof field === 'string' || typeof field === 'number' ? String(field).slice(0, 100) : '';
