// Whether the model may be used, gate by gate, and what to do about those that are open.
import { html, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { STANDINGS } from './summary.ts';
import { section, table } from './tables.ts';

export function standingSection({ model, figures }: ReportSubject): Markup {
  const { word, means } = STANDINGS[model.standing];
  const content = [html`<p>This model is <b>${word}</b>. ${means}</p>`];
  if (figures?.gates && figures.gates.length > 0) {
    content.push(
      table(
        [
          { name: 'gate' },
          { name: 'found' },
          { name: 'asked' },
          { name: 'state' },
          { name: 'to do' },
        ],
        figures.gates.map((gate) => [
          gate.gate,
          gate.found,
          gate.limit,
          html`<span class="state ${gate.passed ? 'passed' : 'open'}"
            >${gate.passed ? '✓ passed' : '○ open'}</span
          >`,
          gate.passed ? '' : gate.remedy,
        ]),
      ),
    );
  } else if (model.open.length === 0) {
    content.push(html`<p>No gate is open.</p>`);
  } else {
    content.push(
      html`<p>These gates are open:</p>
        <ul class="open">
          ${model.open.slice(0, 50).map((gate) => html`<li>${gate}</li>`)}
        </ul>`,
    );
  }
  if (model.open.length > 0) {
    content.push(
      html`<p>
        <b>What to do.</b> Record meter and chips together again, for longer and over a load that
        rises and falls (a load staircase), with at least three different applications; then fit
        again on all runs. Until then use the numbers for orientation only.
      </p>`,
    );
  }
  return section('Standing', content);
}
