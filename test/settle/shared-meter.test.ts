// Two nodes behind two meters, settled with values alone: what is issued when chips are silent, data come late, a meter
// falls out, or the service starts again; and in every case the parts and the remainder are the meters, to the microjoule.
import { describe, expect, test } from 'vitest';
import { RegisterCurve } from '../../src/align/register-curve.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { feedGroupsOf, isShared, unallocatedPoint } from '../../src/quantity/feed-groups.ts';
import type { Kind, PointId } from '../../src/quantity/quality.ts';
import { type IntervalStatement, statementKey } from '../../src/quantity/statement.ts';
import { durationNs, instantNs } from '../../src/quantity/time.ts';
import { expandedJ } from '../../src/quantity/uncertainty.ts';
import { watts } from '../../src/quantity/units.ts';
import type { SettledBefore } from '../../src/settle/draft.ts';
import { EdgeBook } from '../../src/settle/edge-book.ts';
import { Settlement } from '../../src/settle/settlement.ts';
import { counterAt, secondsNs } from '../align/counter-readings.ts';

const MINUTE = durationNs(60_000_000_000n);
const POINTS: readonly PointId[] = ['feed/a', 'feed/b'];
const NODES = [
  { id: 'n1', fedBy: POINTS },
  { id: 'n2', fedBy: POINTS },
];
const ACCOUNT: PointId = 'account/unallocated-feed-a';

function modelOf(node: string, levelW: number, gainRatio: number): CorrectionModel {
  return {
    node,
    id: `model-${node}`,
    fittedAtNs: instantNs(0n),
    evidence: { fromNs: instantNs(0n), untilNs: instantNs(1n), intervalsCount: 100 },
    interceptW: watts(levelW),
    terms: [{ name: 'gpu', sources: ['nvml:0'], gainRatio, gainUncertaintyRatio: 0.02 }],
    holds: { fromW: watts(50), untilW: watts(1000) },
    offsetNs: 0n,
    residualW: watts(3),
    intervalS: 5,
    systematicRatio: 0.01,
    dof: 60,
    standing: 'accepted',
    open: [],
    gapRatio: 0.3,
    shared: {
      group: 'feed-a',
      fit: 'fit-1',
      nodes: ['n1', 'n2'],
      // Levels known to ± 5 W each and to nothing in the sum, gains to ± 0.02 each and hardly in the sum.
      covariance:
        node === 'n1' ? [25, 0, -25, 0, 0, 4e-4, 0, -4e-4] : [-25, 0, 25, 0, 0, -4e-4, 0, 4e-4],
      levelRule: 'equal',
      levelEvidence: 'sum',
      gainEvidence: ['type'],
    },
  };
}
const MODELS = [modelOf('n1', 100, 1.2), modelOf('n2', 100, 1.2)];

class Bench {
  readonly ledger: IntervalStatement[] = [];
  readonly curves = new Map<string, RegisterCurve>();
  readonly books = new Map<string, EdgeBook>();
  models: readonly CorrectionModel[] | undefined = MODELS;
  settlement: Settlement;

  constructor() {
    for (const name of [...POINTS, 'n1', 'n2']) this.fresh(name);
    this.settlement = this.started();
  }

  fresh(name: string): void {
    const curve = new RegisterCurve({ ceilingW: watts(100_000), holeS: 5, holdAfterS: 86_400 });
    this.curves.set(name, curve);
    this.books.set(name, new EdgeBook(curve));
  }

  started(): Settlement {
    const groups = feedGroupsOf(NODES).filter(isShared);
    return new Settlement(
      {
        interval: MINUTE,
        settleAfter: MINUTE,
        points: POINTS,
        nodes: NODES.map(({ id }) => ({ id, fedBy: [] })),
        groups: groups.map((group) => ({
          ...group,
          account: unallocatedPoint(group),
          nodes: NODES,
        })),
        core: 'test',
        startedNs: secondsNs(0),
      },
      {
        meter: (point) => {
          const curve = this.curves.get(point);
          const edges = this.books.get(point);
          if (!curve || !edges || curve.firstAnchor() === undefined) return undefined;
          const same = { source: point, tier: 1, systematicRatio: 0.005, clockS: 0 } as const;
          return { ...same, curve, edges, power: curve.power, flags: [] };
        },
        chips: (node) => {
          const curve = this.curves.get(node);
          return curve?.firstAnchor() ? new Map([['nvml:0', curve]]) : new Map();
        },
        model: () => undefined,
        groupModels: () => this.models,
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
    const statement = this.ledger
      .filter((s) => s.point === point && s.kind === kind && s.startNs === startNs)
      .at(-1);
    return (
      statement && { statement, sha256: `${statementKey(statement)}v${String(statement.version)}` }
    );
  }

  read(name: string, fromS: number, untilS: number, powerW: number): void {
    const curve = this.curves.get(name);
    for (let atS = fromS; atS <= untilS; atS += 1) {
      curve?.power.observe(secondsNs(atS), watts(powerW));
      // Registers of odd steps: nothing divides evenly.
      curve?.observe(counterAt(atS, BigInt(atS) * BigInt(Math.round(powerW * 1e6 + 7))));
    }
  }

  /** Both meters and both nodes, at powers that fit the models: 220 + 340 W at the wall. */
  readAll(fromS: number, untilS: number): void {
    this.read('feed/a', fromS, untilS, 300);
    this.read('feed/b', fromS, untilS, 260);
    this.read('n1', fromS, untilS, 100);
    this.read('n2', fromS, untilS, 200);
  }

  /** Meters are settled in one turn, what they feed in the next. */
  turns(nowS: number): IntervalStatement[] {
    const issued: IntervalStatement[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const due = this.settlement.due(secondsNs(nowS));
      this.ledger.push(...due);
      issued.push(...due);
    }
    return issued;
  }

  /** Of every interval with a remainder: newest versions of parts and remainder against those of the meters. */
  conserved(): number {
    const starts = new Set(this.ledger.filter((s) => s.point === ACCOUNT).map((s) => s.startNs));
    for (const startNs of starts) {
      const sum = (points: readonly PointId[], kind: Kind): bigint | undefined => {
        const known = points.map((point) => this.newest(point, kind, startNs)?.statement.energyUj);
        return kind === 'metered' && known.includes(undefined)
          ? undefined
          : known.reduce<bigint>((total, each) => total + (each ?? 0n), 0n);
      };
      const metered = sum(POINTS, 'metered');
      const parts = sum(['node/n1', 'node/n2', ACCOUNT], 'allocated');
      expect(parts, String(startNs)).toBe(metered ?? 0n);
    }
    return starts.size;
  }
}

describe('groups', () => {
  test('are the connected parts of points and nodes, named the same in whatever order', () => {
    const nodes = [
      { id: 'c', fedBy: ['outlet/9', 'feed/b'] as PointId[] },
      { id: 'alone', fedBy: ['feed/z'] as PointId[] },
      { id: 'a', fedBy: ['feed/a'] as PointId[] },
      { id: 'b', fedBy: ['feed/b', 'feed/a'] as PointId[] },
      { id: 'dark', fedBy: [] },
    ];
    const groups = feedGroupsOf(nodes);
    expect(groups).toEqual([
      { id: 'feed-a', points: ['feed/a', 'feed/b', 'outlet/9'], nodes: ['a', 'b', 'c'] },
      { id: 'feed-z', points: ['feed/z'], nodes: ['alone'] },
    ]);
    expect(feedGroupsOf([...nodes].reverse())).toEqual(groups);
    expect(groups.map(isShared)).toEqual([true, false]);
  });
});

test('meters are metered, nodes are allocated, and nothing is counted twice', () => {
  const bench = new Bench();
  bench.readAll(0, 400);
  const due = bench.turns(395);
  expect(new Set(due.map((s) => `${s.point} ${s.kind}`))).toEqual(
    new Set([
      'feed/a metered',
      'feed/b metered',
      'node/n1 chip',
      'node/n2 chip',
      'node/n1 allocated',
      'node/n2 allocated',
      `${ACCOUNT} allocated`,
    ]),
  );
  expect(bench.conserved()).toBe(6);
  const first = bench.newest('node/n1', 'allocated', secondsNs(60))!.statement;
  expect(first).toMatchObject({
    quality: 'derived',
    tier: 3,
    method: 'share+level-equal',
    model: 'model-n1',
    version: 1,
    flags: ['edge-bracket-wide'],
  });
  expect(Number(first.energyUj) / 60e6).toBeCloseTo(220, 3);
  expect(bench.newest(ACCOUNT, 'allocated', secondsNs(60))!.statement).toMatchObject({
    energyUj: 0n,
    quality: 'derived',
    model: 'fit-1',
  });
  expect(bench.turns(396)).toEqual([]);
});

test('the share is uncertain, the sum is not: U of the parts by hand', () => {
  const bench = new Bench();
  bench.readAll(0, 130);
  bench.turns(125);
  const { uncertainty } = bench.newest('node/n1', 'allocated', secondsNs(60))!.statement;
  // δp₁ = -δp₂ with level 5 W and gain 0.02 x (100 W for n1, crossed 100 x 200 for n2), all of it in the share.
  const varianceOf = (x: number, y: number): number => 25 + 4e-4 * x * y;
  const [own, other, cross] = [varianceOf(100, 100), varianceOf(200, 200), -varianceOf(100, 200)];
  const share = 220 / 560;
  const total = own + other + 2 * cross;
  const shareW = Math.sqrt(own - 2 * share * (own + cross) + share ** 2 * total);
  const dayW = 0.006 * 560 * Math.sqrt(share * (1 - share));
  const meterW = share * 0.005 * 560;
  expect(uncertainty.systematicJ / 60).toBeCloseTo(Math.hypot(shareW, dayW, meterW), 3);
  const noiseW = Math.hypot(3, 3) * Math.sqrt(5 / 60) * Math.sqrt(share * (1 - share));
  expect(uncertainty.independentJ / 60).toBeCloseTo(noiseW, 3);
});

test('a node without chips has no part; its energy is named, and allocated when the chips come late', () => {
  const bench = new Bench();
  bench.readAll(0, 65);
  for (const name of [...POINTS, 'n1']) {
    bench.read(name, 66, 260, name === 'feed/a' ? 300 : name === 'feed/b' ? 260 : 100);
  }
  expect(
    bench.turns(170).filter((s) => s.startNs === secondsNs(60) && s.kind === 'allocated'),
  ).toEqual([]);
  bench.turns(200);
  bench.turns(250);
  const early = (point: PointId): IntervalStatement =>
    bench.newest(point, 'allocated', secondsNs(60))!.statement;
  expect(early('node/n2')).toMatchObject({ quality: 'missing', because: 'settle.missing' });
  expect(early('node/n2').energyUj).toBeUndefined();
  expect(early(ACCOUNT)).toMatchObject({ quality: 'partial', because: 'settle.partial' });
  expect(Number(early('node/n1').energyUj) / 60e6).toBeCloseTo(220, 3);
  expect(Number(early(ACCOUNT).energyUj) / 60e6).toBeCloseTo(340, 3);
  expect(expandedJ(early(ACCOUNT).uncertainty)).toBeGreaterThan(0);
  bench.conserved();

  bench.read('n2', 66, 260, 200);
  bench.turns(261);
  expect(early('node/n2')).toMatchObject({ quality: 'derived', version: 2 });
  expect(early('node/n2').supersedes).toMatch(/v1$/);
  expect(early(ACCOUNT)).toMatchObject({ energyUj: 0n, version: 2, quality: 'derived' });
  expect(bench.conserved()).toBe(4);
  expect(bench.turns(262)).toEqual([]);
});

test('a meter that falls silent leaves no parts; when its register comes back all are settled again', () => {
  const bench = new Bench();
  bench.readAll(0, 130);
  bench.read('feed/a', 131, 430, 300);
  bench.read('n1', 131, 430, 100);
  bench.read('n2', 131, 430, 200);
  bench.turns(250);
  const third = (point: PointId): IntervalStatement =>
    bench.newest(point, 'allocated', secondsNs(120))!.statement;
  for (const point of ['node/n1', 'node/n2', ACCOUNT] as const) {
    expect(third(point)).toMatchObject({ quality: 'missing', because: 'settle.missing' });
  }
  bench.read('feed/b', 400, 430, 260);
  bench.turns(431);
  expect(third('node/n1')).toMatchObject({ quality: 'derived', version: 2 });
  expect(third('node/n1').flags).toContain('hole-bridged-by-register');
  expect(bench.conserved()).toBe(7);
});

test('before there is a model all of it is unallocated, and stays so', () => {
  const bench = new Bench();
  bench.models = undefined;
  bench.readAll(0, 130);
  bench.turns(125);
  bench.models = MODELS;
  bench.readAll(131, 250);
  bench.turns(245);
  const at = (point: PointId, startS: number): IntervalStatement =>
    bench.newest(point, 'allocated', secondsNs(startS))!.statement;
  expect(at('node/n1', 60)).toMatchObject({ quality: 'missing', because: 'settle.no-shares' });
  expect(at(ACCOUNT, 60)).toMatchObject({ quality: 'partial', because: 'settle.no-shares' });
  expect(Number(at(ACCOUNT, 60).energyUj) / 60e6).toBeCloseTo(560, 3);
  expect(at('node/n1', 180).quality).toBe('derived');
  bench.turns(246);
  expect(at('node/n1', 60).version).toBe(1);
  bench.conserved();
});

test('meters that show far more than the nodes can have used are flagged, and every share is less sure', () => {
  const bench = new Bench();
  bench.readAll(0, 65);
  bench.read('feed/a', 66, 130, 300);
  bench.read('feed/b', 66, 130, 460);
  bench.read('n1', 66, 130, 100);
  bench.read('n2', 66, 130, 200);
  bench.curves.get('feed/b')!.power.observe(secondsNs(130), watts(460));
  bench.turns(260);
  const sound = bench.newest('node/n1', 'allocated', secondsNs(0))!.statement;
  const odd = bench.newest('node/n1', 'allocated', secondsNs(60))!.statement;
  expect(sound.flags).not.toContain('shares-off-meter');
  expect(odd.flags).toContain('shares-off-meter');
  expect(odd.uncertainty.independentJ).toBeGreaterThan(20 * sound.uncertainty.independentJ);
  bench.conserved();
});

test('after a restart it goes on behind the newest remainder, and repeats nothing of a torn append', () => {
  const bench = new Bench();
  bench.readAll(0, 200);
  bench.turns(185);
  // The crash kept the parts of the last interval but for the remainder.
  const torn = bench.ledger.findLast((s) => s.point === ACCOUNT)!;
  bench.ledger.splice(bench.ledger.indexOf(torn), 1);
  bench.settlement = bench.started();
  bench.readAll(201, 320);
  const again = bench.turns(315).filter((s) => s.kind === 'allocated');
  expect(again.filter((s) => s.startNs === torn.startNs).map((s) => s.point)).toEqual([ACCOUNT]);
  expect(again.every((s) => s.version === 1)).toBe(true);
  expect(bench.conserved()).toBe(5);
});

test('forty odd minutes: every one of them conserved', () => {
  const bench = new Bench();
  for (let minute = 0; minute < 40; minute += 1) {
    const from = minute * 60 + (minute === 0 ? 0 : 1);
    const power = 500 + 37 * ((minute * 7) % 11);
    bench.read('feed/a', from, minute * 60 + 60, 0.53 * power);
    bench.read('feed/b', from, minute * 60 + 60, 0.47 * power);
    if (minute % 5 !== 3) bench.read('n1', from, minute * 60 + 60, 90 + minute);
    bench.read('n2', from, minute * 60 + 60, 190 + 3 * (minute % 4));
    bench.turns(minute * 60 + 61);
  }
  bench.turns(40 * 60 + 200);
  expect(bench.conserved()).toBeGreaterThanOrEqual(39);
});
