// How sure a least-squares fit of windows is, from its own residual: summed over blocks longer than the residual remembers,
// so that neither autocorrelation nor noisy edges make the uncertainty too small, and widened where few edges carry it.
import { productOf, solvePositive } from './window-residual.ts';

export interface FitEvidence {
  /** Covariance of the free parameters, row by row; Infinity for one that the rows do not show. */
  readonly covariance: Float64Array;
  /** How many independent pieces of evidence carry the first parameter: of one sharp edge alone it is 1. */
  readonly edgesCount: number;
  /** How many rows carry the parameter that the fewest carry: a step between two rows is carried by one. */
  readonly carryingRowsCount: number;
  /** Rows that the residual is remembered for. */
  readonly memoryRowsCount: number;
}

/** Blocks of rows are not longer than this part of all: fewer would tell no scatter. */
const BLOCKS_COUNT_MIN = 12;

/**
 * Covariance by the larger of two measures: scores summed over blocks (White 1980 for clusters), and scores under the
 * autocovariance of the residual as a whole. `slopes` are W per unit of each parameter, gains and levels taken out.
 */
export function evidenceOf(slopes: readonly Float64Array[], residualW: Float64Array): FitEvidence {
  const memory = memoryOf(residualW);
  const { curvature, size } = curvatureOf(slopes);
  const inverse = inverseOf(curvature, size);
  const rowsCount = residualW.length;
  const blockRows = Math.max(
    1,
    Math.min(Math.ceil(2 * memory.rowsCount), Math.floor(rowsCount / BLOCKS_COUNT_MIN)),
  );
  const meat = new Float64Array(size * size);
  let weight = 0;
  let weightSquares = 0;
  for (let from = 0; from < rowsCount; from += blockRows) {
    const until = Math.min(rowsCount, from + blockRows);
    const scores = slopes.map((slope) =>
      productOf(slope.subarray(from, until), residualW.subarray(from, until)),
    );
    const [first] = slopes;
    const own = first ? productOf(first.subarray(from, until), first.subarray(from, until)) : 0;
    weight += own;
    weightSquares += own * own;
    scores.forEach((one, i) => {
      scores.forEach((other, j) => {
        meat[i * size + j] = (meat[i * size + j] ?? 0) + one * other;
      });
    });
  }
  const edgesCount = weightSquares > 0 ? (weight * weight) / weightSquares : 0;
  // Few edges scatter less than they should: each parameter takes one of them up.
  const small = Math.max(1, edgesCount) / Math.max(0.5, edgesCount - size);
  const covariance = between(inverse, meat, size).map((each) => small * each);
  const least = between(inverse, rememberedMeat(slopes, residualW, memory.lagsCount), size);
  widen(covariance, least, inverse, size);
  const carryingRowsCount = Math.min(...slopes.map(carriersOf));
  return { covariance, edgesCount, carryingRowsCount, memoryRowsCount: memory.rowsCount };
}

export function curvatureOf(slopes: readonly Float64Array[]): {
  curvature: Float64Array;
  size: number;
} {
  const size = slopes.length;
  const curvature = new Float64Array(size * size);
  slopes.forEach((one, i) => {
    slopes.forEach((other, j) => {
      curvature[i * size + j] = productOf(one, other);
    });
  });
  return { curvature, size };
}

/** As many rows of equal weight would be as concentrated: (sum of squares)² over the sum of fourth powers. */
function carriersOf(slope: Float64Array): number {
  const squares = slope.map((each) => each * each);
  const total = productOf(slope, slope);
  const fourth = productOf(squares, squares);
  return fourth > 0 ? (total * total) / fourth : 0;
}

/** inverse x meat x inverse. */
function between(inverse: Float64Array, meat: Float64Array, size: number): Float64Array {
  const product = (one: Float64Array, other: Float64Array): Float64Array =>
    one.map((_, place) => {
      const row = Math.floor(place / size);
      const column = place % size;
      let sum = 0;
      for (let k = 0; k < size; k++) {
        sum += (one[row * size + k] ?? 0) * (other[k * size + column] ?? 0);
      }
      return sum;
    });
  return product(product(inverse, meat), inverse);
}

/**
 * Variance of the scores if the residual were equally noisy everywhere and remembered itself as it does on the whole:
 * sum over lags of its autocovariance times that of the slopes. It also speaks where one edge carries everything.
 */
function rememberedMeat(
  slopes: readonly Float64Array[],
  residualW: Float64Array,
  lagsCount: number,
): Float64Array {
  const size = slopes.length;
  const meat = new Float64Array(size * size);
  const count = residualW.length;
  let present = 0;
  for (const each of residualW) if (!Number.isNaN(each)) present++;
  const lagged = (one: Float64Array, other: Float64Array, lag: number): number =>
    productOf(one.subarray(lag), other.subarray(0, count - lag));
  for (let lag = 0; lag <= lagsCount; lag++) {
    const noise = lagged(residualW, residualW, lag) / Math.max(1, present);
    slopes.forEach((one, i) => {
      slopes.forEach((other, j) => {
        const shape =
          lag === 0 ? productOf(one, other) : lagged(one, other, lag) + lagged(other, one, lag);
        meat[i * size + j] = (meat[i * size + j] ?? 0) + noise * shape;
      });
    });
  }
  return meat;
}

/** No variance below that of the second measure; correlations stay. A parameter without any curvature is unknown. */
function widen(
  covariance: Float64Array,
  least: Float64Array,
  inverse: Float64Array,
  size: number,
): void {
  const factors = Array.from({ length: size }, (_, i) => {
    const own = covariance[i * size + i] ?? 0;
    const other = least[i * size + i] ?? 0;
    if (!((inverse[i * size + i] ?? 0) > 0)) return Infinity;
    return own >= other ? 1 : Math.sqrt(other / Math.max(own, 1e-30));
  });
  covariance.forEach((each, place) => {
    const i = Math.floor(place / size);
    const j = place % size;
    const factor = (factors[i] ?? 1) * (factors[j] ?? 1);
    covariance[place] = Number.isFinite(factor) ? each * factor : i === j ? Infinity : 0;
  });
}

function inverseOf(matrix: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const unit = new Float64Array(size);
    unit[column] = 1;
    solvePositive(matrix, unit).forEach((each, row) => {
      inverse[row * size + column] = each;
    });
  }
  return inverse;
}

/** Integrated autocorrelation time of the residual in rows, by the first lags that are clearly above 0; at least 1. */
function memoryOf(residualW: Float64Array): { rowsCount: number; lagsCount: number } {
  const variance = productOf(residualW, residualW);
  let rowsCount = 1;
  if (!(variance > 0)) return { rowsCount, lagsCount: 0 };
  const most = Math.floor(residualW.length / BLOCKS_COUNT_MIN);
  for (let lag = 1; lag < most; lag++) {
    const ratio =
      productOf(residualW.subarray(lag), residualW.subarray(0, residualW.length - lag)) / variance;
    if (ratio < 0.05) return { rowsCount, lagsCount: lag - 1 };
    rowsCount += 2 * ratio;
  }
  return { rowsCount, lagsCount: Math.max(0, most - 1) };
}
