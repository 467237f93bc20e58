// The fit of a long history: days are aligned one by one as they come and kept as rows, then fitted together, robustly, with
// a level for each day. A node-year of seconds passes through here in seconds; what it gives is what any fit gives.
import assert from 'node:assert/strict';
import type { SampleFlaws } from '../../align/series-from-samples.ts';
import type { LeftOut } from '../../quantity/correction.ts';
import { refuse, type Refusal } from '../../quantity/fault.ts';
import { fromSeconds, later, type InstantNs } from '../../quantity/time.ts';
import { addGram, emptyGram, type Ridge } from '../bounded-regression.ts';
import { affineTerm, type ChipTerm } from '../chip-terms.ts';
import { spreadOfDays } from './day-bootstrap.ts';
import type { DayRows } from './day-cells.ts';
import { cellsCount, type DayCounters, type DayToAlign } from './day-rows.ts';
import { levelFreeGram, parametersCount, plainSums, type Form } from './day-sums.ts';
import type { BlockErrors } from '../gates.ts';
import { huberRounds } from './huber-rounds.ts';
import { crossErrorW, heldBackOf, leftOutDays, noiseOf } from './long-checks.ts';
import { doubtsOf } from './long-doubts.ts';
import type { MapChunks } from './map-chunks.ts';

export interface LongPlan {
  /** One per column of the days. */
  readonly terms: readonly ChipTerm[];
  readonly seed: number;
  /** `components`: a gain per term. `chosen`: one gain for all where that predicts as well. */
  readonly form: 'components' | 'chosen';
}

interface LevelOfDay {
  readonly originNs: InstantNs;
  readonly levelW: number;
  readonly rowsCount: number;
  readonly coveredS: number;
  readonly meterW: number;
  /** Of all chips. */
  readonly chipW: number;
}

export interface LongFit {
  readonly form: 'affine' | 'components';
  readonly terms: readonly ChipTerm[];
  /** [intercept W, gain of each term]. */
  readonly parameters: Float64Array;
  /** Of the parameters, row by row: days drawn anew. */
  readonly covariance: Float64Array;
  readonly dof: number;
  /** Standard deviation of the residual of one row within its day, W. */
  readonly residualW: number;
  /** Variance of a long mean of residuals over that of independent rows. */
  readonly inflationRatio: number;
  /** Standard deviation of the level from day to day, W. */
  readonly levelW: number;
  readonly levels: readonly LevelOfDay[];
  readonly rowsCount: number;
  readonly coveredS: number;
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  /** Means over all rows, and the usual swing of the chips within a day, W. */
  readonly meterW: number;
  readonly chipW: number;
  /** Of each term. */
  readonly chipMeansW: readonly number[];
  readonly swingW: number;
  /** Lowest and highest chip power over a minute of rows, W. */
  readonly holdsFromW: number;
  readonly holdsUntilW: number;
  /** Each day predicted by a fit without it, without its level; empty below three days. */
  readonly leftOut: readonly LeftOut[];
  /** On the last fifth of the days, predicted without their levels; undefined below five days. */
  readonly heldBack: BlockErrors | undefined;
  readonly roundsCount: number;
  /** False where the rounds ended before the parameters stood still. */
  readonly isStill: boolean;
  /** Share of rows beyond Huber's bound; about 0.18 for normal noise. */
  readonly beyondRatio: number;
  /** Per feed, then per chip source, over all days. */
  readonly flaws: readonly SampleFlaws[];
}

/**
 * Aligns and fits days, drawn one after the other. Refuses `calibrate.few`, `calibrate.flat` (also for a column that stands
 * still or copies others) and `calibrate.implausible`.
 */
export async function fitLong(
  days: AsyncIterable<DayCounters> | Iterable<DayCounters>,
  plan: LongPlan,
  mapChunks: MapChunks,
): Promise<LongFit | Refusal> {
  return fitDays(await storeDays(days, mapChunks), plan, mapChunks);
}

/** Days as rows, in their order; 28 bytes a row with six terms. Days without any row are kept for their flaws. */
export async function storeDays(
  days: AsyncIterable<DayCounters> | Iterable<DayCounters>,
  mapChunks: MapChunks,
): Promise<readonly DayRows[]> {
  const stored: DayRows[] = [];
  for await (const day of mapChunks('align', withRoom(days))) stored.push(day);
  return stored;
}

/** Memory is taken in large pieces: a piece per day would cost more to get than to fill. */
const PIECE_BYTES = 64 * 1024 * 1024;

async function* withRoom(
  days: AsyncIterable<DayCounters> | Iterable<DayCounters>,
): AsyncGenerator<DayToAlign, void, undefined> {
  let piece = new SharedArrayBuffer(0);
  let usedBytes = 0;
  for await (const counters of days) {
    const count = cellsCount(counters);
    if (usedBytes + 4 * count > piece.byteLength) {
      piece = new SharedArrayBuffer(Math.max(PIECE_BYTES, 4 * count));
      usedBytes = 0;
    }
    yield { counters, cells: new Float32Array(piece, usedBytes, count) };
    usedBytes += 4 * count;
  }
}

export async function fitDays(
  stored: readonly DayRows[],
  plan: LongPlan,
  mapChunks: MapChunks,
): Promise<LongFit | Refusal> {
  const days = stored.filter((day) => day.count > 0);
  const each: Form = plan.terms.map((_, index) => index + 1);
  const doubt = doubtsOf(days, plan.terms);
  if (doubt) return doubt;
  const whole = wholeOf(days);
  let terms = plan.terms;
  let form = each;
  let ridge = ridgeOf(terms, whole.meterW);
  let fit = await huberRounds(days, form, ridge, mapChunks);
  if (plan.form === 'chosen' && terms.length > 1) {
    const affine = affineTerm(terms);
    const one = terms.map(() => 1);
    const affineRidge = ridgeOf([affine], whole.meterW);
    // One gain is chosen unless a gain per component is better by 2 % of the error on days it was not fitted on.
    if (!(crossErrorW(fit, form, ridge) < 0.98 * crossErrorW(fit, one, affineRidge))) {
      terms = [affine];
      form = one;
      ridge = affineRidge;
      fit = await huberRounds(days, form, ridge, mapChunks);
    }
  }
  const { covariance, dof } = spreadOfDays(
    fit.sums,
    fit.rowsPerLevel,
    noiseOf(fit),
    ridge,
    plan.seed,
  );
  if (![...fit.parameters, ...covariance].every(Number.isFinite)) {
    return refuse(
      'calibrate.implausible',
      'the readings give no finite fit',
      'check the readings for absurd values',
    );
  }
  return {
    form: terms === plan.terms ? 'components' : 'affine',
    terms,
    parameters: fit.parameters,
    covariance,
    dof,
    residualW: Math.max(fit.noiseW, fit.cutW),
    inflationRatio: fit.inflationRatio,
    levelW: Math.sqrt(fit.levelW2),
    levels: days.map((day, index) => ({
      originNs: day.originNs,
      levelW: fit.levelsW[index] ?? 0,
      rowsCount: day.count,
      coveredS: day.coveredS,
      ...meansOfDay(day),
    })),
    ...whole,
    chipMeansW: chipMeansW(days, form),
    leftOut: leftOutDays(days, fit, form, ridge),
    heldBack: await heldBackOf(days, fit, form, ridge, whole.meterW, mapChunks),
    roundsCount: fit.roundsCount,
    isStill: fit.isStill,
    beyondRatio: fit.beyondRatio,
    flaws: flawsOf(stored),
  };
}

/** As for any fit: the level at 0 W of chips is not below 0, gains are pulled weakly to what physics expects. */
export function ridgeOf(terms: readonly ChipTerm[], meterW: number): Ridge {
  const levelW = Math.max(meterW, 1);
  return {
    lower: Float64Array.of(0, ...terms.map((term) => term.prior.lowerRatio)),
    centre: Float64Array.of(levelW / 3, ...terms.map((term) => term.prior.meanRatio)),
    precision: Float64Array.of(
      1 / (10 * levelW) ** 2,
      ...terms.map((term) => 1 / term.prior.sdRatio ** 2),
    ),
  };
}

function wholeOf(
  days: readonly DayRows[],
): Pick<
  LongFit,
  | 'rowsCount'
  | 'coveredS'
  | 'fromNs'
  | 'untilNs'
  | 'meterW'
  | 'chipW'
  | 'swingW'
  | 'holdsFromW'
  | 'holdsUntilW'
> {
  const [first] = days;
  const last = days.at(-1);
  assert(first && last, 'days without rows were refused before');
  const within = emptyGram(2);
  let rowsCount = 0;
  let chipSumW = 0;
  let meterSumW = 0;
  for (const day of days) {
    const termsCount = day.levelsW.length - 1;
    const sums = plainSums(day, new Array<number>(termsCount).fill(1));
    addGram(within, levelFreeGram(sums, 0));
    rowsCount += day.count;
    chipSumW += (sums.products[1] ?? 0) + day.count * (sums.levelsW[1] ?? 0);
    meterSumW += (sums.products[2] ?? 0) + day.count * (sums.levelsW[2] ?? 0);
  }
  return {
    rowsCount,
    coveredS: days.reduce((sum, day) => sum + day.coveredS, 0),
    fromNs: later(first.originNs, fromSeconds(first.fromS)),
    untilNs: later(last.originNs, fromSeconds(last.untilS)),
    meterW: meterSumW / rowsCount,
    chipW: chipSumW / rowsCount,
    swingW: Math.sqrt(Math.max(0, within.zz[3] ?? 0) / rowsCount),
    holdsFromW: days.reduce((least, day) => Math.min(least, day.lowestW), chipSumW / rowsCount),
    holdsUntilW: days.reduce((most, day) => Math.max(most, day.highestW), chipSumW / rowsCount),
  };
}

/** Mean power on one day, W. */
function meansOfDay(day: DayRows): { readonly meterW: number; readonly chipW: number } {
  const sums = plainSums(day, new Array<number>(day.levelsW.length - 1).fill(1));
  const meanW = (place: number): number =>
    (sums.products[place] ?? 0) / day.count + (sums.levelsW[place] ?? 0);
  return { chipW: meanW(1), meterW: meanW(2) };
}

/** Mean power of each term over all rows, W. */
function chipMeansW(days: readonly DayRows[], form: Form): readonly number[] {
  const sums = days.map((day) => plainSums(day, form));
  const rowsCount = days.reduce((sum, day) => sum + day.count, 0);
  return Array.from({ length: parametersCount(form) - 1 }, (_, index) =>
    sums.reduce(
      (sum, day) =>
        sum +
        ((day.products[index + 1] ?? 0) + day.rowsCount * (day.levelsW[index + 1] ?? 0)) /
          rowsCount,
      0,
    ),
  );
}

function flawsOf(days: readonly DayRows[]): readonly SampleFlaws[] {
  const [first] = days;
  return (first?.flaws ?? []).map((_, source) => {
    const sumOf = (name: keyof SampleFlaws): number =>
      days.reduce((sum, day) => sum + (day.flaws[source]?.[name] ?? 0), 0);
    return {
      unsortedCount: sumOf('unsortedCount'),
      duplicateCount: sumOf('duplicateCount'),
      negativeCount: sumOf('negativeCount'),
      notFiniteCount: sumOf('notFiniteCount'),
      unknownStepCount: sumOf('unknownStepCount'),
    };
  });
}
