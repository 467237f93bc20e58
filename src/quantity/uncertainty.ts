// Uncertainty after the GUM (JCGM 100:2008): standard uncertainties by part, degrees of freedom by Welch-Satterthwaite
// (G.4), and the coverage factor k = t(ν_eff) for 95.45 %. Parts are kept apart because they add differently over time.
import type { Joules } from './units.ts';
import { joules } from './units.ts';

/** Standard uncertainties of an energy, by how they add over adjoining intervals. */
export interface UncertaintyParts {
  /** Systematic (class of the meter, gain of the model): adds linearly over time. */
  readonly systematicJ: Joules;
  /** Independent from interval to interval: adds in quadrature. */
  readonly independentJ: Joules;
  /** Of the two outer edges (resolution, timing): telescopes, so inner edges cancel. */
  readonly edgeJ: Joules;
  /** Degrees of freedom of the systematic part; Infinity where it is of type B. The other parts count as well known. */
  readonly dof: number;
}

export const NO_UNCERTAINTY: UncertaintyParts = {
  systematicJ: joules(0),
  independentJ: joules(0),
  edgeJ: joules(0),
  dof: Infinity,
};

/** Combined standard uncertainty, J. */
export const combinedJ = (parts: UncertaintyParts): Joules =>
  joules(Math.hypot(parts.systematicJ, parts.independentJ, parts.edgeJ));

/**
 * Effective degrees of freedom of the whole (Welch-Satterthwaite, GUM G.4.1): only the systematic part has few, so they
 * count in full where it dominates, as over long times, and for little where it does not.
 */
export function effectiveDof(parts: UncertaintyParts): number {
  if (!Number.isFinite(parts.dof) || parts.systematicJ <= 0) return Infinity;
  return parts.dof * (combinedJ(parts) / parts.systematicJ) ** 4;
}

/** Expanded uncertainty U = k u for 95.45 %, J. */
export const expandedJ = (parts: UncertaintyParts): Joules =>
  joules(coverageFactor(effectiveDof(parts)) * combinedJ(parts));

/** Student's t quantile for two-sided 95.45 %; 2 from 50 degrees of freedom up (GUM table G.2). */
export function coverageFactor(dof: number): number {
  if (dof >= 50) return 2;
  const whole = Math.max(1, Math.floor(dof));
  return T_95_45[whole - 1] ?? 2;
}

// t quantiles for p = 95.45 % at ν = 1 ... 49 (GUM table G.2; the untabled ones from the same distribution).
const T_95_45: readonly number[] = [
  13.97, 4.53, 3.31, 2.87, 2.65, 2.52, 2.43, 2.37, 2.32, 2.28, 2.25, 2.23, 2.21, 2.2, 2.18, 2.17,
  2.16, 2.15, 2.14, 2.13, 2.13, 2.12, 2.11, 2.11, 2.11, 2.1, 2.1, 2.09, 2.09, 2.09, 2.08, 2.08,
  2.08, 2.08, 2.07, 2.07, 2.07, 2.07, 2.07, 2.06, 2.06, 2.06, 2.06, 2.06, 2.06, 2.06, 2.05, 2.05,
  2.05,
];
