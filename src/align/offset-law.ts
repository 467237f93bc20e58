// What the offset of a recording yet to come will be, from those that were aligned: a mean, what it is uncertain by, how
// recordings scatter, and the part that is lost each time a start is cut to the second.

/** The offset of one recording at its first stamp. */
export interface SeenOffset {
  readonly offsetS: number;
  readonly uncertaintyS: number;
  readonly rateRatio: number;
  readonly rateUncertaintyRatio: number;
}

export interface OffsetLaw {
  /** Middle of what a new recording's offset at its first stamp will be; chips later than the meter. */
  readonly meanS: number;
  readonly meanUncertaintyS: number;
  /** Standard deviation between recordings, normal. */
  readonly scatterS: number;
  /** Half the width of the even part: 0.5 s where starts are cut to the second, else 0. */
  readonly halfWidthS: number;
  readonly rateRatio: number;
  readonly rateUncertaintyRatio: number;
  /** Standard deviation of the rate between recordings. */
  readonly rateScatterRatio: number;
  readonly recordingsCount: number;
}

/** Standard uncertainty of a new recording's offset with all parts in it (even distribution: half-width / sqrt 3). */
export const newOffsetUncertaintyS = (law: OffsetLaw): number =>
  Math.hypot(law.meanUncertaintyS, law.scatterS, law.halfWidthS / Math.sqrt(3));

/** A recording this many standard deviations away was set otherwise: it keeps its own offset and teaches the others none. */
const APART = 5;
const FLOORED_HALF_WIDTH_S = 0.5;

/**
 * The law of recordings of one kind. `chipPeriodS` bounds what a single recording says of the next: where in its loop a
 * tool takes its stamp is then open, evenly over one period. Undefined where none was aligned.
 */
export function offsetLawOf(
  seen: readonly SeenOffset[],
  startsFloored: boolean,
  chipPeriodS: number,
): OffsetLaw | undefined {
  if (seen.length === 0) return undefined;
  const rate = pooled(
    seen.map((each) => ({ value: each.rateRatio, uncertainty: each.rateUncertaintyRatio })),
  );
  const rates = {
    rateRatio: rate.mean,
    rateUncertaintyRatio: rate.meanUncertainty,
    rateScatterRatio: rate.scatter,
  };
  const offsets = seen.map((each) => ({ value: each.offsetS, uncertainty: each.uncertaintyS }));
  const recordingsCount = seen.length;
  const loopS = recordingsCount < 3 ? chipPeriodS / Math.sqrt(12) : 0;
  if (startsFloored) {
    return { ...flooredLaw(offsets, loopS), ...rates, recordingsCount };
  }
  const offset = pooled(offsets);
  return {
    meanS: offset.mean,
    meanUncertaintyS: offset.meanUncertainty,
    scatterS: Math.max(offset.scatter, loopS),
    halfWidthS: 0,
    ...rates,
    recordingsCount,
  };
}

/** An offset or rate of one recording, drawn towards the law by as much as it is less sure; outliers keep their own. */
export function shrunk(
  own: { readonly value: number; readonly uncertainty: number },
  mean: number,
  scatter: number,
): { readonly value: number; readonly uncertainty: number } {
  if (Math.abs(own.value - mean) > APART * Math.hypot(own.uncertainty, scatter)) return own;
  const ownWeight = own.uncertainty ** 2;
  const lawWeight = scatter ** 2;
  if (ownWeight + lawWeight <= 0) return own;
  const trust = lawWeight / (ownWeight + lawWeight);
  return {
    value: trust * own.value + (1 - trust) * mean,
    uncertainty: Math.sqrt(trust) * own.uncertainty,
  };
}

export interface Seen {
  readonly value: number;
  readonly uncertainty: number;
}

/**
 * Every cut takes off between 0 and 1 s, so all offsets lie within one second: what lies within reach of all of them is
 * the second itself, known the closer the more of it they fill.
 */
function flooredLaw(
  offsets: readonly Seen[],
  loopS: number,
): Pick<OffsetLaw, 'meanS' | 'meanUncertaintyS' | 'scatterS' | 'halfWidthS'> {
  const values = offsets.map((each) => each.value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const blurS = medianOf(offsets.map((each) => each.uncertainty));
  const openS = Math.max(0, 2 * FLOORED_HALF_WIDTH_S - (high - low));
  const beyondS = Math.max(0, high - low - 2 * FLOORED_HALF_WIDTH_S);
  return {
    meanS: (low + high) / 2,
    meanUncertaintyS: Math.hypot(openS / Math.sqrt(12), blurS),
    scatterS: Math.max(blurS, beyondS / 2, loopS),
    halfWidthS: FLOORED_HALF_WIDTH_S,
  };
}

/** Mean and scatter of unequally sure values (DerSimonian and Laird 1986), without those that lie far apart. */
export function pooled(given: readonly Seen[]): {
  mean: number;
  meanUncertainty: number;
  scatter: number;
} {
  const all = given.filter((each) => Number.isFinite(each.uncertainty));
  if (all.length === 0) return { mean: 0, meanUncertainty: Infinity, scatter: 0 };
  const middle = medianOf(all.map((each) => each.value));
  const spread = 1.4826 * medianOf(all.map((each) => Math.abs(each.value - middle)));
  const near = all.filter(
    (each) => Math.abs(each.value - middle) <= APART * Math.hypot(each.uncertainty, spread),
  );
  const kept = (near.length > 0 ? near : all).map((each) => ({
    value: each.value,
    weight: 1 / Math.max(each.uncertainty ** 2, 1e-24),
  }));
  const weight = kept.reduce((sum, each) => sum + each.weight, 0);
  const fixed = kept.reduce((sum, each) => sum + each.weight * each.value, 0) / weight;
  const squares = kept.reduce((sum, each) => sum + each.weight * (each.value - fixed) ** 2, 0);
  const square = kept.reduce((sum, each) => sum + each.weight ** 2, 0);
  const room = weight - square / weight;
  const between = room > 0 ? Math.max(0, (squares - (kept.length - 1)) / room) : 0;
  const weights = kept.map((each) => 1 / (1 / each.weight + between));
  const total = weights.reduce((sum, each) => sum + each, 0);
  const mean = kept.reduce((sum, each, at) => sum + (weights[at] ?? 0) * each.value, 0) / total;
  return { mean, meanUncertainty: Math.sqrt(1 / total), scatter: Math.sqrt(between) };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const high = sorted[sorted.length >> 1] ?? 0;
  const low = sorted[(sorted.length - 1) >> 1] ?? 0;
  return (low + high) / 2;
}
