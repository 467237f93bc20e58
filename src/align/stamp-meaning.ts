// What stamps mean, read from an offset. Offset and meaning cannot be told apart by the load: a clock that is half a
// second late and a stamp in the middle of a second look the same. Only for clocks that are known to agree is the offset
// the meaning, and even then several pairs of meanings may fit.

export const MEAN_STAMPS = ['start', 'middle', 'end'] as const;
export type MeanStamp = (typeof MEAN_STAMPS)[number];

/**
 * `one`: exactly one pair of meanings explains the offset; `several`; `none`: no pair does, so the clocks differ or stamps
 * come late; `unread`: the offset is less certain than the meanings lie apart.
 */
export const MEANING_STANDINGS = ['one', 'several', 'none', 'unread'] as const;

export interface StampPair {
  readonly meter: MeanStamp;
  readonly chips: MeanStamp;
}

export interface StampReading {
  readonly standing: (typeof MEANING_STANDINGS)[number];
  readonly pairs: readonly StampPair[];
}

/** What is known beside the load. */
export interface StampContext {
  readonly meterPeriodS: number;
  readonly chipPeriodS: number;
  /** Standard uncertainty of the difference of the two hosts' clocks; NTP in one building keeps 10 ms. */
  readonly syncS: number;
}

/** Where the mean lies that ends at the stamp, in periods behind where it was put by taking the stamp for its end. */
const AHEAD: Readonly<Record<MeanStamp, number>> = { end: 0, middle: 0.5, start: 1 };

/**
 * Pairs of meanings that explain an offset which was found with both stamps taken for the ends of their means (chips later
 * is positive). Within two standard uncertainties; `offsetUncertaintyS` should hold the scatter between recordings.
 */
export function readStamps(
  offsetS: number,
  offsetUncertaintyS: number,
  context: StampContext,
): StampReading {
  const { meterPeriodS, chipPeriodS, syncS } = context;
  const reachS = 2 * Math.hypot(offsetUncertaintyS, syncS);
  const nearestS = Math.min(meterPeriodS, chipPeriodS) / 2;
  if (!(2 * reachS < nearestS)) return { standing: 'unread', pairs: [] };
  const pairs: StampPair[] = [];
  for (const meter of MEAN_STAMPS) {
    for (const chips of MEAN_STAMPS) {
      // A mean that starts at its stamp was put a period too early; the chips then look early, the meter's makes them late.
      const expectedS = AHEAD[meter] * meterPeriodS - AHEAD[chips] * chipPeriodS;
      if (Math.abs(offsetS - expectedS) <= reachS) pairs.push({ meter, chips });
    }
  }
  const standing = pairs.length === 0 ? 'none' : pairs.length === 1 ? 'one' : 'several';
  return { standing, pairs };
}
