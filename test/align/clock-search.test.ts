// The clocks of two instruments: found where the load has edges, refused where it has none, and shifted by exactly what
// the stamps are shifted by.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findClock, type ClockRelation } from '../../src/align/clock-search.ts';
import { sumOf, type EnergySeries } from '../../src/align/energy-series.ts';
import { rowsOfSeries } from '../../src/align/meter-rows.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { nodeSeries, PLAIN, sampleNode, seriesFrom } from '../calibrate/synthetic-node.ts';

const found = (outcome: ClockRelation | Refusal): ClockRelation => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};
const codeOf = (outcome: unknown): string => (isRefusal(outcome) ? outcome.code : 'no refusal');
const chipsOf = (chips: ReadonlyMap<string, EnergySeries>): EnergySeries => {
  const [first, ...others] = chips.values();
  return sumOf([first!, ...others]);
};
const NEAR = { rangeS: 60, seekRate: false };

describe('offset and rate', () => {
  test('a late chip clock is found within its uncertainty', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 900 });
    for (const shiftS of [-37.2, -0.93, 0, 12.4]) {
      const { wall, chips } = nodeSeries(samples, shiftS);
      const clock = found(findClock(rowsOfSeries(wall, 1), chipsOf(chips)));
      expect(Math.abs(clock.offsetS - shiftS)).toBeLessThan(
        Math.max(0.05, 4 * clock.offsetUncertaintyS),
      );
      expect(clock.explainedRatio).toBeGreaterThan(0.9);
      expect(clock.zoneShiftS).toBe(0);
    }
  });

  test('the stated uncertainty covers what is missed, also where the residual wanders', () => {
    // 68 % of normal errors lie within one standard uncertainty, 95 % within two; 30 seeds leave room for chance.
    let within = 0;
    let twice = 0;
    const seeds = Array.from({ length: 30 }, (_, index) => 100 + index);
    for (const seed of seeds) {
      const samples = sampleNode({ ...PLAIN, seconds: 600, seed, noiseW: 15, wanderW: 25 });
      const { wall, chips } = nodeSeries(samples, 3.3);
      const clock = found(findClock(rowsOfSeries(wall, 1), chipsOf(chips), NEAR));
      const misses = Math.abs(clock.offsetS - 3.3) / clock.offsetUncertaintyS;
      if (misses < 1) within++;
      if (misses < 2) twice++;
      expect(clock.offsetUncertaintyS).toBeLessThan(0.2);
    }
    expect(within).toBeGreaterThan(13);
    expect(twice).toBeGreaterThan(25);
  });

  test('a clock that runs 0.23 % slow is found, and none is invented', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 900, seed: 3 });
    const wall = seriesFrom(samples.atS, samples.wallW);
    const slow = samples.atS.map((atS) => atS * (1 - 2.3e-3));
    const parts = [...samples.chipsW.values()].map((reading) => seriesFrom(slow, reading));
    const clock = found(findClock(rowsOfSeries(wall, 1), sumOf([parts[0]!, ...parts.slice(1)])));
    expect(clock.rateRatio).toBeCloseTo(-2.3e-3, 3.3);
    expect(Math.abs(clock.rateRatio + 2.3e-3)).toBeLessThan(4 * clock.rateUncertaintyRatio);
    const straight = nodeSeries(samples);
    expect(
      found(findClock(rowsOfSeries(straight.wall, 1), chipsOf(straight.chips))).rateRatio,
    ).toBe(0);
  });

  test('stamps shifted by a constant shift the offset by it and nothing else', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 400, seed: 5 });
    const still = nodeSeries(samples);
    const rows = rowsOfSeries(still.wall, 2);
    const limits = { rangeS: 40, seekRate: false };
    const before = found(findClock(rows, chipsOf(still.chips), limits));
    fc.assert(
      fc.property(fc.double({ min: -20, max: 20, noNaN: true }), (shiftS) => {
        const moved = nodeSeries(samples, shiftS);
        const after = found(findClock(rows, chipsOf(moved.chips), limits));
        expect(after.offsetS - before.offsetS).toBeCloseTo(shiftS, 2);
        expect(after.explainedRatio).toBeCloseTo(before.explainedRatio, 3);
        expect(after.offsetUncertaintyS / before.offsetUncertaintyS).toBeCloseTo(1, 0.5);
      }),
      { numRuns: 12 },
    );
  });

  test('one step of the load is enough for an offset, and its uncertainty stays that of the noise', () => {
    const atS = Float64Array.from({ length: 300 }, (_, row) => row + 1);
    const load = atS.map((each) => (each > 140.4 ? 400 : 250) + 3 * Math.sin(each * 12.9898));
    const wall = seriesFrom(
      atS,
      load.map((each, row) => 200 + 1.2 * each + 4 * Math.sin(row * 78.233)),
    );
    const clock = found(findClock(rowsOfSeries(wall, 1), seriesFrom(atS, load, 7.3), NEAR));
    expect(clock.offsetS).toBeCloseTo(7.3, 1);
    expect(clock.edgesCount).toBeLessThan(4);
    expect(clock.offsetUncertaintyS).toBeGreaterThan(0.001);
    expect(clock.offsetUncertaintyS).toBeLessThan(0.2);
  });
});

describe('the averaging of the meter', () => {
  const averaged = (windowS: number, seed: number): ClockRelation => {
    // Ten chip samples a second, a meter once a second that shows the mean of the last `windowS`.
    const fine = sampleNode({ ...PLAIN, seconds: 9000, seed, noiseW: 0 });
    const fineS = fine.atS.map((each) => each / 10);
    const chips = sumOf([
      seriesFrom(fineS, fine.chipsW.get('rapl:package-0')!),
      seriesFrom(fineS, fine.chipsW.get('nvml:0')!),
    ]);
    const parts = [...fine.chipsW.values()];
    const count = windowS * 10;
    const meterS: number[] = [];
    const meterW: number[] = [];
    for (let end = 100; end <= 9000; end += 10) {
      let sum = 0;
      for (let row = end - count; row < end; row++) {
        for (const part of parts) sum += (part[row] ?? 0) / count;
      }
      meterS.push(end / 10);
      meterW.push(240 + 1.15 * sum);
    }
    const wall = seriesFrom(Float64Array.from(meterS), Float64Array.from(meterW));
    return found(findClock(rowsOfSeries(wall, 1), chips));
  };

  test('a 1 Hz meter that shows a mean of 2 or 3 s is found out, and its delay is not taken for a clock', () => {
    for (const [windowS, seed] of [
      [2, 21],
      [3, 22],
    ] as const) {
      const { window, offsetS } = averaged(windowS, seed);
      expect(window.standing).toBe('seen');
      expect(window.windowS).toBeCloseTo(windowS, 0.5);
      // The middle of the window is (w - 1) / 2 older than that of the second it is stamped with.
      expect(offsetS).toBeCloseTo(-(windowS - 1) / 2, 0.7);
    }
  });

  test('a meter that averages over its own second is not said to do more', () => {
    const { window } = averaged(1, 23);
    expect(window.standing).toBe('one-row');
    expect(Math.abs(window.windowS - 1)).toBeLessThan(0.3);
  });
});

describe('refusals', () => {
  test('a flat load, a foreign load, a periodic load and too little overlap', () => {
    const flat = nodeSeries(sampleNode({ ...PLAIN, seconds: 600, steady: true, noiseW: 20 }));
    expect(codeOf(findClock(rowsOfSeries(flat.wall, 1), chipsOf(flat.chips)))).toBe('align.flat');
    const one = nodeSeries(sampleNode({ ...PLAIN, seconds: 3000, seed: 7 }));
    const other = nodeSeries(sampleNode({ ...PLAIN, seconds: 3000, seed: 8 }));
    expect(codeOf(findClock(rowsOfSeries(one.wall, 1), chipsOf(other.chips)))).toBe('align.flat');
    const atS = Float64Array.from({ length: 900 }, (_, row) => row + 1);
    const wave = seriesFrom(
      atS,
      atS.map((each) => (each % 20 < 10 ? 500 : 300)),
    );
    expect(codeOf(findClock(rowsOfSeries(wave, 1), wave))).toBe('align.flat');
    // Two hours and seven minutes is no time zone.
    const apart = nodeSeries(sampleNode({ ...PLAIN, seconds: 600 }), 7620);
    const short = nodeSeries(sampleNode({ ...PLAIN, seconds: 600 }));
    expect(codeOf(findClock(rowsOfSeries(short.wall, 1), chipsOf(apart.chips)))).toBe(
      'align.overlap',
    );
  });

  test('a constant column, all NaN, nothing at all', () => {
    const atS = Float64Array.from({ length: 600 }, (_, row) => row + 1);
    const samples = sampleNode({ ...PLAIN, seconds: 600 });
    const wall = seriesFrom(samples.atS, samples.wallW);
    const still = seriesFrom(atS, new Float64Array(600).fill(100));
    expect(codeOf(findClock(rowsOfSeries(wall, 1), still))).toBe('align.flat');
    expect(codeOf(findClock(rowsOfSeries(still, 1), wall))).toBe('align.flat');
    const broken = seriesFrom(atS, new Float64Array(600).fill(Number.NaN));
    expect(codeOf(findClock(rowsOfSeries(wall, 1), broken))).toBe('align.overlap');
    expect(codeOf(findClock(rowsOfSeries(broken, 1), wall))).toBe('align.overlap');
  });
});

describe('bad stamps', () => {
  const samples = sampleNode({ ...PLAIN, seconds: 900, seed: 31 });
  const wall = seriesFrom(samples.atS, samples.wallW);
  const totalW = samples.atS.map((_, row) =>
    [...samples.chipsW.values()].reduce((sum, column) => sum + (column[row] ?? 0), 0),
  );
  const clean = found(findClock(rowsOfSeries(wall, 1), seriesFrom(samples.atS, totalW, 4), NEAR));

  test('unsorted and repeated stamps change nothing', () => {
    const order = [...samples.atS.keys()].sort((a, b) => ((a * 7919) % 900) - ((b * 7919) % 900));
    const twice = [...order, ...order.slice(0, 300)];
    const mixed = seriesFrom(
      Float64Array.from(twice, (row) => samples.atS[row] ?? 0),
      Float64Array.from(twice, (row) => totalW[row] ?? 0),
      4,
    );
    const clock = found(findClock(rowsOfSeries(wall, 1), mixed, NEAR));
    expect(clock.offsetS).toBe(clean.offsetS);
    expect(clock.residualW).toBe(clean.residualW);
  });

  test('single absurd readings and lost minutes move the offset by less than its uncertainty allows', () => {
    const spoiled = totalW.slice();
    for (const row of [77, 300, 611]) spoiled[row] = 50_000;
    for (let row = 400; row < 520; row++) spoiled[row] = Number.NaN;
    const clock = findClock(rowsOfSeries(wall, 1), seriesFrom(samples.atS, spoiled, 4), NEAR);
    if (isRefusal(clock)) expect(clock.code).toBe('align.flat');
    else {
      expect(Math.abs(clock.offsetS - 4)).toBeLessThan(Math.max(0.3, 4 * clock.offsetUncertaintyS));
    }
  });

  test('a file of a million rows is searched on its edges, and finds the same', () => {
    const count = 1_000_000;
    const atS = Float64Array.from({ length: count }, (_, row) => row + 1);
    let state = 12345;
    let load = 300;
    const loadW = atS.map(() => {
      state = (state * 48271) % 2147483647;
      if (state % 97 === 0) load = 200 + (state % 400);
      return load + (state % 7);
    });
    const slow = atS.map((each) => each * (1 + 2e-6));
    const meter = seriesFrom(
      atS,
      loadW.map((each) => 150 + 1.1 * each),
    );
    const clock = found(findClock(rowsOfSeries(meter, 1), seriesFrom(slow, loadW, -3.25)));
    expect(clock.offsetS).toBeCloseTo(-3.25 + (2e-6 * count) / 2, 1);
    expect(clock.rateRatio).toBeCloseTo(2e-6, 7);
    expect(clock.track.verdict).toBe('drifting');
  });
});
