// Energy and gauges of OBIS entries, in the unit and scale that the meter itself sends. A meter without its PIN sends the
// same code in steps of 1 kWh: the step is taken from each frame, and the profile's resolution only makes it coarser.
import assert from 'node:assert/strict';
import type { FaultCode } from '../quantity/fault.ts';
import { GAUGE_UNITS } from '../quantity/observation.ts';
import { addCounts, type Counted, type CountedOrFault, countExact } from './counter-energy.ts';
import { type Fraction, over, printedFraction, times, UNIT_UJ, whole } from './exact.ts';
import { gaugeReading, type GaugeOrFault } from './gauge-reading.ts';
import type { ObisEntry } from './obis.ts';
import { ENERGY_UNITS, type EnergyUnit, READ_UNITS, type ReadUnit } from './profile-words.ts';
import type { ObisRead } from './push-profile.ts';
import { multipleFor } from './unit-scale.ts';

type Entries = ReadonlyMap<string, ObisEntry>;
type ObisCounter = Extract<ObisRead, { kind: 'counter' }>;
type ObisGauge = Extract<ObisRead, { kind: 'gauge' }>;
type AmountOrFault = { readonly amount: Fraction } | { readonly fault: FaultCode };

/** Energy of a code and of those that add up with it, whole µJ; all of them must be there. */
export function counterOf(read: ObisCounter, first: ObisEntry, entries: Entries): CountedOrFault {
  const parts: Counted[] = [];
  for (const entry of [first, ...(read.plus ?? []).map((code) => entries.get(code))]) {
    const part = entry === undefined ? { fault: 'decode.missing' as const } : count(read, entry);
    if ('fault' in part) return part;
    parts.push(part);
  }
  return addCounts(parts);
}

function count(read: ObisCounter, { digits, step: shown, unit }: ObisEntry): CountedOrFault {
  const said = energyUnit(unit === '' ? read.unit : unit);
  if (digits === undefined || said === undefined) return { fault: 'decode.malformed' };
  const scale = read.scale === undefined ? whole(1n) : printedFraction(read.scale.by);
  const perUnit = times(over(whole(UNIT_UJ[said]), whole(UNIT_UJ[read.unit])), scale);
  const step = times(shown, perUnit);
  return countExact(times(whole(digits), step), step, read);
}

/** A gauge in the unit of its channel. */
export function gaugeOf(read: ObisGauge, entry: ObisEntry, entries: Entries): GaugeOrFault {
  const forward = amountOf(read, entry);
  if ('fault' in forward) return forward;
  let { amount } = forward;
  if (read.minus !== undefined) {
    const other = entries.get(read.minus);
    if (other === undefined) return { fault: 'decode.missing' };
    const backward = amountOf(read, other);
    if ('fault' in backward) return backward;
    amount = difference(amount, backward.amount);
  }
  if (read.sign !== undefined) {
    const status = entries.get(read.sign.obis)?.status;
    if (status === undefined) return { fault: 'decode.missing' };
    const isNegative = ((status >> BigInt(read.sign.bit)) & 1n) === 1n;
    const { numerator, denominator } = amount;
    const magnitude = numerator < 0n ? -numerator : numerator;
    amount = { numerator: isNegative ? -magnitude : magnitude, denominator };
  }
  const [lowest, highest] = read.range ?? [-Infinity, Infinity];
  const shown = toDouble(over(amount, perUnit(read)));
  if (shown < lowest || shown > highest) return { fault: 'decode.out-of-range' };
  return gaugeReading(toDouble(amount), {
    channel: read.channel,
    unit: GAUGE_UNITS[read.channel],
  });
}

const toDouble = ({ numerator, denominator }: Fraction): number =>
  Number(numerator) / Number(denominator);

/** One unit of the read in the unit of its channel. */
function perUnit(read: ObisGauge): Fraction {
  const multiple = multipleFor(read.channel, read.unit);
  assert(multiple, 'a house rule of profiles');
  return { numerator: BigInt(multiple.times), denominator: BigInt(multiple.over) };
}

/** The amount in the unit of the channel. */
function amountOf(read: ObisGauge, entry: ObisEntry): AmountOrFault {
  const said = readUnit(entry.unit === '' ? read.unit : entry.unit);
  const from = said && multipleFor(read.channel, said);
  const digits = signedRight(read, entry);
  if (digits === undefined || from === undefined) return { fault: 'decode.malformed' };
  const scale = read.scale === undefined ? whole(1n) : printedFraction(read.scale.by);
  const unit: Fraction = { numerator: BigInt(from.times), denominator: BigInt(from.over) };
  const step = times(times(entry.step, unit), scale);
  return { amount: times(whole(digits), step) };
}

/** Some meters leave the leading zero byte of a positive value away, so that its highest bit looks like a sign. */
function signedRight(read: ObisGauge, entry: ObisEntry): bigint | undefined {
  const { digits, signedBytesCount } = entry;
  if (digits === undefined || digits >= 0n) return digits;
  const isUnsigned = signedBytesCount > 0 && signedBytesCount <= (read.unsigned_bytes ?? 0);
  return isUnsigned ? BigInt.asUintN(8 * signedBytesCount, digits) : digits;
}

const difference = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.denominator - b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});

const energyUnit = (unit: string): EnergyUnit | undefined =>
  ENERGY_UNITS.find((known) => known === unit);

const readUnit = (unit: string): ReadUnit | undefined => READ_UNITS.find((known) => known === unit);
