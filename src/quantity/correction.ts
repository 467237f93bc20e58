// A correction model: how one node's chip energy becomes energy at the wall, where that holds, and how sure we are.
// It is plain data, so that it can be kept in the ledger, served, and applied by somebody else's program.
import type { ConfigFingerprint } from './config-fingerprint.ts';
import type { InstantNs } from './time.ts';
import type { Watts } from './units.ts';

/**
 * `refused`: its own evidence shows errors beyond what building measurement allows (ASHRAE Guideline 14);
 * `provisional`: too little evidence; `accepted`: aligned, and held-back energy predicted; `audit`: each application and
 * day predicted by a fit without it, too.
 */
export const STANDINGS = ['refused', 'provisional', 'accepted', 'audit'] as const;
export type Standing = (typeof STANDINGS)[number];

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

/** A part of the wall that depends on how chip power went, not only on its mean; multiplies a series made from the total. */
export type CorrectionShape = {
  /** Dimensionless: W at the wall per W of the shape. */
  readonly gainRatio: number;
  readonly gainUncertaintyRatio: number;
} & (
  | {
      /** Low-passed minus present chip power: fans, which follow late. */
      readonly kind: 'slow';
      readonly tauS: number;
    }
  | {
      /** The same times present chip power, over `scaleW`: losses that grow once the load has warmed what carries it. */
      readonly kind: 'warm';
      readonly tauS: number;
      readonly scaleW: number;
    }
  | {
      /** Chip power squared over `scaleW`: what supplies lose in their conductors. */
      readonly kind: 'square';
      readonly scaleW: number;
    }
);

/** Quantities of the neutral format that say how a node runs, beside its energy. */
export const CONDITION_KINDS = ['fan_rpm', 'temperature_c', 'utilisation_ratio'] as const;
export type ConditionKind = (typeof CONDITION_KINDS)[number];

/** A condition that the model knows of; its effect is a function of the reading by its kind. */
export interface CorrectionCondition {
  readonly source: string;
  readonly kind: ConditionKind;
  /** W at the wall per unit of the effect. */
  readonly gainW: number;
  readonly gainUncertaintyW: number;
  /** Mean and standard deviation of the effect over the evidence: what stands in where nobody reads it. */
  readonly effectMeanRatio: number;
  readonly effectSpreadRatio: number;
}

/** Error of a model on a part of the evidence that it was not fitted on. */
export interface LeftOut {
  readonly name: string;
  /** (predicted - metered) / metered energy. */
  readonly biasRatio: number;
  readonly coveredS: number;
}

/** How the level of a node moves while nobody meters it: towards `levelW` and `gainRatio`, at the pace of `relaxS`. */
export interface Drift {
  /** Standard deviation of the level and of the gain, long after the last metering. */
  readonly levelW: number;
  readonly gainRatio: number;
  readonly dof: number;
  /** Time constant of forgetting, s. */
  readonly relaxS: number;
}

/** `affine`: all chips in one term; `components`: one term per kind of chip; `sources`: one term per sensor. */
export const GAIN_FORMS = ['affine', 'components', 'sources'] as const;
export type GainForm = (typeof GAIN_FORMS)[number];

/** What applying a model exactly needs beyond its terms; a model without it is applied by `systematicRatio` alone. */
export interface CorrectionDetail {
  readonly form: GainForm;
  readonly shapes: readonly CorrectionShape[];
  readonly conditions: readonly CorrectionCondition[];
  /** Covariance of [intercept, then terms, shapes, conditions in their order], row by row; W², W and 1. */
  readonly covariance: readonly number[];
  readonly covarianceDof: number;
  /** Standard deviation of the level from one recording to the next, as seen, W. */
  readonly levelW: number;
  readonly levelDof: number;
  readonly drift: Drift;
  /** Standard uncertainty of what an application does beside the model, W: rectangular, as far as the worst one seen. */
  readonly applicationW: number;
  /** Absent where it is a bound and no estimate. */
  readonly applicationDof?: number;
  /** Relative standard uncertainty of the whole prediction: meter and node scatter. */
  readonly scaleRatio: number;
  /** Robust standard deviation of the residual of one interval, load edges aside, W. */
  readonly noiseW: number;
  /** Variance of a mean over many intervals, in units of `noiseW` squared for independent ones. */
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
  /** The same of the meter's; absent where nobody said. */
  readonly meterStamp?: string;
  readonly chipWindowS?: number;
  /** On the part of the evidence that was held back: error of the energy, RMS error of blocks of `blockS`. */
  readonly heldBack?: {
    readonly biasRatio: number;
    readonly cvRatio: number;
    readonly blockS: number;
    readonly blocksCount: number;
  };
  /** Each application, and each day, predicted by a fit without it; empty below three of them. */
  readonly leftOut: {
    readonly byApplication: readonly LeftOut[];
    readonly byDay: readonly LeftOut[];
  };
  /** Where the model is pooled over nodes of one type. */
  readonly pooled?: {
    readonly nodesCount: number;
    readonly betweenNodesRatio: number;
    /** False for the model of the type, which stands in for nodes that were never metered. */
    readonly metered: boolean;
  };
}

/** Whose evidence a gain rests on: the node's own load, the loads of its type together, or no load at all. */
export const GAIN_EVIDENCE = ['own', 'type', 'prior'] as const;
export type GainEvidence = (typeof GAIN_EVIDENCE)[number];

/** A level (power with the chips at 0 W) is known by itself only where the node was seen on and off; else in the sum. */
export const LEVEL_EVIDENCE = ['own', 'sum'] as const;
export type LevelEvidence = (typeof LEVEL_EVIDENCE)[number];

/** By which rule a sum of levels is divided: in equal parts, by nameplate, or as metered nodes of the type show. */
export const LEVEL_RULES = ['equal', 'nameplate', 'type'] as const;
export type LevelRule = (typeof LEVEL_RULES)[number];

/** What ties the model of a node behind a shared meter to its siblings, which were fitted with it. */
export interface SharedPart {
  /** The group of points and nodes, and the joint fit: siblings carry the same. */
  readonly group: string;
  readonly fit: string;
  /** All nodes of the group in the order of the covariance. */
  readonly nodes: readonly string[];
  /** Of this node's [level, gains] with those of all nodes, row by row; W², W and 1. */
  readonly covariance: readonly number[];
  readonly levelRule: LevelRule;
  readonly levelEvidence: LevelEvidence;
  /** In the order of the terms. */
  readonly gainEvidence: readonly GainEvidence[];
}

/** Why a version of a model was issued: a closed list, since programs and auditors ask for it. */
export const VERSION_REASONS = [
  'first-fit',
  'more-evidence',
  'level-stepped',
  'level-drifted',
  're-anchored',
  'configuration-changed',
  'expired',
] as const;
export type VersionReason = (typeof VERSION_REASONS)[number];

/** What a model was made of and what it replaces; a model without it was fitted from files and is the first of its life. */
export interface ModelLife {
  /** Id of the version before; empty for the first. */
  readonly supersedes: string;
  readonly because: VersionReason;
  /** Begin of the regime and configuration that it holds for: evidence from before is not mixed in. */
  readonly sinceNs: InstantNs;
  /** When the meter last agreed with it. */
  readonly checkedNs: InstantNs;
  /** Instruments that the evidence came from. */
  readonly sources: readonly string[];
  readonly config: ConfigFingerprint;
  /** The level was metered anew since the fit: already in the intercept, with what the fit itself had said of the level. */
  readonly anchor?: {
    readonly shiftW: number;
    readonly uncertaintyW: number;
    readonly fitLevelW: number;
    readonly fitLevelDof: number;
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
  /** How far it may be relied on; see `STANDINGS`. */
  readonly standing: Standing;
  /** Which gates it has not passed yet, in words, with what to do. */
  readonly open: readonly string[];
  /** What was found against the evidence and mended by leaving it out, in words; absent where nothing was. */
  readonly notes?: readonly string[];
  /** 1 - chip energy / wall energy over the evidence. */
  readonly gapRatio: number;
  readonly detail?: CorrectionDetail;
  /** Set where several nodes share the meters that the model was fitted on. */
  readonly shared?: SharedPart;
  readonly life?: ModelLife;
}
