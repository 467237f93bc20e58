// Samples become energy: what a stamp means, what a hole is, and what of bad samples must never become energy.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { curveAt, meansOver, sumOf } from '../../src/align/energy-series.ts';
import {
  energyFromCounter,
  energyFromPower,
  STAMP_MEANINGS,
} from '../../src/align/series-from-samples.ts';
import { instantNs } from '../../src/quantity/time.ts';

const samples = (at: number[], reading: number[]) => ({
  originNs: instantNs(0n),
  atS: Float64Array.from(at),
  reading: Float64Array.from(reading),
});
const total = (series: { energyJ: Float64Array }): number => series.energyJ.at(-1) ?? 0;

describe('power samples', () => {
  test('a mean that ends at its stamp covers the time before it, one that starts the time after', () => {
    const end = energyFromPower(samples([1, 2, 3], [100, 200, 300]), 'end').series;
    expect([...end.atS]).toEqual([0, 1, 2, 3]);
    expect([...end.energyJ]).toEqual([0, 100, 300, 600]);
    const start = energyFromPower(samples([1, 2, 3], [100, 200, 300]), 'start').series;
    expect([...start.atS]).toEqual([1, 2, 3, 4]);
    expect(total(start)).toBe(600);
    const instant = energyFromPower(samples([1, 2, 3], [100, 200, 300]), 'instant').series;
    expect(total(instant)).toBe(400);
  });

  test('across a hole a sample holds for one period and the rest is not covered', () => {
    const { series } = energyFromPower(
      samples([1, 2, 3, 13, 14], [100, 100, 100, 100, 100]),
      'end',
    );
    expect(total(series)).toBeCloseTo(500, 9);
    expect(series.coveredS.at(-1)).toBeCloseTo(5, 9);
    const means = meansOver(series, Float64Array.of(0, 3), Float64Array.of(14, 12));
    expect(means.meanW[0]).toBeCloseTo(100, 9);
    expect(means.coveredRatio[0]).toBeCloseTo(5 / 14, 9);
    expect(means.coveredRatio[1]).toBe(0);
  });

  test('unsorted, repeated, negative and impossible samples are put right or left out, and counted', () => {
    const built = energyFromPower(
      samples([2, 1, 3, 3, 4, 5, 6], [200, 100, 300, 999, -1, Number.NaN, 100]),
      'end',
    );
    expect(built.flaws).toMatchObject({
      unsortedCount: 1,
      duplicateCount: 1,
      negativeCount: 1,
      notFiniteCount: 1,
    });
    expect(total(built.series)).toBeCloseTo(100 + 200 + 300 + 100, 9);
  });

  test('energy is power times covered time, whatever the stamps mean', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.double({ min: 0.1, max: 20, noNaN: true }),
            fc.integer({ min: 0, max: 2000 }),
          ),
          {
            minLength: 2,
            maxLength: 60,
          },
        ),
        fc.constantFrom(...STAMP_MEANINGS),
        (steps, meaning) => {
          let atS = 0;
          const at = steps.map(([stepS]) => (atS += stepS));
          const { series } = energyFromPower(
            samples(
              at,
              steps.map(() => 250),
            ),
            meaning,
          );
          const coveredS = series.coveredS.at(-1) ?? 0;
          expect(total(series)).toBeCloseTo(250 * coveredS, 4);
          for (let knot = 1; knot < series.atS.length; knot++) {
            expect(series.atS[knot]!).toBeGreaterThan(series.atS[knot - 1]!);
          }
        },
      ),
    );
  });
});

describe('counter samples', () => {
  test('a fall is a hole without evidence and a wrap with it', () => {
    const readings = samples([0, 1, 2, 3], [900, 1000, 40, 140]);
    const blind = energyFromCounter(readings);
    expect(total(blind.series)).toBe(200);
    expect(blind.flaws.unknownStepCount).toBe(1);
    expect(total(energyFromCounter(readings, { wrapsAtJ: 1060 }).series)).toBe(300);
    // A reset to nearly zero is no wrap: it would mean a hundred times the usual power.
    const reset = samples([0, 1, 2, 3], [900, 1000, 0, 100]);
    expect(total(energyFromCounter(reset, { wrapsAtJ: 1e6 }).series)).toBe(200);
  });

  test('a jump above any power of a node is a hole', () => {
    expect(total(energyFromCounter(samples([0, 1, 2], [0, 100, 5e9])).series)).toBe(100);
  });
});

test('the sum of feeds covers only what all of them cover', () => {
  const one = energyFromPower(samples([1, 2, 3, 4, 5, 6], [100, 100, 100, 100, 100, 100]), 'end');
  const two = energyFromPower(samples([1.5, 2.5, 3.5, 9.5], [50, 50, 50, 50]), 'end');
  const sum = sumOf([one.series, two.series]);
  const at = curveAt(sum, 6);
  expect(at.coveredS).toBeCloseTo(3, 9);
  expect(at.energyJ).toBeCloseTo(450, 9);
});
