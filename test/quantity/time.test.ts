// RFC 3339 in and out, exact to the nanosecond; what is no instant is refused, never rolled over into another day.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SiteFault } from '../../src/quantity/fault.ts';
import {
  alignedInterval,
  durationNs,
  floorDiv,
  formatInstant,
  fromMs,
  fromSeconds,
  instantNs,
  middle,
  NS_PER_S,
  parseDuration,
  parseInstant,
  toMs,
  toSeconds,
} from '../../src/quantity/time.ts';

/** 0000-01-01 to 9999-12-31: what four digits of a year can say. */
const FIRST_NS = BigInt(Date.parse('0000-01-01T00:00:00Z')) * 1_000_000n;
const LAST_NS = BigInt(Date.parse('9999-12-31T23:59:59.999Z')) * 1_000_000n + 999_999n;
const instants = fc.bigInt({ min: FIRST_NS, max: LAST_NS }).map(instantNs);

test('every nanosecond of ten thousand years is read back as it was written', () => {
  fc.assert(
    fc.property(instants, (instant) => {
      expect(parseInstant(formatInstant(instant))).toBe(instant);
    }),
    { numRuns: 2000 },
  );
});

test('the written form is what the platform writes, with as few digits as are exact', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (civilMs) => {
      const platform = new Date(civilMs).toISOString().replace('.000Z', 'Z');
      expect(formatInstant(instantNs(BigInt(civilMs) * 1_000_000n))).toBe(platform);
    }),
    { numRuns: 1000 },
  );
  expect(formatInstant(instantNs(1n))).toBe('1970-01-01T00:00:00.000000001Z');
  expect(formatInstant(instantNs(1_000n))).toBe('1970-01-01T00:00:00.000001Z');
  expect(formatInstant(instantNs(-1n))).toBe('1969-12-31T23:59:59.999999999Z');
  expect(formatInstant(instantNs(100_000_000n))).toBe('1970-01-01T00:00:00.100Z');
});

test('an instant is the same in every zone', () => {
  const zones = fc.record({
    sign: fc.constantFrom('+', '-'),
    hours: fc.integer({ min: 0, max: 23 }),
    minutes: fc.integer({ min: 0, max: 59 }),
  });
  const modern = fc.integer({ min: 0, max: 4_102_444_800 });
  fc.assert(
    fc.property(modern, zones, (civilS, { sign, hours, minutes }) => {
      const offsetS = (sign === '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
      const local = new Date((civilS + offsetS) * 1000).toISOString().slice(0, 19);
      const two = (part: number): string => String(part).padStart(2, '0');
      const text = `${local}${sign}${two(hours)}:${two(minutes)}`;
      expect(parseInstant(text)).toBe(BigInt(civilS) * NS_PER_S);
    }),
  );
});

test.each([
  ['2024-02-29T00:00:00Z', true],
  ['2000-02-29T00:00:00Z', true],
  ['2023-02-29T00:00:00Z', false],
  ['1900-02-29T00:00:00Z', false],
  ['2026-02-31T00:00:00Z', false],
  ['2026-04-31T00:00:00Z', false],
  ['2026-00-10T00:00:00Z', false],
  ['2026-13-10T00:00:00Z', false],
  ['2026-01-00T00:00:00Z', false],
  ['2026-01-01T24:00:00Z', false],
  ['2026-01-01T23:60:00Z', false],
  // POSIX time has no leap seconds: one that is written cannot be placed.
  ['2016-12-31T23:59:60Z', false],
  ['2026-01-01T00:00:00', false],
  ['2026-01-01', false],
  ['2026-01-01T00:00Z', false],
  ['2026-01-01T00:00:00+24:00', false],
  ['2026-01-01T00:00:00+01:60', false],
  ['2026-01-01T00:00:00+0100', false],
  ['2026-01-01T00:00:00.Z', false],
  ['2026-01-01T00:00:00,5Z', false],
  ['2026-1-1T00:00:00Z', false],
  [' 2026-01-01T00:00:00Z', false],
  ['2026-01-01T00:00:00Z\n', false],
  ['+002026-01-01T00:00:00Z', false],
  ['1767225600', false],
  ['', false],
  ['2026-01-01t00:00:00z', true],
  ['2026-01-01 00:00:00Z', true],
])('%j is an instant: %s', (text, isInstant) => {
  expect(parseInstant(text) !== undefined).toBe(isInstant);
});

test('whatever the text, the answer is an instant or undefined', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const instant = parseInstant(text);
      expect(instant === undefined || typeof instant === 'bigint').toBe(true);
    }),
  );
});

test('early years are not taken for the twentieth century', () => {
  expect(formatInstant(parseInstant('0069-07-20T00:00:00Z') ?? instantNs(0n))).toBe(
    '0069-07-20T00:00:00Z',
  );
});

test('digits beyond nanoseconds are cut, not rounded up into the future', () => {
  expect(parseInstant('1970-01-01T00:00:00.9999999999Z')).toBe(999_999_999n);
  expect(parseInstant('1970-01-01T00:00:00.5Z')).toBe(500_000_000n);
});

test('an aligned interval holds its instant, is a multiple of its length, and its end begins the next', () => {
  const lengths = fc
    .constantFrom(1n, 60n, 900n, 3600n, 86_400n)
    .map((s) => durationNs(s * NS_PER_S));
  fc.assert(
    fc.property(instants, lengths, (instant, length) => {
      const { fromNs, untilNs } = alignedInterval(instant, length);
      expect(fromNs <= instant && instant < untilNs).toBe(true);
      expect(untilNs - fromNs).toBe(length);
      expect(fromNs % length).toBe(0n);
      expect(alignedInterval(untilNs, length).fromNs).toBe(untilNs);
    }),
  );
});

test('floorDiv rounds towards minus infinity for all signs', () => {
  const wide = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
  fc.assert(
    fc.property(
      wide,
      wide.filter((divisor) => divisor !== 0n),
      (dividend, divisor) => {
        const rest = dividend - floorDiv(dividend, divisor) * divisor;
        // The remainder has the sign of the divisor and is smaller: that is what the floor means.
        expect(rest === 0n || rest > 0n === divisor > 0n).toBe(true);
        expect((rest < 0n ? -rest : rest) < (divisor < 0n ? -divisor : divisor)).toBe(true);
      },
    ),
  );
});

test('durations go over to seconds and back', () => {
  expect(fromMs(1.5)).toBe(1_500_000n);
  expect(fromSeconds(0.1)).toBe(100_000_000n);
  expect(toSeconds(fromSeconds(86_400))).toBe(86_400);
  expect(toMs(fromMs(250))).toBe(250);
  expect(middle(instantNs(10n), instantNs(20n))).toBe(15n);
});

test.each([
  ['500ms', 500_000_000n],
  ['1.5s', 1_500_000_000n],
  ['30s', 30_000_000_000n],
  ['5min', 300_000_000_000n],
  ['5m', 300_000_000_000n],
  ['2h', 7_200_000_000_000n],
  ['1d', 86_400_000_000_000n],
  ['0.1s', 100_000_000n],
])('%s is a duration', (text, expected) => {
  expect(parseDuration(text, 'here')).toBe(expected);
});

test.each(['', '5', 'min', '-5s', '5 s', '1e3s', '5S', '5sec', '1h30min', 'Infinitys', '٣s'])(
  '%j is no duration, and the fault says where and how to write one',
  (text) => {
    expect(() => parseDuration(text, '--for')).toThrow(SiteFault);
    expect(() => parseDuration(text, '--for')).toThrow(/^--for: .*not a duration.*30s, 5min/);
  },
);

test('the form that is written is read at any length, and nothing that only looks like it', () => {
  for (const fraction of ['', '.5', '.25', '.123456', '.000000001', '.999999999']) {
    const nanoseconds = BigInt(fraction.slice(1).padEnd(9, '0'));
    expect(parseInstant(`2026-11-01T23:59:59${fraction}Z`)).toBe(
      BigInt(Date.UTC(2026, 10, 1, 23, 59, 59)) * 1_000_000n + nanoseconds,
    );
  }
  for (const wrong of [
    '2026-11-01T24:00:00Z',
    '2026-11-01T23:60:00Z',
    '2026-11-01T23:00:60Z',
    '2026-02-30T00:00:00Z',
    '2026-11-01T00:00:00.Z',
    '2026-11-01T00:00:00,5Z',
    '2026-11-01T00:00:00.-1Z',
    '2026-11-01T0 :00:00Z',
    '2026-11-01T00-00:00Z',
    '2026-11-01T00:00:00.5',
  ]) {
    expect(parseInstant(wrong), wrong).toBeUndefined();
  }
});
