// Whether the model may be used, gate by gate, and what to do about those that are open.
import { gateRows } from './gate-rows.ts';
import { html, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { STANDINGS } from './summary.ts';
import { section, table } from './tables.ts';

export function standingSection({ model, figures }: ReportSubject): Markup {
  const { word, means } = STANDINGS[model.standing];
  const rows = gateRows(model, figures?.evidence.coveredS);
  return section('Standing', [
    html`<p>This model is <b>${word}</b>. ${means}</p>`,
    table(
      [
        { name: 'gate', holds: 'names' },
        { name: 'found', holds: 'names' },
        { name: 'asked' },
        { name: 'state' },
      ],
      rows.map((row) => [row.gate, row.found, row.asked, stateOf(row.passed)]),
    ),
    ...(rows.some((row) => !row.passed)
      ? [
          html`<p><b>What to do.</b></p>`,
          html`<ul class="open">
            ${rows
              .filter((row) => !row.passed && row.remedy !== '')
              .map((row) => html`<li>${row.gate}: ${row.remedy}.</li>`)}
          </ul>`,
        ]
      : []),
  ]);
}

const stateOf = (passed: boolean): Markup =>
  html`<span class="state ${passed ? 'passed' : 'open'}">${passed ? '✓ passed' : '○ open'}</span>`;
