// The clock of a long recording, followed over days: drift, a day that shows nothing, a clock that was set.
import { expect, test } from 'vitest';
import { sumOf, type EnergySeries } from '../../src/align/energy-series.ts';
import { energyFromCounter } from '../../src/align/series-from-samples.ts';
import { DayClocks, type FoundClock } from '../../src/calibrate/long/day-clock.ts';
import type { DayCounter } from '../../src/calibrate/long/day-counters.ts';
import type { DayCounters } from '../../src/calibrate/long/day-rows.ts';
import { countersOf, LONG } from './long-node.ts';

const seriesOf = (day: DayCounters, counter: DayCounter): EnergySeries =>
  energyFromCounter({ originNs: day.originNs, atS: counter.atS, reading: counter.countJ }).series;

function followed(days: readonly DayCounters[]): FoundClock[] {
  const clocks = new DayClocks();
  return days.map((day) => {
    const chips = day.chips.map(({ counter }) => seriesOf(day, counter));
    return clocks.next(seriesOf(day, day.feeds[0]!), sumOf([chips[0]!, ...chips.slice(1)]));
  });
}

/** The offset that a found clock gives at an instant of its day, s. */
const offsetAt = ({ clock }: FoundClock, atS: number): number =>
  clock.offsetS + clock.rateRatio * (atS - clock.pivotS);

test('an offset that drifts is followed from day to day', () => {
  const days = countersOf({ ...LONG, daysCount: 7, seconds: 3000, offsetS: -31, driftS: 1.3 });
  const found = followed(days);
  found.forEach((each, day) => {
    expect(each.trace).toBeDefined();
    // The made-up clock is the same throughout a day.
    expect(Math.abs(offsetAt(each, 1500) - (-31 + 1.3 * day))).toBeLessThan(0.5);
    expect(each.offsetUncertaintyS).toBeLessThan(1);
  });
  expect(found[6]!.clock.rateRatio * 86_400).toBeCloseTo(1.3, 0);
});

test('a day without edges gets what the line says, and less certainly', () => {
  const days = countersOf({ ...LONG, daysCount: 6, seconds: 3000, driftS: 1 });
  for (const { counter } of days[4]!.chips) {
    counter.atS.forEach((atS, index) => (counter.countJ[index] = 100 * atS + 1000));
  }
  const meter = days[4]!.feeds[0]!;
  meter.atS.forEach((atS, index) => (meter.countJ[index] = 900 * atS + 1000));
  const found = followed(days);
  expect(found[4]!.trace).toBeUndefined();
  expect(found[4]!.offsetUncertaintyS).toBeGreaterThan(found[3]!.offsetUncertaintyS);
  expect(Math.abs(offsetAt(found[4]!, 1500) - (1.7 + 4))).toBeLessThan(0.7);
  expect(found[5]!.trace).toBeDefined();
});

test('a clock that was set begins anew', () => {
  const days = [
    ...countersOf({ ...LONG, daysCount: 4, seconds: 3000, driftS: 0 }),
    ...countersOf({ ...LONG, daysCount: 8, seconds: 3000, driftS: 0, offsetS: 24 }).slice(4),
  ];
  const found = followed(days);
  expect(Math.abs(offsetAt(found[3]!, 1500) - 1.7)).toBeLessThan(0.4);
  for (const each of found.slice(4)) {
    expect(Math.abs(offsetAt(each, 1500) - 24)).toBeLessThan(0.4);
  }
});
