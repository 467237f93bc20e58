// The coverage factor against the GUM's own table, and how parts combine.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  combinedJ,
  coverageFactor,
  effectiveDof,
  expandedJ,
  NO_UNCERTAINTY,
} from '../../src/quantity/uncertainty.ts';
import { joules } from '../../src/quantity/units.ts';

// JCGM 100:2008 table G.2, column p = 95.45 %.
test.each([
  [1, 13.97],
  [2, 4.53],
  [3, 3.31],
  [4, 2.87],
  [5, 2.65],
  [6, 2.52],
  [7, 2.43],
  [8, 2.37],
  [9, 2.32],
  [10, 2.28],
  [11, 2.25],
  [12, 2.23],
  [13, 2.21],
  [14, 2.2],
  [15, 2.18],
  [16, 2.17],
  [17, 2.16],
  [18, 2.15],
  [19, 2.14],
  [20, 2.13],
  [25, 2.11],
  [30, 2.09],
  [35, 2.07],
  [40, 2.06],
  [45, 2.06],
  [50, 2],
  [100, 2],
  [Infinity, 2],
])('k(%s) = %s', (dof, expected) => {
  expect(coverageFactor(dof)).toBe(expected);
});

/** P(|T| <= k) of Student's t by Simpson's rule over the density: an arithmetic that shares nothing with the table. */
function coverage(dof: number, k: number): number {
  const density = (x: number): number => (1 + (x * x) / dof) ** (-(dof + 1) / 2);
  const simpson = (from: number, until: number, steps: number): number => {
    const width = (until - from) / steps;
    let sum = density(from) + density(until);
    for (let i = 1; i < steps; i += 1) sum += density(from + i * width) * (i % 2 === 1 ? 4 : 2);
    return (sum * width) / 3;
  };
  // The tail beyond 1 by the substitution x = 1/u, whose integrand is smooth.
  const tail = (from: number): number => {
    const inverse = (u: number): number =>
      u === 0 ? (dof === 1 ? 1 : 0) : density(1 / u) / (u * u);
    const steps = 4000;
    const width = 1 / from / steps;
    let sum = inverse(0) + inverse(1 / from);
    for (let i = 1; i < steps; i += 1) sum += inverse(i * width) * (i % 2 === 1 ? 4 : 2);
    return (sum * width) / 3;
  };
  return 1 - tail(k) / (simpson(0, 1, 1000) + tail(1));
}

test('every factor of the table covers 95.45 % to the two digits that it is written with', () => {
  for (let dof = 1; dof < 50; dof += 1) {
    const k = coverageFactor(dof);
    expect(coverage(dof, k - 0.0051), `ν = ${String(dof)} is not too large`).toBeLessThan(0.9545);
    expect(coverage(dof, k + 0.0051), `ν = ${String(dof)} is not too small`).toBeGreaterThan(
      0.9545,
    );
  }
});

test('fewer degrees of freedom never make us surer', () => {
  const degrees = fc.double({ min: 0, max: 200, noNaN: true });
  fc.assert(
    fc.property(degrees, degrees, (a, b) => {
      expect(coverageFactor(Math.min(a, b)) >= coverageFactor(Math.max(a, b))).toBe(true);
    }),
  );
  // The GUM truncates ν_eff to the next lower integer.
  expect(coverageFactor(4.99)).toBe(2.87);
  expect(coverageFactor(0.3)).toBe(13.97);
  expect(coverageFactor(49.9)).toBe(2.05);
});

test('parts combine in quadrature', () => {
  const parts = { systematicJ: joules(2), independentJ: joules(3), edgeJ: joules(6), dof: 3 };
  expect(combinedJ(parts)).toBe(7);
  // Three degrees of freedom of a small part count for little, and in full where that part is the whole.
  expect(effectiveDof(parts)).toBeCloseTo(3 * 3.5 ** 4, 9);
  expect(expandedJ(parts)).toBe(7 * 2);
  const alone = { ...parts, independentJ: joules(0), edgeJ: joules(0) };
  expect(expandedJ(alone)).toBeCloseTo(2 * 3.31, 12);
  expect(expandedJ({ ...parts, systematicJ: joules(0) })).toBe(2 * Math.hypot(3, 6));
  expect(expandedJ(NO_UNCERTAINTY)).toBe(0);
});
