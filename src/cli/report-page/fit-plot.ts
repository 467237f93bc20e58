// Wall power against chip power: what was metered, the line of the model, and the range of chip power in which it holds.
import type { ScatterFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis, rangeOf } from './axis.ts';
import { watts } from './figure-text.ts';
import { box, curve, points, SERIES_COUNT, type Point } from './marks.ts';
import type { Markup } from './markup.ts';
import { acrossOf, boxOf, label, plotOf, upOf } from './plot-frame.ts';

interface Fitted {
  readonly interceptW: number;
  readonly fromW: number;
  readonly untilW: number;
}

/** Applications are told apart where they are few enough for the eye. */
export const showsApplications = (applicationsCount: number): boolean =>
  applicationsCount > 1 && applicationsCount <= SERIES_COUNT;

export function fitPlot(scatter: ScatterFigure, fitted: Fitted, applicationsCount: number): Markup {
  const paper = boxOf(400);
  const { line } = scatter;
  const seen = rangeOf(scatter.chipW, [fitted.fromW, fitted.untilW]) ?? [0, 1];
  // Where the origin is near, the base power is seen where the line meets the axis.
  const fromZero = seen[0] < 0.5 * seen[1];
  const wallRange = rangeOf(
    scatter.meterW,
    line.predictedW,
    fromZero ? [0, fitted.interceptW] : [],
  );
  const across = linearAxis(fromZero ? [0, seen[1]] : seen, acrossOf(paper), { ticksCount: 8 });
  const up = linearAxis(wallRange, upOf(paper), { ticksCount: 7 });
  const byApplication = showsApplications(applicationsCount);
  const series = Array.from({ length: byApplication ? SERIES_COUNT : 1 }, (): Point[] => []);
  const unnamed: Point[] = [];
  scatter.chipW.forEach((x, index) => {
    const point = { x, y: scatter.meterW[index] ?? 0 };
    const application = scatter.application[index] ?? -1;
    (byApplication ? (series[application] ?? unnamed) : (series[0] ?? unnamed)).push(point);
  });
  const fit = line.chipW.map((x, index) => ({ x, y: line.predictedW[index] ?? 0 }));
  const [first] = fit;
  const left = across.at(fitted.fromW);
  const right = across.at(fitted.untilW);
  const middle = (left + right) / 2;
  return plotOf({
    box: paper,
    says: `Metered wall power against chip power with the fitted line, which holds from ${watts(fitted.fromW)} to ${watts(fitted.untilW)} of chips`,
    across,
    up,
    acrossName: 'chip power, W',
    upName: 'wall power, W',
    marks: [
      box(left, paper.topPx, right, paper.heightPx - paper.bottomPx, 'valid'),
      label(middle, paper.topPx + 14, 'middle', 'range of validity', 'quiet'),
      points(across, up, unnamed, 0, 'unnamed'),
      ...series.map((list, index) => points(across, up, list, index)),
      ...(fromZero && first
        ? [curve(across, up, [{ x: 0, y: fitted.interceptW }, first], 'extrapolated')]
        : []),
      curve(across, up, fit, 'model'),
    ],
  });
}
