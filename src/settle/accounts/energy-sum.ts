// Energy of many intervals with its uncertainty: systematic parts add linearly, independent ones in quadrature, and of
// edges only the outer ones of each run of adjoining intervals count (docs/measurement-model.md §8).
import type { Quality } from '../../quantity/quality.ts';
import { type InstantNs, type Interval } from '../../quantity/time.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { joules } from '../../quantity/units.ts';

export class EnergySum {
  #energyUj = 0n;
  #systematicJ = 0;
  #independentVariance = 0;
  #edgeVariance = 0;
  #dof = Infinity;
  #openEdgeVariance = 0;
  #untilNs: InstantNs | undefined;
  readonly #byQuality = new Map<Quality, bigint>();

  /** Intervals come in the order of time. */
  add(
    interval: Interval,
    energyUj: bigint,
    { systematicJ, independentJ, edgeJ, dof }: UncertaintyParts,
    quality: Quality,
  ): void {
    this.#energyUj += energyUj;
    this.#systematicJ += systematicJ;
    this.#independentVariance += independentJ * independentJ;
    // Both edges of an interval are alike, so each has half of the variance.
    const edgeVariance = (edgeJ * edgeJ) / 2;
    if (this.#untilNs !== interval.fromNs) {
      this.#edgeVariance += this.#openEdgeVariance + edgeVariance;
    }
    this.#openEdgeVariance = edgeVariance;
    this.#untilNs = interval.untilNs;
    this.#dof = Math.min(this.#dof, dof);
    this.#byQuality.set(quality, (this.#byQuality.get(quality) ?? 0n) + energyUj);
  }

  get energyUj(): bigint {
    return this.#energyUj;
  }

  /** Energy by quality, in the order in which the qualities came. */
  get byQuality(): ReadonlyMap<Quality, bigint> {
    return this.#byQuality;
  }

  get parts(): UncertaintyParts {
    return {
      systematicJ: joules(this.#systematicJ),
      independentJ: joules(Math.sqrt(this.#independentVariance)),
      edgeJ: joules(Math.sqrt(this.#edgeVariance + this.#openEdgeVariance)),
      dof: this.#dof,
    };
  }
}

/** Of several meters: those of one make err alike (linear), their edges and their noise are each their own. */
export function combinedParts(sums: readonly UncertaintyParts[]): UncertaintyParts {
  const of = (part: 'independentJ' | 'edgeJ'): number =>
    Math.hypot(...sums.map((sum) => sum[part]));
  return {
    systematicJ: joules(sums.reduce((sum, { systematicJ }) => sum + systematicJ, 0)),
    independentJ: joules(of('independentJ')),
    edgeJ: joules(of('edgeJ')),
    dof: systematicDof(sums),
  };
}

/** Welch-Satterthwaite (GUM G.4.1) over the systematic parts: the others count as well known. */
function systematicDof(sums: readonly UncertaintyParts[]): number {
  const wholeJ = sums.reduce((sum, { systematicJ }) => sum + systematicJ, 0);
  const below = sums.reduce(
    (sum, { systematicJ, dof }) => sum + (Number.isFinite(dof) ? systematicJ ** 4 / dof : 0),
    0,
  );
  // Contributions that add linearly make the whole larger than Welch and Satterthwaite think, never the confidence.
  const fewest = Math.min(Infinity, ...sums.map(({ dof }) => dof));
  if (below === 0 || !Number.isFinite(fewest)) return Infinity;
  return Math.max(fewest, wholeJ ** 4 / below);
}
