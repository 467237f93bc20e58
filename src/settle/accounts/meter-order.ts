// The graph of meters at one instant: who is behind whom, in an order in which every meter comes after those that post
// into it. Found once for each stretch of time between two changes of the plan.
import type { PointId } from '../../quantity/quality.ts';
import { type InstantNs, instantNs } from '../../quantity/time.ts';
import {
  type AccountsPlan,
  type MeterPlan,
  type PlanTrouble,
  type PostingRule,
  ruleAt,
} from './accounts-plan.ts';

export interface OrderedMeter {
  readonly meter: MeterPlan;
  readonly rule: PostingRule;
  /** The meter that counts this one's energy as well. */
  readonly parent: PointId | undefined;
}

/** Instants at which a rule begins, rising. */
export const changesOf = (plan: AccountsPlan): readonly InstantNs[] =>
  [...new Set(plan.meters.flatMap(({ rules }) => rules.map(({ fromNs }): bigint => fromNs)))]
    .sort((a, b) => (a < b ? -1 : 1))
    .map(instantNs);

/** Meters that have a rule at the instant, or what is wrong with the graph then. */
export function meterOrder(
  plan: AccountsPlan,
  atNs: InstantNs,
): readonly OrderedMeter[] | PlanTrouble {
  const rules = new Map<PointId, { meter: MeterPlan; rule: PostingRule }>();
  for (const meter of plan.meters) {
    const rule = ruleAt(meter, atNs);
    if (rule) rules.set(meter.point, { meter, rule });
  }
  const parents = new Map<PointId, PointId>();
  const into = new Map<PointId, PointId[]>();
  for (const [point, { rule }] of rules) {
    const others = rule.is === 'children' ? rule.children : rule.is === 'joins' ? [rule.meter] : [];
    for (const other of others) {
      if (!rules.has(other)) {
        return {
          point,
          what: `it names ${other}, which has no rule at that time`,
          remedy: `add ${other} under meters, from the same instant on`,
        };
      }
      const known = parents.get(other);
      if (rule.is === 'children' && known !== undefined) {
        return {
          point: other,
          what: `it is behind ${known} and behind ${point}, so its energy would be posted twice`,
          remedy: 'name it as a child of one meter only',
        };
      }
      if (rule.is === 'children') parents.set(other, point);
      else into.set(other, [...(into.get(other) ?? []), point]);
    }
  }
  const ordered: OrderedMeter[] = [];
  const done = new Set<PointId>();
  const underWay = new Set<PointId>();
  const visit = (point: PointId): PlanTrouble | undefined => {
    const found = rules.get(point);
    if (done.has(point) || !found) return undefined;
    if (underWay.has(point)) {
      return {
        point,
        what: 'its energy would go round in a circle',
        remedy: 'let every chain of meters end at accounts',
      };
    }
    underWay.add(point);
    const parent = parents.get(point);
    for (const before of [...(parent === undefined ? [] : [parent]), ...(into.get(point) ?? [])]) {
      const trouble = visit(before);
      if (trouble) return trouble;
    }
    done.add(point);
    ordered.push({ ...found, parent });
    return undefined;
  };
  for (const point of [...rules.keys()].sort()) {
    const trouble = visit(point);
    if (trouble) return trouble;
  }
  return ordered;
}

/** What is wrong with the plan at any time, or undefined. */
export function troubleOf(plan: AccountsPlan): PlanTrouble | undefined {
  for (const atNs of changesOf(plan)) {
    const order = meterOrder(plan, atNs);
    if ('what' in order) return order;
  }
  return undefined;
}
