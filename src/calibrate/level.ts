// How far the level of a node may lie from where it was fitted: from one recording to the next as seen, with an
// application that the evidence does not have, and by the time that has passed since somebody metered it.
import type { Drift } from '../quantity/correction.ts';
import { coverageFactor } from '../quantity/uncertainty.ts';
import type { Rows } from './rows.ts';
import type { RowsFit } from './fit-rows.ts';

/**
 * From one day to the next a node's wall power moves by about 0.6 % with nothing to see in its chips (fans, inlet air,
 * warm regulators): part of it a level, part a gain. The ratio itself is known to a quarter, hence 8 degrees of freedom
 * (GUM G.4.2).
 */
const DAY_LEVEL_RATIO = 0.0045;
const DAY_GAIN_RATIO = 0.004;
const DAY_DOF = 8;
/** Half a day: the room and its load come around with the day. */
const RELAX_S = 43_200;

/** Scatter of the level from one recording to the next, W. */
export function levelBetweenRuns(rows: Rows, fit: RowsFit): { levelW: number; levelDof: number } {
  const { seenDays, daysCount, runsCount } = spanOf(rows);
  const dof = seenDays ? daysCount - 1 : Math.max(1, runsCount - 1);
  // A level that was seen once may come again, so U reaches as far as the farthest: regimes are two heaps, no bell.
  const farthestW = fit.runEffectsW.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  const levelW = Math.max(fit.betweenRunsW ?? 0, (1.1 * farthestW) / coverageFactor(dof));
  return { levelW, levelDof: levelW > 0 ? dof : Infinity };
}

/** What a day may add; nothing where the evidence spans days, since then the runs' own scatter has it. */
export function driftOf(rows: Rows, meterW: number): Drift {
  const drift = dayDrift(meterW);
  return spanOf(rows).seenDays ? { ...drift, levelW: 0, gainRatio: 0 } : drift;
}

/** What a day may add to a node of this mean power. */
export const dayDrift = (meterW: number): Drift => ({
  levelW: DAY_LEVEL_RATIO * meterW,
  gainRatio: DAY_GAIN_RATIO,
  dof: DAY_DOF,
  relaxS: RELAX_S,
});

function spanOf(rows: Rows): { seenDays: boolean; daysCount: number; runsCount: number } {
  const days = new Set<number>();
  for (const atS of rows.atS) days.add(Math.floor(atS / 86_400));
  const runsCount = new Set(rows.run).size;
  return { seenDays: days.size >= 3 && runsCount >= 6, daysCount: days.size, runsCount };
}

/**
 * Share of the drift's variance that has come after a time without metering: a level that forgets (Ornstein-Uhlenbeck).
 * Without a stated age all of it counts.
 */
export const driftedRatio = (drift: Drift, ageS: number | undefined): number =>
  ageS === undefined ? 1 : 1 - Math.exp(-Math.max(0, ageS) / drift.relaxS);

/**
 * Standard uncertainty of what an application does beside the model, W. One that was not in the evidence is taken to err
 * as far as the worst one in it: limits without a distribution are rectangular (GUM 4.3.7). 0 below three applications,
 * where nothing is known of it.
 */
export function applicationUncertaintyW(rows: Rows, residuals: Float64Array): number {
  if (rows.applications.length < 3) return 0;
  const sums = rows.applications.map(() => ({ errorJ: 0, lengthS: 0 }));
  for (let row = 0; row < rows.count; row++) {
    const sum = sums[rows.application[row] ?? -1];
    if (!sum) continue;
    sum.errorJ += (rows.lengthS[row] ?? 0) * (residuals[row] ?? 0);
    sum.lengthS += rows.lengthS[row] ?? 0;
  }
  const worstW = sums.reduce(
    (most, { errorJ, lengthS }) =>
      lengthS > 0 ? Math.max(most, Math.abs(errorJ / lengthS)) : most,
    0,
  );
  return worstW / Math.sqrt(3);
}
