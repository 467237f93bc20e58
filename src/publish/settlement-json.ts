// A settlement as JSON: each line as it is hashed and handed out, and the document of the log entry that holds their root.
// Energy is decimal text in µJ, kWh and money are decimal text with the places of the tariff.
import type { Refusal } from '../quantity/fault.ts';
import { kwhOfJoules } from '../quantity/format.ts';
import type { Quality } from '../quantity/quality.ts';
import { formatInstant, type Interval } from '../quantity/time.ts';
import {
  combinedJ,
  coverageFactor,
  effectiveDof,
  type UncertaintyParts,
} from '../quantity/uncertainty.ts';
import { formatDecimal } from '../settle/accounts/decimal.ts';
import type { Money, SettlementLine } from '../settle/accounts/settlement-line.ts';

export type LineJson = Readonly<Record<string, unknown>>;

/** 1e-9 kWh is 3.6 mJ, below every uncertainty that is stated. */
const U_DIGITS_COUNT = 9;

const moneyJson = (money: Money | undefined): LineJson =>
  money ? { price: formatDecimal(money.price), amount: formatDecimal(money.amount) } : {};

/** Expanded uncertainty with k and ν_eff, and the three standard parts it was combined from. */
function uncertaintyJson(parts: UncertaintyParts): LineJson {
  const dof = effectiveDof(parts);
  const k = coverageFactor(dof);
  return {
    u_kwh: kwhOfJoules(k * combinedJ(parts)).toFixed(U_DIGITS_COUNT),
    k: k.toFixed(2),
    dof: Number.isFinite(dof) ? dof.toFixed(1) : 'infinity',
    u_sys_kwh: kwhOfJoules(parts.systematicJ).toFixed(U_DIGITS_COUNT),
    u_ind_kwh: kwhOfJoules(parts.independentJ).toFixed(U_DIGITS_COUNT),
    u_edge_kwh: kwhOfJoules(parts.edgeJ).toFixed(U_DIGITS_COUNT),
  };
}

const qualityJson = (byQuality: ReadonlyMap<Quality, bigint>): LineJson =>
  Object.fromEntries([...byQuality].map(([quality, energyUj]) => [quality, energyUj.toString()]));

export function settlementLineJson(line: SettlementLine): LineJson {
  switch (line.line) {
    case 'energy':
      return {
        line: line.line,
        account: line.account,
        meter: line.meter,
        bucket: line.bucket,
        energy_uj: line.energyUj.toString(),
        kwh: formatDecimal(line.kwh),
        ...uncertaintyJson(line.uncertainty),
        quality_uj: qualityJson(line.byQuality),
        ...moneyJson(line.money),
      };
    case 'uplift':
      return {
        line: line.line,
        account: line.account,
        bucket: line.bucket,
        factor: formatDecimal(line.factor),
        energy_uj: line.energyUj.toString(),
        kwh: formatDecimal(line.kwh),
        ...moneyJson(line.money),
      };
    case 'demand':
      return {
        line: line.line,
        account: line.account,
        start: formatInstant(line.startNs),
        duration_s: 900,
        power_w: line.powerW.toFixed(6),
        u_w: line.expandedW.toFixed(6),
        kw: formatDecimal(line.kw),
        ...moneyJson(line.money),
      };
    case 'remainder':
      return { line: line.line, account: line.account, energy_uj: line.energyUj.toString() };
    case 'total':
      return {
        line: line.line,
        account: line.account,
        kind: line.kind,
        energy_uj: line.energyUj.toString(),
        kwh: formatDecimal(line.kwh),
        ...uncertaintyJson(line.uncertainty),
        quality_uj: qualityJson(line.byQuality),
        ...(line.amount ? { amount: formatDecimal(line.amount), currency: line.currency } : {}),
      };
    case 'meter':
      return {
        line: line.line,
        meter: line.meter,
        measured_uj: line.measuredUj.toString(),
        joined_uj: line.joinedUj.toString(),
        to_meters_uj: line.toMetersUj.toString(),
        to_accounts_uj: line.toAccountsUj.toString(),
        expected: line.expectedCount,
        settled: line.settledCount,
        statements_sha256: line.statementsSha256,
        certificate: line.certificate,
        certificate_id: line.certificateId,
        ...(line.postedFromNs === undefined ? {} : { from: formatInstant(line.postedFromNs) }),
        ...(line.dividedBy.length === 0
          ? {}
          : {
              divided_by: line.dividedBy.map(({ fromNs, untilNs, nodes }) => ({
                from: formatInstant(fromNs),
                until: formatInstant(untilNs),
                nodes,
              })),
            }),
      };
    case 'check':
      return {
        line: line.line,
        meter: line.meter,
        check: line.check,
        verdict: line.verdict,
        ...(line.startNs === undefined ? {} : { start: formatInstant(line.startNs) }),
        says: line.says,
      };
  }
}

export interface SettlementHead {
  readonly settlement: string;
  readonly site: string;
  readonly rehearsal: boolean;
  readonly period: Interval;
  readonly zone: string;
  readonly intervalS: number;
  readonly version: number;
  /** SHA-256 of the entry that it replaces by a difference; empty for the first. */
  readonly supersedes: string;
  readonly reason: string;
  readonly refusals: readonly Refusal[];
  readonly accountsSha256: string;
  readonly core: string;
  readonly timeZones: string;
  readonly linesCount: number;
  readonly linesRoot: string;
}

/** What the log entry of a settlement says. It is final only where every gate let it pass. */
export const settlementDocument = (head: SettlementHead): LineJson => ({
  settlement: head.settlement,
  site: head.site,
  ...(head.rehearsal ? { rehearsal: true } : {}),
  from: formatInstant(head.period.fromNs),
  until: formatInstant(head.period.untilNs),
  zone: head.zone,
  time_zones: head.timeZones,
  interval_s: head.intervalS,
  version: head.version,
  standing: head.refusals.length === 0 ? 'final' : 'provisional',
  refused: head.refusals.map(({ code, because }) => ({ code, because })),
  supersedes: head.supersedes,
  reason: head.reason,
  accounts_sha256: head.accountsSha256,
  core: head.core,
  lines_count: head.linesCount,
  lines_root: head.linesRoot,
});
