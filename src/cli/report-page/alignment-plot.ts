// The search for the offset of the clocks: what is left of the meter when the chips are moved against it, and where that
// is least. A sharp valley is good evidence; a flat one would have been refused.
import type { AlignmentFigure, TraceFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis, rangeOf, timeAxis } from './axis.ts';
import { box, curve, points, whisker } from './marks.ts';
import type { Markup } from './markup.ts';
import { acrossOf, belowPx, boxOf, line, plotOf, upOf } from './plot-frame.ts';

export function alignmentPlot({ traces }: AlignmentFigure): Markup {
  const paper = boxOf(300);
  const across = linearAxis(rangeOf(...traces.map((trace) => trace.offsetS)), acrossOf(paper), {
    ticksCount: 9,
    tight: true,
  });
  const up = linearAxis(rangeOf([0], ...traces.map((trace) => trace.residualW)), upOf(paper), {
    ticksCount: 6,
  });
  const shown = shownTrace(traces);
  const best = shown?.bestOffsetS ?? 0;
  const twoU = 2 * (shown?.uncertaintyS ?? 0);
  return plotOf({
    box: paper,
    says: 'Residual of the fit over the offset between the clocks; the least residual marks the offset',
    across,
    up,
    acrossName: 'offset of the chips’ clock, s (above 0: later than the meter)',
    upName: 'RMS residual, W',
    marks: [
      box(across.at(best - twoU), paper.topPx, across.at(best + twoU), upOf(paper).fromPx, 'band'),
      ...traces.map((trace) =>
        curve(
          across,
          up,
          trace.offsetS.map((x, place) => ({ x, y: trace.residualW[place] ?? 0 })),
          trace === shown ? 'model' : 'trail',
        ),
      ),
      line(across.at(best), paper.topPx, across.at(best), upOf(paper).fromPx, 'found'),
    ],
  });
}

/** The one that is drawn in full, the others beside it. */
export const shownTrace = (traces: readonly TraceFigure[]): TraceFigure | undefined =>
  traces[Math.floor((traces.length - 1) / 2)];

/** Offset of each run by its own load edges, with twice its standard uncertainty, and how it moved within a run. */
export function offsetPlot({ clocks, overTime, typicalOffsetS }: AlignmentFigure): Markup {
  const offsets = clocks.map((clock) => ({
    x: clock.atS,
    y: clock.offsetS,
    twoU: 2 * clock.uncertaintyS,
  }));
  const reach = rangeOf(
    [typicalOffsetS],
    offsets.map((each) => each.y - each.twoU),
    offsets.map((each) => each.y + each.twoU),
    ...overTime.map((drift) => drift.offsetS),
  );
  const across = timeAxis(
    rangeOf(
      clocks.map((clock) => clock.atS),
      ...overTime.map((drift) => drift.atS),
    ),
    acrossOf(boxOf(0)),
    7,
  );
  const paper = boxOf(260, { bottomPx: belowPx(across) });
  const up = linearAxis(reach, upOf(paper), { ticksCount: 6 });
  return plotOf({
    box: paper,
    says: 'Offset between the clocks over time, run by run, with its uncertainty',
    across,
    up,
    acrossName: 'time, UTC',
    upName: 'offset, s',
    marks: [
      line(
        acrossOf(paper).fromPx,
        up.at(typicalOffsetS),
        acrossOf(paper).untilPx,
        up.at(typicalOffsetS),
        'found',
      ),
      ...overTime.map((drift) =>
        curve(
          across,
          up,
          drift.atS.map((x, place) => ({ x, y: drift.offsetS[place] ?? 0 })),
          'trail',
        ),
      ),
      ...offsets.map(({ x, y, twoU }) => whisker(across.at(x), up.at(y - twoU), up.at(y + twoU))),
      points(across, up, offsets, 0),
    ],
  });
}
