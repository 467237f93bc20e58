// What happens in the life of a model beside its fits, as it is told: to the ledger, on the page, to whoever is on call.
import type { CorrectionModel, VersionReason } from '../../quantity/correction.ts';
import type { InstantNs } from '../../quantity/time.ts';

export interface LifeEvent {
  readonly node: string;
  readonly event: Exclude<VersionReason, 'first-fit' | 'more-evidence'>;
  /** When it began, as far as it can be told, and when it was noticed. */
  readonly changedNs: InstantNs;
  readonly noticedNs: InstantNs;
  /** For people: what changed, with its figures. */
  readonly says: string;
  /** For programs: snake_case with units. */
  readonly figures: Readonly<Record<string, number>>;
  /** Id of the version that was issued for it; empty where there was no model yet. */
  readonly model: string;
}

export type LifeAlarm = Pick<LifeEvent, 'event' | 'noticedNs' | 'says'>;

export interface LifeNews {
  readonly models: readonly CorrectionModel[];
  readonly events: readonly LifeEvent[];
}
