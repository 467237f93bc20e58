// Double entry: whatever the graph and whatever is missing, what the outermost meters counted is what accounts have.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PointId } from '../../../src/quantity/quality.ts';
import type { IntervalStatement } from '../../../src/quantity/statement.ts';
import type { AccountsPlan, PostingRule } from '../../../src/settle/accounts/accounts-plan.ts';
import { meterOrder, troubleOf } from '../../../src/settle/accounts/meter-order.ts';
import { postInterval } from '../../../src/settle/accounts/post-interval.ts';
import { account, decimal, meter, planOf, quarter, rest, to, used } from './plans.ts';

function post(plan: AccountsPlan, statements: readonly IntervalStatement[], count = 0) {
  const order = meterOrder(plan, quarter(count));
  if ('what' in order) throw new Error(`${order.point} ${order.what}`);
  const posted = postInterval(order, (point, kind) =>
    statements.find((one) => one.point === point && one.kind === kind),
  );
  const sums = new Map<string, bigint>();
  for (const { account: id, energyUj } of posted.postings) {
    sums.set(id, (sums.get(id) ?? 0n) + energyUj);
  }
  return { ...posted, accounts: Object.fromEntries(sums) };
}

const INLET: PostingRule = {
  is: 'children',
  children: ['outlet/1', 'outlet/2'],
  losses: { account: 'losses', percent: decimal('1.5') },
  unaccounted: 'rest',
};
const accounts = [
  account('a'),
  account('b'),
  account('losses', { kind: 'losses' }),
  rest('rest', '5'),
];
const tree = planOf(accounts, [
  meter('feed/inlet', INLET),
  meter('outlet/1', to('a')),
  meter('outlet/2', to('b')),
]);

describe('an inlet with two outlets', () => {
  test('is its outlets, modelled losses and what is left, by name', () => {
    const posted = post(tree, [
      used('feed/inlet', 0, 1_000n),
      used('outlet/1', 0, 600n),
      used('outlet/2', 0, 300n),
    ]);
    expect(posted.accounts).toEqual({ a: 600n, b: 300n, losses: 15n, rest: 85n });
    expect(posted.suppliedUj).toBe(1_000n);
  });

  test('whose outlets count more has a negative rest, and still balances', () => {
    const posted = post(tree, [
      used('feed/inlet', 0, 1_000n),
      used('outlet/1', 0, 800n),
      used('outlet/2', 0, 300n),
    ]);
    expect(posted.accounts['rest']).toBe(-115n);
  });

  test('that is silent leaves the outlets to stand for themselves', () => {
    const posted = post(tree, [used('feed/inlet', 0, undefined), used('outlet/1', 0, 600n)]);
    expect(posted.accounts).toEqual({ a: 600n });
    expect(posted.suppliedUj).toBe(600n);
  });

  test('one of whose outlets is silent has its energy unaccounted for', () => {
    const posted = post(tree, [used('feed/inlet', 0, 1_000n), used('outlet/1', 0, 600n)]);
    expect(posted.accounts).toEqual({ a: 600n, losses: 15n, rest: 385n });
  });

  test('the rest is a difference: its uncertainty has both sides', () => {
    const posted = post(tree, [
      used('feed/inlet', 0, 100_000_000n),
      used('outlet/1', 0, 60_000_000n),
      used('outlet/2', 0, 30_000_000n),
    ]);
    const left = posted.postings.find((one) => one.account === 'rest')!;
    expect(left.uncertainty.systematicJ).toBeCloseTo(Math.hypot(1, 0.9), 12);
    expect(left.quality).toBe('derived');
  });
});

test('shares are split to the microjoule, and a rule holds from its instant on', () => {
  const shares: PostingRule = {
    is: 'shares',
    shares: [
      { account: 'a', weight: 1n },
      { account: 'b', weight: 2n },
    ],
  };
  const plan = planOf(accounts, [meter('feed/x', shares, [4, to('b')])]);
  expect(post(plan, [used('feed/x', 3, 100n)], 3).accounts).toEqual({ a: 33n, b: 67n });
  expect(post(plan, [used('feed/x', 4, 100n)], 4).accounts).toEqual({ b: 100n });
});

test('two feeds of the same nodes are divided together by the nodes, and the remainder has a name', () => {
  const nodes: PostingRule = {
    is: 'nodes',
    nodes: [
      { node: 'node/n1', account: 'a' },
      { node: 'node/n2', account: 'b' },
    ],
    unaccounted: 'rest',
  };
  const plan = planOf(accounts, [
    meter('feed/a', nodes),
    meter('feed/b', { is: 'joins', meter: 'feed/a' }),
  ]);
  const parts = [
    used('node/n1', 0, 500n, { kind: 'allocated', quality: 'derived' }),
    used('node/n2', 0, 300n, { kind: 'allocated', quality: 'derived' }),
  ];
  const posted = post(plan, [used('feed/a', 0, 400n), used('feed/b', 0, 450n), ...parts]);
  expect(posted.accounts).toEqual({ a: 500n, b: 300n, rest: 50n });
  expect(posted.suppliedUj).toBe(850n);
});

test.each<[string, RegExp, AccountsPlan]>([
  [
    'a circle',
    /circle/,
    planOf(accounts, [
      meter('feed/a', {
        is: 'children',
        children: ['feed/b'],
        losses: undefined,
        unaccounted: 'rest',
      }),
      meter('feed/b', {
        is: 'children',
        children: ['feed/a'],
        losses: undefined,
        unaccounted: 'rest',
      }),
    ]),
  ],
  [
    'a meter behind two others',
    /twice/,
    planOf(accounts, [
      meter('feed/a', {
        is: 'children',
        children: ['outlet/1'],
        losses: undefined,
        unaccounted: 'rest',
      }),
      meter('feed/b', {
        is: 'children',
        children: ['outlet/1'],
        losses: undefined,
        unaccounted: 'rest',
      }),
      meter('outlet/1', to('a')),
    ]),
  ],
  [
    'a child without a rule',
    /no rule/,
    planOf(accounts, [
      meter('feed/a', {
        is: 'children',
        children: ['outlet/1'],
        losses: undefined,
        unaccounted: 'rest',
      }),
    ]),
  ],
])('%s is refused', (_name, what, plan) => {
  expect(troubleOf(plan)?.what).toMatch(what);
});

test('in any tree with any meter silent, accounts have what was supplied, in any order of the file', () => {
  const parentOf = (seed: number, index: number): number => (seed >> index) % index;
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }),
      fc.nat({ max: 2 ** 30 }),
      fc.array(fc.option(fc.bigInt(0n, 10n ** 13n)), { minLength: 9, maxLength: 9 }),
      (metersCount, seed, energies) => {
        const point = (index: number): PointId => `feed/m${String(index)}`;
        const children = (index: number): PointId[] =>
          Array.from({ length: metersCount }, (_, other) => other)
            .filter((other) => other > 0 && parentOf(seed, other) === index)
            .map(point);
        const meters = Array.from({ length: metersCount }, (_, index) => {
          const behind = children(index);
          return meter(
            point(index),
            behind.length > 0
              ? { is: 'children', children: behind, losses: undefined, unaccounted: 'rest' }
              : to(index % 2 === 0 ? 'a' : 'b'),
          );
        });
        const statements = Array.from({ length: metersCount }, (_, index) =>
          used(point(index), 0, energies[index] ?? undefined),
        );
        const forwards = post(planOf(accounts, meters), statements);
        const backwards = post(planOf(accounts, [...meters].reverse()), statements);
        expect(backwards.accounts).toEqual(forwards.accounts);
        const sum = Object.values(forwards.accounts).reduce((total, one) => total + one, 0n);
        expect(sum).toBe(forwards.suppliedUj);
        if (energies[0] !== null) {
          // Where the outermost meter is known and its children too, it alone is the supply.
          const known = statements.every(({ energyUj }) => energyUj !== undefined);
          if (known) expect(forwards.suppliedUj).toBe(energies[0]);
        }
      },
    ),
  );
});
