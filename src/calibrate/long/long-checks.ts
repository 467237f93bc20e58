// What a long fit says about days that it was not fitted on: for the choice between forms, and for the gates.
import {
  addGram,
  emptyGram,
  solveBounded,
  squaredError,
  type Gram,
  type Ridge,
} from '../bounded-regression.ts';
import type { LeftOut } from '../../quantity/correction.ts';
import { formatInstant } from '../../quantity/time.ts';
import type { DayRows } from './day-cells.ts';
import { contracted, levelFreeGram, meanErrorW, plainSums, type Form } from './day-sums.ts';
import type { BlockErrors } from '../gates.ts';
import { inChunks, type HuberFit } from './huber-rounds.ts';
import type { MapChunks } from './map-chunks.ts';
import { PART_ROWS } from './row-loops.ts';

const FOLDS_COUNT = 5;
const HELD_BACK_DAYS_MIN = 5;

/** Variance of a row times its autocorrelation, W²: what the sums of a fit are weighed with against its priors. */
export const noiseOf = (fit: HuberFit): number => fit.noiseW ** 2 * fit.inflationRatio;

/** Sums of a fit as Grams of a form, one per day, the level of each day taken out. */
const gramsOf = (fit: HuberFit, form: Form): readonly Gram[] =>
  fit.sums.map((sums) => levelFreeGram(contracted(sums, form), fit.rowsPerLevel));

/** Sums are of the form that was fitted already: one column per parameter. */
const ownForm = (size: number): Form => Array.from({ length: size - 1 }, (_, index) => index + 1);

/** Root of Huber's loss per row on fifths of the days, each predicted from the others; `form` is over the fit's terms. */
export function crossErrorW(fit: HuberFit, form: Form, ridge: Ridge): number {
  const grams = gramsOf(fit, form);
  const total = emptyGram(ridge.lower.length);
  for (const gram of grams) addGram(total, gram);
  let error = 0;
  for (let fold = 0; fold < FOLDS_COUNT; fold++) {
    const held = emptyGram(total.size);
    grams.forEach((gram, day) => {
      if (Math.floor((FOLDS_COUNT * day) / grams.length) === fold) addGram(held, gram);
    });
    const rest = emptyGram(total.size);
    addGram(rest, total);
    addGram(rest, held, -1);
    if (rest.rowsCount > 0) error += squaredError(held, solveBounded(rest, noiseOf(fit), ridge));
  }
  return Math.sqrt(error / total.rowsCount);
}

/** The last fifth of the days, predicted by the others and without levels of their own; undefined below five days. */
export async function heldBackOf(
  days: readonly DayRows[],
  fit: HuberFit,
  form: Form,
  ridge: Ridge,
  meterW: number,
  mapChunks: MapChunks,
): Promise<BlockErrors | undefined> {
  if (days.length < HELD_BACK_DAYS_MIN) return undefined;
  const cut = days.length - Math.ceil(days.length / 5);
  const size = ridge.lower.length;
  const before = emptyGram(size);
  for (const gram of gramsOf(fit, ownForm(size)).slice(0, cut)) addGram(before, gram);
  const parameters = solveBounded(before, noiseOf(fit), ridge);
  const slopes = Float64Array.from(form, (place) => parameters[place] ?? 0);
  const held = days.slice(cut).map((day) => ({ day, slopes, constantW: parameters[0] ?? 0 }));
  let errorW = 0;
  let partsW2 = 0;
  let partsCount = 0;
  let rowsCount = 0;
  let coveredS = 0;
  for (const { day } of held) {
    rowsCount += day.count;
    coveredS += day.coveredS;
  }
  for await (const scores of mapChunks('score', inChunks(held))) {
    for (const score of scores) {
      errorW += score.errorW;
      partsW2 += score.partsW2;
      partsCount += score.partsCount;
    }
  }
  return {
    biasRatio: -errorW / rowsCount / meterW,
    cvRatio: Math.sqrt(partsW2 / Math.max(1, partsCount)) / meterW,
    blockS: (PART_ROWS * coveredS) / rowsCount,
    blocksCount: partsCount,
  };
}

/** Each day by a fit without it, and without its own level; empty below three days. */
export function leftOutDays(
  days: readonly DayRows[],
  fit: HuberFit,
  form: Form,
  ridge: Ridge,
): readonly LeftOut[] {
  if (days.length < 3) return [];
  const size = ridge.lower.length;
  const grams = gramsOf(fit, ownForm(size));
  const total = emptyGram(size);
  for (const gram of grams) addGram(total, gram);
  return days.map((day, index) => {
    const rest = emptyGram(size);
    addGram(rest, total);
    const own = grams[index];
    if (own) addGram(rest, own, -1);
    const plain = plainSums(day, form);
    const parameters = solveBounded(rest, noiseOf(fit), ridge);
    const meter = plain.size - 1;
    const meterW = (plain.products[meter] ?? 0) / day.count + (plain.levelsW[meter] ?? 0);
    return {
      name: formatInstant(day.originNs).slice(0, 'YYYY-MM-DD'.length),
      biasRatio: meterW > 0 ? -meanErrorW(plain, parameters) / meterW : 0,
      coveredS: day.coveredS,
    };
  });
}
