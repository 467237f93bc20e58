// A period end to end with values alone: lines, gates, uncertainty over time, demand, times of use and money.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { IntervalStatement } from '../../../src/quantity/statement.ts';
import { instantNs } from '../../../src/quantity/time.ts';
import type { AccountsPlan } from '../../../src/settle/accounts/accounts-plan.ts';
import { formatDecimal } from '../../../src/settle/accounts/decimal.ts';
import { PeriodSettlement } from '../../../src/settle/accounts/settle-period.ts';
import type { SettlementLine } from '../../../src/settle/accounts/settlement-line.ts';
import { offsetIn } from '../../../src/cli/local-time.ts';
import {
  account,
  decimal,
  meter,
  planOf,
  quarter,
  QUARTER,
  rest,
  tariff,
  to,
  used,
} from './plans.ts';

const KWH = 3_600_000_000_000n;

function settle(
  plan: AccountsPlan,
  quartersCount: number,
  statements: readonly IntervalStatement[],
  zone = 'UTC',
) {
  const period = { fromNs: quarter(0), untilNs: quarter(quartersCount) };
  const settlement = new PeriodSettlement(plan, period, QUARTER, {
    offsetOf: offsetIn(zone),
    digest: () => {
      const hash = createHash('sha256');
      return { add: (hex) => void hash.update(hex, 'hex'), hex: () => hash.digest('hex') };
    },
  });
  for (let count = 0; count < quartersCount; count++) {
    const found = statements.filter(({ startNs }) => startNs === quarter(count));
    settlement.take(
      quarter(count),
      new Map(
        found.map((one) => [
          `${one.point}|${one.kind}`,
          { statement: one, sha256: String(count).padStart(64, '0') },
        ]),
      ),
    );
  }
  return settlement.finish();
}

function lineOf<Word extends SettlementLine['line']>(
  outcome: { lines: readonly SettlementLine[] },
  word: Word,
  id = 'a',
): Extract<SettlementLine, { line: Word }> {
  const found = outcome.lines.find(
    (line) => line.line === word && ('account' in line ? line.account === id : line.meter === id),
  );
  if (!found) throw new Error(`no line ${word} of ${id}`);
  return found as Extract<SettlementLine, { line: Word }>;
}

const day = (energyUj: (count: number) => bigint | undefined, count = 96) =>
  Array.from({ length: count }, (_, at) => used('feed/x', at, energyUj(at)));
const simple = (over = {}) => planOf([account('a', over)], [meter('feed/x', to('a'))]);

describe('uncertainty over a day', () => {
  test('systematic parts add, independent ones in quadrature, only the outer edges count', () => {
    const { uncertainty } = lineOf(
      settle(
        simple(),
        96,
        day(() => 100_000_000n),
      ),
      'total',
    );
    expect(uncertainty.systematicJ).toBeCloseTo(96 * 1, 9);
    expect(uncertainty.independentJ).toBeCloseTo(Math.sqrt(96) * 2, 9);
    expect(uncertainty.edgeJ).toBeCloseTo(3, 9);
  });

  test('a hole has two more edges', () => {
    const holed = day((at) => (at === 40 ? undefined : 100_000_000n));
    const { uncertainty } = lineOf(settle(simple(), 96, holed), 'total');
    expect(uncertainty.edgeJ).toBeCloseTo(3 * Math.SQRT2, 9);
  });
});

describe('gates', () => {
  const codes = (outcome: ReturnType<typeof settle>) => outcome.refusals.map(({ code }) => code);

  test('exactly 90 % of one meter and 99 % of all pass; one interval less does not', () => {
    const plan = { ...simple(), allPercent: 90 };
    expect(
      codes(
        settle(
          plan,
          100,
          day((at) => (at < 90 ? 1n : undefined), 100),
        ),
      ),
    ).toEqual([]);
    expect(
      codes(
        settle(
          plan,
          100,
          day((at) => (at < 89 ? 1n : undefined), 100),
        ),
      ),
    ).toEqual(['settle.incomplete', 'settle.incomplete']);
    expect(
      codes(
        settle(
          simple(),
          100,
          day((at) => (at < 99 ? 1n : undefined), 100),
        ),
      ),
    ).toEqual([]);
    expect(
      codes(
        settle(
          simple(),
          100,
          day((at) => (at < 98 ? 1n : undefined), 100),
        ),
      ),
    ).toEqual(['settle.incomplete']);
  });

  test('a provisional interval is posted, and counts as not there yet', () => {
    const provisional = day(() => 5n).map((one) => ({ ...one, quality: 'provisional' as const }));
    const outcome = settle(simple(), 96, provisional);
    expect(codes(outcome)).toEqual(['settle.incomplete', 'settle.incomplete']);
    expect(lineOf(outcome, 'total').energyUj).toBe(480n);
  });

  test('unaccounted energy passes at its limit and not beyond, on either side', () => {
    const plan = planOf(
      [account('a'), rest('rest', '5')],
      [
        meter('feed/x', {
          is: 'children',
          children: ['outlet/1'],
          losses: undefined,
          unaccounted: 'rest',
        }),
        meter('outlet/1', to('a')),
      ],
    );
    const with_ = (outlet: bigint) =>
      codes(settle(plan, 1, [used('feed/x', 0, 1000n), used('outlet/1', 0, outlet)]));
    expect(with_(950n)).toEqual([]);
    expect(with_(949n)).toEqual(['settle.unaccounted']);
    expect(with_(1050n)).toEqual([]);
    expect(with_(1051n)).toEqual(['settle.unaccounted']);
  });

  test('a meter of the ledger that no rule posts stops it', () => {
    const outcome = settle(simple(), 1, [used('feed/x', 0, 1n), used('feed/stranger', 0, 1n)]);
    expect(codes(outcome)).toEqual(['settle.unposted']);
    expect(outcome.refusals[0]?.because).toContain('feed/stranger');
  });

  test('an interval of another length is none', () => {
    const hour = used('feed/x', 0, 1n, { durationNs: 3_600_000_000_000n as never });
    expect(codes(settle(simple(), 1, [hour]))).toContain('settle.incomplete');
  });
});

describe('demand', () => {
  test('is the highest quarter, the first of equals, and has its uncertainty', () => {
    const outcome = settle(
      simple(),
      96,
      day((at) => (at === 7 || at === 9 ? KWH : KWH / 2n)),
    );
    const peak = lineOf(outcome, 'demand');
    expect(peak.startNs).toBe(quarter(7));
    expect(formatDecimal(peak.kw)).toBe('4.000');
    expect(peak.expandedW).toBeCloseTo((2 * Math.hypot(Number(KWH) / 1e8, 2, 3)) / 900, 6);
  });

  test('a quarter of which one meter is silent is no peak', () => {
    const plan = planOf([account('a')], [meter('feed/x', to('a')), meter('feed/y', to('a'))]);
    const both = [0, 1].flatMap((at) => [
      used('feed/x', at, at === 0 ? 9n * KWH : KWH),
      used('feed/y', at, at === 0 ? undefined : KWH),
    ]);
    expect(lineOf(settle(plan, 2, both), 'demand').startNs).toBe(quarter(1));
  });
});

describe('money', () => {
  const peak = {
    name: 'day',
    days: ['sun', 'mon'] as const,
    fromMinuteCount: 7 * 60,
    untilMinuteCount: 20 * 60,
    price: decimal('0.34'),
  };

  test('is rounded once per line; the total is the sum of the lines, and the remainder is named', () => {
    // 2026-11-01 was a Sunday: 52 of 96 quarters are in the bucket.
    const plan = simple({ tariff: tariff({ buckets: [peak], demandPrice: decimal('8.50') }) });
    const outcome = settle(
      plan,
      96,
      day(() => 123_456_789_012n),
    );
    const lines = outcome.lines.filter((line) => line.line === 'energy');
    expect(lines.map(({ bucket, energyUj }) => [bucket, energyUj])).toEqual([
      ['base', 44n * 123_456_789_012n],
      ['day', 52n * 123_456_789_012n],
    ]);
    // 44 x 123456.789012 J = 1.508916... kWh; 52 x = 1.783265... kWh; the peak is 0.137174... kW.
    expect(lines.map(({ kwh }) => formatDecimal(kwh))).toEqual(['1.509', '1.783']);
    expect(lines.map(({ money }) => formatDecimal(money!.amount))).toEqual(['0.45', '0.61']);
    expect(formatDecimal(lineOf(outcome, 'demand').money!.amount)).toBe('1.16');
    const total = lineOf(outcome, 'total');
    expect(formatDecimal(total.amount!)).toBe('2.22');
    expect(formatDecimal(total.kwh)).toBe('3.292');
    const remainder = lineOf(outcome, 'remainder');
    expect(remainder.energyUj).toBe(96n * 123_456_789_012n - (3292n * KWH) / 1000n);
  });

  test('an uplift is a line of its own and no energy of any meter', () => {
    const plan = simple({ tariff: tariff(), uplift: decimal('1.35') });
    const outcome = settle(
      plan,
      4,
      day(() => KWH, 4),
    );
    expect(formatDecimal(lineOf(outcome, 'uplift').kwh)).toBe('1.400');
    expect(lineOf(outcome, 'total').energyUj).toBe(4n * KWH);
    expect(formatDecimal(lineOf(outcome, 'total').amount!)).toBe('1.62');
    expect(lineOf(outcome, 'meter', 'feed/x').toAccountsUj).toBe(4n * KWH);
  });

  test('times of use follow the local clock over the end of summer time', () => {
    // Berlin went from UTC+2 to UTC+1 on 2026-10-25 at 01:00Z: 7:00 is 05:00Z before and 06:00Z after.
    const plan = simple({ tariff: tariff({ buckets: [peak] }) });
    const offsets = offsetIn('Europe/Berlin');
    expect(offsets(instantNs(1_792_889_999_000_000_000n))).toBe(7_200_000_000_000n);
    expect(offsets(instantNs(1_792_890_000_000_000_000n))).toBe(3_600_000_000_000n);
    const outcome = settle(
      plan,
      96,
      day(() => KWH),
      'Europe/Berlin',
    );
    const lines = outcome.lines.filter((line) => line.line === 'energy');
    expect(lines.map(({ bucket, energyUj }) => [bucket, energyUj / KWH])).toEqual([
      ['base', 44n],
      ['day', 52n],
    ]);
  });
});
