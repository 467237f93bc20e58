// A shared meter in exact parts: whatever the claims, the parts and the remainder are the meter, to the microjoule.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocate, type Claim, splitExactly } from '../../src/settle/allocate.ts';

const claim = (node: string, expectedJ: number | undefined, more: Partial<Claim> = {}): Claim => ({
  node,
  expectedJ,
  floorUj: 0n,
  ceilingUj: 10n ** 30n,
  ...more,
});

test('largest remainders, as in the books on apportionment', () => {
  // Quotas 1.5, 3.0 and 5.5 of ten: the whole parts leave one, and of two equal fractions the first gets it.
  expect(splitExactly(10n, [3n, 6n, 11n])).toEqual([2n, 3n, 5n]);
  expect(splitExactly(7n, [0n, 0n, 0n])).toEqual([3n, 2n, 2n]);
  expect(splitExactly(0n, [5n, 1n])).toEqual([0n, 0n]);
});

test('all nodes known: the parts are in proportion, whatever the claims sum to', () => {
  const { parts, unallocatedUj } = allocate(900n, [claim('b', 2e-6 * 100), claim('a', 1e-6 * 100)]);
  expect([parts.get('a'), parts.get('b'), unallocatedUj]).toEqual([300n, 600n, 0n]);
});

test('a node that nobody knows has no part, the others no more than they claim, and the rest is named', () => {
  const { parts, unallocatedUj } = allocate(1_000_000n, [
    claim('a', 0.3),
    claim('b', undefined),
    claim('c', 0.2),
  ]);
  expect([...parts]).toEqual([
    ['a', 300_000n],
    ['c', 200_000n],
  ]);
  expect(unallocatedUj).toBe(500_000n);
  // Claims beyond the meter are cut back to it: nothing is invented for the stranger.
  const scarce = allocate(100n, [claim('a', 0.3), claim('b', undefined), claim('c', 0.1)]);
  expect([scarce.parts.get('a'), scarce.parts.get('c'), scarce.unallocatedUj]).toEqual([
    75n,
    25n,
    0n,
  ]);
});

test('what its own meter counted is its own, and no node gets more than its meters', () => {
  const own = allocate(1000n, [
    claim('a', 0, { floorUj: 400n, ceilingUj: 1000n }),
    claim('b', 1e-3, { ceilingUj: 600n }),
  ]);
  expect([own.parts.get('a'), own.parts.get('b')]).toEqual([400n, 600n]);
  const bounded = allocate(1000n, [
    claim('a', 9e-3, { ceilingUj: 500n }),
    claim('b', 1e-3),
    claim('c', 1e-3),
  ]);
  expect([...bounded.parts.values()]).toEqual([500n, 250n, 250n]);
  const stranger = allocate(1000n, [
    claim('a', undefined, { floorUj: 700n, ceilingUj: 1000n }),
    claim('b', 5e-3, { ceilingUj: 1000n }),
  ]);
  expect([stranger.parts.get('b'), stranger.unallocatedUj]).toEqual([300n, 700n]);
});

test.each([NaN, Infinity, -1])('a claim of %s is none', (expectedJ) => {
  const { parts, unallocatedUj } = allocate(1000n, [claim('a', expectedJ), claim('b', 1e-4)]);
  expect([parts.has('a'), parts.get('b'), unallocatedUj]).toEqual([false, 100n, 900n]);
});

test('a meter that counts backwards is nobody’s energy', () => {
  expect(() => allocate(-1n, [claim('a', 1)])).toThrow(RangeError);
});

test('parts and remainder are the meter; no part is negative or beyond its meters; the order changes nothing', () => {
  const expectedJ = fc.oneof(
    fc.constant(undefined),
    fc.double({ min: 0, max: 1e12, noNaN: true }),
    fc.constantFrom(0, NaN, -5, Infinity),
  );
  const node = fc.record({
    expectedJ,
    ownUj: fc.option(fc.bigInt({ min: 0n, max: 10n ** 14n }), { nil: 0n }),
  });
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 16n }),
      fc.array(node, { minLength: 1, maxLength: 12 }),
      (sharedUj, nodes) => {
        const totalUj = nodes.reduce((sum, { ownUj }) => sum + ownUj, sharedUj);
        const claims = nodes.map(({ expectedJ: wantJ, ownUj }, index) =>
          claim(`n${String(index)}`, wantJ, { floorUj: ownUj, ceilingUj: ownUj + sharedUj }),
        );
        const { parts, unallocatedUj } = allocate(totalUj, claims);
        let sumUj: bigint = unallocatedUj;
        for (const { node: name, floorUj, ceilingUj } of claims) {
          const partUj = parts.get(name);
          if (partUj === undefined) continue;
          sumUj += partUj;
          expect(partUj >= floorUj && partUj <= ceilingUj).toBe(true);
        }
        expect(sumUj).toBe(totalUj);
        expect(unallocatedUj >= 0n).toBe(true);
        if (parts.size === nodes.length) expect(unallocatedUj).toBe(0n);
        const turned = allocate(totalUj, [...claims].reverse());
        expect(turned).toEqual({ parts, unallocatedUj });
      },
    ),
  );
});
