// Who is there: serial number, model and firmware as a device tells them, for comparison with the site file at connect and
// for finding out which profile a device speaks.
import type { Exchange } from '../quantity/exchange.ts';
import type { PolledDevice } from '../transport/transport.ts';
import type { DecodedInstrument } from './decode-exchange.ts';
import { decodeModbusIdentity, planModbusIdentity } from './modbus-identity.ts';
import { askedBlock } from './modbus-reply.ts';
import { askedObjects } from './snmp-reply.ts';
import { fieldsOf } from './decode-scpi.ts';
import { readingOf, type IdentityOrFault } from './identity-reading.ts';
import { fieldAt, parseJson, textOf } from './json-field.ts';
import type { HttpJsonProfile } from './json-profile.ts';
import { planSnmpIdentity } from './plan-gets.ts';
import { isHttpJson, isModbus, isScpi, isSnmp, type Profile } from './profile.ts';
import { printable } from './printable.ts';
import type { ScpiProfile } from './scpi-profile.ts';
import { decodeSnmpIdentity } from './snmp-identity.ts';
import { fullTopic } from './topics.ts';

/** What is asked to find out who is there, in the words of the profile's kind of wire; nothing where it cannot be asked. */
export function identityQuestions(profile: Profile, instrument: DecodedInstrument): Questions {
  if (isModbus(profile)) return { reads: planModbusIdentity(profile) };
  if (isSnmp(profile)) {
    const objects = planSnmpIdentity(profile, instrument.part);
    return { reads: [], gets: objects.length === 0 ? [] : [objects] };
  }
  if (isHttpJson(profile)) return { reads: [], asks: identityPaths(profile, instrument.topic) };
  if (isScpi(profile)) return { reads: [], asks: profile.identify.length === 0 ? [] : [WHO] };
  return { reads: [] };
}

type Questions = Pick<PolledDevice, 'reads' | 'gets' | 'asks'>;

/** Whether this exchange asked one of the questions. */
export function isOneOf(questions: Questions, { form, request }: Exchange): boolean {
  if (form === 'modbus-tcp' || form === 'modbus-rtu') {
    const asked = askedBlock(form, request);
    return questions.reads.some(
      ({ table, address, count }) =>
        table === asked?.table && address === asked.address && count === asked.count,
    );
  }
  if (form === 'snmp') {
    const asked = askedObjects(request)?.join(' ');
    return (questions.gets ?? []).some((objects) => objects.join(' ') === asked);
  }
  return (questions.asks ?? []).includes(textOf(request));
}

/** What an answer to one of those questions tells, or the fault by which it does not. Never throws. */
export function decodeIdentity(
  profile: Profile,
  exchange: Exchange,
  instrument: DecodedInstrument,
): IdentityOrFault {
  if (exchange.fault !== undefined) return { fault: exchange.fault };
  if (isModbus(profile)) return decodeModbusIdentity(profile, exchange);
  if (isSnmp(profile)) return decodeSnmpIdentity(profile, exchange, instrument.part);
  if (isHttpJson(profile)) return jsonIdentity(profile, exchange, instrument.topic);
  return isScpi(profile) ? lineIdentity(profile, exchange) : { fault: 'decode.malformed' };
}

/** IEEE 488.2 §10.14. */
const WHO = '*IDN?';

const identityPaths = (profile: HttpJsonProfile, topic: string): readonly string[] => [
  ...new Set(profile.identify.map(({ suffix }) => fullTopic(topic, suffix))),
];

function jsonIdentity(
  profile: HttpJsonProfile,
  exchange: Exchange,
  topic: string,
): IdentityOrFault {
  const parsed = parseJson(exchange.reply);
  if (parsed === undefined) return { fault: 'decode.malformed' };
  const path = textOf(exchange.request);
  return profile.identify
    .filter(({ suffix }) => fullTopic(topic, suffix) === path)
    .flatMap((identity) => {
      const field = fieldAt(parsed.json, identity.path);
      if (typeof field !== 'string' && typeof field !== 'number') return [];
      const text = printable(new TextEncoder().encode(String(field).slice(0, 100)));
      return [readingOf(identity, text)];
    });
}

function lineIdentity({ identify }: ScpiProfile, exchange: Exchange): IdentityOrFault {
  const fields = fieldsOf(exchange.reply);
  if (fields.length === 0) return { fault: 'decode.malformed' };
  return identify.flatMap((identity) => {
    const text = fields[identity.field];
    return text === undefined ? [] : [readingOf(identity, text)];
  });
}
