// An energy series: what one instrument counted, as typed arrays, with the seconds that its readings cover kept beside
// the joules. A hole adds neither, so a mean over any span is energy over covered time and no hole becomes energy.
import type { InstantNs } from '../quantity/time.ts';

export interface EnergySeries {
  readonly originNs: InstantNs;
  /** Seconds after the origin; strictly increasing. */
  readonly atS: Float64Array;
  /** Cumulative energy; straight between two knots. */
  readonly energyJ: Float64Array;
  /** Cumulative covered time: grows as fast as `atS` where readings cover, stands still in a hole. */
  readonly coveredS: Float64Array;
}

/** Means of a series over given windows. */
export interface WindowMeans {
  /** Energy over covered time; 0 where nothing is covered (see `coveredRatio`). */
  readonly meanW: Float64Array;
  /** Share of each window that readings cover, 0 to 1. */
  readonly coveredRatio: Float64Array;
}

/** Seconds from one origin to another; exact to 1 µs within 200 years. */
export const secondsBetween = (fromNs: InstantNs, untilNs: InstantNs): number =>
  Number((untilNs - fromNs) / 1000n) / 1e6;

export const firstS = (series: EnergySeries): number => series.atS[0] ?? 0;
export const lastS = (series: EnergySeries): number => series.atS[series.atS.length - 1] ?? 0;

/** Energy and covered time at one instant, clamped to the ends of the series. */
export function curveAt(series: EnergySeries, atS: number): { energyJ: number; coveredS: number } {
  const edge = Float64Array.of(atS);
  const { energyJ, coveredS } = curveAtAll(series, edge);
  return { energyJ: energyJ[0] ?? 0, coveredS: coveredS[0] ?? 0 };
}

/**
 * The curve at instants that mostly ascend: one walk over both that leaps where edges lie far apart, O(knots + edges) at
 * most; where an edge lies before the last one (a clock was set back) it is sought anew. Outside of the series it is level.
 */
function curveAtAll(
  series: EnergySeries,
  edgesS: Float64Array,
): { energyJ: Float64Array; coveredS: Float64Array } {
  const { atS, energyJ, coveredS } = series;
  const edgeCount = edgesS.length;
  const energies = new Float64Array(edgeCount);
  const covers = new Float64Array(edgeCount);
  const knotCount = atS.length;
  if (knotCount === 0) return { energyJ: energies, coveredS: covers };
  let knot = 0;
  let lastEdgeS = Infinity;
  for (let edge = 0; edge < edgeCount; edge++) {
    const instantS = edgesS[edge] ?? 0;
    if (instantS < lastEdgeS) knot = lowerKnot(atS, instantS, 0, knotCount);
    lastEdgeS = instantS;
    for (let step = 0; knot < knotCount && (atS[knot] ?? 0) < instantS; step++) {
      if (step < WALK_KNOTS_COUNT) knot++;
      else knot = leap(atS, instantS, knot);
    }
    if (knot === 0 || knot >= knotCount) {
      const end = knot === 0 ? 0 : knotCount - 1;
      energies[edge] = energyJ[end] ?? 0;
      covers[edge] = coveredS[end] ?? 0;
      continue;
    }
    const leftS = atS[knot - 1] ?? 0;
    const share = (instantS - leftS) / ((atS[knot] ?? 0) - leftS);
    const leftJ = energyJ[knot - 1] ?? 0;
    const leftCoveredS = coveredS[knot - 1] ?? 0;
    energies[edge] = leftJ + share * ((energyJ[knot] ?? 0) - leftJ);
    covers[edge] = leftCoveredS + share * ((coveredS[knot] ?? 0) - leftCoveredS);
  }
  return { energyJ: energies, coveredS: covers };
}

/** Steps one by one before leaping: most edges are a knot or two from the one before. */
const WALK_KNOTS_COUNT = 8;

/** First knot at or behind the instant, sought in strides that double: a sparse choice of rows does not walk a year. */
function leap(atS: Float64Array, instantS: number, fromKnot: number): number {
  let stride = WALK_KNOTS_COUNT;
  let low = fromKnot;
  while (low + stride < atS.length && (atS[low + stride] ?? 0) < instantS) {
    low += stride;
    stride *= 2;
  }
  return lowerKnot(atS, instantS, low, Math.min(atS.length, low + stride + 1));
}

function lowerKnot(
  atS: Float64Array,
  instantS: number,
  fromKnot: number,
  untilKnot: number,
): number {
  let low = fromKnot;
  let high = untilKnot;
  while (low < high) {
    const half = (low + high) >>> 1;
    if ((atS[half] ?? 0) < instantS) low = half + 1;
    else high = half;
  }
  return low;
}

/**
 * Mean power over windows [fromS, untilS) given after the series' own origin. Windows may overlap or touch; they are
 * quickest where starts and ends each ascend.
 */
export function meansOver(
  series: EnergySeries,
  fromS: Float64Array,
  untilS: Float64Array,
): WindowMeans {
  const { start, end } = curveAround(series, fromS, untilS);
  const meanW = new Float64Array(fromS.length);
  const coveredRatio = new Float64Array(fromS.length);
  for (let window = 0; window < meanW.length; window++) {
    const lengthS = (untilS[window] ?? 0) - (fromS[window] ?? 0);
    const coveredS = (end.coveredS[window] ?? 0) - (start.coveredS[window] ?? 0);
    if (lengthS <= 0 || coveredS <= 1e-9) continue;
    meanW[window] = ((end.energyJ[window] ?? 0) - (start.energyJ[window] ?? 0)) / coveredS;
    coveredRatio[window] = coveredS / lengthS;
  }
  return { meanW, coveredRatio };
}

interface CurvePoints {
  readonly energyJ: Float64Array;
  readonly coveredS: Float64Array;
}

/** The curve at both edges of each window. Where windows follow each other, a shared edge is evaluated once. */
function curveAround(
  series: EnergySeries,
  fromS: Float64Array,
  untilS: Float64Array,
): { readonly start: CurvePoints; readonly end: CurvePoints } {
  const count = fromS.length;
  const edgesS = new Float64Array(2 * count);
  const startAt = new Int32Array(count);
  let edges = 0;
  for (let window = 0; window < count; window++) {
    const startS = fromS[window] ?? 0;
    const lastS = edges === 0 ? -Infinity : (edgesS[edges - 1] ?? 0);
    // Windows that overlap share no edge and are walked twice.
    if (startS < lastS)
      return { start: curveAtAll(series, fromS), end: curveAtAll(series, untilS) };
    if (startS > lastS) edgesS[edges++] = startS;
    startAt[window] = edges - 1;
    edgesS[edges++] = untilS[window] ?? 0;
  }
  const all = curveAtAll(series, edgesS.subarray(0, edges));
  const pick = (points: Float64Array, behind: number): Float64Array => {
    const picked = new Float64Array(count);
    for (let window = 0; window < count; window++) {
      picked[window] = points[(startAt[window] ?? 0) + behind] ?? 0;
    }
    return picked;
  };
  return {
    start: { energyJ: pick(all.energyJ, 0), coveredS: pick(all.coveredS, 0) },
    end: { energyJ: pick(all.energyJ, 1), coveredS: pick(all.coveredS, 1) },
  };
}

/** Edges moved onto the clock of another series: origin, offset and clock rate (about `pivotS`) at once. */
export function movedEdges(
  edgesS: Float64Array,
  move: { readonly shiftS: number; readonly rateRatio: number; readonly pivotS: number },
): Float64Array {
  const moved = new Float64Array(edgesS.length);
  for (let edge = 0; edge < moved.length; edge++) {
    const atS = edgesS[edge] ?? 0;
    moved[edge] = atS + move.shiftS + move.rateRatio * (atS - move.pivotS);
  }
  return moved;
}

/**
 * The sum of series (feeds of a node, chips of a node) on the origin of the first. Where one of them has a hole the sum
 * has one: half a sum is no sum. An empty list is an assertion of the caller's, so it is refused by the type.
 */
export function sumOf(series: readonly [EnergySeries, ...EnergySeries[]]): EnergySeries {
  const [first, ...others] = series;
  if (others.length === 0) return first;
  const shifts = series.map((each) => secondsBetween(first.originNs, each.originNs));
  const atS = unionOfKnots(series, shifts);
  const energyJ = new Float64Array(atS.length);
  const coveredS = new Float64Array(atS.length);
  const curves = series.map((each, index) => {
    const shiftS = shifts[index] ?? 0;
    return curveAtAll(each, shiftS === 0 ? atS : atS.map((instantS) => instantS - shiftS));
  });
  for (let knot = 1; knot < atS.length; knot++) {
    const lengthS = (atS[knot] ?? 0) - (atS[knot - 1] ?? 0);
    let stepJ = 0;
    let covered = lengthS;
    for (const curve of curves) {
      stepJ += (curve.energyJ[knot] ?? 0) - (curve.energyJ[knot - 1] ?? 0);
      covered = Math.min(covered, (curve.coveredS[knot] ?? 0) - (curve.coveredS[knot - 1] ?? 0));
    }
    const whole = covered > 0.999 * lengthS;
    energyJ[knot] = (energyJ[knot - 1] ?? 0) + (whole ? stepJ : 0);
    coveredS[knot] = (coveredS[knot - 1] ?? 0) + (whole ? lengthS : 0);
  }
  return { originNs: first.originNs, atS, energyJ, coveredS };
}

function unionOfKnots(series: readonly EnergySeries[], shifts: readonly number[]): Float64Array {
  const [first] = series;
  if (!first) return new Float64Array(0);
  const same = series.every(
    (each, index) =>
      (shifts[index] ?? 0) === 0 &&
      each.atS.length === first.atS.length &&
      each.atS.every((instantS, knot) => instantS === first.atS[knot]),
  );
  if (same) return first.atS;
  let count = 0;
  for (const each of series) count += each.atS.length;
  const all = new Float64Array(count);
  let filled = 0;
  series.forEach((each, index) => {
    for (const instantS of each.atS) all[filled++] = instantS + (shifts[index] ?? 0);
  });
  all.sort();
  // Stamps closer than a microsecond are one instant: the difference is rounding of the shift.
  let kept = 0;
  for (const instantS of all) {
    if (kept === 0 || instantS - (all[kept - 1] ?? 0) > 1e-6) all[kept++] = instantS;
  }
  return all.slice(0, kept);
}
