// How often the stated band held: observed against promised. The grey lens is where an honest band would lie by chance
// for as many independent spans as the first curve has; neighbouring spans err alike, so leaving it by a little proves nothing.
import type { CoverageFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis } from './axis.ts';
import { band, curve, points } from './marks.ts';
import type { Markup } from './markup.ts';
import { acrossOf, boxOf, line, plotOf, upOf } from './plot-frame.ts';

export function coveragePlot(curves: readonly CoverageFigure[]): Markup {
  const paper = boxOf(400, { widthPx: 460, rightPx: 18 });
  const across = linearAxis([0, 100], acrossOf(paper), { ticksCount: 5 });
  const up = linearAxis([0, 100], upOf(paper), { ticksCount: 5 });
  const spansCount = curves[0]?.spansCount ?? 1;
  const grid = Array.from({ length: 51 }, (_, index) => 2 * index);
  const spread = grid.map((each) => {
    const share = each / 100;
    return 196 * Math.sqrt((share * (1 - share)) / Math.max(1, spansCount));
  });
  return plotOf({
    box: paper,
    says: 'Share of spans whose error lies inside the stated band, against the share that the band promises',
    across,
    up,
    acrossName: 'share promised, %',
    upName: 'share found inside, %',
    marks: [
      band(
        across,
        up,
        grid,
        grid.map((each, index) => each - (spread[index] ?? 0)),
        grid.map((each, index) => each + (spread[index] ?? 0)),
      ),
      line(across.at(0), up.at(0), across.at(100), up.at(100), 'zero'),
      line(across.at(95.45), up.at(0), across.at(95.45), up.at(100), 'seam'),
      ...curves.flatMap((each, series) => {
        const list = each.nominalRatio.map((nominal, index) => ({
          x: 100 * nominal,
          y: 100 * (each.insideRatio[index] ?? 0),
        }));
        return [curve(across, up, list, 'trail'), points(across, up, list, series)];
      }),
    ],
  });
}
