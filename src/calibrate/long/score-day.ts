// How far parameters that were found on other days are off on this one, part by part: what a held-back check counts.
import { constantOn } from './weigh-day.ts';
import type { DayRows } from './day-cells.ts';
import { BLOCK_ROWS, PART_ROWS, residualsOf } from './row-loops.ts';

export interface DayToScore {
  readonly day: DayRows;
  readonly slopes: Float64Array;
  readonly constantW: number;
}

export interface DayScore {
  /** Sum over rows of metered minus predicted power, W times rows. */
  readonly errorW: number;
  /** Sum over whole parts of `PART_ROWS` rows of their squared mean error, W². */
  readonly partsW2: number;
  readonly partsCount: number;
}

export function scoreDay({ day, slopes, constantW }: DayToScore): DayScore {
  const residuals = new Float64Array(BLOCK_ROWS);
  const constant = constantOn(day, slopes, constantW);
  let errorW = 0;
  let partsW2 = 0;
  let partsCount = 0;
  for (let from = 0; from < day.count; from += BLOCK_ROWS) {
    const rowsCount = Math.min(BLOCK_ROWS, day.count - from);
    residualsOf(day.cells, day.strideCount, from, rowsCount, slopes, constant, residuals);
    for (let start = 0; start < rowsCount; start += PART_ROWS) {
      const until = Math.min(start + PART_ROWS, rowsCount);
      let sum = 0;
      for (let row = start; row < until; row++) sum += residuals[row] ?? 0;
      errorW += sum;
      if (until - start < PART_ROWS) continue;
      partsW2 += (sum / PART_ROWS) ** 2;
      partsCount++;
    }
  }
  return { errorW, partsW2, partsCount };
}
