// Nodes behind one meter, fitted together: what the data tell is found, what they do not tell is said, and U covers what
// is wrong. Recorded nodes are added up to a meter where the data is; bench/calibration/shared-meters.ts prints the whole table.
import { describe, expect, test } from 'vitest';
import { scoreH100Shared, scoreRacks } from '../../bench/calibration/shared-meters.ts';
import type { EnergySeries } from '../../src/align/energy-series.ts';
import { fitGroup } from '../../src/calibrate/shared/fit-group.ts';
import type { GroupEvidence } from '../../src/calibrate/shared/group-model.ts';
import { GroupCalibration } from '../../src/calibrate/shared/group-calibration.ts';
import { jointOf } from '../../src/calibrate/shared/joint-models.ts';
import { decodeModel, encodeModel } from '../../src/calibrate/model-json.ts';
import { fitShared } from '../../src/calibrate/shared/shared-fit.ts';
import {
  nodeUncertaintyW,
  predictShared,
  shareUncertainties,
  totalUncertaintyW,
} from '../../src/calibrate/shared/shared-prediction.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal, SiteFault } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { shared } from '../fixtures.ts';
import { RACK, sampleRack, type RackTruth, type SampledRack } from './synthetic-rack.ts';

const meanOf = (column: Float64Array): number =>
  column.reduce((sum, each) => sum + each, 0) / column.length;
const meanPowers = (rack: SampledRack): number[][] => rack.rows.chipW.map((own) => own.map(meanOf));

const QUIET: Partial<RackTruth> = { noiseW: 1, wanderW: 0, rowsCount: 1500 };

describe('a joint fit', () => {
  test('finds gains and the sum of the levels where the loads go their own ways', () => {
    const rack = sampleRack({ ...RACK, ...QUIET, alike: false });
    const fit = fitShared(rack.rows, rack.nodes, 'equal');
    fit.nodes.forEach((node, index) => {
      expect(node.gains[1]).toBeCloseTo(rack.gains[index]![1], 2);
      expect(node.gainEvidence[1]).toBe('own');
      expect(node.levelEvidence).toBe('sum');
    });
    const levelW = fit.nodes.reduce((sum, node) => sum + node.levelW, 0);
    const trueW = rack.levelsW.reduce((sum, each) => sum + each, 0);
    expect(Math.abs(levelW / trueW - 1)).toBeLessThan(0.02);
  });

  test('knows the sum far better than any part of it', () => {
    const rack = sampleRack(RACK);
    const prediction = predictShared(fitShared(rack.rows, rack.nodes, 'equal'), meanPowers(rack));
    const parts = rack.nodes.map((_, node) => nodeUncertaintyW(prediction, node));
    expect(totalUncertaintyW(prediction)).toBeLessThan(0.1 * Math.min(...parts));
    // Three nodes, one sum: the shares' errors cancel, so that of one is at most what the others carry together.
    const shares = shareUncertainties(prediction);
    expect(shares[0]).toBeLessThanOrEqual((shares[1] ?? 0) + (shares[2] ?? 0) + 1e-9);
  });

  test('leaves at its prior what loads that go together do not tell, and names it', () => {
    const rack = sampleRack({ ...RACK, together: 1, alike: false, seed: 3 });
    // Exactly one load: every node's chips are those of the first.
    const chipW = rack.rows.chipW.map(() => rack.rows.chipW[0]!);
    const fit = fitShared({ ...rack.rows, chipW }, rack.nodes, 'equal');
    for (const node of fit.nodes) {
      expect(node.gainEvidence).toEqual(['prior', 'prior']);
      expect(node.levelEvidence).toBe('sum');
    }
    const prediction = predictShared(
      { ...fit },
      chipW.map((own) => own.map(meanOf)),
    );
    // The prior's own uncertainty of a gpu gain, 0.12, is left almost whole in each share.
    const gpuW = meanOf(chipW[0]![1]!);
    expect(nodeUncertaintyW(prediction, 0)).toBeGreaterThan(0.5 * 0.12 * gpuW);
    expect(totalUncertaintyW(prediction)).toBeLessThan(15);
  });

  test('nodes of one type teach each other what none of them could tell alone', () => {
    const truth = { ...RACK, together: 1, seed: 4 };
    const alike = sampleRack(truth);
    const fit = fitShared(alike.rows, alike.nodes, 'equal');
    expect(new Set(fit.nodes.map((node) => node.gainEvidence[1]))).toEqual(new Set(['type']));
    const strangers = alike.nodes.map((node) => ({ ...node, type: 'unspecified' }));
    const apart = fitShared(alike.rows, strangers, 'equal');
    const uOf = (of: typeof fit): number =>
      nodeUncertaintyW(predictShared(of, meanPowers(alike)), 0);
    expect(uOf(fit)).toBeLessThan(0.6 * uOf(apart));
  });

  test('a node that was off for a while shows its level by itself', () => {
    const rack = sampleRack({ ...RACK, ...QUIET, levelRatio: 0.3 });
    const off = (row: number): boolean => row >= 500 && row < 800;
    const onRatio = Float64Array.from({ length: rack.rows.count }, (_, row) => (off(row) ? 0 : 1));
    const meterW = rack.rows.meterW.map((each, row) =>
      off(row) ? each - (rack.trueW[0]![row] ?? 0) : each,
    );
    const dark = rack.rows.chipW[0]!.map((column) =>
      column.map((each, row) => (off(row) ? 0 : each)),
    );
    const rows = {
      ...rack.rows,
      meterW,
      chipW: [dark, ...rack.rows.chipW.slice(1)],
      onRatio: [onRatio, undefined, undefined],
    };
    const [first, second] = fitShared(rows, rack.nodes, 'equal').nodes;
    expect([first?.levelEvidence, second?.levelEvidence]).toEqual(['own', 'sum']);
    expect(Math.abs((first?.levelW ?? 0) - rack.levelsW[0]!)).toBeLessThan(10);
  });

  test('a twentieth of the rows far out does not move it', () => {
    const rack = sampleRack({ ...RACK, seed: 6 });
    const spoilt = rack.rows.meterW.map((each, row) => (row % 20 === 7 ? 3 * each : each));
    const clean = fitShared(rack.rows, rack.nodes, 'equal');
    const robust = fitShared({ ...rack.rows, meterW: spoilt }, rack.nodes, 'equal');
    const totalOf = (fit: typeof clean): number => predictShared(fit, meanPowers(rack)).totalW;
    expect(Math.abs(totalOf(robust) / totalOf(clean) - 1)).toBeLessThan(0.02);
  });

  test('keeps to physics: no gain below its bound, no level below 0', () => {
    const rack = sampleRack({ ...RACK, seed: 8 });
    const low = fitShared(
      { ...rack.rows, meterW: rack.rows.meterW.map((w) => 0.7 * w) },
      rack.nodes,
      'equal',
    );
    for (const node of low.nodes) {
      expect(node.levelW).toBeGreaterThanOrEqual(0);
      expect(node.gains[0]).toBeGreaterThanOrEqual(1.04);
      expect(node.gains[1]).toBeGreaterThanOrEqual(0.9);
    }
  });

  test('levels are divided by the rule: by nameplate in its proportions', () => {
    const rack = sampleRack({ ...RACK, ...QUIET, alike: false });
    const nodes = rack.nodes.map((node, index) => ({ ...node, weight: 1 + index }));
    const fit = fitShared(rack.rows, nodes, 'nameplate');
    const whole = fit.nodes.reduce((sum, node) => sum + node.levelW, 0);
    fit.nodes.forEach((node, index) => {
      expect(node.levelW / whole).toBeCloseTo((1 + index) / 6, 2);
    });
  });
});

/** Evidence as the service gathers it: cumulative energy every 10 s. */
function groupEvidence(rack: SampledRack, meterFactor = 1): GroupEvidence {
  const seriesOf = (column: Float64Array): EnergySeries => {
    const energyJ = new Float64Array(column.length + 1);
    column.forEach((powerW, row) => (energyJ[row + 1] = (energyJ[row] ?? 0) + 10 * powerW));
    const atS = Float64Array.from(energyJ, (_, knot) => 10 * knot);
    return { originNs: instantNs(0n), atS, energyJ, coveredS: atS };
  };
  return {
    group: 'feed-a',
    wall: seriesOf(rack.rows.meterW.map((each) => meterFactor * each)),
    levelRule: 'equal',
    fittedAtNs: instantNs(1_700_000_000_000_000_000n),
    nodes: rack.nodes.map((node, index) => ({
      ...node,
      chips: new Map(
        node.terms.flatMap((term, place) => {
          const each = rack.rows.chipW[index]![place]!.map((w) => w / term.sources.length);
          return term.sources.map((source) => [source, seriesOf(each)] as const);
        }),
      ),
    })),
  };
}

const fitted = (evidence: GroupEvidence): readonly CorrectionModel[] => {
  const models = fitGroup(evidence);
  if (isRefusal(models)) throw new Error(models.because);
  return models;
};

describe('the models of a group', () => {
  const models = fitted(groupEvidence(sampleRack({ ...RACK, rowsCount: 400 })));

  test('are siblings by one name, and put together again they are the joint fit', () => {
    expect(new Set(models.map((model) => model.shared?.fit)).size).toBe(1);
    expect(new Set(models.map((model) => model.id)).size).toBe(3);
    const joint = jointOf(models, () => true);
    const size = Math.round(Math.sqrt(joint.covariance.length));
    expect(size).toBe(9);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < i; j++) {
        expect(joint.covariance[i * size + j]).toBeCloseTo(
          joint.covariance[j * size + i] ?? NaN,
          9,
        );
      }
    }
    const some = jointOf(models, (node) => node !== 'n1');
    expect(some.nodes.length).toBe(2);
    expect(some.covariance[3 * 6]).toBe(joint.covariance[6 * 9]);
  });

  test('are the same for the same evidence, and go through their document unchanged', () => {
    const again = fitted(groupEvidence(sampleRack({ ...RACK, rowsCount: 400 })));
    expect(again).toEqual(models);
    for (const model of models) {
      const text = JSON.stringify(encodeModel(model));
      expect(decodeModel(JSON.parse(text), 'test')).toEqual(model);
    }
  });

  test.each<[string, object]>([
    ['a word that is none', { level_rule: 'by feeling' }],
    ['evidence for fewer terms', { gain_evidence: ['own'] }],
    ['a node twice', { nodes: ['n0', 'n0', 'n2'] }],
    ['half a covariance', { covariance: [1, 2, 3, 4] }],
  ])('with %s are refused', (_, change) => {
    const document = encodeModel(models[0]!);
    const shared_ = { ...(document['shared'] as object), ...change };
    expect(() => decodeModel({ ...document, shared: shared_ }, 'test')).toThrow(SiteFault);
  });

  test('are taken up again only when the siblings are there', () => {
    const group = { id: 'feed-a', points: [], nodes: ['n0', 'n1', 'n2'] };
    const calibration = new GroupCalibration(group, {
      stepNs: 1n,
      keepCount: 1,
      typeOf: () => 'dgx',
      levels: () => ({ rule: 'equal', weightOf: () => 1 }),
    });
    calibration.adopt(models[2]!);
    calibration.adopt(models[0]!);
    expect(calibration.models()).toBeUndefined();
    expect(calibration.waitingFor()).not.toBe('');
    calibration.adopt({ ...models[1]!, shared: { ...models[1]!.shared!, group: 'feed-z' } });
    expect(calibration.models()).toBeUndefined();
    calibration.adopt(models[1]!);
    expect(calibration.models()).toEqual(models);
    expect(calibration.models(models[0]!.shared!.fit)).toEqual(models);
  });

  test('a flat load is no refusal: the shares rest on priors, provisionally, and say so', () => {
    const rack = sampleRack({ ...RACK, alike: false, rowsCount: 400 });
    const chipW = rack.rows.chipW.map((own) =>
      own.map((column) => column.map(() => meanOf(column))),
    );
    const flat = {
      ...rack,
      rows: { ...rack.rows, chipW, meterW: rack.rows.meterW.map(() => 6500) },
    };
    for (const model of fitted(groupEvidence(flat))) {
      expect(model.standing).toBe('provisional');
      expect(model.open.join()).toMatch(
        /share: known to ±.*at its prior: the gain of cpu, the gain of gpu/,
      );
      expect(model.open.join()).toMatch(/alignment/);
    }
  });

  test('a feed that is missing and a unit that is wrong are refused, in words of their own', () => {
    const rack = sampleRack(RACK);
    expect(fitGroup(groupEvidence(rack, 0.5))).toMatchObject({
      code: 'calibrate.implausible',
      remedy: expect.stringMatching(/fed_by/) as string,
    });
    expect(fitGroup(groupEvidence(rack, 0.001))).toMatchObject({
      code: 'calibrate.implausible',
      remedy: expect.stringMatching(/mW, W and kW/) as string,
    });
  });

  test('a chip source that one node lacks, and less than a minute, are refused', () => {
    const evidence = groupEvidence(sampleRack(RACK));
    const [first, ...others] = evidence.nodes;
    const lame = { ...first!, chips: new Map([...first!.chips].slice(1)) };
    expect(fitGroup({ ...evidence, nodes: [lame, ...others] })).toMatchObject({
      code: 'align.overlap',
    });
    const short = groupEvidence(sampleRack({ ...RACK, rowsCount: 4 }));
    expect(fitGroup(short)).toMatchObject({ code: 'calibrate.few' });
  });
});

describe('U covers the parts of a common meter', () => {
  test.each<[string, Partial<RackTruth>, number, number]>([
    ['three alike with loads of their own', {}, 40, 4],
    ['three alike in one job', { together: 1 }, 40, 6],
    ['three unlike with loads of their own', { alike: false, levelRatio: 0.5 }, 40, 14],
  ])('%s', (set, change, seedsCount, mostUPercent) => {
    const score = scoreRacks(set, change, seedsCount);
    expect(score.coverPercent).toBeGreaterThanOrEqual(90);
    expect(score.meanUPercent).toBeLessThan(mostUPercent);
    // Better than dividing by the chips alone, which knows nothing of levels and gains.
    expect(score.medianPercent).toBeLessThan(1.05 * score.plainMedianPercent);
  });

  test.skipIf(!shared('data', 'h100-acdc'))(
    'eight recorded H100 nodes added up',
    { timeout: 60_000 },
    async () => {
      const score = await scoreH100Shared(/^8x-/, 'h100-acdc, 8 nodes');
      expect(score.partsCount).toBe(160);
      expect(score.medianPercent).toBeLessThan(0.5);
      expect(score.coverPercent).toBeGreaterThanOrEqual(90);
    },
  );
});
