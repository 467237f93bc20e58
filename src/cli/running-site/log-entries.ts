// What the service writes into the log beside statements: models, its configuration, the state of its clock.
import { encodeConfig } from '../../calibrate/life-json.ts';
import { encodeModel } from '../../calibrate/model-json.ts';
import { meaningOf } from '../../decode/meaning.ts';
import type { LifeEvent } from '../../calibrate/life/life-event.ts';
import type { JournalPosition, LogEntry } from '../../ledger/ledger.ts';
import { configHash } from '../../quantity/config-fingerprint.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import type { Site } from '../../quantity/site.ts';
import { formatInstant, type InstantNs } from '../../quantity/time.ts';
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
    instruments: [...seats.values()].map(({ instrument, profileHash, trace }) => ({
      id: instrument.id,
      profile: instrument.profile,
      profile_sha256: profileHash,
      wire: instrument.wire,
      unit: instrument.unit,
      topic: instrument.topic,
      ...(instrument.part ? { part: instrument.part } : {}),
      hole_s: trace.rules.holeS,
      ceiling_w: trace.rules.ceilingW,
      hold_after_s: trace.rules.holdAfterS,
    })),
    points: site.points,
    nodes: site.nodes.map(({ id, type, fedBy, nameplateW, chips, chipSources, config }) => ({
      id,
      type,
      fed_by: fedBy,
      ...(nameplateW === undefined ? {} : { nameplate_w: nameplateW }),
      chips,
      ...(chipSources.length === 0 ? {} : { chip_sources: chipSources }),
      ...(config ? { config: encodeConfig(config), config_hash: configHash(config) } : {}),
    })),
  },
});

/**
 * Each profile that is read with, as the text whose hash its blocks name: whoever decodes the journal later needs nothing
 * but the ledger.
 */
export const profileEntries = (
  seats: ReadonlyMap<string, Seat>,
  atNs: InstantNs,
): readonly LogEntry[] => {
  const used = new Map(
    [...seats.values()].map((seat) => [seat.profileHash, seat.profile] as const),
  );
  return [...used].map(([hash, profile]) => ({
    type: 'profile',
    atNs,
    document: { profile: profile.id, profile_sha256: hash, meaning: meaningOf(profile) },
  }));
};

export const clockEntry = (state: ClockState, atNs: InstantNs): LogEntry => ({
  type: 'clock',
  atNs,
  document: { synchronised: state.synchronised, uncertainty_s: state.uncertaintyS },
});

/** Where the raw readings of a model's evidence lie in the journal; the sealed blocks of that range hold their hashes. */
export interface JournalRange {
  readonly from: JournalPosition;
  readonly until: JournalPosition;
}

export const modelEntry = (model: CorrectionModel, evidence: JournalRange): LogEntry => ({
  type: 'model',
  atNs: model.fittedAtNs,
  document: {
    ...encodeModel(model),
    evidence_journal: { from: evidence.from, until: evidence.until },
  },
});

export const eventEntry = (told: LifeEvent): LogEntry => ({
  type: 'event',
  atNs: told.noticedNs,
  document: {
    node: told.node,
    event: told.event,
    changed: formatInstant(told.changedNs),
    noticed: formatInstant(told.noticedNs),
    says: told.says,
    ...told.figures,
    model: told.model,
  },
});
