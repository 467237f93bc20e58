// What a held-out comparison comes to: errors of runs and minutes, and how many of them their own intervals cover.
import type { EnergySeries } from '../src/align/energy-series.ts';

export interface HeldOutScore {
  readonly set: string;
  readonly heldOut: string;
  readonly runsCount: number;
  /** Error of the energy of one run (or of all rows), %. */
  readonly medianPercent: number;
  readonly worstPercent: number;
  readonly overallPercent: number;
  /** CV(RMSE) of minutes, %. */
  readonly cvMinutePercent: number;
  /** Share of runs and of minutes whose error lies inside U, %. */
  readonly coverRunsPercent: number;
  readonly coverMinutesPercent: number;
  /** Mean expanded uncertainty of a run, %. */
  readonly meanUPercent: number;
}

export interface Scored {
  readonly errorJ: number;
  readonly meterJ: number;
  readonly expandedJ: number;
}

export function summed(
  set: string,
  heldOut: string,
  runs: Scored[],
  minutes: Scored[],
): HeldOutScore {
  const errors = runs.map((each) => Math.abs(each.errorJ / each.meterJ)).sort((a, b) => a - b);
  const sum = (list: Scored[], of: (each: Scored) => number): number =>
    list.reduce((total, each) => total + of(each), 0);
  const inside = (list: Scored[]): number =>
    (100 * list.filter((each) => Math.abs(each.errorJ) <= each.expandedJ).length) / list.length;
  const meanJ = sum(minutes, (each) => each.meterJ) / minutes.length;
  return {
    set,
    heldOut,
    runsCount: runs.length,
    medianPercent: 100 * (errors[errors.length >> 1] ?? NaN),
    worstPercent: 100 * (errors.at(-1) ?? NaN),
    overallPercent: (100 * sum(runs, (each) => each.errorJ)) / sum(runs, (each) => each.meterJ),
    cvMinutePercent:
      (100 * Math.sqrt(sum(minutes, (each) => each.errorJ ** 2) / minutes.length)) / meanJ,
    coverRunsPercent: inside(runs),
    coverMinutesPercent: inside(minutes),
    meanUPercent: 100 * (sum(runs, (each) => each.expandedJ / each.meterJ) / runs.length),
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
