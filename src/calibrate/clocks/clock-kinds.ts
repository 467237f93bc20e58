// Recordings whose stamps were made alike share a law: rate and offset are pooled over them, rates first, since the offset
// at the first stamp depends on the rate.
import { findClock, type ClockRelation } from '../../align/clock-search.ts';
import { offsetLawOf, pooled, shrunk, type OffsetLaw } from '../../align/offset-law.ts';
import { periodOf } from '../../align/series-from-samples.ts';
import type { StampHabit } from '../../align/stamp-habit.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { partedAt, type AcquisitionRows } from './acquisitions.ts';

export interface Searched {
  readonly rows: AcquisitionRows;
  readonly habit: StampHabit;
  /** Recordings of one kind share a law. */
  readonly kind: string;
  readonly relation: ClockRelation | Refusal;
}

/** An acquisition within which a clock was set is two. */
export function searchedParts(rows: AcquisitionRows): readonly Searched[] {
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

export interface Kind {
  readonly habit: StampHabit;
  readonly members: readonly Searched[];
  readonly law: OffsetLaw | undefined;
  /** Where the recordings together show that the meter averages over more than its period. */
  readonly meterWindowS: number | undefined;
  /** Median period of the meter, s. */
  readonly meterPeriodS: number;
}

/** The law of each kind, by its name. */
export function kindsOf(seen: readonly Searched[]): ReadonlyMap<string, Kind> {
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
    const periods = members.map((each) => periodOf(each.rows.rows.untilS)).sort((a, b) => a - b);
    kinds.set(name, {
      meterPeriodS: periods[periods.length >> 1] ?? 1,
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
export function rateFor(relation: ClockRelation, rates: Rates | undefined): number {
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
