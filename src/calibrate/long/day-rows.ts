// One day of a long history as rows: mean power of meter and chips between common edges, after alignment. Rows are kept as
// 32-bit differences from a level of the day, in memory that workers share, with the sums of products that fits need.
import type { InstantNs } from '../../quantity/time.ts';
import {
  judgeCounter,
  lookAtStamps,
  type DayCounter,
  type JudgedCounter,
  type StampLook,
} from './day-counters.ts';
import { findEdges, findOwnEdges, pollsOf, sourceOf, type Source } from './edge-walk.ts';
import type { DayRows } from './day-cells.ts';
import { BLOCK_ROWS } from './row-loops.ts';
import { RowsBuilder } from './rows-builder.ts';

/** Where the chips' clock stands against the meter's on one day; an offset that drifts is given day by day. */
export interface DayClock {
  /** Chips later than the meter at the pivot, s. */
  readonly offsetS: number;
  readonly rateRatio: number;
  /** Seconds after the origin of the day. */
  readonly pivotS: number;
}

/** A source of chips and what it counts for: its energy is added to one column, or taken off from another as well. */
export interface DayChips {
  readonly counter: DayCounter;
  readonly addTo: readonly number[];
  readonly takeFrom: readonly number[];
}

export interface DayCounters {
  readonly originNs: InstantNs;
  /** Feeds whose sum is the wall; rows lie between the readings of the first. */
  readonly feeds: readonly DayCounter[];
  readonly chips: readonly DayChips[];
  /** Columns that the chips are summed into: the terms of the model. */
  readonly termsCount: number;
  readonly clock: DayClock;
  /** Rows are at least about this long, s. */
  readonly rowS: number;
}

/** A day to align, and where its rows go. */
export interface DayToAlign {
  readonly counters: DayCounters;
  /** At least `cellsCount(counters)` long, in memory that all workers share. */
  readonly cells: Float32Array;
}

/** Room for a row between all readings of the first feed. */
export const cellsCount = (day: DayCounters): number =>
  (day.termsCount + 1) * Math.max(0, (day.feeds[0]?.atS.length ?? 0) - 1);

const NONE = new Float64Array(0);

/** A row that is longer than so many of its usual lengths spans a hole of the meter. */
const ROW_LENGTH_RATIO = 2.5;

/** Aligns a day. Rows that an unknown step of any source touches are left out. */
export function rowsOfDay({ counters: day, cells }: DayToAlign): DayRows {
  const { termsCount, originNs } = day;
  const looks = new Map<Float64Array, StampLook>();
  const judge = (counter: DayCounter): JudgedCounter => {
    const look = looks.get(counter.atS) ?? lookAtStamps(counter.atS);
    looks.set(counter.atS, look);
    return judgeCounter(counter, originNs, look);
  };
  const feeds = day.feeds.map(judge);
  const chips = day.chips.map(({ counter }) => judge(counter));
  const [first] = feeds;
  const edgesS = first ? edgesOf(first, day.rowS, looks.get(first.atS)?.shortestS ?? 0) : NONE;
  const isEmpty = [...feeds, ...chips].some((counter) => counter.atS.length < 2);
  const sources = [
    ...feeds.map((counter) => sourceOf(counter, [termsCount], [])),
    ...chips.map((counter, index) =>
      sourceOf(counter, day.chips[index]?.addTo ?? [], day.chips[index]?.takeFrom ?? []),
    ),
  ];
  const polls = pollsOf(sources, feeds.length);
  const levelsW = levelsOf(sources, termsCount);
  // A source that read once or never leaves nothing known of the whole day.
  const strideCount = isEmpty ? 0 : Math.max(0, edgesS.length - 1);
  const builder = new RowsBuilder(termsCount, strideCount, levelsW, cells);
  const lengthS = Math.max(day.rowS, first?.periodS ?? 0) * ROW_LENGTH_RATIO;
  const movedS = new Float64Array(BLOCK_ROWS + 1);
  for (let from = 0; from < strideCount; from += BLOCK_ROWS) {
    const rowsCount = Math.min(BLOCK_ROWS, strideCount - from);
    const blockS = edgesS.subarray(from, from + rowsCount + 1);
    builder.begin(blockS, rowsCount, lengthS);
    moveEdges(blockS, day.clock, rowsCount + 1, movedS);
    for (const poll of polls) {
      if (poll.moved) findEdges(poll, movedS, rowsCount + 1);
      else if (poll.atS === edgesS) findOwnEdges(poll, from, rowsCount + 1);
      else findEdges(poll, blockS, rowsCount + 1);
      builder.add(poll, rowsCount);
    }
    builder.end(rowsCount);
  }
  return {
    ...builder.done(),
    originNs,
    flaws: [...feeds, ...chips].map((counter) => counter.flaws),
  };
}

/** Edges of the meter's clock as the chips' clock shows them. */
function moveEdges(
  edgesS: Float64Array,
  { offsetS, rateRatio, pivotS }: DayClock,
  edgesCount: number,
  movedS: Float64Array,
): void {
  for (let edge = 0; edge < edgesCount; edge++) {
    const atS = edgesS[edge] ?? 0;
    movedS[edge] = atS + offsetS + rateRatio * (atS - pivotS);
  }
}

/** Readings of the first feed at least a row apart; a little less counts as one, since polls jitter. */
function edgesOf(feed: JudgedCounter, rowS: number, shortestS: number): Float64Array {
  const { atS } = feed;
  const leastS = Math.max(0.75 * rowS, rowS - 0.5 * feed.periodS);
  if (shortestS >= leastS) return atS;
  const edgesS = new Float64Array(atS.length);
  let count = 0;
  let lastS = -Infinity;
  for (let index = 0; index < atS.length; index++) {
    const instantS = atS[index] ?? 0;
    if (instantS - lastS < leastS) continue;
    edgesS[count++] = instantS;
    lastS = instantS;
  }
  return edgesS.subarray(0, count);
}

/** Whole watts near the mean of each column over the day, so that differences from them are small. */
function levelsOf(sources: readonly Source[], termsCount: number): Float64Array {
  const levelsW = new Float64Array(termsCount + 1);
  for (const { counter, addTo, takeFrom } of sources) {
    const last = counter.atS.length - 1;
    const lengthS = (counter.atS[last] ?? 0) - (counter.atS[0] ?? 0);
    const meanW = ((counter.countJ[last] ?? 0) - (counter.countJ[0] ?? 0)) / lengthS;
    // Over a reset the ends of a day say nothing; then the level is 0 for this source, and cells are a little coarser.
    if (!(meanW > 0) || meanW === Infinity || counter.unknownCounts) continue;
    for (const column of addTo) levelsW[column] = (levelsW[column] ?? 0) + Math.round(meanW);
    for (const column of takeFrom) levelsW[column] = (levelsW[column] ?? 0) - Math.round(meanW);
  }
  return levelsW;
}
