// Uncertainty budgets as JSON.
import type { Fields, ModelDocument } from '../document-fields.ts';
import { ADDS, type BudgetFigure } from './fit-figures.ts';
import { columns, oneOf, rounded } from './number-columns.ts';

export const encodeBudget = (budget: BudgetFigure): ModelDocument => ({
  power_w: rounded(budget.powerW),
  spans_s: budget.spansS,
  lines: budget.lines.map((line) => ({
    part: line.part,
    adds: line.adds,
    dof: Number.isFinite(line.dof) ? rounded(line.dof) : 'infinite',
    source: line.source,
    uncertainty_w: line.uncertaintyW.map(rounded),
  })),
  combined_w: budget.combinedW.map(rounded),
  coverage_factor: budget.coverageFactor,
});

export function decodeBudget(budget: Fields): BudgetFigure {
  const [spansS = [], combinedW = [], coverageFactor = []] = columns(budget, [
    'spans_s',
    'combined_w',
    'coverage_factor',
  ]);
  if (spansS.length === 0 || spansS.length > 6) throw budget.fault('spans_s', 'has not 1 to 6');
  return {
    powerW: budget.number('power_w', 0),
    spansS,
    lines: budget
      .list('lines')
      .slice(0, 40)
      .map((line) => {
        const uncertaintyW = line.numbers('uncertainty_w');
        if (uncertaintyW.length !== spansS.length) {
          throw line.fault('uncertainty_w', 'is not as long as spans_s');
        }
        return {
          part: line.text('part'),
          adds: oneOf(line, 'adds', ADDS),
          dof: line.freedom('dof'),
          source: line.text('source'),
          uncertaintyW,
        };
      }),
    combinedW,
    coverageFactor,
  };
}
