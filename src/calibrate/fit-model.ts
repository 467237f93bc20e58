// From rows to a correction model, one noun with all that is asked of it before it is stated (hence the length): looks for
// what contradicts physics, chooses between one gain and one per component by held-back error, checks the choice on the
// last part of the data, and states what gates are still open.
import type { CorrectionModel, CorrectionTerm, HeldMeter } from '../quantity/correction.ts';
import { refuse, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { coverageFactor } from '../quantity/uncertainty.ts';
import { watts } from '../quantity/units.ts';
import { affineTerm, type ChipTerm } from './chip-terms.ts';
import { chipTotalW, selectRows, type Rows } from './evidence-rows.ts';
import { covarianceOf } from './resampling.ts';
import { fitRows, meanOf, type RowsFit } from './fit-rows.ts';
import { checkHeldBack, openGates, type HeldBackCheck } from './gates.ts';
import { modelId } from './model-json.ts';

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
}

const ROWS_COUNT_MIN = 12;
const COVERED_S_MIN = 45;
/** Spread of the load, 5th to 95th percentile, below which the gain cannot be told from the intercept. */
const SPREAD_RATIO_MIN = 0.04;
const SPREAD_W_MIN = 3;
/** From one day to the next a recorded node's level moves by 0.3 to 1 % with nothing to see in the chips (fans, inlet air). */
const DAY_RATIO = 0.006;
const DAY_DOF = 4;

/** Fits one node. Refuses `calibrate.few`, `calibrate.flat` and `calibrate.implausible`; gates that are open are listed. */
export function fitModel(
  rows: Rows,
  terms: readonly ChipTerm[],
  frame: FitFrame,
): CorrectionModel | Refusal {
  const doubt = doubtful(rows, terms);
  if (doubt) return doubt;
  const chosen = chooseForm(rows, terms);
  const held = heldBackOf(rows, terms, chosen.form);
  return modelOf(rows, chosen, held, frame);
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

function doubtful(rows: Rows, terms: readonly ChipTerm[]): Refusal | undefined {
  let coveredS = 0;
  for (const lengthS of rows.lengthS) coveredS += lengthS;
  if (rows.count < ROWS_COUNT_MIN || coveredS < COVERED_S_MIN) {
    return refuse(
      'calibrate.few',
      `only ${rows.count} intervals (${coveredS.toFixed(0)} s) have both instruments`,
      'record both for at least one minute, better for an hour',
    );
  }
  const chips = chipTotalW(rows);
  const meterW = meanOf(rows.meterW);
  const chipW = meanOf(chips);
  if (chipW <= 0 || meterW <= 0) {
    return refuse(
      'calibrate.implausible',
      'the chips or the meter read 0 W throughout',
      'check that both instruments are alive and belong to this node',
    );
  }
  const spreadW = spreadOf(chips);
  if (spreadW < Math.max(SPREAD_W_MIN, SPREAD_RATIO_MIN * chipW)) {
    return refuse(
      'calibrate.flat',
      `chip power varied by ${spreadW.toFixed(1)} W around ${chipW.toFixed(1)} W`,
      'run a load staircase while both instruments are read',
    );
  }
  const slope = freeSlope(chips, rows.meterW);
  const modelled = terms.some((term) => term.prior.lowerRatio < 0.5);
  if (slope.gainRatio + 3 * slope.uncertaintyRatio < 0.5 || meterW < 0.9 * chipW) {
    return refuse(
      'calibrate.implausible',
      `the meter shows ${meterW.toFixed(1)} W for ${chipW.toFixed(1)} W of chips and rises by ${slope.gainRatio.toPrecision(2)} W per W`,
      'check units (W, mW, kW) and whether a feed of the node is missing',
    );
  }
  const most = modelled ? 6 : 3;
  if (slope.gainRatio - 3 * slope.uncertaintyRatio > most) {
    return refuse(
      'calibrate.implausible',
      `the meter rises by ${slope.gainRatio.toPrecision(3)} W per W of chips, physics allows at most ${most}`,
      'check units (W, mW, kW), chip sources that are missing, and other nodes on this meter',
    );
  }
  return undefined;
}

/** 5th to 95th percentile. */
function spreadOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return at(0.95) - at(0.05);
}

function freeSlope(
  x: Float64Array,
  y: Float64Array,
): { gainRatio: number; uncertaintyRatio: number } {
  const meanX = meanOf(x);
  const meanY = meanOf(y);
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let row = 0; row < x.length; row++) {
    const offX = (x[row] ?? 0) - meanX;
    const offY = (y[row] ?? 0) - meanY;
    xx += offX * offX;
    xy += offX * offY;
    yy += offY * offY;
  }
  const gainRatio = xy / xx;
  // Neighbouring rows err alike; five rows count as one.
  const noise = Math.max(0, yy - gainRatio * xy) / Math.max(1, x.length / 5 - 2);
  return { gainRatio, uncertaintyRatio: Math.sqrt(noise / xx) };
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
  const open = openGates(rows, held, frame.aligned);
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
