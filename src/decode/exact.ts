// Exact numbers: a register times a decimal scale times an energy unit is a whole count of microjoules, or a fraction of
// two integers that is rounded once, at the end. Doubles would lose counts from 2 502 kWh on.
import assert from 'node:assert/strict';
import { microjoules, type Microjoules } from '../quantity/units.ts';
import type { EnergyUnit } from './profile-words.ts';

/** numerator / denominator; the denominator is positive. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** µJ in one unit of energy. */
export const UNIT_UJ: Readonly<Record<EnergyUnit, bigint>> = {
  uJ: 1n,
  mJ: 1_000n,
  J: 1_000_000n,
  mWh: 3_600_000n,
  Wh: 3_600_000_000n,
  kWh: 3_600_000_000_000n,
  MWh: 3_600_000_000_000_000n,
};

export const whole = (count: bigint): Fraction => ({ numerator: count, denominator: 1n });

export const times = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});

export const over = (a: Fraction, b: Fraction): Fraction => {
  assert(b.numerator > 0n, 'divided by what is not positive');
  return { numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator };
};

export const isLess = (a: Fraction, b: Fraction): boolean =>
  a.numerator * b.denominator < b.numerator * a.denominator;

/** To the nearest integer, halves away from zero. */
export function rounded(fraction: Fraction): bigint {
  const { numerator, denominator } = fraction;
  const magnitude = numerator < 0n ? -numerator : numerator;
  const nearest = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -nearest : nearest;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/** The exact value of a decimal text such as `-12.50` or `1e-7`; undefined where it is none, or absurdly long. */
export function decimalFraction(text: string): Fraction | undefined {
  if (text.length > 64) return undefined;
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, integer = '', decimals = '', exponent = '0'] = match;
  const digits = BigInt(integer + decimals) * (sign === '-' ? -1n : 1n);
  const power = Number(exponent) - decimals.length;
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

/** The decimal that a double prints as: what the author of a profile, or a device, wrote. The double must be finite. */
export function printedFraction(printed: number): Fraction {
  const fraction = decimalFraction(String(printed));
  assert(fraction, 'a finite number prints as a decimal');
  return fraction;
}

/** The exact binary value of a double. It must be finite. */
export function binaryFraction(double: number): Fraction {
  assert(Number.isFinite(double), 'not a finite number');
  const step = stepExponent(double, 64);
  // Every double is a whole number of its own steps, below 2^53 of them: dividing by a power of two is exact.
  return step >= 0
    ? { numerator: BigInt(double), denominator: 1n }
    : { numerator: BigInt(double / 2 ** step), denominator: 1n << BigInt(-step) };
}

/** Distance to the next representable float of that size (IEEE 754 binary32 or binary64), as a fraction. */
export function floatStep(double: number, bits: 32 | 64): Fraction {
  const step = stepExponent(double, bits);
  return step >= 0
    ? whole(1n << BigInt(step))
    : { numerator: 1n, denominator: 1n << BigInt(-step) };
}

/** Binary exponent of that distance. */
function stepExponent(double: number, bits: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, double);
  const exponent = ((view.getUint16(0) >> 4) & 0x7ff) - 1023;
  return bits === 32 ? Math.max(exponent - 23, -149) : Math.max(exponent - 52, -1074);
}

/** Rounds to whole µJ. */
export const toMicrojoules = (amount: Fraction, unit: EnergyUnit): Microjoules =>
  microjoules(rounded(times(amount, whole(UNIT_UJ[unit]))));
