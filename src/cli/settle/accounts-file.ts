// Reads an accounts file: YAML, then schema, then what must belong together. What is wrong is said with file, line and
// remedy, and nothing is settled.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Value from 'typebox/value';
import { firstTrouble } from '../../decode/schema-trouble.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { DurationNs } from '../../quantity/time.ts';
import {
  type Account,
  type AccountsPlan,
  type Tariff,
  WEEKDAYS,
} from '../../settle/accounts/accounts-plan.ts';
import type { Decimal } from '../../settle/accounts/decimal.ts';
import { troubleOf } from '../../settle/accounts/meter-order.ts';
import { BASE_BUCKET } from '../../settle/accounts/time-of-use.ts';
import { checkAccounts, exact, meterOf, pointer } from './accounts-rules.ts';
import { AccountsDocument } from './accounts-schema.ts';
import { isZone } from '../../decode/trackers/local-time.ts';
import { type Place, readYaml } from '../site/place-in-yaml.ts';

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
  if (!isZone(zone)) {
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
