// Whether U can be trusted: it promises to hold 95.45 % of the time, and here is how often it did.
import type { CoverageFigure } from '../../calibrate/figures/fit-figures.ts';
import { coveragePlot } from './coverage-plot.ts';
import { counted, percent } from './figure-text.ts';
import { legend } from './legend.ts';
import { html, type Markup } from './markup.ts';
import { SERIES_COUNT } from './marks.ts';
import type { ReportSubject } from './report-subject.ts';
import { absentFigure, figure, section, table } from './tables.ts';

export function coverageSection({ figures }: ReportSubject): Markup {
  const curves = figures?.coverage.slice(0, SERIES_COUNT) ?? [];
  if (curves.length === 0) return section('Does U hold?', [absentFigure('The coverage of U')]);
  return section('Does U hold?', [
    html`<div class="beside">
      ${figure(
        coveragePlot(curves),
        html`${legend([...curves.map((curve, series) => [{ kind: 'point', series }, nameOf(curve)] as const), [{ kind: 'line', look: 'zero' }, 'honest'], [{ kind: 'area', look: 'band' }, 'chance']])}`,
      )}
      <div>
        ${table(
          [
            { name: 'spans' },
            { name: 'count', holds: 'figures' },
            { name: 'inside U', holds: 'figures' },
          ],
          curves.map((curve) => [nameOf(curve), counted(curve.spansCount), insideU(curve)]),
        )}
        <p class="note">
          U is stated for 95.45 %. Below the diagonal the band is too narrow, above it wider than it
          need be. “Chance” is where an honest band would lie for as many independent spans as the
          first row counts, and wider for fewer; neighbouring spans err alike, so a little outside
          proves
          nothing.${curves.some((curve) => curve.basis === 'left out') ? '' : ' These spans were part of the fit, which flatters it; spans that a fit left out: not in this model.'}
        </p>
      </div>
    </div>`,
  ]);
}

const NAMES = { minutes: '60 s', 'quarter-hours': '15 min', runs: 'whole runs' } as const;

const nameOf = (curve: CoverageFigure): string =>
  `${NAMES[curve.spans]}${curve.basis === 'left out' ? ', left out' : ''}`;

function insideU(curve: CoverageFigure): string | undefined {
  const index = curve.nominalRatio.findIndex((nominal) => Math.abs(nominal - 0.9545) < 1e-6);
  const inside = curve.insideRatio[index];
  return inside === undefined ? undefined : percent(inside, 1);
}
