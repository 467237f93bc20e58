// Rows that a report of a long history draws: means over minutes, each where it was, none of what fell out.
import { expect, test } from 'vitest';
import { drawnRows } from '../../src/calibrate/long/drawn-rows.ts';
import { rowsOfDay, cellsCount, type DayCounters } from '../../src/calibrate/long/day-rows.ts';
import { instantNs } from '../../src/quantity/time.ts';

const SECONDS = 4000;
const DAY_S = 1_735_689_600;

/** One chip of 100 W, from half of the day on of 300 W; a meter of twice that and 50 W; `lost` readings fell out. */
function dayOf(lost: (second: number) => boolean): DayCounters {
  const kept = Array.from({ length: SECONDS + 1 }, (_, second) => second).filter(
    (second) => !lost(second),
  );
  const energyJ = (second: number): number =>
    100 * second + 200 * Math.max(0, second - SECONDS / 2);
  const atS = Float64Array.from(kept);
  return {
    originNs: instantNs(BigInt(DAY_S) * 1_000_000_000n),
    feeds: [
      {
        atS,
        countJ: Float64Array.from(kept, (second) => 2 * energyJ(second) + 50 * second),
        ceilingW: 1e4,
      },
    ],
    chips: [
      {
        counter: { atS, countJ: Float64Array.from(kept, energyJ), ceilingW: 1e4 },
        addTo: [0],
        takeFrom: [],
      },
    ],
    termsCount: 1,
    clock: { offsetS: 0, rateRatio: 0, pivotS: 0 },
    rowS: 1,
  };
}
const rowsOf = (lost: (second: number) => boolean = () => false) => {
  const counters = dayOf(lost);
  const day = rowsOfDay({ counters, cells: new Float32Array(cellsCount(counters)) });
  return { day, rows: drawnRows([day, day], 1) };
};
const sum = (values: Iterable<number>): number => [...values].reduce((all, each) => all + each, 0);

test('minutes of a whole day: power, length and place of each', () => {
  const { rows } = rowsOf();
  expect(rows.count).toBe(2 * Math.ceil(SECONDS / 60));
  expect(sum(rows.lengthS)).toBeCloseTo(2 * SECONDS, 6);
  for (let row = 0; row < rows.count / 2; row++) {
    const atS = rows.atS[row]! - DAY_S;
    expect(atS).toBeCloseTo(60 * row + rows.lengthS[row]! / 2, 6);
    if (Math.abs(atS - SECONDS / 2) < 60) continue;
    const chipW = atS < SECONDS / 2 ? 100 : 300;
    expect(rows.chipW[0]![row]).toBeCloseTo(chipW, 3);
    expect(rows.meterW[row]).toBeCloseTo(2 * chipW + 50, 3);
  }
  expect([...new Set(rows.run)]).toEqual([0, 1]);
});

test('what fell out is drawn by nobody, and energy of the rest is that of its rows', () => {
  const { day, rows } = rowsOf((second) => second > 700 && second < 1300);
  expect(sum(rows.lengthS)).toBeCloseTo(2 * day.coveredS, 6);
  expect(day.coveredS).toBeLessThan(SECONDS - 590);
  const energyJ = sum(rows.meterW.map((powerW, row) => powerW * rows.lengthS[row]!)) / 2;
  // The hole lies in the first half: 250 W over what is left of it, 650 W over the second.
  expect(energyJ).toBeCloseTo(250 * (day.coveredS - SECONDS / 2) + 650 * (SECONDS / 2), -1);
  for (let row = 1; row < rows.count / 2; row++) {
    expect(rows.atS[row]!).toBeGreaterThan(rows.atS[row - 1]!);
  }
});

test('a day without rows draws nothing', () => {
  const { rows } = rowsOf((second) => second > 0);
  expect(rows.count).toBe(0);
});
