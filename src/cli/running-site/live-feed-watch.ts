// Watches the feeds of each node against each other while the service runs, by the power that their meters show: a register
// that stands still says nothing for long, but a meter that shows 0 W while the chips go on says it at once.
import { type FeedChange, watchFeeds } from '../../calibrate/shared/feed-watch.ts';
import { suspicionText } from '../../calibrate/shared/missing-feed.ts';
import { feedGroupsOf, isShared } from '../../quantity/feed-groups.ts';
import type { PointId } from '../../quantity/quality.ts';
import type { Site } from '../../quantity/site.ts';
import type { RackSnapshot } from '../../serve/rack-view.ts';

/** Means of so long: meters refresh out of step, and a load step lies in one of them first. */
const ROW_NS = 10_000_000_000n;
/** An hour. */
const KEEP_COUNT = 360;

interface Watched {
  readonly node: string;
  readonly feeds: readonly PointId[];
  /** Sums of the row that is growing: feeds in their order, then the chips. */
  sums: number[];
  count: number;
  fromNs: bigint;
  rows: (readonly number[])[];
}

/** Looks at a snapshot; lines for people about what has changed since. */
export function feedWatchOf(site: Site): (snapshot: RackSnapshot) => readonly string[] {
  const shared = new Set(
    feedGroupsOf(site.nodes)
      .filter(isShared)
      .flatMap(({ nodes }) => nodes),
  );
  const watched = site.nodes
    .filter(({ id, fedBy }) => fedBy.length > 1 && !shared.has(id))
    .map(({ id, fedBy }): Watched => ({
      node: id,
      feeds: fedBy,
      sums: fedBy.map(() => 0).concat(0),
      count: 0,
      fromNs: 0n,
      rows: [],
    }));
  return (snapshot) => watched.flatMap((each) => look(each, snapshot));
}

function look(watched: Watched, snapshot: RackSnapshot): readonly string[] {
  const powers = [
    ...watched.feeds.map((feed) => snapshot.points.find(({ point }) => point === feed)?.wallW),
    snapshot.nodes.find(({ node }) => node === watched.node)?.chipW,
  ];
  // What is not known is no zero: such a moment is left out.
  const known = powers.flatMap((powerW) => powerW ?? []);
  if (known.length < powers.length) return [];
  if (watched.count === 0) watched.fromNs = snapshot.atNs;
  watched.sums = watched.sums.map((sum, index) => sum + (known[index] ?? 0));
  watched.count += 1;
  if (snapshot.atNs - watched.fromNs < ROW_NS) return [];
  watched.rows.push(watched.sums.map((sum) => sum / watched.count));
  if (watched.rows.length > KEEP_COUNT) watched.rows.shift();
  watched.sums.fill(0);
  watched.count = 0;
  const changes = changesOf(watched);
  // What has been said is the usual from now on.
  if (changes.length > 0) watched.rows = [];
  return changes.map((change) => `${watched.node}: ${suspicionText(change)}`);
}

function changesOf({ feeds, rows }: Watched): readonly FeedChange[] {
  const column = (index: number): Float64Array => Float64Array.from(rows, (row) => row[index] ?? 0);
  return watchFeeds({
    feeds,
    feedW: feeds.map((_, index) => column(index)),
    chipW: column(feeds.length),
  });
}
