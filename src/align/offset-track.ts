// The offset over time: found in each stretch of a recording by itself, then tested against one line (a clock that runs
// evenly) and against one step (a clock that was set). What neither explains is said to wander.
import {
  clockProblem,
  explainedBy,
  OFFSET,
  OVERLAP_RATIO_MIN,
  scanOffsets,
  type ClockProblem,
} from './clock-problem.ts';
import type { EnergySeries } from './energy-series.ts';
import type { MeterRows } from './meter-rows.ts';
import { pickRows } from './row-selection.ts';
import { lineThrough, type OffsetPoint } from './offset-line.ts';
import { fitWindows } from './window-fit.ts';
import { residualAt } from './window-residual.ts';

/**
 * `steady`: one offset; `drifting`: one line; `stepped`: a line broken once by a step; `wandering`: none of these;
 * `too-short`: fewer than four stretches show an offset.
 */
export const TRACK_VERDICTS = ['steady', 'drifting', 'stepped', 'wandering', 'too-short'] as const;

export interface OffsetStretch {
  /** Seconds after the origin of the meter's rows. */
  readonly fromS: number;
  readonly untilS: number;
  readonly offsetS: number;
  readonly offsetUncertaintyS: number;
}

export interface ClockStep {
  /** When the chips' clock was set, seconds after the origin of the meter's rows. */
  readonly atS: number;
  /** By how much it then is later than before. */
  readonly stepS: number;
  readonly stepUncertaintyS: number;
  /** Offsets at the middle of the recording as seen from before and from behind the step. */
  readonly beforeS: number;
  readonly afterS: number;
}

export interface OffsetTrack {
  readonly verdict: (typeof TRACK_VERDICTS)[number];
  readonly stretches: readonly OffsetStretch[];
  /** The line: offset at the middle of the rows, and rate. With a step, the line before it. */
  readonly offsetS: number;
  readonly rateRatio: number;
  readonly rateUncertaintyRatio: number;
  /** RMS of the offsets around what explains them. */
  readonly scatterS: number;
  readonly step?: ClockStep;
}

/** Load phases last minutes: shorter stretches often hold no edge. More than 48 points make no plot clearer. */
const STRETCH_S_MIN = 300;
const STRETCHES_COUNT_MAX = 48;
const STRETCHES_COUNT_MIN = 4;
const STRETCH_ROWS_COUNT_MIN = 20;
const EXPLAINED_RATIO_MIN = 0.5;
const OFFSET_UNCERTAINTY_S_MAX = 2;
/** A better explanation must take this factor off the squares per degree of freedom: 0.1 % of F with few stretches. */
const BETTER_RATIO = 15;
/** Offsets that differ by less than this share of a row change no mean. */
const SAME_ROW_RATIO = 0.1;

export function trackOffsets(problem: ClockProblem, centreS: number, rangeS: number): OffsetTrack {
  const [chips] = problem.chips;
  const stretchS = Math.max(STRETCH_S_MIN, problem.lengthS / STRETCHES_COUNT_MAX);
  const stretches =
    problem.lengthS < STRETCHES_COUNT_MIN * STRETCH_S_MIN
      ? []
      : stretchesOf(problem.rows, stretchS).flatMap((rows) =>
          offsetOf(rows, chips, centreS, rangeS),
        );
  const leastS = SAME_ROW_RATIO * problem.rowS;
  const points = stretches.map((each) => ({
    atS: (each.fromS + each.untilS) / 2 - problem.pivotS,
    offsetS: each.offsetS,
    uncertaintyS: Math.hypot(each.offsetUncertaintyS, leastS),
  }));
  if (points.length < STRETCHES_COUNT_MIN) {
    const none = { offsetS: 0, rateRatio: 0, rateUncertaintyRatio: 0, scatterS: 0 };
    return { verdict: 'too-short', stretches, ...none };
  }
  const line = lineThrough(points);
  const shown = {
    stretches,
    offsetS: line.offsetS,
    rateRatio: line.rateRatio,
    rateUncertaintyRatio: line.rateUncertaintyRatio,
    scatterS: line.scatterS,
  };
  const isEven = line.squaresPerDof < 4;
  const step = isEven ? undefined : stepIn(problem, points, line.squaresPerDof);
  if (step) return { verdict: 'stepped', ...shown, ...step };
  if (!isEven) return { verdict: 'wandering', ...shown };
  const drifts =
    Math.abs(line.rateRatio) > 4 * line.rateUncertaintyRatio &&
    Math.abs(line.rateRatio) * problem.lengthS > 2 * leastS;
  return { verdict: drifts ? 'drifting' : 'steady', ...shown };
}

function stretchesOf(rows: MeterRows, stretchS: number): readonly MeterRows[] {
  const firstS = rows.fromS[0] ?? 0;
  const stretches: MeterRows[] = [];
  const count = rows.fromS.length;
  for (let from = 0; from < count;) {
    const index = Math.floor(((rows.fromS[from] ?? 0) - firstS) / stretchS);
    let until = from + 1;
    while (until < count && Math.floor(((rows.fromS[until] ?? 0) - firstS) / stretchS) === index) {
      until++;
    }
    if (until - from >= STRETCH_ROWS_COUNT_MIN) {
      stretches.push(
        pickRows(
          rows,
          Float64Array.from({ length: until - from }, (_, row) => from + row),
        ),
      );
    }
    from = until;
  }
  return stretches;
}

/** The offset that one stretch shows by itself; none where it holds no edge. */
function offsetOf(
  rows: MeterRows,
  chips: EnergySeries,
  centreS: number,
  rangeS: number,
): readonly OffsetStretch[] {
  const problem = clockProblem(rows, chips);
  const scan = scanOffsets(problem, centreS, rangeS);
  if (!scan.best || scan.mostRowsCount < STRETCH_ROWS_COUNT_MIN) return [];
  const reachS = Math.max(problem.rowS / 4, scan.stepS / 8);
  const fit = fitWindows(problem, [scan.best.offsetS, 0, 0], {
    reaches: [reachS, 0, 0],
    rowsCountMin: OVERLAP_RATIO_MIN * scan.mostRowsCount,
  });
  const offsetUncertaintyS = Math.sqrt(fit.covariance[0] ?? Infinity);
  const rising = fit.residual.gainRatios.some((gain) => gain > 0);
  if (!rising || explainedBy(fit.residual) < EXPLAINED_RATIO_MIN) return [];
  if (!(offsetUncertaintyS <= OFFSET_UNCERTAINTY_S_MAX)) return [];
  return [
    {
      fromS: rows.fromS[0] ?? 0,
      untilS: rows.untilS[rows.untilS.length - 1] ?? 0,
      offsetS: fit.trial[OFFSET] ?? 0,
      offsetUncertaintyS,
    },
  ];
}

/** One step between two stretches, the rate being the same before and behind; undefined where it explains no better. */
function stepIn(
  problem: ClockProblem,
  points: readonly OffsetPoint[],
  lineSquaresPerDof: number,
):
  | {
      readonly step: ClockStep;
      readonly offsetS: number;
      readonly rateRatio: number;
      readonly rateUncertaintyRatio: number;
      readonly scatterS: number;
    }
  | undefined {
  let best: { place: number; squaresPerDof: number } | undefined;
  for (let place = 1; place < points.length; place++) {
    const { squaresPerDof } = lineThrough(points, place);
    if (!best || squaresPerDof < best.squaresPerDof) best = { place, squaresPerDof };
  }
  if (!best || points.length < 5) return undefined;
  const around = lineThrough(points, best.place);
  const stepS = around.stepS;
  const stands =
    lineSquaresPerDof > BETTER_RATIO * Math.max(1, around.squaresPerDof) &&
    Math.abs(stepS) > 4 * around.stepUncertaintyS;
  if (!stands) return undefined;
  const { offsetS, rateRatio, rateUncertaintyRatio, scatterS } = around;
  const between = [points[best.place - 1], points[best.place]];
  const atS = placeOfStep(
    problem,
    around,
    between.map((each) => each?.atS ?? 0),
  );
  return {
    offsetS,
    rateRatio,
    rateUncertaintyRatio,
    scatterS,
    step: {
      atS,
      stepS,
      stepUncertaintyS: around.stepUncertaintyS,
      beforeS: offsetS,
      afterS: offsetS + stepS,
    },
  };
}

/** The instant between two stretches at which changing from the one offset to the other leaves the least residual. */
function placeOfStep(
  problem: ClockProblem,
  around: { readonly offsetS: number; readonly stepS: number; readonly rateRatio: number },
  betweenS: readonly number[],
): number {
  const before = residualAt(problem, [around.offsetS, around.rateRatio, 0]).residualW;
  const after = residualAt(problem, [around.offsetS + around.stepS, around.rateRatio, 0]).residualW;
  const [lowS = 0, highS = 0] = betweenS.map((each) => each + problem.pivotS);
  let sum = 0;
  let least = Infinity;
  let atS = (lowS + highS) / 2;
  for (let row = 0; row < before.length; row++) {
    const fromS = problem.rows.fromS[row] ?? 0;
    if (fromS >= lowS && fromS <= highS && sum < least) {
      least = sum;
      atS = fromS;
    }
    // Squares saved by the earlier offset up to here: the least sum is where it stops to be the better one.
    const gain = (before[row] ?? 0) ** 2 - (after[row] ?? 0) ** 2;
    if (!Number.isNaN(gain)) sum += gain;
  }
  return atS;
}
