// Money and kWh are rounded in one place; what ISO 80000-1 B.3 rule A says is the expectation.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countOf,
  divideHalfEven,
  formatDecimal,
  multiplyRounded,
  parseDecimal,
  wholeOf,
} from '../../../src/settle/accounts/decimal.ts';
import { decimal } from './plans.ts';

describe('decimals', () => {
  test.each(['0.30', '-12', '8.5', '0', '123456789012345678.123456789012'])('%s stays', (text) => {
    expect(formatDecimal(parseDecimal(text)!)).toBe(text);
  });

  test.each([
    '',
    '.5',
    '1.',
    '1e3',
    '+1',
    '1,5',
    '0x1',
    '1.1234567890123',
    ' 1',
    '1234567890123456789',
  ])('"%s" is none', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });

  test.each<[bigint, bigint, bigint]>([
    [5n, 2n, 2n],
    [7n, 2n, 4n],
    [-5n, 2n, -2n],
    [-7n, 2n, -4n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
    [0n, 7n, 0n],
  ])('%s / %s is %s', (dividend, divisor, quotient) => {
    expect(divideHalfEven(dividend, divisor)).toBe(quotient);
  });

  test('a product is rounded once: 12.345 kWh at 0.10 is 1.23, at 0.1 and 12.355 it is 1.24', () => {
    expect(formatDecimal(multiplyRounded(decimal('12.345'), decimal('0.10'), 2))).toBe('1.23');
    expect(formatDecimal(multiplyRounded(decimal('12.25'), decimal('0.1'), 2))).toBe('1.22');
    expect(formatDecimal(multiplyRounded(decimal('12.35'), decimal('0.1'), 2))).toBe('1.24');
    expect(formatDecimal(multiplyRounded(decimal('2'), decimal('3'), 2))).toBe('6.00');
  });

  test('kWh of µJ and back differ by at most half of the last place', () => {
    fc.assert(
      fc.property(
        fc.bigInt(-(10n ** 20n), 10n ** 20n),
        fc.integer({ min: 0, max: 9 }),
        (uj, places) => {
          const unit = 3_600_000_000_000n;
          const off = uj - wholeOf(countOf(uj, unit, places), unit);
          const half = unit / 10n ** BigInt(places) / 2n;
          expect(off <= half && off >= -half).toBe(true);
        },
      ),
    );
  });
});
