// How the clocks of chips and meter were brought together, and what averaging windows of held meters were found.
import { decimal, offsetText, percent, several, unit } from './figure-text.ts';
import { alignmentPlot, offsetPlot } from './alignment-plot.ts';
import { legend } from './legend.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { absentFigure, facts, figure, section, table } from './tables.ts';

export function clocksSection({ model, figures }: ReportSubject): Markup {
  const { detail } = model;
  const alignment = figures?.alignment;
  const rate = detail?.rateRatio;
  const content = [
    facts([
      [
        'chips later than the meter',
        detail
          ? `${offsetText(Number(model.offsetNs) / 1e9)} ± ${offsetText(2 * detail.offsetUncertaintyS)} (U, k = 2)`
          : offsetText(Number(model.offsetNs) / 1e9),
      ],
      [
        'rate of the chips’ clock',
        rate === undefined
          ? undefined
          : rate === 0
            ? 'no difference is proven'
            : `${decimal(rate * 1e6, 0)} ppm`,
      ],
      [
        'found by',
        alignment &&
          (alignment.clocks.length > 0
            ? `the load edges of ${several(alignment.clocks.length, 'run')} of ${decimal(alignment.runsCount, 0)}; the others take the typical offset`
            : detail && detail.heldMeters.length > 0
              ? 'the windows of the held meters, below'
              : 'no run shows it by its own edges'),
      ],
    ]),
  ];
  if (alignment && alignment.traces.length > 0) {
    content.push(
      html`<h3>Search for the offset</h3>`,
      figure(
        alignmentPlot(alignment),
        html`${legend([[{ kind: 'line', look: 'model' }, shortened(alignment.traces[Math.floor((alignment.traces.length - 1) / 2)]?.run ?? '', 40)], ...(alignment.traces.length > 1 ? [[{ kind: 'line', look: 'trail' }, 'other runs'] as const] : []), [{ kind: 'line', look: 'found' }, 'offset taken'], [{ kind: 'area', look: 'band' }, '± 2u']])}
        What is left of the meter when the chips are moved against it. The valley marks the offset;
        how sharply it bends is its uncertainty.`,
      ),
    );
  } else
    content.push(
      html`<h3>Search for the offset</h3>`,
      absentFigure('The residual over the offset'),
    );
  if (alignment && (alignment.clocks.length > 0 || alignment.overTime.length > 0)) {
    content.push(
      html`<h3>Offset over time</h3>`,
      figure(
        offsetPlot(alignment),
        html`${legend([[{ kind: 'point', series: 0 }, 'one run, ± 2u'], [{ kind: 'line', look: 'found' }, 'offset taken where a run shows none'], ...(alignment.overTime.length > 0 ? [[{ kind: 'line', look: 'trail' }, 'within a run'] as const] : [])])}`,
      ),
    );
  } else content.push(html`<h3>Offset over time</h3>`, absentFigure('The offset over time'));
  if (detail && detail.heldMeters.length > 0) {
    content.push(
      html`<h3>Meters that hold their values</h3>`,
      table(
        [
          { name: 'feed' },
          { name: 'averaging window', figures: true },
          { name: 'shown later by', figures: true },
          { name: 'share of the node', figures: true },
        ],
        detail.heldMeters
          .slice(0, 40)
          .map((meter) => [
            shortened(meter.source, 60),
            unit(decimal(meter.windowS, 1), 's'),
            unit(decimal(meter.delayS, 1), 's'),
            percent(meter.shareRatio, 1),
          ]),
      ),
      html`<p class="note">
        Each value of such a meter is the mean of a window that ended some time before it was first
        shown. Window and delay are those at which the chips, averaged the same way, explain the
        meter best.
      </p>`,
    );
  }
  return section('Clocks', content);
}
