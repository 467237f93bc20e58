// A second meter of one circuit, end to end: agreement within U settles, disagreement stops, and a meter that stands still while
// the other counts is no quiet one.
import { expect, test } from 'vitest';
import { PeriodSettlement } from '../../../src/settle/accounts/settle-period.ts';
import { account, meter, planOf, quarter, QUARTER, to, used } from './plans.ts';

const plan = planOf(
  [account('a')],
  [{ ...meter('feed/m', to('a')), checkMeter: 'feed/m-check' as const }],
);

/** Eight quarters; both meters have 1 % of systematic standard uncertainty, so U of the difference is 2.83 %. */
function failures(mainUj: bigint, checkUj: bigint | undefined): readonly string[] {
  const period = { fromNs: quarter(0), untilNs: quarter(8) };
  const settlement = new PeriodSettlement(plan, period, QUARTER, {
    offsetOf: () => 0n,
    digest: () => ({ add: () => undefined, hex: () => '' }),
  });
  for (let at = 0; at < 8; at++) {
    const known = [used('feed/m', at, mainUj), used('feed/m-check', at, checkUj)];
    settlement.take(
      quarter(at),
      new Map(known.map((one) => [`${one.point}|metered`, { statement: one, sha256: '' }])),
    );
  }
  const { lines, refusals } = settlement.finish();
  const postedUj = lines.flatMap((one) => (one.line === 'energy' ? [one.energyUj] : []));
  // Whatever the check meter says, it is posted nowhere.
  expect(postedUj).toEqual([8n * mainUj]);
  return refusals.map(({ because }) => because);
}

test('within the uncertainty of the difference it says nothing', () => {
  expect(failures(10_000_000_000n, 10_270_000_000n)).toEqual([]);
  expect(failures(10_000_000_000n, undefined)).toEqual([]);
});

test('beyond it nothing is settled', () => {
  expect(failures(10_000_000_000n, 10_300_000_000n)).toEqual([
    expect.stringContaining('meter-against-meter'),
  ]);
});

test('a meter that counts nothing while its check meter does fails', () => {
  expect(failures(0n, 5_000_000_000n)).toEqual([
    expect.stringContaining('"zero"'),
    expect.stringContaining('meter-against-meter'),
  ]);
});
