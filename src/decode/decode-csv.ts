// A line of neutral CSV (`time,source,quantity,value`) becomes an observation. The stamp is the instrument's own, so the
// window ends there; how far it reaches back is the profile's to say. Energy is read as an exact decimal.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Channel, Observation } from '../quantity/observation.ts';
import { instantNs, parseInstant, type TimeWindow } from '../quantity/time.ts';
import { microjoules } from '../quantity/units.ts';
import { decimalFraction, rounded, times, toMicrojoules, whole } from './exact.ts';
import { textOf } from './json-field.ts';
import type { Profile } from './profile.ts';
import { reachNs, receivedWindow } from './reading-window.ts';
import { canBe } from './unit-scale.ts';

const LINE_BYTES_MAX = 4096;

/** Never throws. `topic` is the source column, or what stands before its first slash, or empty for every source. */
export function decodeCsv(
  profile: Profile,
  exchange: Exchange,
  topic: string,
): readonly Observation[] {
  const { source } = exchange;
  const received = receivedWindow(exchange, reachNs({}, profile.limits));
  const gap = (
    fault: FaultCode,
    channel: Channel = 'power_active',
    component = '',
    window: TimeWindow = received,
  ): readonly Observation[] => [{ kind: 'gap', channel, fault, source, component, window }];
  if (exchange.fault !== undefined) return gap(exchange.fault);
  if (exchange.reply.length > LINE_BYTES_MAX) return gap('transport.oversize');
  const line = textOf(exchange.reply).replace(/\r?\n$/, '');
  // The header names the columns; it reads nothing.
  if (line === 'time,source,quantity,value') return [];
  const [time = '', named = '', quantity, said = '', ...rest] = line.split(',');
  const component = componentOf(named, topic);
  const channel = quantity === 'energy_j' ? 'energy_import' : 'power_active';
  if (rest.length > 0 || component === undefined) return gap('decode.malformed');
  if (quantity !== 'energy_j' && quantity !== 'power_w') return gap('decode.malformed');
  const stamp = parseInstant(time);
  if (stamp === undefined) return gap('decode.malformed', channel, component);
  const read = profile.reads.find((known) => known.channel === channel);
  const window: TimeWindow = {
    notBeforeNs: instantNs(stamp - reachNs(read ?? {}, profile.limits)),
    notAfterNs: stamp,
  };
  if (/^[+-]?(nan|inf(inity)?)$/i.test(said))
    return gap('decode.not-a-number', channel, component, window);
  const amount = decimalFraction(said);
  if (amount === undefined) return gap('decode.malformed', channel, component, window);
  const where = { source, component, window };
  if (quantity === 'power_w') {
    const reading = Number(said);
    if (!canBe('power_active', reading))
      return gap('decode.out-of-range', channel, component, window);
    return [{ kind: 'gauge', channel: 'power_active', reading, ...where }];
  }
  const energyUj = toMicrojoules(amount, 'J');
  if (energyUj < 0n) return gap('decode.out-of-range', channel, component, window);
  const stepUj = rounded(times(whole(1_000_000n), lastDigit(said)));
  const quantumUj = microjoules(stepUj > 0n ? stepUj : 1n);
  return [
    {
      kind: 'counter',
      channel: 'energy_import',
      energyUj,
      quantumUj,
      wrapsAtUj: undefined,
      epoch: '',
      ...where,
    },
  ];
}

/** What one count of the last printed digit is worth. */
function lastDigit(decimal: string): { numerator: bigint; denominator: bigint } {
  const [mantissa = '', exponent = '0'] = decimal.toLowerCase().split('e');
  const power = Number(exponent) - (mantissa.split('.')[1]?.length ?? 0);
  return decimalFraction(`1e${String(power)}`) ?? whole(1n);
}

function componentOf(named: string, topic: string): string | undefined {
  if (named === '') return undefined;
  if (topic === '') return named;
  if (named === topic) return '';
  return named.startsWith(`${topic}/`) ? named.slice(topic.length + 1) : undefined;
}
