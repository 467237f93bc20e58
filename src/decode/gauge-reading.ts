// A gauge: a double in the unit of its channel, finite and possible, or the reason why there is none.
import type { FaultCode } from '../quantity/fault.ts';
import type { GaugeChannel } from '../quantity/observation.ts';
import type { ReadUnit } from './profile-words.ts';
import { canBe, multipleFor } from './unit-scale.ts';
import { printedFraction } from './exact.ts';

export interface GaugeMeaning {
  readonly channel: GaugeChannel;
  readonly unit: ReadUnit;
  readonly scale?: { readonly by: number } | undefined;
  readonly range?: readonly [number, number] | undefined;
}

export type GaugeOrFault = { readonly reading: number } | { readonly fault: FaultCode };

/** `raw` is what the register or field holds; the range of the profile is in the profile's unit, after its scale. */
export function gaugeReading(raw: number, meaning: GaugeMeaning): GaugeOrFault {
  if (!Number.isFinite(raw)) return { fault: 'decode.not-a-number' };
  const factors = factorsOf(meaning);
  if (factors === undefined) return { fault: 'decode.malformed' };
  const scaled = (raw * factors.scaleTimes) / factors.scaleOver;
  const [lowest, highest] = meaning.range ?? [-Infinity, Infinity];
  const reading = (scaled * factors.unitTimes) / factors.unitOver;
  if (scaled < lowest || scaled > highest || !canBe(meaning.channel, reading))
    return { fault: 'decode.out-of-range' };
  // Negative zero is a sign without a size: nobody downstream should meet it.
  return { reading: reading === 0 ? 0 : reading };
}

/** Multiplications and divisions by integers: 1234 x 0.01 then reads 12.34, as the device means it. */
interface Factors {
  readonly scaleTimes: number;
  readonly scaleOver: number;
  readonly unitTimes: number;
  readonly unitOver: number;
}

const known = new WeakMap<GaugeMeaning, Factors>();

function factorsOf(meaning: GaugeMeaning): Factors | undefined {
  const before = known.get(meaning);
  if (before) return before;
  const multiple = multipleFor(meaning.channel, meaning.unit);
  if (multiple === undefined) return undefined;
  const scale = printedFraction(meaning.scale?.by ?? 1);
  const factors = {
    scaleTimes: Number(scale.numerator),
    scaleOver: Number(scale.denominator),
    unitTimes: multiple.times,
    unitOver: multiple.over,
  };
  known.set(meaning, factors);
  return factors;
}
