// The clocks of many recordings of one instrument pair. What their stamps have in common is learned from all of them:
// each keeps its own offset as far as its edges are sure of it, and takes what is typical for the rest.
import { findClock, type ClockRelation } from '../../align/clock-search.ts';
import { secondsBetween, type EnergySeries } from '../../align/energy-series.ts';
import { newOffsetUncertaintyS, shrunk, type OffsetLaw } from '../../align/offset-law.ts';
import type { StampHabit } from '../../align/stamp-habit.ts';
import { readStamps, type StampReading } from '../../align/stamp-meaning.ts';
import type { HeldMeter } from '../../quantity/correction.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { acquisitionsOf } from './acquisitions.ts';
import type { ChipTerm } from '../chip-terms.ts';
import { kindsOf, rateFor, searchedParts, type Kind, type Searched } from './clock-kinds.ts';
import { noticesOf, windowNotice, type ClockNotice } from './clock-notices.ts';
import { chipTotalOf, type RunEvidence, type RunOnClock } from '../evidence-rows.ts';
import { heldMetersOf } from '../held-feeds.ts';
import { wallOf, type RunClock } from '../wall-windows.ts';

interface TypicalClock {
  /** Chips later than the meter at their first stamp, s: the middle of what a new recording may have. */
  readonly offsetS: number;
  readonly rateRatio: number;
  /** Standard uncertainty for a new recording: of the mean, between recordings, and of a start cut to the second. */
  readonly offsetUncertaintyS: number;
  readonly alignedCount: number;
  /** The same in parts, to average over; undefined where no recording was aligned or the meter holds its values. */
  readonly law: OffsetLaw | undefined;
}

/** How one acquisition of one run got its clock. */
export interface AlignedAcquisition {
  readonly run: string;
  /** Counted from 0 within the run. */
  readonly number: number;
  readonly habit: StampHabit;
  /** What its own edges say; with the offset over time and the residual over offsets, for plots. */
  readonly relation: ClockRelation | Refusal;
  /** At the first stamp, s; `own` where its edges alone decide, `typical` where they say nothing. */
  readonly offsetS: number;
  readonly offsetUncertaintyS: number;
  readonly rateRatio: number;
  readonly taken: 'own' | 'drawn' | 'typical' | 'unknown';
}

/** What recordings of one kind have in common. */
export interface KindLaw {
  readonly habit: StampHabit;
  readonly law: OffsetLaw;
  /** What the stamps mean, if both hosts keep time. */
  readonly stamps: StampReading;
}

export interface AlignedRuns {
  readonly runs: readonly RunOnClock[];
  readonly typical: TypicalClock;
  readonly held: readonly HeldMeter[];
  /** Why single runs could not be aligned by themselves. */
  readonly refusals: readonly { readonly run: string; readonly refusal: Refusal }[];
  readonly acquisitions: readonly AlignedAcquisition[];
  /** One law per kind of stamps: tools that stamp otherwise have offsets of their own. */
  readonly laws: readonly KindLaw[];
  readonly notices: readonly ClockNotice[];
}

/** Hosts that keep time by NTP within one building differ by less. */
const SYNC_S = 0.05;
/** Without any edge the clocks are taken as equal to a second. */
const UNKNOWN_OFFSET_UNCERTAINTY_S = 1;
/** Aligned at the source, or found as a delay of its own: what is left is not seen. */
const SAME_CLOCK = { offsetS: 0, rateRatio: 0, pivotS: 0 };
/** A drawn offset moved by less than this share of its uncertainty is still the recording's own. */
const OWN_SHARE = 0.9;

/** Aligns runs of one node; a refusal only where chip sources are missing. */
export function alignRuns(
  runs: readonly RunEvidence[],
  terms: readonly ChipTerm[],
): AlignedRuns | Refusal {
  const totals: EnergySeries[] = [];
  for (const run of runs) {
    const total = chipTotalOf(run.chips, terms);
    if (isRefusal(total)) return total;
    totals.push(total);
  }
  const held = heldMetersOf(runs, totals);
  if (held) return alignedByDelay(runs, held);
  const seen = runs.flatMap((run, index) => {
    const total = totals[index];
    const wall = wallOf(run.feeds);
    if (!total || !wall || sameSteps(wall, total)) return [];
    return acquisitionsOf(run.run, wall, total).flatMap((each) => searchedParts(each));
  });
  const kinds = kindsOf(seen);
  const main = [...kinds.values()].reduce<Kind | undefined>(
    (most, each) => (most && most.members.length >= each.members.length ? most : each),
    undefined,
  );
  const typical = typicalOf(main?.law);
  const clocked = seen.map((each) => clockedBy(each, kinds.get(each.kind)?.law ?? main?.law));
  const meterWindowS = main?.meterWindowS;
  return {
    runs: runs.map((evidence) => ({
      evidence,
      clock: clockOf(
        clocked.filter((each) => each.aligned.run === evidence.run),
        meterWindowS,
      ),
    })),
    typical,
    held: [],
    refusals: seen.flatMap((each) =>
      isRefusal(each.relation) ? [{ run: each.rows.run, refusal: each.relation }] : [],
    ),
    acquisitions: clocked.map((each) => each.aligned),
    laws: [...kinds.values()].flatMap((each) => (each.law ? [kindLawOf(each.law, each)] : [])),
    notices: [...seen.flatMap((each) => noticesOf(each)), ...windowNotice(meterWindowS)],
  };
}

function kindLawOf(law: OffsetLaw, { habit, meterPeriodS }: Kind): KindLaw {
  const stamps = readStamps(law.meanS, newOffsetUncertaintyS(law), {
    meterPeriodS,
    chipPeriodS: habit.periodS,
    syncS: SYNC_S,
  });
  return { habit, law, stamps };
}

function alignedByDelay(runs: readonly RunEvidence[], held: readonly HeldMeter[]): AlignedRuns {
  const uncertainties = held.map((meter) => meter.delayUncertaintyS ?? 0);
  return {
    runs: runs.map((evidence) => ({ evidence, clock: SAME_CLOCK })),
    typical: {
      offsetS: 0,
      rateRatio: 0,
      offsetUncertaintyS: Math.max(...uncertainties),
      alignedCount: runs.length,
      law: undefined,
    },
    held,
    refusals: [],
    acquisitions: [],
    laws: [],
    notices: [],
  };
}

function typicalOf(law: OffsetLaw | undefined): TypicalClock {
  return {
    offsetS: law?.meanS ?? 0,
    rateRatio: law?.rateRatio ?? 0,
    offsetUncertaintyS: law ? newOffsetUncertaintyS(law) : UNKNOWN_OFFSET_UNCERTAINTY_S,
    alignedCount: law?.recordingsCount ?? 0,
    law,
  };
}

interface Clocked {
  readonly aligned: AlignedAcquisition;
  readonly fromS: number;
  readonly startS: number;
}

function clockedBy(each: Searched, law: OffsetLaw | undefined): Clocked {
  const { rows, habit, relation } = each;
  const about = { run: rows.run, number: rows.number, habit, relation };
  const placed = { fromS: rows.fromS, startS: rows.startS };
  if (isRefusal(relation)) {
    return {
      ...placed,
      aligned: {
        ...about,
        offsetS: law?.meanS ?? 0,
        rateRatio: law?.rateRatio ?? 0,
        offsetUncertaintyS: law ? newOffsetUncertaintyS(law) : UNKNOWN_OFFSET_UNCERTAINTY_S,
        taken: law ? 'typical' : 'unknown',
      },
    };
  }
  const rateRatio = rateFor(relation, law);
  // With another rate than its own the best offset at the pivot moves a little: edges seldom lie even around it.
  const again =
    rateRatio === relation.rateRatio
      ? relation
      : findClock(rows.rows, rows.chips, { ...NEAR, rateRatio, centreS: relation.offsetS });
  const base = isRefusal(again) ? relation : again;
  const own = {
    value: base.offsetS + rateRatio * (rows.startS - base.pivotS),
    uncertainty: base.offsetUncertaintyS,
  };
  const spread = law ? Math.hypot(law.scatterS, law.halfWidthS / Math.sqrt(3)) : Infinity;
  const drawn = law && law.recordingsCount > 2 ? shrunk(own, law.meanS, spread) : own;
  return {
    ...placed,
    aligned: {
      ...about,
      offsetS: drawn.value,
      rateRatio,
      offsetUncertaintyS: drawn.uncertainty,
      taken: drawn.uncertainty > OWN_SHARE * own.uncertainty ? 'own' : 'drawn',
    },
  };
}

const NEAR = { rangeS: 5, seekRate: false } as const;

/** The lines of a run, one per acquisition, pivoted at the first stamp of each. */
function clockOf(clocked: readonly Clocked[], meterWindowS: number | undefined): RunClock {
  const [first, ...others] = clocked.map(({ aligned, fromS, startS }) => ({
    fromS,
    offsetS: aligned.offsetS,
    rateRatio: aligned.rateRatio,
    pivotS: startS,
    offsetUncertaintyS: aligned.offsetUncertaintyS,
  }));
  if (!first) return SAME_CLOCK;
  const { offsetS, rateRatio, pivotS, offsetUncertaintyS } = first;
  return {
    offsetS,
    rateRatio,
    pivotS,
    offsetUncertaintyS,
    ...(meterWindowS === undefined ? {} : { meterWindowS }),
    ...(others.length > 0 ? { later: others } : {}),
  };
}

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
