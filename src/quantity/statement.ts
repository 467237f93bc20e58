// The interval statement: what one point used in one interval, how sure we are, and where the number comes from.
// Its canonical JSON (RFC 8785) is what the ledger hashes; `leaf` is assigned on append and is no part of it.
import type { FaultCode } from './fault.ts';
import type { Kind, PointId, Quality, Tier } from './quality.ts';
import type { DurationNs, InstantNs } from './time.ts';
import type { UncertaintyParts } from './uncertainty.ts';
import type { Microjoules, Watts } from './units.ts';

/** A place where the settlement curve is pinned: register count x quantum at an instant. */
export interface Anchor {
  readonly atNs: InstantNs;
  readonly energyUj: Microjoules;
}

/** What a reader of the number should know beside its quality; closed. */
export const STATEMENT_FLAGS = [
  'edge-bracket-wide',
  'hole-bridged-by-register',
  'clock-not-synchronised',
  'refresh-unknown',
  'integrated-power',
  'phase-reversed',
  'shares-off-meter',
] as const;
export type StatementFlag = (typeof STATEMENT_FLAGS)[number];

/** Of one meter, the curve at an edge of the interval and the anchors around it; the curve passes through both. */
export interface EdgeAnchors {
  readonly source: string;
  readonly edge: 'from' | 'until';
  /** The curve at the edge, rounded once; the neighbouring interval uses the same number. */
  readonly energyUj: Microjoules;
  readonly before: Anchor;
  readonly after: Anchor;
  /** Where the edge lies in a hole that chips gave the shape of: their models. */
  readonly models?: readonly string[] | undefined;
}

export interface IntervalStatement {
  readonly point: PointId;
  readonly kind: Kind;
  readonly startNs: InstantNs;
  readonly durationNs: DurationNs;
  /** undefined exactly where quality is `missing` or `refused`. */
  readonly energyUj: Microjoules | undefined;
  readonly uncertainty: UncertaintyParts;
  readonly quality: Quality;
  /** How the number came to be: `register`, `register+power`, `sum`, `model`, ... */
  readonly method: string;
  readonly tier: Tier;
  /** 1, then one more with each re-settlement of the same point, kind and start. */
  readonly version: number;
  /** SHA-256 (hex) of the canonical bytes of the version it replaces; empty for version 1. */
  readonly supersedes: string;
  readonly powerMeanW: Watts | undefined;
  readonly powerMaxW: Watts | undefined;
  /** Why a number is missing, refused, partial or provisional. */
  readonly because: FaultCode | undefined;
  /** Seconds of the interval that readings cover. */
  readonly coveredNs: DurationNs;
  readonly anchors: readonly EdgeAnchors[];
  readonly flags: readonly StatementFlag[];
  /** Id of the model that corrected the chips it was made from; empty where it was made from a meter. */
  readonly model: string;
  /** `version+checksum` of the metrological core (quantity decode align calibrate settle). */
  readonly core: string;
}

/** Identity of a statement whatever its version. */
export const statementKey = (
  statement: Pick<IntervalStatement, 'point' | 'kind' | 'startNs' | 'durationNs'>,
): string =>
  [statement.point, statement.kind, statement.startNs, statement.durationNs].map(String).join('|');
