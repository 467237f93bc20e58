// The uncertainty budget of a model at the mean load of its evidence, part by part and for spans of three lengths, so
// that a reader sees which parts shrink over a longer span and which do not. It takes apart what `applyModel` combines.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { combinedJ, coverageFactor } from '../../quantity/uncertainty.ts';
import type { Rows } from '../evidence-rows.ts';
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
  const powersW = meanPowersOf(model, rows);
  const size = powersW.length;
  let fitW2 = 0;
  powersW.forEach((a, i) => {
    powersW.forEach((b, j) => (fitW2 += a * (detail.covariance[i * size + j] ?? 0) * b));
  });
  const always = (uncertaintyW: number): number[] => SPANS_S.map(() => uncertaintyW);
  const lines: BudgetLine[] = [
    {
      part: 'gains and base power',
      adds: 'linearly',
      dof: model.dof,
      source: 'type A: the evidence drawn again in blocks (bootstrap), and the priors',
      uncertaintyW: always(Math.sqrt(Math.max(0, fitW2))),
    },
    {
      part: 'level, from run to run and from day to day',
      adds: 'linearly',
      dof: detail.levelDof,
      source: 'type A: scatter between runs and applications; type B for days that were not seen',
      uncertaintyW: always(detail.levelW),
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
    coverageFactor: stated.map((parts) => coverageFactor(parts.dof)),
  };
}

/** [1, mean power of each term], W: where the fit's covariance is asked. */
function meanPowersOf(model: CorrectionModel, rows: Rows): readonly number[] {
  const means = rows.chipW.map((column) => meanOver(rows, column));
  return means.length === model.terms.length
    ? [1, ...means]
    : [1, means.reduce((sum, mean) => sum + mean, 0)];
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
