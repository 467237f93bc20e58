// The fit of long histories: equal to a straightforward one, the same bytes in any order of work, and a refusal or a flagged
// result, never a number out of nothing, for whatever counters do.
import { describe, expect, test } from 'vitest';
import type { DayRows } from '../../src/calibrate/long/day-cells.ts';
import type { DayCounters } from '../../src/calibrate/long/day-rows.ts';
import { huberRounds } from '../../src/calibrate/long/huber-rounds.ts';
import { fitDays, fitLong, ridgeOf, storeDays } from '../../src/calibrate/long/long-fit.ts';
import {
  KERNELS,
  type ChunkOf,
  type KernelName,
  type ResultOf,
} from '../../src/calibrate/long/kernels.ts';
import { mapInOrder } from '../../src/calibrate/long/map-chunks.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { countersOf, LONG, longDays, SIX_TERMS, type LongTruth } from './long-node.ts';
import { plainHuber, type PlainRows } from './plain-huber.ts';

const PLAN = { terms: SIX_TERMS, seed: 1, form: 'components' } as const;
const EACH = [1, 2, 3, 4, 5, 6];
const SHORT: LongTruth = { ...LONG, daysCount: 4, seconds: 1500 };

function must<T>(outcome: T | Refusal): T {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
}

/** The rows that were stored, as numbers. */
function powersOf(days: readonly DayRows[]): PlainRows {
  const chipsW: number[][] = [];
  const meterW: number[] = [];
  const day: number[] = [];
  days.forEach((each, index) => {
    const at = (column: number, row: number): number =>
      each.cells[column * each.strideCount + row]! + each.levelsW[column]!;
    for (let row = 0; row < each.count; row++) {
      chipsW.push(SIX_TERMS.map((_, column) => at(column, row)));
      meterW.push(at(SIX_TERMS.length, row));
      day.push(index);
    }
  });
  return { chipsW, meterW, day, daysCount: days.length };
}

/** The same rows by another way: power between neighbouring meter readings, counts interpolated in doubles. */
function alignedByHand(counters: readonly DayCounters[]): PlainRows {
  const chipsW: number[][] = [];
  const meterW: number[] = [];
  const day: number[] = [];
  counters.forEach((each, index) => {
    const { atS, countJ } = each.feeds[0]!;
    const chipsAtS = each.chips[0]!.counter.atS;
    const find = (instantS: number): number | undefined => {
      const after = chipsAtS.findIndex((chipS) => chipS >= instantS);
      return after < 1 ? undefined : after;
    };
    let before: number[] | undefined;
    for (let reading = 0; reading < atS.length; reading++) {
      const instantS = atS[reading]! + each.clock.offsetS;
      const after = find(instantS);
      const now =
        after === undefined
          ? undefined
          : each.chips.map(({ counter }) => {
              const share =
                (instantS - chipsAtS[after - 1]!) / (chipsAtS[after]! - chipsAtS[after - 1]!);
              return (1 - share) * counter.countJ[after - 1]! + share * counter.countJ[after]!;
            });
      if (before && now) {
        const lengthS = atS[reading]! - atS[reading - 1]!;
        chipsW.push(now.map((energyJ, chip) => (energyJ - before![chip]!) / lengthS));
        meterW.push((countJ[reading]! - countJ[reading - 1]!) / lengthS);
        day.push(index);
      }
      before = now;
    }
  });
  return { chipsW, meterW, day, daysCount: counters.length };
}

const prior = (meterW: number): { centre: number[]; precision: number[] } => {
  const ridge = ridgeOf(SIX_TERMS, meterW);
  return { centre: [...ridge.centre], precision: [...ridge.precision] };
};

function expectNear(one: Iterable<number>, other: readonly number[], ratio: number): void {
  [...one].forEach((each, index) => {
    expect(Math.abs(each - other[index]!), `parameter ${index}`).toBeLessThan(
      ratio * Math.abs(other[index]!),
    );
  });
}

describe('equal to the straightforward way', () => {
  test('the same minimum as reweighing all rows with a column per day', async () => {
    const days = await storeDays(countersOf(SHORT), mapInOrder);
    const ridge = ridgeOf(SIX_TERMS, 980);
    const fit = await huberRounds(days, EACH, ridge, mapInOrder, {
      stillRatio: 1e-12,
      leastSampleCount: Infinity,
    });
    const plain = plainHuber(powersOf(days), prior(980));
    expectNear(fit.parameters, plain.parameters, 1e-9);
    plain.levelsW.forEach((levelW, day) => {
      expect(fit.levelsW[day]).toBeCloseTo(levelW, 7);
    });
    expect(fit.noiseW / plain.noiseW).toBeCloseTo(1, 7);
    expect(fit.levelW2 / plain.levelW2).toBeCloseTo(1, 7);
    expect(fit.inflationRatio / plain.inflationRatio).toBeCloseTo(1, 7);
  }, 120_000);

  test('a start on the sample changes where it begins, not where it ends', async () => {
    const days = await storeDays(countersOf(LONG), mapInOrder);
    const ridge = ridgeOf(SIX_TERMS, 980);
    const plan = { stillRatio: 1e-12, leastSampleCount: Infinity };
    const whole = await huberRounds(days, EACH, ridge, mapInOrder, plan);
    const sampled = await huberRounds(days, EACH, ridge, mapInOrder, {
      ...plan,
      leastSampleCount: 100,
    });
    expect(sampled.roundsCount).toBeLessThan(whole.roundsCount);
    expectNear(sampled.parameters, [...whole.parameters], 1e-9);
  });

  test('32-bit cells lose nothing that counts against doubles that were aligned by hand', async () => {
    const counters = countersOf({ ...SHORT, daysCount: 3, seconds: 900 });
    const days = await storeDays(counters, mapInOrder);
    const stored = powersOf(days);
    const byHand = alignedByHand(counters);
    expect(stored.meterW.length).toBe(byHand.meterW.length);
    byHand.meterW.forEach((powerW, row) => {
      // Half of the last place of a 32-bit number below 1024 W is 0.03 mW.
      expect(Math.abs(stored.meterW[row]! - powerW)).toBeLessThan(4e-5);
      byHand.chipsW[row]!.forEach((chipW, chip) => {
        expect(Math.abs(stored.chipsW[row]![chip]! - chipW)).toBeLessThan(4e-5);
      });
    });
    const near = plainHuber(stored, prior(980));
    const exact = plainHuber(byHand, prior(980));
    expectNear(near.parameters, exact.parameters, 1e-7);
  }, 60_000);
});

describe('order of work', () => {
  /** Many chunks under way, finished in an order of their own, handed on in the order of the chunks. */
  async function* mapAnyhow<Name extends KernelName>(
    kernel: Name,
    chunks: AsyncIterable<ChunkOf[Name]> | Iterable<ChunkOf[Name]>,
  ): AsyncGenerator<ResultOf[Name], void, undefined> {
    const run: (chunk: ChunkOf[Name]) => ResultOf[Name] = KERNELS[kernel];
    const held: ChunkOf[Name][] = [];
    for await (const chunk of chunks) held.push(chunk);
    const done = new Map<number, ResultOf[Name]>();
    const order = held.map((_, index) => index).sort((a, b) => ((a * 7) % 5) - ((b * 7) % 5));
    for (const index of order) done.set(index, run(held[index]!));
    for (const index of held.keys()) yield done.get(index)!;
  }

  test('any schedule gives the same bytes', async () => {
    const truth = { ...LONG, daysCount: 30, seconds: 700 };
    const one = must(await fitLong(countersOf(truth), PLAN, mapInOrder));
    const other = must(await fitLong(countersOf(truth), PLAN, mapAnyhow));
    expect(other).toEqual(one);
  });

  test('days are drawn one by one, as they are needed', async () => {
    let drawn = 0;
    let most = 0;
    let done = 0;
    async function* days(): AsyncGenerator<DayCounters, void, undefined> {
      for (const { counters } of longDays({ ...LONG, seconds: 300 })) {
        await Promise.resolve();
        most = Math.max(most, ++drawn - done);
        yield counters;
      }
    }
    for await (const day of mapInOrder('align', stored(days()))) {
      done++;
      expect(day.count).toBeGreaterThan(250);
    }
    expect(drawn).toBe(5);
    expect(most).toBeLessThanOrEqual(2);
  });

  async function* stored(
    days: AsyncIterable<DayCounters>,
  ): AsyncGenerator<{ counters: DayCounters; cells: Float32Array }, void, undefined> {
    for await (const counters of days) yield { counters, cells: new Float32Array(7 * 400) };
  }
});

describe('what it finds', () => {
  test('gains, level per day and a spread that covers them', async () => {
    const truth = { ...LONG, daysCount: 40, seconds: 1200, seed: 3, outlierRatio: 0 };
    const levels = [...longDays(truth)].map((day) => day.levelW);
    const fit = must(await fitLong(countersOf(truth), PLAN, mapInOrder));
    expect(fit.isStill).toBe(true);
    expect(fit.levels).toHaveLength(40);
    const size = SIX_TERMS.length + 1;
    truth.gains.forEach((gain, term) => {
      const sd = Math.sqrt(fit.covariance[(term + 1) * (size + 1)]!);
      expect(sd).toBeGreaterThan(1e-4);
      expect(Math.abs(fit.parameters[term + 1]! - gain)).toBeLessThan(4 * sd);
    });
    expect(fit.levelW).toBeGreaterThan(1.5);
    expect(fit.levelW).toBeLessThan(6);
    const mean = levels.reduce((sum, each) => sum + each, 0) / levels.length;
    const errors = fit.levels.map((day, index) => day.levelW - (levels[index]! - mean));
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(3);
    // Noise of a second and its wandering: 60 s of memory make long means err much more than independent rows.
    expect(fit.residualW).toBeGreaterThan(6);
    expect(fit.residualW).toBeLessThan(9);
    expect(fit.inflationRatio).toBeGreaterThan(10);
    expect(fit.heldBack!.cvRatio).toBeLessThan(0.02);
  });

  test('the seed decides the bootstrap, and nothing else does', async () => {
    const days = await storeDays(countersOf({ ...LONG, daysCount: 25, seconds: 400 }), mapInOrder);
    const one = must(await fitDays(days, PLAN, mapInOrder));
    const same = must(await fitDays(days, PLAN, mapInOrder));
    const other = must(await fitDays(days, { ...PLAN, seed: 2 }, mapInOrder));
    expect(same).toEqual(one);
    expect(other.parameters).toEqual(one.parameters);
    expect(other.covariance).not.toEqual(one.covariance);
    expect(other.covariance[0]! / one.covariance[0]!).toBeGreaterThan(0.5);
    expect(other.covariance[0]! / one.covariance[0]!).toBeLessThan(2);
  });

  test('days in two regimes 157 W apart do not tilt the gains', async () => {
    const counters = countersOf({ ...LONG, daysCount: 24, seconds: 800, levelW: 0 });
    for (const [index, day] of counters.entries()) {
      if (index % 3 !== 0) continue;
      const { atS, countJ } = day.feeds[0]!;
      atS.forEach((instantS, reading) => (countJ[reading]! += 157 * instantS));
    }
    const fit = must(await fitLong(counters, PLAN, mapInOrder));
    expectNear(fit.parameters.subarray(4), LONG.gains.slice(3), 0.03);
    const high = fit.levels.filter((_, index) => index % 3 === 0).map((day) => day.levelW);
    const low = fit.levels.filter((_, index) => index % 3 !== 0).map((day) => day.levelW);
    expect(Math.min(...high) - Math.max(...low)).toBeGreaterThan(140);
    expect(fit.levelW).toBeGreaterThan(60);
  });

  test('one gain is chosen where components predict no better', async () => {
    const truth = { ...LONG, daysCount: 8, seconds: 600, gains: [1.1, 1.1, 1.1, 1.1, 1.1, 1.1] };
    const one = must(await fitLong(countersOf(truth), { ...PLAN, form: 'chosen' }, mapInOrder));
    expect(one.form).toBe('affine');
    expect(one.parameters).toHaveLength(2);
    expect(one.parameters[1]).toBeCloseTo(1.1, 1);
    const apart = { ...truth, gains: [1.6, 1.6, 1.6, 1, 1, 1] };
    const each = must(await fitLong(countersOf(apart), { ...PLAN, form: 'chosen' }, mapInOrder));
    expect(each.form).toBe('components');
  });
});

describe('what counters do', () => {
  const TRUTH = { ...LONG, daysCount: 4, seconds: 1200, levelW: 1 };
  const clean = async (): Promise<readonly DayRows[]> => storeDays(countersOf(TRUTH), mapInOrder);
  const rowsIn = (days: readonly DayRows[]): number =>
    days.reduce((sum, day) => sum + day.count, 0);

  /** The rows of the clean days that are left, to the cell. */
  async function expectSameRows(
    counters: readonly DayCounters[],
    day: number,
    fewestLost: number,
    mostLost: number,
  ): Promise<DayRows> {
    const whole = (await clean())[day]!;
    const found = (await storeDays(counters, mapInOrder))[day]!;
    const lost = whole.count - found.count;
    expect(lost).toBeGreaterThanOrEqual(fewestLost);
    expect(lost).toBeLessThanOrEqual(mostLost);
    const known = new Set<string>();
    const keyOf = (rows: DayRows, row: number): string =>
      [0, 3, 6]
        .map((column) =>
          (rows.cells[column * rows.strideCount + row]! + rows.levelsW[column]!).toFixed(2),
        )
        .join();
    for (let row = 0; row < whole.count; row++) known.add(keyOf(whole, row));
    let strange = 0;
    for (let row = 0; row < found.count; row++) if (!known.has(keyOf(found, row))) strange++;
    // Rounding to print may differ in single rows where the level of a column differs.
    expect(strange).toBeLessThanOrEqual(0.03 * found.count);
    return found;
  }

  const chip = (counters: readonly DayCounters[], day: number, index: number): Float64Array =>
    counters[day]!.chips[index]!.counter.countJ;

  /** A day whose chip counter is told to wrap. */
  const wrapping = (day: DayCounters, index: number, wrapsAtJ: number): DayCounters => ({
    ...day,
    chips: day.chips.map((each, at) =>
      at === index ? { ...each, counter: { ...each.counter, wrapsAtJ } } : each,
    ),
  });

  test('a wrap that is proven is a step like any other', async () => {
    const counters = countersOf(TRUTH);
    const countJ = chip(counters, 1, 2);
    const startJ = countJ[0]!;
    countJ.forEach((each, index) => (countJ[index] = (each - startJ) % 5000));
    counters[1] = wrapping(counters[1]!, 2, 5000);
    const found = await expectSameRows(counters, 1, 0, 0);
    expect(found.flaws[3]!.unknownStepCount).toBe(0);
  });

  test('a fall without a known wrap, and a reset, are holes of one step', async () => {
    const counters = countersOf(TRUTH);
    const countJ = chip(counters, 1, 2);
    const atResetJ = countJ[600]!;
    for (let index = 600; index < countJ.length; index++) countJ[index]! -= atResetJ;
    const found = await expectSameRows(counters, 1, 1, 2);
    expect(found.flaws[3]!.unknownStepCount).toBe(1);
    // A reset of a counter that is known to wrap, but at a power that no wrap explains.
    const again = countersOf(TRUTH);
    chip(again, 1, 2).set(countJ);
    again[1] = wrapping(again[1]!, 2, 1e9);
    await expectSameRows(again, 1, 1, 2);
  });

  test('a meter that is reset, chips that leap, readings that are no numbers', async () => {
    const counters = countersOf(TRUTH);
    const meterJ = counters[0]!.feeds[0]!.countJ;
    const atResetJ = meterJ[300]!;
    for (let index = 300; index < meterJ.length; index++) meterJ[index]! -= atResetJ;
    await expectSameRows(counters, 0, 1, 1);
    const leaping = countersOf(TRUTH);
    const leapJ = chip(leaping, 2, 4);
    for (let index = 500; index < leapJ.length; index++) leapJ[index]! += 1e6;
    const leapt = await expectSameRows(leaping, 2, 1, 2);
    expect(leapt.flaws[5]!.unknownStepCount).toBe(1);
    const broken = countersOf(TRUTH);
    chip(broken, 3, 0)[700] = NaN;
    chip(broken, 3, 1)[800] = -1;
    broken[3]!.feeds[0]!.countJ[900] = Infinity;
    const found = (await storeDays(broken, mapInOrder))[3]!;
    expect(found.flaws[1]!.notFiniteCount).toBe(1);
    expect(found.flaws[2]!.negativeCount).toBe(1);
    expect(found.flaws[0]!.notFiniteCount).toBe(1);
    expect(found.cells.every(Number.isFinite)).toBe(true);
    // One lost reading is bridged: what was counted over it is known.
    expect((await clean())[3]!.count - found.count).toBeLessThanOrEqual(3);
  });

  test('seconds that are missing, stamps out of order and twice', async () => {
    const counters = countersOf(TRUTH);
    const { atS, countJ } = counters[1]!.feeds[0]!;
    const keep = (index: number): boolean => index < 400 || index >= 460;
    counters[1] = {
      ...counters[1]!,
      feeds: [
        {
          ceilingW: 1e6,
          atS: atS.filter((_, index) => keep(index)),
          countJ: countJ.filter((_, index) => keep(index)),
        },
      ],
    };
    await expectSameRows(counters, 1, 60, 61);
    const shuffled = countersOf(TRUTH);
    const day = shuffled[2]!;
    const order = [...day.feeds[0]!.atS.keys()].sort((a, b) => (a % 7) - (b % 7) || a - b);
    const twice = [...order, ...order.slice(0, 50)];
    shuffled[2] = {
      ...day,
      feeds: [
        {
          ceilingW: 1e6,
          atS: Float64Array.from(twice, (index) => day.feeds[0]!.atS[index]!),
          countJ: Float64Array.from(twice, (index) => day.feeds[0]!.countJ[index]!),
        },
      ],
    };
    const found = await expectSameRows(shuffled, 2, 0, 0);
    expect(found.flaws[0]!.duplicateCount).toBe(50);
    expect(found.flaws[0]!.unsortedCount).toBeGreaterThan(0);
  });

  test('a day without readings, or with one, is no day', async () => {
    const counters = countersOf(TRUTH);
    const empty = new Float64Array(0);
    counters[1] = { ...counters[1]!, feeds: [{ atS: empty, countJ: empty, ceilingW: 1e6 }] };
    counters[2] = {
      ...counters[2]!,
      chips: counters[2]!.chips.map((each) => ({
        ...each,
        counter: { ...each.counter, atS: Float64Array.of(5), countJ: Float64Array.of(7) },
      })),
    };
    const days = await storeDays(counters, mapInOrder);
    expect(days.map((day) => day.count > 0)).toEqual([true, false, false, true]);
    const fit = must(await fitDays(days, PLAN, mapInOrder));
    expect(fit.levels).toHaveLength(2);
  });

  test('an offset that drifts from day to day is taken off', async () => {
    const drifting = { ...TRUTH, driftS: 25, noiseW: 1, wanderW: 0, outlierRatio: 0 };
    const fit = must(await fitLong(countersOf(drifting), PLAN, mapInOrder));
    const unmoved = countersOf(drifting).map((day) => ({
      ...day,
      clock: { ...day.clock, offsetS: 0 },
    }));
    const blind = must(await fitLong(unmoved, PLAN, mapInOrder));
    expect(fit.residualW).toBeLessThan(4);
    expect(blind.residualW).toBeGreaterThan(5 * fit.residualW);
    // A rate moves edges about its pivot as an offset does.
    const rated = countersOf({ ...drifting, daysCount: 4 }).map((day) => ({
      ...day,
      clock: { offsetS: day.clock.offsetS - 3e-3 * 600, rateRatio: 3e-3, pivotS: 0 },
    }));
    expect((await storeDays(rated, mapInOrder))[0]!.count).toBeGreaterThan(1100);
    expect(rowsIn(await storeDays(rated, mapInOrder))).toBeLessThanOrEqual(4 * 1200);
  });

  test('several feeds are summed, and parts are taken off their whole', async () => {
    const counters = countersOf(TRUTH);
    const split = counters.map((day): DayCounters => {
      const { atS, countJ } = day.feeds[0]!;
      const half = countJ.map((each) => each / 2);
      const whole = day.chips[0]!.counter.countJ.map(
        (each, index) => each + day.chips[1]!.counter.countJ[index]!,
      );
      return {
        ...day,
        feeds: [
          { atS, countJ: half, ceilingW: 1e6 },
          { atS: atS.slice(), countJ: half.slice(), ceilingW: 1e6 },
        ],
        chips: day.chips.map((each, index) =>
          index === 0
            ? { ...each, counter: { ...each.counter, countJ: whole, ceilingW: 1e4 } }
            : index === 1
              ? { ...each, addTo: [1], takeFrom: [0] }
              : each,
        ),
      };
    });
    const one = await clean();
    const other = await storeDays(split, mapInOrder);
    const before = powersOf(one);
    const after = powersOf(other);
    expect(after.meterW.length).toBe(before.meterW.length);
    before.meterW.forEach((powerW, row) => {
      expect(Math.abs(after.meterW[row]! - powerW)).toBeLessThan(1e-3);
      before.chipsW[row]!.forEach((chipW, at) => {
        expect(Math.abs(after.chipsW[row]![at]! - chipW)).toBeLessThan(1e-3);
      });
    });
  });
});

describe('refusals', () => {
  const TRUTH = { ...LONG, daysCount: 3, seconds: 1200 };
  const refusalOf = async (counters: readonly DayCounters[]): Promise<Refusal> => {
    const outcome = await fitLong(counters, PLAN, mapInOrder);
    if (!isRefusal(outcome)) throw new Error('it was not refused');
    return outcome;
  };

  test('nothing, next to nothing, and instruments that do not meet', async () => {
    expect((await refusalOf([])).code).toBe('calibrate.few');
    expect((await refusalOf(countersOf({ ...TRUTH, seconds: 200 }))).code).toBe('calibrate.few');
    const apart = countersOf(TRUTH).map((day) => ({
      ...day,
      clock: { offsetS: 1e6, rateRatio: 0, pivotS: 0 },
    }));
    expect((await refusalOf(apart)).code).toBe('calibrate.few');
  });

  test('a column that stands still, and one that copies others', async () => {
    const still = countersOf(TRUTH);
    for (const day of still) {
      const { atS, countJ } = day.chips[2]!.counter;
      atS.forEach((instantS, index) => (countJ[index] = 12 * instantS + 100));
    }
    const constant = await refusalOf(still);
    expect(constant.code).toBe('calibrate.flat');
    expect(constant.because).toContain('dram stands still at 12.0 W');
    const copied = countersOf(TRUTH);
    for (const day of copied) day.chips[5]!.counter.countJ.set(day.chips[3]!.counter.countJ);
    const collinear = await refusalOf(copied);
    expect(collinear.code).toBe('calibrate.flat');
    expect(collinear.because).toContain('gpu2 always moves with');
    const zero = countersOf(TRUTH);
    for (const day of zero) day.chips[1]!.counter.countJ.fill(0);
    expect((await refusalOf(zero)).because).toContain('cpu1 stands still at 0.0 W');
  });

  test('a flat load, and units that are wrong by 1000', async () => {
    const flat = countersOf(TRUTH);
    for (const day of flat) {
      day.chips.forEach(({ counter: { atS, countJ } }, chip) => {
        atS.forEach((instantS, index) => (countJ[index] = (100 + chip) * instantS + 100));
      });
    }
    expect((await refusalOf(flat)).code).toBe('calibrate.flat');
    for (const factor of [1e-3, 1e3]) {
      const wrong = countersOf(TRUTH);
      for (const day of wrong) {
        const { countJ } = day.feeds[0]!;
        countJ.forEach((each, index) => (countJ[index] = each * factor));
      }
      const refused = await refusalOf(wrong);
      expect(['calibrate.implausible', 'calibrate.few']).toContain(refused.code);
    }
    const dead = countersOf(TRUTH);
    for (const day of dead) day.feeds[0]!.countJ.fill(5);
    expect((await refusalOf(dead)).code).toBe('calibrate.implausible');
  });

  test('whatever is done to counters, there is a refusal or a finite fit', async () => {
    let state = 12345;
    const chance = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    const outcomes: string[] = [];
    for (let trial = 0; trial < 25; trial++) {
      const counters = countersOf({ ...LONG, daysCount: 3, seconds: 700, seed: 50 + trial });
      for (let harm = 0; harm < 1 + 40 * chance(); harm++) {
        const day = counters[Math.floor(3 * chance())]!;
        const source =
          chance() < 0.3 ? day.feeds[0]! : day.chips[Math.floor(6 * chance())]!.counter;
        const column = chance() < 0.3 ? source.atS : source.countJ;
        const at = Math.floor(column.length * chance());
        const until = chance() < 0.7 ? at + 1 : at + Math.floor(200 * chance());
        const strange = [NaN, Infinity, -Infinity, 0, -1, 1e300, 1e-300, 1e12];
        column.fill(strange[Math.floor(strange.length * chance())]!, at, until);
      }
      const outcome = await fitLong(counters, PLAN, mapInOrder);
      if (isRefusal(outcome)) outcomes.push(outcome.code);
      else {
        outcomes.push('fitted');
        const numbers = [...outcome.parameters, ...outcome.covariance, outcome.residualW];
        expect(numbers.every(Number.isFinite), `trial ${trial}`).toBe(true);
        expect(outcome.levels.every((day) => Number.isFinite(day.levelW))).toBe(true);
        expect(outcome.parameters[0]).toBeGreaterThanOrEqual(0);
      }
    }
    expect(outcomes).toContain('fitted');
  });
});
