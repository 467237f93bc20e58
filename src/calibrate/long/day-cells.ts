// One aligned day as numbers that workers share: 32-bit cells about a level of the day, and the sums of products over them.
import type { SampleFlaws } from '../../align/series-from-samples.ts';
import type { InstantNs } from '../../quantity/time.ts';

/** A fit begins with a sample of the rows, one block in so many. */
export const SAMPLED_BLOCKS = 16;

/** The blocks in which the rows of a day came, one after the other; what fell out of a block is not among its rows. */
export interface DayBlocks {
  /** First row of each block, and at the end the number of all rows. */
  readonly from: Int32Array;
  /** From the start of the first to the end of the last row of each block, seconds after the origin; NaN without rows. */
  readonly fromS: Float64Array;
  readonly untilS: Float64Array;
  /** Time that the rows of each block cover. */
  readonly coveredS: Float64Array;
}

/**
 * Rows of one day. `cells` has a column per term and then the meter, `strideCount` apart. A cell plus the level of its column is
 * mean power in W. A 32-bit difference from the level is off by at most 6e-8 of itself: 0.03 mW at 500 W, below the
 * quantum of any counter here over a second.
 */
export interface DayRows {
  readonly originNs: InstantNs;
  readonly cells: Float32Array;
  readonly strideCount: number;
  readonly count: number;
  readonly levelsW: Float64Array;
  /** Sums of products of [1, cells..., 0] over all rows, a square of `paddedColumns(terms + 3)`. */
  readonly products: Float64Array;
  /** The same over a sample: every `SAMPLED_BLOCKS`-th block of rows, from the first on. */
  readonly sampleProducts: Float64Array;
  readonly blocks: DayBlocks;
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
