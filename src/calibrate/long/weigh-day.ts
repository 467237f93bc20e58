// What one round of a robust fit needs of a day: the residuals of its rows are looked at once, and only rows beyond
// Huber's bound, about one in six, are touched again. The sums over all rows are known already.
import { SAMPLED_BLOCKS, type DayRows } from './day-cells.ts';
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
  /** All rows, or the day's sample of them: enough to come near. */
  readonly rows: 'all' | 'sample';
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
  /**
   * For parts of a day that are longer and longer (`PART_LENGTHS`): sums of squared sums of cut residuals over rows. A
   * sample has no such parts.
   */
  readonly partsW2: Float64Array;
  readonly partsCount: Int32Array;
}

/** Minutes to four hours at 1 s, in parts of `PART_ROWS` rows. */
export const PART_LENGTHS = [1, 4, 15, 60, 240] as const;

export function weighDay(round: DayRound): DayWeighed {
  const { day, boundW } = round;
  const termsCount = round.slopes.length;
  const side = paddedColumns(termsCount + 3);
  const beyond = new Float64Array(side ** 2);
  const columns = new Float64Array(side * BLOCK_ROWS);
  const residuals = new Float64Array(BLOCK_ROWS);
  const rowsBeyond = new Int32Array(BLOCK_ROWS);
  const constant = constantOn(day, round.slopes, round.constantW);
  const isSample = round.rows === 'sample';
  const blocksCount = isSample
    ? Math.ceil(day.blocks.fromS.length / SAMPLED_BLOCKS)
    : Math.ceil(day.count / BLOCK_ROWS);
  const partSums = new Float64Array(blocksCount * (BLOCK_ROWS / PART_ROWS));
  const inside: Inside = { squaresW2: 0, beyondCount: 0 };
  for (let block = 0; block < blocksCount; block++) {
    const sampled = block * SAMPLED_BLOCKS;
    const from = isSample ? (day.blocks.from[sampled] ?? 0) : block * BLOCK_ROWS;
    const until = isSample
      ? (day.blocks.from[sampled + 1] ?? from)
      : Math.min(from + BLOCK_ROWS, day.count);
    const rowsCount = until - from;
    residualsOf(day.cells, day.strideCount, from, rowsCount, round.slopes, constant, residuals);
    const before = inside.beyondCount;
    for (let start = 0; start < rowsCount; start += PART_ROWS) {
      const found = inside.beyondCount - before;
      const part = (block * BLOCK_ROWS + start) / PART_ROWS;
      const end = Math.min(start + PART_ROWS, rowsCount);
      partSums[part] = sortPart(residuals, start, end, boundW, rowsBeyond, found, inside);
    }
    const found = inside.beyondCount - before;
    gather(round, from, residuals, rowsBeyond, found, columns);
    addProducts(columns, side, found, beyond);
  }
  mirror(beyond, side);
  return {
    beyond,
    beyondCount: inside.beyondCount,
    cutW2: inside.squaresW2 + inside.beyondCount * boundW * boundW,
    ...partsOf(partSums, isSample ? 0 : Math.floor(day.count / PART_ROWS)),
  };
}

interface Inside {
  squaresW2: number;
  beyondCount: number;
}

/** Sum of cut residuals over some rows; rows beyond the bound are noted from `found` on. */
function sortPart(
  residuals: Float64Array,
  from: number,
  until: number,
  boundW: number,
  rowsBeyond: Int32Array,
  found: number,
  inside: Inside,
): number {
  let sumW = 0;
  let squaresW2 = 0;
  let next = found;
  for (let row = from; row < until; row++) {
    const residual = residuals[row] ?? 0;
    if (residual > boundW) {
      rowsBeyond[next++] = row;
      sumW += boundW;
    } else if (residual < -boundW) {
      rowsBeyond[next++] = row;
      sumW -= boundW;
    } else {
      sumW += residual;
      squaresW2 += residual * residual;
    }
  }
  inside.squaresW2 += squaresW2;
  inside.beyondCount += next - found;
  return sumW;
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
      column * day.strideCount + from,
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
