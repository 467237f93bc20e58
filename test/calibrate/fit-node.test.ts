// The fit of one node on made-up truth: gains recovered, intervals that cover, and for bad evidence a refusal rather than
// a confident wrong number.
import { describe, expect, test } from 'vitest';
import { applyModel } from '../../src/calibrate/apply-model.ts';
import { fitNode } from '../../src/calibrate/fit-node.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { fromSeconds, instantNs, later } from '../../src/quantity/time.ts';
import { expandedJ } from '../../src/quantity/uncertainty.ts';
import {
  nodeSeries,
  PLAIN,
  sampleNode,
  type NodeSamples,
  type NodeTruth,
} from './synthetic-node.ts';

const fitOf = (samples: NodeSamples, shiftS = 0): CorrectionModel | Refusal =>
  fitNode({ node: 'n1', ...nodeSeries(samples, shiftS), fittedAtNs: instantNs(0n), seed: 7 });
const fitted = (outcome: CorrectionModel | Refusal): CorrectionModel => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};
const codeOf = (outcome: unknown): string => (isRefusal(outcome) ? outcome.code : 'no refusal');
const scaled = (samples: NodeSamples, factor: number): NodeSamples => ({
  ...samples,
  chipsW: new Map([...samples.chipsW].map(([name, each]) => [name, each.map((w) => w * factor)])),
});
const energiesOf = (samples: NodeSamples, from: number, until: number): Map<string, number> =>
  new Map(
    [...samples.chipsW].map(([name, each]) => [
      name,
      each.slice(from, until).reduce((sum, powerW) => sum + powerW, 0),
    ]),
  );
const wallJ = (samples: NodeSamples, from: number, until: number): number =>
  samples.wallW.slice(from, until).reduce((sum, powerW) => sum + powerW, 0);

describe('truth is recovered', () => {
  test('a board that a second name shows again is counted once, and said', () => {
    const samples = sampleNode({ ...PLAIN, seed: 18 });
    const twice = new Map([
      ...samples.chipsW,
      ['nvml:gpu-uuid', samples.chipsW.get('nvml:0')!] as const,
    ]);
    const model = fitted(fitOf({ ...samples, chipsW: twice }));
    expect(model.terms.flatMap((term) => term.sources)).not.toContain('nvml:gpu-uuid');
    expect(model.notes?.join(' ')).toContain('nvml:gpu-uuid');
  });

  test('told what ran when, it is judged by each kind of work left out', () => {
    const samples = sampleNode({ ...PLAIN, seed: 19 });
    const series = nodeSeries(samples, 0);
    const startNs = series.wall.originNs;
    const phases = ['train', 'serve', 'compile'].map((application, index) => ({
      application,
      fromNs: later(startNs, fromSeconds(1200 * index)),
      untilNs: later(startNs, fromSeconds(1200 * (index + 1))),
    }));
    const told = fitted(
      fitNode({ node: 'n1', ...series, fittedAtNs: instantNs(0n), seed: 7, phases }),
    );
    const untold = fitted(fitOf(samples));
    expect(untold.open.join(' ')).toContain('0 of 3 labelled applications');
    expect(told.open.join(' ')).not.toContain('labelled applications');
    expect(told.detail?.leftOut.byApplication.map((each) => each.name).sort()).toEqual([
      'compile',
      'serve',
      'train',
    ]);
  });

  test('two boards of which one feeds more get a gain each', () => {
    const samples = sampleNode({ ...PLAIN, seed: 17 });
    const [first, second] = [samples.chipsW.get('nvml:0')!, samples.chipsW.get('nvml:1')!];
    // Loads of their own, so that the boards can be told apart.
    const apart = second.map((_, row) => second[(row + 1200) % second.length]!);
    const wallW = samples.wallW.map(
      (w, row) => w + 0.25 * apart[row]! + 1.1 * (apart[row]! - second[row]!),
    );
    const chipsW = new Map([...samples.chipsW, ['nvml:1', apart] as const]);
    const model = fitted(fitOf({ ...samples, wallW, chipsW }));
    expect(model.detail?.form).toBe('sources');
    const gainOf = (name: string): number =>
      model.terms.find((term) => term.name === name)?.gainRatio ?? 0;
    expect(gainOf('nvml:0')).toBeCloseTo(1.1, 1.5);
    expect(gainOf('nvml:1')).toBeCloseTo(1.35, 1.5);
    expect(gainOf('nvml:1') - gainOf('nvml:0')).toBeCloseTo(0.25, 1.5);
    expect(first).not.toBe(apart);
  });

  test('an hour of different gains gives components within their uncertainty, and is accepted', () => {
    const truth = { ...PLAIN, gains: { cpu: 1.5, dram: 1.2, gpu: 1.05 } };
    const model = fitted(fitOf(sampleNode(truth)));
    expect(model.standing).toBe('accepted');
    // Nobody labelled applications, so that none can be left out: good for use, not for audit.
    expect(model.open).toHaveLength(1);
    expect(model.open[0]).toMatch(/^audit: 0 of 3 labelled applications/);
    expect(model.detail?.form).toBe('components');
    for (const [name, gain] of Object.entries(truth.gains)) {
      const term = model.terms.find((each) => each.name === name)!;
      expect(Math.abs(term.gainRatio - gain)).toBeLessThan(4 * term.gainUncertaintyRatio);
    }
    expect(Math.abs(model.interceptW - truth.interceptW)).toBeLessThan(8);
    expect(model.gapRatio).toBeGreaterThan(0.2);
  });

  test('equal gains need one term only', () => {
    const model = fitted(
      fitOf(sampleNode({ ...PLAIN, gains: { cpu: 1.15, dram: 1.15, gpu: 1.15 } })),
    );
    expect(model.terms.map((term) => term.name)).toEqual(['chips']);
    expect(model.terms[0]!.gainRatio).toBeCloseTo(1.15, 2);
  });

  test('a late chip clock is found and taken out', () => {
    const model = fitted(fitOf(sampleNode(PLAIN), 3.4));
    expect(Number(model.offsetNs) / 1e9).toBeCloseTo(3.4, 1);
    expect(model.residualW).toBeLessThan(6);
  });

  test('the same evidence and seed give the same model', () => {
    expect(fitted(fitOf(sampleNode(PLAIN))).id).toBe(fitted(fitOf(sampleNode(PLAIN))).id);
  });

  test('outliers of the meter hardly move it', () => {
    const samples = sampleNode(PLAIN);
    const spiked = {
      ...samples,
      wallW: samples.wallW.map((w, row) => (row % 97 === 0 ? w + 4000 : w)),
    };
    const model = fitted(fitOf(spiked));
    const at = applyModel(model, energiesOf(samples, 0, 3600), 3600);
    if (isRefusal(at)) throw new Error(at.because);
    expect(Math.abs(at.energyJ / wallJ(samples, 0, 3600) - 1)).toBeLessThan(0.015);
  });
});

describe('what it promises holds', () => {
  test('from 75 s on there is a provisional model with open gates and a wide band', () => {
    const samples = sampleNode({ ...PLAIN, seconds: 75, seed: 4 });
    const model = fitted(fitOf(samples));
    expect(model.standing).toBe('provisional');
    expect(model.open.join()).toContain('evidence');
    const hour = fitted(fitOf(sampleNode({ ...PLAIN, seed: 4 })));
    const bandOf = (each: CorrectionModel): number => {
      const at = applyModel(each, energiesOf(samples, 0, 60), 60);
      if (isRefusal(at)) throw new Error(at.because);
      return expandedJ(at.parts);
    };
    expect(bandOf(model)).toBeGreaterThan(bandOf(hour));
  });

  test('its intervals cover later energy of nodes whose level wanders', () => {
    let minutes = 0;
    let insideMinutes = 0;
    let insideRuns = 0;
    const nodesCount = 20;
    for (let seed = 1; seed <= nodesCount; seed++) {
      const truth: NodeTruth = { ...PLAIN, seconds: 3600, seed: 100 + seed, wanderW: 8 };
      const samples = sampleNode(truth);
      const early = {
        atS: samples.atS.slice(0, 1800),
        wallW: samples.wallW.slice(0, 1800),
        chipsW: new Map([...samples.chipsW].map(([name, each]) => [name, each.slice(0, 1800)])),
      };
      const model = fitted(fitOf(early));
      const errorOver = (from: number, until: number): boolean => {
        const at = applyModel(model, energiesOf(samples, from, until), until - from);
        if (isRefusal(at)) throw new Error(at.because);
        return Math.abs(at.energyJ - wallJ(samples, from, until)) <= expandedJ(at.parts);
      };
      for (let from = 1800; from < 3600; from += 60) {
        minutes++;
        if (errorOver(from, from + 60)) insideMinutes++;
      }
      if (errorOver(1800, 3600)) insideRuns++;
    }
    expect(insideMinutes / minutes).toBeGreaterThan(0.9);
    expect(insideRuns / nodesCount).toBeGreaterThanOrEqual(0.9);
  });

  test('an hour of 1 Hz data takes no time to speak of', () => {
    const series = nodeSeries(sampleNode(PLAIN));
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const start = process.cpuUsage().user;
      fitNode({ node: 'n1', ...series, fittedAtNs: instantNs(0n), seed: turn });
      times.push((process.cpuUsage().user - start) / 1000);
    }
    expect(Math.min(...times)).toBeLessThan(500);
  });
});

describe('bad evidence is refused', () => {
  test('a flat load, too little time, and nothing at all', () => {
    expect(codeOf(fitOf(sampleNode({ ...PLAIN, steady: true })))).toBe('calibrate.flat');
    expect(codeOf(fitOf(sampleNode({ ...PLAIN, seconds: 20 })))).toBe('calibrate.few');
    const empty = nodeSeries(sampleNode({ ...PLAIN, seconds: 1 }));
    expect(codeOf(fitNode({ node: 'n1', ...empty, fittedAtNs: instantNs(0n), seed: 1 }))).toBe(
      'calibrate.few',
    );
    expect(
      codeOf(
        fitNode({ node: 'n1', ...empty, chips: new Map(), fittedAtNs: instantNs(0n), seed: 1 }),
      ),
    ).toBe('align.overlap');
  });

  test('units that are wrong by a thousand, either way', () => {
    const samples = sampleNode(PLAIN);
    expect(codeOf(fitOf(scaled(samples, 1000)))).toBe('calibrate.implausible');
    expect(codeOf(fitOf(scaled(samples, 0.001)))).not.toBe('no refusal');
    expect(codeOf(fitOf(scaled(samples, 0.05)))).toBe('calibrate.implausible');
  });

  test('half of the feeds missing looks like a perfect fit and is not', () => {
    const samples = sampleNode({ ...PLAIN, interceptW: 100 });
    const half = { ...samples, wallW: samples.wallW.map((w) => w / 2) };
    expect(codeOf(fitOf(half))).toBe('calibrate.implausible');
  });

  test('constant and collinear columns do no harm', () => {
    const samples = sampleNode(PLAIN);
    const first = samples.chipsW.get('nvml:0')!;
    const odd = {
      ...samples,
      chipsW: new Map([
        ...samples.chipsW,
        ['rapl:dram-0', new Float64Array(3600).fill(20)] as const,
        ['nvml:1', first.map((w) => 0.97 * w)] as const,
      ]),
      wallW: samples.wallW.map((w) => w),
    };
    const model = fitted(fitOf(odd));
    for (const term of model.terms) {
      expect(term.gainRatio).toBeGreaterThanOrEqual(0.9);
      expect(term.gainRatio).toBeLessThan(3);
    }
  });

  test('meter and chips of different nodes do not pass', () => {
    const one = nodeSeries(sampleNode({ ...PLAIN, seed: 21 }));
    const other = nodeSeries(sampleNode({ ...PLAIN, seed: 22 }));
    const outcome = fitNode({
      node: 'n1',
      wall: one.wall,
      chips: other.chips,
      fittedAtNs: instantNs(0n),
      seed: 1,
    });
    if (!isRefusal(outcome)) {
      expect(outcome.standing).toBe('provisional');
      expect(outcome.open.join()).toContain('alignment');
    }
  });
});
