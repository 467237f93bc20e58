// The plan of polls by values alone: civil ticks, missed ticks, clocks that are set, fair turns, rests of the dead.
import { describe, expect, test } from 'vitest';
import { durationNs, fromSeconds, instantNs } from '../../src/quantity/time.ts';
import { Breaker } from '../../src/transport/breaker.ts';
import { Lateness } from '../../src/transport/lateness.ts';
import { LineGuard, type Request } from '../../src/transport/line-guard.ts';
import { fractionOf, PollPlan } from '../../src/transport/poll-plan.ts';

const S = 1_000_000_000n;
const at = (seconds: number) => instantNs(1_700_000_000n * S + BigInt(Math.round(seconds * 1e9)));

describe('PollPlan', () => {
  const begun = (): PollPlan => {
    const plan = new PollPlan(fromSeconds(10), durationNs(S / 2n));
    expect(plan.dueNs(at(3))).toBe(at(3));
    expect(plan.take(at(3))).toMatchObject({ isFirst: true, missedCount: 0 });
    return plan;
  };

  test('reads end before the civil multiple of the poll, by the phase', () => {
    const plan = begun();
    expect(plan.dueNs(at(3))).toBe(at(9.5));
    expect(plan.take(at(9.6))).toEqual({ plannedNs: at(9.5), missedCount: 0, isFirst: false });
    expect(plan.dueNs(at(9.6))).toBe(at(19.5));
  });

  test('what is learnt moves the beginning, not the tick', () => {
    const plan = begun();
    plan.learn(durationNs(S));
    expect(plan.dueNs(at(3))).toBe(at(8.5));
    plan.learn(fromSeconds(60));
    // A poll that takes longer than its period cannot begin before the one before has ended.
    expect(plan.dueNs(at(3))).toBe(at(4.5));
  });

  test('missed ticks are counted and not made up for', () => {
    const plan = begun();
    expect(plan.take(at(45))).toEqual({ plannedNs: at(39.5), missedCount: 3, isFirst: false });
    expect(plan.dueNs(at(45))).toBe(at(49.5));
  });

  test('a clock that is set back or forward stops nothing', () => {
    const plan = begun();
    plan.take(at(9.6));
    expect(plan.dueNs(at(-3600))).toBe(at(-3590.5));
    plan.take(at(-3590));
    expect(plan.dueNs(at(7200))).toBeLessThan(at(7200));
    expect(plan.take(at(7200)).plannedNs).toBe(at(7199.5));
  });

  test('the first turn is due since the beginning, so nobody can overtake it for ever', () => {
    const plan = new PollPlan(fromSeconds(10), durationNs(0n));
    expect(plan.dueNs(at(1))).toBe(at(1));
    expect(plan.dueNs(at(2))).toBe(at(1));
  });

  test('wires start at different places', () => {
    const tenths = new Set(
      Array.from({ length: 200 }, (_, n) => Math.floor(10 * fractionOf(`w${n}`))),
    );
    expect(tenths).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });
});

describe('Breaker', () => {
  test('opens after three failures, rests longer each time, closes on success', () => {
    const breaker = new Breaker();
    for (let n = 0; n < 2; n++) breaker.failed(0);
    expect(breaker.isOpen).toBe(false);
    breaker.failed(0);
    expect([breaker.isOpen, breaker.mayAsk(999), breaker.mayAsk(1000)]).toEqual([
      true,
      false,
      true,
    ]);
    breaker.failed(1000);
    expect([breaker.mayAsk(2999), breaker.mayAsk(3000)]).toEqual([false, true]);
    for (let n = 0; n < 20; n++) breaker.failed(0);
    expect([breaker.mayAsk(59_999), breaker.mayAsk(60_000)]).toEqual([false, true]);
    breaker.probeNow();
    expect(breaker.mayAsk(1)).toBe(true);
    breaker.succeeded();
    expect(breaker.isOpen).toBe(false);
  });
});

test('Lateness keeps the last 1024', () => {
  const lateness = new Lateness();
  expect(lateness.quantilesMs()).toEqual({ p50: 0, p99: 0, max: 0 });
  for (let n = 0; n < 1000; n++) lateness.add(1e6);
  for (let n = 0; n < 1024; n++) lateness.add(n / 1024);
  const { p50, p99, max } = lateness.quantilesMs();
  expect(p50).toBeCloseTo(0.5, 2);
  expect(p99).toBeCloseTo(0.99, 2);
  expect(max).toBeLessThan(1);
});

describe('LineGuard', () => {
  const ask = (unit: number, address: number, count: number): Request => ({
    unit,
    functionCode: 4,
    address,
    count,
    silenceMs: 5,
    replyMs: 100,
  });
  const frame = Uint8Array.from([1, 4, 2, 0, 7, 0, 0]);

  test('two requests in a row never expect the same, and where they must, a reply time passes', () => {
    const guard = new LineGuard(false);
    guard.sent(ask(1, 0, 2), 0);
    expect(guard.choose(ask(1, 9, 2), ask(1, 9, 3)).count).toBe(3);
    expect(guard.choose(ask(2, 9, 2), ask(2, 9, 3)).count).toBe(2);
    guard.heard(1, 20);
    expect(guard.unitReadyMs(ask(1, 9, 2))).toBe(120);
    expect(guard.unitReadyMs(ask(1, 9, 3))).toBe(-Infinity);
    expect(guard.lineReadyMs(ask(2, 0, 2))).toBe(25);
  });

  test('a quarantine ends with the late frame, with silence, or at last', () => {
    const guard = new LineGuard(false);
    guard.sent(ask(1, 0, 2), 0);
    guard.failed(ask(1, 0, 2), 100, true);
    expect(guard.quarantined(150)).toBe(1);
    expect(guard.lineReadyMs(ask(2, 0, 2))).toBe(200);
    for (let nowMs = 110; nowMs < 2000; nowMs += 10) guard.heard(undefined, nowMs);
    expect(guard.quarantined(601)).toBeUndefined();
    guard.failed(ask(1, 0, 2), 3000, true);
    guard.lateFrame(2);
    expect(guard.quarantined(3001)).toBe(1);
    guard.lateFrame(1);
    expect(guard.quarantined(3001)).toBeUndefined();
  });

  test('after a request that was given up, a reply that looks like its own is suspect', () => {
    const guard = new LineGuard(false);
    guard.sent(ask(1, 0, 2), 0);
    guard.failed(ask(1, 0, 2), 100, true);
    expect(guard.isSuspect(ask(1, 50, 2), frame, 10_000)).toBe(true);
    expect(guard.isSuspect(ask(1, 50, 3), frame, 10_000)).toBe(false);
    expect(guard.isSuspect(ask(2, 50, 2), frame, 10_000)).toBe(false);
    guard.answered(ask(1, 50, 3), frame, 10_000);
    expect(guard.isSuspect(ask(1, 50, 2), Uint8Array.of(1), 20_000)).toBe(false);
  });

  test('the bytes that another block has just brought are suspect; a unit that doubles is slowed', () => {
    const guard = new LineGuard(false);
    guard.sent(ask(1, 0, 2), 0);
    guard.answered(ask(1, 0, 2), frame, 10);
    expect(guard.isSuspect(ask(1, 50, 2), frame, 20)).toBe(true);
    expect(guard.isSuspect(ask(1, 0, 2), frame, 20)).toBe(false);
    expect(guard.isSuspect(ask(1, 50, 2), frame, 200)).toBe(false);
    guard.sent(ask(1, 0, 3), 30);
    expect(guard.unitReadyMs(ask(1, 50, 2))).toBe(-Infinity);
    guard.stray(frame);
    expect(guard.unitReadyMs(ask(1, 50, 2))).toBe(110);
  });

  test('with transactions nothing is suspect and only its unit keeps its silence', () => {
    const guard = new LineGuard(true);
    guard.sent(ask(1, 0, 2), 0);
    guard.failed(ask(1, 0, 2), 100, true);
    expect(guard.isSuspect(ask(1, 0, 2), frame, 101)).toBe(false);
    expect(guard.lineReadyMs(ask(2, 0, 2))).toBe(-Infinity);
    expect(guard.unitReadyMs(ask(1, 0, 2))).toBe(5);
  });
});
