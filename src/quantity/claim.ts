// What a software tracker says that a node used over a span: a claim, the least believed kind of instrument. Energy is kept
// by the kind of chip it was measured on, made-up parts and facility overhead already taken off.
import type { Refusal } from './fault.ts';
import type { InstantNs } from './time.ts';
import type { Joules } from './units.ts';

/** `cpu+dram` where a tracker adds both into one number; `total` where it says no more than the sum. */
export const CLAIMED_KINDS = ['cpu', 'dram', 'cpu+dram', 'gpu', 'total'] as const;
export type ClaimedKind = (typeof CLAIMED_KINDS)[number];

export interface ClaimedEnergy {
  readonly energyJ: Joules;
  /** Distance of the samples that were summed, s; 0 where a counter was read at both ends. */
  readonly stepS: number;
  /** Mean power of the samples times the span's own length: of a steady load it is right whatever the steps. */
  readonly isMean?: boolean;
}

export interface Claim {
  readonly tracker: string;
  /** Spans of one run may lie within each other; those of two runs at once saw the same node twice. */
  readonly run: string;
  /** What ran, as the tracker was told: a project, a window; empty where it was not. */
  readonly application: string;
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly measured: ReadonlyMap<ClaimedKind, ClaimedEnergy>;
  /** What was taken off or mended, in words. */
  readonly repairs: readonly string[];
  /** Factors that were set in the tracker itself: where they are those of the model, it has corrected already. */
  readonly configured?: { readonly pueRatio: number; readonly ramW: number };
}

/** A claim at the wall, as it goes back into the tracker's own file. */
export interface CorrectedClaim {
  readonly energyJ: Joules;
  /** U, 95 %. */
  readonly expandedJ: Joules;
  readonly quality: 'derived';
  readonly model: string;
}

export type ClaimOutcome = CorrectedClaim | Refusal;
