// The uncertainty budget of a model at the mean load of its evidence, part by part and for spans of three lengths, so
// that a reader sees which parts shrink over a longer span and which do not. It takes apart what `applyModel` combines.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { combinedJ, coverageFactor, effectiveDof } from '../../quantity/uncertainty.ts';
import { varianceAt } from '../bounded-regression.ts';
import { shapeColumn, type Rows } from '../evidence-rows.ts';
import { shapeOf } from '../shape.ts';
import type { BudgetFigure, BudgetLine } from './fit-figures.ts';
import type { RowPredictions } from './row-predictions.ts';

const SPANS_S = [60, 3600, 86_400] as const;

/** Undefined for a model without detail: it states one relative figure and no parts. */
export function budgetOf(
  model: CorrectionModel,
  rows: Rows,
  { predictedW, partsAtMean }: RowPredictions,
): BudgetFigure | undefined {
  const { detail } = model;
  const whole = SPANS_S.map(partsAtMean);
  const stated = whole.filter((parts) => parts !== undefined);
  if (!detail || stated.length < SPANS_S.length) return undefined;
  const powerW = meanOver(rows, predictedW);
  const fitW = Math.sqrt(varianceAt(detail.covariance, meanPointOf(model, rows)));
  const always = (uncertaintyW: number): number[] => SPANS_S.map(() => uncertaintyW);
  const lines: BudgetLine[] = [
    {
      part: 'gains and base power',
      adds: 'linearly',
      dof: detail.covarianceDof,
      source:
        'type A: the evidence drawn again in blocks and by application (bootstrap), and the priors',
      uncertaintyW: always(fitW),
    },
    {
      part: 'level, from run to run',
      adds: 'linearly',
      dof: detail.levelDof,
      source: 'type A: scatter between runs, as far as the farthest',
      uncertaintyW: always(detail.levelW),
    },
    {
      part: 'applications',
      adds: 'linearly',
      dof: Infinity,
      source:
        detail.applicationW > 0
          ? 'type B: as far as the worst application of the evidence, rectangular'
          : 'fewer than three applications were labelled: not known',
      uncertaintyW: always(detail.applicationW),
    },
    {
      part: 'drift, days after the last metering',
      adds: 'linearly',
      dof: detail.drift.dof,
      source: 'type B: what fans, inlet air and warm regulators move a node by from day to day',
      uncertaintyW: always(Math.hypot(detail.drift.levelW, detail.drift.gainRatio * powerW)),
    },
    {
      part: detail.pooled ? 'meter class and scatter between nodes' : 'meter class',
      adds: 'linearly',
      dof: Infinity,
      source:
        detail.scaleRatio > 0
          ? 'type B: limit of error of the class, rectangular'
          : 'no class was stated: U is relative to the meter',
      uncertaintyW: always(detail.scaleRatio * powerW),
    },
    {
      part: 'scatter of single intervals',
      adds: 'in quadrature',
      dof: model.dof,
      source: 'type A: residuals of the fit, with their correlation over time',
      uncertaintyW: stated.map((parts, index) => parts.independentJ / (SPANS_S[index] ?? 1)),
    },
    {
      part: 'offset of the clocks',
      adds: 'at the outer edges',
      dof: Infinity,
      source:
        'type A: how sharply the residual bends at the best offset, at the usual swing of the load',
      uncertaintyW: stated.map((parts, index) => parts.edgeJ / (SPANS_S[index] ?? 1)),
    },
  ];
  return {
    powerW,
    spansS: SPANS_S,
    lines,
    combinedW: stated.map((parts, index) => combinedJ(parts) / (SPANS_S[index] ?? 1)),
    coverageFactor: stated.map((parts) => coverageFactor(effectiveDof(parts))),
  };
}

/** [1, mean of each term, shape and condition]: where the fit's covariance is asked. */
function meanPointOf(model: CorrectionModel, rows: Rows): readonly number[] {
  const means = rows.chipW.map((column) => meanOver(rows, column));
  const powersW =
    means.length === model.terms.length ? means : [means.reduce((sum, mean) => sum + mean, 0)];
  const shapesW = (model.detail?.shapes ?? []).map((shape) =>
    meanOver(rows, shapeColumn(rows, shapeOf(shape))),
  );
  const effects = (model.detail?.conditions ?? []).map((each) => each.effectMeanRatio);
  return [1, ...powersW, ...shapesW, ...effects];
}

/** Mean over time. */
function meanOver(rows: Rows, column: Float64Array): number {
  let sum = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    sum += (rows.lengthS[row] ?? 0) * (column[row] ?? 0);
    lengthS += rows.lengthS[row] ?? 0;
  }
  return sum / lengthS;
}
