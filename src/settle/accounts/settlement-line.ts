// The lines of a settlement: what each account used, in energy and in money, and how every meter came out. Energy is exact;
// kWh and money are rounded once per line, and what rounding took is a line of its own.
import type { PointId, Quality } from '../../quantity/quality.ts';
import type { InstantNs, Interval } from '../../quantity/time.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import type { Finding } from '../vee/interval-checks.ts';
import type { Decimal } from './decimal.ts';

export interface Money {
  readonly price: Decimal;
  readonly amount: Decimal;
}

/** Energy of one account through one meter, in one time of use. */
export interface EnergyLine {
  readonly line: 'energy';
  readonly account: string;
  readonly meter: PointId;
  readonly bucket: string;
  readonly energyUj: bigint;
  readonly kwh: Decimal;
  readonly uncertainty: UncertaintyParts;
  /** µJ by quality: what of it was measured and what estimated. */
  readonly byQuality: ReadonlyMap<Quality, bigint>;
  readonly money: Money | undefined;
}

/** What is charged on top for what it takes to bring energy to the account: PUE or losses, by an agreed factor. */
export interface UpliftLine {
  readonly line: 'uplift';
  readonly account: string;
  readonly bucket: string;
  readonly factor: Decimal;
  readonly energyUj: bigint;
  readonly kwh: Decimal;
  readonly money: Money | undefined;
}

export interface DemandLine {
  readonly line: 'demand';
  readonly account: string;
  readonly startNs: InstantNs;
  /** Mean power over the 15 minutes. */
  readonly powerW: number;
  readonly kw: Decimal;
  readonly expandedW: number;
  readonly money: Money | undefined;
}

/** Exact energy less the energy of the rounded lines: what rounding to kWh took or gave. */
export interface RemainderLine {
  readonly line: 'remainder';
  readonly account: string;
  readonly energyUj: bigint;
}

export interface TotalLine {
  readonly line: 'total';
  readonly account: string;
  readonly kind: string;
  /** Exact, without uplift. */
  readonly energyUj: bigint;
  /** Sum of the rounded lines, uplift included. */
  readonly kwh: Decimal;
  readonly uncertainty: UncertaintyParts;
  readonly byQuality: ReadonlyMap<Quality, bigint>;
  /** Sum of the rounded amounts; undefined without a tariff. */
  readonly amount: Decimal | undefined;
  readonly currency: string;
}

/** How one meter came out: whatever it counted went somewhere. */
export interface MeterLine {
  readonly line: 'meter';
  readonly meter: PointId;
  readonly measuredUj: bigint;
  readonly joinedUj: bigint;
  readonly toMetersUj: bigint;
  readonly toAccountsUj: bigint;
  readonly expectedCount: number;
  /** Intervals with an energy that is final. */
  readonly settledCount: number;
  /** SHA-256 over the hashes of the statements used, 32 bytes each, in the order of time. */
  readonly statementsSha256: string;
  /** `valid`, `expired` or `none`, over the whole period: an expired link takes revenue quality away. */
  readonly certificate: 'valid' | 'expired' | 'none';
  readonly certificateId: string;
  /** From when on it is posted, where that is within the period. */
  readonly postedFromNs: InstantNs | undefined;
  /** When it was divided by the parts of which nodes; empty for a meter that never was. */
  readonly dividedBy: readonly DividedSpan[];
}

/** A stretch of the period in which a rule of nodes held. */
export interface DividedSpan extends Interval {
  readonly nodes: readonly PointId[];
}

/** What validation found of one meter; a check that passed has no line. */
export interface CheckLine extends Finding {
  readonly line: 'check';
  readonly meter: PointId;
}

export type SettlementLine =
  EnergyLine | UpliftLine | DemandLine | RemainderLine | TotalLine | MeterLine | CheckLine;
