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
  /** Sources that are part of `sources` and have their own term: their energy is taken off here. */
  readonly less?: readonly string[];
}

/** A meter that holds each value for several polls: the mean of a window that ended some time before. */
export interface HeldMeter {
  readonly source: string;
  /** From the end of the window, on the chips' clock, to the first poll that shows it. */
  readonly delayS: number;
  readonly windowS: number;
  /** This feed's share of what the node draws. */
  readonly shareRatio: number;
  /** Standard uncertainties, and how often the meter brings a new value; absent in models of before. */
  readonly delayUncertaintyS?: number;
  readonly windowUncertaintyS?: number;
  readonly refreshS?: number;
}

/** What applying a model exactly needs beyond its terms; a model without it is applied by `systematicRatio` alone. */
export interface CorrectionDetail {
  /** `affine`: all chips in one term; `components`: one term per kind of chip. */
  readonly form: 'affine' | 'components';
  /** Covariance of [intercept, gains in the order of the terms], row by row; W², W and 1. */
  readonly covariance: readonly number[];
  /** Standard deviation of the level from run to run and from day to day, W. */
  readonly levelW: number;
  readonly levelDof: number;
  /** Relative standard uncertainty of the whole prediction: meter and node scatter. */
  readonly scaleRatio: number;
  /** Variance of a mean over many intervals, in units of that of independent ones. */
  readonly inflationRatio: number;
  /** Standard deviation of chip power over the evidence, W: what an edge may swing by. */
  readonly swingW: number;
  /** Seconds that the chips' clock gains per second, counted from the first stamp of a recording. */
  readonly rateRatio: number;
  readonly offsetUncertaintyS: number;
  /** Meter sources whose sum is the wall; empty where the caller knows. */
  readonly meterSources: readonly string[];
  readonly heldMeters: readonly HeldMeter[];
  /** What a power stamp of the chips names, and how long its window is where that is shorter than the stamps' distance. */
  readonly chipStamp: string;
  readonly chipWindowS?: number;
  /** On the part of the evidence that was held back: error of the energy, RMS error of blocks of `blockS`. */
  readonly heldBack?: {
    readonly biasRatio: number;
    readonly cvRatio: number;
    readonly blockS: number;
    readonly blocksCount: number;
  };
  /** Where the model is pooled over nodes of one type. */
  readonly pooled?: {
    readonly nodesCount: number;
    readonly betweenNodesRatio: number;
    /** False for the model of the type, which stands in for nodes that were never metered. */
    readonly metered: boolean;
  };
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
  readonly detail?: CorrectionDetail;
}
