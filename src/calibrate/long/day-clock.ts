// The clocks of a long recording, day by day: what the busiest stretch of each half day shows, on a line with the days before,
// so that an offset that drifts for months is followed and a day without load edges gets what the line says.
import { findClock, type ClockRelation } from '../../align/clock-search.ts';
import { secondsBetween, type EnergySeries } from '../../align/energy-series.ts';
import { rowsOfSeries } from '../../align/meter-rows.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { DayClock } from './day-rows.ts';

export interface FoundClock {
  readonly clock: DayClock;
  /** Standard uncertainty of the offset on this day, s. */
  readonly offsetUncertaintyS: number;
  /** Of the search that saw it last; undefined where no load edge of this day showed the offset. */
  readonly trace: ClockRelation['trace'] | undefined;
}

interface Point {
  /** Seconds after the first day's origin. */
  readonly atS: number;
  readonly offsetS: number;
  readonly uncertaintyS: number;
  readonly trace: ClockRelation['trace'];
}

/** Two hours hold edges wherever a day has any to speak of, and are searched in milliseconds. */
const STRETCH_S = 7200;
const HALF_DAY_S = 43_200;
const ROW_S = 5;
/** Both instruments are stamped by hosts that know the time; once found, an oscillator stays within a second or two a day. */
const FIRST_RANGE_S = 60;
const NEAR_RANGE_S = 5;
/** Points on the line: this day's and those of the days before. */
const POINTS_COUNT = 6;
/** Without any edge the clocks are taken as equal to a second; a day later the line may be off by as much again. */
const UNKNOWN_UNCERTAINTY_S = 1;
/** Farther off the line than this, s and in uncertainties, the clock was set: what came before says nothing more. */
const SET_S = 1;
const SET_UNCERTAINTIES_COUNT = 4;

export class DayClocks {
  #firstNs: InstantNs | undefined;
  #points: Point[] = [];
  #unseenDaysCount = 0;

  /** The clock of the next day; `wall` and `chips` (their sum) on the origin of that day. */
  next(wall: EnergySeries, chips: EnergySeries): FoundClock {
    this.#firstNs ??= wall.originNs;
    const dayS = secondsBetween(this.#firstNs, wall.originNs);
    let trace: ClockRelation['trace'] | undefined;
    for (const halfS of [0, HALF_DAY_S]) {
      const point = this.#lookAt(busiestStretch(wall, halfS, halfS + HALF_DAY_S), chips, dayS);
      if (!point) continue;
      this.#take(point);
      ({ trace } = point);
    }
    this.#unseenDaysCount = trace ? 0 : this.#unseenDaysCount + 1;
    const pivotS = HALF_DAY_S;
    const { offsetS, rateRatio } = lineAt(this.#points, dayS + pivotS);
    const seenS = this.#points.at(-1)?.uncertaintyS ?? 0;
    return {
      clock: { offsetS, rateRatio, pivotS },
      offsetUncertaintyS: Math.hypot(seenS, UNKNOWN_UNCERTAINTY_S * this.#unseenDaysCount),
      trace,
    };
  }

  #lookAt(stretch: EnergySeries, chips: EnergySeries, dayS: number): Point | undefined {
    if (stretch.atS.length < 2) return undefined;
    const rows = rowsOfSeries(stretch, ROW_S);
    const middleS = ((rows.fromS[0] ?? 0) + (rows.untilS[rows.untilS.length - 1] ?? 0)) / 2;
    const { offsetS: expectedS } = lineAt(this.#points, dayS + middleS);
    const near = cutSeries(
      chips,
      (rows.fromS[0] ?? 0) + expectedS - FIRST_RANGE_S,
      (rows.untilS[rows.untilS.length - 1] ?? 0) + expectedS + FIRST_RANGE_S,
    );
    // Chips that are moved by what is expected leave a small rest to look for.
    const moved = { ...near, atS: near.atS.map((instantS) => instantS - expectedS) };
    const ranges = this.#points.length > 0 ? [NEAR_RANGE_S, FIRST_RANGE_S] : [FIRST_RANGE_S];
    for (const rangeS of ranges) {
      const found = findClock(rows, moved, { rangeS, seekRate: false });
      // A best offset at the end of the range is no minimum.
      if (isRefusal(found) || Math.abs(found.offsetS) > 0.95 * rangeS) continue;
      return {
        atS: dayS + found.pivotS,
        offsetS: expectedS + found.offsetS,
        uncertaintyS: found.offsetUncertaintyS,
        trace: found.trace.map(({ offsetS, residualW }) => ({
          offsetS: expectedS + offsetS,
          residualW,
        })),
      };
    }
    return undefined;
  }

  #take(point: Point): void {
    if (this.#points.length > 1) {
      const offS = Math.abs(point.offsetS - lineAt(this.#points, point.atS).offsetS);
      if (offS > SET_S + SET_UNCERTAINTIES_COUNT * point.uncertaintyS) this.#points = [];
    }
    this.#points = [...this.#points, point].slice(-POINTS_COUNT);
  }
}

/** The least-squares line through the points; level where there are fewer than two. */
function lineAt(
  points: readonly Point[],
  atS: number,
): { readonly offsetS: number; readonly rateRatio: number } {
  if (points.length === 0) return { offsetS: 0, rateRatio: 0 };
  const meanS = points.reduce((sum, point) => sum + point.atS, 0) / points.length;
  const meanOffsetS = points.reduce((sum, point) => sum + point.offsetS, 0) / points.length;
  let squares = 0;
  let products = 0;
  for (const point of points) {
    squares += (point.atS - meanS) ** 2;
    products += (point.atS - meanS) * (point.offsetS - meanOffsetS);
  }
  const rateRatio = squares > 0 ? products / squares : 0;
  return { offsetS: meanOffsetS + rateRatio * (atS - meanS), rateRatio };
}

/** The part of a series between two instants, with a knot on each side of it. */
function cutSeries(series: EnergySeries, fromS: number, untilS: number): EnergySeries {
  let from = series.atS.findIndex((instantS) => instantS > fromS);
  from = from < 0 ? series.atS.length : Math.max(0, from - 1);
  let until = series.atS.findIndex((instantS) => instantS >= untilS);
  until = until < 0 ? series.atS.length : until + 1;
  return {
    originNs: series.originNs,
    atS: series.atS.subarray(from, until),
    energyJ: series.energyJ.subarray(from, until),
    coveredS: series.coveredS.subarray(from, until),
  };
}

/** The stretch in which power moves most from one half minute to the next. */
function busiestStretch(wall: EnergySeries, fromS: number, untilS: number): EnergySeries {
  const { fromS: starts, meanW } = rowsOfSeries(cutSeries(wall, fromS, untilS), 30);
  let bestFromS = fromS;
  let bestW = -1;
  let first = 0;
  let sumW = 0;
  const moveW = (row: number): number => Math.abs((meanW[row] ?? 0) - (meanW[row - 1] ?? 0));
  for (let row = 1; row < meanW.length; row++) {
    sumW += moveW(row);
    while ((starts[row] ?? 0) - (starts[first] ?? 0) > STRETCH_S) sumW -= moveW(++first);
    if (sumW <= bestW) continue;
    bestW = sumW;
    bestFromS = starts[first] ?? fromS;
  }
  return cutSeries(wall, bestFromS, Math.min(untilS, bestFromS + STRETCH_S));
}
