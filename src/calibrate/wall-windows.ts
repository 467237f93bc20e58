// What the meters of a run say, window by window, and where those windows lie on the chips' clock. Plain meters give
// blocks on their own edges; held meters give one window per new value, of the length and delay that was found for them.
import { secondsBetween, sumOf, type EnergySeries } from '../align/energy-series.ts';
import type { HeldReadings } from '../align/held-readings.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import { windowsOnChips, type RunClock } from '../align/run-clock.ts';
import { periodOf } from '../align/series-from-samples.ts';
import type { HeldMeter } from '../quantity/correction.ts';
import type { InstantNs } from '../quantity/time.ts';

/** One feed of a node: what its meter counted, and its values where it holds them. */
export interface Feed {
  readonly source: string;
  readonly series: EnergySeries;
  readonly held: HeldReadings | undefined;
}

export type { RunClock };

export interface Wall {
  readonly meterW: Float64Array;
  readonly fromS: Float64Array;
  readonly untilS: Float64Array;
  readonly atS: Float64Array;
  readonly windows: (
    chips: EnergySeries,
  ) => readonly (readonly [Float64Array, Float64Array, number])[];
}

export function plainWall(
  feeds: readonly Feed[],
  clock: RunClock,
  blockS: number,
): Wall | undefined {
  const series = wallOf(feeds);
  if (!series) return undefined;
  const rows = rowsOfSeries(series, blockS);
  const epochS = Number(series.originNs) / 1e9;
  return {
    meterW: rows.meanW,
    fromS: rows.fromS,
    untilS: rows.untilS,
    atS: rows.fromS.map((fromS, row) => epochS + (fromS + (rows.untilS[row] ?? fromS)) / 2),
    windows: (chips) => {
      const lags = meterLags(clock.meterWindowS, series);
      return lags.map((lagS) => {
        const moved = windowsOnChips(rows, series.originNs, chips, clock, lagS);
        return [moved.fromS, moved.untilS, 1 / lags.length] as const;
      });
    },
  };
}

/**
 * A meter that averages over m of its periods shows, in a block of rows, the mean of m blocks that lie one period apart:
 * a mean of m periods is the mean of m means of one.
 */
function meterLags(meterWindowS: number | undefined, series: EnergySeries): readonly number[] {
  if (meterWindowS === undefined) return [0];
  const periodS = periodOf(series.atS);
  const count = Math.max(1, Math.min(60, Math.round(meterWindowS / periodS)));
  return Array.from({ length: count }, (_, place) => (place - (count - 1) / 2) * periodS);
}

export function heldWall(feeds: readonly Feed[], meters: readonly HeldMeter[]): Wall | undefined {
  const first = feeds[0]?.held;
  if (!first) return undefined;
  const meterW: number[] = [];
  const changes: number[][] = feeds.map(() => []);
  const rowAtS: number[] = [];
  for (let index = 0; index < first.atS.length; index++) {
    const atS = first.atS[index] ?? 0;
    let sumW = 0;
    const stamps: number[] = [];
    for (const feed of feeds) {
      const inForce = feed.held && valueInForce(feed.held, atS, first.originNs);
      if (!inForce) break;
      sumW += inForce.powerW;
      stamps.push(inForce.changedS);
    }
    if (stamps.length < feeds.length) continue;
    meterW.push(sumW);
    rowAtS.push(atS);
    stamps.forEach((stampS, feed) => changes[feed]?.push(stampS));
  }
  const epochS = Number(first.originNs) / 1e9;
  const atS = Float64Array.from(rowAtS);
  return {
    meterW: Float64Array.from(meterW),
    fromS: atS.map((instantS) => instantS - first.holdS),
    untilS: atS,
    atS: atS.map((instantS) => epochS + instantS),
    windows: (chips) => {
      const originS = secondsBetween(chips.originNs, first.originNs);
      return feeds.map((feed, index) => {
        const meter = meters.find((each) => each.source === feed.source);
        const untilS = Float64Array.from(changes[index] ?? [], (changedS) => {
          return changedS + originS - (meter?.delayS ?? 0);
        });
        const fromS = untilS.map((instantS) => instantS - (meter?.windowS ?? first.holdS));
        return [fromS, untilS, meter?.shareRatio ?? 0] as const;
      });
    },
  };
}

/** The value that a held meter showed at an instant and when it first did; undefined where it is older than 1.6 holds. */
function valueInForce(
  held: HeldReadings,
  atS: number,
  originNs: InstantNs,
): { powerW: number; changedS: number } | undefined {
  const shiftS = secondsBetween(originNs, held.originNs);
  let low = 0;
  let high = held.atS.length;
  while (low < high) {
    const half = (low + high) >>> 1;
    if ((held.atS[half] ?? 0) + shiftS <= atS) low = half + 1;
    else high = half;
  }
  if (low === 0) return undefined;
  const changedS = (held.atS[low - 1] ?? 0) + shiftS;
  if (atS - changedS > 1.6 * held.holdS) return undefined;
  return { powerW: held.meanW[low - 1] ?? 0, changedS };
}

/** All feeds as one series; undefined where there is none. */
export function wallOf(feeds: readonly Feed[]): EnergySeries | undefined {
  const [first, ...others] = feeds.map((feed) => feed.series);
  return first ? sumOf([first, ...others]) : undefined;
}
