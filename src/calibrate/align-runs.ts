// The clocks of many recordings of one instrument pair. What their stamps have in common is learned from all of them:
// each keeps its own offset as far as its edges are sure of it, and takes what is typical for the rest.
import { findClock, type ClockRelation } from '../align/clock-search.ts';
import { secondsBetween, type EnergySeries } from '../align/energy-series.ts';
import {
  newOffsetUncertaintyS,
  offsetLawOf,
  pooled,
  shrunk,
  type OffsetLaw,
} from '../align/offset-law.ts';
import type { StampHabit } from '../align/stamp-habit.ts';
import type { HeldMeter } from '../quantity/correction.ts';
import { isRefusal, type Refusal } from '../quantity/fault.ts';
import { acquisitionsOf, partedAt, type AcquisitionRows } from './acquisitions.ts';
import type { ChipTerm } from './chip-terms.ts';
import { chipTotalOf, type RunEvidence, type RunOnClock } from './evidence-rows.ts';
import { heldMetersOf } from './held-feeds.ts';
import { wallOf, type RunClock } from './wall-windows.ts';

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

/** What somebody should look at: a time zone that is wrong, a clock that was set, a meter that averages for long. */
export interface ClockNotice {
  readonly run: string;
  readonly kind: 'zone' | 'step' | 'wandering' | 'window';
  readonly words: string;
}

export interface AlignedRuns {
  readonly runs: readonly RunOnClock[];
  readonly typical: TypicalClock;
  readonly held: readonly HeldMeter[];
  /** Why single runs could not be aligned by themselves. */
  readonly refusals: readonly { readonly run: string; readonly refusal: Refusal }[];
  readonly acquisitions: readonly AlignedAcquisition[];
  /** One law per kind of stamps: tools that stamp otherwise have offsets of their own. */
  readonly laws: readonly { readonly habit: StampHabit; readonly law: OffsetLaw }[];
  readonly notices: readonly ClockNotice[];
}

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
    laws: [...kinds.values()].flatMap((each) =>
      each.law ? [{ habit: each.habit, law: each.law }] : [],
    ),
    notices: [...seen.flatMap((each) => noticesOf(each)), ...windowNotice(meterWindowS)],
  };
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

interface Searched {
  readonly rows: AcquisitionRows;
  readonly habit: StampHabit;
  /** Recordings of one kind share a law. */
  readonly kind: string;
  readonly relation: ClockRelation | Refusal;
}

/** An acquisition within which a clock was set is two. */
function searchedParts(rows: AcquisitionRows): readonly Searched[] {
  const whole = searched(rows);
  if (isRefusal(whole.relation) || !whole.relation.track.step) return [whole];
  const [before, after] = partedAt(rows, whole.relation.track.step.atS).map(searched);
  if (!before || !after) return [whole];
  const { track } = whole.relation;
  // The first part carries what was seen of the whole.
  const { relation } = before;
  return [isRefusal(relation) ? before : { ...before, relation: { ...relation, track } }, after];
}

function searched(rows: AcquisitionRows): Searched {
  const { origin, periodS, startsFloored } = rows.habit;
  return {
    rows,
    habit: rows.habit,
    kind: `${origin} ${periodS.toPrecision(2)} ${String(startsFloored)}`,
    relation: findClock(rows.rows, rows.chips),
  };
}

interface Kind {
  readonly habit: StampHabit;
  readonly members: readonly Searched[];
  readonly law: OffsetLaw | undefined;
  /** Where the recordings together show that the meter averages over more than its period. */
  readonly meterWindowS: number | undefined;
}

/** The law of each kind: rates first, since the offset at the first stamp depends on the rate. */
function kindsOf(seen: readonly Searched[]): ReadonlyMap<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const name of new Set(seen.map((each) => each.kind))) {
    const members = seen.filter((each) => each.kind === name);
    const [first] = members;
    if (!first) continue;
    const { habit } = first;
    const relations = members.flatMap((each) =>
      isRefusal(each.relation) ? [] : [{ relation: each.relation, startS: each.rows.startS }],
    );
    const free = offsetLawOf(
      relations.map(({ relation, startS }) => seenOffset(relation, startS, relation.rateSeenRatio)),
      habit.startsFloored,
      habit.periodS,
    );
    const rates = free && provenRates(free, members);
    const law = offsetLawOf(
      relations.map(({ relation, startS }) =>
        seenOffset(relation, startS, rateFor(relation, rates)),
      ),
      habit.startsFloored,
      habit.periodS,
    );
    kinds.set(name, {
      habit,
      members,
      law: law && rates && { ...law, ...rates },
      meterWindowS: longWindowOf(relations.map(({ relation }) => relation)),
    });
  }
  return kinds;
}

type Rates = Pick<OffsetLaw, 'rateRatio' | 'rateUncertaintyRatio' | 'rateScatterRatio'>;

/** No rate is better than one that does not stand out, or that changes nothing over a recording. */
function provenRates(law: OffsetLaw, members: readonly Searched[]): Rates {
  const lengths = members.map((each) => each.rows.lengthS).sort((a, b) => a - b);
  const lengthS = lengths[lengths.length >> 1] ?? 0;
  const { rateRatio, rateUncertaintyRatio, rateScatterRatio } = law;
  const proven =
    Math.abs(rateRatio) > 4 * rateUncertaintyRatio && Math.abs(rateRatio) * lengthS > 0.05;
  return proven
    ? { rateRatio, rateUncertaintyRatio, rateScatterRatio }
    : { rateRatio: 0, rateUncertaintyRatio, rateScatterRatio: 0 };
}

/** The rate of one recording: what it shows itself, drawn towards what its kind shows. */
function rateFor(relation: ClockRelation, rates: Rates | undefined): number {
  if (!rates) return relation.rateRatio;
  const own = { value: relation.rateSeenRatio, uncertainty: relation.rateUncertaintyRatio };
  if (!(own.uncertainty > 0)) return rates.rateRatio;
  const drawn = shrunk(own, rates.rateRatio, rates.rateScatterRatio);
  // Standing apart from its kind is only believed where it is proven by itself.
  const isApart = drawn.value === own.value && rates.rateScatterRatio < own.uncertainty;
  return isApart && relation.rateRatio === 0 ? rates.rateRatio : drawn.value;
}

const seenOffset = (
  relation: ClockRelation,
  startS: number,
  rateRatio: number,
): Parameters<typeof offsetLawOf>[0][number] => ({
  offsetS: relation.offsetS + rateRatio * (startS - relation.pivotS),
  uncertaintyS: relation.offsetUncertaintyS,
  rateRatio: relation.rateSeenRatio,
  rateUncertaintyRatio:
    relation.rateUncertaintyRatio > 0 ? relation.rateUncertaintyRatio : Infinity,
});

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
  const drawn =
    law && law.recordingsCount > 2 ? shrunk(own, law.meanS, spread) : own;
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
 * The meter's averaging as all recordings together show it. One recording alone may be fooled by a fan or a capacitor;
 * half a row more than a row changes no block that calibration uses.
 */
function longWindowOf(relations: readonly ClockRelation[]): number | undefined {
  if (relations.length < 3) return undefined;
  const { mean, meanUncertainty, scatter } = pooled(
    relations.map(({ window }) => ({
      value: window.windowS,
      uncertainty: window.windowUncertaintyS,
    })),
  );
  const rows = relations.map(({ window }) => window.rowS).sort((a, b) => a - b);
  const rowS = rows[rows.length >> 1] ?? 0;
  return mean - rowS > Math.max(4 * meanUncertainty, scatter, rowS / 2) ? mean : undefined;
}

const windowNotice = (windowS: number | undefined): readonly ClockNotice[] =>
  windowS === undefined
    ? []
    : [{ run: '', kind: 'window', words: `the meter averages over ${windowS.toFixed(2)} s` }];

function noticesOf({ rows, relation }: Searched): readonly ClockNotice[] {
  if (isRefusal(relation)) return [];
  const { run } = rows;
  const notices: ClockNotice[] = [];
  const { zoneShiftS, track } = relation;
  if (zoneShiftS !== 0) {
    notices.push({
      run,
      kind: 'zone',
      words: `the load fits only with the chips' stamps moved by ${(-zoneShiftS / 3600).toFixed(2)} h: one of the two is in local time`,
    });
  }
  if (track.step) {
    notices.push({
      run,
      kind: 'step',
      words: `a clock was set by ${track.step.stepS.toFixed(2)} s, ${track.step.atS.toFixed(0)} s after the start of the meter`,
    });
  }
  if (track.verdict === 'wandering') {
    notices.push({
      run,
      kind: 'wandering',
      words: `the offset wanders by ${track.scatterS.toFixed(2)} s around a line`,
    });
  }
  return notices;
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
