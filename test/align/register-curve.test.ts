// The curve of a register: exact at anchors, shaped by power, broken by what nobody can explain.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegisterCurve } from '../../src/align/register-curve.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import { counterAt, secondsNs } from './counter-readings.ts';

const WH = 3_600_000_000n;
const curveOf = (): RegisterCurve =>
  new RegisterCurve({ ceilingW: watts(10_000), holeS: 5, holdAfterS: 86_400 });

describe('anchors', () => {
  test('a step of one quantum lies in the middle between the last read of the old count and the first of the new', () => {
    const curve = curveOf();
    for (const [atS, count] of [
      [0, 7n],
      [1, 7n],
      [2, 8n],
      [3, 8n],
    ] as const) {
      curve.observe(counterAt(atS, count * WH, { quantumUj: WH }));
    }
    expect(curve.energyAt(secondsNs(1.5))).toMatchObject({
      energyUj: 8n * WH,
      after: { atNs: secondsNs(1.5) },
    });
  });

  test('of a step of many quanta the last was reached in the last of as many parts', () => {
    const curve = curveOf();
    curve.observe(counterAt(0, 0n, { quantumUj: 1n }));
    curve.observe(counterAt(1, 100n, { quantumUj: 1n }));
    expect(curve.lastAnchor()?.atNs).toBe(secondsNs(0.995));
  });

  test('power shapes what lies between, scaled to hit both anchors', () => {
    const curve = curveOf();
    curve.power.observe(secondsNs(0), watts(0));
    curve.observe(counterAt(0, 0n, { quantumUj: WH }));
    for (let atS = 1; atS <= 10; atS += 1) {
      curve.power.observe(secondsNs(atS), watts(atS <= 5 ? 0 : 900));
      curve.observe(counterAt(atS, atS < 10 ? 0n : WH, { quantumUj: WH }));
    }
    curve.power.observe(secondsNs(11), watts(900));
    curve.observe(counterAt(11, WH, { quantumUj: WH }));
    const early = curve.energyAt(secondsNs(4));
    const late = curve.energyAt(secondsNs(9.5));
    expect(early).toMatchObject({ energyUj: 0n, method: 'register+power' });
    expect(late).toMatchObject({ energyUj: WH });
    expect(Number(curve.energyAt(secondsNs(7.5))?.energyUj)).toBeCloseTo(Number(WH) * 0.5, -3);
  });

  test('whatever the edges, adjoining intervals sum to the register between the outer ones, to the µJ', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 4000 }), fc.bigInt(0n, 30_000_000n)), {
          minLength: 3,
          maxLength: 60,
        }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 20 }),
        (steps, shares) => {
          const curve = curveOf();
          let atS = 0;
          let energyUj = 10n ** 17n;
          curve.observe(counterAt(atS, energyUj));
          for (const [stepMs, stepUj] of steps) {
            atS += stepMs / 1000;
            energyUj += stepUj > BigInt(stepMs) * 9_000_000n ? BigInt(stepMs) * 9_000_000n : stepUj;
            curve.observe(counterAt(atS, energyUj));
          }
          const fromNs = curve.firstAnchor()!.atNs;
          const untilNs = curve.lastAnchor()!.atNs;
          const edges = shares
            .map((share) => fromNs + BigInt(Math.floor(share * Number(untilNs - fromNs))))
            .sort((a, b) => (a < b ? -1 : 1));
          const at = [fromNs, ...edges, untilNs].map(
            (edge) => curve.energyAt(instantNs(edge))!.energyUj,
          );
          const parts = at.slice(1).map((energy, i) => energy - at[i]!);
          expect(parts.every((part) => part >= 0n)).toBe(true);
          expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(energyUj - 10n ** 17n);
        },
      ),
    );
  });
});

describe('what does not fit', () => {
  test('a glitch to zero is forgotten and nothing is booked', () => {
    const curve = curveOf();
    curve.observe(counterAt(0, 1000n * WH));
    expect(curve.observe(counterAt(1, 0n))).toEqual({ taken: 'suspect', because: 'counter.fell' });
    curve.observe(counterAt(2, 1000n * WH + 500_000_000n));
    expect(curve.energyAt(curve.lastAnchor()!.atNs)?.energyUj).toBe(1000n * WH + 500_000_000n);
    expect(curve.breakWithin(secondsNs(0), secondsNs(2))).toBeUndefined();
  });

  test('a rollback breaks the curve: the energy across it is unknown, behind it counting goes on', () => {
    const curve = curveOf();
    curve.observe(counterAt(0, 1000n * WH));
    curve.observe(counterAt(1, 1000n * WH + 500_000_000n));
    for (const atS of [2, 3, 4, 5])
      curve.observe(counterAt(atS, 900n * WH + BigInt(atS) * 500_000_000n));
    expect(curve.breakWithin(secondsNs(0), secondsNs(5))).toBe('counter.rolled-back');
    const before = curve.energyAt(secondsNs(0.9))!;
    const after = curve.energyAt(secondsNs(4))!;
    expect(after.stretch).not.toBe(before.stretch);
    expect(curve.energyAt(curve.lastAnchor()!.atNs)!.energyUj - after.energyUj).toBeLessThanOrEqual(
      500_000_000n,
    );
  });

  test('a stamp that goes back is dropped', () => {
    const curve = curveOf();
    curve.observe(counterAt(10, 10n));
    expect(curve.observe(counterAt(9, 11n))).toEqual({
      taken: 'dropped',
      because: 'time.backwards',
    });
    expect(curve.observe(counterAt(10, 10n))).toEqual({
      taken: 'dropped',
      because: 'time.duplicate',
    });
  });

  test('a hole is bridged by the register and said', () => {
    const curve = curveOf();
    for (const [atS, energyUj] of [
      [0, 0n],
      [1, 1000n],
      [100, 100_000n],
      [101, 101_000n],
    ] as const) {
      curve.observe(counterAt(atS, energyUj));
    }
    expect(curve.energyAt(secondsNs(50))).toMatchObject({
      hole: { fromNs: secondsNs(1), untilNs: secondsNs(100) },
    });
    expect(curve.energyAt(secondsNs(100.8))).toMatchObject({ hole: undefined });
    expect(curve.holeWithin(secondsNs(0), secondsNs(50))).toBe(true);
  });

  test('while the register stands still the curve stays within one quantum', () => {
    const curve = curveOf();
    curve.power.observe(secondsNs(0), watts(5000));
    curve.observe(counterAt(0, 0n, { quantumUj: WH }));
    for (let atS = 1; atS <= 4; atS += 1) {
      curve.power.observe(secondsNs(atS), watts(5000));
      curve.observe(counterAt(atS, 0n, { quantumUj: WH }));
    }
    expect(curve.energyAt(secondsNs(3))).toBeUndefined();
    expect(curve.provisionalAt(secondsNs(3))).toMatchObject({ energyUj: WH - 1n });
  });

  test('forgetting the past does not change what comes after', () => {
    const curve = curveOf();
    const twin = curveOf();
    for (let atS = 0; atS <= 100; atS += 1) {
      for (const each of [curve, twin]) {
        each.power.observe(secondsNs(atS), watts(100 + atS));
        each.observe(counterAt(atS, BigInt(atS) * 100_000_000n, { quantumUj: WH / 100n }));
      }
    }
    curve.prune(secondsNs(60));
    for (let atS = 60; atS < 98; atS += 0.7) {
      expect(curve.energyAt(secondsNs(atS))).toEqual(twin.energyAt(secondsNs(atS)));
    }
    expect(curve.energyAt(secondsNs(20))).toBeUndefined();
  });
});
