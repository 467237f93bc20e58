// What the wall does beside the gains: it follows chip power late (fans), its conductors and regulators lose more once the
// load has warmed them, and supplies lose with the square of the load. Each is an energy series made from the chips' total, so
// that any window has its exact mean.
import type { EnergySeries } from '../align/energy-series.ts';
import type { CorrectionShape } from '../quantity/correction.ts';
import type { GainPrior } from './chip-terms.ts';

export type Shape =
  | { readonly kind: 'slow'; readonly tauS: number }
  | { readonly kind: 'warm'; readonly tauS: number; readonly scaleW: number }
  | { readonly kind: 'square'; readonly scaleW: number };

/**
 * Time constants that a fit may choose from, s: from a fan controller's step to a heat sink's warm-up. The residual is
 * flat around the best one, so doublings are close enough.
 */
const TAU_S = [10, 20, 40, 80, 160, 320] as const;
const SCALE_W = 1000;

export const CANDIDATE_SHAPES: readonly Shape[] = [
  ...TAU_S.map((tauS) => ({ kind: 'slow', tauS }) as const),
  ...TAU_S.map((tauS) => ({ kind: 'warm', tauS, scaleW: SCALE_W }) as const),
  { kind: 'square', scaleW: SCALE_W },
];

/**
 * What physics says of a shape's coefficient; never negative. Slow: fans are up to 15 % of a server, and a part of them
 * follows the load. Warm and square: losses in conductors are at most some 10 % of the load at full load (80 PLUS Titanium
 * to Bronze), and copper that warms by 50 K has a fifth more of them.
 */
export function shapePrior(shape: Shape, topW: number): GainPrior {
  switch (shape.kind) {
    case 'slow':
      return { lowerRatio: 0, meanRatio: 0, sdRatio: 0.1 };
    case 'warm':
    case 'square':
      return { lowerRatio: 0, meanRatio: 0, sdRatio: (0.1 * shape.scaleW) / Math.max(topW, 1) };
  }
}

/** The shape that a term of a model multiplies. */
export function shapeOf(term: CorrectionShape): Shape {
  switch (term.kind) {
    case 'slow':
      return { kind: term.kind, tauS: term.tauS };
    case 'warm':
      return { kind: term.kind, tauS: term.tauS, scaleW: term.scaleW };
    case 'square':
      return { kind: term.kind, scaleW: term.scaleW };
  }
}

/** The series of a shape over total chip power. Its energy may fall: a slow state gives back what it took. */
export function shapedSeries(total: EnergySeries, shape: Shape): EnergySeries {
  const { atS, coveredS } = total;
  const energyJ = new Float64Array(atS.length);
  const powerW = (knot: number): number => {
    const lengthS = (coveredS[knot] ?? 0) - (coveredS[knot - 1] ?? 0);
    const stepJ = (total.energyJ[knot] ?? 0) - (total.energyJ[knot - 1] ?? 0);
    return lengthS > 0 ? stepJ / lengthS : 0;
  };
  const tauS = shape.kind === 'square' ? 0 : shape.tauS;
  let stateW = startingW(total, tauS);
  let lastW = stateW;
  let holeS = 0;
  for (let knot = 1; knot < atS.length; knot++) {
    const lengthS = (atS[knot] ?? 0) - (atS[knot - 1] ?? 0);
    const covered = (coveredS[knot] ?? 0) - (coveredS[knot - 1] ?? 0);
    energyJ[knot] = energyJ[knot - 1] ?? 0;
    if (covered < 0.5 * lengthS) {
      holeS += lengthS;
      continue;
    }
    const nowW = powerW(knot);
    if (shape.kind === 'square') {
      energyJ[knot] = (energyJ[knot - 1] ?? 0) + (nowW * nowW * covered) / shape.scaleW;
      continue;
    }
    if (holeS > 0) {
      // Across a hole the chips are taken to have run at the mean of its two sides.
      stateW = relax(stateW, (lastW + nowW) / 2, holeS, tauS);
      holeS = 0;
    }
    const nextW = relax(stateW, nowW, lengthS, tauS);
    // The state z follows τ z' = P - z, so that the integral of z - P over a step is τ (z before - z after).
    const behindJ = tauS * (stateW - nextW);
    const weight = shape.kind === 'warm' ? nowW / shape.scaleW : 1;
    energyJ[knot] = (energyJ[knot - 1] ?? 0) + weight * behindJ;
    stateW = nextW;
    lastW = nowW;
  }
  return { originNs: total.originNs, atS, energyJ, coveredS };
}

const relax = (stateW: number, towardsW: number, lengthS: number, tauS: number): number =>
  towardsW + (stateW - towardsW) * Math.exp(-lengthS / tauS);

/** Before the first sample nobody looked: the state starts at the mean of the first time constant. */
function startingW(total: EnergySeries, tauS: number): number {
  const firstS = total.coveredS[0] ?? 0;
  for (let knot = 1; knot < total.atS.length; knot++) {
    const coveredS = (total.coveredS[knot] ?? 0) - firstS;
    if (coveredS >= tauS || knot === total.atS.length - 1) {
      const energyJ = (total.energyJ[knot] ?? 0) - (total.energyJ[0] ?? 0);
      return coveredS > 0 ? energyJ / coveredS : 0;
    }
  }
  return 0;
}

/** Late states followed block by block while a service runs; blocks are of even power and follow each other. */
export class LateStates {
  readonly #stateW = new Map<number, number>();

  /** After a hole nobody knows: the next block begins in its own steady state. */
  reset(): void {
    this.#stateW.clear();
  }

  /** Mean of each shape over the next block, W. */
  advance(shapes: readonly Shape[], powerW: number, lengthS: number): readonly number[] {
    const behindW = new Map<number, number>();
    const lateOf = (tauS: number): number => {
      const known = behindW.get(tauS);
      if (known !== undefined) return known;
      const beforeW = this.#stateW.get(tauS) ?? powerW;
      const afterW = relax(beforeW, powerW, lengthS, tauS);
      this.#stateW.set(tauS, afterW);
      const lateW = (tauS * (beforeW - afterW)) / lengthS;
      behindW.set(tauS, lateW);
      return lateW;
    };
    return shapes.map((shape) => {
      switch (shape.kind) {
        case 'slow':
          return lateOf(shape.tauS);
        case 'warm':
          return (powerW * lateOf(shape.tauS)) / shape.scaleW;
        case 'square':
          return (powerW * powerW) / shape.scaleW;
      }
    });
  }
}
