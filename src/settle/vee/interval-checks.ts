// Validation of interval data as utilities practise it (IESO MDP_STD_0005, CPUC DASMMD, Oracle and Itron MDM), each check a
// function of values alone. A warning is looked at; a failure is energy that must not be billed before somebody did.
import type { Quality } from '../../quantity/quality.ts';
import { type DurationNs, type InstantNs, instantNs } from '../../quantity/time.ts';
import type { Watts } from '../../quantity/units.ts';

export const CHECKS = [
  'missing',
  'negative',
  'ceiling',
  'spike',
  'frozen',
  'zero',
  'prolonged-estimation',
  'sum',
  'meter-against-meter',
] as const;
export type CheckName = (typeof CHECKS)[number];

export interface Finding {
  readonly check: CheckName;
  readonly verdict: 'warn' | 'fail';
  /** Start of the first interval that it is about; undefined where it is about all. */
  readonly startNs: InstantNs | undefined;
  readonly says: string;
}

/** Intervals of one meter, without gaps in time: what has no energy is undefined. */
export interface IntervalSeries {
  readonly startNs: InstantNs;
  readonly interval: DurationNs;
  readonly energyUj: readonly (bigint | undefined)[];
  readonly qualities: readonly (Quality | undefined)[];
}

const startOf = (series: IntervalSeries, index: number): InstantNs =>
  instantNs(series.startNs + BigInt(index) * series.interval);

const firstWhere = (
  series: IntervalSeries,
  isIt: (energyUj: bigint, index: number) => boolean,
): number => series.energyUj.findIndex((uj, index) => uj !== undefined && isIt(uj, index));

/** Intervals found against intervals expected. */
export function checkMissing(series: IntervalSeries): Finding | undefined {
  const first = series.energyUj.indexOf(undefined);
  if (first < 0) return undefined;
  const count = series.energyUj.filter((uj) => uj === undefined).length;
  const says = `${String(count)} of ${String(series.energyUj.length)} intervals have no energy`;
  return { check: 'missing', verdict: 'warn', startNs: startOf(series, first), says };
}

/** An import register counts nothing negative. */
export function checkNegative(series: IntervalSeries): Finding | undefined {
  const first = firstWhere(series, (uj) => uj < 0n);
  if (first < 0) return undefined;
  const says = `an interval has ${String(series.energyUj[first])} µJ`;
  return { check: 'negative', verdict: 'fail', startNs: startOf(series, first), says };
}

/** No more than rated power allows; exactly that passes. */
export function checkCeiling(series: IntervalSeries, ceilingW: Watts): Finding | undefined {
  const mostUj = (BigInt(Math.round(ceilingW)) * series.interval) / 1000n;
  const first = firstWhere(series, (uj) => uj > mostUj);
  if (first < 0) return undefined;
  const says = `an interval has more than ${ceilingW.toFixed(0)} W allow`;
  return { check: 'ceiling', verdict: 'fail', startNs: startOf(series, first), says };
}

/** Default of California's rules: the highest may exceed the third-highest by 180 %. */
export const SPIKE_PERCENT = 180n;

/** The highest against the third-highest interval. A computer may leap tenfold, so this warns; the sum check decides. */
export function checkSpike(
  series: IntervalSeries,
  tolerancePercent = SPIKE_PERCENT,
): Finding | undefined {
  const known = series.energyUj.filter((uj) => uj !== undefined);
  if (known.length < 3) return undefined;
  const [highest = 0n, , third = 0n] = [...known].sort((a, b) => (a > b ? -1 : a < b ? 1 : 0));
  if ((highest - third) * 100n <= tolerancePercent * third) return undefined;
  const at = firstWhere(series, (uj) => uj === highest);
  const says = `the highest interval exceeds the third-highest by more than ${String(tolerancePercent)} %`;
  return { check: 'spike', verdict: 'warn', startNs: startOf(series, at), says };
}

/** Equal non-zero intervals in a row from which a stuck meter is suspected. */
export const FROZEN_COUNT = 3;

/** The same energy, to the microjoule and not zero, so many times in a row. */
export function checkFrozen(
  series: IntervalSeries,
  leastCount = FROZEN_COUNT,
): Finding | undefined {
  let count = 1;
  for (let index = 1; index < series.energyUj.length; index++) {
    const uj = series.energyUj[index];
    count = uj !== undefined && uj !== 0n && uj === series.energyUj[index - 1] ? count + 1 : 1;
    if (count < leastCount) continue;
    const startNs = startOf(series, index - leastCount + 1);
    const says = `${String(leastCount)} intervals in a row have the same ${String(uj)} µJ`;
    return { check: 'frozen', verdict: 'warn', startNs, says };
  }
  return undefined;
}

/** Nothing in a whole period: a failure where what is behind the meter is known to have run. */
export function checkZero(series: IntervalSeries, hasLoad: boolean): Finding | undefined {
  const known = series.energyUj.filter((uj) => uj !== undefined);
  if (known.length === 0 || known.some((uj) => uj !== 0n)) return undefined;
  const says = hasLoad
    ? 'the meter counted nothing while what is behind it ran'
    : 'the meter counted nothing';
  return { check: 'zero', verdict: hasLoad ? 'fail' : 'warn', startNs: undefined, says };
}

const ESTIMATES: readonly Quality[] = [
  'scaled',
  'interpolated',
  'like-day',
  'derived',
  'provisional',
];

/** Estimates without a measured interval between them for longer than this; exactly as long passes. */
export function checkProlongedEstimation(
  series: IntervalSeries,
  longest: DurationNs,
): Finding | undefined {
  let since: number | undefined;
  for (const [index, quality] of series.qualities.entries()) {
    if (quality === undefined || !ESTIMATES.includes(quality)) {
      since = undefined;
      continue;
    }
    since ??= index;
    if (BigInt(index - since + 1) * series.interval <= longest) continue;
    const says = `only estimates for longer than ${String(longest / 3_600_000_000_000n)} h`;
    return {
      check: 'prolonged-estimation',
      verdict: 'warn',
      startNs: startOf(series, since),
      says,
    };
  }
  return undefined;
}

/** Two meters of one thing: they may differ by the expanded uncertainty of the difference, and exactly that passes. */
export function checkAgainstMeter(
  mainUj: bigint,
  otherUj: bigint,
  expandedUj: bigint,
): Finding | undefined {
  const apartUj = mainUj > otherUj ? mainUj - otherUj : otherUj - mainUj;
  if (apartUj <= expandedUj) return undefined;
  const says = `they differ by ${String(apartUj)} µJ; their uncertainty allows ${String(expandedUj)}`;
  return { check: 'meter-against-meter', verdict: 'fail', startNs: undefined, says };
}
