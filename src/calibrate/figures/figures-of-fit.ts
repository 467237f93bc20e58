// All figures of one fit, from its rows, its model and how its clocks were aligned.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { ChipTerm } from '../chip-terms.ts';
import { chipTotalW, type Rows } from '../rows.ts';
import { examineRows } from '../doubts/row-doubts.ts';
import { budgetOf } from './budget-figure.ts';
import { coverageOf } from './coverage-figure.ts';
import { applicationErrors, nodeErrors, residualsOf, runErrors } from './error-figures.ts';
import type { AlignmentFigure, EvidenceFigure, FitFigures, FitProvenance } from './fit-figures.ts';
import { leftOutOf } from './left-out-rows.ts';
import { predictRows } from './row-predictions.ts';
import { scatterOf } from './scatter-figure.ts';

export interface FitToDraw {
  readonly model: CorrectionModel;
  /** Rows of all nodes that the fit was given. */
  readonly rows: Rows;
  readonly terms: readonly ChipTerm[];
  /** In the order in which they became rows. */
  readonly runs: readonly { readonly node: string; readonly run: string }[];
  readonly nodesCount: number;
  readonly alignment: AlignmentFigure | undefined;
  readonly provenance?: FitProvenance;
}

const APPLICATIONS_COUNT_MAX = 200;

export function figuresOf({
  model,
  rows: given,
  terms,
  runs,
  nodesCount,
  alignment,
  provenance,
}: FitToDraw): FitFigures {
  // The fit leaves out rows in which the node slept or the meter was silent, and so do its figures.
  const examined = examineRows(given, terms);
  const rows = isRefusal(examined) ? given : examined.rows;
  const predictions = predictRows(model, rows);
  const leftOut = leftOutOf(model, rows, terms);
  const byApplication = leftOut.find((each) => each.by === 'application');
  const byDay = leftOut.find((each) => each.by === 'day');
  const several = nodesCount > 1;
  const names = runs.map(({ node, run }) => (several && node !== '' ? `${run} ${node}` : run));
  const budget = budgetOf(model, predictions);
  return {
    modelId: model.id,
    ...(provenance ? { provenance } : {}),
    evidence: evidenceOf(rows, nodesCount),
    scatter: scatterOf(rows, predictions.predictedW, model.terms.length),
    residuals: residualsOf(rows, predictions),
    applications: applicationErrors(rows, predictions, byApplication),
    runs: runErrors(rows, names, predictions, byDay),
    nodes: nodeErrors(
      rows,
      runs.map(({ node }) => node),
      predictions,
    ),
    coverage: coverageOf(rows, predictions, byDay ?? byApplication),
    ...(alignment ? { alignment } : {}),
    ...(budget ? { budget } : {}),
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
