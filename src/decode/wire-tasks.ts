// What the instruments of one wire want of it: reads on a polled wire, topics on a pushed one.
import type { Instrument, Wire, WireId } from '../quantity/site.ts';
import { SiteFault } from '../quantity/fault.ts';
import { fromMs, toMs } from '../quantity/time.ts';
import { pathsOf, topicsOf } from './topics.ts';
import type { PolledDevice, PushedMeter, Subscription, WireTasks } from '../transport/transport.ts';
import { planReads } from './plan-reads.ts';
import { planGets } from './plan-gets.ts';
import { isHttpJson, isPush, isScpi, isSnmp, type Profile } from './profile.ts';
import type { PushProfile } from './push-profile.ts';
import { isPart, partOf } from './snmp-part.ts';

export interface ProfiledInstrument {
  readonly instrument: Instrument;
  readonly profile: Profile;
}

/** Tasks for one wire. Throws SiteFault where a profile does not speak over this kind of wire. */
export function wireTasks(
  id: WireId,
  wire: Wire,
  instruments: readonly ProfiledInstrument[],
): WireTasks {
  const devices: PolledDevice[] = [];
  const subscriptions: Subscription[] = [];
  const pushed: PushedMeter[] = [];
  for (const each of instruments.filter(({ instrument }) => instrument.wire === id)) {
    if (wire.transport === 'csv') {
      subscriptions.push({ source: each.instrument.id, topic: each.instrument.topic });
    } else if (!speaksOver(each.profile, wire)) {
      throw new SiteFault({
        where: `/instruments/${each.instrument.id}`,
        what: `profile ${each.profile.id} speaks ${each.profile.speaks.transport}, but wire ${id} is ${wire.transport}`,
        remedy: 'choose a profile that fits the wire, or the wire that the instrument hangs on',
      });
    } else if (wire.transport === 'mqtt') {
      const topics = topicsOf(each.profile, each.instrument.topic);
      subscriptions.push(...topics.map((topic) => ({ source: each.instrument.id, topic })));
    } else if (isPush(each.profile)) {
      pushed.push(pushedMeterOf(each, each.profile));
    } else {
      devices.push(deviceOf(each));
    }
  }
  return { devices, subscriptions, pushed };
}

type Speech = Profile['speaks']['transport'];
const SPOKEN_OVER: Readonly<Record<Exclude<Wire['transport'], 'csv'>, readonly Speech[]>> = {
  'modbus-tcp': ['modbus'],
  'modbus-rtu-tcp': ['modbus'],
  'modbus-rtu': ['modbus'],
  'serial-push': ['push'],
  'tcp-push': ['push'],
  snmp: ['snmp'],
  http: ['http-json'],
  scpi: ['scpi'],
  mqtt: ['mqtt-json', 'node-message'],
};

/** Whether a profile is written for this kind of wire; a CSV may hold the recording of any. */
export const speaksOver = ({ speaks }: Profile, { transport }: Wire): boolean =>
  transport === 'csv' || SPOKEN_OVER[transport].includes(speaks.transport);

/** Three of the longest usual periods (DSMR 4: 10 s); a profile that knows a longer one waits for three of those. */
const SILENT_AFTER_MS = 30_000;

function pushedMeterOf({ instrument }: ProfiledInstrument, profile: PushProfile): PushedMeter {
  const { poll_ms: pollMs } = profile.limits;
  const fastest = fromMs(typeof pollMs === 'number' ? pollMs : 0);
  const { protocol, check, sends } = profile.speaks;
  const poll = instrument.poll > fastest ? instrument.poll : fastest;
  return {
    source: instrument.id,
    protocol,
    check,
    askEvery: sends === 'asked' ? poll : undefined,
    silentAfterMs: Math.max(SILENT_AFTER_MS, 3 * toMs(fastest)),
  };
}

/** The objects of each request. Throws SiteFault where the instrument is no part that the profile reads. */
function getsOf({ instrument, profile }: ProfiledInstrument): Pick<PolledDevice, 'gets'> {
  if (!isSnmp(profile)) return {};
  const part = partOf(profile, instrument.part);
  if (!isPart(part)) throw new SiteFault({ where: `/instruments/${instrument.id}`, ...part });
  return { gets: planGets(profile, instrument.part) };
}

/** The paths or lines of each poll. */
function asksOf({ instrument, profile }: ProfiledInstrument): Pick<PolledDevice, 'asks'> {
  if (isHttpJson(profile)) return { asks: pathsOf(profile, instrument.topic) };
  return isScpi(profile) ? { asks: [profile.speaks.ask] } : {};
}

function deviceOf(each: ProfiledInstrument): PolledDevice {
  const { instrument, profile } = each;
  const { silence_ms: silenceMs, reply_timeout_ms: replyMs, poll_ms: pollMs } = profile.limits;
  const fastest = fromMs(typeof pollMs === 'number' ? pollMs : 0);
  return {
    source: instrument.id,
    unit: instrument.unit,
    reads: planReads(profile),
    ...getsOf(each),
    ...asksOf(each),
    poll: instrument.poll > fastest ? instrument.poll : fastest,
    silenceMs: typeof silenceMs === 'number' ? silenceMs : 0,
    replyTimeoutMs: typeof replyMs === 'number' ? replyMs : undefined,
  };
}
