// What one round of a robust fit needs of a day: the residuals of its rows are looked at once, and only rows beyond
// Huber's bound, about one in six, are touched again. The sums over all rows are known already.
import type { DayRows } from './day-rows.ts';
import {
  addProducts,
  BLOCK_ROWS,
  mirror,
  paddedColumns,
  PART_ROWS,
  residualsOf,
} from './row-loops.ts';

/** How rows beyond the bound enter: by Huber's weights, or as a step of Newton's method on Huber's loss. */
export type Treatment = 'reweigh' | 'newton';

export interface DayRound {
  readonly day: DayRows;
  /** One per column of chips. */
  readonly slopes: Float64Array;
  /** Wall power with all chips at 0 W, the level of this day included, W. */
  readonly constantW: number;
  readonly boundW: number;
  readonly treatment: Treatment;
  /** Every so-manieth row's residual is handed back for the scale. */
  readonly probeStride: number;
}

export interface DayWeighed {
  /**
   * Sums of products of v [1, cells..., sign] over the rows beyond the bound: v² = 1 - Huber's weight, or 1 for Newton.
   * `sign` is that of the residual. A square of `paddedColumns(terms + 3)`.
   */
  readonly beyond: Float64Array;
  readonly beyondCount: number;
  /** Sum of squares of residuals cut at the bound. */
  readonly cutW2: number;
  /** For parts of a day that are longer and longer (`PART_LENGTHS`): sums of squared sums of cut residuals over rows. */
  readonly partsW2: Float64Array;
  readonly partsCount: Int32Array;
  /** Magnitudes of every `probeStride`-th residual. */
  readonly probesW: Float64Array;
}

/** Minutes to four hours at 1 s, in parts of `PART_ROWS` rows. */
export const PART_LENGTHS = [1, 4, 15, 60, 240] as const;

export function weighDay(round: DayRound): DayWeighed {
  const { day, boundW } = round;
  const termsCount = round.slopes.length;
  const squareCount = paddedColumns(termsCount + 3);
  const beyond = new Float64Array(squareCount ** 2);
  const columns = new Float64Array(squareCount * BLOCK_ROWS);
  const residuals = new Float64Array(BLOCK_ROWS);
  const rowsBeyond = new Int32Array(BLOCK_ROWS);
  const probesW = new Float64Array(Math.ceil(day.count / round.probeStride));
  const partSums = new Float64Array(Math.ceil(day.count / PART_ROWS));
  const constant = constantOn(day, round.slopes, round.constantW);
  let probesCount = 0;
  let nextProbe = 0;
  let beyondCount = 0;
  let cutW2 = 0;
  for (let from = 0; from < day.count; from += BLOCK_ROWS) {
    const rowsCount = Math.min(BLOCK_ROWS, day.count - from);
    residualsOf(day.cells, day.stride, from, rowsCount, round.slopes, constant, residuals);
    let found = 0;
    for (let start = 0; start < rowsCount; start += PART_ROWS) {
      const until = Math.min(start + PART_ROWS, rowsCount);
      let sum = 0;
      let squares = 0;
      for (let row = start; row < until; row++) {
        const residual = residuals[row] ?? 0;
        if (residual > boundW) {
          rowsBeyond[found++] = row;
          sum += boundW;
        } else if (residual < -boundW) {
          rowsBeyond[found++] = row;
          sum -= boundW;
        } else {
          sum += residual;
          squares += residual * residual;
        }
      }
      partSums[(from + start) / PART_ROWS] = sum;
      cutW2 += squares;
    }
    for (; nextProbe < from + rowsCount; nextProbe += round.probeStride) {
      probesW[probesCount++] = Math.abs(residuals[nextProbe - from] ?? 0);
    }
    gather(round, from, residuals, rowsBeyond, found, columns);
    addProducts(columns, squareCount, found, beyond);
    beyondCount += found;
  }
  mirror(beyond, squareCount);
  return {
    beyond,
    beyondCount,
    cutW2: cutW2 + beyondCount * boundW * boundW,
    ...partsOf(partSums, Math.floor(day.count / PART_ROWS)),
    probesW,
  };
}

/** The constant of a residual that is taken from cells instead of powers. */
export function constantOn(day: DayRows, slopes: Float64Array, constantW: number): number {
  let constant = constantW - (day.levelsW[slopes.length] ?? 0);
  for (let column = 0; column < slopes.length; column++) {
    constant += (slopes[column] ?? 0) * (day.levelsW[column] ?? 0);
  }
  return constant;
}

/** Puts the rows beyond the bound side by side, times v, with the sign of their residual as the last column. */
function gather(
  round: DayRound,
  from: number,
  residuals: Float64Array,
  rowsBeyond: Int32Array,
  found: number,
  columns: Float64Array,
): void {
  const { day, boundW } = round;
  const termsCount = round.slopes.length;
  const signAt = (termsCount + 2) * BLOCK_ROWS;
  const isNewton = round.treatment === 'newton';
  for (let index = 0; index < found; index++) {
    const residual = residuals[rowsBeyond[index] ?? 0] ?? 0;
    const scale = isNewton ? 1 : Math.sqrt(1 - boundW / Math.abs(residual));
    columns[index] = scale;
    columns[signAt + index] = residual > 0 ? scale : -scale;
  }
  for (let column = 0; column <= termsCount; column++) {
    gatherColumn(
      day.cells,
      column * day.stride + from,
      rowsBeyond,
      found,
      columns,
      (column + 1) * BLOCK_ROWS,
    );
  }
}

function gatherColumn(
  cells: Float32Array,
  at: number,
  rowsBeyond: Int32Array,
  found: number,
  columns: Float64Array,
  into: number,
): void {
  for (let index = 0; index < found; index++) {
    columns[into + index] = (columns[index] ?? 0) * (cells[at + (rowsBeyond[index] ?? 0)] ?? 0);
  }
}

function partsOf(
  partSums: Float64Array,
  wholeCount: number,
): { readonly partsW2: Float64Array; readonly partsCount: Int32Array } {
  const partsW2 = new Float64Array(PART_LENGTHS.length);
  const partsCount = new Int32Array(PART_LENGTHS.length);
  PART_LENGTHS.forEach((length, which) => {
    let squares = 0;
    let count = 0;
    for (let from = 0; from + length <= wholeCount; from += length) {
      let sum = 0;
      for (let part = from; part < from + length; part++) sum += partSums[part] ?? 0;
      squares += sum * sum;
      count++;
    }
    partsW2[which] = squares / (length * PART_ROWS);
    partsCount[which] = count;
  });
  return { partsW2, partsCount };
}
