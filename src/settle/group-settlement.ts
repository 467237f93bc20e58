// Which intervals of a group behind shared meters are due. The parts of an interval are issued together, after the metered
// statements that they divide, and settled again together whenever one of these has a new version or chips come late.
import type { EnergyCurve } from '../align/energy-curve.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import type { PointId } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { type DurationNs, type InstantNs, instantNs, type Interval } from '../quantity/time.ts';
import {
  type Draft,
  REVISIT_INTERVALS,
  sameOutcome,
  type SettledBefore,
  TURN_COUNT,
  versioned,
  WAIT,
} from './draft.ts';
import { type GroupNodePlan, settleGroup } from './settle-group.ts';
import { chipEnergies } from './settle-node.ts';

export interface GroupSources {
  chips(node: string): ReadonlyMap<string, EnergyCurve>;
  /** Models of all nodes of the group, of one joint fit: of the one that is named, where it is still known. */
  groupModels(group: string, fit?: string): readonly CorrectionModel[] | undefined;
  current(
    point: PointId,
    kind: 'metered' | 'allocated',
    startNs: InstantNs,
  ): SettledBefore | undefined;
  newestStart(point: PointId, kind: 'metered' | 'allocated'): InstantNs | undefined;
}

export interface GroupPlan {
  readonly id: string;
  readonly account: PointId;
  readonly points: readonly PointId[];
  readonly nodes: readonly GroupNodePlan[];
}

export interface GroupTiming {
  readonly interval: DurationNs;
  readonly settleAfter: DurationNs;
  readonly core: string;
}

export class GroupSettlement {
  readonly plan: GroupPlan;
  private readonly timing: GroupTiming;
  private readonly sources: GroupSources;
  private nextStart: InstantNs | undefined;
  private readonly open = new Set<bigint>();

  constructor(plan: GroupPlan, timing: GroupTiming, sources: GroupSources) {
    this.plan = plan;
    this.timing = timing;
    this.sources = sources;
  }

  /** Statements that are due now: for each interval those of the nodes and, last, of the remainder. */
  due(nowNs: InstantNs): IntervalStatement[] {
    const statements: IntervalStatement[] = [];
    this.revisit(nowNs, statements);
    this.nextStart ??= this.resume();
    for (let turn = 0; this.nextStart !== undefined && turn < TURN_COUNT; turn += 1) {
      const interval = this.intervalFrom(this.nextStart);
      if (interval.untilNs > nowNs) break;
      const overdue = nowNs >= interval.untilNs + this.timing.settleAfter;
      const drafts = this.settle(interval, overdue, this.sources.groupModels(this.plan.id));
      if (drafts === WAIT) break;
      this.issue(drafts, interval.fromNs, statements);
      if (isOpen(drafts.at(-1))) this.open.add(interval.fromNs);
      this.nextStart = interval.untilNs;
    }
    return statements;
  }

  /** Earliest start that may still be settled or settled again. */
  horizon(nowNs: InstantNs): InstantNs {
    let earliest: bigint = this.nextStart ?? nowNs;
    for (const start of this.open) if (start < earliest) earliest = start;
    return instantNs(earliest);
  }

  /** Only what says something new: after a crash in the middle of an append some parts are in the ledger already. */
  private issue(drafts: readonly Draft[], startNs: InstantNs, into: IntervalStatement[]): void {
    for (const draft of drafts) {
      const before = this.sources.current(draft.point, 'allocated', startNs);
      if (before && sameOutcome(before.statement, draft)) continue;
      into.push(versioned(draft, before, this.timing.core));
    }
  }

  private settle(
    interval: Interval,
    overdue: boolean,
    models: readonly CorrectionModel[] | undefined,
  ): readonly Draft[] | typeof WAIT {
    const metered = new Map<PointId, IntervalStatement>();
    for (const point of this.plan.points) {
      const before = this.sources.current(point, 'metered', interval.fromNs);
      // The parts divide what the ledger says, so the ledger must have said it.
      if (!before) return WAIT;
      metered.set(point, before.statement);
    }
    const chips = new Map<string, ReadonlyMap<string, number> | undefined>();
    for (const { id } of this.plan.nodes) {
      const energies = chipEnergies(this.sources.chips(id), interval, overdue);
      if (energies === WAIT) return WAIT;
      chips.set(id, energies);
    }
    const { account, nodes } = this.plan;
    return settleGroup({ account, nodes, metered, chips, models }, interval);
  }

  private revisit(nowNs: InstantNs, into: IntervalStatement[]): void {
    for (const start of this.open) {
      const startNs = instantNs(start);
      // One interval more than a meter has, so that its last word is heard.
      if (nowNs - startNs > this.timing.interval * (REVISIT_INTERVALS + 1n)) {
        this.open.delete(start);
        continue;
      }
      const issued = this.sources.current(this.plan.account, 'allocated', startNs);
      if (!issued) continue;
      const drafts = this.settle(this.intervalFrom(startNs), true, this.modelsOf(issued));
      if (drafts === WAIT) continue;
      this.issue(drafts, startNs, into);
      if (!isOpen(drafts.at(-1))) this.open.delete(start);
    }
  }

  /** Settled again with the models it was issued with; where no energy was known then, with those of now. */
  private modelsOf({ statement }: SettledBefore): readonly CorrectionModel[] | undefined {
    if (statement.because === 'settle.no-shares') return undefined;
    return this.sources.groupModels(
      this.plan.id,
      statement.model === '' ? undefined : statement.model,
    );
  }

  /** Behind the newest remainder, or at the first interval for which every meter has a statement. */
  private resume(): InstantNs | undefined {
    const newest = this.sources.newestStart(this.plan.account, 'allocated');
    if (newest === undefined) return this.first();
    for (let back = 0n; back < REVISIT_INTERVALS; back += 1n) {
      const startNs = instantNs(newest - back * this.timing.interval);
      const known = this.sources.current(this.plan.account, 'allocated', startNs);
      if (known && isOpen(known.statement)) this.open.add(startNs);
    }
    return instantNs(newest + this.timing.interval);
  }

  private first(): InstantNs | undefined {
    let latest: InstantNs | undefined;
    for (const point of this.plan.points) {
      let start = this.sources.newestStart(point, 'metered');
      if (start === undefined) return undefined;
      for (let back = 0n; back < REVISIT_INTERVALS; back += 1n) {
        const before: InstantNs = instantNs(start - this.timing.interval);
        if (!this.sources.current(point, 'metered', before)) break;
        start = before;
      }
      if (latest === undefined || start > latest) latest = start;
    }
    return latest;
  }

  private intervalFrom(startNs: InstantNs): Interval {
    return { fromNs: startNs, untilNs: instantNs(startNs + this.timing.interval) };
  }
}

/**
 * An interval is open while a meter may still say otherwise or chips may still come; what was issued before there was any
 * model stays unallocated, since a meter that improves is no reason for a node to be charged for the past.
 */
const isOpen = (remainder: Pick<Draft, 'quality' | 'because'> | undefined): boolean =>
  remainder !== undefined &&
  (remainder.quality === 'provisional' ||
    remainder.quality === 'missing' ||
    (remainder.quality === 'partial' && remainder.because !== 'settle.no-shares'));
