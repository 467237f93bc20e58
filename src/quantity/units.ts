// Units as types: a bare number never crosses a room boundary. Energy that is counted is exact (µJ as bigint,
// since a safe integer ends at 2 502 kWh); energy that is estimated is a double in joules. SI Brochure 9, §2.3.

declare const unit: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [unit]: Name };

/** Exact energy. 1 kWh = 3.6e12 µJ. */
export type Microjoules = Branded<bigint, 'µJ'>;
/** Estimated energy, for interpolation and statistics; never for what is billed. */
export type Joules = Branded<number, 'J'>;
export type Watts = Branded<number, 'W'>;

export const microjoules = (energyUj: bigint): Microjoules => energyUj as Microjoules;
export const joules = (energyJ: number): Joules => energyJ as Joules;
export const watts = (powerW: number): Watts => powerW as Watts;

/** µJ in one kWh. */
export const KWH_UJ = 3_600_000_000_000n;
/** µJ in one J. */
export const J_UJ = 1_000_000n;

/** Rounds a double in joules to whole µJ, half away from zero. The double must be finite. */
export function joulesToMicrojoules(energyJ: Joules): Microjoules {
  if (!Number.isFinite(energyJ)) throw new RangeError('energy is not finite');
  // Math.round takes -0.5 to 0: rounding the magnitude is what makes a step and its reverse cancel. Whole joules go over
  // exactly as bigint; only the remainder is scaled in floating point.
  const magnitudeJ = Math.abs(energyJ);
  const wholeJ = Math.trunc(magnitudeJ);
  const restUj = Math.round((magnitudeJ - wholeJ) * 1e6);
  const magnitudeUj = BigInt(wholeJ) * J_UJ + BigInt(restUj);
  return microjoules(energyJ < 0 ? -magnitudeUj : magnitudeUj);
}
