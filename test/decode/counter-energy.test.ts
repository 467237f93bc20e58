// Counts become exact energy: no float, no rounding but the one that the design asks for.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addCounts,
  countPrinted,
  countRegister,
  type CounterMeaning,
} from '../../src/decode/counter-energy.ts';
import { binaryFraction, decimalFraction, floatStep, rounded } from '../../src/decode/exact.ts';
import { gaugeReading } from '../../src/decode/gauge-reading.ts';
import { microjoules } from '../../src/quantity/units.ts';

const KWH: CounterMeaning = { unit: 'kWh', means: 'total', resolution: 0.01, wraps: 'unknown' };
const WH: CounterMeaning = { unit: 'Wh', means: 'total', resolution: 1, wraps: 'unknown' };

describe('integers', () => {
  test('count x scale x unit, exactly, far beyond what a double counts', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 14n }), (integer) => {
        const counted = countRegister({ is: 'integer', integer }, 32, {
          ...KWH,
          scale: { by: 0.01 },
        });
        expect(counted).toEqual({
          energyUj: integer * 36_000_000_000n,
          quantumUj: 36_000_000_000n,
        });
      }),
    );
  });

  test('below 0 only a net counter goes', () => {
    const value = { is: 'integer', integer: -1n } as const;
    expect(countRegister(value, 32, WH)).toEqual({ fault: 'decode.out-of-range' });
    expect(countRegister(value, 32, { ...WH, means: 'net' })).toMatchObject({
      energyUj: -3_600_000_000n,
    });
  });

  test('a count at or above its wrap, or above what any meter has counted, is no energy', () => {
    const wraps = { ...WH, wraps: { at: 1_000_000 } };
    expect(countRegister({ is: 'integer', integer: 999_999n }, 32, wraps)).toHaveProperty(
      'energyUj',
    );
    for (const [integer, meaning] of [
      [1_000_000n, wraps],
      [2n ** 64n - 2n, KWH],
    ] as const)
      expect(countRegister({ is: 'integer', integer }, 32, meaning)).toEqual({
        fault: 'decode.out-of-range',
      });
  });
});

describe('floats', () => {
  test('rounded to the resolution while the float is finer', () => {
    const float = Math.fround(20_000.37);
    expect(countRegister({ is: 'float', float }, 32, KWH)).toEqual({
      energyUj: 2_000_037n * 36_000_000_000n,
      quantumUj: 36_000_000_000n,
    });
  });

  test('left as it is, with its own step as quantum, where the float is coarser', () => {
    const float = Math.fround(200_000.3);
    expect(float).toBe(200_000.296875);
    expect(countRegister({ is: 'float', float }, 32, KWH)).toEqual({
      energyUj: 200_000_296_875n * 3_600_000n,
      // 2^-6 kWh.
      quantumUj: 3_600_000_000_000n / 64n,
    });
  });

  test('one step of the register is at least one quantum apart, and never falls', () => {
    fc.assert(
      fc.property(fc.float({ min: 0, max: Math.fround(1e9), noNaN: true }), (float) => {
        const step = floatStep(float, 32);
        const next = Math.fround(float + Number(step.numerator) / Number(step.denominator));
        const [a, b] = [float, next].map((each) =>
          countRegister({ is: 'float', float: each }, 32, KWH),
        );
        if ('fault' in a! || 'fault' in b!) throw new Error('in range');
        expect(b!.energyUj >= a!.energyUj).toBe(true);
        expect(b!.energyUj - a!.energyUj <= b!.quantumUj).toBe(true);
      }),
    );
  });

  test('what is no number is a gap', () => {
    for (const float of [NaN, Infinity, -Infinity])
      expect(countRegister({ is: 'float', float }, 64, WH)).toEqual({
        fault: 'decode.not-a-number',
      });
    expect(countRegister({ is: 'float', float: -0 }, 64, WH)).toMatchObject({ energyUj: 0n });
    expect(countRegister({ is: 'float', float: 1e300 }, 64, WH)).toEqual({
      fault: 'decode.out-of-range',
    });
  });
});

describe('printed decimals', () => {
  const mWh: CounterMeaning = { ...WH, resolution: 0.001 };

  test('count exactly what the device printed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000_000 }), (thousandths) => {
        const counted = countPrinted(thousandths / 1000, false, mWh);
        expect(counted).toMatchObject({ energyUj: BigInt(thousandths) * 3_600_000n });
      }),
    );
  });

  test('a device that holds a 32-bit float is no finer than that float', () => {
    const kwh: CounterMeaning = { ...KWH, resolution: 0.001 };
    expect(countPrinted(9098.245, true, kwh)).toMatchObject({ quantumUj: 3_600_000_000n });
    expect(countPrinted(20_000.123, true, kwh)).toMatchObject({
      quantumUj: 3_600_000_000_000n / 512n,
    });
  });
});

test('parts add up, and so do their steps', () => {
  const part = (energyUj: bigint) => ({
    energyUj: microjoules(energyUj),
    quantumUj: microjoules(10n),
  });
  expect(addCounts([part(5n), part(7n)])).toEqual({ energyUj: 12n, quantumUj: 20n });
});

describe('exact numbers', () => {
  test('doubles and decimals come back', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
        (double) => {
          const { numerator, denominator } = binaryFraction(double);
          expect(rounded({ numerator, denominator })).toBe(
            BigInt(Math.sign(double) * Math.round(Math.abs(double))),
          );
          const printed = decimalFraction(String(double))!;
          expect(printed.denominator > 0n).toBe(true);
        },
      ),
    );
    for (const text of ['', '.', '1.', 'e5', '1e99999', '0x10', ' 1', '9'.repeat(65)])
      expect(decimalFraction(text)).toBeUndefined();
    expect(decimalFraction('-1.50e-2')).toEqual({ numerator: -150n, denominator: 10_000n });
  });

  test('the step of a float is the distance to the next one', () => {
    fc.assert(
      fc.property(fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }), (float) => {
        const view = new DataView(new ArrayBuffer(4));
        view.setFloat32(0, float);
        view.setUint32(0, view.getUint32(0) + 1);
        const { numerator, denominator } = floatStep(float, 32);
        const next = view.getFloat32(0);
        if (Number.isFinite(next))
          expect(Number(numerator) / Number(denominator)).toBe(next - float);
      }),
    );
  });
});

describe('gauges', () => {
  test('units and scales come out as the device means them', () => {
    expect(gaugeReading(1234, { channel: 'voltage', unit: 'V', scale: { by: 0.01 } })).toEqual({
      reading: 12.34,
    });
    expect(gaugeReading(1.5, { channel: 'power_active', unit: 'kW' })).toEqual({ reading: 1500 });
    expect(gaugeReading(55, { channel: 'utilisation', unit: '%' })).toEqual({ reading: 0.55 });
    expect(
      Object.is(Reflect.get(gaugeReading(-0, { channel: 'voltage', unit: 'V' }), 'reading'), 0),
    ).toBe(true);
  });

  test('what cannot be is a gap', () => {
    const pf = { channel: 'power_factor', unit: '1' } as const;
    expect(gaugeReading(1.9, pf)).toEqual({ fault: 'decode.out-of-range' });
    expect(gaugeReading(NaN, pf)).toEqual({ fault: 'decode.not-a-number' });
    expect(gaugeReading(300, { channel: 'voltage', unit: 'V', range: [0, 260] })).toEqual({
      fault: 'decode.out-of-range',
    });
  });
});
