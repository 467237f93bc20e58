// By how much the chips' clock is late against the meter's, how much faster it runs, and how long the meter averages: what
// leaves the least of the meter unexplained. Only load edges carry this; without them it refuses rather than guesses.
import type { Refusal } from '../quantity/fault.ts';
import { doubtOf, noEdge } from './clock-doubt.ts';
import {
  clockProblem,
  EXTRA,
  explainedBy,
  OFFSET,
  OVERLAP_RATIO_MIN,
  RATE,
  scanOffsets,
  type ClockProblem,
  type OffsetScan,
} from './clock-problem.ts';
import type { EnergySeries } from './energy-series.ts';
import { goldenMinimum } from './golden-section.ts';
import type { MeterRows } from './meter-rows.ts';
import { trackOffsets, type OffsetTrack } from './offset-track.ts';
import { edgeRows } from './row-selection.ts';
import { fitWindows, type WindowFit } from './window-fit.ts';
import { residualAt } from './window-residual.ts';
import { findJump, findZone } from './zone-search.ts';

/**
 * What the data say of the meter's averaging beyond one row: `seen` differs from a row by more than its uncertainty
 * allows, `one-row` agrees with it closely, `not-seen` could be either. Smoothing of the chips counts against it.
 */
export const WINDOW_STANDINGS = ['seen', 'one-row', 'not-seen'] as const;

export interface SeenWindow {
  readonly standing: (typeof WINDOW_STANDINGS)[number];
  readonly windowS: number;
  readonly windowUncertaintyS: number;
  /** Of one row of the meter, s. */
  readonly rowS: number;
}

export interface ClockRelation {
  /** The chips' stamps are later than the meter's by this much, at the pivot; between the middles of their windows. */
  readonly offsetS: number;
  /** Seconds that the chips' clock gains per second of the meter's; 0 where no rate is proven. */
  readonly rateRatio: number;
  /** Where the offset holds, seconds after the origin of the meter's rows. */
  readonly pivotS: number;
  /** Standard uncertainties, with the residual's own memory in them. */
  readonly offsetUncertaintyS: number;
  readonly rateUncertaintyRatio: number;
  /** The rate as seen, proven or not: runs of one instrument are pooled by it. */
  readonly rateSeenRatio: number;
  /** How many independent edges carry the offset. */
  readonly edgesCount: number;
  /** Share of the meter's variance within its levels that the affine explains at the best offset. */
  readonly explainedRatio: number;
  /** RMS of what it does not explain. */
  readonly residualW: number;
  readonly window: SeenWindow;
  /** Whole quarter hours inside the offset that look like a mistaken time zone; 0 where none is suspected. */
  readonly zoneShiftS: number;
  /** Offset over time, and whether one line explains it. */
  readonly track: OffsetTrack;
  /** Residual over the coarse offsets, for a plot: offsets in s, RMS in W. */
  readonly trace: readonly { readonly offsetS: number; readonly residualW: number }[];
}

export interface ClockSearchLimits {
  /** Offsets are sought from -rangeS to +rangeS around the centre, which is 0 unless it is given. */
  readonly rangeS: number;
  readonly centreS?: number;
  readonly seekRate: boolean;
  /** Looks for shifts of whole quarter hours where nothing fits within the range. */
  readonly seekZone?: boolean;
  /** A rate that is known from elsewhere: the offset is sought at it, and no other rate. */
  readonly rateRatio?: number;
}

const OFFSET_UNCERTAINTY_S_MAX = 5;
/** Hundreds of trials look for the valley: an hour at 1 Hz holds enough edges for that. */
const COARSE_ROWS_COUNT = 4000;
/** A tool's loop or a bad oscillator: 1 % is beyond every recorded one. */
const RATE_RATIO_MAX = 0.01;
const RATE_LENGTH_S_MIN = 120;
/** Below an hour one scan sees every drift that a rate of 1 % leaves within its valley. */
const TRACK_START_S_MIN = 3600;

/**
 * Finds offset, clock rate and averaging window. Refuses `align.overlap` where fewer than 20 % or 12 of the rows have
 * chips at any offset tried, `align.flat` where the load shows no edge, the minimum is too wide (over 5 s) or another
 * offset fits as well (a periodic load).
 */
export function findClock(
  allRows: MeterRows,
  chips: EnergySeries,
  limits: ClockSearchLimits = { rangeS: 60, seekRate: true, seekZone: true },
): ClockRelation | Refusal {
  const problem = clockProblem(edgeRows(allRows), chips);
  const coarse = clockProblem(edgeRows(allRows, COARSE_ROWS_COUNT), chips, problem);
  let sought = soughtAround(coarse, limits.centreS ?? 0, limits.rangeS);
  let zoneShiftS = 0;
  if (sought.doubt && limits.seekZone === true) {
    zoneShiftS = findZone(coarse) ?? 0;
    if (zoneShiftS !== 0) sought = soughtAround(coarse, zoneShiftS, limits.rangeS);
  }
  const { scan, doubt } = sought;
  let { track, start } = sought;
  if (doubt) return doubt;
  const rateRatio = limits.rateRatio ?? 0;
  if (limits.rateRatio !== undefined) start = [start[OFFSET], rateRatio, 0];
  const rowsCountMin = OVERLAP_RATIO_MIN * residualAt(problem, start).rowsCount;
  const reachS = Math.max(problem.rowS / 4, scan.stepS / 8);
  const offsetOnly = fitWindows(problem, start, { reaches: [reachS, 0, 0], rowsCountMin });
  let fit = offsetOnly;
  let rateSeenRatio = 0;
  let rateUncertaintyRatio = 0;
  const seekRate = limits.seekRate && limits.rateRatio === undefined;
  if (seekRate && problem.lengthS >= RATE_LENGTH_S_MIN) {
    const both = fitRate(problem, start, reachS, rowsCountMin);
    rateSeenRatio = both.trial[RATE] ?? 0;
    rateUncertaintyRatio = uncertaintyOf(both, RATE);
    if (isProven(rateSeenRatio, rateUncertaintyRatio, problem.lengthS)) fit = both;
  }
  if (limits.seekZone === true && !track.step) track = withJump(track, problem, fit);
  const offsetUncertaintyS = uncertaintyOf(fit, OFFSET);
  if (!(offsetUncertaintyS <= OFFSET_UNCERTAINTY_S_MAX)) {
    return noEdge('the best offset is not sharp');
  }
  return {
    offsetS: fit.trial[OFFSET] ?? 0,
    rateRatio: fit.trial[RATE] ?? 0,
    pivotS: problem.pivotS,
    offsetUncertaintyS,
    rateUncertaintyRatio,
    rateSeenRatio,
    edgesCount: fit.edgesCount,
    explainedRatio: explainedBy(fit.residual),
    residualW: Math.sqrt(fit.residual.meanSquareW2),
    window: windowSeen(problem, fit, reachS, rowsCountMin),
    zoneShiftS,
    track,
    trace: scan.trials.map((each) => ({
      offsetS: each.offsetS,
      residualW: Math.sqrt(each.at.meanSquareW2),
    })),
  };
}

interface Sought {
  readonly scan: OffsetScan;
  readonly track: OffsetTrack;
  readonly start: readonly [number, number, number];
  readonly doubt: Refusal | undefined;
}

/** Where the search begins, on few rows: the grid of offsets, the offsets of single stretches, and what speaks against. */
function soughtAround(problem: ClockProblem, centreS: number, rangeS: number): Sought {
  const scan = scanOffsets(problem, centreS, rangeS);
  const track = trackOffsets(problem, centreS, rangeS);
  const start = startOf(problem, scan, track);
  return { scan, track, start, doubt: doubtOf(problem, scan, start) };
}

const uncertaintyOf = (fit: WindowFit, parameter: number): number =>
  Math.sqrt(fit.covariance[parameter * fit.trial.length + parameter] ?? Infinity);

/** A recording whose stamps jumped by quarter hours has two offsets: the one that was found, and that of the rest. */
function withJump(track: OffsetTrack, problem: ClockProblem, fit: WindowFit): OffsetTrack {
  const jump = findJump(problem, fit.trial);
  if (!jump) return track;
  const offsetS = fit.trial[OFFSET] ?? 0;
  return {
    ...track,
    verdict: 'stepped',
    step: {
      atS: jump.atS,
      stepS: jump.jumpS,
      // The search names quarter hours; what lies beside them each part finds by its own edges.
      stepUncertaintyS: 60,
      beforeS: offsetS,
      afterS: offsetS + jump.jumpS,
    },
  };
}

/** Less than a fifth of a second over the run changes no mean; more must stand out from its own uncertainty. */
const isProven = (rateRatio: number, uncertaintyRatio: number, lengthS: number): boolean =>
  Math.abs(rateRatio) > 4 * uncertaintyRatio && Math.abs(rateRatio) * lengthS > 0.2;

/** The best of the scan, sharpened; on a long recording, the line through the offsets of its stretches where it is better. */
function startOf(
  problem: ClockProblem,
  scan: OffsetScan,
  track: OffsetTrack,
): readonly [number, number, number] {
  const bestS = scan.best?.offsetS ?? 0;
  const cost = (offsetS: number, rateRatio: number): number => {
    const at = residualAt(problem, [offsetS, rateRatio, 0]);
    return at.rowsCount >= OVERLAP_RATIO_MIN * scan.mostRowsCount ? at.meanSquareW2 : Infinity;
  };
  let offsetS = goldenMinimum(
    (each) => cost(each, 0),
    bestS - scan.stepS,
    bestS + scan.stepS,
    scan.stepS / 100,
  );
  // Windows cut by holes are covered at one offset only, and the search between two steps may find nothing there.
  if (cost(bestS, 0) <= cost(offsetS, 0)) offsetS = bestS;
  if (problem.lengthS < TRACK_START_S_MIN || track.verdict === 'too-short') return [offsetS, 0, 0];
  const onLine = cost(track.offsetS, track.rateRatio) < cost(offsetS, 0);
  return onLine ? [track.offsetS, track.rateRatio, 0] : [offsetS, 0, 0];
}

function fitRate(
  problem: ClockProblem,
  start: readonly number[],
  reachS: number,
  rowsCountMin: number,
): WindowFit {
  return fitWindows(problem, start, {
    reaches: [reachS, (2 * reachS) / problem.lengthS, 0],
    rowsCountMin,
    bounds: [
      [-Infinity, Infinity],
      [-RATE_RATIO_MAX, RATE_RATIO_MAX],
      [0, 0],
    ],
  });
}

/** The averaging window beside the offset, at the rate that was found. */
function windowSeen(
  problem: ClockProblem,
  fit: WindowFit,
  reachS: number,
  rowsCountMin: number,
): SeenWindow {
  const { rowS } = problem;
  const beside = fitWindows(problem, fit.trial, {
    reaches: [reachS, 0, reachS],
    rowsCountMin,
    bounds: [
      [-Infinity, Infinity],
      [-RATE_RATIO_MAX, RATE_RATIO_MAX],
      [-0.9 * rowS, 60 * rowS],
    ],
  });
  const extraS = beside.trial[EXTRA] ?? 0;
  const windowUncertaintyS = uncertaintyOf(beside, EXTRA);
  const standing =
    windowUncertaintyS > rowS / 2
      ? 'not-seen'
      : Math.abs(extraS) > Math.max(4 * windowUncertaintyS, rowS / 2)
        ? 'seen'
        : 'one-row';
  return { standing, windowS: rowS + extraS, windowUncertaintyS, rowS };
}
