// What the instruments of one wire want of it: reads on a polled wire, topics on a pushed one.
import type { Instrument, Wire, WireId } from '../quantity/site.ts';
import { SiteFault } from '../quantity/fault.ts';
import { fromMs } from '../quantity/time.ts';
import { topicsOf } from './topics.ts';
import type { PolledDevice, Subscription, WireTasks } from '../transport/transport.ts';
import { planReads } from './plan-reads.ts';
import { planGets } from './plan-gets.ts';
import { isModbus, isSnmp, type Profile } from './profile.ts';
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
    } else {
      devices.push(deviceOf(each));
    }
  }
  return { devices, subscriptions };
}

/** Whether a profile is written for this kind of wire; a CSV may hold the recording of any. */
export function speaksOver(profile: Profile, wire: Wire): boolean {
  switch (wire.transport) {
    case 'csv':
      return true;
    case 'mqtt':
      return !isModbus(profile) && !isSnmp(profile);
    case 'snmp':
      return isSnmp(profile);
    case 'modbus-tcp':
    case 'modbus-rtu-tcp':
    case 'modbus-rtu':
      return isModbus(profile);
  }
}

/** The objects of each request. Throws SiteFault where the instrument is no part that the profile reads. */
function getsOf({ instrument, profile }: ProfiledInstrument): Pick<PolledDevice, 'gets'> {
  if (!isSnmp(profile)) return {};
  const part = partOf(profile, instrument.part);
  if (!isPart(part)) throw new SiteFault({ where: `/instruments/${instrument.id}`, ...part });
  return { gets: planGets(profile, instrument.part) };
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
    poll: instrument.poll > fastest ? instrument.poll : fastest,
    silenceMs: typeof silenceMs === 'number' ? silenceMs : 0,
    replyTimeoutMs: typeof replyMs === 'number' ? replyMs : undefined,
  };
}
