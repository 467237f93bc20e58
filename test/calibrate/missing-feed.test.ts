// A node of which a feed is not metered must be suspected, by physics and in words; a whole one never. On recorded nodes
// with feeds taken away, and on made-up supplies that fail or hand their load over.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { alignRuns } from '../../src/calibrate/clocks/align-runs.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import { rowsOfRuns, type RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { chipTotalW } from '../../src/calibrate/rows.ts';
import { watchFeeds } from '../../src/calibrate/shared/feed-watch.ts';
import {
  feedSummary,
  suspectMissingFeed,
  suspicionText,
  type FeedSummary,
} from '../../src/calibrate/shared/missing-feed.ts';
import { evidenceOf, layoutOf } from '../../src/cli/calibrate/sources.ts';
import { readRunFolder } from '../../src/cli/calibrate/run-folder.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { shared } from '../fixtures.ts';
import { minimalRandom } from './synthetic-node.ts';

/** Rows of one recorded run per machine, with all its feeds or with the one that is named. */
async function summaries(set: string, run: string, feed?: string): Promise<FeedSummary[]> {
  const folder = await readRunFolder(join(shared('data', set) ?? '', run));
  const stamps = {
    meter: folder.notes.meterStamp ?? 'end',
    chips: folder.notes.chipStamp ?? 'end',
  };
  return evidenceOf(folder, stamps).flatMap(({ evidence }) => {
    const terms = componentTerms([...evidence.chips.keys()], layoutOf(folder));
    const feeds = evidence.feeds.filter(({ source }) => feed === undefined || source === feed);
    const seen: RunEvidence = { ...evidence, feeds };
    const aligned = alignRuns([seen], terms);
    const plain = [{ evidence: seen, clock: { offsetS: 0, rateRatio: 0, pivotS: 0 } }];
    const rows = rowsOfRuns(
      isRefusal(aligned) ? plain : aligned.runs,
      terms,
      isRefusal(aligned) ? [] : aligned.held,
      Math.min(10, folder.windowS ?? Infinity),
    );
    return isRefusal(rows) ? [] : [feedSummary(rows.meterW, chipTotalW(rows), terms)];
  });
}

const runsOf = (set: string): string[] =>
  readdirSync(shared('data', set) ?? '', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** The same node through a meter that sees a share of it: every watt is scaled, and so is the line. */
const through = (summary: FeedSummary, share: number): FeedSummary => ({
  ...summary,
  meterW: share * summary.meterW,
  slopeRatio: share * summary.slopeRatio,
  slopeUncertaintyRatio: share * summary.slopeUncertaintyRatio,
  meanUncertaintyW: share * summary.meanUncertaintyW,
});

const SETS = ['dgx1-v100', 'dgx1-cpu', 'ac922-pdu', 'xeon-bmc', 'epyc-rome', 'h100-acdc'];

describe.each(SETS)('%s', (set) => {
  test.skipIf(!shared('data', set))(
    'a whole node is not suspected',
    { timeout: 120_000 },
    async () => {
      const runs = runsOf(set);
      const every = Math.ceil(runs.length / (set === 'h100-acdc' ? 70 : 12));
      let lookedAt = 0;
      for (let index = 0; index < runs.length; index += every) {
        for (const summary of await summaries(set, runs[index] ?? '')) {
          expect(suspectMissingFeed(summary), runs[index]).toBeUndefined();
          lookedAt += 1;
        }
      }
      expect(lookedAt).toBeGreaterThan(0);
    },
  );
});

test.skipIf(!shared('data', 'ac922-pdu')).each(['outlet-1', 'outlet-2'])(
  'ac922-pdu with %s alone is refused as a missing feed',
  async (feed) => {
    const [summary] = await summaries('ac922-pdu', 'part1', feed);
    const suspicion = suspectMissingFeed({ ...summary!, feedsCount: 1, suppliesCount: 2 });
    expect(suspicion).toMatchObject({ what: 'missing-feed', strength: 'impossible' });
    expect(suspicionText(suspicion!)).toMatch(
      /rises by 0\.5.*1 of 2 equal feeds.*2 supplies.*fed_by/,
    );
  },
);

test.skipIf(!shared('data', 'dgx1-v100'))(
  'dgx1-v100 through one, two or three of its four supplies is suspected; a unit is another matter',
  async () => {
    const [whole] = await summaries('dgx1-v100', 'run0');
    for (const share of [0.25, 0.5]) {
      expect(suspectMissingFeed(through(whole!, share))).toMatchObject({
        what: 'missing-feed',
        strength: 'impossible',
      });
    }
    expect(suspectMissingFeed(through(whole!, 0.75))).toMatchObject({ what: 'missing-feed' });
    for (const factor of [1e-3, 1e3]) {
      expect(suspectMissingFeed(through(whole!, factor))).toMatchObject({ what: 'unit' });
    }
  },
);

describe('a made-up node', () => {
  const SOUND: FeedSummary = {
    meterW: 1300,
    chipW: 1000,
    slopeRatio: 1.17,
    slopeUncertaintyRatio: 0.01,
    explainedRatio: 0.99,
    meanUncertaintyW: 2,
    lowerRatio: 0.9,
    wholeNode: false,
  };

  test.each<[string, Partial<FeedSummary>]>([
    [
      'a load that does not move',
      { slopeRatio: 0, slopeUncertaintyRatio: Infinity, explainedRatio: 0 },
    ],
    ['chips out of time', { slopeRatio: 0.5, explainedRatio: 0.3 }],
    ['an unsure line', { slopeRatio: 0.6, slopeUncertaintyRatio: 0.15 }],
    ['a modelled chip whose gain may be anything', { lowerRatio: 0, slopeRatio: 0.4 }],
    [
      'the output of its supplies',
      { wholeNode: true, lowerRatio: 1, meterW: 1025, slopeRatio: 1.02 },
    ],
    ['a meter that reads 3 % low', { meterW: 0.97 * 1300, slopeRatio: 0.97 * 1.17 }],
    ['chips that say nothing', { chipW: 0 }],
  ])('%s is no sign of a missing feed', (_, change) => {
    expect(suspectMissingFeed({ ...SOUND, ...change })).toBeUndefined();
  });

  test('half of a supply output is missing by the mean alone', () => {
    const half = { wholeNode: true, lowerRatio: 1, meterW: 510, slopeRatio: 0.51 };
    expect(suspectMissingFeed({ ...SOUND, ...half })).toMatchObject({ strength: 'impossible' });
  });

  test('a flat load is suspected too where the meter shows less than the chips', () => {
    const flat = { slopeRatio: 0, slopeUncertaintyRatio: Infinity, explainedRatio: 0, meterW: 650 };
    expect(suspectMissingFeed({ ...SOUND, ...flat })?.evidence.join()).toMatch(
      /650 W while the chips take 1000 W/,
    );
  });
});

describe('feeds against each other', () => {
  const random = minimalRandom(5);
  const rows = (count: number, share: (row: number) => readonly [number, number]) => {
    const chipW = Float64Array.from({ length: count }, (_, row) => 600 + 300 * Math.sin(row / 4));
    const feedW = [new Float64Array(count), new Float64Array(count)];
    chipW.forEach((chip, row) => {
      const wall = 250 + 1.15 * chip + 4 * (random() - 0.5);
      share(row).forEach((part, feed) => {
        feedW[feed]![row] = part * wall;
      });
    });
    return { feeds: ['feed/a', 'feed/b'], feedW, chipW };
  };

  test('steady shares are quiet, also where they wobble by a few per cent and the load swings', () => {
    expect(watchFeeds(rows(200, (row) => [0.47 + 0.03 * Math.sin(row), 0.53]))).toEqual([]);
  });

  test('a meter that dies is a feed lost: the sum lacks what it carried', () => {
    const [change, ...others] = watchFeeds(rows(100, (row) => [row < 60 ? 0.47 : 0, 0.53]));
    expect(others).toEqual([]);
    expect(change).toMatchObject({ what: 'lost-feed', feed: 'feed/a', rowIndex: 60 });
    expect(suspicionText(change!)).toMatch(/47 % of the node.*feed\/a/);
  });

  test('a supply that fails hands its load over: the sum holds, and it is said', () => {
    const failing = rows(100, (row) => (row < 60 ? [0.47, 0.53] : [0, 1]));
    expect(watchFeeds(failing)).toMatchObject([
      { what: 'transfer', strength: 'note', feed: 'feed/a', rowIndex: 60 },
    ]);
    const leaning = rows(100, (row) => (row < 60 ? [0.5, 0.5] : [0.3, 0.7]));
    expect(watchFeeds(leaning)).toMatchObject([{ what: 'transfer', feed: 'feed/a', rowIndex: 60 }]);
  });

  test('one late reading is no event, one feed has nobody to be watched against', () => {
    expect(watchFeeds(rows(100, (row) => [row === 60 ? 0 : 0.47, 0.53]))).toEqual([]);
    expect(
      watchFeeds({ feeds: ['a'], feedW: [new Float64Array(50)], chipW: new Float64Array(50) }),
    ).toEqual([]);
  });
});
