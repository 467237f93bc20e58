// Exact decimal numbers, for prices, percents and whatever stands on an invoice: digits as bigint and a count of places.
// They are rounded in one place, half to even (ISO 80000-1 B.3, rule A), so that no direction is favoured over many lines.

export interface Decimal {
  readonly digits: bigint;
  /** Digits after the point: the number is digits / 10^places. */
  readonly placesCount: number;
}

/** Reads `0.30`, `-12`, `8.5`; undefined where the text is no such number or has more than 12 places. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?)(\d{1,18})(?:\.(\d{1,12}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '0', fraction = ''] = match;
  const digits = BigInt(whole + fraction);
  return { digits: sign === '-' ? -digits : digits, placesCount: fraction.length };
}

/** All places are written: `0.30` stays `0.30`. Zero has no sign. */
export function formatDecimal({ digits, placesCount }: Decimal): string {
  const magnitude = (digits < 0n ? -digits : digits).toString().padStart(placesCount + 1, '0');
  const sign = digits < 0n ? '-' : '';
  if (placesCount === 0) return sign + magnitude;
  return `${sign}${magnitude.slice(0, -placesCount)}.${magnitude.slice(-placesCount)}`;
}

const powerOfTen = (placesCount: number): bigint => 10n ** BigInt(placesCount);

/** Quotient rounded to the nearest whole, a half to the even neighbour. The divisor is positive. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  if (divisor <= 0n) throw new RangeError('the divisor must be positive');
  const magnitude = dividend < 0n ? -dividend : dividend;
  const quotient = magnitude / divisor;
  const twice = (magnitude % divisor) * 2n;
  const up = twice > divisor || (twice === divisor && quotient % 2n === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return dividend < 0n ? -rounded : rounded;
}

/** The product of two decimals, rounded once to so many places. */
export function multiplyRounded(a: Decimal, b: Decimal, placesCount: number): Decimal {
  const exactPlaces = a.placesCount + b.placesCount;
  const product = a.digits * b.digits;
  const digits =
    exactPlaces <= placesCount
      ? product * powerOfTen(placesCount - exactPlaces)
      : divideHalfEven(product, powerOfTen(exactPlaces - placesCount));
  return { digits, placesCount };
}

/** `amount` times a decimal factor, rounded to a whole. */
export const scaleWhole = (amount: bigint, factor: Decimal): bigint =>
  divideHalfEven(amount * factor.digits, powerOfTen(factor.placesCount));

/** A count of `unit`s as a decimal: 1.2 kWh of µJ with unit 3.6e12. Rounded once. */
export const countOf = (amount: bigint, unit: bigint, placesCount: number): Decimal => ({
  digits: divideHalfEven(amount * powerOfTen(placesCount), unit),
  placesCount,
});

/** The whole amount that a count of units stands for; exact where the unit has as many factors of ten, else rounded. */
export const wholeOf = (count: Decimal, unit: bigint): bigint =>
  divideHalfEven(count.digits * unit, powerOfTen(count.placesCount));

/** Sum and difference of decimals of one number of places. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.placesCount !== b.placesCount) throw new RangeError('decimals of different places');
  return { digits: a.digits + b.digits, placesCount: a.placesCount };
}

export const negated = ({ digits, placesCount }: Decimal): Decimal => ({
  digits: -digits,
  placesCount,
});
