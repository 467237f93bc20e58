// Which rows of a long recording the clock search looks at. Only edges carry the offset, so a bounded number of short
// stretches around the largest ones is enough, spread over the whole time so that the rate is seen as well.
import type { MeterRows } from './meter-rows.ts';

/** More rows than this add nothing that the best of them do not show: 20,000 s at 1 Hz hold hundreds of edges. */
const ROWS_COUNT_MAX = 20_000;
const STRETCH_ROWS_COUNT = 100;
/** Each of these parts of the time gives its share, so that no busy day speaks for a year. */
const PARTS_COUNT = 20;

/** The rows themselves where there are few; else whole stretches of them, in order. */
export function edgeRows(rows: MeterRows, mostCount = ROWS_COUNT_MAX): MeterRows {
  const count = rows.meanW.length;
  if (count <= mostCount) return rows;
  const stretchesCount = Math.ceil(count / STRETCH_ROWS_COUNT);
  const swing = new Float64Array(stretchesCount);
  for (let row = 1; row < count; row++) {
    const stretch = Math.floor(row / STRETCH_ROWS_COUNT);
    if (row % STRETCH_ROWS_COUNT === 0) continue;
    swing[stretch] =
      (swing[stretch] ?? 0) + ((rows.meanW[row] ?? 0) - (rows.meanW[row - 1] ?? 0)) ** 2;
  }
  const perPart = Math.max(1, Math.floor(mostCount / STRETCH_ROWS_COUNT / PARTS_COUNT));
  const chosen: number[] = [];
  for (let part = 0; part < PARTS_COUNT; part++) {
    const from = Math.floor((part * stretchesCount) / PARTS_COUNT);
    const until = Math.floor(((part + 1) * stretchesCount) / PARTS_COUNT);
    const own = Array.from({ length: until - from }, (_, index) => from + index);
    own.sort((a, b) => (swing[b] ?? 0) - (swing[a] ?? 0) || a - b);
    chosen.push(...own.slice(0, perPart).sort((a, b) => a - b));
  }
  const kept = new Float64Array(chosen.length * STRETCH_ROWS_COUNT);
  let filled = 0;
  for (const stretch of chosen) {
    const until = Math.min(count, (stretch + 1) * STRETCH_ROWS_COUNT);
    for (let row = stretch * STRETCH_ROWS_COUNT; row < until; row++) kept[filled++] = row;
  }
  return pickRows(rows, kept.subarray(0, filled));
}

/** Some of the rows, in the order of their places. */
export function pickRows(rows: MeterRows, places: Float64Array): MeterRows {
  const pick = (column: Float64Array): Float64Array =>
    Float64Array.from(places, (place) => column[place] ?? 0);
  return {
    originNs: rows.originNs,
    fromS: pick(rows.fromS),
    untilS: pick(rows.untilS),
    meanW: pick(rows.meanW),
  };
}
