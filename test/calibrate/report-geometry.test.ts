// The geometry of plots: ticks on round numbers, places inside of the paper, and something sensible where there is nothing
// to draw, one point, or the same value throughout. Expected values are arithmetic or tables of a standard.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evenly, mostStriking } from '../../src/calibrate/figures/thinning.ts';
import { shareWithin } from '../../src/calibrate/figures/coverage-figure.ts';
import { linearAxis, niceStep, rangeOf, timeAxis } from '../../src/cli/report-page/axis.ts';
import {
  decimal,
  digitsFor,
  duration,
  kilowattHours,
  signedPercent,
  watts,
  withU,
} from '../../src/cli/report-page/figure-text.ts';
import { html, shortened } from '../../src/cli/report-page/markup.ts';
import { coverageFactor } from '../../src/quantity/uncertainty.ts';

const PAPER = { fromPx: 60, untilPx: 700 };
const plain = (text: string): string => text.replaceAll(/[\u{a0}\u{202f}]/gu, ' ');

describe('an axis', () => {
  test('has ticks on round numbers and ends on them', () => {
    const axis = linearAxis([3, 97], PAPER, { ticksCount: 5 });
    expect(axis.ticks.map((tick) => tick.label)).toEqual(['0', '20', '40', '60', '80', '100']);
    expect([axis.at(0), axis.at(50), axis.at(100)]).toEqual([60, 380, 700]);
    const small = linearAxis([-0.0042, 0.0061], PAPER, { ticksCount: 6 });
    expect(small.ticks.map((tick) => tick.label)).toEqual([
      '−0.006',
      '−0.004',
      '−0.002',
      '0.000',
      '0.002',
      '0.004',
      '0.006',
      '0.008',
    ]);
  });

  test('a tight one ends where the data does', () => {
    const axis = linearAxis([3, 97], PAPER, { ticksCount: 5, tight: true });
    expect(axis.ticks.map((tick) => tick.position)).toEqual([20, 40, 60, 80]);
    expect([axis.at(3), axis.at(97)]).toEqual([60, 700]);
  });

  test('steps are 1, 2 or 5 times a power of ten', () => {
    expect([100, 120, 260, 0.07, 9.9e6].map((span) => niceStep(span, 10))).toEqual([
      10, 20, 50, 0.01, 1e6,
    ]);
  });

  test('is there for nothing, for one value and for nought', () => {
    for (const range of [undefined, [5, 5], [0, 0], [-3, -3]] as const) {
      const axis = linearAxis(range, PAPER, { ticksCount: 5 });
      expect(axis.ticks.length, String(range)).toBeGreaterThan(1);
      expect(axis.until).toBeGreaterThan(axis.from);
      const middle = axis.at(range?.[0] ?? 0.5);
      expect(middle).toBeGreaterThanOrEqual(60);
      expect(middle).toBeLessThanOrEqual(700);
    }
    expect(rangeOf([], [])).toBeUndefined();
    expect(rangeOf([NaN, 2, Infinity], [-1])).toEqual([-1, 2]);
  });

  test('nothing leaves the paper, ticks ascend and stay few, whatever the data', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 });
    fc.assert(
      fc.property(finite, finite, finite, fc.boolean(), (a, b, other, tight) => {
        const axis = linearAxis([Math.min(a, b), Math.max(a, b)], PAPER, { ticksCount: 6, tight });
        const place = axis.at(other);
        expect(place).toBeGreaterThanOrEqual(60);
        expect(place).toBeLessThanOrEqual(700);
        expect(axis.ticks.length).toBeLessThanOrEqual(14);
        const places = axis.ticks.map((tick) => tick.position);
        expect([...places].sort((x, y) => x - y)).toEqual(places);
      }),
    );
  });

  test('of time has the date at its first tick and at each new day', () => {
    const nineS = Date.UTC(2026, 0, 31, 21) / 1000;
    const axis = timeAxis([nineS, nineS + 6 * 3600], PAPER, 7);
    expect(axis.ticks.map((tick) => tick.label)).toEqual([
      '21:00\n2026-01-31',
      '22:00',
      '23:00',
      '00:00\n2026-02-01',
      '01:00',
      '02:00',
      '03:00',
    ]);
    const one = timeAxis([nineS, nineS], PAPER, 6);
    expect(one.ticks.length).toBeGreaterThan(1);
    expect(one.at(nineS)).toBe(380);
    const years = timeAxis([0, 20 * 366 * 86_400], PAPER, 6);
    expect(years.ticks[0]!.label).toBe('1970-01-01');
  });
});

describe('numbers become text', () => {
  test('to the digits of their uncertainty', () => {
    expect(plain(withU(284.9612, 3.24, 'W'))).toBe('285.0 ± 3.2 W');
    expect(plain(withU(1.18598, 0.00046, 'W/W'))).toBe('1.18598 ± 0.00046 W/W');
    expect(plain(withU(12345.6, 120, 'W'))).toBe('12 346 ± 120 W');
    expect([0.034, 0.34, 3.4, 34, 3400, 0, NaN].map(digitsFor)).toEqual([3, 2, 1, 0, 0, 3, 3]);
  });

  test('with minus signs, thousands apart, and no negative nought', () => {
    expect(decimal(-1234.5, 1)).toBe('−1234.5');
    expect(plain(decimal(-1234567, 0))).toBe('−1 234 567');
    expect(decimal(-0.0001, 2)).toBe('0.00');
    expect(plain(signedPercent(0.0123))).toBe('+1.23 %');
    expect([0, 0.084, 12.34, 5678.9].map((each) => plain(watts(each)))).toEqual([
      '0 W',
      '0.0840 W',
      '12.3 W',
      '5679 W',
    ]);
    expect(plain(kilowattHours(6.2e6))).toBe('1.72 kWh');
  });

  test('durations in the units of people', () => {
    const told = [1, 45, 90, 720, 7500, 10_800, 180_000, 273_600].map((each) =>
      plain(duration(each)),
    );
    expect(told).toEqual([
      '1.0 s',
      '45 s',
      '2 min',
      '12 min',
      '2 h 05 min',
      '3 h',
      '2 d 2 h',
      '3 d 4 h',
    ]);
  });
});

describe('markup', () => {
  test('what is put in is escaped, and cannot reorder or hide what is beside it', () => {
    expect(html`<p title="${'"><script>'}">${"<b>&'x"}</p>`.text).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&#39;x</p>',
    );
    expect(html`${'a\u{202e}b\u{0}c\u{d800}d\u{200f}'}`.text).toBe(
      'a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}',
    );
    expect(html`${html`<i>${'x<'}</i>`}${undefined}${[html`1`, html`2`]}`.text).toBe(
      '<i>x&lt;</i>12',
    );
  });

  test('names are cut by characters, not through them', () => {
    expect(shortened('😀'.repeat(9), 4)).toBe('😀😀😀…');
    expect(shortened('four', 4)).toBe('four');
  });
});

describe('thinning', () => {
  test('keeps the ends and is even', () => {
    expect(evenly(5, 9)).toEqual([0, 1, 2, 3, 4]);
    expect(evenly(101, 5)).toEqual([0, 25, 50, 75, 100]);
    expect([evenly(0, 5), evenly(9, 1), evenly(9, 0)]).toEqual([[], [0], []]);
  });

  test('keeps what is most striking, in order', () => {
    const list = Array.from({ length: 100 }, (_, index) => (index === 40 || index === 70 ? 9 : 1));
    const kept = mostStriking(
      list.map((size, index) => ({ size, index })),
      10,
      (each) => each.size,
    );
    expect(kept).toHaveLength(10);
    expect(kept.map((each) => each.index)).toEqual(
      [...kept.map((each) => each.index)].sort((a, b) => a - b),
    );
    expect(kept.filter((each) => each.size === 9)).toHaveLength(2);
  });
});

test('the share within k·u is 95.45 % where k is the one of GUM table G.2', () => {
  for (const dof of [1, 2, 3, 5, 10, 20, 45]) {
    expect(shareWithin(coverageFactor(dof), dof), `${dof}`).toBeCloseTo(0.9545, 2.7);
  }
  // The normal distribution: 1 and 2 standard deviations.
  expect(shareWithin(1, Infinity)).toBeCloseTo(0.6827, 2);
  expect(shareWithin(2, Infinity)).toBeCloseTo(0.9545, 2);
  // Student's t at one degree of freedom is Cauchy's: 2/π atan.
  expect(shareWithin(1, 1)).toBeCloseTo(0.5, 6);
  expect(shareWithin(0, 7)).toBe(0);
});
