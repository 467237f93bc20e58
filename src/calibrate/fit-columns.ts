// The columns of a regression: what each parameter multiplies, and what physics says of it. A form of model is a choice
// of columns; everything that fits, resamples or checks a model sees columns only.
import type { CorrectionModel, GainForm } from '../quantity/correction.ts';
import { affineTerm, sourceTerms, type ChipTerm, type GainPrior } from './chip-terms.ts';
import { chipTotalW, shapeColumn, type Rows } from './rows.ts';
import { conditionPrior } from './condition.ts';
import { CANDIDATE_SHAPES, shapeOf, shapePrior, type Shape } from './shape.ts';

export interface FitColumn {
  readonly meanW: Float64Array;
  readonly prior: GainPrior;
}

/** Which columns a model has beside the intercept. */
export interface Form {
  readonly gains: GainForm;
  /** Indices of `CANDIDATE_SHAPES`. */
  readonly shapes: readonly number[];
  /** Indices of the rows' conditions. */
  readonly conditions: readonly number[];
}

export interface FormColumns {
  readonly form: Form;
  readonly terms: readonly ChipTerm[];
  readonly shapes: readonly Shape[];
  /** Gains in the order of the terms, then shapes, then conditions. */
  readonly columns: readonly FitColumn[];
}

/** Columns of a form over rows; the affine one sums the disjoint terms. */
export function columnsOf(rows: Rows, terms: readonly ChipTerm[], form: Form): FormColumns {
  const chips = chipTotalW(rows);
  const topW = chips.reduce((most, each) => Math.max(most, each), 0);
  const ownTerms = termsOfForm(terms, form.gains);
  const powers = powersOf(rows, form.gains);
  const gains = ownTerms.map((term, index) => ({
    meanW: powers[index] ?? new Float64Array(rows.count),
    prior: term.prior,
  }));
  const shapes = form.shapes.flatMap((index) => CANDIDATE_SHAPES[index] ?? []);
  const shaped = form.shapes.map((index, place) => {
    const shape = shapes[place];
    return {
      meanW: rows.shapeW[index] ?? new Float64Array(rows.count),
      prior: shape ? shapePrior(shape, topW) : { lowerRatio: 0, meanRatio: 0, sdRatio: 1e-6 },
    };
  });
  const meterW = rows.meterW.reduce((sum, each) => sum + each, 0) / Math.max(1, rows.count);
  const conditions = form.conditions.flatMap((index) => {
    const condition = rows.conditions[index];
    if (!condition) return [];
    return [{ meanW: condition.effectRatio, prior: conditionPrior(condition.kind, meterW) }];
  });
  return {
    form,
    terms: ownTerms,
    shapes,
    columns: [...gains, ...shaped, ...conditions],
  };
}

function termsOfForm(terms: readonly ChipTerm[], gains: GainForm): readonly ChipTerm[] {
  switch (gains) {
    case 'affine':
      return [affineTerm(terms)];
    case 'components':
      return terms;
    case 'sources':
      return sourceTerms(terms);
  }
}

/** The columns that the gains of a form multiply. */
export function powersOf(rows: Rows, gains: GainForm): readonly Float64Array[] {
  switch (gains) {
    case 'affine':
      return [chipTotalW(rows)];
    case 'components':
      return rows.chipW;
    case 'sources':
      return rows.sourceW;
  }
}

/** Writes what parameters [intercept, one per column] predict for each row, W. */
export function predictRows(
  columns: readonly FitColumn[],
  parameters: Float64Array,
  predictedW: Float64Array,
): void {
  predictedW.fill(parameters[0] ?? 0);
  columns.forEach(({ meanW }, index) => {
    const gain = parameters[index + 1] ?? 0;
    for (let row = 0; row < predictedW.length; row++) {
      predictedW[row] = (predictedW[row] ?? 0) + gain * (meanW[row] ?? 0);
    }
  });
}

/** What a model says of the rows of its own evidence, W; levels of single runs are not in it. */
export function modelPrediction(rows: Rows, model: CorrectionModel): Float64Array {
  const gains = powersOf(rows, model.detail?.form ?? 'affine');
  const shapes = model.detail?.shapes ?? [];
  const predictedW = new Float64Array(rows.count).fill(model.interceptW);
  const add = (gainRatio: number, column: Float64Array | undefined): void => {
    for (let row = 0; row < rows.count; row++) {
      predictedW[row] = (predictedW[row] ?? 0) + gainRatio * (column?.[row] ?? 0);
    }
  };
  model.terms.forEach((term, index) => {
    add(term.gainRatio, gains[index]);
  });
  for (const shape of shapes) add(shape.gainRatio, shapeColumn(rows, shapeOf(shape)));
  for (const condition of model.detail?.conditions ?? []) {
    const { source, kind } = condition;
    const column = rows.conditions.find((each) => each.source === source && each.kind === kind);
    add(condition.gainW, column?.effectRatio);
  }
  return predictedW;
}
