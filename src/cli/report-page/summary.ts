// The head of a report: whose correction this is, what it says in one paragraph, and the four figures that matter most.
import type { BudgetFigure } from '../../calibrate/figures/fit-figures.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { formatInstant } from '../../quantity/time.ts';
import { counted, decimal, percent, signedPercent, spanName, unit, watts } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { ABSENT } from './tables.ts';

const NAME_LENGTH = 120;

export const STANDINGS: Readonly<
  Record<CorrectionModel['standing'], { readonly word: string; readonly means: string }>
> = {
  audit: {
    word: 'fit for audit',
    means:
      'Every gate was passed, also those for audit: each application and each day was predicted by a fit without it. Energy that it corrects is stated with the quality “derived”.',
  },
  accepted: {
    word: 'accepted',
    means:
      'It may be used: energy that it corrects is stated with the quality “derived”. Gates for audit are still open.',
  },
  provisional: {
    word: 'provisional',
    means:
      'Not every gate has been passed yet. Energy that it corrects is stated with the quality “provisional” and may not be billed.',
  },
  refused: {
    word: 'refused',
    means: 'Its own evidence speaks against it, so it corrects nothing. This page shows why.',
  },
};

export function summary({ model, figures, nodes }: ReportSubject): Markup {
  const standing = STANDINGS[model.standing];
  const rehearsed = figures?.provenance?.rehearsed ?? false;
  return html`<header>
    <p class="kicker">
      Calibration
      report${nodes.length > 0 ? ` · node type, ${counted(nodes.length)} metered nodes` : ''}
    </p>
    <h1>${shortened(model.node === '' ? '(no name)' : model.node, NAME_LENGTH)}</h1>
    <p class="meta">
      <span class="badge ${model.standing}">${standing.word}</span>
      <span>model <code>${shortened(model.id, 40)}</code></span>
      <span>fitted ${formatInstant(model.fittedAtNs).slice(0, 19).replace('T', ' ')} UTC</span>
    </p>
    ${rehearsed ? html`<p class="rehearsal"><b>REHEARSAL.</b> The evidence comes from a rack that does not exist. Nothing on this page may be billed or cited.</p>` : undefined}
    <p class="lead">${lead({ model, figures, nodes })}</p>
    ${tiles({ model, figures, nodes })}
  </header>`;
}

function lead({ model, figures }: ReportSubject): Markup {
  const gap = percent(model.gapRatio, 1);
  const start = html`Over the evidence, the counters of the chips show <b>${gap}</b> less energy
    than the meter at the wall. This model says what the wall uses from what the chips show`;
  const hour = figures?.budget && expandedAt(figures.budget, 3600);
  return hour
    ? html`${start}: over one hour at the mean load it is good for
        <b>± ${percent(hour.ratio, 2)}</b> (95.45 %).`
    : html`${start}.`;
}

/** U over a span that the budget has. */
export function expandedAt(
  budget: BudgetFigure,
  spanS: number,
): { powerW: number; ratio: number; coverageFactor: number } | undefined {
  const index = budget.spansS.indexOf(spanS);
  const combinedW = budget.combinedW[index];
  const coverageFactor = budget.coverageFactor[index];
  if (combinedW === undefined || coverageFactor === undefined || budget.powerW <= 0)
    return undefined;
  const powerW = coverageFactor * combinedW;
  return { powerW, ratio: powerW / budget.powerW, coverageFactor };
}

function tiles({ model, figures }: ReportSubject): Markup {
  const budget = figures?.budget;
  const hour = budget && expandedAt(budget, 3600);
  const held = model.detail?.heldBack;
  return html`<dl class="tiles">
    ${tile('Gap', html`${percent(model.gapRatio, 1)}`, 'of the wall is not seen by the chips')}
    ${tile('Uncertainty U, 1 h', hour ? html`± ${percent(hour.ratio)}` : ABSENT, hour ? `± ${watts(hour.powerW)} at ${watts(budget.powerW)}, ${unit(unit('k', '='), decimal(hour.coverageFactor, 2))}` : '95.45 %')}
    ${tile('Error, held back', held ? html`${signedPercent(held.biasRatio)}` : ABSENT, held ? `of energy; ${percent(held.cvRatio)} RMS of ${spanName(held.blockS)} blocks` : 'on evidence that the fit did not see')}
    ${tile('Holds', html`${rangeText(model)}`, 'of chip power')}
  </dl>`;
}

const rangeText = ({ holds }: CorrectionModel): string =>
  `${watts(holds.fromW).replace(/\u{a0}W$/u, '')}–${watts(holds.untilW)}`;

const tile = (name: string, content: Markup, note: string): Markup =>
  html`<div>
    <dt>${name}</dt>
    <dd>${content}</dd>
    <dd class="note">${note}</dd>
  </div>`;
