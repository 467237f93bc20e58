// The contract of a tracker's file. `read` takes the whole text and gives one entry per row that claims energy, in the
// order of the file: the claim, or why that row is none. It removes what the tracker added (facility overhead, memory
// that it never measured) and mends what can be mended exactly (wrapped counters, averages over devices); each mend is
// said in the claim. Where nothing in the file can be used it refuses as a whole. It trusts no byte: sizes are bounded,
// numbers are checked, and pickles are never loaded.
//
// `write` takes one outcome per entry, in the same order, and gives the file back in its own shape with four values more:
// wall_energy_kwh, u_kwh, quality, model. What the file said itself is not changed. A refused row has the quality
// `refused` and no numbers. A file that holds these columns already is refused as corrected.
//
// Local times: a tracker that stamps without a zone is read in the zone that the caller names. Without one its stamps are
// taken as they stand: right for durations and overlaps inside of the file, useless beside a meter.
import type { Claim, ClaimOutcome } from '../../quantity/claim.ts';
import { refuse, type Refusal } from '../../quantity/fault.ts';
import { kwhOfJoules } from '../../quantity/format.ts';
import { isRefusal } from '../../quantity/fault.ts';

/** What a file does not say of itself. */
export interface Told {
  /** Names the run where the file does not. */
  readonly name: string;
  /** IANA name, such as Europe/Paris. */
  readonly zone: string | undefined;
  /** Power usage effectiveness that was multiplied in and not written down. */
  readonly pueRatio: number | undefined;
  /** Distance of samples where it was set to another than the tracker's own, s. */
  readonly stepS: number | undefined;
}

export interface TrackerReading {
  readonly claims: readonly (Claim | Refusal)[];
  readonly write: (outcomes: readonly ClaimOutcome[]) => string;
}

export type ReadTracker = (text: string, told: Told) => TrackerReading | Refusal;

export const ADDED_COLUMNS = ['wall_energy_kwh', 'u_kwh', 'quality', 'model'] as const;

/** The four values of an outcome as text; a refused one has no numbers. */
export function addedFields(outcome: ClaimOutcome | undefined): readonly string[] {
  if (outcome === undefined) return ['', '', 'missing', ''];
  if (isRefusal(outcome)) return ['', '', 'refused', ''];
  return [printKwh(outcome.energyJ), printKwh(outcome.expandedJ), outcome.quality, outcome.model];
}

/** kWh to a tenth of a joule and more: claims of one second are told apart. */
const printKwh = (energyJ: number): string => kwhOfJoules(energyJ).toFixed(9);

/** `name=value` of the four, for files that are no tables. */
export const addedWords = (outcome: ClaimOutcome | undefined): string => {
  const fields = addedFields(outcome);
  return ADDED_COLUMNS.map((name, index) => `${name}=${fields[index] ?? ''}`).join(' ');
};

export const alreadyCorrected = (how: string): Refusal =>
  refuse(
    'tracker.corrected',
    `it is corrected already: ${how}`,
    'use its numbers as they are, or correct the file that the tracker itself wrote',
  );

export const wrongFormat = (because: string): Refusal =>
  refuse('tracker.format', because, 'give the file as the tracker wrote it, and its right name');
