// The watch: a step is reported within a minute of metering, long quiet stretches report nothing, and what counts as quiet
// is what the model states itself. The recorded node of hidden regimes is watched where its data is present.
import { describe, expect, test } from 'vitest';
import { scoreDgx1Cpu } from '../../bench/calibration/watch.ts';
import { decisionJ } from '../../src/calibrate/life/excursion.ts';
import { levelDriftW } from '../../src/calibrate/life/level-drift.ts';
import {
  ResidualWatch,
  type LevelAnchored,
  type LevelChange,
  type WatchEvent,
} from '../../src/calibrate/life/residual-watch.ts';
import { WatchBudget, type WatchBlock } from '../../src/calibrate/life/watch-budget.ts';
import { shared } from '../fixtures.ts';
import { livedBlocks, START_S, watchedModel } from './watched-node.ts';

function eventsOf(blocks: readonly WatchBlock[], model = watchedModel()): readonly WatchEvent[] {
  const watch = new ResidualWatch(new WatchBudget(model));
  return blocks.flatMap((block) => watch.take(block));
}
const isChange = (event: WatchEvent): event is LevelChange => event.kind !== 'anchored';
const isAnchored = (event: WatchEvent): event is LevelAnchored => event.kind === 'anchored';
const changesOf = (blocks: readonly WatchBlock[], model = watchedModel()): LevelChange[] =>
  eventsOf(blocks, model).filter(isChange);

describe('a step', () => {
  for (const stepW of [157, -157, 90]) {
    test(`of ${stepW} W is reported within 60 s, when it was and how large`, () => {
      const levelW = (afterS: number): number => (afterS >= 3600 ? stepW : 0);
      const [step, ...more] = changesOf(livedBlocks({ hours: 3, seed: 3, levelW }));
      expect(more).toEqual([]);
      expect(step?.kind).toBe('step');
      expect(step!.noticedS - (START_S + 3600)).toBeLessThanOrEqual(60);
      expect(Math.abs(step!.changedS - (START_S + 3600))).toBeLessThanOrEqual(10);
      const errorW = Math.abs(step!.toLevelW - step!.fromLevelW - stepW);
      expect(errorW).toBeLessThanOrEqual(step!.expandedW);
      expect(step!.expandedW).toBeLessThan(30);
    });
  }

  test('is followed by the level from its first minute, with its U', () => {
    const levelW = (afterS: number): number => (afterS >= 3600 ? -157 : 0);
    const events = eventsOf(livedBlocks({ hours: 2, seed: 4, levelW }));
    expect(events.map(({ kind }) => kind)).toEqual(['step', 'anchored']);
    const anchored = events.find(isAnchored);
    expect(anchored!.meteredS).toBe(60);
    expect(Math.abs(anchored!.levelW + 157)).toBeLessThanOrEqual(anchored!.expandedW);
  });

  test('back to a level that was seen is known again, and anchored at once', () => {
    const levelW = (afterS: number): number => (Math.floor(afterS / 3600) % 2 === 1 ? 157 : 0);
    const events = eventsOf(livedBlocks({ hours: 4, seed: 5, levelW }));
    const steps = events.filter(isChange);
    expect(steps.map(({ regime }) => regime)).toEqual([undefined, 1, 2]);
    const anchored = events.filter(isAnchored);
    expect(anchored.map(({ regime }) => regime)).toEqual([undefined, 1, 2]);
    expect(anchored[1]!.noticedS).toBe(steps[1]!.noticedS);
  });

  test('across a gap of months is reported within a minute of metering behind it', () => {
    const before = livedBlocks({ hours: 5, seed: 6 });
    const startS = START_S + 120 * 86_400;
    const after = livedBlocks({ hours: 1, seed: 7, startS, levelW: () => 157 });
    const [step, ...more] = changesOf([...before, ...after]);
    expect(more).toEqual([]);
    expect(step!.changedS).toBe(startS);
    expect(step!.noticedS - startS).toBeLessThanOrEqual(60);
  });

  test('that stands already when a model of one regime is first used is reported', () => {
    const [step] = changesOf(livedBlocks({ hours: 1, seed: 8, levelW: () => -157 }));
    expect(step!.noticedS - START_S).toBeLessThanOrEqual(60);
  });

  test('is none where the evidence had both levels: the first minute says which of them it is', () => {
    const model = watchedModel({ levelW: 75, levelDof: 4 });
    const events = eventsOf(livedBlocks({ hours: 1, seed: 9, levelW: () => -80 }), model);
    expect(events.map(({ kind }) => kind)).toEqual(['anchored']);
    const [anchored] = events.filter(isAnchored);
    expect(Math.abs(anchored!.levelW + 80)).toBeLessThanOrEqual(anchored!.expandedW);
  });
});

describe('quiet', () => {
  test('300 hours of correlated noise and applications that nobody has seen', () => {
    const blocks = livedBlocks({ hours: 300, seed: 11, noiseW: 3, gainScatterRatio: 0.05 });
    expect(changesOf(blocks)).toEqual([]);
  });

  test('a day that is as far off as days are', () => {
    // 0.6 % a day, up and down: the random walk of days.
    const levelW = (afterS: number): number =>
      7 * Math.sin((2 * Math.PI * afterS) / 86_400) + 4 * Math.sin(afterS / 5000);
    expect(changesOf(livedBlocks({ hours: 96, seed: 12, levelW }))).toEqual([]);
  });

  test('wild single blocks, as load edges and range changes make them', () => {
    const blocks = livedBlocks({ hours: 10, seed: 13 }).map((block, index) =>
      index % 97 === 50 ? { ...block, meteredW: block.meteredW + 5000 } : block,
    );
    expect(changesOf(blocks)).toEqual([]);
  });

  test('blocks that come twice, late, torn or as no numbers are passed over', () => {
    const blocks = livedBlocks({ hours: 1, seed: 14 });
    const [first] = blocks;
    const wrong = blocks.flatMap((block, index) =>
      index === 0
        ? [block]
        : [
            block,
            block,
            { ...first!, meteredW: 9000 },
            { ...block, fromS: block.untilS, untilS: block.untilS, meteredW: 9000 },
            { ...block, meteredW: NaN },
            { ...block, fromS: block.untilS, untilS: block.untilS + 5, termsW: [NaN] },
          ],
    );
    expect(eventsOf(wrong)).toEqual(eventsOf(blocks));
  });

  test('is what the model states: the same residuals alarm a model that claims to know better', () => {
    const levelW = (afterS: number): number => (Math.floor(afterS / 1800) % 2 === 0 ? 0 : 40);
    const blocks = livedBlocks({ hours: 6, seed: 15, levelW });
    expect(changesOf(blocks, watchedModel({ levelW: 12, applicationW: 15 }))).toEqual([]);
    expect(changesOf(blocks, watchedModel({ levelW: 3 })).length).toBeGreaterThan(4);
  });
});

test('an ageing supply, 1 % in three weeks, is a drift and no step', () => {
  const levelW = (afterS: number): number => (12 * afterS) / (21 * 86_400);
  const events = changesOf(livedBlocks({ hours: 45 * 24, seed: 16, levelW }));
  expect(events.length).toBeGreaterThan(0);
  expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['drift']));
  const [drift] = events;
  const days = (drift!.noticedS - START_S) / 86_400;
  expect(days).toBeGreaterThan(7);
  expect(days).toBeLessThan(45);
  const trueW = levelW(drift!.noticedS - START_S);
  expect(Math.abs(drift!.toLevelW - trueW)).toBeLessThan(4);
});

test('the decision is that of Siegmund: once in so long for a Brownian motion with drift', () => {
  // ARL ~ (v / 2 K²) (exp(2 K h / v) - 1), two sides: solved for h with v = 100, K = 5, 1e6 s.
  const h = decisionJ(100, 5, 1e6);
  const oneSided = (100 / (2 * 25)) * Math.expm1((2 * 5 * h) / 100);
  expect(oneSided / 2).toBeCloseTo(1e6, -1);
});

test('a level drifts as a random walk that turns back at the gate', () => {
  expect(levelDriftW(1000, 0)).toBe(0);
  expect(levelDriftW(1000, 3600)).toBeCloseTo(6 * Math.sqrt(1 / 24), 1);
  expect(levelDriftW(1000, 365 * 86_400)).toBeCloseTo(10, 6);
  expect(levelDriftW(1000, -5)).toBe(0);
});

test.skipIf(!shared('data', 'dgx1-cpu'))(
  'dgx1-cpu: every change of the hidden regime within 60 s of metering, nothing else',
  async () => {
    const scores = await scoreDgx1Cpu();
    expect(scores.length).toBe(7);
    for (const score of scores) {
      expect(score.noticedCount, score.watched).toBe(score.stepsCount);
      expect(score.insideUCount, score.watched).toBe(score.stepsCount);
      expect(score.falseCount, score.watched).toBe(0);
      expect(score.stepsCount, score.watched).toBeGreaterThan(0);
    }
  },
  120_000,
);
