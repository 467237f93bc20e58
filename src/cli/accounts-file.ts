// Reads an accounts file: YAML, then schema, then what must belong together. What is wrong is said with file, line and
// remedy, and nothing is settled.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Value from 'typebox/value';
import { firstTrouble } from '../decode/schema-trouble.ts';
import { SiteFault } from '../quantity/fault.ts';
import { isPointId, type PointId } from '../quantity/quality.ts';
import { type DurationNs, instantNs, type InstantNs } from '../quantity/time.ts';
import {
  type Account,
  accountsOf,
  type AccountsPlan,
  type MeterPlan,
  type PostingRule,
  type Tariff,
  WEEKDAYS,
} from '../settle/accounts/accounts-plan.ts';
import { type Decimal, parseDecimal } from '../settle/accounts/decimal.ts';
import { troubleOf } from '../settle/accounts/meter-order.ts';
import { BASE_BUCKET } from '../settle/accounts/time-of-use.ts';
import { AccountsDocument, type RuleDocument } from './accounts-schema.ts';
import { instantOfCivil, isTimeZone } from './local-time.ts';
import { type Place, readYaml } from './place-in-yaml.ts';

export interface AccountsFile {
  readonly plan: AccountsPlan;
  readonly zone: string;
  /** Hash of the file, as it stands in the log entry of each settlement. */
  readonly sha256: string;
}

/** ERCOT settles finally at 99 % of all interval data and 90 % of each reader (facts: Protocols 9.2.6). */
const ALL_PERCENT = 99;
const EACH_PERCENT = 90;

/** Throws SiteFault. */
export function readAccountsFile(path: string, interval: DurationNs): AccountsFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const remedy = 'check the path; docs/accounts-file.md has an example to start from';
    throw new SiteFault(
      { where: path, what: 'the accounts file cannot be read', remedy },
      { cause },
    );
  }
  return parseAccounts(text, path, interval);
}

/** Throws SiteFault. */
export function parseAccounts(text: string, path: string, interval: DurationNs): AccountsFile {
  const { content, place } = readYaml(text, path);
  if (!Value.Check(AccountsDocument, content)) {
    const trouble = firstTrouble(Value.Errors(AccountsDocument, content), 'docs/accounts-file.md');
    throw new SiteFault({ ...trouble, where: place(trouble.where) });
  }
  const zone = content.zone ?? 'UTC';
  if (!isTimeZone(zone)) {
    const what = `"${zone}" is no time zone of this machine`;
    throw new SiteFault({ where: place('/zone'), what, remedy: 'write Area/City, or UTC' });
  }
  const tariffs = new Map(
    Object.entries(content.tariffs ?? {}).map(([id, tariff]) => [id, tariffOf(id, tariff, place)]),
  );
  const plan: AccountsPlan = {
    name: content.settlement,
    accounts: new Map(
      Object.entries(content.accounts).map(([id, account]) => [
        id,
        accountOf(id, account, tariffs, place),
      ]),
    ),
    meters: Object.entries(content.meters).map(([point, meter]) =>
      meterOf(point, meter, { zone, interval, place }),
    ),
    allPercent: content.completeness?.all_percent ?? ALL_PERCENT,
    eachPercent: content.completeness?.each_percent ?? EACH_PERCENT,
  };
  checkAccounts(plan, place);
  const trouble = troubleOf(plan);
  if (trouble) {
    const { point, what, remedy } = trouble;
    throw new SiteFault({ where: place(pointer('meters', point)), what, remedy });
  }
  return { plan, zone, sha256: createHash('sha256').update(text).digest('hex') };
}

const pointer = (...steps: readonly string[]): string =>
  steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function exact(text: string, where: string): Decimal {
  const found = parseDecimal(text);
  if (found) return found;
  throw new SiteFault({ where, what: `"${text}" is no decimal`, remedy: 'write "0.30"' });
}

function tariffOf(
  id: string,
  tariff: NonNullable<AccountsDocument['tariffs']>[string],
  place: Place,
): Tariff {
  const at = pointer('tariffs', id);
  const where = place(at);
  return {
    id,
    currency: tariff.currency,
    moneyPlacesCount: tariff.money_decimals ?? 2,
    kwhPlacesCount: tariff.kwh_decimals ?? 3,
    energyPrice: exact(tariff.energy_price, where),
    demandPrice: tariff.demand_price === undefined ? undefined : exact(tariff.demand_price, where),
    buckets: (tariff.buckets ?? []).map(({ name, days, from, to, price }, index) => {
      const bucket = {
        name,
        days: days ?? [...WEEKDAYS],
        fromMinuteCount: minutesOf(from),
        untilMinuteCount: minutesOf(to),
        price: exact(price, where),
      };
      const taken = tariff.buckets?.findIndex((other) => other.name === name) !== index;
      if (bucket.fromMinuteCount < bucket.untilMinuteCount && name !== BASE_BUCKET && !taken) {
        return bucket;
      }
      throw new SiteFault({
        where: place(`${at}/buckets/${String(index)}`),
        what: `the bucket ${name} ends before it begins, or its name is taken`,
        remedy: `split it at midnight, and give each a name of its own other than ${BASE_BUCKET}`,
      });
    }),
  };
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
}

function accountOf(
  id: string,
  account: AccountsDocument['accounts'][string],
  tariffs: ReadonlyMap<string, Tariff>,
  place: Place,
): Account {
  const where = place(pointer('accounts', id));
  const kind = account.kind ?? 'customer';
  const tariff = account.tariff === undefined ? undefined : tariffs.get(account.tariff);
  if (account.tariff !== undefined && !tariff) {
    const remedy = 'add it under tariffs';
    throw new SiteFault({ where, what: `there is no tariff "${account.tariff}"`, remedy });
  }
  if ((kind === 'unaccounted') !== (account.limit_percent !== undefined)) {
    throw new SiteFault({
      where,
      what: 'an unaccounted account has a limit, and no other has one',
      remedy: 'add limit_percent to accounts of kind unaccounted, or take it away',
    });
  }
  const decimal = (text: string | undefined): Decimal | undefined =>
    text === undefined ? undefined : exact(text, where);
  return {
    id,
    kind,
    tariff,
    uplift: decimal(account.uplift),
    limitPercent: decimal(account.limit_percent),
  };
}

interface Frame {
  readonly zone: string;
  readonly interval: DurationNs;
  readonly place: Place;
}

function meterOf(text: string, meter: AccountsDocument['meters'][string], frame: Frame): MeterPlan {
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

function checkAccounts(plan: AccountsPlan, place: Place): void {
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
