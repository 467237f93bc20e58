// Bounded ridge regression on Gram matrices: the fit is a quadratic in few parameters, so bootstrap and cross-validation
// add and subtract Grams of chunks of rows and never touch the rows again.

/** Sums of w z z', w z y and w y² over rows; z = [1, x1 ... xk]. Row-major, (k+1)². */
export interface Gram {
  readonly size: number;
  readonly zz: Float64Array;
  readonly zy: Float64Array;
  yy: number;
  weight: number;
  rowsCount: number;
}

export const emptyGram = (size: number): Gram => ({
  size,
  zz: new Float64Array(size * size),
  zy: new Float64Array(size),
  yy: 0,
  weight: 0,
  rowsCount: 0,
});

export function addGram(into: Gram, other: Gram, times = 1): void {
  for (let cell = 0; cell < into.zz.length; cell++) {
    into.zz[cell] = (into.zz[cell] ?? 0) + times * (other.zz[cell] ?? 0);
  }
  for (let cell = 0; cell < into.zy.length; cell++) {
    into.zy[cell] = (into.zy[cell] ?? 0) + times * (other.zy[cell] ?? 0);
  }
  into.yy += times * other.yy;
  into.weight += times * other.weight;
  into.rowsCount += times * other.rowsCount;
}

/** Weighted sum of squared residuals of parameters over the rows of a Gram. */
export function squaredError(gram: Gram, parameters: Float64Array): number {
  let error = gram.yy;
  for (let row = 0; row < gram.size; row++) {
    const value = parameters[row] ?? 0;
    error -= 2 * value * (gram.zy[row] ?? 0);
    for (let column = 0; column < gram.size; column++) {
      error += value * (parameters[column] ?? 0) * (gram.zz[row * gram.size + column] ?? 0);
    }
  }
  return Math.max(0, error);
}

export interface Ridge {
  /** Lower bound of each parameter. */
  readonly lower: Float64Array;
  /** Where each parameter is pulled to, and how hard: 1 / sd². */
  readonly centre: Float64Array;
  readonly precision: Float64Array;
}

/**
 * Minimises squaredError / noise + sum of precision (β - centre)² under β >= lower, by an active set: solve, clamp what
 * is below its bound, free what the gradient pulls inwards, until nothing moves. `noiseW2` is the variance of one row
 * times its autocorrelation. Strictly convex as long as every parameter has data or a prior.
 */
export function solveBounded(gram: Gram, noiseW2: number, ridge: Ridge): Float64Array {
  const { size } = gram;
  const hessian = new Float64Array(size * size);
  const target = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      hessian[row * size + column] = (gram.zz[row * size + column] ?? 0) / noiseW2;
    }
    const precision = ridge.precision[row] ?? 0;
    hessian[row * size + row] = (hessian[row * size + row] ?? 0) + precision;
    target[row] = (gram.zy[row] ?? 0) / noiseW2 + precision * (ridge.centre[row] ?? 0);
  }
  const clamped = new Array<boolean>(size).fill(false);
  let solution = new Float64Array(size);
  for (let round = 0; round < 4 * size + 4; round++) {
    solution = solveFree(hessian, target, clamped, ridge.lower);
    let moved = false;
    for (let row = 0; row < size; row++) {
      if (!clamped[row] && (solution[row] ?? 0) < (ridge.lower[row] ?? -Infinity) - 1e-12) {
        clamped[row] = true;
        moved = true;
      }
    }
    if (moved) continue;
    let strongest = -1;
    let strongestPull = 1e-9;
    for (let row = 0; row < size; row++) {
      if (!clamped[row]) continue;
      let pull = target[row] ?? 0;
      for (let column = 0; column < size; column++) {
        pull -= (hessian[row * size + column] ?? 0) * (solution[column] ?? 0);
      }
      const scaled = pull / Math.sqrt(Math.max(hessian[row * size + row] ?? 1, 1e-300));
      if (scaled > strongestPull) {
        strongestPull = scaled;
        strongest = row;
      }
    }
    if (strongest < 0) break;
    clamped[strongest] = false;
  }
  return solution;
}

function solveFree(
  hessian: Float64Array,
  target: Float64Array,
  clamped: readonly boolean[],
  lower: Float64Array,
): Float64Array<ArrayBuffer> {
  const size = target.length;
  const free = [...target.keys()].filter((row) => clamped[row] !== true);
  const matrix = new Float64Array(free.length * free.length);
  const side = new Float64Array(free.length);
  free.forEach((row, i) => {
    let value = target[row] ?? 0;
    for (let column = 0; column < size; column++) {
      if (clamped[column] === true) {
        value -= (hessian[row * size + column] ?? 0) * (lower[column] ?? 0);
      }
    }
    side[i] = value;
    free.forEach((column, j) => {
      matrix[i * free.length + j] = hessian[row * size + column] ?? 0;
    });
  });
  const part = solveSymmetric(matrix, side);
  const solution = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    if (clamped[row] === true) solution[row] = lower[row] ?? 0;
  }
  free.forEach((row, i) => {
    solution[row] = part[i] ?? 0;
  });
  return solution;
}

/** Cholesky of a symmetric positive matrix, scaled to a unit diagonal first; a pivot of nearly 0 is held up. */
function solveSymmetric(matrix: Float64Array, side: Float64Array): Float64Array<ArrayBuffer> {
  const size = side.length;
  const scale = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    scale[row] = 1 / Math.sqrt(Math.max(matrix[row * size + row] ?? 0, 1e-300));
  }
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = (matrix[row * size + column] ?? 0) * (scale[row] ?? 0) * (scale[column] ?? 0);
      for (let inner = 0; inner < column; inner++) {
        sum -= (lower[row * size + inner] ?? 0) * (lower[column * size + inner] ?? 0);
      }
      lower[row * size + column] =
        row === column
          ? Math.sqrt(Math.max(sum, 1e-12))
          : sum / (lower[column * size + column] ?? 1);
    }
  }
  const solution = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    let sum = (side[row] ?? 0) * (scale[row] ?? 0);
    for (let inner = 0; inner < row; inner++) {
      sum -= (lower[row * size + inner] ?? 0) * (solution[inner] ?? 0);
    }
    solution[row] = sum / (lower[row * size + row] ?? 1);
  }
  for (let row = size - 1; row >= 0; row--) {
    let sum = solution[row] ?? 0;
    for (let inner = row + 1; inner < size; inner++) {
      sum -= (lower[inner * size + row] ?? 0) * (solution[inner] ?? 0);
    }
    solution[row] = sum / (lower[row * size + row] ?? 1);
  }
  for (let row = 0; row < size; row++) solution[row] = (solution[row] ?? 0) * (scale[row] ?? 0);
  return solution;
}

/** Inverse of a symmetric positive matrix, column by column. */
export function inverseSymmetric(matrix: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const unit = new Float64Array(size);
    unit[column] = 1;
    const solved = solveSymmetric(matrix, unit);
    for (let row = 0; row < size; row++) inverse[row * size + column] = solved[row] ?? 0;
  }
  return inverse;
}

/** z' C z, not below 0: the variance of a prediction at z. */
export function varianceAt(covariance: ArrayLike<number>, at: readonly number[]): number {
  let sum = 0;
  at.forEach((left, row) => {
    at.forEach((right, column) => {
      sum += left * (covariance[row * at.length + column] ?? 0) * right;
    });
  });
  return Math.max(0, sum);
}
