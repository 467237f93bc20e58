// What happened between two readings: the field's worst bugs, each as a case.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepBetween } from '../../src/align/counter-step.ts';
import { watts } from '../../src/quantity/units.ts';
import { counterAt } from './counter-readings.ts';

const ceilingW = watts(1000);
const range = 262_143_328_850n;

describe('a step', () => {
  test('advances by the difference', () => {
    expect(stepBetween(counterAt(0, 5n), counterAt(1, 500_000_005n), ceilingW)).toEqual({
      step: 'advanced',
      byUj: 500_000_000n,
    });
  });

  test('wraps only with evidence: a known range and a plausible power', () => {
    const before = counterAt(0, range - 100_000_000n, { wrapsAtUj: range });
    const after = counterAt(1, 200_000_000n, { wrapsAtUj: range });
    expect(stepBetween(before, after, ceilingW)).toEqual({ step: 'wrapped', byUj: 300_000_000n });
  });

  test('a reset in the middle of the range is no wrap', () => {
    const before = counterAt(0, range / 2n, { wrapsAtUj: range });
    const after = counterAt(1, 5_000_000n, { wrapsAtUj: range });
    expect(stepBetween(before, after, ceilingW)).toEqual({
      step: 'unknown',
      because: 'counter.fell',
    });
  });

  test('a counter that may have turned twice says nothing', () => {
    const before = counterAt(0, 0n, { wrapsAtUj: range });
    const after = counterAt(400, 10_000_000n, { wrapsAtUj: range });
    expect(stepBetween(before, after, ceilingW)).toEqual({
      step: 'unknown',
      because: 'counter.too-fast',
    });
  });

  test('a lifetime total after a zero is never booked', () => {
    const total = 36_000_000_000_000n;
    expect(stepBetween(counterAt(0, 0n), counterAt(1, total), ceilingW)).toEqual({
      step: 'unknown',
      because: 'counter.too-fast',
    });
  });

  test('another boot is another counter, even where it is higher', () => {
    const before = counterAt(0, 5n, { epoch: 'a' });
    const after = counterAt(1, 6n, { epoch: 'b' });
    expect(stepBetween(before, after, ceilingW)).toEqual({
      step: 'unknown',
      because: 'counter.restarted',
    });
  });

  test('never yields more than the ceiling allows, never less than nothing', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, range - 1n),
        fc.bigInt(0n, range - 1n),
        fc.integer({ min: 1, max: 250 }),
        fc.boolean(),
        (a, b, elapsedS, wraps) => {
          const more = wraps ? { wrapsAtUj: range } : {};
          const step = stepBetween(counterAt(0, a, more), counterAt(elapsedS, b, more), ceilingW);
          if (step.step === 'unknown') return;
          expect(step.byUj).toBeGreaterThanOrEqual(0n);
          expect(step.byUj).toBeLessThanOrEqual(BigInt(elapsedS) * 1_000_000_000n + 2n);
          expect((a + step.byUj) % (wraps ? range : 1n << 80n)).toBe(b);
        },
      ),
    );
  });
});
