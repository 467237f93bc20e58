// A meter that is silent while the chips behind it go on: its count at both ends of the silence is kept to the microjoule, and
// the chips say when it was used; where it never speaks again they stand in for it, openly.
import { describe, expect, test } from 'vitest';
import type { EnergyCurve } from '../../../src/align/energy-curve.ts';
import { RegisterCurve } from '../../../src/align/register-curve.ts';
import type { CorrectionModel } from '../../../src/quantity/correction.ts';
import type { Kind, PointId } from '../../../src/quantity/quality.ts';
import type { IntervalStatement } from '../../../src/quantity/statement.ts';
import { durationNs } from '../../../src/quantity/time.ts';
import { watts } from '../../../src/quantity/units.ts';
import type { SettledBefore } from '../../../src/settle/draft.ts';
import { EdgeBook } from '../../../src/settle/edge-book.ts';
import { Settlement } from '../../../src/settle/settlement.ts';
import { counterAt, secondsNs } from '../../align/counter-readings.ts';

const MINUTE = durationNs(60_000_000_000n);
const POINT = 'feed/a';

/** Chips draw 100 W, and 500 W in every third minute; the wall 50 W and 1.2 times that. */
const chipW = (atS: number): number => (Math.floor(atS / 60) % 3 === 2 ? 500 : 100);
const energyJ = (untilS: number, powerW: (atS: number) => number): number => {
  let sum = 0;
  for (let atS = 0; atS < untilS; atS++) sum += powerW(atS);
  return sum;
};
const wallJ = (untilS: number): number => energyJ(untilS, (atS) => 50 + 1.2 * chipW(atS));

const model = (standing: CorrectionModel['standing']): CorrectionModel => ({
  node: 'n1',
  id: `model-${standing}`,
  fittedAtNs: secondsNs(0),
  evidence: { fromNs: secondsNs(0), untilNs: secondsNs(100_000), intervalsCount: 1000 },
  interceptW: watts(50),
  terms: [{ name: 'chips', sources: ['c'], gainRatio: 1.2, gainUncertaintyRatio: 0.01 }],
  holds: { fromW: watts(50), untilW: watts(600) },
  offsetNs: 0n,
  residualW: watts(5),
  intervalS: 10,
  systematicRatio: 0.01,
  dof: 50,
  standing,
  open: [],
  gapRatio: 0.2,
});

class Bench {
  readonly ledger: IntervalStatement[] = [];
  readonly curve = new RegisterCurve({ ceilingW: watts(100_000), holeS: 5, holdAfterS: 86_400 });
  readonly chip = new RegisterCurve({ ceilingW: watts(5000), holeS: 30, holdAfterS: 86_400 });
  readonly settlement: Settlement;

  constructor(standing: CorrectionModel['standing'] = 'accepted', settleAfterS = 60) {
    const edges = new EdgeBook(this.curve);
    const chips: ReadonlyMap<string, EnergyCurve> = new Map([['c', this.chip]]);
    this.settlement = new Settlement(
      {
        interval: MINUTE,
        settleAfter: durationNs(BigInt(settleAfterS) * 1_000_000_000n),
        points: [POINT],
        nodes: [],
        groups: [],
        core: 'test',
        startedNs: secondsNs(0),
      },
      {
        meter: () => ({
          source: 'm1',
          tier: 1,
          curve: this.curve,
          edges,
          power: this.curve.power,
          systematicRatio: 0.005,
          clockS: 0,
          flags: [],
          behind: [{ model: model(standing), chips }],
          isOnlyFeed: true,
        }),
        chips: () => chips,
        model: () => undefined,
        groupModels: () => undefined,
        current: (point, kind, startNs) => this.newest(point, kind, startNs),
        newestStart: () => this.ledger.at(-1)?.startNs,
      },
    );
  }

  newest(point: PointId, kind: Kind, startNs: bigint): SettledBefore | undefined {
    const statement = this.ledger.findLast(
      (one) => one.point === point && one.kind === kind && one.startNs === startNs,
    );
    return statement && { statement, sha256: `v${String(statement.version)}` };
  }

  meter(fromS: number, untilS: number): void {
    for (let atS = fromS; atS <= untilS; atS++) {
      this.curve.power.observe(secondsNs(atS), watts(50 + 1.2 * chipW(atS)));
      this.curve.observe(counterAt(atS, BigInt(Math.round(wallJ(atS) * 1e6))));
    }
  }

  chips(fromS: number, untilS: number): void {
    for (let atS = fromS; atS <= untilS; atS++) {
      this.chip.observe(counterAt(atS, BigInt(Math.round(energyJ(atS, chipW) * 1e6))));
    }
  }

  turn(nowS: number): IntervalStatement[] {
    const due = this.settlement.due(secondsNs(nowS));
    this.ledger.push(...due);
    return due;
  }

  at(minute: number): IntervalStatement | undefined {
    return this.newest(POINT, 'metered', secondsNs(60 * minute))?.statement;
  }
}

const wallOfMinute = (minute: number): number => wallJ(60 * minute + 60) - wallJ(60 * minute);

describe('a hole in the readings of a meter', () => {
  test('gets the shape of the chips behind it, and sums to what its register counted', () => {
    const bench = new Bench();
    bench.meter(0, 130);
    bench.chips(0, 800);
    bench.meter(700, 800);
    bench.turn(760);
    const inside = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].flatMap((minute) => bench.at(minute) ?? []);
    expect(inside.map(({ quality }) => quality)).toEqual(inside.map(() => 'scaled'));
    expect(inside.map(({ method }) => method)).toEqual(inside.map(() => 'register+chips'));
    const sumJ = inside.reduce((sum, { energyUj = 0n }) => sum + Number(energyUj), 0) / 1e6;
    expect(sumJ).toBeCloseTo(wallJ(720) - wallJ(120), 3);
    for (const [at, { energyUj = 0n }] of inside.entries()) {
      expect(Number(energyUj) / 1e6 / wallOfMinute(at + 2)).toBeCloseTo(1, 2);
    }
    // What says so is named, where it says so, and only there.
    expect(inside[3]?.anchors.map(({ models }) => models)).toEqual([
      ['model-accepted'],
      ['model-accepted'],
    ]);
    expect(bench.at(1)?.anchors.map(({ models }) => models)).toEqual([undefined, undefined]);
  });

  test('is less uncertain than by a straight line, and the truth lies within', () => {
    const [shaped, straight] = [new Bench(), new Bench('accepted')];
    for (const bench of [shaped, straight]) {
      bench.meter(0, 130);
      bench.meter(700, 800);
    }
    shaped.chips(0, 800);
    straight.chips(0, 300);
    straight.chips(500, 800);
    shaped.turn(760);
    straight.turn(760);
    const [byChips, byLine] = [shaped.at(5), straight.at(5)];
    expect(byLine?.quality).toBe('interpolated');
    const uOf = (one: IntervalStatement | undefined): number => one?.uncertainty.edgeJ ?? NaN;
    expect(uOf(byChips)).toBeLessThan(0.3 * uOf(byLine));
    const missJ = Number(byChips?.energyUj ?? 0n) / 1e6 - wallOfMinute(5);
    expect(Math.abs(missJ)).toBeLessThan(2 * uOf(byChips));
  });

  test('of two hours is bridged by chips; without them it is refused', () => {
    const [heard, deaf] = [new Bench('provisional'), new Bench('provisional')];
    heard.chips(0, 7500);
    for (const bench of [heard, deaf]) {
      bench.meter(0, 130);
      bench.meter(7330, 7500);
      for (let turn = 0; turn < 3; turn++) bench.turn(7440);
    }
    expect(heard.at(60)?.quality).toBe('scaled');
    expect(deaf.at(60)).toMatchObject({ quality: 'refused', because: 'settle.gap-too-long' });
  });

  test('waits for chips that are under way, but not for ever', () => {
    const bench = new Bench('accepted', 3600);
    bench.meter(0, 130);
    bench.chips(0, 600);
    bench.meter(700, 720);
    bench.turn(725);
    // The count behind the silence is there, the chips are not yet.
    expect(bench.at(5)).toBeUndefined();
    bench.chips(601, 725);
    bench.turn(726);
    expect(bench.at(5)?.quality).toBe('scaled');

    const late = new Bench('accepted', 3600);
    late.meter(0, 130);
    late.chips(0, 600);
    late.meter(700, 780);
    late.turn(781);
    expect(late.at(5)?.quality).toBe('interpolated');
  });
});

describe('a meter that says nothing any more', () => {
  test('is stood in for by its node, within the band of the model, until it says what it was', () => {
    const bench = new Bench();
    bench.meter(0, 130);
    bench.chips(0, 700);
    bench.turn(700);
    expect(bench.at(5)).toMatchObject({
      quality: 'derived',
      method: 'chips',
      tier: 3,
      model: 'model-accepted',
      version: 1,
      anchors: [],
    });
    const { energyUj = 0n, uncertainty } = bench.at(5) ?? {};
    const missJ = Number(energyUj) / 1e6 - wallOfMinute(5);
    expect(Math.abs(missJ)).toBeLessThan(2 * (uncertainty?.systematicJ ?? NaN));
    // It speaks again: what was estimated is settled by its register.
    bench.chips(701, 800);
    bench.meter(720, 800);
    bench.turn(790);
    expect(bench.at(5)).toMatchObject({ quality: 'scaled', version: 2, tier: 1 });
    expect(bench.turn(791)).toEqual([]);
  });

  test('is missing where the model has not passed its gates', () => {
    const bench = new Bench('provisional');
    bench.meter(0, 130);
    bench.chips(0, 700);
    bench.turn(700);
    expect(bench.at(5)).toMatchObject({ quality: 'missing', energyUj: undefined });
  });

  test('keeps its estimate where it comes back with a count that knows nothing of the time between', () => {
    const bench = new Bench();
    bench.meter(0, 130);
    bench.chips(0, 700);
    bench.turn(700);
    const estimated = bench.at(5);
    // Exchanged: a new meter counts from 0.
    for (let atS = 720; atS <= 800; atS++) {
      bench.curve.observe(counterAt(atS, BigInt(atS - 720) * 170_000_000n, { epoch: 'new' }));
    }
    bench.chips(701, 800);
    bench.turn(790);
    expect(bench.at(5)).toEqual(estimated);
  });
});
