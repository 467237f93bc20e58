// Wall power against chip power: what was metered, the line of the model, and the range of chip power in which it holds.
import type { ScatterFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis, padded, rangeOf, type Axis } from './axis.ts';
import { watts } from './figure-text.ts';
import { box, curve, points, SERIES_COUNT, type Point } from './marks.ts';
import type { Markup } from './markup.ts';
import { acrossOf, boxOf, label, line, plotOf, upOf } from './plot-frame.ts';

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
  const { line: mean } = scatter;
  const seen = rangeOf(scatter.chipW, [fitted.fromW, fitted.untilW]) ?? [0, 1];
  // Where the origin is near, the base power is seen where the line meets the axis.
  const fromZero = seen[0] < 0.5 * seen[1];
  const wallRange = rangeOf(
    scatter.meterW,
    mean.predictedW,
    fromZero ? [0, fitted.interceptW] : [],
  );
  const across = linearAxis(fromZero ? [0, seen[1] * 1.03] : padded(seen), acrossOf(paper), {
    ticksCount: 8,
    tight: true,
  });
  const up = linearAxis(wallRange, upOf(paper), { ticksCount: 7 });
  const fit = mean.chipW.map((x, index) => ({ x, y: mean.predictedW[index] ?? 0 }));
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
      ...clouds(across, up, scatter, scatter.chipW, scatter.meterW, applicationsCount),
      ...(fromZero && first
        ? [curve(across, up, [{ x: 0, y: fitted.interceptW }, first], 'extrapolated')]
        : []),
      curve(across, up, fit, 'model'),
    ],
  });
}

/** Predicted against metered power: what remains to be seen where several gains share the chips' power. */
export function agreementPlot(scatter: ScatterFigure, applicationsCount: number): Markup {
  const paper = boxOf(400, { widthPx: 460 });
  const range = rangeOf(scatter.meterW, scatter.predictedW);
  const across = linearAxis(range, acrossOf(paper), { ticksCount: 5 });
  const up = linearAxis(range, upOf(paper), { ticksCount: 5 });
  return plotOf({
    box: paper,
    says: 'Predicted against metered wall power; on the diagonal they agree',
    across,
    up,
    acrossName: 'metered wall power, W',
    upName: 'predicted wall power, W',
    marks: [
      ...clouds(across, up, scatter, scatter.meterW, scatter.predictedW, applicationsCount),
      line(
        across.at(across.from),
        up.at(up.from),
        across.at(across.until),
        up.at(up.until),
        'zero',
      ),
    ],
  });
}

/** Points by application where those are few enough, else all alike; what belongs to none is paler. */
function clouds(
  across: Axis,
  up: Axis,
  { application }: ScatterFigure,
  places: readonly number[],
  heights: readonly number[],
  applicationsCount: number,
): readonly Markup[] {
  const byApplication = showsApplications(applicationsCount);
  const series = Array.from({ length: byApplication ? SERIES_COUNT : 1 }, (): Point[] => []);
  const unnamed: Point[] = [];
  places.forEach((x, index) => {
    const place = byApplication ? (application[index] ?? -1) : 0;
    (series[place] ?? unnamed).push({ x, y: heights[index] ?? 0 });
  });
  return [
    points(across, up, unnamed, 0, 'unnamed'),
    ...series.map((list, index) => points(across, up, list, index)),
  ];
}
