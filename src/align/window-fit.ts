// Refines a trial of windows by Gauss-Newton and says how sure it is. The uncertainty is that of the data: summed over
// blocks longer than the residual remembers, so that neither autocorrelation nor noisy edges make it too small.
import {
  centreWithin,
  columnsAt,
  productOf,
  projectOut,
  residualAt,
  solvePositive,
  type WindowProblem,
  type WindowResidual,
} from './window-residual.ts';

export interface WindowFit {
  readonly trial: readonly number[];
  /** Covariance of the trial's parameters, row by row, in the order of the trial; 0 for those that were held. */
  readonly covariance: Float64Array;
  readonly residual: WindowResidual;
  /** How many independent pieces of evidence carry the parameters: of one sharp edge alone it is 1. */
  readonly edgesCount: number;
  /** Rows that a residual is remembered for. */
  readonly memoryRowsCount: number;
}

export interface WindowFitPlan {
  /** Half the distance of the numeric derivative, by parameter, in its own unit; 0 holds the parameter. */
  readonly reaches: readonly number[];
  /** Trials with fewer covered rows are out. */
  readonly rowsCountMin: number;
  /** Smallest and largest value by parameter. */
  readonly bounds?: readonly (readonly [number, number])[];
}

const ROUNDS_COUNT = 25;
const BLOCKS_COUNT_MIN = 12;

/** Levenberg-Marquardt from a start that lies in the valley; never worse than the start. */
export function fitWindows(
  problem: WindowProblem,
  start: readonly number[],
  plan: WindowFitPlan,
): WindowFit {
  const free = plan.reaches.flatMap((reach, index) => (reach > 0 ? [index] : []));
  let trial = [...start];
  let best = residualAt(problem, trial);
  let damping = 1e-3;
  for (let round = 0; round < ROUNDS_COUNT && free.length > 0; round++) {
    const slopes = slopesAt(problem, trial, best, plan, free);
    const step = stepOf(slopes, best.residualW, damping);
    const next = [...trial];
    let largest = 0;
    free.forEach((parameter, place) => {
      const reach = plan.reaches[parameter] ?? 1;
      const [low, high] = plan.bounds?.[parameter] ?? [-Infinity, Infinity];
      // A step beyond a few reaches leaves what the slope knows.
      const bounded = Math.max(-8 * reach, Math.min(8 * reach, step[place] ?? 0));
      const before = trial[parameter] ?? 0;
      next[parameter] = Math.max(low, Math.min(high, before + bounded));
      largest = Math.max(largest, Math.abs((next[parameter] ?? 0) - before) / reach);
    });
    if (largest < 1e-4) break;
    const tried = residualAt(problem, next);
    if (tried.rowsCount >= plan.rowsCountMin && tried.meanSquareW2 < best.meanSquareW2) {
      trial = next;
      best = tried;
      damping = Math.max(1e-9, damping / 5);
    } else {
      damping *= 8;
      if (damping > 1e9) break;
    }
  }
  return { trial, residual: best, ...evidenceOf(problem, trial, best, plan, free) };
}

/** What one unit of each free parameter does to the prediction, apart from what gains and levels can take up. */
function slopesAt(
  problem: WindowProblem,
  trial: readonly number[],
  at: WindowResidual,
  plan: WindowFitPlan,
  free: readonly number[],
): readonly Float64Array[] {
  return free.map((parameter) => {
    const reach = plan.reaches[parameter] ?? 1;
    const moved = (by: number): readonly number[] =>
      trial.map((each, index) => (index === parameter ? each + by : each));
    const low = columnsAt(problem, moved(-reach));
    const high = columnsAt(problem, moved(reach));
    const slope = new Float64Array(at.residualW.length);
    for (let row = 0; row < slope.length; row++) {
      const covered =
        (low.coveredRatio[row] ?? 0) > 0.9 &&
        (high.coveredRatio[row] ?? 0) > 0.9 &&
        !Number.isNaN(at.residualW[row]);
      let change = 0;
      at.gainRatios.forEach((gain, column) => {
        change += gain * ((high.columns[column]?.[row] ?? 0) - (low.columns[column]?.[row] ?? 0));
      });
      slope[row] = covered ? change / (2 * reach) : Number.NaN;
    }
    centreWithin(problem.level, slope, [slope]);
    projectOut(at.columns, slope);
    return slope;
  });
}

function stepOf(
  slopes: readonly Float64Array[],
  residualW: Float64Array,
  damping: number,
): Float64Array {
  const { curvature, size } = curvatureOf(slopes);
  const side = Float64Array.from(slopes, (slope) => productOf(slope, residualW));
  const damped = curvature.slice();
  for (let i = 0; i < size; i++) {
    damped[i * size + i] = (damped[i * size + i] ?? 0) * (1 + damping);
  }
  return solvePositive(damped, side);
}

function curvatureOf(slopes: readonly Float64Array[]): { curvature: Float64Array; size: number } {
  const size = slopes.length;
  const curvature = new Float64Array(size * size);
  slopes.forEach((one, i) => {
    slopes.forEach((other, j) => {
      curvature[i * size + j] = productOf(one, other);
    });
  });
  return { curvature, size };
}

function evidenceOf(
  problem: WindowProblem,
  trial: readonly number[],
  at: WindowResidual,
  plan: WindowFitPlan,
  free: readonly number[],
): Pick<WindowFit, 'covariance' | 'edgesCount' | 'memoryRowsCount'> {
  const all = plan.reaches.length;
  const covariance = new Float64Array(all * all);
  const memory = memoryOf(at.residualW);
  if (free.length === 0) return { covariance, edgesCount: 0, memoryRowsCount: memory.rowsCount };
  const slopes = slopesAt(problem, trial, at, plan, free);
  const { curvature, size } = curvatureOf(slopes);
  const inverse = inverseOf(curvature, size);
  const rowsCount = at.residualW.length;
  const blockRows = Math.max(
    1,
    Math.min(Math.ceil(2 * memory.rowsCount), Math.floor(rowsCount / BLOCKS_COUNT_MIN)),
  );
  const meat = new Float64Array(size * size);
  let weight = 0;
  let weightSquares = 0;
  for (let from = 0; from < rowsCount; from += blockRows) {
    const until = Math.min(rowsCount, from + blockRows);
    const scores = slopes.map((slope) => productOf(slope.subarray(from, until), at.residualW.subarray(from, until)));
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
  const scattered = between(inverse, meat, size);
  const remembered = between(inverse, rememberedMeat(slopes, at.residualW, memory.lagsCount), size);
  free.forEach((one, i) => {
    free.forEach((other, j) => {
      const place = i * size + j;
      covariance[one * all + other] = small * (scattered[place] ?? 0);
    });
  });
  widen(covariance, remembered, inverse, free, all);
  return { covariance, edgesCount, memoryRowsCount: memory.rowsCount };
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
  free: readonly number[],
  all: number,
): void {
  const size = free.length;
  const factors = free.map((parameter, i) => {
    const own = covariance[parameter * all + parameter] ?? 0;
    const other = least[i * size + i] ?? 0;
    if (!((inverse[i * size + i] ?? 0) > 0)) return Infinity;
    return own >= other ? 1 : Math.sqrt(other / Math.max(own, 1e-30));
  });
  free.forEach((one, i) => {
    free.forEach((other, j) => {
      const at = one * all + other;
      const factor = (factors[i] ?? 1) * (factors[j] ?? 1);
      const known = Number.isFinite(factor);
      covariance[at] = known ? (covariance[at] ?? 0) * factor : i === j ? Infinity : 0;
    });
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
