// Where the chips' clock stands against the meter's in one recording: one line, or several where a tool started anew or a
// clock was set within it.
import type { EnergySeries } from './energy-series.ts';
import { secondsBetween } from './energy-series.ts';

export interface ClockLine {
  /** The chips' stamps are later than the meter's by this much, at the pivot. */
  readonly offsetS: number;
  readonly rateRatio: number;
  /** Where the offset holds, seconds after the origin of the meter. */
  readonly pivotS: number;
}

/** The line holds from here on, seconds after the origin of the meter. */
export type LaterLine = ClockLine & { readonly fromS: number };

export interface RunClock extends ClockLine {
  /** In order of time; the first line holds before them. */
  readonly later?: readonly LaterLine[];
  /** Of the offset in this recording; undefined where nobody looked. */
  readonly offsetUncertaintyS?: number;
  /** Where the meter's averaging was seen to be longer than its period. */
  readonly meterWindowS?: number;
}

/**
 * Windows of the meter on the clock of a chip series, moved by `lagS` more. A window that a new line cuts in two has no
 * place on the chips' clock: it gets no length, and so is not covered.
 */
export function windowsOnChips(
  windows: { readonly fromS: Float64Array; readonly untilS: Float64Array },
  meterOriginNs: EnergySeries['originNs'],
  chips: EnergySeries,
  clock: RunClock,
  lagS = 0,
): { readonly fromS: Float64Array; readonly untilS: Float64Array } {
  const shiftS = secondsBetween(chips.originNs, meterOriginNs) + lagS;
  const later = clock.later ?? [];
  const count = windows.fromS.length;
  const fromS = new Float64Array(count);
  const untilS = new Float64Array(count);
  let next = 0;
  let line: ClockLine = clock;
  for (let row = 0; row < count; row++) {
    const startS = windows.fromS[row] ?? 0;
    const endS = windows.untilS[row] ?? 0;
    for (; next < later.length && (later[next]?.fromS ?? Infinity) <= startS; next++) {
      line = later[next] ?? line;
    }
    fromS[row] = onChips(line, startS) + shiftS;
    const isCut = (later[next]?.fromS ?? Infinity) < endS;
    untilS[row] = isCut ? (fromS[row] ?? 0) : onChips(line, endS) + shiftS;
  }
  return { fromS, untilS };
}

const onChips = (line: ClockLine, atS: number): number =>
  atS + line.offsetS + line.rateRatio * (atS - line.pivotS);
