// All figures of one fit, from its rows, its model and how its clocks were aligned. It works out no prediction itself:
// whoever knows more about the model gives better predictions, left-out folds, a budget or gates, and they are drawn.
import type { CorrectionModel } from '../../quantity/correction.ts';
import type { AlignedRuns } from '../clocks/align-runs.ts';
import { chipTotalW, type Rows } from '../evidence-rows.ts';
import { alignmentOf } from './alignment-figure.ts';
import { budgetOf } from './budget-figure.ts';
import { coverageOf } from './coverage-figure.ts';
import { applicationErrors, nodeErrors, residualsOf, runErrors } from './error-figures.ts';
import type {
  BudgetFigure,
  EvidenceFigure,
  FitFigures,
  FitProvenance,
  GateFigure,
} from './fit-figures.ts';
import type { LeftOutFold } from './left-out.ts';
import { predictRows, type RowPredictions } from './row-predictions.ts';
import { scatterOf } from './scatter-figure.ts';

export interface FitToDraw {
  readonly model: CorrectionModel;
  /** The rows that it was fitted on, of all nodes. */
  readonly rows: Rows;
  /** Nodes with their runs, in the order in which those became rows. */
  readonly nodes: readonly { readonly node: string; readonly aligned: AlignedRuns }[];
  readonly provenance?: FitProvenance;
  /** Instead of what `applyModel` says of the rows. */
  readonly predictions?: RowPredictions;
  readonly leftOut?: readonly LeftOutFold[];
  /** Instead of what can be taken apart from the model's detail. */
  readonly budget?: BudgetFigure;
  readonly gates?: readonly GateFigure[];
}

const APPLICATIONS_COUNT_MAX = 200;

export function figuresOf(fit: FitToDraw): FitFigures {
  const { model, rows, nodes } = fit;
  const predictions = fit.predictions ?? predictRows(model, rows);
  const folds = fit.leftOut ?? [];
  const runs = nodes.flatMap(({ node, aligned }) =>
    aligned.runs.map(({ evidence }) => ({ node, run: evidence.run })),
  );
  const several = nodes.length > 1;
  const names = runs.map(({ node, run }) => (several && node !== '' ? `${run} ${node}` : run));
  const alignment = alignmentOf(
    nodes.map(({ aligned }) => aligned),
    rows,
  );
  const budget = fit.budget ?? budgetOf(model, rows, predictions);
  return {
    modelId: model.id,
    ...(fit.provenance ? { provenance: fit.provenance } : {}),
    evidence: evidenceOf(rows, nodes.length),
    scatter: scatterOf(rows, predictions.predictedW, model.terms.length),
    residuals: residualsOf(rows, predictions),
    applications: applicationErrors(rows, predictions, folds),
    runs: runErrors(rows, names, predictions, folds),
    nodes: nodeErrors(
      rows,
      runs.map(({ node }) => node),
      predictions,
      folds,
    ),
    coverage: coverageOf(rows, predictions, folds),
    ...(alignment ? { alignment } : {}),
    ...(budget ? { budget } : {}),
    ...(fit.gates ? { gates: fit.gates } : {}),
  };
}

function evidenceOf(rows: Rows, nodesCount: number): EvidenceFigure {
  const chipW = chipTotalW(rows);
  const days = new Set<number>();
  let coveredS = 0;
  let meterEnergyJ = 0;
  let chipEnergyJ = 0;
  for (let row = 0; row < rows.count; row++) {
    const lengthS = rows.lengthS[row] ?? 0;
    coveredS += lengthS;
    meterEnergyJ += lengthS * (rows.meterW[row] ?? 0);
    chipEnergyJ += lengthS * (chipW[row] ?? 0);
    days.add(Math.floor((rows.atS[row] ?? 0) / 86_400));
  }
  return {
    runsCount: new Set(rows.run).size,
    nodesCount,
    rowsCount: rows.count,
    daysCount: days.size,
    coveredS,
    meterEnergyJ,
    meanMeterW: meterEnergyJ / coveredS,
    meanChipW: chipEnergyJ / coveredS,
    applicationsCount: rows.applications.length,
    applications: rows.applications.slice(0, APPLICATIONS_COUNT_MAX),
  };
}
