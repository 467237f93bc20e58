// The certificate of a meter in the uncertainty of what is posted: added while it holds, and the class doubled when it ended.
import { expect, test } from 'vitest';
import { instantNs } from '../../../src/quantity/time.ts';
import type { Certificate } from '../../../src/settle/accounts/accounts-plan.ts';
import { meterOrder } from '../../../src/settle/accounts/meter-order.ts';
import { postInterval } from '../../../src/settle/accounts/post-interval.ts';
import { account, meter, planOf, quarter, to, used } from './plans.ts';

const certificate = (dueNs: bigint): Certificate => ({
  id: 'DE-1',
  laboratory: 'lab',
  calibratedNs: quarter(0),
  dueNs: instantNs(dueNs),
  expandedPercent: 0.4,
  k: 2,
});

/** Systematic part of 1000 J at 1 %, posted in the interval that starts with a quarter. */
function systematicJ(count: number, known: Certificate | undefined, method = 'register'): number {
  const plan = planOf([account('a')], [{ ...meter('feed/m', to('a')), certificate: known }]);
  const order = meterOrder(plan, quarter(count));
  if ('what' in order) throw new Error(order.what);
  const one = used('feed/m', count, 1_000_000_000n, { method });
  return postInterval(order, () => one).postings[0]?.uncertainty.systematicJ ?? NaN;
}

test('the uncertainty of a certificate is added to that of the class', () => {
  expect(systematicJ(1, undefined)).toBeCloseTo(10, 9);
  expect(systematicJ(1, certificate(quarter(4)))).toBeCloseTo(Math.hypot(10, 2), 9);
});

test('from the due date on the class counts twice, to the instant', () => {
  expect(systematicJ(3, certificate(quarter(4)))).toBeCloseTo(Math.hypot(10, 2), 9);
  expect(systematicJ(4, certificate(quarter(4)))).toBeCloseTo(Math.hypot(20, 2), 9);
});

test('what chips said in place of the meter has none of it', () => {
  expect(systematicJ(1, certificate(quarter(4)), 'chips')).toBeCloseTo(10, 9);
});
