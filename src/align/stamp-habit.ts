// What the stamps of a recording give away before any load is looked at: read from a clock, they jitter; counted by a tool
// from its start, they are all equally far apart, so that a hole between them can only be a new start of the tool.
import type { EnergySeries } from './energy-series.ts';

/** `read` from a clock each time, or `counted` in nominal steps from the start. */
export const STAMP_ORIGINS = ['read', 'counted'] as const;

export interface StampHabit {
  readonly origin: (typeof STAMP_ORIGINS)[number];
  /** Median distance of two stamps, s. */
  readonly periodS: number;
  /** Counted from a start that was cut to a whole second: its fraction is lost, anew in each recording. */
  readonly startsFloored: boolean;
  /** Where the tool began to count, after the origin of the series; one entry where stamps are read. */
  readonly acquisitions: readonly Acquisition[];
}

export interface Acquisition {
  readonly fromS: number;
  readonly untilS: number;
}

/** Clocks are written to a microsecond at best; counted steps agree to rounding. */
const SAME_STEP_S = 2e-6;
const COUNTED_RATIO_MIN = 0.99;
const STEPS_COUNT_MIN = 30;
/** A fraction of a second this small is none. */
const WHOLE_SECOND_S = 1e-5;

export function stampHabitOf(series: EnergySeries): StampHabit {
  const { atS, coveredS } = series;
  const steps: number[] = [];
  const acquisitions: { fromS: number; untilS: number }[] = [];
  const firstStamps: number[] = [];
  for (let knot = 1; knot < atS.length; knot++) {
    const fromS = atS[knot - 1] ?? 0;
    const untilS = atS[knot] ?? 0;
    const isCovered = (coveredS[knot] ?? 0) - (coveredS[knot - 1] ?? 0) > 0.999 * (untilS - fromS);
    if (!isCovered) continue;
    steps.push(untilS - fromS);
    const last = acquisitions.at(-1);
    if (last && Math.abs(last.untilS - fromS) < SAME_STEP_S) last.untilS = untilS;
    else {
      acquisitions.push({ fromS, untilS });
      firstStamps.push(untilS);
    }
  }
  const sorted = Float64Array.from(steps).sort();
  const periodS = sorted[sorted.length >> 1] ?? 0;
  const whole = { fromS: atS[0] ?? 0, untilS: atS[atS.length - 1] ?? 0 };
  const equal = steps.filter((stepS) => Math.abs(stepS - periodS) < SAME_STEP_S).length;
  const counted = steps.length >= STEPS_COUNT_MIN && equal >= COUNTED_RATIO_MIN * steps.length;
  if (!counted) return { origin: 'read', periodS, startsFloored: false, acquisitions: [whole] };
  const originS = Number(series.originNs % 1_000_000_000n) / 1e9;
  const isWhole = (instantS: number): boolean => {
    const fraction = ((instantS % 1) + 1) % 1;
    return Math.min(fraction, 1 - fraction) < WHOLE_SECOND_S;
  };
  // Steps of whole seconds may as well be a clock that strikes the second: only a finer count shows a start that was cut.
  const startsFloored =
    !isWhole(periodS) && firstStamps.every((stampS) => isWhole(originS + stampS));
  return { origin: 'counted', periodS, startsFloored, acquisitions };
}

/** The part of a series that one acquisition recorded. */
export function partOf(series: EnergySeries, part: Acquisition): EnergySeries {
  const from = series.atS.findIndex((atS) => atS >= part.fromS - SAME_STEP_S);
  const end = series.atS.findIndex((atS) => atS > part.untilS + SAME_STEP_S);
  const until = end < 0 ? series.atS.length : end;
  const start = Math.max(0, from);
  return {
    originNs: series.originNs,
    atS: series.atS.subarray(start, until),
    energyJ: series.energyJ.subarray(start, until),
    coveredS: series.coveredS.subarray(start, until),
  };
}
