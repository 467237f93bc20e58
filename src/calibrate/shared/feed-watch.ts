// The feeds of one node, watched against each other: each carries about the same share of the node for as long as the
// supplies are well. A share that goes to nothing is a supply that failed (the others take over) or a meter that did.
import type { Suspicion } from './missing-feed.ts';

export interface FeedRows {
  readonly feeds: readonly string[];
  /** Mean power per feed and of all chips, over the same windows, in the order of time. */
  readonly feedW: readonly Float64Array[];
  readonly chipW: Float64Array;
}

export interface FeedChange extends Suspicion {
  readonly feed: string;
  /** Row in which it was first so. */
  readonly rowIndex: number;
}

/** So many rows in a row, so that one late reading is no event. */
const ROWS_COUNT = 3;
/** What is usual is the median of so many rows before. */
const USUAL_COUNT = 60;
/** The share is gone below a tenth of what it was; a feed that never carried 5 % carries nothing worth watching. */
const GONE_RATIO = 0.1;
const CARRIES_RATIO = 0.05;
/** A share that moves by more than this has been moved: supplies share within a few per cent. */
const MOVED_RATIO = 0.15;
/** W at the wall per W of the chips, to tell what the node should take after its load has changed as well. */
const GAIN_RATIO = 1.17;

/** The first change of each feed's share; empty for fewer than two feeds, or rows. */
export function watchFeeds({ feeds, feedW, chipW }: FeedRows): readonly FeedChange[] {
  const changes: FeedChange[] = [];
  if (feeds.length < 2 || chipW.length < 2 * ROWS_COUNT) return changes;
  const totalW = chipW.map((_, row) => feedW.reduce((sum, each) => sum + (each[row] ?? 0), 0));
  feeds.forEach((feed, index) => {
    const ownW = feedW[index];
    if (!ownW) return;
    const shares = ownW.map((each, row) => each / Math.max(totalW[row] ?? 0, 1e-9));
    for (let row = ROWS_COUNT; row + ROWS_COUNT <= shares.length; row++) {
      const usual = medianOf(shares.slice(Math.max(0, row - USUAL_COUNT), row));
      if (usual < CARRIES_RATIO) continue;
      const after = shares.slice(row, row + ROWS_COUNT);
      const gone = after.every((share) => share < GONE_RATIO * usual);
      const moved = after.every((share) => Math.abs(share - usual) > MOVED_RATIO);
      if (!gone && !moved) continue;
      const missingW = shortfallW(totalW, chipW, row);
      const lost = missingW > 0.5 * usual * meanOf(totalW, 0, row);
      const nowShare = meanOf(shares, row, row + ROWS_COUNT);
      // A row in which it happened is half of each: the next ones decide. Where one feed gives and others take, the one
      // that gives is named.
      if (gone && lost) changes.push(lostFeed(feed, row, usual, missingW));
      else if (!lost && nowShare < usual) changes.push(transfer(feed, row, usual, nowShare));
      else continue;
      return;
    }
  });
  return changes;
}

/** How much less the feeds carry together than the chips let expect, W. */
function shortfallW(totalW: Float64Array, chipW: Float64Array, row: number): number {
  const expectedW =
    meanOf(totalW, 0, row) +
    GAIN_RATIO * (meanOf(chipW, row, row + ROWS_COUNT) - meanOf(chipW, 0, row));
  return expectedW - meanOf(totalW, row, row + ROWS_COUNT);
}

const lostFeed = (feed: string, rowIndex: number, usual: number, missingW: number): FeedChange => ({
  what: 'lost-feed',
  strength: 'impossible',
  feed,
  rowIndex,
  evidence: [
    `${feed} carried ${percent(usual)} of the node and shows nothing now, while the chips go on`,
    `the feeds together lack ${missingW.toFixed(0)} W of what the chips let expect`,
  ],
  remedy: `look at the meter of ${feed}: what the node takes through it is not counted`,
});

const transfer = (feed: string, rowIndex: number, usual: number, now: number): FeedChange => ({
  what: 'transfer',
  strength: 'note',
  feed,
  rowIndex,
  evidence: [
    `${feed} carried ${percent(usual)} of the node and carries ${percent(now)} now; the others took it over`,
  ],
  remedy: `look at the supply on ${feed}; the sum of the feeds still holds`,
});

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function meanOf(column: Float64Array, from: number, until: number): number {
  let sum = 0;
  for (let row = from; row < until; row++) sum += column[row] ?? 0;
  return sum / Math.max(1, until - from);
}

function medianOf(column: Float64Array): number {
  const sorted = column.slice().sort();
  return sorted[sorted.length >> 1] ?? 0;
}
