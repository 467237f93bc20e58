// The clock of a recording from a minute of metering: found where the load has edges, left alone where it has none, and
// never taken further than the recordings of the model allow.
import { describe, expect, test } from 'vitest';
import { onSpotClock } from '../../src/calibrate/spot-clock.ts';
import { fitNode } from '../../src/calibrate/fit-node.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { nodeSeries, PLAIN, sampleNode, seriesFrom } from './synthetic-node.ts';

const samples = sampleNode({ ...PLAIN, seed: 41 });

/** A model whose recordings had offsets of 0.3 s, give or take 0.3 s. */
function model(): CorrectionModel {
  const { wall, chips } = nodeSeries(samples);
  const fitted = fitNode({ node: 'n', wall, chips, fittedAtNs: instantNs(0n), seed: 1 });
  if (isRefusal(fitted) || !fitted.detail) throw new Error('no fit');
  return {
    ...fitted,
    offsetNs: 300_000_000n,
    detail: { ...fitted.detail, offsetUncertaintyS: 0.3 },
  };
}

const spot = (from: number, count: number, wallW = samples.wallW) => [
  {
    source: 'wall',
    series: seriesFrom(samples.atS.slice(from, from + count), wallW.slice(from, from + count)),
    power: undefined,
  },
];

describe('a minute of metering', () => {
  const known = model();

  test('finds the offset of this recording and how sure it is', () => {
    for (const shiftS of [-0.15, 0.4, 0.75]) {
      const { chips } = nodeSeries(samples, shiftS);
      const clocked = onSpotClock(known, chips, spot(600, 90));
      expect(Number(clocked.offsetNs) / 1e9).toBeCloseTo(shiftS, 0.9);
      expect(Math.abs(Number(clocked.offsetNs) / 1e9 - shiftS)).toBeLessThan(0.1);
      expect(clocked.detail!.offsetUncertaintyS).toBeLessThan(0.1);
      // Nothing but the clock is touched.
      expect({ ...clocked, offsetNs: 0n, detail: undefined }).toEqual({
        ...known,
        offsetNs: 0n,
        detail: undefined,
      });
    }
  });

  test('on a flat load, or too short, or of meters that hold their values, leaves the model as it is', () => {
    const { chips } = nodeSeries(samples, 0.6);
    const flat = samples.wallW.map(() => 800);
    expect(onSpotClock(known, chips, spot(600, 90, flat))).toBe(known);
    expect(onSpotClock(known, chips, spot(600, 5))).toBe(known);
    expect(onSpotClock(known, chips, [])).toBe(known);
    const held = { source: 'wall', delayS: 4, windowS: 30, shareRatio: 1 };
    const holding = { ...known, detail: { ...known.detail!, heldMeters: [held] } };
    expect(onSpotClock(holding, chips, spot(600, 90))).toBe(holding);
  });

  test('does not go where no recording of the model was: what is half a minute off stays so', () => {
    const { chips } = nodeSeries(samples, 30);
    for (const from of [300, 600, 1200, 2400]) {
      const clocked = onSpotClock(known, chips, spot(from, 90));
      expect(Math.abs(Number(clocked.offsetNs) / 1e9 - 0.3)).toBeLessThan(1.2 + 1e-9);
    }
  });
});
