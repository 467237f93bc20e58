// The clocks of two instruments: found where the load has edges, refused where it has none, and shifted by exactly what
// the stamps are shifted by.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findClock, type ClockRelation } from '../../src/align/clock-search.ts';
import { sumOf, type EnergySeries } from '../../src/align/energy-series.ts';
import { findMeterWindow } from '../../src/align/held-meter.ts';
import { rowsOfSeries } from '../../src/align/meter-rows.ts';
import { heldReadingsOf } from '../../src/align/held-readings.ts';
import { curveAt } from '../../src/align/energy-series.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { nodeSeries, ORIGIN, PLAIN, sampleNode, seriesFrom } from '../calibrate/synthetic-node.ts';

const found = (outcome: ClockRelation | Refusal): ClockRelation => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};
const codeOf = (outcome: unknown): string => (isRefusal(outcome) ? outcome.code : 'no refusal');
const chipsOf = (chips: ReadonlyMap<string, EnergySeries>): EnergySeries => {
  const [first, ...others] = chips.values();
  return sumOf([first!, ...others]);
};

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
    }
  });

  test('a clock that runs 0.23 % slow is found, and none is invented', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 900, seed: 3 });
    const wall = seriesFrom(samples.atS, samples.wallW);
    const slow = samples.atS.map((atS) => atS * (1 - 2.3e-3));
    const parts = [...samples.chipsW.values()].map((reading) => seriesFrom(slow, reading));
    const clock = found(findClock(rowsOfSeries(wall, 1), sumOf([parts[0]!, ...parts.slice(1)])));
    expect(clock.rateRatio).toBeCloseTo(-2.3e-3, 3.3);
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
        expect(after.explainedRatio).toBeCloseTo(before.explainedRatio, 4);
      }),
      { numRuns: 12 },
    );
  });

  test('a flat load, a foreign load, a periodic load and too little overlap are refused', () => {
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
    const late = nodeSeries(sampleNode({ ...PLAIN, seconds: 600 }), 3600);
    expect(codeOf(findClock(rowsOfSeries(one.wall, 1), chipsOf(late.chips)))).not.toBe(
      'no refusal',
    );
    const apart = nodeSeries(sampleNode({ ...PLAIN, seconds: 600 }), 7200);
    const short = nodeSeries(sampleNode({ ...PLAIN, seconds: 600 }));
    expect(codeOf(findClock(rowsOfSeries(short.wall, 1), chipsOf(apart.chips)))).toBe(
      'align.overlap',
    );
  });
});

describe('held meters', () => {
  test('window and delay of a PDU that holds a 60 s mean for 30 s are found from the data', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 5400, seed: 11 });
    const { wall, chips } = nodeSeries(samples);
    const atS: number[] = [];
    const reading: number[] = [];
    for (let pollS = 100; pollS < 5400; pollS += 5) {
      // The value changes every 30 s and is the mean of the 60 s that ended 3 s before it changed.
      const changedS = Math.floor((pollS - 10) / 30) * 30 + 10;
      const meanW =
        (curveAt(wall, changedS - 3).energyJ - curveAt(wall, changedS - 63).energyJ) / 60;
      atS.push(pollS);
      reading.push(Math.round(meanW));
    }
    const held = heldReadingsOf({
      originNs: ORIGIN,
      atS: Float64Array.from(atS),
      reading: Float64Array.from(reading),
    });
    expect(held?.holdS).toBeCloseTo(30, 6);
    const window = findMeterWindow(held!, chipsOf(chips));
    if (isRefusal(window)) throw new Error(window.because);
    expect(window.windowS).toBeGreaterThan(57);
    expect(window.windowS).toBeLessThan(63);
    expect(window.delayS).toBeGreaterThan(1.5);
    expect(window.delayS).toBeLessThan(4.5);
    const plain = { originNs: ORIGIN, atS: samples.atS, reading: samples.wallW };
    expect(heldReadingsOf(plain)).toBeUndefined();
  });
});
