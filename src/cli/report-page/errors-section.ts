// How far the model is from the meter: over the range of load, over time, by application and by run.
import type { ErrorFigure, ErrorList, FitFigures } from '../../calibrate/figures/fit-figures.ts';
import { mostStriking } from '../../calibrate/figures/thinning.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { errorRowsPlot, ROWS_COUNT_MAX } from './error-rows-plot.ts';
import { errorSeriesPlot } from './error-series-plot.ts';
import { counted, decimal, percent, signedPercent, spanName, unit } from './figure-text.ts';
import { agreementPlot, fitPlot, showsApplications } from './fit-plot.ts';
import { legend, type Sample } from './legend.ts';
import { html, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { residualPlot } from './residual-plot.ts';
import { absentFigure, figure, section } from './tables.ts';

export function fitSection({ model, figures }: ReportSubject): Markup {
  if (!figures) return section('Wall against chips', [absentFigure('Wall against chip power')]);
  const { scatter, evidence } = figures;
  const fitted = {
    interceptW: model.interceptW,
    fromW: model.holds.fromW,
    untilW: model.holds.untilW,
  };
  const kinds: (readonly [Sample, string])[] = showsApplications(evidence.applicationsCount)
    ? evidence.applications.map((name, series) => [{ kind: 'point', series }, name])
    : [[{ kind: 'point', series: 0 }, 'metered']];
  const shown = `${partText(scatter.chipW.length, scatter.rowsCount)} intervals of ${unit(decimal(scatter.rowS, 1), 's')}`;
  return section('Wall against chips', [
    figure(
      fitPlot(scatter, fitted, evidence.applicationsCount),
      html`${legend([...kinds, [{ kind: 'line', look: 'model' }, 'model'], [{ kind: 'line', look: 'extrapolated' }, 'extrapolated'], [{ kind: 'area', look: 'valid' }, 'range of validity']])}
      ${shown}, at most ten from each sixtieth of the range of chip power. ${lineText(model)}`,
    ),
    ...(model.terms.length > 1
      ? [
          html`<h3>Predicted against metered</h3>
            <div class="beside">
              ${figure(
                agreementPlot(scatter, evidence.applicationsCount),
                html`${legend([...kinds, [{ kind: 'line', look: 'zero' }, 'agreement']])}`,
              )}
              <p class="note">
                With several gains the wall is no function of the sum of the chips: the same sum
                means more or less at the wall by the component that draws it. Here each interval is
                predicted from its own components; on the diagonal prediction and meter agree.
              </p>
            </div>`,
        ]
      : []),
  ]);
}

const lineText = (model: CorrectionModel): string =>
  model.terms.length > 1
    ? 'The line is the mean of the model at the mix of components that was seen at that power.'
    : 'Beyond its range the model widens its U, and a little farther it refuses.';

export function errorsSection({ model, figures }: ReportSubject): Markup {
  return section('Errors', [
    heldBackText(model),
    ...(figures
      ? [overTime(figures), byApplication(figures), byDay(model), byRun(figures)]
      : [
          absentFigure('Errors over time'),
          absentFigure('Errors by application'),
          byDay(model),
          absentFigure('Errors by run'),
        ]),
  ]);
}

function heldBackText(model: CorrectionModel): Markup {
  const held = model.detail?.heldBack;
  if (!held) return absentFigure('A check on evidence that was held back');
  return html`<p>
    A part of the evidence was held back and predicted by a fit that had not seen it: its energy
    came out <b>${signedPercent(held.biasRatio)}</b> off (NMBE), and its
    ${counted(held.blocksCount)} blocks of ${spanName(held.blockS)} scatter by
    <b>${percent(held.cvRatio)}</b> RMS (CV(RMSE)). All other errors below are those of the final
    model on the evidence that it was fitted on, unless they are called left out.
  </p>`;
}

function overTime({ residuals, evidence }: FitFigures): Markup {
  if (residuals.atS.length === 0) return absentFigure('Errors over time');
  const band = residuals.expandedW;
  const insideCount = residuals.errorW.filter(
    (error, index) => Math.abs(error) <= (band?.[index] ?? Infinity),
  ).length;
  return html`<h3>Over time</h3>
    ${figure(
      residualPlot(residuals, evidence.meanMeterW),
      html`${legend([
        [{ kind: 'point', series: 0 }, 'block'],
        ...(insideCount < residuals.errorW.length
          ? [[{ kind: 'point', series: 3 }, 'block outside of its U'] as const]
          : []),
        [{ kind: 'area', look: 'band' }, '± U of a block (95.45 %)'],
      ])}
      ${partText(residuals.atS.length, residuals.blocksCount)} blocks of up to
      ${spanName(residuals.blockS)}, predicted less metered: above 0 the model states too much.
      ${band ? `${percent(insideCount / residuals.errorW.length, 1)} of them lie inside of ± U.` : 'This model states no U for them.'}`,
    )}`;
}

function byApplication({ applications }: FitFigures): Markup {
  const heading = html`<h3>By application</h3>`;
  if (applications.kept.length === 0)
    return html`${heading}${absentFigure('Errors by application')}`;
  return html`${heading}${rowsFigure(applications, 'application')}`;
}

/** Days exist as folds only: a fit has seen all of them. */
function byDay({ detail }: CorrectionModel): Markup {
  const heading = html`<h3>By day, each left out</h3>`;
  const days = detail?.leftOut.byDay ?? [];
  if (days.length === 0) {
    return html`${heading}${absentFigure('Days left out in turn (three or more are needed)')}`;
  }
  const kept = days.map((day) => ({
    name: day.name,
    fromS: 0,
    coveredS: day.coveredS,
    meanMeterW: 0,
    errorRatio: day.biasRatio,
  }));
  const shown = mostStriking(kept, ROWS_COUNT_MAX, (each) => Math.abs(each.errorRatio));
  return html`${heading}${figure(
    errorRowsPlot(shown, 'Error of energy by day, predicted by a fit without that day'),
    html`${legend([[{ kind: 'area', look: 'bar' }, 'error of a fit without that day']])}
    ${shownText(shown.length, kept.length, 'day')}`,
  )}`;
}

function byRun({ runs }: FitFigures): Markup {
  const heading = html`<h3>By run</h3>`;
  if (runs.kept.length === 0) return html`${heading}${absentFigure('Errors by run')}`;
  if (runs.kept.length <= ROWS_COUNT_MAX) return html`${heading}${rowsFigure(runs, 'run')}`;
  return html`${heading}${seriesFigure(runs, 'run', 'runs in order of time')}`;
}

/** Named rows, the most striking where there are too many. */
export function rowsFigure(list: ErrorList, noun: string): Markup {
  const shown = mostStriking(list.kept, ROWS_COUNT_MAX, (each) => Math.abs(each.errorRatio));
  return figure(
    errorRowsPlot(shown, `Error of energy by ${noun}, with the stated uncertainty`),
    html`${legend([[{ kind: 'area', look: 'bar' }, 'error'], ...outsideEntry(shown, { kind: 'area', look: 'bar out' }), [{ kind: 'area', look: 'band' }, '± U (95.45 %)'], ...leftOutEntry(shown, 3)])}
    ${shownText(shown.length, list.count, noun)} ${leftOutText(shown)}`,
  );
}

/** One mark each, without names, and the farthest of them in words. */
export function seriesFigure(list: ErrorList, noun: string, acrossName: string): Markup {
  const far = [...list.kept]
    .sort((a, b) => Math.abs(b.errorRatio) - Math.abs(a.errorRatio))
    .slice(0, 3)
    .map((each) => `${each.name} (${signedPercent(each.errorRatio)})`);
  return figure(
    errorSeriesPlot(
      list.kept,
      acrossName,
      `Error of energy by ${noun}, with the stated uncertainty`,
    ),
    html`${legend([[{ kind: 'point', series: 0 }, 'error'], ...outsideEntry(list.kept, { kind: 'point', series: 3 }), [{ kind: 'area', look: 'band' }, '± U (95.45 %)'], ...leftOutEntry(list.kept, 2)])}
    ${shownText(list.kept.length, list.count, noun)} Farthest off: ${far.join(', ')}.
    ${leftOutText(list.kept)}`,
  );
}

/** `All 72`, or `400 of 1200`. */
const partText = (shownCount: number, count: number): string =>
  shownCount < count ? `${counted(shownCount)} of ${counted(count)}` : `All ${counted(count)}`;

const shownText = (shownCount: number, count: number, noun: string): string =>
  shownCount < count
    ? `${counted(shownCount)} of ${counted(count)} ${noun}s: the half that is farthest off, the rest evenly from the others.`
    : count === 1
      ? `One ${noun}.`
      : `All ${counted(count)} ${noun}s.`;

const outsideEntry = (
  list: readonly ErrorFigure[],
  sample: Sample,
): readonly (readonly [Sample, string])[] =>
  list.some(({ errorRatio, expandedRatio }) => Math.abs(errorRatio) > (expandedRatio ?? Infinity))
    ? [[sample, 'error outside of U']]
    : [];

const leftOutEntry = (
  list: readonly ErrorFigure[],
  series: number,
): readonly (readonly [Sample, string])[] =>
  list.some((each) => each.leftOutRatio !== undefined)
    ? [[{ kind: 'point', series }, 'error when left out of the fit']]
    : [];

const leftOutText = (list: readonly ErrorFigure[]): string =>
  list.some((each) => each.leftOutRatio !== undefined)
    ? 'Left out: predicted by a fit that had not seen it (an application keeps the level of its run; a run is left out with its whole day).'
    : 'Errors of fits that left each of them out: not in this model.';
