// The answer of an analyzer becomes observations: numbers in one line of text, separated by commas, understood by the question
// that was asked (IEEE 488.2 §8.7: NR1, NR2, NR3 numeric response data; SCPI-99 §7.2.1: NAN and infinity).
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Observation } from '../quantity/observation.ts';
import { gaugeReading, type GaugeOrFault } from './gauge-reading.ts';
import { textOf } from './json-field.ts';
import { reachNs, receivedWindow } from './reading-window.ts';
import type { ScpiProfile } from './scpi-profile.ts';

const NUMBER = /^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})(E[+-]?\d{1,3})?$/i;
/** SCPI-99 §7.2.1.4 and §7.2.1.5: numbers that mean "not a number" and infinity, and the words for them. */
const NO_NUMBER_LEAST = 9.9e37;
const NO_NUMBER = /^[+-]?(NAN|INF|INFINITY)$/i;

/** Never throws. */
export function decodeScpi(profile: ScpiProfile, exchange: Exchange): readonly Observation[] {
  const { source } = exchange;
  const fields = fieldsOf(exchange.reply);
  const wrong: FaultCode | undefined =
    exchange.fault ??
    (fields.length === profile.speaks.fields && textOf(exchange.request) === profile.speaks.ask
      ? undefined
      : 'decode.malformed');
  return profile.reads.map((read) => {
    const window = receivedWindow(exchange, reachNs(read, profile.limits));
    const gauge: GaugeOrFault =
      wrong === undefined ? fieldReading(fields[read.field] ?? '', read) : { fault: wrong };
    const { channel } = read;
    const where = { channel, source, component: '', window };
    return 'fault' in gauge
      ? { kind: 'gap', ...where, fault: gauge.fault }
      : { kind: 'gauge', ...where, reading: gauge.reading };
  });
}

function fieldReading(text: string, read: ScpiProfile['reads'][number]): GaugeOrFault {
  if (NO_NUMBER.test(text)) return { fault: 'decode.not-a-number' };
  if (!NUMBER.test(text)) return { fault: 'decode.malformed' };
  const number = Number(text);
  return Math.abs(number) >= NO_NUMBER_LEAST
    ? { fault: 'decode.not-a-number' }
    : gaugeReading(number, read);
}

/** Fields of one whole line; none where it is not one. */
export function fieldsOf(reply: Uint8Array): readonly string[] {
  const line = textOf(reply);
  if (!/^[ -~]*\r?\n$/.test(line)) return [];
  return line
    .trim()
    .split(',')
    .map((field) => field.trim());
}
