// The books of the meters over a period: what each counted and where it went, how complete it is, and the gates.
import { type Refusal, refuse } from '../../quantity/fault.ts';
import type { Kind, PointId, Quality } from '../../quantity/quality.ts';
import type { DurationNs, InstantNs, Interval } from '../../quantity/time.ts';
import type { AccountsPlan, Certificate, MeterPlan } from './accounts-plan.ts';
import { ruleAt } from './accounts-plan.ts';
import { formatDecimal } from './decimal.ts';
import type { OrderedMeter } from './meter-order.ts';
import type { MeterFlow } from './post-interval.ts';
import type { KnownStatement, PeriodPorts } from './period-ports.ts';
import type { DividedSpan, MeterLine, SettlementLine } from './settlement-line.ts';

export interface Completeness {
  readonly expectedCount: number;
  readonly settledCount: number;
}

/** Qualities that do not change any more; a provisional number is posted, and counts as not there yet. */
const FINAL: readonly Quality[] = [
  'actual',
  'verified',
  'scaled',
  'interpolated',
  'like-day',
  'derived',
];

interface Page {
  readonly plan: MeterPlan;
  readonly digest: ReturnType<PeriodPorts['digest']>;
  measuredUj: bigint;
  joinedUj: bigint;
  toMetersUj: bigint;
  settledCount: number;
}

export class MeterBook {
  readonly #pages: readonly Page[];
  readonly #byPoint: ReadonlyMap<PointId, Page>;
  readonly #period: Interval;
  readonly #interval: DurationNs;

  constructor(
    plan: AccountsPlan,
    period: Interval,
    interval: DurationNs,
    digest: PeriodPorts['digest'],
  ) {
    this.#period = period;
    this.#interval = interval;
    this.#pages = [...plan.meters]
      .sort((a, b) => (a.point < b.point ? -1 : 1))
      .map((meter) => ({
        plan: meter,
        digest: digest(),
        measuredUj: 0n,
        joinedUj: 0n,
        toMetersUj: 0n,
        settledCount: 0,
      }));
    this.#byPoint = new Map(this.#pages.map((page) => [page.plan.point, page]));
  }

  add(
    flows: readonly MeterFlow[],
    order: readonly OrderedMeter[],
    known: (point: PointId, kind: Kind) => KnownStatement | undefined,
  ): void {
    for (const { meter, measuredUj, joinedUj, toMetersUj } of flows) {
      const page = this.#byPoint.get(meter);
      if (!page) continue;
      page.measuredUj += measuredUj ?? 0n;
      page.joinedUj += joinedUj;
      page.toMetersUj += toMetersUj;
      const one = known(meter, page.plan.kind);
      if (one) page.digest.add(one.sha256);
      if (one?.statement.energyUj !== undefined && FINAL.includes(one.statement.quality)) {
        page.settledCount += 1;
      }
    }
    for (const { meter, rule } of order) {
      if (rule.is !== 'nodes') continue;
      const page = this.#byPoint.get(meter.point);
      for (const { node } of rule.nodes) {
        const part = known(node, 'allocated');
        if (part) page?.digest.add(part.sha256);
      }
    }
  }

  lines(): readonly MeterLine[] {
    return this.#pages.map(({ plan, digest, ...page }) => ({
      line: 'meter',
      meter: plan.point,
      measuredUj: page.measuredUj,
      joinedUj: page.joinedUj,
      toMetersUj: page.toMetersUj,
      toAccountsUj: page.measuredUj + page.joinedUj - page.toMetersUj,
      expectedCount: this.#expectedOf(plan),
      settledCount: page.settledCount,
      statementsSha256: digest.hex(),
      certificate: standingOf(plan.certificate, this.#period),
      certificateId: plan.certificate?.id ?? '',
      postedFromNs: postedFrom(plan, this.#period),
      dividedBy: dividedSpans(plan, this.#period),
    }));
  }

  completeness(): Completeness {
    return {
      expectedCount: this.#pages.reduce((sum, { plan }) => sum + this.#expectedOf(plan), 0),
      settledCount: this.#pages.reduce((sum, { settledCount }) => sum + settledCount, 0),
    };
  }

  /** Intervals of the period in which the meter has a rule. */
  #expectedOf(meter: MeterPlan): number {
    const firstNs = meter.rules[0]?.fromNs ?? this.#period.untilNs;
    const fromNs = firstNs > this.#period.fromNs ? firstNs : this.#period.fromNs;
    if (ruleAt(meter, this.#period.untilNs) === undefined || fromNs >= this.#period.untilNs) {
      return 0;
    }
    return Number((this.#period.untilNs - fromNs) / this.#interval);
  }
}

function postedFrom({ rules }: MeterPlan, period: Interval): InstantNs | undefined {
  const first = rules[0]?.fromNs;
  return first !== undefined && first > period.fromNs && first < period.untilNs ? first : undefined;
}

const dividedSpans = ({ rules }: MeterPlan, period: Interval): readonly DividedSpan[] =>
  rules.flatMap(({ fromNs, rule }, index) => {
    if (rule.is !== 'nodes') return [];
    const from = fromNs > period.fromNs ? fromNs : period.fromNs;
    const next = rules[index + 1]?.fromNs ?? period.untilNs;
    const until = next < period.untilNs ? next : period.untilNs;
    const nodes = rule.nodes.map(({ node }) => node);
    return from < until ? [{ fromNs: from, untilNs: until, nodes }] : [];
  });

const standingOf = (
  certificate: Certificate | undefined,
  period: Interval,
): MeterLine['certificate'] => {
  if (certificate === undefined) return 'none';
  const holds = certificate.calibratedNs <= period.fromNs && certificate.dueNs >= period.untilNs;
  return holds ? 'valid' : 'expired';
};

/** Completeness of each meter and of all, and what is unaccounted for against its limits. */
export function* gatesOf(plan: AccountsPlan, lines: readonly SettlementLine[]): Generator<Refusal> {
  let expected = 0;
  let settled = 0;
  for (const line of lines) {
    if (line.line !== 'meter') continue;
    expected += line.expectedCount;
    settled += line.settledCount;
    if (line.settledCount * 100 >= plan.eachPercent * line.expectedCount) continue;
    yield refuse(
      'settle.incomplete',
      `${line.meter} has ${String(line.settledCount)} of ${String(line.expectedCount)} intervals, less than ${String(plan.eachPercent)} %`,
      'wait for late readings, or settle provisionally',
    );
  }
  if (settled * 100 < plan.allPercent * expected) {
    yield refuse(
      'settle.incomplete',
      `all meters together have ${String(settled)} of ${String(expected)} intervals, less than ${String(plan.allPercent)} %`,
      'wait for late readings, or settle provisionally',
    );
  }
  for (const account of plan.accounts.values()) {
    if (account.limitPercent === undefined) continue;
    const { digits, placesCount } = account.limitPercent;
    const [restUj, throughUj] = flowInto(account.id, lines);
    const magnitude = restUj < 0n ? -restUj : restUj;
    if (magnitude * 100n * 10n ** BigInt(placesCount) <= throughUj * digits) continue;
    yield refuse(
      'settle.unaccounted',
      `${account.id} has ${String(restUj)} µJ of ${String(throughUj)}, more than ${formatDecimal(account.limitPercent)} %`,
      'look for a swapped channel, a meter that is missing or a wrong ratio; else raise the limit',
    );
  }
}

/** Energy of an account, and energy through the meters that post to it. */
function flowInto(account: string, lines: readonly SettlementLine[]): [bigint, bigint] {
  let restUj = 0n;
  const meters = new Set<PointId>();
  for (const line of lines) {
    if (line.line !== 'energy' || line.account !== account) continue;
    restUj += line.energyUj;
    meters.add(line.meter);
  }
  let throughUj = 0n;
  for (const line of lines) {
    if (line.line === 'meter' && meters.has(line.meter)) {
      throughUj += line.measuredUj + line.joinedUj;
    }
  }
  return [restUj, throughUj];
}
