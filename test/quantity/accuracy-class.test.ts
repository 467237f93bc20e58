// What accuracy classes allow, against figures taken from the law and from arithmetic on published ones.
import { describe, expect, test } from 'vitest';
import {
  accuracyOf,
  accuracyRatio,
  combinedAccuracy,
  isKnownClass,
  isUnspecified,
  limitOf,
  type AccuracyLimit,
  type MeterConditions,
  type Unspecified,
} from '../../src/quantity/accuracy-class.ts';
import { phaseErrorRatio, transformerAccuracy } from '../../src/quantity/current-transformer.ts';

const percentOf = (promise: AccuracyLimit | Unspecified): number | 'nothing' =>
  isUnspecified(promise) ? 'nothing' : Number((100 * promise.limitRatio).toFixed(4));
const limit = (scheme: string, name: string, conditions: MeterConditions): number | 'nothing' =>
  percentOf(accuracyOf(scheme, name, conditions));

describe('the simple door', () => {
  test('MID class B: the limit in use, 2 %, rectangular', () => {
    expect(accuracyRatio('EN 50470-3', 'B')).toBeCloseTo(0.02 / Math.sqrt(3), 12);
  });

  test('class 1 anywhere from 5 to 30 degrees: 1 % and 18 K of 0.07 %, in quadrature', () => {
    expect(accuracyRatio('IEC 62053-21', '1')).toBeCloseTo(
      Math.hypot(0.01, 18 * 0.0007) / Math.sqrt(3),
      12,
    );
    const promise = accuracyOf('IEC 62053-21', '1', {});
    expect(isUnspecified(promise) ? [] : promise.assumed).toHaveLength(3);
  });

  test('nobody states a class: 3 %, and it is said', () => {
    for (const [scheme, name] of [
      ['unknown', 'unknown'],
      ['EN 50470-3', 'Z'],
      ['manufacturer', 'good'],
    ] as const) {
      expect(accuracyRatio(scheme, name)).toBeCloseTo(0.03 / Math.sqrt(3), 12);
      expect(isKnownClass(scheme, name)).toBe(false);
    }
    expect(accuracyRatio('manufacturer', '1 %')).toBeCloseTo(0.01 / Math.sqrt(3), 12);
    expect(accuracyRatio('__proto__', 'toString')).toBeCloseTo(0.03 / Math.sqrt(3), 12);
  });

  test.each(['A', 'B', 'C'])(
    'class %s never comes out finer than its index at reference conditions',
    (name) => {
      const indexRatio = { A: 0.02, B: 0.01, C: 0.005 }[name]!;
      expect(accuracyRatio('EN 50470-3', name) * Math.sqrt(3)).toBeGreaterThan(indexRatio);
    },
  );
});

describe('by load, power factor and temperature', () => {
  test.each([
    // Directive 2014/32/EU, Annex V, table 2: rows of temperature, below and above the transitional current.
    ['A', 20, 0.03, 3.5],
    ['A', 20, 0.5, 3.5],
    ['B', 20, 0.03, 2],
    ['B', 35, 0.5, 2.5],
    ['B', 45, 0.5, 3.5],
    ['B', 60, 0.5, 4],
    ['C', 20, 0.03, 1],
    ['C', 20, 0.5, 0.7],
    ['C', 35, 0.03, 1.3],
    ['C', 35, 0.5, 1],
    ['C', -20, 0.03, 1.7],
    ['C', -20, 0.5, 1.3],
    ['C', -40, 0.03, 2],
    ['C', -40, 0.5, 1.5],
    ['A', 35, 0.03, 5],
    ['A', 35, 0.5, 4.5],
  ] as const)(
    'MID class %s at %d degrees and %d of the rated current',
    (name, temperatureCel, loadRatio, percent) => {
      const conditions = {
        temperatureCel,
        loadRatio,
        powerFactorRatio: 0.97,
        connection: 'transformer',
      } as const;
      expect(limit('EN 50470-3', name, conditions)).toBe(percent);
    },
  );

  test('a lightly loaded class 1 is no 1 % meter; below its least current it promises nothing', () => {
    const at = (loadRatio: number, powerFactorRatio = 1): number | 'nothing' =>
      limit('IEC 62053-21', '1', {
        loadRatio,
        powerFactorRatio,
        temperatureCel: 23,
        connection: 'direct',
      });
    expect([at(0.5), at(0.1), at(0.07), at(0.04), at(0.07, 0.9), at(0.15, 0.9)]).toEqual([
      1,
      1,
      1.5,
      'nothing',
      'nothing',
      1.5,
    ]);
    expect(at(0.5, 0.4)).toBe('nothing');
    expect(at(Number.NaN)).toBe('nothing');
  });

  test('class S reaches down to 1 % of the rated current; a hot aisle adds to an IEC class', () => {
    const at = (conditions: MeterConditions): number | 'nothing' =>
      limit('IEC 62053-22', '0.5S', conditions);
    expect(at({ loadRatio: 0.01, powerFactorRatio: 1, temperatureCel: 23 })).toBe(1);
    expect(at({ loadRatio: 0.5, powerFactorRatio: 0.95, temperatureCel: 23 })).toBe(0.6);
    expect(at({ loadRatio: 0.5, powerFactorRatio: 0.95, temperatureCel: 43 })).toBeCloseTo(
      Math.hypot(0.6, 20 * 0.05),
      3,
    );
    expect(at({ loadRatio: 1.3, powerFactorRatio: 1, temperatureCel: 23 })).toBe('nothing');
    expect(at({ temperatureCel: 80 })).toBe('nothing');
    expect(at({ loadRatio: 0.5, connection: 'direct' })).toBe('nothing');
    expect(
      at({ loadRatio: 0.5, powerFactorRatio: 1, temperatureCel: 23, isSinglePhase: true }),
    ).toBe(0.6);
  });

  test('what is known never makes a limit wider than not knowing it', () => {
    for (const temperatureCel of [5, 15, 23, 30]) {
      for (const powerFactorRatio of [0.5, 0.8, 0.97, 1]) {
        const conditions = { loadRatio: 0.5, powerFactorRatio, temperatureCel };
        for (const [scheme, name] of [
          ['EN 50470-3', 'C'],
          ['IEC 62053-22', '0.2S'],
          ['IEC 61557-12', '1'],
        ] as const) {
          expect(Number(limit(scheme, name, conditions))).toBeLessThanOrEqual(
            Number(limit(scheme, name, {})),
          );
        }
      }
    }
  });

  test("makers' statements: 3 % + 1 digit at 300 W with digits of 10 W is 19 W, u = 11 W", () => {
    const apc = accuracyOf('manufacturer', '3 % + 1 digit', { digitRatio: 10 / 300 });
    expect(percentOf(apc)).toBeCloseTo((100 * 19) / 300, 3);
    expect(300 * (isUnspecified(apc) ? 0 : apc.standardRatio)).toBeCloseTo(11, 1);
    expect(limit('manufacturer', '0.1 % + 0.05 % range', { ofRangeRatio: 0.5 })).toBeCloseTo(
      0.2,
      6,
    );
    expect(limit('manufacturer', '0.1 % + 0.05 % range', {})).toBeCloseTo(0.6, 6);
    expect(limit('manufacturer', '0.1 % + 0.05 % range', { ofRangeRatio: 2 })).toBe('nothing');
  });
});

describe('current transformers', () => {
  test.each([
    // Percent by power factor and minutes, computed elsewhere as cos(phi - d) / cos(phi) - 1.
    [1, 30, -0.004],
    [1, 180, -0.14],
    [0.99, 180, 0.61],
    [0.95, 30, 0.28],
    [0.9, 60, 0.83],
    [0.5, 90, 4.5],
    [0.5, 180, 8.93],
  ])('phase at power factor %d and %d minutes', (powerFactor, minutes, better) => {
    // The other direction is worse by twice 1 - cos d.
    const d = (minutes / 60) * (Math.PI / 180);
    expect(100 * (phaseErrorRatio(powerFactor, minutes) - 2 * (1 - Math.cos(d)))).toBeCloseTo(
      better,
      1,
    );
    const phi = Math.acos(powerFactor);
    const worse = Math.max(
      ...[d, -d].map((each) => Math.abs(Math.cos(phi + each) / powerFactor - 1)),
    );
    expect(phaseErrorRatio(powerFactor, minutes)).toBeCloseTo(worse, 10);
  });

  test('a class is undefined below its least current, and wide where it is lightly loaded', () => {
    const at = (name: string, loadRatio: number): number | 'nothing' =>
      percentOf(transformerAccuracy(name, { loadRatio, powerFactorRatio: 1 }));
    expect(at('0.5', 0.04)).toBe('nothing');
    expect(at('0.5', 0.05)).toBeCloseTo(1.5, 2);
    expect(at('0.5S', 0.01)).toBeCloseTo(1.5, 2);
    expect(at('0.5S', 0.5)).toBeCloseTo(0.5, 2);
    expect(at('1', 1.3)).toBe('nothing');
    expect(at('9', 1)).toBe('nothing');
    expect(percentOf(transformerAccuracy('1', { loadRatio: 1, powerFactorRatio: 0 }))).toBe(
      'nothing',
    );
    const unknown = transformerAccuracy('0.5', {});
    expect(percentOf(unknown)).toBeCloseTo(Math.hypot(0.75, 100 * phaseErrorRatio(0.9, 45)), 3);
    expect(isUnspecified(unknown) ? [] : unknown.assumed).toHaveLength(2);
  });

  test('a meter of 1 % behind transformers of 1 %: u = 0.816 %, U = 1.63 %', () => {
    const both = combinedAccuracy([limitOf(0.01, ['a']), limitOf(0.01, ['b'])]);
    expect(100 * both.standardRatio).toBeCloseTo(0.816, 3);
    expect(200 * both.standardRatio).toBeCloseTo(1.63, 2);
    expect(both.assumed).toEqual(['a', 'b']);
  });
});
