// Golden vectors of validation: for each check what passes, what does not, and the boundary between them.
import { describe, expect, test } from 'vitest';
import { QUALITIES, type Quality } from '../../../src/quantity/quality.ts';
import { durationNs } from '../../../src/quantity/time.ts';
import { microjoules, watts } from '../../../src/quantity/units.ts';
import { mayReplace } from '../../../src/settle/vee/estimate-rank.ts';
import {
  checkAgainstMeter,
  checkCeiling,
  checkFrozen,
  checkMissing,
  checkNegative,
  checkProlongedEstimation,
  checkSpike,
  checkZero,
  type IntervalSeries,
} from '../../../src/settle/vee/interval-checks.ts';
import { type RegisterInterval, SumCheck } from '../../../src/settle/vee/sum-check.ts';
import { quarter, QUARTER } from '../accounts/plans.ts';

const series = (
  energyUj: readonly (bigint | undefined)[],
  quality: Quality = 'actual',
): IntervalSeries => ({
  startNs: quarter(0),
  interval: QUARTER,
  energyUj,
  qualities: energyUj.map((uj) => (uj === undefined ? undefined : quality)),
});

describe('intervals', () => {
  test('missing', () => {
    expect(checkMissing(series([1n, 2n]))).toBeUndefined();
    expect(checkMissing(series([1n, undefined, undefined]))).toMatchObject({
      verdict: 'warn',
      startNs: quarter(1),
      says: '2 of 3 intervals have no energy',
    });
  });

  test('negative: 0 passes, −1 µJ does not', () => {
    expect(checkNegative(series([0n, 5n]))).toBeUndefined();
    expect(checkNegative(series([0n, -1n]))).toMatchObject({
      verdict: 'fail',
      startNs: quarter(1),
    });
  });

  test('ceiling: 3680 W for 15 min are 3.312 MJ, and 1 µJ more is too much', () => {
    expect(checkCeiling(series([3_312_000_000_000n]), watts(3680))).toBeUndefined();
    expect(checkCeiling(series([3_312_000_000_001n]), watts(3680))).toMatchObject({
      verdict: 'fail',
    });
  });

  test('spike: 280 against a third-highest of 100 passes, 281 does not', () => {
    expect(checkSpike(series([100n, 280n, 100n, 100n, 90n]))).toBeUndefined();
    expect(checkSpike(series([100n, 281n, 100n, 100n, 90n]))).toMatchObject({
      verdict: 'warn',
      startNs: quarter(1),
    });
    // Two high ones are a load, not a spike; two intervals alone say nothing.
    expect(checkSpike(series([100n, 900n, 900n, 900n]))).toBeUndefined();
    expect(checkSpike(series([1n, 1000n]))).toBeUndefined();
    expect(checkSpike(series([0n, 0n, 1n]))).toMatchObject({ verdict: 'warn' });
  });

  test('frozen: the same twice passes, three times does not; zeros and holes are something else', () => {
    expect(checkFrozen(series([7n, 7n, 8n, 8n]))).toBeUndefined();
    expect(checkFrozen(series([1n, 7n, 7n, 7n]))).toMatchObject({
      verdict: 'warn',
      startNs: quarter(1),
    });
    expect(checkFrozen(series([0n, 0n, 0n]))).toBeUndefined();
    expect(checkFrozen(series([7n, 7n, undefined, 7n]))).toBeUndefined();
  });

  test('zero: a failure only where something ran behind it', () => {
    expect(checkZero(series([0n, 1n]), true)).toBeUndefined();
    expect(checkZero(series([undefined]), true)).toBeUndefined();
    expect(checkZero(series([0n, undefined, 0n]), false)).toMatchObject({ verdict: 'warn' });
    expect(checkZero(series([0n, 0n]), true)).toMatchObject({ verdict: 'fail' });
  });

  test('prolonged estimation: an hour passes, five quarters do not', () => {
    const hour = durationNs(3_600_000_000_000n);
    const estimates = (count: number) =>
      series(
        Array.from({ length: count }, () => 1n),
        'interpolated',
      );
    expect(checkProlongedEstimation(estimates(4), hour)).toBeUndefined();
    expect(checkProlongedEstimation(estimates(5), hour)).toMatchObject({ startNs: quarter(0) });
    const broken = { ...estimates(8), qualities: estimates(8).qualities.with(4, 'actual') };
    expect(checkProlongedEstimation(broken, hour)).toBeUndefined();
  });

  test('two meters of one thing: their uncertainty passes, 1 µJ more does not', () => {
    expect(checkAgainstMeter(1000n, 990n, 10n)).toBeUndefined();
    expect(checkAgainstMeter(990n, 1000n, 10n)).toBeUndefined();
    expect(checkAgainstMeter(1000n, 989n, 10n)).toMatchObject({ verdict: 'fail' });
  });
});

/** A register that is read at every edge, in steps of 10. */
function interval(count: number, fromUj: bigint, untilUj: bigint, over = {}): RegisterInterval {
  const edge = (which: 'from' | 'until', at: number, energyUj: bigint) => ({
    source: 'm1',
    edge: which,
    energyUj: microjoules(energyUj),
    before: { atNs: quarter(at), energyUj: microjoules((energyUj / 10n) * 10n) },
    after: { atNs: quarter(at), energyUj: microjoules((energyUj / 10n) * 10n + 10n) },
  });
  return {
    startNs: quarter(count),
    untilNs: quarter(count + 1),
    energyUj: untilUj - fromUj,
    from: edge('from', count, fromUj),
    until: edge('until', count + 1, untilUj),
    ...over,
  };
}

describe('the sum check', () => {
  const check = (...intervals: (RegisterInterval | undefined)[]) => {
    const sum = new SumCheck();
    intervals.forEach((one) => {
      sum.add(one);
    });
    return sum.finish();
  };

  test('intervals that telescope pass', () => {
    expect(
      check(interval(0, 3n, 55n), interval(1, 55n, 99n), interval(2, 99n, 99n)),
    ).toBeUndefined();
  });

  test('an energy that is not the difference of its edges fails, to the µJ', () => {
    expect(check(interval(0, 0n, 50n, { energyUj: 51n }))).toMatchObject({
      verdict: 'fail',
      startNs: quarter(0),
    });
  });

  test('neighbours that disagree about their edge fail', () => {
    expect(check(interval(0, 0n, 51n), interval(1, 52n, 90n))).toMatchObject({
      verdict: 'fail',
      startNs: quarter(1),
    });
  });

  test('after a break, a hole or another meter the next run stands for itself', () => {
    expect(check(interval(0, 0n, 51n), interval(1, 901n, 950n))).toBeUndefined();
    expect(check(interval(0, 0n, 51n), undefined, interval(2, 90n, 95n))).toBeUndefined();
  });

  test('a sum outside of what the register counted around it fails', () => {
    const last = interval(1, 50n, 90n);
    const wrong = { ...last, until: { ...last.until, after: last.from.after } };
    expect(check(interval(0, 0n, 50n), wrong)).toMatchObject({ verdict: 'fail' });
  });

  test('the lifetime total of a meter never passes for an interval', () => {
    // 25567.548 kWh, then 0, then 25567.550: the step is 0.002 kWh, not 25567.548.
    const kwh = (milli: bigint) => milli * 3_600_000_000n;
    const honest = interval(0, kwh(25_567_548n), kwh(25_567_550n));
    expect(check(honest)).toBeUndefined();
    expect(check({ ...honest, energyUj: kwh(25_567_550n) })).toMatchObject({ verdict: 'fail' });
  });
});

describe('ranks', () => {
  test('a worse estimate never replaces a better one; what is open gives way', () => {
    expect(mayReplace('interpolated', 'actual')).toBe(true);
    expect(mayReplace('interpolated', 'interpolated')).toBe(true);
    expect(mayReplace('interpolated', 'like-day')).toBe(false);
    expect(mayReplace('scaled', 'interpolated')).toBe(false);
    for (const quality of QUALITIES) {
      expect(mayReplace('provisional', quality)).toBe(true);
      expect(mayReplace('missing', quality)).toBe(true);
      expect(mayReplace('actual', quality)).toBe(quality === 'actual');
    }
  });
});
