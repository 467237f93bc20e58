// What a meter said, as rows: a window on the meter's clock and the mean power in it. Window edges are the meter's own
// knots, so that no reading is cut in two; a held meter has one row per new value, of a window that is yet to be found.
import type { InstantNs } from '../quantity/time.ts';
import type { EnergySeries } from './energy-series.ts';
import { periodOf, tidySamples, type Samples } from './series-from-samples.ts';

export interface MeterRows {
  readonly originNs: InstantNs;
  readonly fromS: Float64Array;
  readonly untilS: Float64Array;
  readonly meanW: Float64Array;
}

/** Rows of at least `blockS` from covered stretches of a series; the rest of a stretch that is shorter is left out. */
export function rowsOfSeries(series: EnergySeries, blockS: number): MeterRows {
  const { atS, energyJ, coveredS } = series;
  const from: number[] = [];
  const until: number[] = [];
  const mean: number[] = [];
  let start = 0;
  for (let knot = 1; knot < atS.length; knot++) {
    const stepS = (atS[knot] ?? 0) - (atS[knot - 1] ?? 0);
    const coveredStepS = (coveredS[knot] ?? 0) - (coveredS[knot - 1] ?? 0);
    if (coveredStepS < 0.999 * stepS) {
      start = knot;
      continue;
    }
    const lengthS = (atS[knot] ?? 0) - (atS[start] ?? 0);
    if (lengthS < blockS * (1 - 1e-3)) continue;
    from.push(atS[start] ?? 0);
    until.push(atS[knot] ?? 0);
    mean.push(((energyJ[knot] ?? 0) - (energyJ[start] ?? 0)) / lengthS);
    start = knot;
  }
  return {
    originNs: series.originNs,
    fromS: Float64Array.from(from),
    untilS: Float64Array.from(until),
    meanW: Float64Array.from(mean),
  };
}

/** A meter that holds each value for several polls. */
export interface HeldReadings {
  readonly originNs: InstantNs;
  /** First poll that showed the value. */
  readonly atS: Float64Array;
  readonly meanW: Float64Array;
  /** How long a value is held, s. */
  readonly holdS: number;
  readonly periodS: number;
}

/**
 * Tells whether polled values are held: nine in ten of the spans between two changes are at least 2.5 polls long, and
 * there are at least eight of them. Undefined for a meter that brings a new value with each poll.
 */
export function heldReadingsOf(raw: Samples): HeldReadings | undefined {
  const { samples } = tidySamples(raw);
  const periodS = periodOf(samples.atS);
  const atS: number[] = [];
  const meanW: number[] = [];
  for (let index = 1; index < samples.atS.length; index++) {
    const reading = samples.reading[index] ?? 0;
    if (reading === samples.reading[index - 1]) continue;
    atS.push(samples.atS[index] ?? 0);
    meanW.push(reading);
  }
  if (atS.length < 9 || periodS <= 0) return undefined;
  const spans = Float64Array.from({ length: atS.length - 1 }, (_, index) => {
    return (atS[index + 1] ?? 0) - (atS[index] ?? 0);
  }).sort();
  if ((spans[Math.floor(spans.length / 10)] ?? 0) < 2.5 * periodS) return undefined;
  // Two equal values in a row look like one of double length, so the hold is the lower quartile, not the mean.
  return {
    originNs: samples.originNs,
    atS: Float64Array.from(atS),
    meanW: Float64Array.from(meanW),
    holdS: spans[spans.length >> 2] ?? 0,
    periodS,
  };
}
