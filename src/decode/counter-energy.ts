// A count becomes exact energy: integers by count x scale x unit; floats and printed decimals first rounded to what the
// device can tell apart, its resolution or, where that is coarser, the step of its own float (design §5.3).
import type { FaultCode } from '../quantity/fault.ts';
import { microjoules, type Microjoules } from '../quantity/units.ts';
import {
  binaryFraction,
  floatStep,
  isLess,
  over,
  printedFraction,
  rounded,
  times,
  toMicrojoules,
  UNIT_UJ,
  whole,
  type Fraction,
} from './exact.ts';
import type { EnergyUnit } from './profile-words.ts';
import type { RegisterValue } from './register-value.ts';

/** What a profile says about a counter, as far as energy goes. */
export interface CounterMeaning {
  readonly unit: EnergyUnit;
  readonly means: 'total' | 'partial' | 'net';
  readonly resolution: number;
  readonly wraps: { readonly at: number } | 'unknown' | 'never' | 'max';
  readonly scale?: { readonly by: number } | undefined;
}

export interface Counted {
  readonly energyUj: Microjoules;
  readonly quantumUj: Microjoules;
}

export type CountedOrFault = Counted | { readonly fault: FaultCode };

/** 10 PWh: no meter has counted that far, but a wrong word order soon has. */
const CEILING_UJ = 10_000_000_000_000n * UNIT_UJ.Wh * 1_000n;

/** Energy of one register. A float may be of either width: `bits` says which, for the step it can resolve. */
export function countRegister(
  value: RegisterValue,
  bits: 32 | 64,
  meaning: CounterMeaning,
): CountedOrFault {
  const scale = scaleOf(meaning);
  if (value.is === 'integer') {
    const energyUj = toMicrojoules(times(whole(value.integer), scale), meaning.unit);
    return inRange({ energyUj, quantumUj: resolutionUj(meaning) }, meaning);
  }
  if (!Number.isFinite(value.float)) return { fault: 'decode.not-a-number' };
  const step = times(floatStep(value.float, bits), scale);
  return countFraction(times(binaryFraction(value.float), scale), step, meaning);
}

/** Energy of a decimal number as printed by a device; `printsFloat32` where it holds the count in a 32-bit float. */
export function countPrinted(
  printed: number,
  printsFloat32: boolean,
  meaning: CounterMeaning,
): CountedOrFault {
  if (!Number.isFinite(printed)) return { fault: 'decode.not-a-number' };
  const scale = scaleOf(meaning);
  const held = Math.fround(printed);
  if (printsFloat32 && Number.isFinite(held)) {
    const step = times(floatStep(held, 32), scale);
    if (isLess(printedFraction(meaning.resolution), step))
      return countFraction(times(binaryFraction(held), scale), step, meaning);
  }
  return countFraction(times(printedFraction(printed), scale), whole(0n), meaning);
}

/** Sums the parts of one counter (tariffs); each may be short by its own step. */
export function addCounts(parts: readonly Counted[]): Counted {
  return {
    energyUj: microjoules(parts.reduce((sum, part) => sum + part.energyUj, 0n)),
    quantumUj: microjoules(parts.reduce((sum, part) => sum + part.quantumUj, 0n)),
  };
}

/** Where the counter starts again at 0, in µJ, or undefined where the profile does not know it to wrap. */
export function wrapsAt(meaning: CounterMeaning): Microjoules | undefined {
  return typeof meaning.wraps === 'object'
    ? toMicrojoules(printedFraction(meaning.wraps.at), meaning.unit)
    : undefined;
}

/** The profile's resolution in µJ, at least 1. */
export function resolutionUj(meaning: Pick<CounterMeaning, 'resolution' | 'unit'>): Microjoules {
  const stepUj = toMicrojoules(printedFraction(meaning.resolution), meaning.unit);
  return stepUj > 0n ? stepUj : microjoules(1n);
}

function countFraction(amount: Fraction, step: Fraction, meaning: CounterMeaning): CountedOrFault {
  const resolution = printedFraction(meaning.resolution);
  if (isLess(resolution, step)) {
    const energyUj = toMicrojoules(amount, meaning.unit);
    return inRange({ energyUj, quantumUj: toMicrojoules(step, meaning.unit) }, meaning);
  }
  const count = rounded(over(amount, resolution));
  const energyUj = toMicrojoules(times(whole(count), resolution), meaning.unit);
  return inRange({ energyUj, quantumUj: resolutionUj(meaning) }, meaning);
}

function inRange(counted: Counted, meaning: CounterMeaning): CountedOrFault {
  const { energyUj } = counted;
  const wrapUj = wrapsAt(meaning);
  const tooLow = meaning.means === 'net' ? energyUj <= -CEILING_UJ : energyUj < 0n;
  const tooHigh = energyUj >= (wrapUj ?? CEILING_UJ);
  return tooLow || tooHigh ? { fault: 'decode.out-of-range' } : counted;
}

const scaleOf = (meaning: CounterMeaning): Fraction =>
  meaning.scale === undefined ? whole(1n) : printedFraction(meaning.scale.by);
