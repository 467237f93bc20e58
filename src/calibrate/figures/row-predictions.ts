// What a model says of the rows that it was fitted on: power row by row, and the uncertainty of any stretch of them as
// one span. Figures ask for no more than this, so that they need not know the form of a model.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { applyModel } from '../apply-model.ts';
import { chipTotalW, shapeColumn, type Rows } from '../rows.ts';
import { modelPrediction, powersOf } from '../fit-columns.ts';
import { shapeOf } from '../shape.ts';

export interface RowPredictions {
  /** Wall power by the model as issued, W, one per row. */
  readonly predictedW: Float64Array;
  /**
   * Standard uncertainties of the energy of rows [from, until) as one span, as the model states them while the node is
   * metered; with `unmetered`, as it states them long after. Undefined where the model is not to be asked.
   */
  readonly partsOf: (
    from: number,
    until: number,
    unmetered?: boolean,
  ) => UncertaintyParts | undefined;
  /** For a span of this length at the mean of all rows, long after the node was metered. */
  readonly partsAtMean: (durationS: number) => UncertaintyParts | undefined;
  /** [1, mean power of the terms, of the shapes, mean effect of the conditions]: where the fit's covariance is asked. */
  readonly atMean: readonly number[];
}

interface Means {
  readonly durationS: number;
  readonly termsW: readonly number[];
  readonly shapesW: readonly number[];
  readonly effects: readonly (number | undefined)[];
}

export function predictRows(model: CorrectionModel, rows: Rows): RowPredictions {
  const total = chipTotalW(rows);
  const terms = powersOf(rows, model.detail?.form ?? 'affine');
  const shapes = (model.detail?.shapes ?? []).map((shape) => shapeColumn(rows, shapeOf(shape)));
  const conditions = (model.detail?.conditions ?? []).map(
    ({ source, kind }) =>
      rows.conditions.find((each) => each.source === source && each.kind === kind)?.effectRatio,
  );
  const meansOver = (from: number, until: number): Means => {
    let durationS = 0;
    for (let row = from; row < until; row++) durationS += rows.lengthS[row] ?? 0;
    const meanOf = (column: Float64Array): number => {
      let sum = 0;
      for (let row = from; row < until; row++) sum += (rows.lengthS[row] ?? 0) * (column[row] ?? 0);
      return sum / durationS;
    };
    return {
      durationS,
      termsW: terms.map(meanOf),
      shapesW: shapes.map(meanOf),
      effects: conditions.map((column) => column && meanOf(column)),
    };
  };
  // A model that is refused corrects nothing, yet how unsure it is belongs into its report.
  const asked: CorrectionModel =
    model.standing === 'refused' ? { ...model, standing: 'provisional' } : model;
  const partsAt = (
    { termsW, shapesW, effects }: Means,
    durationS: number,
    ageS: number | undefined,
    edgeStepW?: number,
  ): UncertaintyParts | undefined => {
    const applied = applyModel(asked, energyBySource(model, termsW, durationS), durationS, {
      ageS,
      shapeJ: shapesW.map((powerW) => powerW * durationS),
      effectRatio: effects,
      edgeStepW,
    });
    return isRefusal(applied) ? undefined : applied.parts;
  };
  const whole = meansOver(0, rows.count);
  return {
    predictedW: modelPrediction(rows, model),
    partsOf: (from, until, unmetered = false) => {
      const means = meansOver(from, until);
      const edgeStepW = Math.abs((total[until - 1] ?? 0) - (total[from] ?? 0));
      return partsAt(means, means.durationS, unmetered ? undefined : 0, edgeStepW);
    },
    partsAtMean: (durationS) => partsAt(whole, durationS, undefined),
    atMean: [
      1,
      ...whole.termsW,
      ...whole.shapesW,
      ...whole.effects.map(
        (effect, index) => effect ?? model.detail?.conditions[index]?.effectMeanRatio ?? 0,
      ),
    ],
  };
}

/**
 * Energy by source that sums, term by term, to the powers given: the first source of a term carries it all, and what
 * `less` would take off is put on before. Terms that are taken off have no `less` of their own.
 */
function energyBySource(
  model: CorrectionModel,
  powersW: readonly number[],
  durationS: number,
): Map<string, number> {
  const bySource = new Map<string, number>();
  const add = (source: string | undefined, energyJ: number): void => {
    if (source !== undefined) bySource.set(source, (bySource.get(source) ?? 0) + energyJ);
  };
  model.terms.forEach((term, index) => {
    for (const source of [...term.sources, ...(term.less ?? [])]) add(source, 0);
    add(term.sources[0], (powersW[index] ?? 0) * durationS);
  });
  for (const term of model.terms) {
    for (const part of term.less ?? []) add(term.sources[0], bySource.get(part) ?? 0);
  }
  return bySource;
}
