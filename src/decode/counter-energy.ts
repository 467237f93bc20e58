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
  const worked = workedOut(meaning);
  if (value.is === 'integer') {
    const energyUj =
      worked.countUj === undefined
        ? toMicrojoules(times(whole(value.integer), worked.scale), meaning.unit)
        : microjoules(value.integer * worked.countUj);
    return inRange({ energyUj, quantumUj: worked.resolutionUj }, worked);
  }
  if (!Number.isFinite(value.float)) return { fault: 'decode.not-a-number' };
  const step = times(floatStep(value.float, bits), worked.scale);
  return countFraction(times(binaryFraction(value.float), worked.scale), step, worked);
}

/** Energy of a decimal number as printed by a device; `printsFloat32` where it holds the count in a 32-bit float. */
export function countPrinted(
  printed: number,
  printsFloat32: boolean,
  meaning: CounterMeaning,
): CountedOrFault {
  if (!Number.isFinite(printed)) return { fault: 'decode.not-a-number' };
  const worked = workedOut(meaning);
  const held = Math.fround(printed);
  if (printsFloat32 && Number.isFinite(held)) {
    const step = times(floatStep(held, 32), worked.scale);
    if (isLess(worked.resolution, step))
      return countFraction(times(binaryFraction(held), worked.scale), step, worked);
  }
  return countFraction(times(printedFraction(printed), worked.scale), whole(0n), worked);
}

/** Energy of an exact amount in the unit of the meaning, of which the device shows steps of `step`. */
export const countExact = (
  amount: Fraction,
  step: Fraction,
  meaning: CounterMeaning,
): CountedOrFault => countFraction(amount, step, workedOut(meaning));

/** Sums the parts of one counter (tariffs); each may be short by its own step. */
export function addCounts(parts: readonly Counted[]): Counted {
  return {
    energyUj: microjoules(parts.reduce((sum, part) => sum + part.energyUj, 0n)),
    quantumUj: microjoules(parts.reduce((sum, part) => sum + part.quantumUj, 0n)),
  };
}

/** Where the counter starts again at 0, in µJ, or undefined where the profile does not know it to wrap. */
export const wrapsAt = (meaning: CounterMeaning): Microjoules | undefined =>
  workedOut(meaning).wrapUj;

/** The profile's resolution in µJ, at least 1. */
export const resolutionUj = (meaning: CounterMeaning): Microjoules =>
  workedOut(meaning).resolutionUj;

/** What follows from a meaning alone, worked out once: a site reads the same counters all day. */
interface WorkedOut {
  readonly meaning: CounterMeaning;
  readonly scale: Fraction;
  readonly resolution: Fraction;
  readonly resolutionUj: Microjoules;
  /** µJ per count of an integer register, where that is a whole number. */
  readonly countUj: bigint | undefined;
  readonly wrapUj: Microjoules | undefined;
}

const known = new WeakMap<CounterMeaning, WorkedOut>();

function workedOut(meaning: CounterMeaning): WorkedOut {
  const before = known.get(meaning);
  if (before) return before;
  const scale = meaning.scale === undefined ? whole(1n) : printedFraction(meaning.scale.by);
  const resolution = printedFraction(meaning.resolution);
  const stepUj = toMicrojoules(resolution, meaning.unit);
  const perCount = times(scale, whole(UNIT_UJ[meaning.unit]));
  const { wraps } = meaning;
  const worked: WorkedOut = {
    meaning,
    scale,
    resolution,
    resolutionUj: stepUj > 0n ? stepUj : microjoules(1n),
    countUj:
      perCount.numerator % perCount.denominator === 0n
        ? perCount.numerator / perCount.denominator
        : undefined,
    wrapUj:
      typeof wraps === 'object'
        ? toMicrojoules(printedFraction(wraps.at), meaning.unit)
        : undefined,
  };
  known.set(meaning, worked);
  return worked;
}

function countFraction(amount: Fraction, step: Fraction, worked: WorkedOut): CountedOrFault {
  const { meaning, resolution } = worked;
  if (isLess(resolution, step)) {
    const energyUj = toMicrojoules(amount, meaning.unit);
    return inRange({ energyUj, quantumUj: toMicrojoules(step, meaning.unit) }, worked);
  }
  // The resolution is a whole number of µJ (a house rule), so whole counts of it are exact.
  const count = rounded(over(amount, resolution));
  const energyUj = microjoules(count * worked.resolutionUj);
  return inRange({ energyUj, quantumUj: worked.resolutionUj }, worked);
}

function inRange(counted: Counted, { meaning, wrapUj }: WorkedOut): CountedOrFault {
  const { energyUj } = counted;
  const tooLow = meaning.means === 'net' ? energyUj <= -CEILING_UJ : energyUj < 0n;
  const tooHigh = energyUj >= (wrapUj ?? CEILING_UJ);
  return tooLow || tooHigh ? { fault: 'decode.out-of-range' } : counted;
}
