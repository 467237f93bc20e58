// Which intervals are due, in which order, and in which version. It walks each point interval by interval, waits for
// the anchor behind the end, issues a provisional statement when that takes too long, and comes back when it arrives.
import type { CorrectionModel } from '../quantity/correction.ts';
import { type Kind, KINDS, type PointId } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import type { DurationNs, InstantNs, Interval } from '../quantity/time.ts';
import { alignedInterval, instantNs } from '../quantity/time.ts';
import {
  type Draft,
  REVISIT_INTERVALS,
  sameOutcome,
  type SettledBefore,
  TURN_COUNT,
  versioned,
  WAIT,
  withoutEnergy,
} from './draft.ts';
import { type GroupPlan, GroupSettlement, type GroupSources } from './group-settlement.ts';
import { type MeterEvidence, settleMeter } from './settle-meter.ts';
import { shapeEnergies } from './shape-energies.ts';
import { chipEnergies, settleChips, settleCorrected, sumFeeds } from './settle-node.ts';
import { mayReplace } from './vee/estimate-rank.ts';

export interface SettlementSources extends GroupSources {
  /** undefined until the meter has been read. */
  meter(point: PointId): MeterEvidence | undefined;
  model(node: string): CorrectionModel | undefined;
  /** The newest version in the ledger. */
  current(point: PointId, kind: Kind, startNs: InstantNs): SettledBefore | undefined;
  newestStart(point: PointId, kind: Kind): InstantNs | undefined;
}

export interface SettlementPlan {
  readonly interval: DurationNs;
  readonly settleAfter: DurationNs;
  readonly points: readonly PointId[];
  /** `fedBy` is what feeds this node alone: a node behind shared meters has none, but a part in a group. */
  readonly nodes: readonly { readonly id: string; readonly fedBy: readonly PointId[] }[];
  readonly groups: readonly GroupPlan[];
  /** Version and checksum of the metrological core. */
  readonly core: string;
  /** When the service first ran on this ledger: a meter that was never heard is missing from then on. */
  readonly startedNs: InstantNs;
}

type Settle = (interval: Interval, overdue: boolean) => Draft | typeof WAIT | undefined;

export class Settlement {
  private readonly plan: SettlementPlan;
  private readonly sources: SettlementSources;
  private readonly nextStart = new Map<string, InstantNs>();
  private readonly firstSettled = new Map<string, InstantNs>();
  private readonly open = new Map<string, Set<bigint>>();
  private readonly groups: readonly GroupSettlement[];

  constructor(plan: SettlementPlan, sources: SettlementSources) {
    this.plan = plan;
    this.sources = sources;
    this.groups = plan.groups.map((group) => new GroupSettlement(group, plan, sources));
  }

  /** Statements that are due now, in order; the caller appends them to the ledger before it asks again. */
  due(nowNs: InstantNs): IntervalStatement[] {
    const statements: IntervalStatement[] = [];
    for (const point of this.plan.points) {
      this.walk(
        point,
        'metered',
        nowNs,
        statements,
        () => this.firstOf([point]),
        this.meterOf(point),
      );
    }
    for (const node of this.plan.nodes) {
      const point: PointId = `node/${node.id}`;
      if (node.fedBy.length > 0) {
        const first = (): InstantNs | undefined => this.firstOf(node.fedBy);
        this.walk(point, 'metered', nowNs, statements, first, this.feedsOf(point, node.fedBy));
      }
      const firstChip = (): InstantNs | undefined => this.firstChip(node.id);
      this.walk(point, 'chip', nowNs, statements, firstChip, this.chipsOf(point, node.id));
      if (this.sources.model(node.id)) {
        const firstCorrected = (): InstantNs | undefined => this.firstCorrected(node.id);
        const settle = this.correctedOf(point, node.id);
        this.walk(point, 'corrected', nowNs, statements, firstCorrected, settle);
      }
    }
    for (const group of this.groups) statements.push(...group.due(nowNs));
    return statements;
  }

  /** Earliest start of a point that may still be settled or settled again; what lies before it may be forgotten. */
  horizonOf(point: PointId, nowNs: InstantNs): InstantNs {
    const group = this.groups.find(({ plan }) => plan.account === point);
    if (group) return group.horizon(nowNs);
    let earliest: bigint = nowNs;
    for (const kind of KINDS) {
      const key = `${point}|${kind}`;
      const pending = [this.nextStart.get(key) ?? nowNs, ...this.opened(key)];
      for (const start of pending) if (start < earliest) earliest = start;
    }
    return instantNs(earliest);
  }

  /** Start of the first interval that this run settled of a metered point; undefined before, or after a restart. */
  firstStart(point: PointId): InstantNs | undefined {
    return this.firstSettled.get(`${point}|metered`);
  }

  /** Start of the next interval to settle: the edge up to which the point is settled. */
  nextStartOf(point: PointId): InstantNs | undefined {
    return this.nextStart.get(`${point}|metered`);
  }

  private walk(
    point: PointId,
    kind: Kind,
    nowNs: InstantNs,
    into: IntervalStatement[],
    first: () => InstantNs | undefined,
    settle: Settle,
  ): void {
    const key = `${point}|${kind}`;
    this.revisit(key, point, kind, nowNs, into, settle);
    let startNs = this.nextStart.get(key) ?? this.resume(point, kind, nowNs, first);
    if (startNs === undefined) return;
    for (let turn = 0; turn < TURN_COUNT; turn += 1) {
      const interval = this.intervalFrom(startNs);
      if (interval.untilNs > nowNs) break;
      const overdue = nowNs >= interval.untilNs + this.plan.settleAfter;
      const draft = settle(interval, overdue);
      if (draft === WAIT || draft === undefined) break;
      into.push(versioned(draft, undefined, this.plan.core));
      if (isOpen(draft)) this.opened(key).add(startNs);
      if (!this.firstSettled.has(key)) this.firstSettled.set(key, startNs);
      startNs = interval.untilNs;
    }
    this.nextStart.set(key, startNs);
  }

  /** Settles again what was provisional or missing, once the curve knows better. */
  private revisit(
    key: string,
    point: PointId,
    kind: Kind,
    nowNs: InstantNs,
    into: IntervalStatement[],
    settle: Settle,
  ): void {
    const open = this.opened(key);
    for (const start of open) {
      const startNs = instantNs(start);
      if (nowNs - startNs > this.plan.interval * REVISIT_INTERVALS) {
        open.delete(start);
        continue;
      }
      const draft = settle(this.intervalFrom(startNs), false);
      if (draft === WAIT || draft === undefined || draft.quality === 'provisional') continue;
      const before = this.sources.current(point, kind, startNs);
      if (
        !before ||
        sameOutcome(before.statement, draft) ||
        !mayReplace(before.statement.quality, draft.quality)
      ) {
        if (before && !isOpen(before.statement)) open.delete(start);
        continue;
      }
      into.push(versioned(draft, before, this.plan.core));
      if (!isOpen(draft)) open.delete(start);
    }
  }

  /** Where to go on: behind the newest settled interval, or at the first whole one. */
  private resume(
    point: PointId,
    kind: Kind,
    nowNs: InstantNs,
    first: () => InstantNs | undefined,
  ): InstantNs | undefined {
    const newest = this.sources.newestStart(point, kind);
    if (newest === undefined) return first() ?? this.neverHeard(kind, nowNs);
    const key = `${point}|${kind}`;
    for (let back = 0n; back < REVISIT_INTERVALS; back += 1n) {
      const startNs = instantNs(newest - back * this.plan.interval);
      const known = this.sources.current(point, kind, startNs);
      if (known && isOpen(known.statement)) this.opened(key).add(startNs);
      const edge = known?.statement.anchors.find((anchors) => anchors.edge === 'until');
      if (back === 0n && edge) {
        this.sources.meter(point)?.edges.recall(this.intervalFrom(startNs).untilNs, edge);
      }
    }
    return instantNs(newest + this.plan.interval);
  }

  private meterOf(point: PointId): Settle {
    return (interval, overdue) => {
      const meter = this.sources.meter(point);
      if (meter) return settleMeter(point, meter, interval, overdue);
      if (!overdue) return WAIT;
      const identity = { point, kind: 'metered', tier: 1, method: 'register' } as const;
      return withoutEnergy(identity, interval, 'missing', 'settle.missing');
    };
  }

  private feedsOf(point: PointId, fedBy: readonly PointId[]): Settle {
    return (interval, overdue) => {
      const feeds: Draft[] = [];
      for (const feed of fedBy) {
        const draft = this.meterOf(feed)(interval, overdue);
        if (draft === WAIT || draft === undefined) return WAIT;
        feeds.push(draft);
      }
      return sumFeeds(point, feeds, interval);
    };
  }

  private chipsOf(point: PointId, node: string): Settle {
    return (interval, overdue) => {
      const energies = chipEnergies(this.sources.chips(node), interval, overdue);
      return energies === WAIT ? WAIT : settleChips(point, energies, interval);
    };
  }

  private correctedOf(point: PointId, node: string): Settle {
    return (interval, overdue) => {
      const model = this.sources.model(node);
      if (!model) return undefined;
      const chips = this.sources.chips(node);
      const energies = chipEnergies(chips, interval, overdue);
      if (energies === WAIT) return WAIT;
      const shapeJ = energies && shapeEnergies(model, chips, interval);
      return settleCorrected(point, energies, model, interval, shapeJ);
    };
  }

  private firstOf(points: readonly PointId[]): InstantNs | undefined {
    const firsts = points.map((point) => this.sources.meter(point)?.curve.firstAnchor()?.atNs);
    return this.firstWhole(firsts);
  }

  private firstChip(node: string): InstantNs | undefined {
    const curves = [...this.sources.chips(node).values()];
    return curves.length === 0
      ? undefined
      : this.firstWhole(curves.map((curve) => curve.firstAnchor()?.atNs));
  }

  /** A model speaks of what comes after its evidence, never of what it was fitted on. */
  private firstCorrected(node: string): InstantNs | undefined {
    const model = this.sources.model(node);
    return model ? this.firstWhole([model.fittedAtNs]) : undefined;
  }

  /** Silence from the start is reported too, once the first whole interval is overdue. */
  private neverHeard(kind: Kind, nowNs: InstantNs): InstantNs | undefined {
    if (kind === 'corrected') return undefined;
    const first = this.firstWhole([this.plan.startedNs]);
    const overdueNs = (first ?? nowNs) + this.plan.interval + this.plan.settleAfter;
    return nowNs >= overdueNs ? first : undefined;
  }

  private firstWhole(firsts: readonly (InstantNs | undefined)[]): InstantNs | undefined {
    let latest: InstantNs | undefined;
    for (const firstNs of firsts) {
      if (firstNs === undefined) return undefined;
      if (latest === undefined || firstNs > latest) latest = firstNs;
    }
    if (latest === undefined) return undefined;
    const interval = alignedInterval(latest, this.plan.interval);
    return interval.fromNs === latest ? latest : interval.untilNs;
  }

  private intervalFrom(startNs: InstantNs): Interval {
    return { fromNs: startNs, untilNs: instantNs(startNs + this.plan.interval) };
  }

  private opened(key: string): Set<bigint> {
    let open = this.open.get(key);
    if (!open) {
      open = new Set();
      this.open.set(key, open);
    }
    return open;
  }
}

/**
 * Only measurement may improve: a corrected interval keeps the model it was issued with. What chips alone said of a meter is
 * open until its register says it.
 */
const isOpen = ({ kind, quality }: Pick<Draft, 'quality' | 'kind'>): boolean =>
  (kind !== 'corrected' && (quality === 'provisional' || quality === 'missing')) ||
  (kind === 'metered' && quality === 'derived');
