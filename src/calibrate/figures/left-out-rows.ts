// Predictions of fits that did not see what they predict, row by row. They are the harder and the honest check, since a
// fit flatters the rows that it was made from.
import type { CorrectionModel, CorrectionShape } from '../../quantity/correction.ts';
import type { ChipTerm } from '../chip-terms.ts';
import type { Rows } from '../rows.ts';
import { columnsOf } from '../fit-columns.ts';
import { fitRows } from '../fit-rows.ts';
import { leaveOut } from '../left-out.ts';
import { CANDIDATE_SHAPES, shapeOf } from '../shape.ts';
import type { Span } from './spans.ts';

export interface LeftOutRows {
  readonly by: 'application' | 'day';
  /** W; NaN where the row was in no fold. */
  readonly predictedW: Float64Array;
}

/** Folds below which the gates compare nothing either. */
const FOLDS_COUNT_MIN = 3;

/** Leaves out each application and each day in turn, in the form that the model has. */
export function leftOutOf(
  model: CorrectionModel,
  rows: Rows,
  terms: readonly ChipTerm[],
): readonly LeftOutRows[] {
  const { detail } = model;
  if (!detail) return [];
  const form = columnsOf(rows, terms, {
    gains: detail.form,
    shapes: detail.shapes.flatMap((shape) => candidateOf(shape)),
    conditions: detail.conditions.flatMap(({ source, kind }) => {
      const index = rows.conditions.findIndex(
        (each) => each.source === source && each.kind === kind,
      );
      return index < 0 ? [] : [index];
    }),
  });
  const fit = fitRows(rows, form);
  return (['application', 'day'] as const).flatMap((by) => {
    const { folds, predictedW } = leaveOut(rows, form, fit, by, FOLDS_COUNT_MIN);
    return folds.length > 0 ? [{ by, predictedW }] : [];
  });
}

function candidateOf(shape: CorrectionShape): readonly number[] {
  const wanted = JSON.stringify(shapeOf(shape));
  const index = CANDIDATE_SHAPES.findIndex((each) => JSON.stringify(each) === wanted);
  return index < 0 ? [] : [index];
}

/** Whether every row of these spans was left out by some fold. */
export const coversAll = (leftOut: LeftOutRows, spans: readonly Span[]): boolean =>
  spans.every(({ from, until }) =>
    leftOut.predictedW.subarray(from, until).every((each) => !Number.isNaN(each)),
  );
