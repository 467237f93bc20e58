// What stamps give away without any load, what an offset may and may not say about their meaning, and what a new recording
// of the same instruments is to be expected to show.
import { describe, expect, test } from 'vitest';
import { meansOver } from '../../src/align/energy-series.ts';
import { newOffsetUncertaintyS, offsetLawOf, shrunk } from '../../src/align/offset-law.ts';
import { windowsOnChips } from '../../src/align/run-clock.ts';
import { partOf, stampHabitOf } from '../../src/align/stamp-habit.ts';
import { readStamps } from '../../src/align/stamp-meaning.ts';
import { minimalRandom, ORIGIN, seriesFrom } from '../calibrate/synthetic-node.ts';

const stamps = (count: number, of: (row: number) => number): Float64Array =>
  Float64Array.from({ length: count }, (_, row) => of(row));
const even = (count: number): Float64Array => new Float64Array(count).fill(100);

describe('habits', () => {
  test('stamps that jitter are read; equal steps are counted, from a floored start where that is whole', () => {
    const random = minimalRandom(4);
    const read = seriesFrom(
      stamps(200, (row) => row + 0.002 * random()),
      even(200),
    );
    expect(stampHabitOf(read).origin).toBe('read');
    const counted = seriesFrom(
      stamps(200, (row) => 17.3 + row * 0.5),
      even(200),
    );
    expect(stampHabitOf(counted)).toMatchObject({ origin: 'counted', startsFloored: false });
    const floored = seriesFrom(
      stamps(200, (row) => 17 + row * 0.5),
      even(200),
    );
    expect(stampHabitOf(floored)).toMatchObject({ origin: 'counted', startsFloored: true });
    const seconds = seriesFrom(
      stamps(200, (row) => 17 + row),
      even(200),
    );
    expect(stampHabitOf(seconds).startsFloored).toBe(false);
  });

  test('a hole in counted stamps is a new start, one in read stamps is not', () => {
    const random = minimalRandom(5);
    const gap = (row: number): number => (row < 100 ? row * 0.5 : row * 0.5 + 127.3);
    const counted = stampHabitOf(seriesFrom(stamps(200, gap), even(200)));
    expect(counted.acquisitions).toHaveLength(2);
    const whole = seriesFrom(stamps(200, gap), even(200));
    const second = partOf(whole, counted.acquisitions[1]!);
    expect(second.atS[0]).toBeCloseTo(99.5 * 0.5 + 127.3 - 0.25, 6);
    expect(second.energyJ.at(-1)! - second.energyJ[0]!).toBeCloseTo(100 * 50, 6);
    const read = seriesFrom(
      stamps(200, (row) => gap(row) + 0.01 * random()),
      even(200),
    );
    expect(stampHabitOf(read).acquisitions).toHaveLength(1);
  });
});

describe('what a stamp means', () => {
  const context = { meterPeriodS: 1, chipPeriodS: 0.5, syncS: 0.01 };

  test('for clocks that agree the offset is the meaning', () => {
    expect(readStamps(0.51, 0.02, context)).toEqual({
      standing: 'several',
      pairs: [
        { meter: 'start', chips: 'start' },
        { meter: 'middle', chips: 'end' },
      ],
    });
    expect(readStamps(1.01, 0.02, context)).toEqual({
      standing: 'one',
      pairs: [{ meter: 'start', chips: 'end' }],
    });
  });

  test('an offset that no meaning explains, or that is not sharp enough, is not read', () => {
    expect(readStamps(3.2, 0.02, context).standing).toBe('none');
    expect(readStamps(0.5, 0.2, context)).toEqual({ standing: 'unread', pairs: [] });
    expect(readStamps(0.5, Number.NaN, context).standing).toBe('unread');
  });
});

describe('the law of recordings', () => {
  const seen = (offsetS: number, uncertaintyS: number) => ({
    offsetS,
    uncertaintyS,
    rateRatio: 0,
    rateUncertaintyRatio: Infinity,
  });

  test('none gives none; one leaves the phase of the tool open; several show their scatter', () => {
    expect(offsetLawOf([], false, 1)).toBeUndefined();
    const one = offsetLawOf([seen(0.9, 0.02)], false, 1)!;
    expect(one.scatterS).toBeCloseTo(1 / Math.sqrt(12), 9);
    expect(newOffsetUncertaintyS(one)).toBeGreaterThan(0.28);
    const random = minimalRandom(9);
    const many = Array.from({ length: 200 }, () => {
      let normal = -6;
      for (let draw = 0; draw < 12; draw++) normal += random();
      return seen(0.9 + 0.2 * normal, 0.05);
    });
    const law = offsetLawOf(many, false, 1)!;
    expect(law.meanS).toBeCloseTo(0.9, 1);
    expect(law.scatterS).toBeGreaterThan(0.15);
    expect(law.scatterS).toBeLessThan(0.25);
    expect(law.halfWidthS).toBe(0);
  });

  test('one recording that was set otherwise teaches the others nothing and keeps its own', () => {
    const law = offsetLawOf(
      [...Array.from({ length: 9 }, () => seen(0.9, 0.02)), seen(7, 0.02)],
      false,
      1,
    )!;
    expect(law.meanS).toBeCloseTo(0.9, 6);
    expect(shrunk({ value: 7, uncertainty: 0.02 }, law.meanS, law.scatterS).value).toBe(7);
    // One that is unsure of itself takes what the others know.
    const drawn = shrunk({ value: 1.2, uncertainty: 0.3 }, 0.9, 0.02);
    expect(drawn.value).toBeCloseTo(0.9, 1);
    expect(drawn.uncertainty).toBeLessThan(0.03);
  });

  test('starts that are cut to the second lie within one second, and the law is that second', () => {
    const random = minimalRandom(21);
    const floored = Array.from({ length: 12 }, () => seen(0.85 - random(), 0.02));
    const law = offsetLawOf(floored, true, 0.5)!;
    expect(law.halfWidthS).toBe(0.5);
    expect(Math.abs(law.meanS - 0.35)).toBeLessThan(3 * law.meanUncertaintyS);
    expect(law.meanUncertaintyS).toBeLessThan(0.15);
    expect(newOffsetUncertaintyS(law)).toBeGreaterThan(0.28);
  });
});

test('a clock of several lines moves each window by its own, and covers none that a new line cuts', () => {
  const chips = seriesFrom(
    stamps(400, (row) => row + 1),
    stamps(400, (row) => (row < 200 ? 100 : 300)),
  );
  const clock = {
    offsetS: 2,
    rateRatio: 0,
    pivotS: 0,
    later: [{ fromS: 105, offsetS: -50, rateRatio: 0.01, pivotS: 100 }],
  };
  const windows = {
    fromS: Float64Array.of(50, 100, 110),
    untilS: Float64Array.of(60, 110, 120),
  };
  const moved = windowsOnChips(windows, ORIGIN, chips, clock);
  expect([...moved.fromS]).toEqual([52, 102, 60.1]);
  expect(moved.untilS[0]).toBe(62);
  expect(moved.untilS[2]).toBeCloseTo(70.2, 9);
  const { coveredRatio } = meansOver(chips, moved.fromS, moved.untilS);
  expect(coveredRatio[1]).toBe(0);
  expect(coveredRatio[2]).toBeCloseTo(1, 9);
});
