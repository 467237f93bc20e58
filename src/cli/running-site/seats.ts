// A seat: one instrument of the site with everything the service keeps about it - profile, trace, edges, counts.
import { InstrumentTrace } from '../../align/instrument-trace.ts';
import type { Profile } from '../../decode/profile.ts';
import { isNodeMessage } from '../../decode/profile.ts';
import type { FaultCode } from '../../quantity/fault.ts';
import { ProfileFault } from '../../quantity/fault.ts';
import { TIER_OF_ROLE, type Tier } from '../../quantity/quality.ts';
import { choosesItsTimes, type Instrument, type Site } from '../../quantity/site.ts';
import {
  type DurationNs,
  fromSeconds,
  type InstantNs,
  instantNs,
  toSeconds,
} from '../../quantity/time.ts';
import { watts } from '../../quantity/units.ts';
import { accuracyRatio } from '../../quantity/accuracy-class.ts';
import { EdgeBook } from '../../settle/edge-book.ts';
import { REMEMBERED_S } from '../../settle/shape-energies.ts';
import type { LoadedProfile } from '../site/load-profiles.ts';

export interface Seat {
  readonly instrument: Instrument;
  readonly profile: Profile;
  readonly profileHash: string;
  readonly trace: InstrumentTrace;
  readonly tier: Tier;
  /** Relative standard uncertainty that its accuracy class allows. */
  readonly systematicRatio: number;
  /** Whether its profile knows how old a register is when it is read. */
  readonly refreshKnown: boolean;
  /** The curve at interval edges; undefined until it has been read. */
  edges(): EdgeBook | undefined;
  /** Counts an exchange, good or not. */
  heard(fault: FaultCode | undefined): void;
  readonly counts: { exchangesCount: number; faultsCount: number };
  /** Forgets what lies well before the instant. */
  forget(beforeNs: InstantNs, interval: DurationNs): void;
}

/** No rack feed that we meter carries more than a megawatt, no chip more than five kilowatts. */
const METER_CEILING_W = watts(1_000_000);
const CHIP_CEILING_W = watts(5_000);
const HOLD_AFTER_S = 86_400;
const LEAST_MARGIN_NS = fromSeconds(REMEMBERED_S);

/** Seats every instrument of a site. Throws ProfileFault where a profile is not known. */
export function seatsOf(
  site: Site,
  profiles: ReadonlyMap<string, LoadedProfile>,
): ReadonlyMap<string, Seat> {
  const seats = new Map<string, Seat>();
  for (const instrument of site.instruments.values()) {
    const loaded = profiles.get(instrument.profile);
    if (!loaded) {
      throw new ProfileFault({
        where: `/instruments/${instrument.id}/profile`,
        what: `there is no profile "${instrument.profile}"`,
        remedy: `name one of: ${[...profiles.keys()].join(', ')}`,
      });
    }
    seats.set(instrument.id, seat(site, instrument, loaded));
  }
  return seats;
}

function seat(site: Site, instrument: Instrument, { profile, hash }: LoadedProfile): Seat {
  const wire = site.wires.get(instrument.wire);
  const pushed = wire !== undefined && choosesItsTimes(wire);
  const speedRatio = site.rehearsal?.clock.speedRatio ?? 1;
  const trace = new InstrumentTrace(instrument.id, {
    ceilingW: isNodeMessage(profile) ? CHIP_CEILING_W : METER_CEILING_W,
    // A pushed instrument chooses its own times; a polled one is late after a few turns. Wires stay real in a rehearsal,
    // so two seconds of real delay are forgiven however fast civil time runs.
    holeS: Math.max(pushed ? 30 : 5, 4 * toSeconds(instrument.poll), 2 * speedRatio),
    holdAfterS: HOLD_AFTER_S,
  });
  const counts = { exchangesCount: 0, faultsCount: 0 };
  let edges: EdgeBook | undefined;
  return {
    instrument,
    profile,
    profileHash: hash,
    trace,
    tier: TIER_OF_ROLE[profile.role],
    systematicRatio: accuracyRatio(profile.accuracy.scheme, profile.accuracy.class),
    refreshKnown: profile.limits.refresh_ms !== 'unknown',
    counts,
    edges: () => {
      const curve = trace.curve();
      if (curve && !edges?.isOf(curve)) edges = new EdgeBook(curve);
      return edges;
    },
    heard: (fault) => {
      counts.exchangesCount += 1;
      if (fault !== undefined) counts.faultsCount += 1;
    },
    forget: (beforeNs, interval) => {
      // One interval of margin: live power and calibration look back a little.
      const marginNs = instantNs(
        beforeNs - (interval > LEAST_MARGIN_NS ? interval : LEAST_MARGIN_NS),
      );
      trace.prune(marginNs);
      edges?.prune(marginNs);
    },
  };
}
