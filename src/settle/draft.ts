// A draft: an interval statement before the ledger gives it a version and a place.
import type { FaultCode } from '../quantity/fault.ts';
import type { Kind, PointId, Quality, Tier } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import type { Interval } from '../quantity/time.ts';
import { durationNs, since } from '../quantity/time.ts';
import { NO_UNCERTAINTY } from '../quantity/uncertainty.ts';
import type { Microjoules, Watts } from '../quantity/units.ts';
import { watts } from '../quantity/units.ts';

export type Draft = Omit<IntervalStatement, 'version' | 'supersedes' | 'core'>;

/** The interval cannot be settled yet: an anchor behind its end is still to come. */
export const WAIT = 'wait';

/** At most this many intervals of one point in one turn, so that a long outage is caught up without a stall. */
export const TURN_COUNT = 64;
/** How long a provisional or missing interval is looked at again. */
export const REVISIT_INTERVALS = 96n;

export interface SettledBefore {
  readonly statement: IntervalStatement;
  readonly sha256: string;
}

/** The next version of what was settled before, or the first. */
export const versioned = (
  draft: Draft,
  before: SettledBefore | undefined,
  core: string,
): IntervalStatement => ({
  ...draft,
  version: (before?.statement.version ?? 0) + 1,
  supersedes: before?.sha256 ?? '',
  core,
});

export const sameOutcome = (
  before: Pick<Draft, 'quality' | 'energyUj' | 'because'>,
  after: Pick<Draft, 'quality' | 'energyUj' | 'because'>,
): boolean =>
  before.quality === after.quality &&
  before.energyUj === after.energyUj &&
  before.because === after.because;

/** Best first: a sum is as good as its worst part. */
const RANK: readonly Quality[] = [
  'verified',
  'actual',
  'scaled',
  'interpolated',
  'like-day',
  'derived',
  'provisional',
  'partial',
  'refused',
  'missing',
];

export const worstOf = (qualities: readonly Quality[]): Quality =>
  qualities.reduce((worst, next) => (RANK.indexOf(next) > RANK.indexOf(worst) ? next : worst));

/** Says that there is no number, and why. */
export function withoutEnergy(
  of: { point: PointId; kind: Kind; tier: Tier; method: string },
  interval: Interval,
  quality: 'missing' | 'refused',
  because: FaultCode,
): Draft {
  return {
    ...of,
    startNs: interval.fromNs,
    durationNs: since(interval.fromNs, interval.untilNs),
    energyUj: undefined,
    uncertainty: NO_UNCERTAINTY,
    quality,
    powerMeanW: undefined,
    powerMaxW: undefined,
    because,
    coveredNs: durationNs(0n),
    anchors: [],
    flags: [],
    model: '',
  };
}

export const meanPowerW = (energyUj: Microjoules, interval: Interval): Watts =>
  watts((Number(energyUj) * 1e3) / Number(interval.untilNs - interval.fromNs));
