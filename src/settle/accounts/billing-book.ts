// The books of the accounts over a period: energy by meter and time of use, demand, uplift and money, as invoice lines.
import type { PointId, Quality } from '../../quantity/quality.ts';
import type { DurationNs, Interval } from '../../quantity/time.ts';
import { expandedJ } from '../../quantity/uncertainty.ts';
import { KWH_UJ } from '../../quantity/units.ts';
import { type Account, accountsOf, type AccountsPlan, type Tariff } from './accounts-plan.ts';
import {
  addDecimals,
  countOf,
  type Decimal,
  divideHalfEven,
  multiplyRounded,
  wholeOf,
} from './decimal.ts';
import { combinedParts, EnergySum } from './energy-sum.ts';
import type { OrderedMeter } from './meter-order.ts';
import type { MeterFlow, Posting } from './post-interval.ts';
import type { EnergyLine, Money, SettlementLine, UpliftLine } from './settlement-line.ts';
import { BASE_BUCKET, bucketAt, DemandMeter, type LocalOffset } from './time-of-use.ts';

/** Places of kWh where an account has no tariff that says so. */
const KWH_PLACES_COUNT = 3;

interface MeterPage {
  readonly whole: EnergySum;
  readonly buckets: Map<string, EnergySum>;
}

interface Page {
  readonly account: Account;
  readonly meters: Map<PointId, MeterPage>;
  readonly demand: DemandMeter | undefined;
}

export class BillingBook {
  readonly #pages: ReadonlyMap<string, Page>;
  readonly #offsetOf: LocalOffset;

  constructor(plan: AccountsPlan, interval: DurationNs, offsetOf: LocalOffset) {
    this.#offsetOf = offsetOf;
    const followsDemand = DemandMeter.windowNs % interval === 0n;
    this.#pages = new Map(
      [...plan.accounts.values()]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((account) => [
          account.id,
          {
            account,
            meters: new Map(),
            demand: followsDemand && account.kind === 'customer' ? new DemandMeter() : undefined,
          },
        ]),
    );
  }

  add(
    interval: Interval,
    byAccount: ReadonlyMap<string, readonly Posting[]>,
    order: readonly OrderedMeter[],
    flows: readonly MeterFlow[],
  ): void {
    const broken = brokenAccounts(order, flows);
    for (const [id, postings] of byAccount) {
      const page = this.#pages.get(id);
      if (!page) continue;
      const { tariff } = page.account;
      const bucket = tariff && bucketAt(tariff, interval.fromNs, this.#offsetOf);
      const name = bucket?.name ?? BASE_BUCKET;
      let energyUj = 0n;
      for (const posting of postings) {
        const meter = pageOf(page.meters, posting.meter);
        const sum = meter.buckets.get(name) ?? new EnergySum();
        meter.buckets.set(name, sum);
        for (const each of [meter.whole, sum]) {
          each.add(interval, posting.energyUj, posting.uncertainty, posting.quality);
        }
        energyUj += posting.energyUj;
      }
      const parts = combinedParts(postings.map(({ uncertainty }) => uncertainty));
      page.demand?.add(interval, energyUj, parts, !broken.has(id));
    }
  }

  /** Lines by account, then meter, then bucket; the same whatever the order of the plan. */
  lines(): readonly SettlementLine[] {
    return [...this.#pages.values()].flatMap(accountLines);
  }
}

/** Accounts of which a part is not known in this interval: their power is not. */
function brokenAccounts(
  order: readonly OrderedMeter[],
  flows: readonly MeterFlow[],
): ReadonlySet<string> {
  const silent = new Set(
    flows.filter(({ measuredUj }) => measuredUj === undefined).map(({ meter }) => meter),
  );
  if (silent.size === 0) return silent;
  return new Set(
    order.flatMap(({ meter, rule }) => {
      const joins = order.some(
        (other) =>
          other.rule.is === 'joins' &&
          other.rule.meter === meter.point &&
          silent.has(other.meter.point),
      );
      return silent.has(meter.point) || joins ? accountsOf(rule) : [];
    }),
  );
}

function pageOf(meters: Map<PointId, MeterPage>, point: PointId): MeterPage {
  const known = meters.get(point);
  if (known) return known;
  const page = { whole: new EnergySum(), buckets: new Map<string, EnergySum>() };
  meters.set(point, page);
  return page;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function accountLines({ account, meters, demand }: Page): readonly SettlementLine[] {
  const { tariff, uplift } = account;
  const places = tariff?.kwhPlacesCount ?? KWH_PLACES_COUNT;
  const moneyOf = (count: Decimal, price: Decimal | undefined): Money | undefined =>
    tariff && price
      ? { price, amount: multiplyRounded(count, price, tariff.moneyPlacesCount) }
      : undefined;
  const energy = [...meters].sort(byName).flatMap(([meter, { buckets }]) =>
    [...buckets].sort(byName).map(([bucket, sum]): EnergyLine => {
      const kwh = countOf(sum.energyUj, KWH_UJ, places);
      return {
        line: 'energy',
        account: account.id,
        meter,
        bucket,
        energyUj: sum.energyUj,
        kwh,
        uncertainty: sum.parts,
        byQuality: sum.byQuality,
        money: moneyOf(kwh, priceOf(tariff, bucket)),
      };
    }),
  );
  const uplifts = uplift ? upliftLines(account, uplift, energy, places, moneyOf) : [];
  const peak = demand?.peak;
  const demandLine = peak && {
    line: 'demand' as const,
    account: account.id,
    startNs: peak.startNs,
    powerW: wattsOf(Number(peak.energyUj) / 1e6),
    kw: countOf(peak.energyUj, DEMAND_KW_UJ, places),
    expandedW: wattsOf(expandedJ(peak.uncertainty)),
    money: moneyOf(countOf(peak.energyUj, DEMAND_KW_UJ, places), tariff?.demandPrice),
  };
  const lines: SettlementLine[] = [...energy, ...uplifts, ...(demandLine ? [demandLine] : [])];
  const counted = [...energy, ...uplifts];
  if (counted.length === 0) return [];
  const exactUj = counted.reduce((sum, { energyUj }) => sum + energyUj, 0n);
  const roundedUj = counted.reduce((sum, { kwh }) => sum + wholeOf(kwh, KWH_UJ), 0n);
  const wholes = [...meters.values()].map(({ whole }) => whole);
  return [
    ...lines,
    { line: 'remainder', account: account.id, energyUj: exactUj - roundedUj },
    {
      line: 'total',
      account: account.id,
      kind: account.kind,
      energyUj: energy.reduce((sum, { energyUj }) => sum + energyUj, 0n),
      kwh: counted.map(({ kwh }) => kwh).reduce(addDecimals, { digits: 0n, placesCount: places }),
      uncertainty: combinedParts(wholes.map(({ parts }) => parts)),
      byQuality: addQualities(wholes),
      amount: tariff && amountOf(lines, tariff),
      currency: tariff?.currency ?? '',
    },
  ];
}

const DEMAND_S = Number(DemandMeter.windowNs) / 1e9;
/** µJ of one kW over the demand window. */
const DEMAND_KW_UJ = (KWH_UJ * DemandMeter.windowNs) / 3_600_000_000_000n;
const wattsOf = (energyJ: number): number => energyJ / DEMAND_S;

const priceOf = (tariff: Tariff | undefined, bucket: string): Decimal | undefined =>
  tariff?.buckets.find(({ name }) => name === bucket)?.price ?? tariff?.energyPrice;

/** (factor - 1) times the exact energy of each bucket, rounded to the µJ. */
function upliftLines(
  account: Account,
  factor: Decimal,
  energy: readonly EnergyLine[],
  places: number,
  moneyOf: (count: Decimal, price: Decimal | undefined) => Money | undefined,
): readonly UpliftLine[] {
  const byBucket = new Map<string, bigint>();
  for (const { bucket, energyUj } of energy) {
    byBucket.set(bucket, (byBucket.get(bucket) ?? 0n) + energyUj);
  }
  const one = 10n ** BigInt(factor.placesCount);
  return [...byBucket].sort(byName).map(([bucket, baseUj]) => {
    const energyUj = divideHalfEven(baseUj * (factor.digits - one), one);
    const kwh = countOf(energyUj, KWH_UJ, places);
    const money = moneyOf(kwh, priceOf(account.tariff, bucket));
    return { line: 'uplift', account: account.id, bucket, factor, energyUj, kwh, money };
  });
}

function amountOf(lines: readonly SettlementLine[], tariff: Tariff): Decimal {
  const zero: Decimal = { digits: 0n, placesCount: tariff.moneyPlacesCount };
  return lines.reduce(
    (sum, line) => ('money' in line && line.money ? addDecimals(sum, line.money.amount) : sum),
    zero,
  );
}

function addQualities(sums: readonly EnergySum[]): ReadonlyMap<Quality, bigint> {
  const found = new Map<Quality, bigint>();
  for (const sum of sums) {
    for (const [quality, energyUj] of sum.byQuality) {
      found.set(quality, (found.get(quality) ?? 0n) + energyUj);
    }
  }
  return found;
}
