// Energy across the border between doubles and exact microjoules, and its decimal form.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  expandedKwh,
  formatKwh,
  formatRatioPercent,
  formatWatts,
  kwhOf,
} from '../../src/quantity/format.ts';
import {
  joules,
  joulesToMicrojoules,
  KWH_UJ,
  microjoules,
  watts,
} from '../../src/quantity/units.ts';

/** A double as an exact fraction: what the machine number really is. */
function exactly(number: number): { numerator: bigint; denominator: bigint } {
  let denominator = 1n;
  let scaled = number;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(scaled), denominator };
}

test('joules become the nearest microjoule', () => {
  const energies = fc.double({ min: -1e15, max: 1e15, noNaN: true });
  fc.assert(
    fc.property(energies, (energyJ) => {
      const energyUj: bigint = joulesToMicrojoules(joules(energyJ));
      const { numerator, denominator } = exactly(energyJ);
      const offTwice = 2n * (energyUj * denominator - numerator * 1_000_000n);
      const magnitude = offTwice < 0n ? -offTwice : offTwice;
      // Half a µJ, and what scaling the remainder below one joule may round by: less than 1e-9 µJ.
      expect(magnitude * 1_000_000_000n <= denominator * 1_000_000_001n).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('halves round away from zero on both sides, so that a step and its reverse cancel', () => {
  // 2^-7 J is 7812.5 µJ exactly.
  expect(joulesToMicrojoules(joules(0.0078125))).toBe(7813n);
  expect(joulesToMicrojoules(joules(-0.0078125))).toBe(-7813n);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (energyJ) => {
      const there: bigint = joulesToMicrojoules(joules(energyJ));
      const back: bigint = joulesToMicrojoules(joules(-energyJ));
      expect(there + back).toBe(0n);
    }),
  );
});

test('whole microjoules survive the way through joules up to 2^53 µJ', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), (energyUj) => {
      expect(joulesToMicrojoules(joules(energyUj / 1e6))).toBe(BigInt(energyUj));
    }),
  );
});

test.each([NaN, Infinity, -Infinity])('%s joules are refused', (energyJ) => {
  expect(() => joulesToMicrojoules(joules(energyJ))).toThrow(RangeError);
});

test('formatKwh is the nearest 1e-12 kWh, for any size and sign', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (energyUj) => {
      const text = formatKwh(microjoules(energyUj));
      expect(text).toMatch(/^-?\d+\.\d{3,12}$/);
      const [whole = '', fraction = ''] = text.replace('-', '').split('.');
      const pico = BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, '0'));
      const magnitude = energyUj < 0n ? -energyUj : energyUj;
      const offTwice = 2n * (pico * KWH_UJ - magnitude * 10n ** 12n);
      expect(offTwice <= KWH_UJ && -offTwice < KWH_UJ).toBe(true);
      expect(text.startsWith('-')).toBe(energyUj < 0n && pico > 0n);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  [0n, '0.000'],
  [1n, '0.000000000000'],
  [2n, '0.000000000001'],
  [-1n, '0.000000000000'],
  [3_600_000_000_000n, '1.000'],
  [-3_600_000_000_000n, '-1.000'],
  [3_600_000_000n, '0.001'],
  [360_000_000n, '0.0001'],
  [36_000_000_000_000_000_000n, '10000000.000'],
  [1_200_000_000_000n, '0.333333333333'],
  [2_400_000_000_000n, '0.666666666667'],
])('%s µJ is %s kWh', (energyUj, text) => {
  expect(Number(formatKwh(microjoules(energyUj)))).toBe(Number(text));
  expect(formatKwh(microjoules(energyUj)).replace(/0+$/, '')).toBe(text.replace(/0+$/, ''));
});

test('kWh read back give the microjoules again, to the 1e-12 kWh that they are written with', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 22n }), (energyUj) => {
      const [whole = '', fraction = ''] = formatKwh(microjoules(energyUj)).split('.');
      const pico = BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, '0'));
      // 1e-12 kWh is 3.6 µJ: coarser than a µJ, so they come back to within two of them.
      const back = (pico * KWH_UJ) / 10n ** 12n;
      expect(back - energyUj <= 2n && energyUj - back <= 2n).toBe(true);
    }),
  );
});

test('people see units', () => {
  expect(kwhOf(microjoules(KWH_UJ / 4n))).toBe(0.25);
  expect(formatWatts(watts(574.125))).toBe('574.1 W');
  expect(formatRatioPercent(0.3185)).toBe('31.9 %');
  const parts = { systematicJ: joules(3.6e6), independentJ: joules(0), edgeJ: joules(0) };
  expect(expandedKwh({ ...parts, dof: Infinity })).toBe(2);
  expect(expandedKwh({ ...parts, dof: 4 })).toBe(2.87);
});
