// One day of a long history as rows: mean power of meter and chips between common edges, after alignment. Rows are kept as
// 32-bit differences from a level of the day, in memory that workers share, with the sums of products that fits need.
import type { SampleFlaws } from '../align/series-from-samples.ts';
import type { InstantNs } from '../quantity/time.ts';
import { judgeCounter, type DayCounter, type JudgedCounter } from './day-counters.ts';
import {
  addPower,
  energyAtEdges,
  findEdges,
  markUnknown,
  pollsOf,
  sourceOf,
  type Poll,
  type Source,
} from './edge-walk.ts';
import { addProducts, BLOCK_ROWS, mirror, paddedColumns, PART_ROWS } from './row-loops.ts';

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

/**
 * Rows of one day. `cells` has a column per term and then the meter, `stride` apart. A cell plus the level of its column is
 * mean power in W. A 32-bit difference from the level is off by at most 6e-8 of itself: 0.03 mW at 500 W, below the
 * quantum of any counter here over a second.
 */
export interface DayRows {
  readonly originNs: InstantNs;
  readonly cells: Float32Array;
  readonly stride: number;
  readonly count: number;
  readonly levelsW: Float64Array;
  /** Sums of products of [1, cells..., 0] over all rows, a square of `paddedColumns(terms + 3)`. */
  readonly products: Float64Array;
  readonly coveredS: number;
  /** From the start of the first to the end of the last row, seconds after the origin. */
  readonly fromS: number;
  readonly untilS: number;
  /** Lowest and highest mean chip power over `PART_ROWS` rows, W. */
  readonly lowestW: number;
  readonly highestW: number;
  /** Per feed, then per chip source. */
  readonly flaws: readonly SampleFlaws[];
}

/** A row that is longer than so many of its usual lengths spans a hole of the meter. */
const ROW_LENGTH_RATIO = 2.5;

/** Aligns a day. Rows that an unknown step of any source touches are left out. */
export function rowsOfDay(day: DayCounters): DayRows {
  const { termsCount, originNs } = day;
  const feeds = day.feeds.map((feed) => judgeCounter(feed, originNs));
  const chips = day.chips.map(({ counter }) => judgeCounter(counter, originNs));
  const [first] = feeds;
  const edgesS = first ? edgesOf(first, day.rowS) : new Float64Array(0);
  const sources = [
    ...feeds.map((counter) => sourceOf(counter, [termsCount], [])),
    ...chips.map((counter, index) =>
      sourceOf(counter, day.chips[index]?.addTo ?? [], day.chips[index]?.takeFrom ?? []),
    ),
  ];
  const polls = pollsOf(sources, feeds.length);
  const levelsW = levelsOf(sources, termsCount);
  const stride = Math.max(0, edgesS.length - 1);
  const builder = new RowsBuilder(termsCount, stride, levelsW);
  const lengthS = Math.max(day.rowS, first?.periodS ?? 0) * ROW_LENGTH_RATIO;
  const movedS = new Float64Array(BLOCK_ROWS + 1);
  for (let from = 0; from < stride; from += BLOCK_ROWS) {
    const rowsCount = Math.min(BLOCK_ROWS, stride - from);
    const blockS = edgesS.subarray(from, from + rowsCount + 1);
    builder.begin(blockS, rowsCount, lengthS);
    for (let edge = 0; edge <= rowsCount; edge++) {
      const atS = blockS[edge] ?? 0;
      movedS[edge] = atS + day.clock.offsetS + day.clock.rateRatio * (atS - day.clock.pivotS);
    }
    for (const poll of polls) {
      findEdges(poll, poll.moved ? movedS : blockS, rowsCount + 1);
      for (const source of poll.sources) {
        energyAtEdges(source.counter.countJ, poll, source.edgesJ, rowsCount + 1);
        builder.add(source, poll, rowsCount);
      }
    }
    builder.end(rowsCount);
  }
  return builder.done(
    originNs,
    [...feeds, ...chips].map((counter) => counter.flaws),
  );
}

/** Readings of the first feed at least a row apart; a little less counts as one, since polls jitter. */
function edgesOf(feed: JudgedCounter, rowS: number): Float64Array {
  const { atS } = feed;
  const leastS = Math.max(0.75 * rowS, rowS - 0.5 * feed.periodS);
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

/** Collects the rows of a day, block by block. */
class RowsBuilder {
  readonly #termsCount: number;
  readonly #stride: number;
  readonly #levelsW: Float64Array;
  readonly #cells: Float32Array;
  readonly #squareCount: number;
  readonly #products: Float64Array;
  /** Mean power of the rows of a block per column. */
  readonly #blockW: Float64Array;
  /** The kept rows of a block as columns of [1, cells..., 0]. */
  readonly #kept: Float64Array;
  readonly #perS = new Float64Array(BLOCK_ROWS);
  readonly #isKnown = new Uint8Array(BLOCK_ROWS);
  #edgesS: Float64Array = new Float64Array(0);
  #count = 0;
  #coveredS = 0;
  #fromS = Infinity;
  #untilS = -Infinity;
  #lowestW = Infinity;
  #highestW = -Infinity;

  constructor(termsCount: number, stride: number, levelsW: Float64Array) {
    this.#termsCount = termsCount;
    this.#stride = stride;
    this.#levelsW = levelsW;
    this.#cells = new Float32Array(new SharedArrayBuffer(4 * stride * (termsCount + 1)));
    this.#squareCount = paddedColumns(termsCount + 3);
    this.#products = new Float64Array(this.#squareCount ** 2);
    this.#blockW = new Float64Array((termsCount + 1) * BLOCK_ROWS);
    this.#kept = new Float64Array(this.#squareCount * BLOCK_ROWS);
    this.#kept.fill(1, 0, BLOCK_ROWS);
  }

  begin(edgesS: Float64Array, rowsCount: number, lengthS: number): void {
    this.#edgesS = edgesS;
    this.#blockW.fill(0);
    for (let row = 0; row < rowsCount; row++) {
      const rowS = (edgesS[row + 1] ?? 0) - (edgesS[row] ?? 0);
      this.#isKnown[row] = rowS <= lengthS ? 1 : 0;
      this.#perS[row] = 1 / rowS;
    }
  }

  add(source: Source, poll: Poll, rowsCount: number): void {
    const { edgesJ, counter } = source;
    for (const column of source.addTo) {
      addPower(edgesJ, this.#perS, this.#blockW, column * BLOCK_ROWS, rowsCount, 1);
    }
    for (const column of source.takeFrom) {
      addPower(edgesJ, this.#perS, this.#blockW, column * BLOCK_ROWS, rowsCount, -1);
    }
    markUnknown(poll.after, counter.unknownCounts, this.#isKnown, rowsCount);
  }

  end(rowsCount: number): void {
    const isKnown = this.#isKnown;
    let keptCount = 0;
    let coveredS = 0;
    for (let row = 0; row < rowsCount; row++) {
      if (isKnown[row] === 0) continue;
      const fromS = this.#edgesS[row] ?? 0;
      const untilS = this.#edgesS[row + 1] ?? 0;
      coveredS += untilS - fromS;
      this.#fromS = Math.min(this.#fromS, fromS);
      this.#untilS = Math.max(this.#untilS, untilS);
      keptCount++;
    }
    for (let column = 0; column <= this.#termsCount; column++) {
      keepColumn(
        this.#blockW,
        column * BLOCK_ROWS,
        isKnown,
        rowsCount,
        this.#levelsW[column] ?? 0,
        this.#cells,
        column * this.#stride + this.#count,
        this.#kept,
        (column + 1) * BLOCK_ROWS,
      );
    }
    addProducts(this.#kept, this.#squareCount, keptCount, this.#products);
    this.#noteRange(keptCount);
    this.#count += keptCount;
    this.#coveredS += coveredS;
  }

  #noteRange(keptCount: number): void {
    let levelW = 0;
    for (let column = 0; column < this.#termsCount; column++) levelW += this.#levelsW[column] ?? 0;
    for (let from = 0; from + PART_ROWS <= keptCount; from += PART_ROWS) {
      let sumW = 0;
      for (let column = 1; column <= this.#termsCount; column++) {
        const start = column * BLOCK_ROWS + from;
        for (let row = start; row < start + PART_ROWS; row++) sumW += this.#kept[row] ?? 0;
      }
      const meanW = levelW + sumW / PART_ROWS;
      this.#lowestW = Math.min(this.#lowestW, meanW);
      this.#highestW = Math.max(this.#highestW, meanW);
    }
  }

  done(originNs: InstantNs, flaws: readonly SampleFlaws[]): DayRows {
    mirror(this.#products, this.#squareCount);
    return {
      originNs,
      cells: this.#cells,
      stride: this.#stride,
      count: this.#count,
      levelsW: this.#levelsW,
      products: this.#products,
      coveredS: this.#coveredS,
      fromS: this.#fromS,
      untilS: this.#untilS,
      lowestW: this.#lowestW,
      highestW: this.#highestW,
      flaws,
    };
  }
}

function keepColumn(
  blockW: Float64Array,
  at: number,
  isKnown: Uint8Array,
  rowsCount: number,
  levelW: number,
  cells: Float32Array,
  cellsAt: number,
  kept: Float64Array,
  keptAt: number,
): void {
  let count = 0;
  for (let row = 0; row < rowsCount; row++) {
    if (isKnown[row] === 0) continue;
    cells[cellsAt + count] = (blockW[at + row] ?? 0) - levelW;
    kept[keptAt + count] = cells[cellsAt + count] ?? 0;
    count++;
  }
}
