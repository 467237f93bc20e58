// The life of one node's model in the service: first fit, a step that is noticed and anchored, a configuration that changes,
// and a restart that tells nothing twice.
import { describe, expect, test } from 'vitest';
import type { EdgeEnergy, EnergyCurve } from '../../src/align/energy-curve.ts';
import type { LifeEvent } from '../../src/calibrate/life/life-event.ts';
import {
  NodeCalibration,
  type CalibrationPlan,
} from '../../src/calibrate/life/node-calibration.ts';
import { UNKNOWN_CONFIG } from '../../src/quantity/config-fingerprint.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { joules, microjoules } from '../../src/quantity/units.ts';
import { minimalRandom } from './synthetic-node.ts';

const START_S = 1_700_000_000;
const at = (afterS: number): InstantNs => instantNs(BigInt(START_S + afterS) * 1_000_000_000n);

/** A curve of one value a second that has been read up to `readS`; a hole is a break, as a lost meter makes it. */
class SecondCurve implements EnergyCurve {
  readonly #sumUj: bigint[] = [0n];
  readonly #holes: readonly (readonly [fromS: number, untilS: number])[];
  readS = 0;
  constructor(powersW: Float64Array, holes: readonly (readonly [number, number])[] = []) {
    let sum = 0;
    for (const powerW of powersW) {
      sum += powerW;
      this.#sumUj.push(BigInt(Math.round(sum * 1e6)));
    }
    this.#holes = holes;
  }
  energyAt(atNs: InstantNs): EdgeEnergy | undefined {
    const afterS = Number(atNs - at(0)) / 1e9;
    if (afterS < 0 || afterS > this.readS) return undefined;
    const stretch = this.#holes.filter(([, untilS]) => untilS <= afterS).length;
    if (this.#holes.some(([fromS, untilS]) => afterS >= fromS && afterS < untilS)) return undefined;
    const floor = Math.floor(afterS);
    const low = this.#sumUj[floor] ?? 0n;
    const high = this.#sumUj[floor + 1] ?? low;
    const energyUj = microjoules(low + BigInt(Math.round(Number(high - low) * (afterS - floor))));
    const anchor = { atNs, energyUj };
    return {
      energyUj,
      stretch,
      before: anchor,
      after: anchor,
      edgeJ: joules(0),
      resolutionJ: joules(0),
      hole: undefined,
      method: 'register+power',
    };
  }
  awaitsShape = (): boolean => false;
  provisionalAt = (): undefined => undefined;
  breakWithin = (): undefined => undefined;
  holeWithin = (): boolean => false;
  firstAnchor = () => ({ atNs: at(0), energyUj: microjoules(0n) });
  lastAnchor = () => ({
    atNs: at(this.readS),
    energyUj: microjoules(this.#sumUj[Math.floor(this.readS)] ?? 0n),
  });
  latestReadNs = (): InstantNs => at(this.readS);
  prune = (): void => undefined;
}

interface Node {
  readonly wall: SecondCurve;
  readonly chips: ReadonlyMap<string, SecondCurve>;
}

function node(seconds: number, levelW: (afterS: number) => number): Node {
  const random = minimalRandom(77);
  for (let skipped = 0; skipped < 20; skipped++) random();
  const chip = new Float64Array(seconds);
  const wall = new Float64Array(seconds);
  let loadW = 100;
  for (let second = 0; second < seconds; second++) {
    if (second % 20 === 0) loadW = 80 + 150 * random();
    chip[second] = loadW + random();
    wall[second] = 500 + levelW(second) + 1.2 * (chip[second] ?? 0) + 4 * (random() - 0.5);
  }
  return {
    wall: new SecondCurve(wall),
    chips: new Map([['rapl:package-0', new SecondCurve(chip)]]),
  };
}

const PLAN: CalibrationPlan = {
  stepNs: 1_000_000_000n,
  keepCount: 5760,
  seed: 1,
  meterRatio: 0.005,
  sources: ['meter-a', 'chips-n1'],
  config: UNKNOWN_CONFIG,
};

/** Lives through the seconds as the service does: extends twice a minute, refits every five. */
function live(
  calibration: NodeCalibration,
  { wall, chips }: Node,
  fromS: number,
  untilS: number,
): { models: CorrectionModel[]; events: LifeEvent[] } {
  const models: CorrectionModel[] = [];
  const events: LifeEvent[] = [];
  for (let afterS = fromS + 30; afterS <= untilS; afterS += 30) {
    wall.readS = afterS;
    for (const curve of chips.values()) curve.readS = afterS;
    calibration.extend([wall], chips);
    const news = calibration.news(at(afterS));
    models.push(...news.models);
    events.push(...news.events);
    const fitted = afterS % 300 === 0 ? calibration.refit(at(afterS)) : undefined;
    if (fitted) models.push(fitted);
  }
  return { models, events };
}

describe('a node that steps by -157 W after two hours', () => {
  const machine = node(14_400, (afterS) => (afterS >= 7200 ? -157 : 0));
  const calibration = new NodeCalibration('n1', PLAN);
  const { models, events } = live(calibration, machine, 0, 10_800);

  test('has a first fit, then accepted ones, each naming the one before', () => {
    expect(models[0]?.life).toMatchObject({ supersedes: '', because: 'first-fit' });
    expect(models[0]?.life?.sources).toEqual(['meter-a', 'chips-n1']);
    models.slice(1).forEach((model, index) => {
      expect(model.life?.supersedes).toBe(models[index]?.id);
    });
    expect(models.some(({ standing }) => standing === 'accepted')).toBe(true);
  });

  test('is told within a minute, with the step and its U', () => {
    const stepped = events.filter(({ event }) => event === 'level-stepped');
    expect(stepped.length).toBe(1);
    const [step] = stepped;
    expect(Number(step!.changedNs - at(7200)) / 1e9).toBeLessThanOrEqual(10);
    expect(Number(step!.noticedNs - at(7200)) / 1e9).toBeLessThanOrEqual(60);
    expect(Math.abs(step!.figures['shift_w']! + 157)).toBeLessThanOrEqual(step!.figures['u_w']!);
    expect(events.map(({ event }) => event)).toEqual(['level-stepped', 're-anchored']);
  });

  test('is corrected at the new level within the minute, and evidence is not mixed', () => {
    const stepped = models.find(({ life }) => life?.because === 'level-stepped');
    expect(stepped?.open.some((gate) => gate.startsWith('level:'))).toBe(true);
    expect(stepped?.standing).toBe('provisional');
    const anchored = models.find(({ life }) => life?.because === 're-anchored');
    const truthW = 500 - 157 + 1.2 * 155;
    const saidW = anchored!.interceptW + anchored!.terms[0]!.gainRatio * 155;
    expect(Math.abs(saidW - truthW)).toBeLessThan(2 * anchored!.systematicRatio * truthW);
    for (const model of models.slice(models.indexOf(anchored!))) {
      expect(model.life!.sinceNs).toBeGreaterThanOrEqual(at(7190));
      if (model.life?.because === 'more-evidence') {
        expect(model.evidence.fromNs).toBeGreaterThanOrEqual(at(7190));
      }
    }
    expect(calibration.model()?.standing).toBe('accepted');
  });

  test('alarms for an hour', () => {
    expect(calibration.alarms(at(8000)).map(({ event }) => event)).toEqual(['level-stepped']);
    expect(calibration.alarms(at(7300 + 3600))).toEqual([]);
  });

  test('was last compared with the meter just now', () => {
    expect(calibration.checkedNs()).toBe(at(10_800));
  });

  test('tells nothing twice after a restart', () => {
    const again = new NodeCalibration('n1', PLAN);
    for (const model of models) again.adopt(model);
    const told = live(again, machine, 0, 12_600);
    expect(told.events).toEqual([]);
    expect(told.models.filter(({ life }) => life?.because !== 'more-evidence')).toEqual([]);
    const later = told.models.map(({ evidence }) => evidence.fromNs);
    for (const fromNs of later) expect(fromNs).toBeGreaterThanOrEqual(at(7190));
  });
});

test('a quiet node has fits and no events', () => {
  const machine = node(10_800, () => 0);
  const calibration = new NodeCalibration('n1', PLAN);
  const { models, events } = live(calibration, machine, 0, 10_800);
  expect(events).toEqual([]);
  expect(new Set(models.map(({ life }) => life?.because))).toEqual(
    new Set(['first-fit', 'more-evidence']),
  );
});

describe('a node whose driver changes', () => {
  const machine = node(10_800, () => 0);
  const calibration = new NodeCalibration('n1', PLAN);
  const old = { ...UNKNOWN_CONFIG, driver: '535.104' };
  const now = { ...UNKNOWN_CONFIG, driver: '550.54' };
  calibration.configured(old, at(0));
  live(calibration, machine, 0, 5400);
  const before = calibration.model();
  calibration.configured(old, at(5400));
  calibration.configured(now, at(5410));
  const { models, events } = live(calibration, machine, 5400, 9000);

  test('loses its standing, and the gate says from what to what', () => {
    expect(before?.standing).toBe('accepted');
    expect(events[0]).toMatchObject({
      event: 'configuration-changed',
      says: 'driver: 535.104 to 550.54',
    });
    expect(models[0]).toMatchObject({ standing: 'provisional' });
    expect(models[0]?.life).toMatchObject({ supersedes: before?.id, config: now });
    expect(models[0]?.open).toContainEqual(
      'configuration: driver was 535.104, is 550.54; meter the node again',
    );
  });

  test('is fitted again on what came after, and on nothing else', () => {
    const fits = models.filter(({ life }) => life?.because === 'more-evidence');
    expect(fits.length).toBeGreaterThan(0);
    for (const fit of fits) {
      expect(fit.evidence.fromNs).toBeGreaterThanOrEqual(at(5409));
      expect(fit.life?.config).toEqual(now);
    }
    expect(fits.at(-1)?.standing).toBe('accepted');
  });

  test('a replayed journal does not change it back', () => {
    const again = new NodeCalibration('n1', PLAN);
    const last = models.at(-1);
    if (!last) throw new Error('no model');
    again.adopt(last);
    again.configured(old, at(100));
    again.configured(now, at(9100));
    expect(again.news(at(9100)).events).toEqual([]);
  });
});
