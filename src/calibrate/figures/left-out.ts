// Predictions of fits that did not see what they predict: by application, day, run or node. They are the harder and the
// honest check, since a fit flatters the rows that it was made from.
import type { Rows } from '../evidence-rows.ts';
import type { Span } from './spans.ts';

export interface LeftOutFold {
  readonly by: 'application' | 'day' | 'run' | 'node';
  readonly name: string;
  /** The rows that were left out of the fit. */
  readonly rows: Int32Array;
  /** What it then predicted for them, W, in the order of `rows`. */
  readonly predictedW: Float64Array;
}

/** One prediction per row by folds of one kind; rows that no fold left out have none. */
export interface LeftOutRows {
  readonly predictedW: Float64Array;
  readonly has: (span: Span) => boolean;
}

/** Undefined where no fold is of any of these kinds; the first kind that has folds is taken. */
export function leftOutRows(
  rows: Rows,
  folds: readonly LeftOutFold[],
  kinds: readonly LeftOutFold['by'][],
): LeftOutRows | undefined {
  const kind = kinds.find((each) => folds.some((fold) => fold.by === each));
  if (kind === undefined) return undefined;
  const predictedW = new Float64Array(rows.count);
  const known = new Uint8Array(rows.count);
  for (const fold of folds) {
    if (fold.by !== kind) continue;
    fold.rows.forEach((row, index) => {
      predictedW[row] = fold.predictedW[index] ?? 0;
      known[row] = 1;
    });
  }
  return {
    predictedW,
    has: ({ from, until }) => known.subarray(from, until).every((each) => each === 1),
  };
}
