// PDUs hold a value for half a minute, and it is the mean of a window that ended some time before. Window and delay are
// found like an offset: those at which an affine of the chips, averaged the same way, explains the meter best.
import { refuse, type Refusal } from '../quantity/fault.ts';
import { secondsBetween, type EnergySeries } from './energy-series.ts';
import { explainedBy } from './clock-problem.ts';
import type { HeldReadings } from './held-readings.ts';
import { fitWindows, type WindowFit } from './window-fit.ts';
import { residualAt, type WindowProblem } from './window-residual.ts';

/**
 * What the load shows of a held meter: both ends of its window (`both`), or only where the middle of the window lies
 * (`middle`: too few edges, or too dull ones; window and delay may both be off, in opposite directions).
 */
export const HELD_STANDINGS = ['both', 'middle'] as const;

export interface MeterWindow {
  /** From the end of the averaging window, on the chips' clock, to when its mean is first shown. */
  readonly delayS: number;
  readonly delayUncertaintyS: number;
  readonly windowS: number;
  readonly windowUncertaintyS: number;
  /** Half the window plus the delay: how old the middle of a value is; better known than either. */
  readonly ageUncertaintyS: number;
  readonly standing: (typeof HELD_STANDINGS)[number];
  /** How many independent edges carry window and delay. */
  readonly edgesCount: number;
  /** Gain of the affine: the share of the node that this feed carries, times the gap. */
  readonly gainRatio: number;
  readonly explainedRatio: number;
  readonly residualW: number;
  /** RMS residual by delay at the best window, for a plot. */
  readonly trace: readonly { readonly delayS: number; readonly residualW: number }[];
}

const EXPLAINED_RATIO_MIN = 0.5;
const ROWS_COUNT_MIN = 12;
/** Two parameters from fewer than four values each fit whatever those values happened to be. */
const CARRYING_ROWS_COUNT_MIN = 8;
/** A month of refreshes shows no more of a window than this many do. */
const ROWS_COUNT_MAX = 5000;
/** Meters average over a quarter of a minute or over sixteen holds; each step is a fifth longer. */
const WINDOW_GROWTH_RATIO = 1.2;
const WINDOW_HOLDS_MIN = 1 / 8;
const WINDOW_HOLDS_MAX = 16;
/** The end of the window lies at most this many holds behind (clocks that differ) or before its first showing. */
const DELAY_HOLDS_MIN = -2;
const DELAY_HOLDS_MAX = 4;

/** Order of a trial's parameters: age of the middle of the window when its mean is first shown, and its length. */
const AGE = 0;
const WINDOW = 1;

/**
 * Window and delay of a held meter, coarse to fine: delays from -2 to 4 holds, windows from an eighth of a hold to 16.
 * `parts` are the chips by component, where they are known: an affine of several sharpens the search. Refuses
 * `align.overlap` below 12 covered readings, `align.flat` where even the best explains less than half of the meter's
 * variance, and where another delay fits as well.
 */
export function findMeterWindow(
  held: HeldReadings,
  chips: EnergySeries,
  parts: readonly EnergySeries[] = [],
): MeterWindow | Refusal {
  const coarse = problemOf(held, [chips]);
  const start = scanWindows(coarse, held);
  if (start.rowsCount < ROWS_COUNT_MIN) {
    return refuse(
      'align.overlap',
      `only ${start.rowsCount} values of the held meter have chip readings`,
      'record both for at least ten minutes',
    );
  }
  const reachS = Math.max(held.holdS / 24, 1e-3);
  const plan = {
    reaches: [reachS, 2 * reachS],
    rowsCountMin: 0.8 * start.rowsCount,
    bounds: [
      [-Infinity, Infinity],
      [held.holdS * WINDOW_HOLDS_MIN * 0.1, held.holdS * WINDOW_HOLDS_MAX * 1.5],
    ] as const,
  };
  const whole = fitWindows(coarse, start.trial, plan);
  if (
    !(explainedBy(whole.residual) >= EXPLAINED_RATIO_MIN) ||
    whole.residual.gainRatios.every((gain) => gain <= 0)
  ) {
    return noWindow('no window and delay make the chips explain this held meter');
  }
  const rival = start.rivalDelayS;
  if (rival !== undefined && start.rivalW2 < 1.1 * whole.residual.meanSquareW2) {
    return noWindow(`a delay of ${rival.toFixed(1)} s fits as well (a periodic load)`);
  }
  const [first, ...others] = parts;
  const sharp =
    first && others.length > 0 && whole.residual.rowsCount >= 20 * parts.length
      ? fitWindows(problemOf(held, [first, ...others]), whole.trial, plan)
      : whole;
  return windowOf(held, coarse, whole, sharp);
}

function windowOf(
  held: HeldReadings,
  coarse: WindowProblem,
  whole: WindowFit,
  sharp: WindowFit,
): MeterWindow {
  const [ageW2 = 0, mixed = 0, , windowW2 = 0] = sharp.covariance;
  const ageS = sharp.trial[AGE] ?? 0;
  const windowS = sharp.trial[WINDOW] ?? 0;
  const { edgesCount } = sharp;
  // Where values come as they like, the poll that shows a change is late by anything up to a poll, anew at each edge.
  const pollS =
    held.refresh === 'by-clock' ? 0 : held.periodS / Math.sqrt(12 * Math.max(1, edgesCount));
  const fittedS = Math.hypot(Math.sqrt(windowW2), 2 * pollS);
  const isBoth = fittedS < windowS / 4 && sharp.carryingRowsCount >= CARRYING_ROWS_COUNT_MIN;
  // Where only the middle shows, the length is anything up to twice what fits best: an even distribution.
  const openS = isBoth ? 0 : windowS / Math.sqrt(3);
  const windowUncertaintyS = Math.hypot(fittedS, openS);
  const delayUncertaintyS = Math.hypot(
    Math.sqrt(Math.max(0, ageW2 - mixed + windowW2 / 4)),
    Math.SQRT2 * pollS,
    openS / 2,
  );
  const stepS = held.holdS / 12;
  return {
    delayS: ageS - windowS / 2,
    delayUncertaintyS,
    windowS,
    windowUncertaintyS,
    ageUncertaintyS: Math.hypot(Math.sqrt(ageW2), pollS),
    standing: isBoth ? 'both' : 'middle',
    edgesCount,
    gainRatio: whole.residual.gainRatios[0] ?? 0,
    explainedRatio: explainedBy(sharp.residual),
    residualW: Math.sqrt(sharp.residual.meanSquareW2),
    trace: Array.from({ length: 73 }, (_, index) => {
      const delayS = held.holdS * DELAY_HOLDS_MIN + index * stepS;
      const at = residualAt(coarse, [delayS + windowS / 2, windowS]);
      return { delayS, residualW: Math.sqrt(at.meanSquareW2) };
    }),
  };
}

const noWindow = (because: string): Refusal =>
  refuse(
    'align.flat',
    because,
    'meter a stretch in which the load rises and falls for longer than the meter averages',
  );

function problemOf(
  held: HeldReadings,
  chips: readonly [EnergySeries, ...EnergySeries[]],
): WindowProblem {
  const count = held.meanW.length;
  const every = Math.max(1, Math.ceil(count / ROWS_COUNT_MAX));
  const kept = Float64Array.from({ length: Math.ceil(count / every) }, (_, index) => index * every);
  const originS = secondsBetween(chips[0].originNs, held.originNs);
  const shownS = kept.map((index) => (held.atS[index] ?? 0) + originS);
  return {
    chips,
    meterW: kept.map((index) => held.meanW[index] ?? 0),
    level: new Int32Array(kept.length),
    windowsAt: (trial) => {
      const ageS = trial[AGE] ?? 0;
      const halfS = (trial[WINDOW] ?? 0) / 2;
      return {
        fromS: shownS.map((atS) => atS - ageS - halfS),
        untilS: shownS.map((atS) => atS - ageS + halfS),
      };
    },
  };
}

interface WindowScan {
  readonly trial: readonly [number, number];
  readonly rowsCount: number;
  /** Another valley, far from the best: its delay and mean square. */
  readonly rivalDelayS: number | undefined;
  readonly rivalW2: number;
}

function scanWindows(problem: WindowProblem, held: HeldReadings): WindowScan {
  const stepS = held.holdS / 6;
  let rowsCount = 0;
  const found: { ageS: number; windowS: number; meanSquareW2: number; rowsCount: number }[] = [];
  for (
    let windowS = held.holdS * WINDOW_HOLDS_MIN;
    windowS <= held.holdS * WINDOW_HOLDS_MAX;
    windowS *= WINDOW_GROWTH_RATIO
  ) {
    for (
      let delayS = held.holdS * DELAY_HOLDS_MIN;
      delayS <= held.holdS * DELAY_HOLDS_MAX;
      delayS += stepS
    ) {
      const ageS = delayS + windowS / 2;
      const at = residualAt(problem, [ageS, windowS]);
      // Long windows cover fewer rows: what a window of a hold covers is the measure.
      if (windowS <= held.holdS) rowsCount = Math.max(rowsCount, at.rowsCount);
      found.push({ ageS, windowS, meanSquareW2: at.meanSquareW2, rowsCount: at.rowsCount });
    }
  }
  const usable = found.filter((each) => each.rowsCount >= 0.8 * rowsCount);
  const best = usable.reduce(
    (least, each) => (each.meanSquareW2 < least.meanSquareW2 ? each : least),
    usable[0] ?? { ageS: 0, windowS: held.holdS, meanSquareW2: Infinity, rowsCount: 0 },
  );
  const far = usable.filter(
    (each) => Math.abs(each.ageS - best.ageS) > Math.max(held.holdS, best.windowS / 2),
  );
  const rival = far.reduce<(typeof far)[number] | undefined>(
    (least, each) => (!least || each.meanSquareW2 < least.meanSquareW2 ? each : least),
    undefined,
  );
  return {
    trial: [best.ageS, best.windowS],
    rowsCount,
    rivalDelayS: rival && rival.ageS - rival.windowS / 2,
    rivalW2: rival?.meanSquareW2 ?? Infinity,
  };
}
