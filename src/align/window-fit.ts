// Refines a trial of windows by least squares: offset, rate, delay or length move until the affine of the chips leaves the
// least of the meter unexplained.
import { curvatureOf, evidenceOf, type FitEvidence } from './fit-evidence.ts';
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

export interface WindowFit extends FitEvidence {
  readonly trial: readonly number[];
  /** In the order of the trial; 0 for parameters that were held. */
  readonly covariance: Float64Array;
  readonly residual: WindowResidual;
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
  const slopes = slopesAt(problem, trial, best, plan, free);
  const { covariance, ...evidence } = evidenceOf(slopes, best.residualW);
  const all = start.length;
  const spread = new Float64Array(all * all);
  free.forEach((one, i) => {
    free.forEach((other, j) => {
      spread[one * all + other] = covariance[i * free.length + j] ?? 0;
    });
  });
  return { trial, residual: best, covariance: spread, ...evidence };
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
