// A correction model: how one node's chip energy becomes energy at the wall, where that holds, and how sure we are.
// It is plain data, so that it can be kept in the ledger, served, and applied by somebody else's program.
import type { InstantNs } from './time.ts';
import type { Watts } from './units.ts';

/** One physical term: wall power per chip power of the named sources, summed. */
export interface CorrectionTerm {
  /** `cpu`, `dram`, `gpu`, `chips`, ... */
  readonly name: string;
  readonly sources: readonly string[];
  /** W at the wall per W at the chip; bounded below by physics. */
  readonly gainRatio: number;
  readonly gainUncertaintyRatio: number;
}

export interface CorrectionModel {
  readonly node: string;
  /** Of the model as a whole: changes with its content. */
  readonly id: string;
  readonly fittedAtNs: InstantNs;
  /** The evidence: civil time from and until. */
  readonly evidence: {
    readonly fromNs: InstantNs;
    readonly untilNs: InstantNs;
    readonly intervalsCount: number;
  };
  /** Wall power with all chips at 0 W, extrapolated. */
  readonly interceptW: Watts;
  readonly terms: readonly CorrectionTerm[];
  /** Chip power on which it was fitted: outside it refuses or widens. */
  readonly holds: { readonly fromW: Watts; readonly untilW: Watts };
  /** chips are later than the meter by this much; already applied in the fit. */
  readonly offsetNs: bigint;
  /** Standard deviation of the residual of one interval of `intervalS`, W. */
  readonly residualW: Watts;
  readonly intervalS: number;
  /** Relative systematic standard uncertainty of predicted energy. */
  readonly systematicRatio: number;
  readonly dof: number;
  /** A fit is provisional until it has passed its gates. */
  readonly standing: 'provisional' | 'accepted';
  /** Which gates it has not passed yet, in words. */
  readonly open: readonly string[];
  /** 1 - chip energy / wall energy over the evidence. */
  readonly gapRatio: number;
}
