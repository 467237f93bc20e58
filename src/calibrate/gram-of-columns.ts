// Plain least squares of few columns, for questions that are asked of the data before any model: a Gram without weights.
import { emptyGram, type Gram } from './bounded-regression.ts';

/** Sums of products of columns and an outcome; all of one length. */
export function gramOfColumns(
  columns: readonly ArrayLike<number>[],
  outcome: ArrayLike<number>,
): Gram {
  const size = columns.length;
  const gram = emptyGram(size);
  for (let row = 0; row < outcome.length; row++) {
    const y = outcome[row] ?? 0;
    gram.yy += y * y;
    columns.forEach((left, i) => {
      const x = left[row] ?? 0;
      gram.zy[i] = (gram.zy[i] ?? 0) + x * y;
      columns.forEach((right, j) => {
        gram.zz[i * size + j] = (gram.zz[i * size + j] ?? 0) + x * (right[row] ?? 0);
      });
    });
  }
  gram.weight = outcome.length;
  gram.rowsCount = outcome.length;
  return gram;
}
