// From rows to a correction model, one noun with all that is asked of it before it is stated (hence the length): looks for
// what contradicts physics, chooses between one gain and one per component by held-back error, checks the choice on the
// last part of the data, and states what gates are still open.
import type { CorrectionModel, CorrectionTerm, HeldMeter } from '../quantity/correction.ts';
import { isRefusal, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { coverageFactor } from '../quantity/uncertainty.ts';
import { watts } from '../quantity/units.ts';
import { affineTerm, type ChipTerm } from './chip-terms.ts';
import { wordsByWeight, type Doubt } from './doubts.ts';
import { chipTotalW, selectRows, type Rows } from './evidence-rows.ts';
import { covarianceOf } from './resampling.ts';
import { fitRows, meanOf, type RowsFit } from './fit-rows.ts';
import { checkHeldBack, openGates, type HeldBackCheck } from './gates.ts';
import { modelId } from './model-json.ts';
import { examineRows } from './row-doubts.ts';

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
  readonly chipWindowS: number | undefined;
  /** What was found against samples and sources before rows were made of them. */
  readonly doubts?: readonly Doubt[];
}

const ROWS_COUNT_MIN = 12;
/** From one day to the next a recorded node's level moves by 0.3 to 1 % with nothing to see in the chips (fans, inlet air). */
const DAY_RATIO = 0.006;
const DAY_DOF = 4;

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

interface ChosenFit {
  readonly form: 'affine' | 'components';
  readonly terms: readonly ChipTerm[];
  readonly fit: RowsFit;
}

/** Columns and terms of a form; the affine one sums the disjoint terms. */
function formOf(
  rows: Rows,
  terms: readonly ChipTerm[],
  form: 'affine' | 'components',
): { columns: readonly Float64Array[]; terms: readonly ChipTerm[] } {
  return form === 'affine'
    ? { columns: [chipTotalW(rows)], terms: [affineTerm(terms)] }
    : { columns: rows.chipW, terms };
}

/** One gain is chosen unless a gain per component is better by 2 % of the held-back error: parts must earn their place. */
function chooseForm(rows: Rows, terms: readonly ChipTerm[]): ChosenFit {
  const affine = formOf(rows, terms, 'affine');
  const one = fitRows(rows, affine.columns, affine.terms);
  if (terms.length < 2) return { form: 'affine', terms: affine.terms, fit: one };
  const each = fitRows(rows, rows.chipW, terms);
  return each.crossW < 0.98 * one.crossW
    ? { form: 'components', terms, fit: each }
    : { form: 'affine', terms: affine.terms, fit: one };
}

/** The last fifth of the runs where there are several, else the last quarter of the time. */
function heldBackOf(
  rows: Rows,
  terms: readonly ChipTerm[],
  form: 'affine' | 'components',
): HeldBackCheck | undefined {
  const runs = [...new Set(rows.run)];
  const heldRuns = new Set(runs.slice(runs.length - Math.ceil(runs.length / 5)));
  const cut = Math.floor(0.75 * rows.count);
  const isHeld = (row: number): boolean =>
    runs.length > 1 ? heldRuns.has(rows.run[row] ?? -1) : row >= cut;
  const before = selectRows(rows, (row) => !isHeld(row));
  const after = selectRows(rows, isHeld);
  if (before.count < ROWS_COUNT_MIN || after.count < 3) return undefined;
  const shape = formOf(before, terms, form);
  const fit = fitRows(before, shape.columns, shape.terms);
  return checkHeldBack(after, formOf(after, terms, form).columns, fit.parameters);
}

function modelOf(
  rows: Rows,
  chosen: ChosenFit,
  held: HeldBackCheck | undefined,
  frame: FitFrame,
): CorrectionModel {
  const { fit } = chosen;
  const covariance = covarianceOf(fit.chunked, frame.seed);
  const size = fit.parameters.length;
  const chips = chipTotalW(rows);
  const meterW = meanOf(rows.meterW);
  const chipW = meanOf(chips);
  const level = levelOf(rows, fit, meterW);
  const terms: CorrectionTerm[] = chosen.terms.map((term, index) => ({
    name: term.name,
    sources: term.sources,
    gainRatio: fit.parameters[index + 1] ?? 0,
    gainUncertaintyRatio: Math.sqrt(covariance[(index + 1) * (size + 1)] ?? 0),
    ...(term.less.length > 0 ? { less: term.less } : {}),
  }));
  const means = formOf(rows, chosen.terms, 'components').columns;
  const atMean = Float64Array.of(1, ...(chosen.form === 'affine' ? [chipW] : means.map(meanOf)));
  let fitW2 = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      fitW2 += (atMean[i] ?? 0) * (covariance[i * size + j] ?? 0) * (atMean[j] ?? 0);
    }
  }
  const scaleRatio = frame.meterRatio ?? 0;
  const told = wordsByWeight(frame.doubts ?? []);
  const open = [...openGates(rows, held, frame.aligned), ...told.open];
  const intervalS = meanOf(rows.lengthS);
  const model: Omit<CorrectionModel, 'id'> = {
    node: frame.node,
    fittedAtNs: frame.fittedAtNs,
    evidence: evidenceOf(rows),
    interceptW: watts(fit.parameters[0] ?? 0),
    terms,
    holds: { fromW: watts(minimumOf(chips)), untilW: watts(maximumOf(chips)) },
    offsetNs: BigInt(Math.round(frame.offsetS * 1e9)),
    residualW: watts(fit.residualW),
    intervalS,
    systematicRatio: Math.hypot(scaleRatio, Math.sqrt(fitW2) / meterW, level.levelW / meterW),
    dof: Math.max(1, Math.min(fit.dof, level.levelDof)),
    standing: open.length === 0 ? 'accepted' : 'provisional',
    open,
    ...(told.notes.length > 0 ? { notes: told.notes } : {}),
    gapRatio: 1 - chipW / meterW,
    detail: {
      form: chosen.form,
      covariance: [...covariance],
      levelW: level.levelW,
      levelDof: level.levelDof,
      scaleRatio,
      inflationRatio: fit.inflationRatio,
      swingW: deviationOf(chips, chipW),
      rateRatio: frame.rateRatio,
      offsetUncertaintyS: frame.offsetUncertaintyS,
      meterSources: frame.meterSources,
      heldMeters: frame.heldMeters,
      chipStamp: frame.chipStamp,
      ...(frame.chipWindowS === undefined ? {} : { chipWindowS: frame.chipWindowS }),
      ...(held ? { heldBack: held } : {}),
    },
  };
  return { ...model, id: modelId(model) };
}

/**
 * The level moves from run to run (seen), from day to day (seen from three days on, else from other machines) and with
 * an application that was not there (seen where three are labelled). Regimes last for days, so days count, not runs.
 */
function levelOf(rows: Rows, fit: RowsFit, meterW: number): { levelW: number; levelDof: number } {
  const days = new Set<number>();
  for (const atS of rows.atS) days.add(Math.floor(atS / 86_400));
  const runsCount = new Set(rows.run).size;
  const seenDays = days.size >= 3 && runsCount >= 6;
  const seenDof = seenDays ? days.size - 1 : Math.max(1, runsCount - 1);
  // A level that was seen once may come again, so U reaches as far as the farthest: regimes are two heaps, no bell.
  const farthestW = fit.runEffectsW.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  const seenW = Math.max(fit.betweenRunsW ?? 0, (1.1 * farthestW) / coverageFactor(seenDof));
  const dayW = seenDays ? 0 : DAY_RATIO * meterW;
  const applicationW = fit.betweenApplicationsW ?? 0;
  const levelW = Math.hypot(seenW, dayW, applicationW);
  const shares = seenW ** 4 / seenDof + dayW ** 4 / DAY_DOF;
  return { levelW, levelDof: shares > 0 ? Math.max(1, levelW ** 4 / shares) : 1e6 };
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
