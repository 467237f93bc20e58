// The figures that a fit keeps: right by arithmetic that shares no code with them, bounded whatever the evidence, the same
// each time, and read back with distrust.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFigures, decodeFigures } from '../../src/calibrate/figures/fit-figures-json.ts';
import { figuresOf } from '../../src/calibrate/figures/figures-of-fit.ts';
import type { FitFigures } from '../../src/calibrate/figures/fit-figures.ts';
import { predictRows } from '../../src/calibrate/figures/row-predictions.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import type { Rows } from '../../src/calibrate/rows.ts';
import { CANDIDATE_SHAPES } from '../../src/calibrate/shape.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import { minimalRandom } from './synthetic-node.ts';

const START_S = 1_700_000_000;

/** Rows of 10 s: `runsCount` runs of `each` rows, the wall 100 + 1.5 core + 2 rest, off by 10 W in the last run. */
function rowsOf(runsCount: number, each: number): Rows {
  const random = minimalRandom(5);
  const count = runsCount * each;
  const column = (): Float64Array => new Float64Array(count);
  const rows = {
    count,
    meterW: column(),
    chipW: [column(), column()],
    sourceW: [column(), column()],
    shapeW: CANDIDATE_SHAPES.map(column),
    conditions: [],
    lengthS: column().fill(10),
    atS: column(),
    run: new Int32Array(count),
    runsCount,
    application: new Int32Array(count),
    applications: ['first', 'second', 'third'],
  };
  for (let row = 0; row < count; row++) {
    const run = Math.floor(row / each);
    rows.run[row] = run;
    rows.application[row] = Math.floor((3 * (row % each)) / each);
    rows.atS[row] = START_S + run * 86_400 + (row % each) * 10 + 5;
    rows.chipW[0]![row] = 50 + 100 * random();
    rows.chipW[1]![row] = 20 + 30 * random();
    rows.meterW[row] =
      100 +
      1.5 * rows.chipW[0]![row]! +
      2 * rows.chipW[1]![row]! +
      (run === runsCount - 1 ? 10 : 0);
  }
  return rows;
}

const MODEL: CorrectionModel = {
  node: 'node7',
  id: '0123456789abcdef',
  fittedAtNs: instantNs(1_700_000_000_000_000_000n),
  evidence: {
    fromNs: instantNs(1_700_000_000_000_000_000n),
    untilNs: instantNs(1_700_100_000_000_000_000n),
    intervalsCount: 100,
  },
  interceptW: watts(100),
  terms: [
    { name: 'cpu-core', sources: ['core'], gainRatio: 1.5, gainUncertaintyRatio: 0.01 },
    {
      name: 'cpu-rest',
      sources: ['package'],
      less: ['core'],
      gainRatio: 2,
      gainUncertaintyRatio: 0.02,
    },
  ],
  holds: { fromW: watts(60), untilW: watts(210) },
  offsetNs: 0n,
  residualW: watts(2),
  intervalS: 10,
  systematicRatio: 0.01,
  dof: 30,
  standing: 'accepted',
  open: [],
  gapRatio: 0.4,
  detail: {
    form: 'components',
    shapes: [],
    conditions: [],
    covariance: [1, 0, 0, 0, 0.0001, 0, 0, 0, 0.0004],
    covarianceDof: 30,
    levelW: 3,
    levelDof: 10,
    drift: { levelW: 1, gainRatio: 0.002, dof: 8, relaxS: 43_200 },
    applicationW: 2,
    noiseW: 2,
    scaleRatio: 0.005,
    inflationRatio: 2,
    swingW: 40,
    rateRatio: 0,
    offsetUncertaintyS: 0.1,
    meterSources: ['wall'],
    heldMeters: [],
    chipStamp: 'end',
    leftOut: { byApplication: [], byDay: [] },
  },
};

const TERMS = componentTerms(['package', 'core'], {
  sumOf: ['package'],
  partOf: new Map([['core', 'package']]),
});
const draw = (rows: Rows): FitFigures =>
  figuresOf({
    model: MODEL,
    rows,
    terms: TERMS,
    runs: [],
    nodesCount: 0,
    alignment: undefined,
  });

describe('what is drawn is true', () => {
  const rows = rowsOf(5, 120);
  const figures = draw(rows);

  test('predictions follow the equation, with parts taken off where the model takes them off', () => {
    const { predictedW, partsOf } = predictRows(MODEL, rows);
    for (const row of [0, 77, 599]) {
      const byHand = 100 + 1.5 * rows.chipW[0]![row]! + 2 * rows.chipW[1]![row]!;
      expect(predictedW[row]).toBeCloseTo(byHand, 9);
    }
    // One row of 10 s: level and scale by hand, the fit from the diagonal of its covariance.
    const [core = 0, rest = 0] = rows.chipW.map((column) => column[0]!);
    const fitW = Math.sqrt(1 + 0.0001 * core ** 2 + 0.0004 * rest ** 2);
    const powerW = predictedW[0]!;
    const systematicW = Math.hypot(fitW, 3, 2, 0.005 * powerW);
    expect(partsOf(0, 1)!.systematicJ).toBeCloseTo(10 * systematicW, 6);
    // Long after the last metering the drift is there in full.
    const laterW = Math.hypot(systematicW, 1, 0.002 * powerW);
    expect(partsOf(0, 1, true)!.systematicJ).toBeCloseTo(10 * laterW, 6);
  });

  test('errors are predicted less metered, over the metered', () => {
    expect(figures.runs.kept.map((each) => each.name)).toEqual([
      'run 1',
      'run 2',
      'run 3',
      'run 4',
      'run 5',
    ]);
    const last = figures.runs.kept[4]!;
    const meanW = rows.meterW.slice(480).reduce((sum, each) => sum + each, 0) / 120;
    expect(last.errorRatio).toBeCloseTo(-10 / meanW, 9);
    expect(last.coveredS).toBe(1200);
    for (const run of figures.runs.kept.slice(0, 4)) expect(run.errorRatio).toBeCloseTo(0, 9);
    expect(figures.applications.kept.map((each) => each.name)).toEqual([
      'first',
      'second',
      'third',
    ]);
    // 10 W too little in a fifth of the time.
    const firstW = [...rows.meterW].filter((_, row) => rows.application[row] === 0);
    const firstMeanW = firstW.reduce((sum, each) => sum + each, 0) / firstW.length;
    expect(figures.applications.kept[0]!.errorRatio).toBeCloseTo(-2 / firstMeanW, 9);
    const errors = figures.residuals.errorW;
    expect(errors.filter((each) => Math.abs(each + 10) < 1e-9)).toHaveLength(errors.length / 5);
    expect(figures.evidence).toMatchObject({
      runsCount: 5,
      daysCount: 5,
      coveredS: 6000,
      applicationsCount: 3,
    });
  });

  test('coverage counts the spans inside of the band', () => {
    const minutes = figures.coverage.find((each) => each.spans === 'minutes')!;
    expect(minutes).toMatchObject({ basis: 'fitted', spansCount: 100 });
    // Four fifths have no error at all; the rest is 10 W off, which is 2 to 3 standard uncertainties.
    expect(minutes.insideRatio[0]).toBeCloseTo(0.8, 9);
    expect(minutes.insideRatio.at(-1)).toBeGreaterThan(0.8);
    expect(new Set(figures.coverage.map((each) => each.spans))).toEqual(
      new Set(['minutes', 'quarter-hours', 'runs']),
    );
  });

  test('days and applications are left out in turn, and drawn beside the fit', () => {
    // Without its own day a run takes the middle of the other levels: the last run is 10 W off, and each other one is off
    // by what the last one adds to the middle of four.
    const errorsW = figures.runs.kept.map((each) => each.leftOutRatio! * each.meanMeterW);
    expect(errorsW[4]).toBeCloseTo(-10, 0);
    for (const errorW of errorsW.slice(0, 4)) expect(errorW).toBeCloseTo(2.5, 0);
    for (const each of figures.applications.kept)
      expect(Math.abs(each.leftOutRatio!)).toBeLessThan(0.01);
    const minutes = figures.coverage.filter((each) => each.spans === 'minutes');
    expect(minutes.map((each) => each.basis)).toEqual(['fitted', 'left out']);
    // Two runs are too few days to leave one out.
    const two = draw(rowsOf(2, 120));
    expect(two.runs.kept.every((each) => each.leftOutRatio === undefined)).toBe(true);
  });

  test('the budget adds up to what the model states', () => {
    const budget = figures.budget!;
    budget.spansS.forEach((_, span) => {
      const squares = budget.lines.reduce((sum, line) => sum + line.uncertaintyW[span]! ** 2, 0);
      expect(Math.sqrt(squares)).toBeCloseTo(budget.combinedW[span]!, 6);
    });
    const [minute, hour, day] = budget.lines.find(
      (line) => line.adds === 'in quadrature',
    )!.uncertaintyW;
    expect(minute! / hour!).toBeCloseTo(Math.sqrt(60), 6);
    expect(hour! / day!).toBeCloseTo(Math.sqrt(24), 6);
    const edges = budget.lines.find((line) => line.adds === 'at the outer edges')!.uncertaintyW;
    expect(edges[0]! / edges[1]!).toBeCloseTo(60, 6);
  });
});

test('figures are bounded and the same each time, however much evidence there is', () => {
  const rows = rowsOf(900, 40);
  const figures = draw(rows);
  expect(figures.scatter.chipW.length).toBeLessThanOrEqual(600);
  expect(figures.scatter.rowsCount).toBe(36_000);
  expect(figures.residuals.atS.length).toBeLessThanOrEqual(400);
  expect(figures.runs).toMatchObject({ count: 900 });
  expect(figures.runs.kept).toHaveLength(400);
  // The run that is off is never thinned away.
  expect(figures.runs.kept.at(-1)!.errorRatio).toBeLessThan(-0.01);
  const text = JSON.stringify(encodeFigures(figures));
  expect(text.length).toBeLessThan(150_000);
  expect(JSON.stringify(encodeFigures(draw(rowsOf(900, 40))))).toBe(text);
});

test('a handful of rows, all alike, is drawn too', () => {
  const rows = rowsOf(1, 12);
  rows.chipW[0]!.fill(80);
  rows.chipW[1]!.fill(30);
  rows.meterW.fill(280);
  const figures = draw(rows);
  expect(figures.scatter.line.chipW).toHaveLength(1);
  expect(figures.nodes.count).toBe(0);
  expect(JSON.stringify(encodeFigures(figures))).not.toContain('null');
});

describe('as JSON', () => {
  const figures = draw(rowsOf(5, 120));
  const document = JSON.parse(JSON.stringify({ figures: [encodeFigures(figures)] })) as {
    figures: Record<string, unknown>[];
  };

  test('comes back to six digits', () => {
    const [back] = decodeFigures(document, 'm.json');
    expect(back!.modelId).toBe(figures.modelId);
    expect(back!.runs.kept[4]!.errorRatio).toBeCloseTo(figures.runs.kept[4]!.errorRatio, 6);
    expect(encodeFigures(back!)).toEqual(encodeFigures(figures));
    expect(back!.budget!.lines.find((line) => line.part === 'applications')!.dof).toBe(Infinity);
    expect(decodeFigures({ models: [] }, 'm.json')).toEqual([]);
  });

  test('each field that is missing, of another kind or no finite number is named', () => {
    const whole = document.figures[0]!;
    const optional = new Set(['provenance', 'alignment', 'budget']);
    for (const name of Object.keys(whole)) {
      for (const wrong of [undefined, null, 7, 'x', { a: 1 }]) {
        if (optional.has(name) && wrong === undefined) continue;
        const bent = JSON.parse(
          JSON.stringify({ figures: [{ ...whole, [name]: wrong }] }),
        ) as unknown;
        if (name === 'model_id' && wrong === 'x') continue;
        let problem: unknown;
        try {
          decodeFigures(bent, 'm.json');
        } catch (caught) {
          problem = caught;
        }
        expect(problem, `${name} = ${JSON.stringify(wrong)}`).toBeInstanceOf(SiteFault);
        expect((problem as Error).message).toContain(name);
      }
    }
  });

  test.each([
    ['scatter', 'meter_w', [1, 2], 'is not as long as chip_w'],
    ['scatter', 'chip_w', new Array(5000).fill(1), 'more than'],
    ['scatter', 'chip_w', [null], 'no finite number'],
    ['residuals', 'at_s', new Array(60).fill(1e300), 'is no date'],
    ['budget', 'combined_w', [1], 'is not as long as spans_s'],
    ['runs', 'kept', new Array(2000).fill({}), 'more than'],
    ['budget', 'spans_s', [], 'has not 1 to 6'],
  ])('%s/%s of a hostile file is refused', (part, name, bad, says) => {
    const whole = document.figures[0]!;
    const inner = { ...(whole[part] as object), [name]: bad };
    if (part === 'residuals') Object.assign(inner, { at_s: bad });
    const bent = { figures: [{ ...whole, [part]: inner }] };
    const reading = (): unknown => decodeFigures(JSON.parse(JSON.stringify(bent)), 'm.json');
    expect(reading).toThrow(SiteFault);
    if (part !== 'residuals' && part !== 'budget') expect(reading).toThrow(says);
  });

  test('whatever else stands there is refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (figure) => {
        expect(() => decodeFigures({ figures: [figure] }, 'm.json')).toThrow(SiteFault);
      }),
      { numRuns: 100 },
    );
    for (const list of ['x', 7, null, {}, new Array(2000).fill({})]) {
      expect(() => decodeFigures({ figures: list }, 'm.json')).toThrow(SiteFault);
    }
  });
});
