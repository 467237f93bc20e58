// Errors of named things, one below the other: the bar is the error, the pale band behind it the uncertainty that the
// model states, the diamond the error of a fit that had not seen this thing.
import type { ErrorFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis, rangeOf } from './axis.ts';
import { box, pointAt } from './marks.ts';
import { shortened, type Markup } from './markup.ts';
import { acrossOf, boxOf, label, line, plotOf } from './plot-frame.ts';

export const ROWS_COUNT_MAX = 32;
const ROW_PX = 21;
const NAME_LENGTH = 30;

/** At most `ROWS_COUNT_MAX` of them; the caller leaves out what does not fit. */
export function errorRowsPlot(list: readonly ErrorFigure[], says: string): Markup {
  const longest = list.reduce((most, each) => Math.max(most, Array.from(each.name).length), 0);
  const leftPx = Math.min(220, 26 + 6.4 * Math.min(NAME_LENGTH, longest));
  const paper = boxOf(list.length * ROW_PX + 66, { leftPx, topPx: 8, bottomPx: 44 });
  const [least, most] = rangeOf(
    list.map((each) => 100 * each.errorRatio),
    list.flatMap((each) => (each.leftOutRatio === undefined ? [] : [100 * each.leftOutRatio])),
    list.flatMap(({ expandedRatio: u }) => (u === undefined ? [] : [-100 * u, 100 * u])),
  ) ?? [-1, 1];
  const reach = Math.max(Math.abs(least), Math.abs(most));
  const across = linearAxis([-reach, reach], acrossOf(paper), { ticksCount: 8 });
  const rowAt = (index: number): number => paper.topPx + (index + 0.5) * ROW_PX + 4;
  return plotOf({
    box: paper,
    says,
    across,
    up: {
      from: 0,
      until: list.length,
      ticks: [],
      at: rowAt,
    },
    acrossName: 'error of energy (predicted − metered), % of metered',
    upName: '',
    marks: [
      ...list.flatMap((each, index) => {
        const y = rowAt(index);
        const u = each.expandedRatio;
        const inside = u === undefined || Math.abs(each.errorRatio) <= u;
        return [
          label(paper.leftPx - 8, y + 4, 'end', shortened(each.name, NAME_LENGTH), 'row'),
          ...(u === undefined
            ? []
            : [box(across.at(-100 * u), y - 8, across.at(100 * u), y + 8, 'band')]),
          box(
            across.at(0),
            y - 3.5,
            across.at(100 * each.errorRatio),
            y + 3.5,
            inside ? 'bar' : 'bar out',
          ),
          ...(each.leftOutRatio === undefined
            ? []
            : [pointAt(across.at(100 * each.leftOutRatio), y, 3)]),
        ];
      }),
      line(across.at(0), paper.topPx, across.at(0), paper.heightPx - paper.bottomPx, 'zero'),
    ],
  });
}
