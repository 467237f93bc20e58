// Meters that hold their values: window, delay and rhythm are found from the data alone, and what a periodic or flat load
// does not show is not claimed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { curveAt, sumOf, type EnergySeries } from '../../src/align/energy-series.ts';
import { findMeterWindow, type MeterWindow } from '../../src/align/held-meter.ts';
import { heldReadingsOf, type HeldReadings } from '../../src/align/held-readings.ts';
import type { Samples } from '../../src/align/series-from-samples.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { nodeSeries, ORIGIN, PLAIN, sampleNode } from '../calibrate/synthetic-node.ts';

interface Pdu {
  readonly refreshS: number;
  readonly phaseS: number;
  readonly windowS: number;
  readonly delayS: number;
  readonly pollS: number;
  readonly seconds: number;
}

const SLOW: Pdu = { refreshS: 30, phaseS: 10, windowS: 57, delayS: 3, pollS: 5, seconds: 7200 };

/** What polls of a PDU show: the mean that was last refreshed, in whole watts. */
function polled(pdu: Pdu, wall: EnergySeries): Samples {
  const atS: number[] = [];
  const reading: number[] = [];
  for (let pollS = 200; pollS < pdu.seconds; pollS += pdu.pollS) {
    const since = Math.floor((pollS - pdu.phaseS) / pdu.refreshS) * pdu.refreshS + pdu.phaseS;
    const endS = since - pdu.delayS;
    const meanW =
      (curveAt(wall, endS).energyJ - curveAt(wall, endS - pdu.windowS).energyJ) / pdu.windowS;
    atS.push(pollS);
    reading.push(Math.round(meanW));
  }
  return { originNs: ORIGIN, atS: Float64Array.from(atS), reading: Float64Array.from(reading) };
}

const heldOf = (samples: Samples): HeldReadings => {
  const held = heldReadingsOf(samples);
  if (!held) throw new Error('the values are not held');
  return held;
};
const found = (outcome: MeterWindow | Refusal): MeterWindow => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};
const totalOf = (chips: ReadonlyMap<string, EnergySeries>): EnergySeries => {
  const [first, ...others] = chips.values();
  return sumOf([first!, ...others]);
};

describe('when values are refreshed', () => {
  const node = nodeSeries(sampleNode({ ...PLAIN, seconds: 7200, seed: 11 }));

  test('polls that drift past the refreshes pin the rhythm far below their own distance', () => {
    const held = heldOf(polled({ ...SLOW, refreshS: 30.13 }, node.wall));
    expect(held.refresh).toBe('by-clock');
    expect(held.holdS).toBeCloseTo(30.13, 2);
    expect(held.phaseHalfWidthS).toBeLessThan(1);
    // Shown on average half a poll behind the refresh: 10 s + n x 30.13 s + 2.5 s.
    const phases = held.atS.map((atS) => (atS - 10 - 2.5) / 30.13);
    for (const phase of phases) expect(Math.abs(phase - Math.round(phase))).toBeLessThan(0.04);
  });

  test('polls in step with the refreshes leave the phase open by half a poll, and say so', () => {
    const held = heldOf(polled(SLOW, node.wall));
    expect(held.holdS).toBeCloseTo(30, 3);
    expect(held.phaseHalfWidthS).toBeGreaterThan(2);
    expect(held.phaseHalfWidthS).toBeLessThanOrEqual(2.6);
  });

  test('equal values in a row are told apart by the rhythm', () => {
    const flat = nodeSeries(sampleNode({ ...PLAIN, seconds: 7200, seed: 12, noiseW: 0.2 }));
    const samples = polled({ ...SLOW, windowS: 120 }, flat.wall);
    const coarse = {
      ...samples,
      reading: samples.reading.map((each) => 50 * Math.round(each / 50)),
    };
    const held = heldOf(coarse);
    const repeats = held.meanW.filter((each, row) => row > 0 && each === held.meanW[row - 1]);
    expect(held.refresh).toBe('by-clock');
    expect(repeats.length).toBeGreaterThan(10);
    expect(held.atS.length).toBeGreaterThan(220);
  });

  test('a meter with a new value at each poll is not held; too few values are none', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 600 });
    const plain = { originNs: ORIGIN, atS: samples.atS, reading: samples.wallW };
    expect(heldReadingsOf(plain)).toBeUndefined();
    const still = { originNs: ORIGIN, atS: samples.atS, reading: new Float64Array(600).fill(300) };
    expect(heldReadingsOf(still)).toBeUndefined();
    const nothing = { originNs: ORIGIN, atS: new Float64Array(0), reading: new Float64Array(0) };
    expect(heldReadingsOf(nothing)).toBeUndefined();
  });
});

describe('window and delay', () => {
  test('both are found within their uncertainty, whatever they are', () => {
    const { wall, chips } = nodeSeries(
      sampleNode({ ...PLAIN, seconds: 7200, seed: 13, noiseW: 2 }),
    );
    const total = totalOf(chips);
    fc.assert(
      fc.property(
        fc.double({ min: 8, max: 110, noNaN: true }),
        fc.double({ min: -4, max: 40, noNaN: true }),
        (windowS, delayS) => {
          const held = heldOf(polled({ ...SLOW, windowS, delayS, refreshS: 30.13 }, wall));
          const window = found(findMeterWindow(held, total, [...chips.values()]));
          expect(window.standing).toBe('both');
          expect(Math.abs(window.windowS - windowS)).toBeLessThan(
            Math.max(0.5, 4 * window.windowUncertaintyS),
          );
          // Delay counts from the refresh to the poll that shows it: half a poll more on average.
          expect(Math.abs(window.delayS - delayS - 2.5)).toBeLessThan(
            Math.max(0.5, 4 * window.delayUncertaintyS) + held.phaseHalfWidthS,
          );
        },
      ),
      { numRuns: 6 },
    );
  });

  test('chips that are shifted by a constant shift the delay by it and nothing else', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 5400, seed: 14 });
    const { wall, chips } = nodeSeries(samples);
    const held = heldOf(polled({ ...SLOW, seconds: 5400 }, wall));
    const still = found(findMeterWindow(held, totalOf(chips)));
    for (const shiftS of [-9.5, 6.25]) {
      const moved = found(findMeterWindow(held, totalOf(nodeSeries(samples, shiftS).chips)));
      expect(moved.delayS - still.delayS).toBeCloseTo(-shiftS, 1);
      expect(moved.windowS).toBeCloseTo(still.windowS, 0);
      expect(moved.explainedRatio).toBeCloseTo(still.explainedRatio, 4);
    }
  });

  test('a flat load and one that repeats itself are refused', () => {
    const flat = nodeSeries(sampleNode({ ...PLAIN, seconds: 7200, steady: true, noiseW: 20 }));
    const held = heldOf(polled({ ...SLOW, windowS: 5 }, flat.wall));
    const outcome = findMeterWindow(held, totalOf(flat.chips));
    expect(isRefusal(outcome) && outcome.code).toBe('align.flat');
    const short = nodeSeries(sampleNode({ ...PLAIN, seconds: 7200, seed: 15 }), 20_000);
    const apart = findMeterWindow(heldOf(polled(SLOW, flat.wall)), totalOf(short.chips));
    expect(isRefusal(apart) && apart.code).toBe('align.overlap');
  });
});
