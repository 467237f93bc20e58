// The plan of accounts: where the energy of every meter goes, from when on. Meters and accounts are a graph without
// cycles; each rule of a meter holds from an instant until the next one does.
import type { Kind, PointId } from '../../quantity/quality.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { Decimal } from './decimal.ts';

/** `customer` is invoiced; energy that nobody used is kept by name: `losses` modelled, `unaccounted` left over. */
export const ACCOUNT_KINDS = ['customer', 'losses', 'unaccounted'] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

export interface Account {
  readonly id: string;
  readonly kind: AccountKind;
  readonly tariff: Tariff | undefined;
  /** PUE or loss uplift on what the account used, such as 1.35; undefined for none. */
  readonly uplift: Decimal | undefined;
  /** Of an unaccounted one: the share of what flows through its meters that it may have; beyond, nothing is settled. */
  readonly limitPercent: Decimal | undefined;
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A time of use: local civil time of day in [fromMinuteCount, untilMinuteCount) on these days. */
export interface Bucket {
  readonly name: string;
  readonly days: readonly Weekday[];
  /** Minutes since local midnight. */
  readonly fromMinuteCount: number;
  readonly untilMinuteCount: number;
  readonly price: Decimal;
}

export interface Tariff {
  readonly id: string;
  readonly currency: string;
  readonly moneyPlacesCount: number;
  readonly kwhPlacesCount: number;
  /** Per kWh, where no bucket matches. */
  readonly energyPrice: Decimal;
  /** Per kW of the highest 15-minute mean of the period; undefined where demand is not billed. */
  readonly demandPrice: Decimal | undefined;
  /** The first that matches counts. */
  readonly buckets: readonly Bucket[];
}

export type PostingRule =
  | { readonly is: 'account'; readonly account: string }
  | {
      readonly is: 'shares';
      readonly shares: readonly { readonly account: string; readonly weight: bigint }[];
    }
  | {
      readonly is: 'children';
      /** What lies behind this meter and is metered itself. */
      readonly children: readonly PointId[];
      readonly losses: { readonly account: string; readonly percent: Decimal } | undefined;
      readonly unaccounted: string;
    }
  | {
      readonly is: 'nodes';
      /** A shared meter: divided by the `allocated` statements of these nodes. */
      readonly nodes: readonly { readonly node: PointId; readonly account: string }[];
      readonly unaccounted: string;
    }
  /** A second feed of the same machines: posted together with that meter. */
  | { readonly is: 'joins'; readonly meter: PointId };

/** The certificate by which a meter's numbers are traceable (ISO/IEC 17025 §7.8). */
export interface Certificate {
  readonly id: string;
  readonly laboratory: string;
  readonly calibratedNs: InstantNs;
  readonly dueNs: InstantNs;
  /** Expanded uncertainty as certified, and its coverage factor. */
  readonly expandedPercent: number;
  readonly k: number;
}

export interface MeterPlan {
  readonly point: PointId;
  readonly kind: Kind;
  /** Rising in `fromNs`; the first holds from the beginning. */
  readonly rules: readonly { readonly fromNs: InstantNs; readonly rule: PostingRule }[];
  readonly certificate: Certificate | undefined;
  /** A second meter of the same circuit: compared over the period, posted nowhere. */
  readonly checkMeter?: PointId | undefined;
}

export interface AccountsPlan {
  readonly name: string;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly meters: readonly MeterPlan[];
  /** Settled intervals against expected ones: over all meters, and of each. */
  readonly allPercent: number;
  readonly eachPercent: number;
}

/** What does not belong together in a plan, by the point it is about. */
export interface PlanTrouble {
  readonly point: PointId;
  readonly what: string;
  readonly remedy: string;
}

export const ruleAt = (meter: MeterPlan, atNs: InstantNs): PostingRule | undefined =>
  meter.rules.findLast(({ fromNs }) => fromNs <= atNs)?.rule;

/** Accounts that a rule may post to. */
export function accountsOf(rule: PostingRule): readonly string[] {
  switch (rule.is) {
    case 'account':
      return [rule.account];
    case 'shares':
      return rule.shares.map(({ account }) => account);
    case 'children':
      return [...(rule.losses ? [rule.losses.account] : []), rule.unaccounted];
    case 'nodes':
      return [...rule.nodes.map(({ account }) => account), rule.unaccounted];
    case 'joins':
      return [];
  }
}
