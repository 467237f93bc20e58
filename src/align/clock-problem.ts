// The clock search as a problem of windows: rows of the meter lie on the chips' clock where offset, rate and the meter's
// own averaging put them. A window is moved by its middle, so that offset and averaging hardly mix.
import { secondsBetween, type EnergySeries } from './energy-series.ts';
import type { MeterRows } from './meter-rows.ts';
import { residualAt, type WindowProblem, type WindowResidual } from './window-residual.ts';

/** Order of a trial's parameters. */
export const OFFSET = 0;
export const RATE = 1;
export const EXTRA = 2;

/** Fans, inlet air and idle levels move over minutes; within this long a level counts as constant. */
const LEVEL_S = 300;

export interface ClockProblem extends WindowProblem {
  /** Middle of the rows: where the offset holds, seconds after the origin of the rows. */
  readonly pivotS: number;
  readonly lengthS: number;
  /** Median length of a row. */
  readonly rowS: number;
  readonly rows: MeterRows;
}

/**
 * `pivot` is given where another choice of the same rows has set it. Trials are [offset s, rate, extra s]: chips' stamps later than the meter's, seconds gained per second, and by how much
 * the meter's window is longer than a row.
 */
export function clockProblem(
  rows: MeterRows,
  chips: EnergySeries,
  pivot?: { readonly pivotS: number },
): ClockProblem {
  const count = rows.meanW.length;
  const firstS = rows.fromS[0] ?? 0;
  const lastS = rows.untilS[count - 1] ?? 0;
  const pivotS = pivot?.pivotS ?? (firstS + lastS) / 2;
  const originS = secondsBetween(chips.originNs, rows.originNs);
  const lengths = rows.fromS.map((fromS, row) => (rows.untilS[row] ?? fromS) - fromS).sort();
  return {
    chips: [chips],
    meterW: rows.meanW,
    level: Int32Array.from(rows.fromS, (fromS) => Math.floor((fromS - firstS) / LEVEL_S)),
    pivotS,
    lengthS: lastS - firstS,
    rowS: lengths[count >> 1] ?? 1,
    rows,
    windowsAt: (trial) => {
      const shiftS = originS + (trial[OFFSET] ?? 0);
      const rateRatio = trial[RATE] ?? 0;
      const halfExtraS = (trial[EXTRA] ?? 0) / 2;
      const fromS = new Float64Array(count);
      const untilS = new Float64Array(count);
      for (let row = 0; row < count; row++) {
        const startS = rows.fromS[row] ?? 0;
        const endS = rows.untilS[row] ?? 0;
        const movedS = shiftS + rateRatio * ((startS + endS) / 2 - pivotS);
        fromS[row] = startS + movedS - halfExtraS;
        untilS[row] = endS + movedS + halfExtraS;
      }
      return { fromS, untilS };
    },
  };
}

export interface OffsetScan {
  readonly stepS: number;
  readonly mostRowsCount: number;
  readonly trials: readonly { readonly offsetS: number; readonly at: WindowResidual }[];
  /** Those that cover nearly as many rows as the best covered one. */
  readonly usable: readonly { readonly offsetS: number; readonly at: WindowResidual }[];
  readonly best: { readonly offsetS: number; readonly at: WindowResidual } | undefined;
}

/** At offsets that cover fewer rows than this share of the most, the residual is not comparable. */
export const OVERLAP_RATIO_MIN = 0.8;

/** The residual over a grid of offsets around a centre, at one clock rate. */
export function scanOffsets(
  problem: ClockProblem,
  centreS: number,
  rangeS: number,
  rateRatio = 0,
): OffsetScan {
  // Steps of the load last longer than half a second, and half a row is all that a mean can show.
  const stepS = Math.min(5, Math.max(rangeS / 120, problem.rowS / 2, Math.min(1, problem.rowS)));
  const most = Math.floor(rangeS / stepS);
  const trials = Array.from({ length: 2 * most + 1 }, (_, index) => {
    const offsetS = centreS + (index - most) * stepS;
    return { offsetS, at: residualAt(problem, [offsetS, rateRatio, 0]) };
  });
  const mostRowsCount = trials.reduce((count, each) => Math.max(count, each.at.rowsCount), 0);
  const usable = trials.filter((each) => each.at.rowsCount >= OVERLAP_RATIO_MIN * mostRowsCount);
  const best = usable.reduce<OffsetScan['best']>(
    (least, each) =>
      least === undefined || each.at.meanSquareW2 < least.at.meanSquareW2 ? each : least,
    undefined,
  );
  return { stepS, mostRowsCount, trials, usable, best };
}

export const explainedBy = (at: WindowResidual): number =>
  at.meterVarianceW2 > 0 ? 1 - at.meanSquareW2 / at.meterVarianceW2 : 0;
