// What the service writes into the log beside statements: models, its configuration, the state of its clock.
import { encodeModel } from '../../calibrate/model-json.ts';
import type { LogEntry } from '../../ledger/ledger.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import type { Site } from '../../quantity/site.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { Seat } from './seats.ts';

export interface ClockState {
  readonly synchronised: boolean;
  /** Standard uncertainty of civil time on this host, s. */
  readonly uncertaintyS: number;
}

export const configurationEntry = (
  site: Site,
  seats: ReadonlyMap<string, Seat>,
  core: string,
  atNs: InstantNs,
): LogEntry => ({
  type: 'configuration',
  atNs,
  document: {
    site: site.name,
    ...(site.rehearsal ? { rehearsal_seed: site.rehearsal.seed } : {}),
    core,
    interval_ns: site.interval.toString(),
    instruments: [...seats.values()].map(({ instrument, profileHash }) => ({
      id: instrument.id,
      profile: instrument.profile,
      profile_sha256: profileHash,
      wire: instrument.wire,
      unit: instrument.unit,
      topic: instrument.topic,
    })),
    points: site.points,
    nodes: site.nodes.map(({ id, type, fedBy, nameplateW, chips }) => ({
      id,
      type,
      fed_by: fedBy,
      ...(nameplateW === undefined ? {} : { nameplate_w: nameplateW }),
      chips,
    })),
  },
});

export const clockEntry = (state: ClockState, atNs: InstantNs): LogEntry => ({
  type: 'clock',
  atNs,
  document: { synchronised: state.synchronised, uncertainty_s: state.uncertaintyS },
});

export const modelEntry = (model: CorrectionModel): LogEntry => ({
  type: 'model',
  atNs: model.fittedAtNs,
  document: encodeModel(model),
});
