// From rows to a correction model, one noun with all that is asked of it before it is stated (hence the length): looks for
// what contradicts physics, chooses between one gain and one per component by held-back error, checks the choice on the
// last part of the data, and states what gates are still open.
import type {
  CorrectionCondition,
  CorrectionModel,
  CorrectionShape,
  CorrectionTerm,
  HeldMeter,
} from '../quantity/correction.ts';
import { isRefusal, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import { varianceAt } from './bounded-regression.ts';
import type { ChipTerm } from './chip-terms.ts';
import { chooseForm, type ChosenFit } from './choose-form.ts';
import { wordsByWeight, type Doubt } from './doubts/doubts.ts';
import { chipTotalW, selectRows, type Rows } from './rows.ts';
import { columnsOf, predictRows, type Form } from './fit-columns.ts';
import { fitRows, meanOf } from './fit-rows.ts';
import { heldErrors, judge, type BlockErrors } from './gates.ts';
import { leaveOut } from './left-out.ts';
import { applicationUncertaintyW, driftOf, levelBetweenRuns } from './level.ts';
import { modelId } from './model-json.ts';
import { covarianceOf } from './resampling.ts';
import { examineRows } from './doubts/row-doubts.ts';

/** What the fit of one node is told beside its rows. */
export interface FitFrame {
  readonly node: string;
  readonly fittedAtNs: InstantNs;
  readonly seed: number;
  /** Chips later than the meter, s, and the rate they gain at; already applied to the rows. */
  readonly offsetS: number;
  readonly rateRatio: number;
  readonly offsetUncertaintyS: number;
  /** False where no load edge showed the offset. */
  readonly aligned: boolean;
  /** Relative standard uncertainty of the meter; undefined where its class is not stated: U is then relative to it. */
  readonly meterRatio: number | undefined;
  readonly meterSources: readonly string[];
  readonly heldMeters: readonly HeldMeter[];
  readonly chipStamp: string;
  readonly meterStamp?: string;
  readonly chipWindowS: number | undefined;
  /** What was found against samples and sources before rows were made of them. */
  readonly doubts?: readonly Doubt[];
}

/** Fewer rows than this are not worth a fit of their own. */
const ROWS_COUNT_MIN = 12;

/** Fits one node. Refuses `calibrate.few`, `calibrate.flat` and `calibrate.implausible`; gates that are open are listed. */
export function fitModel(
  all: Rows,
  terms: readonly ChipTerm[],
  frame: FitFrame,
): CorrectionModel | Refusal {
  const examined = examineRows(all, terms);
  if (isRefusal(examined)) return examined;
  const { rows } = examined;
  const doubts = [...(frame.doubts ?? []), ...examined.doubts];
  const chosen = chooseForm(rows, terms);
  const held = heldBackOf(rows, terms, chosen.form);
  return modelOf(rows, chosen, held, { ...frame, doubts });
}

/** The last fifth of the runs where there are several, else the last quarter of the time, by a fit on what came before. */
function heldBackOf(rows: Rows, terms: readonly ChipTerm[], form: Form): BlockErrors | undefined {
  const runs = [...new Set(rows.run)];
  const heldRuns = new Set(runs.slice(runs.length - Math.ceil(runs.length / 5)));
  const cut = Math.floor(0.75 * rows.count);
  const isHeld = (row: number): boolean =>
    runs.length > 1 ? heldRuns.has(rows.run[row] ?? -1) : row >= cut;
  const before = selectRows(rows, (row) => !isHeld(row));
  const after = selectRows(rows, isHeld);
  if (before.count < ROWS_COUNT_MIN || after.count < 3) return undefined;
  const { parameters } = fitRows(before, columnsOf(before, terms, form));
  const predictedW = new Float64Array(after.count);
  predictRows(columnsOf(after, terms, form).columns, parameters, predictedW);
  return heldErrors(rows, after, predictedW);
}

function modelOf(
  rows: Rows,
  chosen: ChosenFit,
  held: BlockErrors | undefined,
  frame: FitFrame,
): CorrectionModel {
  const { fit } = chosen;
  const covariance = covarianceOf(fit.chunked, fit.parameters, frame.seed);
  const size = fit.parameters.length;
  const uncertaintyOf = (place: number): number =>
    Math.sqrt(covariance.cells[place * (size + 1)] ?? 0);
  const chips = chipTotalW(rows);
  const meterW = meanOf(rows.meterW);
  const chipW = meanOf(chips);
  const level = levelBetweenRuns(rows, fit);
  const drift = driftOf(rows, meterW);
  const applicationW = applicationUncertaintyW(rows, fit.residuals);
  const terms: CorrectionTerm[] = chosen.terms.map((term, index) => ({
    name: term.name,
    sources: term.sources,
    gainRatio: fit.parameters[index + 1] ?? 0,
    gainUncertaintyRatio: uncertaintyOf(index + 1),
    ...(term.less.length > 0 ? { less: term.less } : {}),
  }));
  const shapes: CorrectionShape[] = chosen.shapes.map((shape, index) => ({
    ...shape,
    gainRatio: fit.parameters[terms.length + index + 1] ?? 0,
    gainUncertaintyRatio: uncertaintyOf(terms.length + index + 1),
  }));
  const conditions: CorrectionCondition[] = chosen.form.conditions.flatMap((index, place) => {
    const condition = rows.conditions[index];
    if (!condition) return [];
    const parameter = terms.length + shapes.length + place + 1;
    const effectMeanRatio = meanOf(condition.effectRatio);
    return [
      {
        source: condition.source,
        kind: condition.kind,
        gainW: fit.parameters[parameter] ?? 0,
        gainUncertaintyW: uncertaintyOf(parameter),
        effectMeanRatio,
        effectSpreadRatio: deviationOf(condition.effectRatio, effectMeanRatio),
      },
    ];
  });
  const atMean = [1, ...chosen.columns.map((column) => meanOf(column.meanW))];
  const fitW2 = varianceAt(covariance.cells, atMean);
  const scaleRatio = frame.meterRatio ?? 0;
  const byApplication = leaveOut(rows, chosen, fit, 'application', 3).folds;
  const byDay = leaveOut(rows, chosen, fit, 'day', 3).folds;
  const told = wordsByWeight(frame.doubts ?? []);
  const { standing, open } = judge(rows, {
    aligned: frame.aligned,
    held,
    byApplication,
    byDay,
    doubts: told.open,
  });
  const driftW = Math.hypot(drift.levelW, drift.gainRatio * meterW);
  const model: Omit<CorrectionModel, 'id'> = {
    node: frame.node,
    fittedAtNs: frame.fittedAtNs,
    evidence: evidenceOf(rows),
    interceptW: watts(fit.parameters[0] ?? 0),
    terms,
    holds: { fromW: watts(minimumOf(chips)), untilW: watts(maximumOf(chips)) },
    offsetNs: BigInt(Math.round(frame.offsetS * 1e9)),
    residualW: watts(fit.residualW),
    intervalS: meanOf(rows.lengthS),
    systematicRatio: Math.hypot(
      scaleRatio,
      Math.hypot(Math.sqrt(fitW2), level.levelW, driftW, applicationW) / meterW,
    ),
    dof: Math.max(1, Math.min(covariance.dof, level.levelDof)),
    standing,
    open,
    ...(told.notes.length > 0 ? { notes: told.notes } : {}),
    gapRatio: 1 - chipW / meterW,
    detail: {
      form: chosen.form.gains,
      shapes,
      conditions,
      covariance: [...covariance.cells],
      covarianceDof: covariance.dof,
      levelW: level.levelW,
      levelDof: level.levelDof,
      drift,
      applicationW,
      scaleRatio,
      noiseW: fit.noiseW,
      inflationRatio: fit.inflationRatio,
      swingW: deviationOf(chips, chipW),
      rateRatio: frame.rateRatio,
      offsetUncertaintyS: frame.offsetUncertaintyS,
      meterSources: frame.meterSources,
      heldMeters: frame.heldMeters,
      chipStamp: frame.chipStamp,
      ...(frame.meterStamp === undefined ? {} : { meterStamp: frame.meterStamp }),
      ...(frame.chipWindowS === undefined ? {} : { chipWindowS: frame.chipWindowS }),
      ...(held ? { heldBack: held } : {}),
      leftOut: { byApplication, byDay },
    },
  };
  return { ...model, id: modelId(model) };
}

function evidenceOf(rows: Rows): CorrectionModel['evidence'] {
  const halfS = (rows.lengthS[0] ?? 0) / 2;
  return {
    fromNs: instantNs(BigInt(Math.round((minimumOf(rows.atS) - halfS) * 1e3)) * 1_000_000n),
    untilNs: instantNs(BigInt(Math.round((maximumOf(rows.atS) + halfS) * 1e3)) * 1_000_000n),
    intervalsCount: rows.count,
  };
}

const minimumOf = (values: Float64Array): number =>
  values.reduce((least, each) => Math.min(least, each), Infinity);
const maximumOf = (values: Float64Array): number =>
  values.reduce((most, each) => Math.max(most, each), -Infinity);

function deviationOf(values: Float64Array, mean: number): number {
  let sum = 0;
  for (const each of values) sum += (each - mean) ** 2;
  return Math.sqrt(sum / Math.max(1, values.length - 1));
}
