// A weighted line through offsets over time, with or without one step in it.
import { solvePositive } from './window-residual.ts';

export interface OffsetPoint {
  /** Seconds from the pivot. */
  readonly atS: number;
  readonly offsetS: number;
  readonly uncertaintyS: number;
}

export interface OffsetLine {
  /** At the pivot; before the step where there is one. */
  readonly offsetS: number;
  readonly rateRatio: number;
  readonly rateUncertaintyRatio: number;
  readonly stepS: number;
  readonly stepUncertaintyS: number;
  /** Weighted squares over degrees of freedom: about 1 where the line explains the points. */
  readonly squaresPerDof: number;
  /** RMS distance of the points from the line. */
  readonly scatterS: number;
}

/** `stepAt`: the first point behind a step; without it there is none. Uncertainties are widened by what scatters. */
export function lineThrough(points: readonly OffsetPoint[], stepAt?: number): OffsetLine {
  const size = stepAt === undefined ? 2 : 3;
  const rowOf = (point: OffsetPoint, place: number): readonly number[] => {
    const weight = 1 / point.uncertaintyS;
    const line = [weight, weight * point.atS];
    return stepAt === undefined ? line : [...line, place >= stepAt ? weight : 0];
  };
  const matrix = new Float64Array(size * size);
  const side = new Float64Array(size);
  points.forEach((point, place) => {
    const row = rowOf(point, place);
    row.forEach((one, i) => {
      side[i] = (side[i] ?? 0) + (one * point.offsetS) / point.uncertaintyS;
      row.forEach((other, j) => {
        matrix[i * size + j] = (matrix[i * size + j] ?? 0) + one * other;
      });
    });
  });
  const found = solvePositive(matrix, side);
  let squares = 0;
  let plain = 0;
  points.forEach((point, place) => {
    const row = rowOf(point, place);
    const told = row.reduce((sum, each, i) => sum + each * (found[i] ?? 0), 0);
    const off = point.offsetS / point.uncertaintyS - told;
    squares += off * off;
    plain += (off * point.uncertaintyS) ** 2;
  });
  const squaresPerDof = squares / Math.max(1, points.length - size);
  const widen = Math.sqrt(Math.max(1, squaresPerDof));
  const uncertaintyOf = (parameter: number): number => {
    const unit = new Float64Array(size);
    unit[parameter] = 1;
    return widen * Math.sqrt(Math.max(0, solvePositive(matrix, unit)[parameter] ?? 0));
  };
  return {
    offsetS: found[0] ?? 0,
    rateRatio: found[1] ?? 0,
    rateUncertaintyRatio: uncertaintyOf(1),
    stepS: found[2] ?? 0,
    stepUncertaintyS: size === 3 ? uncertaintyOf(2) : 0,
    squaresPerDof,
    scatterS: Math.sqrt(plain / Math.max(1, points.length)),
  };
}
