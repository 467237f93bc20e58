// Settlement end to end with values alone: what is issued, when, in which version, and that nothing is booked twice.
import { describe, expect, test } from 'vitest';
import { RegisterCurve } from '../../src/align/register-curve.ts';
import type { EnergyCurve } from '../../src/align/energy-curve.ts';
import type { Kind, PointId } from '../../src/quantity/quality.ts';
import { type IntervalStatement, statementKey } from '../../src/quantity/statement.ts';
import { durationNs, instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import { EdgeBook } from '../../src/settle/edge-book.ts';
import type { SettledBefore } from '../../src/settle/draft.ts';
import { Settlement } from '../../src/settle/settlement.ts';
import { counterAt, secondsNs } from '../align/counter-readings.ts';

const MINUTE = durationNs(60_000_000_000n);

/** A settlement over hand-fed curves and a ledger that is a list. */
class Bench {
  readonly ledger: IntervalStatement[] = [];
  readonly curves = new Map<PointId, RegisterCurve>();
  readonly books = new Map<PointId, EdgeBook>();
  readonly chips = new Map<string, EnergyCurve>();
  settlement: Settlement;

  constructor(points: readonly PointId[], nodes: { id: string; fedBy: PointId[] }[] = []) {
    for (const point of points) this.meter(point);
    this.settlement = this.restarted(points, nodes);
  }

  meter(point: PointId): void {
    const curve = new RegisterCurve({ ceilingW: watts(100_000), holeS: 5, holdAfterS: 86_400 });
    this.curves.set(point, curve);
    this.books.set(point, new EdgeBook(curve));
  }

  restarted(points: readonly PointId[], nodes: { id: string; fedBy: PointId[] }[]): Settlement {
    return new Settlement(
      {
        interval: MINUTE,
        settleAfter: MINUTE,
        points,
        nodes,
        groups: [],
        core: 'test',
        startedNs: secondsNs(0),
      },
      {
        meter: (point) => {
          const curve = this.curves.get(point);
          const edges = this.books.get(point);
          if (!curve || !edges || curve.firstAnchor()?.atNs === undefined) return undefined;
          return {
            source: point,
            tier: 1,
            curve,
            edges,
            power: curve.power,
            systematicRatio: 0.005,
            clockS: 0,
            flags: [],
          };
        },
        chips: () => this.chips,
        model: () => undefined,
        groupModels: () => undefined,
        current: (point, kind, startNs) => this.newest(point, kind, startNs),
        newestStart: (point, kind) =>
          this.ledger
            .filter((s) => s.point === point && s.kind === kind)
            .map((s) => s.startNs)
            .sort((a, b) => (a < b ? -1 : 1))
            .at(-1),
      },
    );
  }

  newest(point: PointId, kind: Kind, startNs: bigint): SettledBefore | undefined {
    const versions = this.ledger.filter(
      (s) => s.point === point && s.kind === kind && s.startNs === startNs,
    );
    const statement = versions.at(-1);
    return statement && { statement, sha256: `${statementKey(statement)}v${statement.version}` };
  }

  read(point: PointId, fromS: number, untilS: number, powerW: number, quantumUj = 1n): void {
    for (let atS = fromS; atS <= untilS; atS += 1) {
      const energyUj = ((BigInt(Math.round(atS * powerW)) * 1_000_000n) / quantumUj) * quantumUj;
      this.curves.get(point)?.power.observe(secondsNs(atS), watts(powerW));
      this.curves.get(point)?.observe(counterAt(atS, energyUj, { quantumUj }));
    }
  }

  turn(nowS: number): IntervalStatement[] {
    const due = this.settlement.due(secondsNs(nowS));
    this.ledger.push(...due);
    return due;
  }
}

describe('a meter', () => {
  test('is settled interval by interval, and the intervals are the register', () => {
    const bench = new Bench(['feed/a']);
    bench.read('feed/a', 10, 310, 1000, 3_600_000_000n);
    const due = bench.turn(305);
    expect(due.map((s) => Number(s.startNs / 1_000_000_000n))).toEqual([60, 120, 180, 240]);
    expect(new Set(due.map((s) => s.quality))).toEqual(new Set(['actual']));
    const sum = due.reduce((total, s) => total + (s.energyUj ?? 0n), 0n);
    const edges = bench.books.get('feed/a')!;
    expect(sum).toBe(edges.at(secondsNs(300))!.energyUj - edges.at(secondsNs(60))!.energyUj);
    expect(bench.turn(306)).toEqual([]);
  });

  test('whose power is read after its register waits for it, and is missing nothing', () => {
    const bench = new Bench(['feed/a']);
    const curve = bench.curves.get('feed/a')!;
    bench.read('feed/a', 5, 119, 1000);
    curve.observe(counterAt(121, 121_000_000_000n));
    expect(bench.turn(121)).toEqual([]);
    curve.power.observe(secondsNs(121.1), watts(1000));
    expect(bench.turn(122)).toMatchObject([
      { quality: 'actual', version: 1, startNs: secondsNs(60), method: 'register+power' },
    ]);
  });

  test('that falls silent is missing, and settled again when its register comes back', () => {
    const bench = new Bench(['feed/a']);
    bench.read('feed/a', 0, 130, 1000);
    expect(bench.turn(200).map((s) => s.quality)).toEqual(['actual', 'actual']);
    expect(bench.turn(245).map((s) => [s.quality, s.because])).toEqual([
      ['missing', 'settle.missing'],
    ]);
    bench.read('feed/a', 400, 430, 1000);
    const again = bench.turn(431);
    const third = again.find((s) => s.startNs === secondsNs(120))!;
    expect(third).toMatchObject({ quality: 'interpolated', version: 2, energyUj: 60_000_000_000n });
    expect(third.supersedes).toBe(`${statementKey(third)}v1`);
    expect(third.flags).toContain('hole-bridged-by-register');
  });

  test('whose hole is longer than an hour is refused, not drawn as a straight line', () => {
    const bench = new Bench(['feed/a']);
    bench.read('feed/a', 0, 130, 100);
    bench.read('feed/a', 4000, 4100, 100);
    const inside = bench
      .turn(4100)
      .filter((s) => s.startNs >= secondsNs(180) && s.startNs < secondsNs(3900));
    expect(inside.length).toBeGreaterThan(60);
    expect(
      new Set(inside.map((s) => `${s.quality} ${s.because ?? ''} ${s.energyUj ?? 'none'}`)),
    ).toEqual(new Set(['refused settle.gap-too-long none']));
  });

  test('that rolls back loses the interval of the break and books nothing for it', () => {
    const bench = new Bench(['feed/a']);
    bench.read('feed/a', 0, 90, 1000);
    for (let atS = 91; atS <= 200; atS += 1)
      bench.curves.get('feed/a')?.observe(counterAt(atS, BigInt(atS) * 1_000_000n));
    const due = bench.turn(200);
    expect(due.map((s) => [s.quality, s.energyUj])).toEqual([
      ['actual', 60_000_000_000n],
      ['missing', undefined],
      ['actual', 60_000_000n],
    ]);
    expect(due[1]?.because).toBe('counter.reset');
  });

  test('with a coarse register is provisional first and final when the register moves', () => {
    const bench = new Bench(['feed/a']);
    bench.read('feed/a', 0, 250, 100, 36_000_000_000n);
    const early = bench.turn(250);
    expect(early.map((s) => s.quality)).toEqual(['provisional', 'provisional', 'provisional']);
    expect(early.every((s) => s.energyUj === 6_000_000_000n)).toBe(true);
    bench.read('feed/a', 251, 330, 100, 36_000_000_000n);
    bench.read('feed/a', 331, 800, 100, 36_000_000_000n);
    bench.turn(800);
    const final = [60, 120, 180, 240, 300, 360].map(
      (atS) => bench.newest('feed/a', 'metered', secondsNs(atS))?.statement,
    );
    expect(final.every((s) => s?.quality === 'actual')).toBe(true);
    const sum = final.reduce((total, s) => total + (s?.energyUj ?? 0n), 0n);
    const edges = bench.books.get('feed/a')!;
    expect(sum).toBe(edges.at(secondsNs(420))!.energyUj - edges.at(secondsNs(60))!.energyUj);
  });

  test('that was never heard is reported missing once the first whole interval is overdue', () => {
    const bench = new Bench(['feed/a']);
    expect(bench.turn(119)).toEqual([]);
    expect(bench.turn(125).map((s) => s.quality)).toEqual(['missing']);
  });
});

test('after a restart settlement goes on behind the newest statement, with the same edge', () => {
  const bench = new Bench(['feed/a']);
  bench.read('feed/a', 0, 200, 1000, 3_600_000_000n);
  bench.turn(200);
  bench.settlement = bench.restarted(['feed/a'], []);
  bench.meter('feed/a');
  bench.read('feed/a', 60, 320, 1000, 3_600_000_000n);
  const due = bench.turn(320);
  expect(due.map((s) => Number(s.startNs / 1_000_000_000n))).toEqual([180, 240]);
  const before = bench.newest('feed/a', 'metered', secondsNs(120))!.statement;
  const until = before.anchors.find((anchor) => anchor.edge === 'until')!;
  const from = due[0]!.anchors.find((anchor) => anchor.edge === 'from')!;
  expect(from).toEqual({ ...until, edge: 'from' });
});

test('a node with two feeds is their sum; one feed alone is no sum', () => {
  const node = { id: 'n1', fedBy: ['feed/a', 'feed/b'] as PointId[] };
  const bench = new Bench(['feed/a', 'feed/b'], [node]);
  bench.read('feed/a', 0, 130, 600);
  bench.read('feed/b', 0, 70, 400);
  const nodeRows = bench.turn(250).filter((s) => s.point === 'node/n1' && s.kind === 'metered');
  expect(nodeRows[0]).toMatchObject({
    quality: 'actual',
    energyUj: 60_000_000_000n,
    method: 'sum',
  });
  expect(nodeRows[1]).toMatchObject({ quality: 'missing', energyUj: undefined });
  const half = nodeRows[0]!.uncertainty;
  expect(half.systematicJ).toBeCloseTo(60_000 * 0.005, 6);
});

test('versions of one interval form a chain', () => {
  const bench = new Bench(['feed/a']);
  bench.read('feed/a', 0, 61, 10);
  bench.turn(200);
  bench.read('feed/a', 201, 260, 10);
  bench.turn(260);
  const versions = bench.ledger.filter((s) => s.startNs === instantNs(60_000_000_000n));
  expect(versions.map((s) => s.version)).toEqual(versions.map((_, i) => i + 1));
  expect(versions.length).toBeGreaterThan(1);
});
