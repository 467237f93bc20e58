// Errors over time with the band that the model states. Evidence of one piece is drawn over civil time; runs with long
// nights between them are joined end to end, since most of a plot over civil time would be empty.
import type { ResidualFigure } from '../../calibrate/figures/fit-figures.ts';
import { linearAxis, rangeOf, timeAxis, type Axis, type Extent } from './axis.ts';
import { dayText, decimal } from './figure-text.ts';
import { bandOf, curve, points } from './marks.ts';
import type { Markup } from './markup.ts';
import { acrossOf, belowPx, boxOf, label, line, plotOf, upOf } from './plot-frame.ts';

/** Share of the time between first and last block that must be covered for an axis of civil time. */
const CIVIL_RATIO_MIN = 0.4;
const RUN_LINES_COUNT_MAX = 40;
const DAY_LABEL_PX = 74;

interface Laid {
  readonly axis: Axis;
  readonly name: string;
  readonly places: readonly number[];
  /** Half the length of each block, in the unit of the axis. */
  readonly halves: readonly number[];
  readonly joined: boolean;
}

export function residualPlot(residuals: ResidualFigure, meanMeterW: number): Markup {
  const sides = { topPx: 26, rightPx: 58 };
  const laid = layOut(residuals, acrossOf(boxOf(0, sides)));
  const paper = boxOf(320, { ...sides, bottomPx: belowPx(laid.axis) });
  const bandW = residuals.expandedW ?? [];
  const [least, most] = rangeOf(
    residuals.errorW,
    bandW,
    bandW.map((each) => -each),
  ) ?? [-1, 1];
  const reachW = Math.max(Math.abs(least), Math.abs(most));
  const up = linearAxis([-reachW, reachW], upOf(paper), { ticksCount: 6 });
  const shares = [up.from, up.until].map((each) => (100 * each) / meanMeterW);
  const rightScale = linearAxis([shares[0] ?? -1, shares[1] ?? 1], upOf(paper), {
    ticksCount: 6,
    tight: true,
  });
  const all = residuals.errorW.map((y, index) => ({ x: laid.places[index] ?? 0, y }));
  const outside = (index: number): boolean =>
    Math.abs(residuals.errorW[index] ?? 0) > (bandW[index] ?? Infinity);
  const runs = piecesOf(residuals.run);
  return plotOf({
    box: paper,
    says: `Predicted less metered wall power over time, in blocks of ${decimal(residuals.blockS, 0)} s, with the stated uncertainty`,
    across: laid.axis,
    up,
    acrossName: laid.name,
    upName: 'predicted − metered, W',
    right: { axis: rightScale, name: '% of mean wall power' },
    bareAcross: laid.joined,
    marks: [
      blockBands(laid, up, bandW),
      ...(laid.joined ? seams(residuals, laid, runs, paper.topPx, upOf(paper).fromPx) : []),
      line(acrossOf(paper).fromPx, up.at(0), acrossOf(paper).untilPx, up.at(0), 'zero'),
      ...runs.map(([from, until]) => curve(laid.axis, up, all.slice(from, until), 'trail')),
      points(
        laid.axis,
        up,
        all.filter((_, index) => !outside(index)),
        0,
      ),
      points(
        laid.axis,
        up,
        all.filter((_, index) => outside(index)),
        3,
      ),
    ],
  });
}

function layOut(residuals: ResidualFigure, extent: Extent): Laid {
  const { atS, coveredS, blocksCount } = residuals;
  const range = rangeOf(atS);
  const totalS = coveredS.reduce((sum, each) => sum + each, 0);
  const spanS = range ? range[1] - range[0] : 0;
  // Where blocks were left out, those that are drawn stand for them.
  const each = blocksCount / Math.max(1, atS.length);
  if (spanS <= 0 || (totalS * each) / spanS >= CIVIL_RATIO_MIN) {
    const halves = halvesOf(residuals);
    return {
      axis: timeAxis(range, extent, 7),
      name: 'time, UTC',
      places: atS,
      halves,
      joined: false,
    };
  }
  const inHours = totalS * each > 7200;
  const scale = each / (inHours ? 3600 : 60);
  let metered = 0;
  const places = coveredS.map((lengthS) => {
    const place = metered + lengthS / 2;
    metered += lengthS;
    return place * scale;
  });
  const untilPlace = metered * scale;
  return {
    axis: linearAxis([0, untilPlace], extent, { ticksCount: 8, tight: true }),
    name: `metered time, ${inHours ? 'h' : 'min'} (runs joined end to end in order of time)`,
    places,
    halves: coveredS.map((lengthS) => (lengthS / 2) * scale),
    joined: true,
  };
}

/** Where runs meet, and the first block of each day. */
function seams(
  residuals: ResidualFigure,
  laid: Laid,
  runs: readonly (readonly [number, number])[],
  topPx: number,
  bottomPx: number,
): Markup[] {
  const marks: Markup[] = [];
  let day = '';
  let labelledPx = -Infinity;
  for (const [from] of runs) {
    const place = laid.places[from] ?? 0;
    const before = laid.places[from - 1];
    const x = laid.axis.at(before === undefined ? 0 : (before + place) / 2);
    const own = dayText(residuals.atS[from] ?? 0);
    const newDay = own !== day;
    if (runs.length <= RUN_LINES_COUNT_MAX || newDay) {
      marks.push(line(x, topPx, x, bottomPx, newDay ? 'day' : 'seam'));
    }
    if (newDay && x - labelledPx > DAY_LABEL_PX) {
      marks.push(label(x + 3, topPx - 6, 'start', own, 'quiet'));
      labelledPx = x;
    }
    day = own;
  }
  return marks;
}

/** Index ranges of equal neighbours. */
function piecesOf(keys: readonly number[]): (readonly [number, number])[] {
  const pieces: (readonly [number, number])[] = [];
  let from = 0;
  keys.forEach((key, index) => {
    if (index + 1 < keys.length && keys[index + 1] === key) return;
    pieces.push([from, index + 1]);
    from = index + 1;
  });
  return pieces;
}

/** ± U of each block over its own length. */
function blockBands(laid: Laid, up: Axis, bandW: readonly number[]): Markup {
  return bandOf(
    bandW.map((each, index) => {
      const place = laid.places[index] ?? 0;
      const half = laid.halves[index] ?? 0;
      return {
        fromXPx: laid.axis.at(place - half),
        untilXPx: laid.axis.at(place + half),
        fromYPx: up.at(each),
        untilYPx: up.at(-each),
      };
    }),
  );
}

/** Half the length of each block, and over the short holes inside of a run to the middle of the next. */
function halvesOf({ atS, coveredS, run }: ResidualFigure): number[] {
  return coveredS.map((lengthS, index) => {
    const spacings = [index - 1, index + 1]
      .filter((other) => run[other] === run[index])
      .map((other) => Math.abs((atS[other] ?? 0) - (atS[index] ?? 0)))
      .filter((spacingS) => spacingS <= 3 * lengthS);
    return Math.max(lengthS, ...spacings) / 2;
  });
}
