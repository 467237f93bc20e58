// The meters of an accounts file: which rule holds from when on, and that it says one way in which the energy goes.
import { SiteFault } from '../../quantity/fault.ts';
import { isPointId, type PointId } from '../../quantity/quality.ts';
import { type DurationNs, instantNs, type InstantNs } from '../../quantity/time.ts';
import {
  accountsOf,
  type AccountsPlan,
  type MeterPlan,
  type PostingRule,
} from '../../settle/accounts/accounts-plan.ts';
import { type Decimal, parseDecimal } from '../../settle/accounts/decimal.ts';
import type { AccountsDocument, RuleDocument } from './accounts-schema.ts';
import { instantOfCivil } from '../local-time.ts';
import type { Place } from '../site/place-in-yaml.ts';

export const pointer = (...steps: readonly string[]): string =>
  steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Throws SiteFault. */
export function exact(text: string, where: string): Decimal {
  const found = parseDecimal(text);
  if (found) return found;
  throw new SiteFault({ where, what: `"${text}" is no decimal`, remedy: 'write "0.30"' });
}

interface Frame {
  readonly zone: string;
  readonly interval: DurationNs;
  readonly place: Place;
}

export function meterOf(
  text: string,
  meter: AccountsDocument['meters'][string],
  frame: Frame,
): MeterPlan {
  const at = pointer('meters', text);
  const point = pointOf(text);
  const isNode = point.startsWith('node/');
  const rules = meter.rules.map(({ from, ...rule }, index) => {
    const where = frame.place(`${at}/rules/${String(index)}`);
    const fromNs = from === undefined ? BEGINNING : startOf(from, where, frame);
    return { fromNs, rule: ruleOf(rule, where) };
  });
  rules.forEach(({ fromNs }, index) => {
    const before = rules[index - 1];
    if (before === undefined || before.fromNs < fromNs) return;
    throw new SiteFault({
      where: frame.place(`${at}/rules/${String(index)}`),
      what: 'it does not begin after the rule before it',
      remedy: 'write rules in the order of time, each with its own from',
    });
  });
  const { certificate } = meter;
  return {
    point,
    kind: meter.kind ?? (isNode ? 'corrected' : 'metered'),
    rules,
    certificate: certificate && {
      id: certificate.id,
      laboratory: certificate.laboratory,
      calibratedNs: instantOfCivil(certificate.calibrated, 'UTC'),
      dueNs: instantOfCivil(certificate.due, 'UTC'),
      expandedPercent: certificate.u_percent,
      k: certificate.k,
    },
    ...(meter.check_meter === undefined ? {} : { checkMeter: pointOf(meter.check_meter) }),
  };
}

const BEGINNING: InstantNs = instantNs(0n);

/** Changes fall on interval edges: an interval belongs to one rule as a whole. */
function startOf(text: string, where: string, { zone, interval }: Frame): InstantNs {
  const fromNs = instantOfCivil(text, zone);
  if (fromNs % interval === 0n) return fromNs;
  throw new SiteFault({
    where,
    what: `${text} lies within an interval`,
    remedy: 'let a rule begin where an interval does',
  });
}

const pointOf = (text: string): PointId => {
  if (isPointId(text)) return text;
  throw new RangeError(`${text} is no point`);
};

function ruleOf(rule: Omit<RuleDocument, 'from'>, where: string): PostingRule {
  const { account, shares, children, nodes, joins, losses, unaccounted } = rule;
  const said = [account, shares, children, nodes, joins].filter((one) => one !== undefined);
  const divides = children !== undefined || nodes !== undefined;
  if (
    said.length !== 1 ||
    divides !== (unaccounted !== undefined) ||
    (losses !== undefined && children === undefined)
  ) {
    throw new SiteFault({
      where,
      what: 'it does not say one way in which the energy goes',
      remedy:
        'write account, shares or joins alone, or children or nodes with unaccounted (and losses with children)',
    });
  }
  if (account !== undefined) return { is: 'account', account };
  if (joins !== undefined) return { is: 'joins', meter: pointOf(joins) };
  if (shares !== undefined) {
    const weights = Object.entries(shares).sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      is: 'shares',
      shares: weights.map(([id, weight]) => ({ account: id, weight: BigInt(weight) })),
    };
  }
  if (nodes !== undefined) {
    const parts = Object.entries(nodes).sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      is: 'nodes',
      nodes: parts.map(([node, to]) => ({ node: pointOf(`node/${node}`), account: to })),
      unaccounted: unaccounted ?? '',
    };
  }
  return {
    is: 'children',
    children: (children ?? []).map(pointOf),
    losses: losses && { account: losses.account, percent: exact(losses.percent, where) },
    unaccounted: unaccounted ?? '',
  };
}

/** Every account that a rule names is there, and of the right kind. Throws SiteFault. */
export function checkAccounts(plan: AccountsPlan, place: Place): void {
  for (const { point, rules } of plan.meters) {
    rules.forEach(({ rule }, index) => {
      const stranger = accountsOf(rule).find((id) => !plan.accounts.has(id));
      const rest = rule.is === 'children' || rule.is === 'nodes' ? rule.unaccounted : undefined;
      const where = place(pointer('meters', point, 'rules', String(index)));
      if (stranger !== undefined) {
        const remedy = 'add it under accounts';
        throw new SiteFault({ where, what: `there is no account "${stranger}"`, remedy });
      }
      if (rest === undefined || plan.accounts.get(rest)?.kind === 'unaccounted') return;
      throw new SiteFault({
        where,
        what: `what is left over goes to ${rest}, which is not of kind unaccounted`,
        remedy: 'name an account of kind unaccounted, with a limit_percent',
      });
    });
  }
}
