// A two-sided CUSUM of energy: what a residual brings above an allowance adds up, what it stays below takes off. It keeps
// where its present excursion began and what the mean has been since then, in a few numbers.

/** One false alarm in a hundred node-years of metering, by chance alone. */
export const BETWEEN_FALSE_S = 100 * 31_557_600;

export interface Excursion {
  readonly sign: 1 | -1;
  readonly sinceS: number;
  /** Mean of what was added since then, and the time that was covered. */
  readonly meanW: number;
  readonly coveredS: number;
}

interface Side {
  readonly sign: 1 | -1;
  sumJ: number;
  sinceS: number;
  energyJ: number;
  coveredS: number;
}

/**
 * The sum beyond which an excursion is no chance: noise with variance `noiseW2S` (W² s) that drifts by -`allowanceW`
 * reaches it once in `betweenFalseS` (Siegmund, Sequential Analysis, 1985: Brownian motion; both sides counted).
 */
export function decisionJ(noiseW2S: number, allowanceW: number, betweenFalseS: number): number {
  const rate = (2 * allowanceW ** 2) / noiseW2S;
  return (Math.log1p(2 * betweenFalseS * rate) * noiseW2S) / (2 * allowanceW);
}

export class TwoSidedSum {
  readonly #sides: readonly [Side, Side] = [emptySide(1), emptySide(-1)];

  /**
   * Adds a mean power over `lengthS`; what one piece may bring beyond the allowance is capped at `mostJ`, so that a single
   * wild piece proves nothing. Returns the excursion that has passed `decisionJ`, else undefined.
   */
  add(
    fromS: number,
    lengthS: number,
    meanW: number,
    rule: { readonly allowanceW: number; readonly decisionJ: number; readonly mostJ: number },
  ): Excursion | undefined {
    let passed: Excursion | undefined;
    for (const side of this.#sides) {
      const beyondJ = (side.sign * meanW - rule.allowanceW) * lengthS;
      const nextJ = side.sumJ + Math.min(beyondJ, rule.mostJ);
      if (nextJ <= 0) {
        Object.assign(side, emptySide(side.sign));
        continue;
      }
      if (side.sumJ === 0) side.sinceS = fromS;
      side.sumJ = nextJ;
      side.energyJ += meanW * lengthS;
      side.coveredS += lengthS;
      if (nextJ > rule.decisionJ) passed = excursionOf(side);
    }
    return passed;
  }

  /** Whether either side is above its allowance now. */
  underWay(): boolean {
    return this.#sides.some((side) => side.sumJ > 0);
  }

  reset(): void {
    for (const side of this.#sides) Object.assign(side, emptySide(side.sign));
  }
}

const emptySide = (sign: 1 | -1): Side => ({ sign, sumJ: 0, sinceS: 0, energyJ: 0, coveredS: 0 });

const excursionOf = (side: Side): Excursion => ({
  sign: side.sign,
  sinceS: side.sinceS,
  meanW: side.energyJ / side.coveredS,
  coveredS: side.coveredS,
});
