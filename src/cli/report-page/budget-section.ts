// The uncertainty budget: each part with how it adds over time, so that the U of any span can be followed.
import type { BudgetFigure } from '../../calibrate/figures/fit-figures.ts';
import { decimal, digitsFor, percent, spanName, unit, watts } from './figure-text.ts';
import { html, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { absentFigure, section, table } from './tables.ts';

export function budgetSection({ figures }: ReportSubject): Markup {
  const budget = figures?.budget;
  if (!budget) return section('Uncertainty budget', [absentFigure('The uncertainty budget')]);
  // One digit more than the smallest sum needs, so that its parts can be told from nothing.
  const digits = 1 + digitsFor(Math.min(...budget.combinedW.filter((each) => each > 0)));
  const inWatts = (list: readonly number[]): string[] => list.map((each) => decimal(each, digits));
  const expandedW = budget.combinedW.map((each, span) => each * (budget.coverageFactor[span] ?? 0));
  return section('Uncertainty budget', [
    html`<p>
      Standard uncertainties <i>u</i> of mean wall power at the mean load of the evidence,
      ${watts(budget.powerW)}, in W, for a span of each length.
    </p>`,
    table(
      [
        { name: 'part' },
        ...budget.spansS.map((each) => ({ name: spanName(each), holds: 'figures' as const })),
        { name: 'adds over time' },
        { name: 'ν', holds: 'figures' },
        { name: 'where it comes from' },
      ],
      [
        ...budget.lines.map((line) => [
          line.part,
          ...inWatts(line.uncertaintyW),
          line.adds,
          Number.isFinite(line.dof) ? decimal(line.dof, 0) : '∞',
          html`<span class="note">${line.source}</span>`,
        ]),
        total('combined, u', inWatts(budget.combinedW), '√Σu²'),
        total(
          html`k = t(ν<sub>eff</sub>), 95.45 %`,
          budget.coverageFactor.map((each) => decimal(each, 2)),
          '',
        ),
        total(
          'expanded, U = k·u',
          inWatts(expandedW).map((each) => `± ${each}`),
          '',
        ),
        total(
          'U of mean power',
          expandedW.map((each) => `± ${percentOf(budget, each)}`),
          '',
        ),
      ],
    ),
    html`<p class="note">
      Parts that add linearly stay the same in relation to the energy however long the span is;
      parts in quadrature shrink with its root; parts at the outer edges count twice per span,
      however long, and so shrink with its length. U of ${watts(expandedW[0] ?? 0)} over
      ${spanName(budget.spansS[0] ?? 0)} is
      ${unit(decimal(((expandedW[0] ?? 0) * (budget.spansS[0] ?? 0)) / 3600, 2), 'Wh')} of energy.
    </p>`,
  ]);
}

const percentOf = (budget: BudgetFigure, powerW: number): string =>
  budget.powerW > 0 ? percent(powerW / budget.powerW) : '—';

const total = (name: string | Markup, figures: readonly string[], how: string): Markup[] =>
  [name, ...figures, how, '', ''].map((each) => html`<b>${each}</b>`);
