// The yardstick of alignment: how well an affine of the chips' mean power explains the meter's, over windows whose place
// and length are on trial. Rows of one level share an intercept, so that what drifts slowly is not taken for an edge.
import { meansOver, secondsBetween, type EnergySeries } from './energy-series.ts';

/** Windows on the clock of the chips' first series, seconds after its origin; starts and ends each ascend. */
export interface TrialWindows {
  readonly fromS: Float64Array;
  readonly untilS: Float64Array;
}

export interface WindowProblem {
  /** One column of the affine each. */
  readonly chips: readonly [EnergySeries, ...EnergySeries[]];
  readonly meterW: Float64Array;
  /** Level of each row; ascending. */
  readonly level: Int32Array;
  readonly windowsAt: (trial: readonly number[]) => TrialWindows;
}

export interface WindowResidual {
  readonly rowsCount: number;
  /** Mean squared residual, W²; Infinity where fewer than three rows are covered. */
  readonly meanSquareW2: number;
  /** Variance of the meter over the same rows and within their levels, W². */
  readonly meterVarianceW2: number;
  /** Meter per chip, by column; all 0 where the meter does not rise with the chips. */
  readonly gainRatios: Float64Array;
  /** Centred columns and meter, row by row; NaN where a row is not covered. */
  readonly columns: readonly Float64Array[];
  readonly residualW: Float64Array;
}

/** Rows that the chips cover less than this do not count. */
const COVERED_RATIO_MIN = 0.95;
/** A level with fewer rows has nothing to say beside its own intercept. */
const LEVEL_ROWS_COUNT_MIN = 3;

/** Mean chip power over trial windows by column, and the least share of each window that all of them cover. */
export function columnsAt(
  problem: WindowProblem,
  trial: readonly number[],
): { readonly columns: readonly Float64Array[]; readonly coveredRatio: Float64Array } {
  const { fromS, untilS } = problem.windowsAt(trial);
  const [first] = problem.chips;
  const coveredRatio = new Float64Array(fromS.length).fill(1);
  const columns = problem.chips.map((series) => {
    const shiftS = secondsBetween(series.originNs, first.originNs);
    const moved = (edgesS: Float64Array): Float64Array =>
      shiftS === 0 ? edgesS : edgesS.map((edgeS) => edgeS + shiftS);
    const means = meansOver(series, moved(fromS), moved(untilS));
    for (let row = 0; row < coveredRatio.length; row++) {
      coveredRatio[row] = Math.min(coveredRatio[row] ?? 0, means.coveredRatio[row] ?? 0);
    }
    return means.meanW;
  });
  return { columns, coveredRatio };
}

export function residualAt(problem: WindowProblem, trial: readonly number[]): WindowResidual {
  const { columns, coveredRatio } = columnsAt(problem, trial);
  const residualW = problem.meterW.slice();
  for (let row = 0; row < residualW.length; row++) {
    if ((coveredRatio[row] ?? 0) < COVERED_RATIO_MIN) residualW[row] = Number.NaN;
  }
  const rowsCount = centreWithin(problem.level, residualW, [residualW, ...columns]);
  const size = columns.length;
  const meterW2 = productOf(residualW, residualW);
  if (rowsCount < 3) {
    return {
      rowsCount,
      meanSquareW2: Infinity,
      meterVarianceW2: 0,
      gainRatios: new Float64Array(size),
      columns,
      residualW,
    };
  }
  let gainRatios = projectOut(columns, residualW);
  // More chip power never means less at the wall: a single column that falls is no fit.
  if (size === 1 && (gainRatios[0] ?? 0) <= 0) {
    const [column] = columns;
    const gain = gainRatios[0] ?? 0;
    if (column) addScaled(residualW, column, gain);
    gainRatios = new Float64Array(1);
  }
  return {
    rowsCount,
    meanSquareW2: productOf(residualW, residualW) / rowsCount,
    meterVarianceW2: meterW2 / rowsCount,
    gainRatios,
    columns,
    residualW,
  };
}

/**
 * Takes the mean of each level off every column, in place; rows that are NaN in `marked`, or whose level has too few
 * others, become NaN in all of them. Gives how many rows are left.
 */
export function centreWithin(
  level: Int32Array,
  marked: Float64Array,
  columns: readonly Float64Array[],
): number {
  const rowsCount = level.length;
  const absent = new Uint8Array(rowsCount);
  let kept = 0;
  for (let from = 0; from < rowsCount;) {
    const own = level[from];
    let until = from;
    let count = 0;
    for (; until < rowsCount && level[until] === own; until++) {
      if (Number.isNaN(marked[until])) absent[until] = 1;
      else count++;
    }
    if (count < LEVEL_ROWS_COUNT_MIN) absent.fill(1, from, until);
    else kept += count;
    for (const column of columns) centre(column, absent, from, until);
    from = until;
  }
  return kept;
}

function centre(column: Float64Array, absent: Uint8Array, from: number, until: number): void {
  let sum = 0;
  let count = 0;
  for (let row = from; row < until; row++) {
    if (absent[row] === 1) continue;
    sum += column[row] ?? 0;
    count++;
  }
  const mean = count > 0 ? sum / count : 0;
  for (let row = from; row < until; row++) {
    column[row] = absent[row] === 1 ? Number.NaN : (column[row] ?? 0) - mean;
  }
}

/** Takes off `residual` what the columns explain of it, in place; gives the gains. Rows that are NaN do not count. */
export function projectOut(
  columns: readonly Float64Array[],
  residual: Float64Array,
): Float64Array<ArrayBuffer> {
  const size = columns.length;
  const gram = new Float64Array(size * size);
  const side = new Float64Array(size);
  columns.forEach((one, i) => {
    side[i] = productOf(one, residual);
    columns.forEach((other, j) => {
      if (j <= i) gram[i * size + j] = gram[j * size + i] = productOf(one, other);
    });
  });
  const gains = solvePositive(gram, side);
  columns.forEach((column, i) => {
    addScaled(residual, column, -(gains[i] ?? 0));
  });
  return gains;
}

export function productOf(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < one.length; row++) {
    const product = (one[row] ?? 0) * (other[row] ?? 0);
    if (!Number.isNaN(product)) sum += product;
  }
  return sum;
}

function addScaled(target: Float64Array, column: Float64Array, factor: number): void {
  for (let row = 0; row < target.length; row++) {
    target[row] = (target[row] ?? 0) + factor * (column[row] ?? 0);
  }
}

/**
 * Solves a small symmetric system by Cholesky on a unit diagonal. What is (nearly) a combination of earlier columns, or
 * constant, gets 0: it explains nothing beyond them.
 */
export function solvePositive(matrix: Float64Array, side: Float64Array): Float64Array<ArrayBuffer> {
  const size = side.length;
  const lower = new Float64Array(size * size);
  const scale = Float64Array.from(side, (_, i) => {
    const diagonal = matrix[i * size + i] ?? 0;
    return diagonal > 0 && Number.isFinite(diagonal) ? 1 / Math.sqrt(diagonal) : 0;
  });
  const solution = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = (matrix[row * size + column] ?? 0) * (scale[row] ?? 0) * (scale[column] ?? 0);
      for (let inner = 0; inner < column; inner++) {
        sum -= (lower[row * size + inner] ?? 0) * (lower[column * size + inner] ?? 0);
      }
      const pivot = lower[column * size + column] ?? 0;
      if (row === column) lower[row * size + row] = sum > 1e-10 ? Math.sqrt(sum) : 0;
      else lower[row * size + column] = pivot > 0 ? sum / pivot : 0;
    }
  }
  for (let row = 0; row < size; row++) {
    let sum = (side[row] ?? 0) * (scale[row] ?? 0);
    for (let inner = 0; inner < row; inner++) {
      sum -= (lower[row * size + inner] ?? 0) * (solution[inner] ?? 0);
    }
    const pivot = lower[row * size + row] ?? 0;
    solution[row] = pivot > 0 ? sum / pivot : 0;
  }
  for (let row = size - 1; row >= 0; row--) {
    let sum = solution[row] ?? 0;
    for (let inner = row + 1; inner < size; inner++) {
      sum -= (lower[inner * size + row] ?? 0) * (solution[inner] ?? 0);
    }
    const pivot = lower[row * size + row] ?? 0;
    solution[row] = pivot > 0 ? sum / pivot : 0;
  }
  return solution.map((each, row) => each * (scale[row] ?? 0));
}
