// What a held-out comparison comes to: errors of runs, of minutes and of single meter intervals, how many of them their own
// intervals cover, and the same errors of a plain affine beside it.
import type { EnergySeries } from '../../src/align/energy-series.ts';

/** One span that was predicted and metered. */
export interface Scored {
  readonly errorJ: number;
  readonly affineErrorJ: number;
  readonly meterJ: number;
  readonly expandedJ: number;
}

export interface Parts {
  readonly runs: readonly Scored[];
  readonly minutes: readonly Scored[];
  /** At the meter's own pace. */
  readonly finest?: { readonly everyS: number; readonly spans: readonly Scored[] };
}

export interface Spread {
  readonly medianPercent: number;
  readonly p95Percent: number;
  readonly worstPercent: number;
  readonly overallPercent: number;
}

export interface HeldOutScore {
  readonly set: string;
  readonly heldOut: string;
  readonly runsCount: number;
  /** Error of the energy of whole runs: ours, and a plain affine by ordinary least squares on the same rows. */
  readonly ours: Spread;
  readonly affine: Spread;
  /** CV(RMSE), %: minutes, and the meter's own intervals where they were scored. */
  readonly cvMinutePercent: number;
  readonly affineCvMinutePercent: number;
  readonly finest?: {
    readonly everyS: number;
    readonly cvPercent: number;
    readonly affineCvPercent: number;
  };
  /** Share of runs and of minutes whose error lies inside U, and mean U, %. */
  readonly coverRunsPercent: number;
  readonly coverMinutesPercent: number;
  readonly meanURunsPercent: number;
  readonly meanUMinutesPercent: number;
}

type ErrorOf = (each: Scored) => number;
const own: ErrorOf = (each) => each.errorJ;
const affine: ErrorOf = (each) => each.affineErrorJ;

const sumOver = (list: readonly Scored[], of: ErrorOf): number =>
  list.reduce((total, each) => total + of(each), 0);

function spreadOf(runs: readonly Scored[], error: ErrorOf): Spread {
  const off = runs.map((each) => Math.abs(error(each) / each.meterJ)).sort((a, b) => a - b);
  const at = (share: number): number => 100 * (off[Math.ceil(share * off.length) - 1] ?? NaN);
  return {
    medianPercent: at(0.5),
    p95Percent: at(0.95),
    worstPercent: at(1),
    overallPercent: (100 * sumOver(runs, error)) / sumOver(runs, (each) => each.meterJ),
  };
}

function cvPercent(spans: readonly Scored[], error: ErrorOf): number {
  const meanJ = sumOver(spans, (each) => each.meterJ) / spans.length;
  return (100 * Math.sqrt(sumOver(spans, (each) => error(each) ** 2) / spans.length)) / meanJ;
}

export function summed(
  set: string,
  heldOut: string,
  { runs, minutes, finest }: Parts,
): HeldOutScore {
  const inside = (list: readonly Scored[]): number =>
    (100 * list.filter((each) => Math.abs(each.errorJ) <= each.expandedJ).length) / list.length;
  const meanU = (list: readonly Scored[]): number =>
    (100 * sumOver(list, (each) => each.expandedJ / each.meterJ)) / list.length;
  return {
    set,
    heldOut,
    runsCount: runs.length,
    ours: spreadOf(runs, own),
    affine: spreadOf(runs, affine),
    cvMinutePercent: cvPercent(minutes, own),
    affineCvMinutePercent: cvPercent(minutes, affine),
    ...(finest && finest.spans.length > 0
      ? {
          finest: {
            everyS: finest.everyS,
            cvPercent: cvPercent(finest.spans, own),
            affineCvPercent: cvPercent(finest.spans, affine),
          },
        }
      : {}),
    coverRunsPercent: inside(runs),
    coverMinutesPercent: inside(minutes),
    meanURunsPercent: meanU(runs),
    meanUMinutesPercent: meanU(minutes),
  };
}

/** A stretch of a series from a share of its length on, `lengthS` long. */
export function cut(series: EnergySeries, fromRatio: number, lengthS: number): EnergySeries {
  const startS =
    (series.atS[0] ?? 0) + fromRatio * ((series.atS.at(-1) ?? 0) - (series.atS[0] ?? 0));
  const from = series.atS.findIndex((each) => each >= startS);
  const end = series.atS.findIndex((each) => each > startS + lengthS);
  const until = end < 0 ? series.atS.length : end;
  return {
    originNs: series.originNs,
    atS: series.atS.slice(from, until),
    energyJ: series.energyJ.slice(from, until),
    coveredS: series.coveredS.slice(from, until),
  };
}
