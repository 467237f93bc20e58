// The door of this room: an exchange and the profile of its instrument become observations. Total: whatever the bytes
// are, nothing is thrown; what cannot be read is a gap with its reason.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Channel, Observation } from '../quantity/observation.ts';
import type { PartNumbers } from '../quantity/site.ts';
import { decodeCsv } from './decode-csv.ts';
import { decodeJson } from './decode-json.ts';
import { decodeModbus } from './decode-modbus.ts';
import { decodeNode } from './decode-node.ts';
import { decodePush } from './decode-push.ts';
import { decodeSnmp } from './decode-snmp.ts';
import { decodeScpi } from './decode-scpi.ts';
import {
  isHttpJson,
  isModbus,
  isMqttJson,
  isNodeMessage,
  isPush,
  isScpi,
  isSnmp,
  type Profile,
} from './profile.ts';
import { reachNs, receivedWindow } from './reading-window.ts';

/** What of the site file bears on decoding: see `Instrument` in quantity/site.ts. */
export interface DecodedInstrument {
  readonly id: string;
  readonly unit: number;
  readonly topic: string;
  readonly part?: PartNumbers;
}

/**
 * Observations in the order of the profile's reads (of the message's entries, for chips). Energy is in whole µJ, gauges
 * are in the unit of their channel. An exchange with a fault is a gap for every channel that it would have brought.
 */
export function decodeExchange(
  profile: Profile,
  exchange: Exchange,
  instrument: DecodedInstrument,
): readonly Observation[] {
  switch (exchange.form) {
    case 'modbus-tcp':
    case 'modbus-rtu':
      return isModbus(profile)
        ? decodeModbus(profile, exchange, exchange.form, instrument.unit)
        : unspoken(profile, exchange);
    case 'mqtt':
      if (isMqttJson(profile)) return decodeJson(profile, exchange, instrument.topic);
      if (isNodeMessage(profile)) return decodeNode(profile, exchange, instrument.topic);
      return unspoken(profile, exchange);
    case 'sml':
    case 'dsmr':
    case 'd0':
      return isPush(profile) ? decodePush(profile, exchange) : unspoken(profile, exchange);
    case 'http':
      return isHttpJson(profile)
        ? decodeJson(profile, exchange, instrument.topic)
        : unspoken(profile, exchange);
    case 'scpi':
      return isScpi(profile) ? decodeScpi(profile, exchange) : unspoken(profile, exchange);
    case 'csv':
      return decodeCsv(profile, exchange, instrument.topic);
    case 'snmp':
      return isSnmp(profile)
        ? decodeSnmp(profile, exchange, instrument.part)
        : unspoken(profile, exchange);
  }
}

// The site file joins instruments and wires, so this is a fault of the operator that got past it: shown, not thrown.
function unspoken(profile: Profile, exchange: Exchange): readonly Observation[] {
  const fault: FaultCode = exchange.fault ?? 'decode.malformed';
  const channels = new Set<Channel>(profile.reads.map((read) => read.channel));
  const window = receivedWindow(exchange, reachNs({}, profile.limits));
  const { source } = exchange;
  return [...channels].map((channel) => ({
    kind: 'gap',
    channel,
    fault,
    source,
    component: '',
    window,
  }));
}
