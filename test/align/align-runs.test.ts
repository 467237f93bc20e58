// Recordings of one instrument pair, aligned together: those with edges teach those without, tools that start anew are
// acquisitions of their own, and clocks that are wrong are named. On recorded sets, the figures that are known of them.
import { describe, expect, test } from 'vitest';
import { alignedSet } from '../../bench/calibration/clocks-found.ts';
import { scoreHeldMeter } from '../../bench/calibration/held-meter.ts';
import { meansOver, secondsBetween } from '../../src/align/energy-series.ts';
import { alignRuns, type AlignedRuns } from '../../src/calibrate/clocks/align-runs.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import type { RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { plainWall } from '../../src/calibrate/wall-windows.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import {
  minimalRandom,
  PLAIN,
  sampleNode,
  seriesFrom,
  type NodeTruth,
} from '../calibrate/synthetic-node.ts';
import { shared } from '../fixtures.ts';

const TERMS = componentTerms(['rapl:package-0', 'rapl:dram-0', 'nvml:0', 'nvml:1']);

/** One recording; `clock` turns the time of a chip sample into its stamp. */
function run(name: string, truth: NodeTruth, clock: (atS: number) => number): RunEvidence {
  const samples = sampleNode(truth);
  const stamps = samples.atS.map(clock);
  return {
    run: name,
    feeds: [{ source: 'wall', series: seriesFrom(samples.atS, samples.wallW), held: undefined }],
    chips: new Map(
      [...samples.chipsW].map(([source, reading]) => [source, seriesFrom(stamps, reading)]),
    ),
    phases: [],
  };
}

function aligned(runs: readonly RunEvidence[]): AlignedRuns {
  const outcome = alignRuns(runs, TERMS);
  if (isRefusal(outcome)) throw new Error(outcome.because);
  return outcome;
}

const SHORT: NodeTruth = { ...PLAIN, seconds: 300 };

describe('recordings of one kind', () => {
  const random = minimalRandom(77);
  const late = (atS: number): number => atS + 0.93 + 0.004 * random();
  const runs = [
    ...[1, 2, 3, 4].map((seed) => run(`edges-${seed}`, { ...SHORT, seed }, late)),
    run('flat', { ...SHORT, seed: 9, steady: true, noiseW: 20 }, late),
  ];

  test('one without edges takes what is typical, with the scatter between the others', () => {
    const all = aligned(runs);
    expect(all.refusals.map((each) => each.run)).toEqual(['flat']);
    expect(all.acquisitions.map((each) => each.taken).at(-1)).toBe('typical');
    const flat = all.runs.at(-1)!.clock;
    expect(flat.offsetS).toBeCloseTo(0.93, 1);
    expect(flat.offsetUncertaintyS!).toBeLessThan(0.2);
    expect(all.typical.law?.halfWidthS).toBe(0);
    expect(all.laws).toHaveLength(1);
    expect(all.notices).toEqual([]);
    for (const each of all.runs) {
      expect(Math.abs(each.clock.offsetS - 0.932)).toBeLessThan(
        Math.max(0.06, 4 * each.clock.offsetUncertaintyS!),
      );
    }
  });

  test('nothing but flat loads: clocks are taken as equal to a second, and said to be unknown', () => {
    const all = aligned([run('flat', { ...SHORT, steady: true, noiseW: 20 }, late)]);
    expect(all.acquisitions[0]?.taken).toBe('unknown');
    expect(all.typical.alignedCount).toBe(0);
    expect(all.typical.offsetUncertaintyS).toBe(1);
  });

  test('starts that are cut to the second show as an even part of the law', () => {
    const cuts = [0.97, 0.12, 0.55, 0.81, 0.33];
    // The tool starts a fraction behind the second and counts its samples from the second, in steps that are too short.
    const counted = cuts.map((cutS, seed) => {
      const samples = sampleNode({ ...SHORT, seed: 30 + seed, seconds: 600 });
      const stamps = samples.atS.map((atS) => 1 + (atS - 1) * 0.9985);
      return {
        run: `counted-${seed}`,
        feeds: [
          {
            source: 'wall',
            series: seriesFrom(samples.atS, samples.wallW, cutS),
            held: undefined,
          },
        ],
        chips: new Map(
          [...samples.chipsW].map(([source, reading]) => [source, seriesFrom(stamps, reading)]),
        ),
        phases: [],
      };
    });
    const all = aligned(counted);
    expect(all.laws[0]?.habit).toMatchObject({ origin: 'counted', startsFloored: true });
    expect(all.typical.law?.halfWidthS).toBe(0.5);
    // Between -0.97 and -0.12 s were seen; the second that holds them all is [-1, 0] to within 0.15 s.
    expect(all.typical.offsetS).toBeCloseTo(-0.545, 1);
    expect(all.typical.rateRatio).toBeCloseTo(-1.5e-3, 3.5);
  });
});

describe('one recording, several clocks', () => {
  test('a hole in counted stamps parts two acquisitions, each moved by its own line', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 800, seed: 51 });
    const kept = [...samples.atS.keys()].filter((row) => row < 350 || row > 477);
    const stamp = (row: number): number => (row < 350 ? row + 1.4 : row + 0.2);
    const evidence: RunEvidence = {
      run: 'joined',
      feeds: [{ source: 'wall', series: seriesFrom(samples.atS, samples.wallW), held: undefined }],
      chips: new Map(
        [...samples.chipsW].map(([source, reading]) => [
          source,
          seriesFrom(
            Float64Array.from(kept, stamp),
            Float64Array.from(kept, (row) => reading[row] ?? 0),
          ),
        ]),
      ),
      phases: [],
    };
    const all = aligned([evidence]);
    expect(all.acquisitions).toHaveLength(2);
    const [clock] = all.runs.map((each) => each.clock);
    expect(clock?.offsetS).toBeCloseTo(0.4, 1);
    expect(clock?.later?.[0]?.offsetS).toBeCloseTo(-0.8, 1);
  });

  test('a clock that was set: both parts fit, the rows between are left out, and it is said', () => {
    const random = minimalRandom(52);
    const evidence = run('set', { ...PLAIN, seconds: 4800, seed: 52 }, (atS) =>
      atS > 2500 ? atS + 6 : atS + 0.001 * random(),
    );
    const all = aligned([evidence]);
    expect(all.notices.map((each) => each.kind)).toContain('step');
    const clock = all.runs[0]!.clock;
    expect(clock.later?.[0]?.offsetS).toBeCloseTo(6, 1);
    const wall = plainWall(evidence.feeds, clock, 10)!;
    const series = evidence.chips.get('nvml:0')!;
    expect(secondsBetween(series.originNs, evidence.feeds[0]!.series.originNs)).toBe(0);
    const [[fromS, untilS]] = wall.windows(series) as [[Float64Array, Float64Array, number]];
    const { meanW } = meansOver(series, fromS, untilS);
    // With both lines the meter follows the chips on both sides: far better than with the first alone.
    const misfit = (columnW: Float64Array): number => {
      let n = 0;
      let [x, y, xx, xy, yy] = [0, 0, 0, 0, 0];
      wall.meterW.forEach((meterW, row) => {
        const chipW = columnW[row] ?? 0;
        if (chipW <= 0) return;
        n++;
        x += chipW;
        y += meterW;
        xx += chipW * chipW;
        xy += chipW * meterW;
        yy += meterW * meterW;
      });
      const slope = (xy - (x * y) / n) / (xx - (x * x) / n);
      return (yy - (y * y) / n - slope * (xy - (x * y) / n)) / n;
    };
    const single = plainWall(evidence.feeds, { ...SINGLE, offsetS: clock.offsetS }, 10)!;
    const [[oneFromS, oneUntilS]] = single.windows(series) as [
      [Float64Array, Float64Array, number],
    ];
    expect(misfit(meanW)).toBeLessThan(0.8 * misfit(meansOver(series, oneFromS, oneUntilS).meanW));
  });

  test('a meter in local time is aligned, and named as a suspected time zone', () => {
    const all = aligned([run('zone', { ...PLAIN, seconds: 1200, seed: 53 }, (atS) => atS - 7200)]);
    expect(all.notices[0]).toMatchObject({ run: 'zone', kind: 'zone' });
    expect(all.notices[0]?.words).toContain('2.00 h');
    expect(all.runs[0]?.clock.offsetS).toBeCloseTo(-7200, 0);
  });
});

const SINGLE = { offsetS: 0, rateRatio: 0, pivotS: 0 };

describe('recorded sets', () => {
  test.skipIf(!shared('data', 'dgx1-v100'))(
    'dgx1-v100: floored starts, 501.2 ms for 500',
    async () => {
      const all = (await alignedSet('dgx1-v100'))!;
      const { law } = all.typical;
      // True starts are known for this set: offsets from them are 0.84 to 0.88 s by two methods.
      expect(Math.abs((law?.meanS ?? 0) + 0.5 - 0.86)).toBeLessThan(
        2.5 * (law?.meanUncertaintyS ?? 0),
      );
      expect(law?.halfWidthS).toBe(0.5);
      expect(law?.rateRatio).toBeCloseTo(-2.35e-3, 3.8);
      const fractions = [0.967643, 0.876662, 0.531799, 0.816254, 0.192847, 0.188606];
      const unfloored = all.acquisitions.map((each, at) => each.offsetS + (fractions[at] ?? 0));
      expect(Math.max(...unfloored) - Math.min(...unfloored)).toBeLessThan(0.1);
    },
  );

  test.skipIf(!shared('data', 'ac922-pdu'))(
    'ac922-pdu: held values of kernels and halves that were not fitted',
    async () => {
      const all = (await alignedSet('ac922-pdu'))!;
      for (const meter of all.held) {
        expect(meter.windowS).toBeCloseTo(57.4, 0);
        expect(meter.windowUncertaintyS!).toBeLessThan(1.5);
        expect(meter.refreshS).toBeCloseTo(30, 1);
      }
      for (const score of await scoreHeldMeter()) {
        expect(score.pollPercent, score.heldOut).toBeLessThan(0.3);
        expect(Math.abs(score.biasPercent), score.heldOut).toBeLessThan(0.2);
      }
    },
  );
});
