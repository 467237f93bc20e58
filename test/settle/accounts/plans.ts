// Plans of accounts and statements for the tests, short to write.
import type { PointId } from '../../../src/quantity/quality.ts';
import type { IntervalStatement } from '../../../src/quantity/statement.ts';
import { durationNs, instantNs, parseInstant } from '../../../src/quantity/time.ts';
import { joules, microjoules } from '../../../src/quantity/units.ts';
import type {
  Account,
  AccountsPlan,
  MeterPlan,
  PostingRule,
  Tariff,
} from '../../../src/settle/accounts/accounts-plan.ts';
import { type Decimal, parseDecimal } from '../../../src/settle/accounts/decimal.ts';
import { statement } from '../../ledger/samples.ts';

export const QUARTER = durationNs(900_000_000_000n);
export const at = (text: string) => parseInstant(text) ?? instantNs(-1n);
export const NOVEMBER = at('2026-11-01T00:00:00Z');
export const quarter = (count: number) => instantNs(NOVEMBER + BigInt(count) * QUARTER);
export const decimal = (text: string): Decimal => parseDecimal(text)!;

export const account = (id: string, over: Partial<Account> = {}): Account => ({
  id,
  kind: 'customer',
  tariff: undefined,
  uplift: undefined,
  limitPercent: undefined,
  ...over,
});
export const rest = (id: string, limit: string): Account =>
  account(id, { kind: 'unaccounted', limitPercent: decimal(limit) });

export const meter = (
  point: PointId,
  rule: PostingRule,
  ...later: [number, PostingRule][]
): MeterPlan => ({
  point,
  kind: 'metered',
  rules: [
    { fromNs: instantNs(0n), rule },
    ...later.map(([count, next]) => ({ fromNs: quarter(count), rule: next })),
  ],
  certificate: undefined,
});
export const to = (id: string): PostingRule => ({ is: 'account', account: id });

export const planOf = (accounts: Account[], meters: MeterPlan[]): AccountsPlan => ({
  name: 'test',
  accounts: new Map(accounts.map((one) => [one.id, one])),
  meters,
  allPercent: 99,
  eachPercent: 90,
});

export const tariff = (over: Partial<Tariff> = {}): Tariff => ({
  id: 'standard',
  currency: 'EUR',
  moneyPlacesCount: 2,
  kwhPlacesCount: 3,
  energyPrice: decimal('0.30'),
  demandPrice: undefined,
  buckets: [],
  ...over,
});

/** A statement of one quarter with known uncertainty: 1 % systematic, 2 J independent, 3 J at the edges. */
export function used(
  point: PointId,
  count: number,
  energyUj: bigint | undefined,
  over: Partial<IntervalStatement> = {},
): IntervalStatement {
  return statement(0, {
    point,
    startNs: quarter(count),
    durationNs: QUARTER,
    energyUj: energyUj === undefined ? undefined : microjoules(energyUj),
    uncertainty: {
      systematicJ: joules(Number(energyUj ?? 0n) / 1e8),
      independentJ: joules(2),
      edgeJ: joules(3),
      dof: Infinity,
    },
    quality: energyUj === undefined ? 'missing' : 'actual',
    because: energyUj === undefined ? 'settle.missing' : undefined,
    ...over,
  });
}
