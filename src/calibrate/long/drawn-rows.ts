// Rows of a long history as a report draws them: means over some minutes, so that a year of them is at hand. A fit is judged
// by its gates on all rows; these are for people, who see no single seconds in a year.
import { BLOCK_ROWS, PART_ROWS } from './row-loops.ts';
import type { DayRows } from './day-cells.ts';
import type { Rows } from '../rows.ts';

/** A year of tenths of an hour; beyond, rows are drawn longer. */
const DRAWN_COUNT_MAX = 100_000;

/** Each day is a run. Parts of `PART_ROWS` rows, or of whole blocks where that would be too many. */
export function drawnRows(days: readonly DayRows[], termsCount: number): Rows {
  const rowsCount = days.reduce((sum, day) => sum + day.count, 0);
  const partRows = rowsCount / PART_ROWS <= DRAWN_COUNT_MAX ? PART_ROWS : BLOCK_ROWS;
  const parts = days.flatMap((day, run) =>
    partsOf(day, partRows).map((part) => ({ day, run, part })),
  );
  const columnOf = (column: number): Float64Array =>
    Float64Array.from(parts, ({ day, part }) => meanOf(day, column, part));
  return {
    count: parts.length,
    meterW: columnOf(termsCount),
    chipW: Array.from({ length: termsCount }, (_, column) => columnOf(column)),
    sourceW: [],
    shapeW: [],
    conditions: [],
    lengthS: Float64Array.from(parts, ({ part }) => part.coveredS),
    atS: Float64Array.from(parts, ({ day, part }) => Number(day.originNs) / 1e9 + part.middleS),
    run: Int32Array.from(parts, ({ run }) => run),
    runsCount: days.length,
    application: new Int32Array(parts.length).fill(-1),
    applications: [],
  };
}

interface Part {
  /** Rows [from, until). */
  readonly from: number;
  readonly until: number;
  readonly coveredS: number;
  /** Seconds after the origin; where rows fell out of a block, as if they had fallen out evenly. */
  readonly middleS: number;
}

function partsOf({ blocks }: DayRows, partRows: number): readonly Part[] {
  const parts: Part[] = [];
  blocks.fromS.forEach((blockFromS, block) => {
    const blockFrom = blocks.from[block] ?? 0;
    const rowsCount = (blocks.from[block + 1] ?? blockFrom) - blockFrom;
    const lengthS = (blocks.untilS[block] ?? 0) - blockFromS;
    for (let from = 0; from < rowsCount; from += partRows) {
      const until = Math.min(rowsCount, from + partRows);
      parts.push({
        from: blockFrom + from,
        until: blockFrom + until,
        coveredS: ((blocks.coveredS[block] ?? 0) * (until - from)) / rowsCount,
        middleS: blockFromS + (lengthS * (from + until)) / 2 / rowsCount,
      });
    }
  });
  return parts;
}

function meanOf(day: DayRows, column: number, { from, until }: Part): number {
  let sum = 0;
  const at = column * day.strideCount;
  for (let row = from; row < until; row++) sum += day.cells[at + row] ?? 0;
  return (day.levelsW[column] ?? 0) + sum / (until - from);
}
