// What a meter said, as rows: a window on the meter's clock and the mean power in it. Window edges are the meter's own
// knots, so that no reading is cut in two.
import type { InstantNs } from '../quantity/time.ts';
import type { EnergySeries } from './energy-series.ts';

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
