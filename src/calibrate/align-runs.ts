// The clocks of many recordings of one instrument pair: each run is aligned by its own edges where it has them; the
// others, and recordings yet to come, get what is typical, with the scatter between runs as its uncertainty.
import { findClock, type ClockRelation } from '../align/clock-search.ts';
import { firstS, secondsBetween, type EnergySeries } from '../align/energy-series.ts';
import { findMeterWindow } from '../align/held-meter.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import { periodOf } from '../align/series-from-samples.ts';
import type { HeldMeter } from '../quantity/correction.ts';
import { isRefusal, type Refusal } from '../quantity/fault.ts';
import type { ChipTerm } from './chip-terms.ts';
import { chipTotalOf, type RunEvidence, type RunOnClock } from './evidence-rows.ts';
import { wallOf } from './wall-windows.ts';

/** The clock of one run by its own edges; `startOffsetS` is the offset at the first stamp of its chips. */
export interface FoundClock {
  readonly relation: ClockRelation;
  readonly startOffsetS: number;
}

interface TypicalClock {
  /** Chips later than the meter at their first stamp, s. */
  readonly offsetS: number;
  readonly rateRatio: number;
  /** Scatter between runs and of the single search, s. */
  readonly offsetUncertaintyS: number;
  readonly alignedCount: number;
}

export interface AlignedRuns {
  readonly runs: readonly RunOnClock[];
  readonly typical: TypicalClock;
  readonly held: readonly HeldMeter[];
  /** What each run's own load edges showed, in the order of `runs`. */
  readonly found: readonly (FoundClock | undefined)[];
  /** Why single runs could not be aligned by themselves. */
  readonly refusals: readonly { readonly run: string; readonly refusal: Refusal }[];
}

/** Without any edge the clocks are taken as equal to a second. */
const UNKNOWN_OFFSET_UNCERTAINTY_S = 1;

/** Aligns runs of one node; a refusal only where chip sources are missing. */
export function alignRuns(
  runs: readonly RunEvidence[],
  terms: readonly ChipTerm[],
): AlignedRuns | Refusal {
  const refusals: { run: string; refusal: Refusal }[] = [];
  const totals: EnergySeries[] = [];
  for (const run of runs) {
    const total = chipTotalOf(run.chips, terms);
    if (isRefusal(total)) return total;
    totals.push(total);
  }
  const held = heldMetersOf(runs, totals);
  if (held) {
    return {
      runs: runs.map((evidence) => ({ evidence, clock: { offsetS: 0, rateRatio: 0, pivotS: 0 } })),
      typical: { offsetS: 0, rateRatio: 0, offsetUncertaintyS: 0.5, alignedCount: runs.length },
      held,
      found: runs.map(() => undefined),
      refusals,
    };
  }
  const found: (Found | undefined)[] = runs.map((run, index) => {
    const total = totals[index];
    const wall = wallOf(run.feeds);
    if (!total || !wall) return undefined;
    if (sameSteps(wall, total)) return SAME_WINDOWS;
    const periodS = Math.max(1, periodOf(wall.atS));
    const clock = findClock(rowsOfSeries(wall, periodS), total);
    if (isRefusal(clock)) {
      refusals.push({ run: run.run, refusal: clock });
      return undefined;
    }
    const startS = firstS(total) + secondsBetween(wall.originNs, total.originNs);
    const startOffsetS = clock.offsetS + clock.rateRatio * (startS - clock.pivotS);
    return {
      clock,
      own: { relation: clock, startOffsetS },
      startOffsetS,
      uncertaintyS: clock.offsetUncertaintyS,
    };
  });
  const typical = typicalOf(found.filter((each) => each !== undefined));
  return {
    runs: runs.map((evidence, index) => {
      const own = found[index]?.clock;
      const total = totals[index];
      const wall = wallOf(evidence.feeds);
      const startS =
        total && wall ? firstS(total) + secondsBetween(wall.originNs, total.originNs) : 0;
      return {
        evidence,
        clock: own ?? {
          offsetS: typical.offsetS,
          rateRatio: typical.rateRatio,
          pivotS: startS,
        },
      };
    }),
    typical,
    held: [],
    found: found.map((each) => each?.own),
    refusals,
  };
}

interface Found {
  readonly clock: { readonly offsetS: number; readonly rateRatio: number; readonly pivotS: number };
  readonly own?: FoundClock;
  readonly startOffsetS: number;
  readonly uncertaintyS: number;
}

const SAME_WINDOWS: Found = {
  clock: { offsetS: 0, rateRatio: 0, pivotS: 0 },
  startOffsetS: 0,
  uncertaintyS: 0,
};

/**
 * Steady steps with holes between them, recorded over the very same windows: they were aligned at the source, and their
 * own edges cannot show more, since a mean over a steady window does not change when it moves a little.
 */
function sameSteps(wall: EnergySeries, chips: EnergySeries): boolean {
  const knotsCount = wall.atS.length;
  if (knotsCount < 4 || chips.atS.length !== knotsCount) return false;
  const shiftS = secondsBetween(wall.originNs, chips.originNs);
  const lengthS = (wall.atS[knotsCount - 1] ?? 0) - (wall.atS[0] ?? 0);
  const coveredS = (wall.coveredS[knotsCount - 1] ?? 0) - (wall.coveredS[0] ?? 0);
  if (coveredS > 0.8 * lengthS) return false;
  return wall.atS.every((atS, knot) => Math.abs((chips.atS[knot] ?? 0) + shiftS - atS) < 1e-3);
}

function typicalOf(found: readonly Found[]): TypicalClock {
  if (found.length === 0) {
    return {
      offsetS: 0,
      rateRatio: 0,
      offsetUncertaintyS: UNKNOWN_OFFSET_UNCERTAINTY_S,
      alignedCount: 0,
    };
  }
  const offsetS = median(found.map((each) => each.startOffsetS));
  const scatterS = 1.4826 * median(found.map((each) => Math.abs(each.startOffsetS - offsetS)));
  return {
    offsetS,
    rateRatio: median(found.map((each) => each.clock.rateRatio)),
    offsetUncertaintyS: Math.hypot(scatterS, median(found.map((each) => each.uncertaintyS))),
    alignedCount: found.length,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const high = sorted[sorted.length >> 1] ?? 0;
  const low = sorted[(sorted.length - 1) >> 1] ?? 0;
  return (low + high) / 2;
}

/** Window, delay and share of each feed where all of them hold their values; undefined for plain meters. */
function heldMetersOf(
  runs: readonly RunEvidence[],
  totals: readonly EnergySeries[],
): readonly HeldMeter[] | undefined {
  const sources = runs[0]?.feeds.map((feed) => feed.source) ?? [];
  const found: { source: string; delayS: number; windowS: number; gainRatio: number }[] = [];
  for (const source of sources) {
    const windows = runs.flatMap((run, index) => {
      const feed = run.feeds.find((each) => each.source === source);
      const total = totals[index];
      if (!feed?.held || !total) return [];
      const window = findMeterWindow(feed.held, total);
      return isRefusal(window) ? [] : [window];
    });
    if (windows.length === 0) return undefined;
    found.push({
      source,
      delayS: median(windows.map((window) => window.delayS)),
      windowS: median(windows.map((window) => window.windowS)),
      gainRatio: median(windows.map((window) => window.gainRatio)),
    });
  }
  const whole = found.reduce((sum, each) => sum + each.gainRatio, 0);
  if (found.length === 0 || whole <= 0) return undefined;
  return found.map(({ gainRatio, ...meter }) => ({ ...meter, shareRatio: gainRatio / whole }));
}
