// The uncertainty budget of a model at the mean load of its evidence, part by part and for spans of three lengths, so
// that a reader sees which parts shrink over a longer span and which do not. It takes apart what `applyModel` combines.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { combinedJ, coverageFactor, effectiveDof } from '../../quantity/uncertainty.ts';
import { predictedPowerW } from '../apply-model.ts';
import { varianceAt } from '../bounded-regression.ts';
import type { BudgetFigure, BudgetLine } from './fit-figures.ts';
import type { RowPredictions } from './row-predictions.ts';

const SPANS_S = [60, 3600, 86_400] as const;

/** Undefined for a model without detail: it states one relative figure and no parts. */
export function budgetOf(
  model: CorrectionModel,
  { atMean, partsAtMean }: RowPredictions,
): BudgetFigure | undefined {
  const { detail } = model;
  const whole = SPANS_S.map(partsAtMean).filter((parts) => parts !== undefined);
  if (!detail || whole.length < SPANS_S.length) return undefined;
  const shapesFrom = 1 + model.terms.length;
  const effectsFrom = shapesFrom + detail.shapes.length;
  const powerW = predictedPowerW(
    model,
    atMean.slice(1, shapesFrom),
    atMean.slice(shapesFrom, effectsFrom),
    atMean.slice(effectsFrom),
  );
  const always = (uncertaintyW: number): number[] => SPANS_S.map(() => uncertaintyW);
  const overSpan = (energyJ: number, index: number): number => energyJ / (SPANS_S[index] ?? 1);
  const lines: BudgetLine[] = [
    {
      part: 'coefficients of the model',
      adds: 'linearly',
      dof: detail.covarianceDof,
      source: 'type A: the evidence drawn again in blocks (bootstrap), and the priors',
      uncertaintyW: always(Math.sqrt(varianceAt(detail.covariance, atMean))),
    },
    {
      part: 'level from recording to recording',
      adds: 'linearly',
      dof: detail.levelDof,
      source: 'type A: scatter of the levels of the recordings, as far as the farthest',
      uncertaintyW: always(detail.levelW),
    },
    {
      part: 'drift since the last metering',
      adds: 'linearly',
      dof: detail.drift.dof,
      source: `type B: what a day may add where no days were seen; in full, it comes within ${(detail.drift.relaxS / 3600).toFixed(0)} h`,
      uncertaintyW: always(Math.hypot(detail.drift.levelW, detail.drift.gainRatio * powerW)),
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
      part: detail.pooled ? 'meter class, scatter of nodes and runs' : 'meter class',
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
      dof: Infinity,
      source: 'type A: residuals of the fit, with their correlation over time',
      uncertaintyW: whole.map((parts, index) => overSpan(parts.independentJ, index)),
    },
    {
      part: 'offset of the clocks',
      adds: 'at the outer edges',
      dof: Infinity,
      source: 'type A: how surely the load edges show the offset, at the usual swing of the load',
      uncertaintyW: whole.map((parts, index) => overSpan(parts.edgeJ, index)),
    },
  ];
  return {
    powerW,
    spansS: SPANS_S,
    lines,
    combinedW: whole.map((parts, index) => overSpan(combinedJ(parts), index)),
    coverageFactor: whole.map((parts) => coverageFactor(effectiveDof(parts))),
  };
}
