// The worst that counters did to other people's bills, each by its name. What is never allowed: energy that nobody used.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verdictOn } from '../../src/align/counter-verdict.ts';
import { InstrumentTrace } from '../../src/align/instrument-trace.ts';
import { RegisterCurve } from '../../src/align/register-curve.ts';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import type { FaultCode } from '../../src/quantity/fault.ts';
import type { CounterReading, GaugeChannel, Observation } from '../../src/quantity/observation.ts';
import { watts } from '../../src/quantity/units.ts';
import { answered } from '../decode/exchanges.ts';
import { modbusProfile } from '../decode/profiles.ts';
import { counterAt, secondsNs } from './counter-readings.ts';

const WH = 3_600_000_000n;
const KWH = 1000n * WH;
const RULES = { ceilingW: watts(1_000_000), holeS: 30, holdAfterS: 86_400 };

/** All that a curve would ever give out: the rise of each of its stretches, summed. */
function booked(curve: RegisterCurve, untilS: number): bigint {
  let sumUj = 0n;
  let before: { stretch: number; energyUj: bigint } | undefined;
  for (let atS = 0; atS <= untilS; atS += 0.5) {
    const edge = curve.energyAt(secondsNs(atS));
    if (edge !== undefined && before?.stretch === edge.stretch)
      sumUj += edge.energyUj - before.energyUj;
    if (edge !== undefined) before = edge;
  }
  return sumUj;
}

const curveOf = (readings: readonly CounterReading[], powerW?: number): RegisterCurve => {
  const curve = new RegisterCurve(RULES);
  for (const reading of readings) {
    if (powerW !== undefined) curve.power.observe(reading.window.notAfterNs, watts(powerW));
    curve.observe(reading);
  }
  return curve;
};

const everySecond = (counts: readonly bigint[], quantumUj = WH): CounterReading[] =>
  counts.map((count, atS) => counterAt(atS, count, { quantumUj }));

const gauge = (atS: number, channel: GaugeChannel, reading: number): Observation => ({
  kind: 'gauge',
  source: 'm1',
  component: '',
  channel,
  reading,
  window: { notBeforeNs: secondsNs(atS), notAfterNs: secondsNs(atS) },
});

describe('the lifetime total booked after a zero', () => {
  const total = 81_250n * KWH;

  test('one zero is forgotten', () => {
    const curve = curveOf(everySecond([total, total + WH, 0n, total + 2n * WH, total + 3n * WH]));
    expect(booked(curve, 6)).toBe(3n * WH);
  });

  test('zeros for long are a reset, the return is a glitch, and neither is energy', () => {
    const counts = [
      total,
      total + WH,
      0n,
      0n,
      0n,
      0n,
      total + 5n * WH,
      total + 5n * WH,
      total + 6n * WH,
      total + 7n * WH,
    ];
    const curve = curveOf(everySecond(counts));
    expect(curve.breakWithin(secondsNs(1), secondsNs(3))).toBe('counter.reset');
    expect(curve.breakWithin(secondsNs(5), secondsNs(8))).toBe('counter.glitch');
    expect(booked(curve, 12)).toBe(3n * WH);
  });

  test('also where the total is so small that the ceiling of power would let it pass', () => {
    // 100 Wh in a second are 360 kW, below the ceiling of a megawatt.
    const small = 100n * WH;
    const curve = curveOf(
      everySecond([small, small, 0n, 0n, 0n, small, small, small + WH, small + WH]),
    );
    expect(booked(curve, 12)).toBe(WH);
    expect(curve.breakWithin(secondsNs(4), secondsNs(6))).toBe('counter.glitch');
  });

  test('also where the very first reading is the zero, once power is known', () => {
    const small = 100n * WH;
    const curve = curveOf(everySecond([0n, 0n, small, small, small, small + WH, small + WH]), 3600);
    expect(booked(curve, 10)).toBe(WH);
    expect(curve.breakWithin(secondsNs(0), secondsNs(3))).toBe('counter.jumped');
  });

  test('a true reset counts on from zero, past the old count, without losing anything more', () => {
    const counts = [5n, 6n, 0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map((count) => count * WH);
    const curve = curveOf(everySecond(counts), 3600);
    expect(booked(curve, 12)).toBe(9n * WH);
    expect(curve.breakWithin(secondsNs(3.5), secondsNs(10))).toBeUndefined();
  });
});

describe('what a fall was, by its evidence', () => {
  const most: [string, bigint, bigint, FaultCode][] = [
    ['set to zero', 5000n * KWH, 0n, 'counter.reset'],
    ['set to zero, and counted a little since', 5000n * KWH, 40n * WH, 'counter.reset'],
    ['fallen back to the value of midnight', 5000n * KWH, 4990n * KWH, 'counter.rolled-back'],
    ['the display now shows MWh', 5_000_123n * WH, 5000n * WH, 'counter.rescaled'],
    ['a decimal place more', 5_000_123n * WH, 50_001_230n * WH, 'counter.rescaled'],
    ['a decimal place fewer', 50_001_230n * WH, 5_000_123n * WH, 'counter.rescaled'],
    [
      'another ratio of the transformer, a thousand',
      5_000_123n * WH,
      5_000_123_000n * WH,
      'counter.rescaled',
    ],
    ['somebody wrote another count', 5000n * KWH, 7777n * KWH, 'counter.jumped'],
  ];
  test.each(most)('%s', (_, before, after, verdict) => {
    const last = counterAt(0, before, { quantumUj: WH });
    const first = counterAt(1, after, { quantumUj: WH });
    expect(verdictOn({ last, first, earlier: undefined, ceilingW: RULES.ceilingW })).toBe(verdict);
    const counts = [before - WH, before, after, after, after + WH, after + 2n * WH];
    const curve = curveOf(everySecond(counts));
    expect(curve.breakWithin(secondsNs(1), secondsNs(3))).toBe(verdict);
    expect(booked(curve, 8)).toBeLessThanOrEqual(3n * WH);
  });

  test('a boot id or reset time that changed is believed at once', () => {
    const curve = new RegisterCurve(RULES);
    curve.observe(counterAt(0, 5n * KWH, { epoch: '2025-01-01' }));
    expect(curve.observe(counterAt(1, 6n * KWH, { epoch: '2026-01-01' }))).toEqual({
      taken: 'break',
      because: 'counter.restarted',
    });
  });

  test('a wrap is energy, and only where the range is known', () => {
    const wrapsAtUj = 100_000n * KWH;
    const around = (more: { wrapsAtUj?: bigint }): RegisterCurve =>
      curveOf(
        [wrapsAtUj - 2n * WH, wrapsAtUj - WH, WH, 2n * WH, 3n * WH].map((count, atS) =>
          counterAt(atS, count, { quantumUj: WH, ...more }),
        ),
      );
    expect(booked(around({ wrapsAtUj }), 8)).toBe(5n * WH);
    expect(booked(around({}), 8)).toBe(3n * WH);
  });

  test('whatever it does, no more is ever booked than the ceiling of power allows', () => {
    const step = fc.oneof(
      fc.bigInt(0n, 5n).map((by) => (count: bigint) => count + by * WH),
      fc.constant(() => 0n),
      fc.constantFrom(10n, 1000n).map((factor) => (count: bigint) => count * factor),
      fc.constantFrom(10n, 1000n).map((factor) => (count: bigint) => count / factor),
      fc.bigInt(0n, 10n ** 9n).map((to) => () => to * WH),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        let count = 1000n * KWH;
        const counts = [count];
        for (const each of steps) counts.push((count = each(count)));
        const curve = curveOf(everySecond(counts));
        const mostUj = BigInt(counts.length) * (1_000_000n * 1_000_000n + 2n * WH);
        expect(booked(curve, counts.length)).toBeLessThanOrEqual(mostUj);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a register that is frozen while power flows', () => {
  const minutes = (
    count: (minute: number) => bigint,
    powerW: number,
    untilMin: number,
  ): RegisterCurve =>
    curveOf(
      Array.from({ length: 6 * untilMin }, (_, n) =>
        counterAt(10 * n, count(n / 6), { quantumUj: 10n * WH }),
      ),
      powerW,
    );

  test('is told within twenty minutes, and its intervals are no zeros', () => {
    const curve = minutes(() => 5000n * KWH, 5000, 60);
    expect(curve.breakWithin(secondsNs(0), secondsNs(1200))).toBe('counter.frozen');
    expect(curve.breakWithin(secondsNs(1800), secondsNs(3000))).toBe('counter.frozen');
    const first = curve.energyAt(secondsNs(60));
    const later = curve.energyAt(secondsNs(2400));
    expect(first === undefined || later === undefined || first.stretch !== later.stretch).toBe(
      true,
    );
  });

  test('zeros for a register that does not exist are such a register', () => {
    const curve = minutes(() => 0n, 2000, 60);
    expect(curve.breakWithin(secondsNs(0), secondsNs(3600))).toBe('counter.frozen');
    expect(booked(curve, 3600)).toBe(0n);
  });

  test('one that goes on counting later has lost what flowed meanwhile, and that is said', () => {
    const curve = minutes(
      (minute) =>
        5000n * KWH + (minute < 40 ? 0n : BigInt(Math.floor((minute - 40) * 8)) * 10n * WH),
      5000,
      60,
    );
    expect(curve.breakWithin(secondsNs(0), secondsNs(2400))).toBe('counter.frozen');
    expect(curve.breakWithin(secondsNs(2600), secondsNs(3600))).toBeUndefined();
  });

  test.each([
    ['a coarse register at little power', 500, 60, () => 5000n * KWH, 1000n * WH],
    ['standby below the starting current', 20, 24 * 60, () => 5000n * KWH, WH],
    ['no power', 0, 24 * 60, () => 5000n * KWH, WH],
    [
      'a register that is refreshed once in five minutes',
      6000,
      60,
      (minute: number) => BigInt(Math.floor(minute / 5)) * 500n * WH,
      WH,
    ],
  ] as const)('%s is no frozen register', (_, powerW, untilMin, count, quantumUj) => {
    const curve = curveOf(
      Array.from({ length: 6 * untilMin }, (__, n) =>
        counterAt(10 * n, count(n / 6), { quantumUj }),
      ),
      powerW,
    );
    expect(curve.breakWithin(secondsNs(0), secondsNs(60 * untilMin))).toBeUndefined();
  });
});

describe('numbers that are none', () => {
  const profile = modbusProfile({
    reads: [
      {
        channel: 'energy_import',
        at: 0,
        as: 'float32',
        unit: 'kWh',
        kind: 'counter',
        means: 'total',
        resolution: 0.01,
        wraps: 'unknown',
        falls: 'never',
      },
      {
        channel: 'energy_import_partial',
        at: 2,
        as: 'float32',
        unit: 'kWh',
        kind: 'counter',
        means: 'partial',
        resolution: 0.01,
        wraps: 'unknown',
        falls: 'reset',
      },
    ],
  });
  const words = (total: number, partial: number): ReadonlyMap<number, number> => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat32(0, total);
    view.setFloat32(4, partial);
    return new Map([0, 1, 2, 3].map((at) => [at, view.getUint16(2 * at)]));
  };
  const observed = (total: number, partial: number, atS: number): readonly Observation[] =>
    decodeExchange(
      profile,
      {
        ...answered(
          'modbus-tcp',
          1,
          { table: 'holding', address: 0, count: 4 },
          words(total, partial),
        ),
        sentNs: secondsNs(atS),
        firstByteNs: secondsNs(atS),
        lastByteNs: secondsNs(atS),
      },
      { id: 'm1', unit: 1, topic: '' },
    );
  const traceOf = (...reads: (readonly [number, number])[]): InstrumentTrace => {
    const trace = new InstrumentTrace('m1', RULES);
    reads.forEach(([total, partial], atS) => {
      trace.observe(observed(total, partial, atS));
    });
    return trace;
  };

  test('NaN is not 0: the count goes on behind it', () => {
    const trace = traceOf([1234.5, 1], [NaN, 1], [1234.5, 1], [1234.51, 1], [1234.51, 1]);
    expect(booked(trace.register()!, 6)).toBe(10n * WH);
    expect(trace.register()!.breakWithin(secondsNs(0), secondsNs(6))).toBeUndefined();
  });

  test('a float32 register of a big site moves in coarse steps: exact sums, and the step is in the uncertainty', () => {
    // At 350 MWh a float of kWh moves by 1/32 kWh.
    const curve = traceOf(
      [350_000, 1],
      [350_000.03125, 1],
      [350_000.03125, 1],
      [350_000.0625, 1],
      [350_000.0625, 1],
    ).register()!;
    expect(booked(curve, 6)).toBe((62_500n * WH) / 1000n);
    const edge = curve.energyAt(secondsNs(1.5))!;
    expect(edge.edgeJ).toBeGreaterThanOrEqual((0.03125 * 3.6e6) / Math.sqrt(12));
  });

  test('a partial register is never taken for the total, whatever it does', () => {
    const trace = traceOf([100, 55], [100.01, 0], [100.02, 0.01], [100.03, 99_999], [100.03, 0]);
    expect(booked(trace.register()!, 6)).toBe(30n * WH);
    expect(trace.passedOver.size).toBe(0);
    const partialOnly = modbusProfile({
      reads: [
        {
          channel: 'energy_import_partial',
          at: 2,
          as: 'float32',
          unit: 'kWh',
          kind: 'counter',
          means: 'partial',
          resolution: 0.01,
          wraps: 'unknown',
          falls: 'reset',
        },
      ],
    });
    expect(partialOnly.reads).toHaveLength(1);
    expect(() =>
      modbusProfile({
        reads: [
          {
            channel: 'energy_import',
            at: 2,
            as: 'float32',
            unit: 'kWh',
            kind: 'counter',
            means: 'partial',
            resolution: 0.01,
            wraps: 'unknown',
            falls: 'reset',
          },
        ],
      }),
    ).toThrow('a partial counter has its own channel');
  });
});

describe('a current transformer that is the wrong way round', () => {
  const traceOf = (
    phases: (minute: number) => readonly [number, number, number],
    untilMin: number,
    total?: number,
  ): InstrumentTrace => {
    const trace = new InstrumentTrace('m1', RULES);
    for (let minute = 0; minute <= untilMin; minute += 0.5) {
      const each = phases(minute);
      trace.observe([
        gauge(60 * minute, 'power_active', total ?? each[0] + each[1] + each[2]),
        ...each.map((powerW, n) =>
          gauge(
            60 * minute,
            (['power_active_l1', 'power_active_l2', 'power_active_l3'] as const)[n]!,
            powerW,
          ),
        ),
      ]);
    }
    return trace;
  };

  test('is told after five minutes: one phase backwards, the total its signed sum', () => {
    expect(traceOf(() => [2000, -1900, 2100], 4).reversedPhase()).toBeUndefined();
    const trace = traceOf(() => [2000, -1900, 2100], 7);
    expect(trace.reversedPhase()).toBe('power_active_l2');
    expect(trace.trouble()).toBe('counter.phase-reversed');
  });

  test('is forgotten once it is mended', () => {
    expect(
      traceOf((minute) => (minute < 8 ? [2000, -1900, 2100] : [2000, 1900, 2100]), 9).trouble(),
    ).toBeUndefined();
  });

  test.each([
    [
      'a moment of braking',
      (minute: number) => (minute % 4 < 1 ? [2000, -1900, 2100] : [2000, 1900, 2100]),
      undefined,
    ],
    ['noise on an empty phase', () => [2000, -3, 2100], undefined],
    ['a site that exports on all phases', () => [-2000, -1900, -2100], undefined],
    ['a total that is no sum of them', () => [2000, -1900, 2100], 6000],
    ['no power at all', () => [0, 0, 0], undefined],
  ] as const)('%s is none', (_, phases, total) => {
    expect(
      traceOf(phases as (minute: number) => [number, number, number], 20, total).reversedPhase(),
    ).toBeUndefined();
  });
});
