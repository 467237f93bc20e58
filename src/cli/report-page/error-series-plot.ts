// Errors of more things than have room for their names: side by side, each with the uncertainty that the model states.
import type { ErrorFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis, rangeOf } from './axis.ts';
import { bandOf, points } from './marks.ts';
import type { Markup } from './markup.ts';
import { acrossOf, boxOf, line, plotOf, upOf } from './plot-frame.ts';

export function errorSeriesPlot(
  list: readonly ErrorFigure[],
  acrossName: string,
  says: string,
): Markup {
  const paper = boxOf(300);
  const errors = list.map((each) => 100 * each.errorRatio);
  const leftOut = list.flatMap(({ leftOutRatio }, index) =>
    leftOutRatio === undefined ? [] : [{ x: index + 1, y: 100 * leftOutRatio }],
  );
  const bands = list.map(({ expandedRatio }) => 100 * (expandedRatio ?? 0));
  const [least, most] = rangeOf(
    errors,
    leftOut.map((each) => each.y),
    bands,
    bands.map((each) => -each),
  ) ?? [-1, 1];
  const reach = Math.max(Math.abs(least), Math.abs(most));
  const across = linearAxis([0.5, list.length + 0.5], acrossOf(paper), {
    ticksCount: 10,
    tight: true,
  });
  const up = linearAxis([-reach, reach], upOf(paper), { ticksCount: 6 });
  const halfPx = Math.max(0.5, Math.min(6, (across.at(2) - across.at(1)) / 2));
  const inside = (index: number): boolean => {
    const u = list[index]?.expandedRatio;
    return u === undefined || Math.abs(errors[index] ?? 0) <= 100 * u;
  };
  const all = errors.map((y, index) => ({ x: index + 1, y }));
  return plotOf({
    box: paper,
    says,
    across,
    up,
    acrossName,
    upName: 'error of energy, % of metered',
    bareAcross: true,
    marks: [
      bandOf(
        bands.flatMap((each, index) => {
          if (each <= 0) return [];
          const x = across.at(index + 1);
          return [
            {
              fromXPx: x - halfPx,
              untilXPx: x + halfPx,
              fromYPx: up.at(each),
              untilYPx: up.at(-each),
            },
          ];
        }),
      ),
      line(acrossOf(paper).fromPx, up.at(0), acrossOf(paper).untilPx, up.at(0), 'zero'),
      points(across, up, leftOut, 2),
      points(
        across,
        up,
        all.filter((_, index) => inside(index)),
        0,
      ),
      points(
        across,
        up,
        all.filter((_, index) => !inside(index)),
        3,
      ),
    ],
  });
}
