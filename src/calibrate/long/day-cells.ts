// One aligned day as numbers that workers share: 32-bit cells about a level of the day, and the sums of products over them.
import type { SampleFlaws } from '../../align/series-from-samples.ts';
import type { InstantNs } from '../../quantity/time.ts';

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
  /** The same over a sample: every `SAMPLED_BLOCKS`-th block of rows. */
  readonly sampleProducts: Float64Array;
  /** Where the blocks of the sample begin and end among the rows. */
  readonly sampleFrom: Int32Array;
  readonly sampleUntil: Int32Array;
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
