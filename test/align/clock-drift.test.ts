// Clocks that do not stay: a drift over hours is one line, a clock that is set is a step with its time and size, a jump of
// an hour is found by the shape of the load, and a time zone is named as what it is.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findClock, type ClockRelation } from '../../src/align/clock-search.ts';
import { lineThrough } from '../../src/align/offset-line.ts';
import { rowsOfSeries } from '../../src/align/meter-rows.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { PLAIN, sampleNode, seriesFrom } from '../calibrate/synthetic-node.ts';

const found = (outcome: ClockRelation | Refusal): ClockRelation => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};

/** Wall and chips of hours, with the chips' stamps put through a clock. */
function recorded(
  seconds: number,
  seed: number,
  clock: (atS: number) => number,
): ClockRelation | Refusal {
  const samples = sampleNode({ ...PLAIN, seconds, seed });
  const totalW = samples.atS.map((_, row) =>
    [...samples.chipsW.values()].reduce((sum, column) => sum + (column[row] ?? 0), 0),
  );
  const wall = seriesFrom(samples.atS, samples.wallW);
  return findClock(rowsOfSeries(wall, 1), seriesFrom(samples.atS.map(clock), totalW));
}

describe('offset over time', () => {
  test('an even clock is steady, one that drifts by 50 ppm is one line', () => {
    const even = found(recorded(7200, 41, (atS) => atS + 2));
    expect(even.track.verdict).toBe('steady');
    expect(even.track.stretches.length).toBeGreaterThan(15);
    for (const each of even.track.stretches) {
      expect(Math.abs(each.offsetS - 2)).toBeLessThan(Math.max(0.1, 5 * each.offsetUncertaintyS));
    }
    const drifting = found(recorded(14_400, 42, (atS) => atS * (1 + 5e-5) - 1));
    expect(drifting.track.verdict).toBe('drifting');
    expect(drifting.rateRatio).toBeCloseTo(5e-5, 5.5);
  });

  test('a clock that is set by 4 s within a run is told: when and by how much', () => {
    const clock = found(recorded(7200, 43, (atS) => (atS > 4000 ? atS + 4 : atS)));
    expect(clock.track.verdict).toBe('stepped');
    expect(clock.track.step?.stepS).toBeCloseTo(4, 0.5);
    expect(Math.abs((clock.track.step?.atS ?? 0) - 4000)).toBeLessThan(60);
  });

  test('a jump of an hour inside a run is told, whichever side is longer', () => {
    for (const jumpAtS of [2700, 4700]) {
      const clock = found(recorded(7200, 44, (atS) => (atS > jumpAtS ? atS + 3600 : atS)));
      expect(clock.track.verdict).toBe('stepped');
      expect(clock.track.step?.stepS).toBe(3600);
      expect(Math.abs((clock.track.step?.atS ?? 0) - jumpAtS)).toBeLessThan(150);
    }
  });
});

describe('time zones', () => {
  test('whole and half hours are found by the shape of the load and named', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 1800, seed: 45 });
    const totalW = samples.atS.map((_, row) =>
      [...samples.chipsW.values()].reduce((sum, column) => sum + (column[row] ?? 0), 0),
    );
    const rows = rowsOfSeries(seriesFrom(samples.atS, samples.wallW), 1);
    const still = found(findClock(rows, seriesFrom(samples.atS, totalW, 0.7)));
    fc.assert(
      fc.property(fc.integer({ min: -28, max: 28 }), (halfHours) => {
        const shiftS = halfHours * 1800;
        const clock = found(findClock(rows, seriesFrom(samples.atS, totalW, shiftS + 0.7)));
        expect(clock.zoneShiftS).toBe(shiftS);
        expect(clock.offsetS - still.offsetS).toBeCloseTo(shiftS, 2);
        expect(clock.explainedRatio).toBeCloseTo(still.explainedRatio, 3);
      }),
      { numRuns: 6 },
    );
  });

  test('a single step resembles any other: it names no zone', () => {
    const atS = Float64Array.from({ length: 1200 }, (_, row) => row + 1);
    const step = (at: number): Float64Array => atS.map((each) => (each > at ? 400 : 200));
    const wall = seriesFrom(atS, step(600));
    const outcome = findClock(rowsOfSeries(wall, 1), seriesFrom(atS, step(630), 7200));
    expect(isRefusal(outcome) && outcome.code).toBe('align.overlap');
  });
});

test('a weighted line leaves out no point and weighs each by its uncertainty', () => {
  const points = [0, 1, 2, 3].map((atS) => ({ atS, offsetS: 5 + 2 * atS, uncertaintyS: 0.1 }));
  const line = lineThrough(points);
  expect(line.offsetS).toBeCloseTo(5, 9);
  expect(line.rateRatio).toBeCloseTo(2, 9);
  expect(line.squaresPerDof).toBeCloseTo(0, 9);
  // Standard error of a slope: sigma / sqrt(sum of squared distances from the mean), here 0.1 / sqrt(5).
  expect(line.rateUncertaintyRatio).toBeCloseTo(0.1 / Math.sqrt(5), 9);
  const stepped = lineThrough(
    points.map((each) => ({ ...each, offsetS: each.atS >= 2 ? each.offsetS + 3 : each.offsetS })),
    2,
  );
  expect(stepped.stepS).toBeCloseTo(3, 9);
});
