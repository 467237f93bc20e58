// What the wall does beside the gains: losses that warm up, fans that follow late, fans that tell their speed. Truth is made here, by
// stepping the states second by second; the fit has to find it, and say how much wider it is where it is not told.
import { describe, expect, test } from 'vitest';
import { shapedSeries } from '../../src/calibrate/shape.ts';
import { applyModel } from '../../src/calibrate/apply-model.ts';
import { conditionOf, type Condition } from '../../src/calibrate/condition.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import { correctedRows } from '../../src/calibrate/corrected-rows.ts';
import { rowsOfRuns, type RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { fitModel } from '../../src/calibrate/fit-model.ts';
import { decodeModel, encodeModel } from '../../src/calibrate/model-json.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { expandedJ } from '../../src/quantity/uncertainty.ts';
import { meansOver } from '../../src/align/energy-series.ts';
import { minimalRandom, ORIGIN, seriesFrom } from './synthetic-node.ts';

const SECONDS = 5400;
const atS = Float64Array.from({ length: SECONDS }, (_, row) => row + 1);

interface Truth {
  readonly chipW: Float64Array;
  readonly wallW: Float64Array;
  readonly fanRpm: Float64Array;
}

/** Steps of load of 20 to 120 s between 300 and 2300 W; the wall has one late state of `tauS` and a fan of its own will. */
function made(
  seed: number,
  { slow = 0, warm = 0, fanW = 0, tauS = 40 }: Readonly<Record<string, number>>,
): Truth {
  const random = minimalRandom(seed);
  for (let skipped = 0; skipped < 20; skipped++) random();
  const chipW = new Float64Array(SECONDS);
  const wallW = new Float64Array(SECONDS);
  const fanRpm = new Float64Array(SECONDS);
  let load = 500;
  let state = 500;
  let fan = 6000;
  for (let row = 0; row < SECONDS; row++) {
    if (random() < 1 / 60) load = 300 + 2000 * random();
    if (random() < 1 / 200) fan = 4000 + 8000 * random();
    const power = load + 4 * (random() - 0.5);
    // Two hundred small steps a second stand in for the differential equation.
    let late = 0;
    for (let step = 0; step < 200; step++) {
      late += (state - power) / 200;
      state += (power - state) / (200 * tauS);
    }
    chipW[row] = power;
    fanRpm[row] = fan;
    wallW[row] =
      250 +
      1.15 * power +
      slow * late +
      (warm * power * late) / 1000 +
      fanW * (fan / 10_000) ** 3 +
      6 * (random() - 0.5);
  }
  return { chipW, wallW, fanRpm };
}

function evidenceOf(truth: Truth, told: boolean): RunEvidence {
  const fans = conditionOf('fan_rpm', { originNs: ORIGIN, atS, reading: truth.fanRpm });
  return {
    run: 'made',
    feeds: [{ source: 'wall', series: seriesFrom(atS, truth.wallW), held: undefined }],
    chips: new Map([['nvml:0', seriesFrom(atS, truth.chipW)]]),
    phases: [],
    ...(told ? { conditions: new Map<string, Condition>([['fan-0 fan_rpm', fans]]) } : {}),
  };
}

function fitted(evidence: RunEvidence): CorrectionModel {
  const terms = componentTerms(['nvml:0']);
  const clock = { offsetS: 0, rateRatio: 0, pivotS: 0 };
  const rows = rowsOfRuns([{ evidence, clock }], terms, [], 10);
  if (isRefusal(rows)) throw new Error(rows.because);
  const model = fitModel(rows, terms, {
    node: 'n1',
    fittedAtNs: instantNs(0n),
    seed: 1,
    offsetS: 0,
    rateRatio: 0,
    offsetUncertaintyS: 0.05,
    aligned: true,
    meterRatio: undefined,
    meterSources: ['wall'],
    heldMeters: [],
    chipStamp: 'end',
    chipWindowS: undefined,
  });
  if (isRefusal(model)) throw new Error(model.because);
  return model;
}

describe('a late state', () => {
  test.each([
    ['warm', { warm: 0.06 }, 0.06],
    ['slow', { slow: 0.09 }, 0.09],
  ] as const)('of losses or fans is found, told apart and timed: %s', (kind, truth, gain) => {
    const model = fitted(evidenceOf(made(3, truth), false));
    expect(model.detail?.shapes).toHaveLength(1);
    const [shape] = model.detail!.shapes;
    expect(shape).toMatchObject({ kind, tauS: 40 });
    expect(Math.abs(shape!.gainRatio - gain)).toBeLessThan(0.15 * gain);
    expect(Math.abs(model.terms[0]!.gainRatio - 1.15)).toBeLessThan(0.01);
  });

  test('that is not there is not found', () => {
    expect(fitted(evidenceOf(made(4, {}), false)).detail?.shapes).toEqual([]);
  });

  test('is followed when the model is applied, and widens the edges where nobody follows it', () => {
    const truth = made(5, { warm: 0.08 });
    const model = fitted(evidenceOf(made(6, { warm: 0.08 }), false));
    const chips = new Map([['nvml:0', seriesFrom(atS, truth.chipW)]]);
    const fromS = Float64Array.from({ length: 89 }, (_, row) => 60 * row);
    const windows = { originNs: ORIGIN, fromS, untilS: fromS.map((each) => each + 60) };
    const rows = correctedRows(model, chips, windows);
    if (isRefusal(rows)) throw new Error(rows.because);
    const metered = meansOver(seriesFrom(atS, truth.wallW), windows.fromS, windows.untilS);
    let inside = 0;
    rows.forEach((row, index) => {
      if (isRefusal(row.corrected)) throw new Error(row.corrected.because);
      const missJ = Math.abs(row.corrected.energyJ - 60 * metered.meanW[index]!);
      expect(missJ).toBeLessThan(0.01 * row.corrected.energyJ);
      if (missJ <= expandedJ(row.corrected.parts)) inside++;
    });
    expect(inside / rows.length).toBeGreaterThan(0.9);
    const chipJ = new Map([['nvml:0', 60_000]]);
    const followed = applyModel(model, chipJ, 60, { ageS: 0, shapeJ: [0], edgeStepW: 0 });
    const blind = applyModel(model, chipJ, 60, { ageS: 0, edgeStepW: 0 });
    if (isRefusal(followed) || isRefusal(blind)) throw new Error('refused');
    expect(blind.parts.edgeJ).toBeGreaterThan(followed.parts.edgeJ + 1000);
  });

  test('gives back what it took: over a closed cycle a slow state adds nothing, and a hole adds nothing at all', () => {
    const powerW = Float64Array.from({ length: 2000 }, (_, row) => (row % 200 < 100 ? 100 : 900));
    const total = seriesFrom(
      Float64Array.from(powerW, (_, row) => row + 1 + (row >= 1000 ? 500 : 0)),
      powerW,
    );
    const series = shapedSeries(total, { kind: 'slow', tauS: 20 });
    const of = (fromS: number, untilS: number): number =>
      (meansOver(series, Float64Array.of(fromS), Float64Array.of(untilS)).meanW[0] ?? 0) *
      (untilS - fromS);
    expect(Math.abs(of(200, 800))).toBeLessThan(5);
    expect(Math.abs(of(200, 300))).toBeGreaterThan(1000);
    expect(of(1100, 1400)).toBe(0);
  });
});

describe('a condition', () => {
  const truth = made(7, { fanW: 120 });

  test('that is recorded with the chips is used where it explains what they cannot', () => {
    const blind = fitted(evidenceOf(truth, false));
    const told = fitted(evidenceOf(truth, true));
    const [fan] = told.detail!.conditions;
    expect(fan).toMatchObject({ source: 'fan-0', kind: 'fan_rpm' });
    expect(Math.abs(fan!.gainW - 120)).toBeLessThan(12);
    expect(told.residualW).toBeLessThan(0.3 * blind.residualW);
    expect(decodeModel(JSON.parse(JSON.stringify(encodeModel(told))), 'm.json')).toEqual(told);
  });

  test('that is not read later takes its mean, and U says so', () => {
    const model = fitted(evidenceOf(truth, true));
    const chipJ = new Map([['nvml:0', 60_000]]);
    const read = applyModel(model, chipJ, 60, { ageS: 0, effectRatio: [1] });
    const unread = applyModel(model, chipJ, 60, { ageS: 0 });
    if (isRefusal(read) || isRefusal(unread)) throw new Error('refused');
    expect(read.energyJ - unread.energyJ).toBeGreaterThan(1000);
    expect(unread.parts.systematicJ).toBeGreaterThan(read.parts.systematicJ + 500);
  });

  test('that says nothing is left out', () => {
    const idle = { ...made(8, {}), fanRpm: truth.fanRpm };
    expect(fitted(evidenceOf(idle, true)).detail?.conditions).toEqual([]);
  });
});
