// The report as one page: it stands alone, needs no script and asks for nothing, which its own policy enforces. The same
// model file gives the same page, byte for byte.
import type { FitFigures } from '../../calibrate/figures/fit-figures.ts';
import type { ModelSet } from '../../calibrate/model-set.ts';
import { budgetSection } from './budget-section.ts';
import { clocksSection } from './clocks-section.ts';
import { coverageSection } from './coverage-section.ts';
import { equationSection } from './equation-section.ts';
import { errorsSection, fitSection } from './errors-section.ts';
import { evidenceSection } from './evidence-section.ts';
import { counted } from './figure-text.ts';
import { glossary } from './glossary.ts';
import { html, Markup, shortened } from './markup.ts';
import { nodesSection } from './nodes-section.ts';
import { REPORT_STYLE } from './report-style.ts';
import { subjectsOf, type ReportSubject } from './report-subject.ts';
import { reproduceSection } from './reproduce-section.ts';
import { standingSection } from './standing-section.ts';
import { summary } from './summary.ts';
import { validitySection } from './validity-section.ts';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export function reportPage(set: ModelSet, figures: readonly FitFigures[]): string {
  const { subjects, leftOutCount } = subjectsOf(set, figures);
  const rehearsed = subjects.some((each) => each.figures?.provenance?.rehearsed ?? false);
  const name = subjects.map((each) => shortened(each.model.node, 60)).join(', ');
  const title = `${rehearsed ? 'REHEARSAL · ' : ''}Calibration of ${name}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="trueup calibrate report" />
        <title>${shortened(title, 200)}</title>
        <style>
          ${new Markup(REPORT_STYLE)}
        </style>
      </head>
      <body>
        ${subjects.map(articleOf)}
        ${leftOutCount > 0 ? html`<p class="note">The file has ${counted(leftOutCount)} more models, which are not drawn.</p>` : undefined}
        <footer>
          Made by <code>trueup calibrate report</code> from the model file alone. Every number on
          this page stands in that file or follows from it; what the file does not say is called
          “not in this model”.
        </footer>
      </body>
    </html> `.text;
}

const articleOf = (subject: ReportSubject): Markup =>
  html`<article>
    ${summary(subject)} ${subject.nodes.length > 0 ? nodesSection(subject) : undefined}
    ${standingSection(subject)} ${evidenceSection(subject)} ${equationSection(subject)}
    ${budgetSection(subject)} ${fitSection(subject)} ${errorsSection(subject)}
    ${coverageSection(subject)} ${clocksSection(subject)} ${validitySection(subject)}
    ${reproduceSection(subject)} ${glossary()}
  </article>`;
