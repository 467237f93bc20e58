// Times of use and peak demand: which price an interval has by local civil time, and the highest mean power over 15 min.
import { floorDiv, type InstantNs, instantNs, type Interval } from '../../quantity/time.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { type Bucket, type Tariff, WEEKDAYS } from './accounts-plan.ts';
import { combinedParts } from './energy-sum.ts';

const MINUTE_NS = 60_000_000_000n;
const DAY_MINUTES = 1440n;
/** Name of whatever no bucket of a tariff matches. */
export const BASE_BUCKET = 'base';

/** Offset of local civil time from UTC at an instant, ns; positive east of Greenwich. */
export type LocalOffset = (atNs: InstantNs) => bigint;

/** The bucket that an interval's start falls in; undefined where none matches. */
export function bucketAt(
  tariff: Tariff,
  startNs: InstantNs,
  offsetOf: LocalOffset,
): Bucket | undefined {
  if (tariff.buckets.length === 0) return undefined;
  const minutes = floorDiv(startNs + offsetOf(startNs), MINUTE_NS);
  const days = floorDiv(minutes, DAY_MINUTES);
  const minuteOfDay = Number(minutes - days * DAY_MINUTES);
  // 1970-01-01 was a Thursday.
  const weekday = WEEKDAYS[Number((((days + 3n) % 7n) + 7n) % 7n)];
  return tariff.buckets.find(
    ({ days: on, fromMinuteCount, untilMinuteCount }) =>
      weekday !== undefined &&
      on.includes(weekday) &&
      minuteOfDay >= fromMinuteCount &&
      minuteOfDay < untilMinuteCount,
  );
}

/** Length over which demand is averaged: the trade's 15 minutes. */
const DEMAND_NS = 900_000_000_000n;

export interface PeakDemand {
  readonly startNs: InstantNs;
  readonly energyUj: bigint;
  readonly uncertainty: UncertaintyParts;
}

/** Follows one account's demand; only windows of which every interval is known count. */
export class DemandMeter {
  #window:
    { startNs: bigint; energyUj: bigint; parts: UncertaintyParts[]; known: number } | undefined;
  #peak: PeakDemand | undefined;

  static readonly windowNs = DEMAND_NS;

  /** Intervals come in order and divide 15 min. Parts are the uncertainties of what was posted. */
  add(interval: Interval, energyUj: bigint, parts: UncertaintyParts, isWhole: boolean): void {
    const startNs = floorDiv(interval.fromNs, DEMAND_NS) * DEMAND_NS;
    if (this.#window?.startNs !== startNs) {
      this.#window = { startNs, energyUj: 0n, parts: [], known: 0 };
    }
    const window = this.#window;
    window.energyUj += energyUj;
    window.parts.push(parts);
    if (isWhole) window.known += 1;
    const lengthNs = interval.untilNs - interval.fromNs;
    if (BigInt(window.known) * lengthNs !== DEMAND_NS) return;
    if (this.#peak !== undefined && this.#peak.energyUj >= window.energyUj) return;
    this.#peak = {
      startNs: instantNs(startNs),
      energyUj: window.energyUj,
      uncertainty: combinedParts(window.parts),
    };
  }

  /** The highest; the earliest of equal ones. undefined where no window was whole. */
  get peak(): PeakDemand | undefined {
    return this.#peak;
  }
}
