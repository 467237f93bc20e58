// How the clocks of chips and meter were brought together, and what averaging windows of held meters were found.
import type { AlignmentFigure } from '../../calibrate/figures/fit-figures.ts';
import { counted, decimal, offsetText, percent, several, unit, withU } from './figure-text.ts';
import { alignmentPlot, offsetPlot, shownTrace } from './alignment-plot.ts';
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
          ? `${withU(Number(model.offsetNs) / 1e9, 2 * detail.offsetUncertaintyS, 's')} (k = 2), at the first stamp of a run`
          : offsetText(Number(model.offsetNs) / 1e9),
      ],
      [
        'rate of the chips’ clock against the meter’s',
        rate === undefined
          ? undefined
          : rate === 0
            ? 'no difference is proven'
            : `${decimal(rate * 1e6, 0)} ppm`,
      ],
      ['found by', alignment && foundBy(alignment, detail?.heldMeters.length ?? 0)],
    ]),
  ];
  if (alignment && alignment.traces.length > 0) {
    content.push(
      html`<h3>Search for the offset</h3>`,
      figure(
        alignmentPlot(alignment),
        html`${legend([[{ kind: 'line', look: 'model' }, shownTrace(alignment.traces)?.run ?? ''], ...(alignment.traces.length > 1 ? [[{ kind: 'line', look: 'trail' }, 'other runs'] as const] : []), [{ kind: 'line', look: 'found' }, 'its offset'], [{ kind: 'area', look: 'band' }, '± 2u']])}
        What is left of the meter when the chips are moved against it. The valley marks the offset;
        how sharply it bends is its uncertainty. Offsets are those in the middle of a run.`,
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
          { name: 'feed', holds: 'names' },
          { name: 'averaging window', holds: 'figures' },
          { name: 'shown later by', holds: 'figures' },
          { name: 'share of the node', holds: 'figures' },
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

function foundBy({ clocks, runsCount, alignedCount }: AlignmentFigure, heldCount: number): string {
  if (heldCount > 0) return 'the averaging windows of the meters, below';
  if (clocks.length === 0) {
    return alignedCount > 0
      ? 'stamps of meter and chips that agree window by window'
      : 'nothing: no load edge shows it, and the clocks are taken as equal';
  }
  return alignedCount < runsCount
    ? `the load edges of ${several(alignedCount, 'run')}; the other ${counted(runsCount - alignedCount)} take the typical offset`
    : `the load edges of ${runsCount === 1 ? 'the run' : `all ${several(runsCount, 'run')}`}`;
}
