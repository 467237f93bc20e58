// Double entry of one interval: what every meter counted is posted, to the microjoule, to meters behind it and to
// accounts. What enters a meter leaves it, so all accounts together have what the outermost meters counted.
import assert from 'node:assert/strict';
import type { Kind, PointId, Quality } from '../../quantity/quality.ts';
import type { IntervalStatement } from '../../quantity/statement.ts';
import { NO_UNCERTAINTY, type UncertaintyParts } from '../../quantity/uncertainty.ts';
import { joules } from '../../quantity/units.ts';
import { splitExactly } from '../allocate.ts';
import { worstOf } from '../draft.ts';
import { certified } from './certified.ts';
import { scaleWhole } from './decimal.ts';
import type { OrderedMeter } from './meter-order.ts';

export interface Posting {
  readonly meter: PointId;
  readonly account: string;
  /** Negative only for an unaccounted account: the meters behind counted more than the one before them. */
  readonly energyUj: bigint;
  readonly uncertainty: UncertaintyParts;
  readonly quality: Quality;
}

/** What went through one meter; `measuredUj` + `joinedUj` = `toMetersUj` + its postings. */
export interface MeterFlow {
  readonly meter: PointId;
  /** undefined where the interval has no energy. */
  readonly measuredUj: bigint | undefined;
  readonly joinedUj: bigint;
  readonly toMetersUj: bigint;
}

export interface PostedInterval {
  readonly postings: readonly Posting[];
  readonly flows: readonly MeterFlow[];
  /** What the outermost meters counted: all accounts together have exactly this. */
  readonly suppliedUj: bigint;
}

export type StatementOf = (point: PointId, kind: Kind) => IntervalStatement | undefined;

interface Inflow {
  readonly energyUj: bigint;
  readonly uncertainty: UncertaintyParts;
  readonly quality: Quality;
}

/** Posts one interval. Meters without energy post nothing; what lies behind them stands for itself. */
export function postInterval(
  order: readonly OrderedMeter[],
  statementOf: StatementOf,
): PostedInterval {
  const postings: Posting[] = [];
  const flows: MeterFlow[] = [];
  const joined = new Map<PointId, Inflow>();
  const kinds = new Map(order.map(({ meter }) => [meter.point, meter.kind] as const));
  const certificates = new Map(order.map(({ meter }) => [meter.point, meter.certificate] as const));
  const knownOf = (point: PointId, kind: Kind): Inflow | undefined => {
    const statement = statementOf(point, kind);
    return statement?.energyUj === undefined
      ? undefined
      : {
          energyUj: statement.energyUj,
          uncertainty: certified(statement, certificates.get(point)),
          quality: statement.quality,
        };
  };
  /** Meters whose energy is known and that count what is behind them. */
  const counting = new Set<PointId>();
  let suppliedUj = 0n;
  let postedUj = 0n;
  for (const { meter, rule, parent } of order) {
    const { point } = meter;
    const own = knownOf(point, meter.kind);
    const other = joined.get(point);
    const inflow = own && other ? sumOf(own, other) : (own ?? other);
    if (inflow && rule.is === 'children') counting.add(point);
    const isCountedBefore = parent !== undefined && counting.has(parent);
    if (own && !isCountedBefore) suppliedUj += own.energyUj;
    let toMetersUj = 0n;
    const before = postings.length;
    if (inflow) {
      if (rule.is === 'joins') {
        const already = joined.get(rule.meter);
        joined.set(rule.meter, already ? sumOf(already, inflow) : inflow);
        toMetersUj = inflow.energyUj;
      } else if (rule.is === 'children') {
        const children = rule.children.flatMap(
          (child) => knownOf(child, kinds.get(child) ?? 'metered') ?? [],
        );
        toMetersUj = children.reduce((sum, { energyUj }) => sum + energyUj, 0n);
        const lossUj = rule.losses ? scaleWhole(inflow.energyUj, percent(rule.losses.percent)) : 0n;
        if (rule.losses) {
          const account = rule.losses.account;
          postings.push(partOf(point, account, lossUj, inflow, 'derived'));
        }
        const energyUj = inflow.energyUj - toMetersUj - lossUj;
        postings.push(restOf(point, rule.unaccounted, energyUj, inflow, children));
      } else if (rule.is === 'nodes') {
        const parts = rule.nodes.flatMap(({ node, account }) => {
          const part = knownOf(node, 'allocated');
          return part ? [{ account, part }] : [];
        });
        for (const { account, part } of parts) postings.push({ meter: point, account, ...part });
        const allocated = parts.map(({ part }) => part);
        const partsUj = allocated.reduce((sum, { energyUj }) => sum + energyUj, 0n);
        const energyUj = inflow.energyUj - partsUj;
        postings.push(restOf(point, rule.unaccounted, energyUj, inflow, allocated));
      } else if (rule.is === 'shares') {
        const weights = rule.shares.map(({ weight }) => weight);
        const parts = splitExactly(inflow.energyUj, weights);
        rule.shares.forEach(({ account }, index) => {
          postings.push(partOf(point, account, parts[index] ?? 0n, inflow, 'derived'));
        });
      } else {
        postings.push({ meter: point, account: rule.account, ...inflow });
      }
    }
    const toAccountsUj = postings.slice(before).reduce((sum, { energyUj }) => sum + energyUj, 0n);
    assert.equal(toMetersUj + toAccountsUj, inflow?.energyUj ?? 0n, `${point} does not balance`);
    postedUj += toAccountsUj;
    flows.push({
      meter: point,
      measuredUj: own?.energyUj,
      joinedUj: other?.energyUj ?? 0n,
      toMetersUj,
    });
  }
  assert.equal(postedUj, suppliedUj, 'what was supplied is not what was posted');
  return { postings, flows, suppliedUj };
}

const percent = ({ digits, placesCount }: { digits: bigint; placesCount: number }) => ({
  digits,
  placesCount: placesCount + 2,
});

/** Meters of one make err alike, so systematic parts add; the others are independent. */
function sumOf(a: Inflow, b: Inflow): Inflow {
  const [one, two] = [a.uncertainty, b.uncertainty];
  return {
    energyUj: a.energyUj + b.energyUj,
    uncertainty: {
      systematicJ: joules(one.systematicJ + two.systematicJ),
      independentJ: joules(Math.hypot(one.independentJ, two.independentJ)),
      edgeJ: joules(Math.hypot(one.edgeJ, two.edgeJ)),
      dof: Math.min(one.dof, two.dof),
    },
    quality: worstOf([a.quality, b.quality]),
  };
}

/** A fixed share of a meter is as uncertain, relatively, as the meter; the share itself is an agreement. */
function partOf(
  meter: PointId,
  account: string,
  energyUj: bigint,
  whole: Inflow,
  quality: Quality,
): Posting {
  const shareRatio =
    whole.energyUj === 0n ? 0 : Math.abs(Number(energyUj) / Number(whole.energyUj));
  const { systematicJ, independentJ, edgeJ, dof } = whole.uncertainty;
  return {
    meter,
    account,
    energyUj,
    uncertainty: {
      systematicJ: joules(systematicJ * shareRatio),
      independentJ: joules(independentJ * shareRatio),
      edgeJ: joules(edgeJ * shareRatio),
      dof,
    },
    quality: worstOf([whole.quality, quality]),
  };
}

/** What is left of a meter after others: a difference, so that the errors of both sides count. */
function restOf(
  meter: PointId,
  account: string,
  energyUj: bigint,
  whole: Inflow,
  others: readonly Inflow[],
): Posting {
  const together = others.reduce((sum, next) => sumOf(sum, next), NOTHING);
  const [one, two] = [whole.uncertainty, together.uncertainty];
  return {
    meter,
    account,
    energyUj,
    uncertainty: {
      systematicJ: joules(Math.hypot(one.systematicJ, two.systematicJ)),
      independentJ: joules(Math.hypot(one.independentJ, two.independentJ)),
      edgeJ: joules(Math.hypot(one.edgeJ, two.edgeJ)),
      dof: Math.min(one.dof, two.dof),
    },
    quality: worstOf([whole.quality, together.quality, 'derived']),
  };
}

const NOTHING: Inflow = { energyUj: 0n, uncertainty: NO_UNCERTAINTY, quality: 'verified' };
