// Frames of push meters, decoded from their bytes alone.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { dsmrInstant } from '../../src/decode/dsmr-time.ts';
import { obisCode, obisOfBytes, printedDigits } from '../../src/decode/obis.ts';
import { isPush, parseProfile, type Profile } from '../../src/decode/profile.ts';
import { readSml } from '../../src/decode/sml-value.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { Observation } from '../../src/quantity/observation.ts';
import { instantNs, parseInstant } from '../../src/quantity/time.ts';
import {
  d0Readout,
  p1Telegram,
  signed,
  smlFrame,
  smlTransport,
  unsigned,
} from '../transport/push-frames.ts';
import { exchangeOf, RECEIVED_NS, SENT_NS } from './exchanges.ts';
import { deviceDocument, deviceProfile } from './profiles.ts';

const instrument = { id: 'm1', unit: 1, topic: '' };
const decode = (
  profile: Profile,
  reply: Uint8Array,
  more: Partial<Exchange> = {},
): readonly Observation[] => {
  if (!isPush(profile)) throw new Error('no push profile');
  return decodeExchange(
    profile,
    exchangeOf(profile.speaks.protocol, new Uint8Array(), reply, more),
    instrument,
  );
};
const of = (observations: readonly Observation[], channel: string): unknown => {
  const found = observations.find((each) => each.channel === channel);
  if (found?.kind === 'counter') return found.energyUj;
  if (found?.kind === 'gauge') return found.reading;
  return found?.fault;
};
const WH = 3_600_000_000n;
const sml = deviceProfile('meters/sml-ehz');
const dsmr = deviceProfile('meters/dsmr-5');

describe('OBIS codes', () => {
  test.each([
    ['1-0:1.8.0*255', '1-0:1.8.0'],
    ['1-0:1.8.0', '1-0:1.8.0'],
    ['1.8.0', '1-0:1.8.0'],
    ['1.8', '1-0:1.8.0'],
    ['1.8.0*01', '1-0:1.8.0*1'],
    ['1.8.0&02', '1-0:1.8.0*2'],
    ['C.1.0', '1-0:96.1.0'],
    ['F.F', '1-0:97.97.0'],
    ['0-0:96.1.255*255', '0-0:96.1.255'],
    ['1-0:256.8.0', undefined],
    ['1-0:99:97.0', undefined],
    ['total', undefined],
    ['', undefined],
  ])('%s is %s', (written, code) => {
    expect(obisCode(written)).toBe(code);
  });

  test('six bytes are a code, five are not', () => {
    expect(obisOfBytes(Uint8Array.of(1, 0, 1, 8, 0, 255))).toBe('1-0:1.8.0');
    expect(obisOfBytes(Uint8Array.of(1, 0, 1, 8, 0))).toBeUndefined();
  });

  test('printed numbers are exact, and nothing else is a number', () => {
    expect(printedDigits('00123.456')).toEqual({
      digits: 123_456n,
      step: { numerator: 1n, denominator: 1000n },
    });
    expect(printedDigits('-0.5')).toEqual({
      digits: -5n,
      step: { numerator: 1n, denominator: 10n },
    });
    for (const none of ['', '1,5', '1e3', '0x10', 'NaN', '1.', '.5', '١'])
      expect(printedDigits(none)).toBeUndefined();
  });
});

describe('SML values', () => {
  test('lengths of more than one byte, and what is cut short', () => {
    const long = Buffer.concat([Buffer.from([0x83, 0x02]), Buffer.alloc(48, 7)]);
    expect(readSml({ bytes: long, position: 0 })).toMatchObject({ is: 'octets' });
    expect(readSml({ bytes: long.subarray(0, 49), position: 0 })).toBeUndefined();
    const list = Buffer.concat([Buffer.from([0xf1, 0x02]), Buffer.alloc(18, 1)]);
    expect(readSml({ bytes: list, position: 0 })).toMatchObject({
      is: 'list',
      list: { length: 18 },
    });
  });

  test('nesting without end, a length of nothing and an integer too wide are none', () => {
    expect(readSml({ bytes: Buffer.alloc(64, 0x71), position: 0 })).toBeUndefined();
    expect(
      readSml({ bytes: Buffer.from([0x80, 0x80, 0x80, 0x80, 0x01]), position: 0 }),
    ).toBeUndefined();
    expect(
      readSml({ bytes: Buffer.from([0x6a, ...Array<number>(9).fill(1)]), position: 0 }),
    ).toBeUndefined();
    expect(readSml({ bytes: Buffer.from([0x60]), position: 0 })).toBeUndefined();
  });
});

describe('SML', () => {
  const energy = (amount: bigint, power: number): Buffer =>
    smlFrame([{ name: '0100010800ff', amount: unsigned(amount, 8), unit: 30, power }]);
  const quantum = (frame: Buffer): bigint | undefined => {
    const found = decode(sml, frame).find(({ channel }) => channel === 'energy_import');
    return found?.kind === 'counter' ? found.quantumUj : undefined;
  };

  test('the step is that of the frame: without PIN it is a kilowatt-hour', () => {
    expect(quantum(energy(20_431_047n, -1))).toBe(WH / 10n);
    expect(quantum(energy(2_043n, 3))).toBe(1000n * WH);
    expect(of(decode(sml, energy(2_043n, 3)), 'energy_import')).toBe(2_043_000n * WH);
  });

  test('a power that is not sent is no power, and never 0', () => {
    expect(of(decode(sml, energy(1n, 3)), 'power_active')).toBe('decode.missing');
  });

  test('one wrong check sum of a message inside of a right frame spoils the frame', () => {
    const frame = energy(5n, -1);
    const body = Buffer.from(frame.subarray(8, -8));
    body[12]! ^= 1;
    expect(
      of(
        decode(sml, smlTransport(body.subarray(0, body.length - frame[frame.length - 3]!))),
        'energy_import',
      ),
    ).toBe('decode.malformed');
  });

  test('one code with two values says nothing', () => {
    const twice = smlFrame([
      { name: '0100010800ff', amount: unsigned(1n, 8), unit: 30, power: -1 },
      { name: '0100010800ff', amount: unsigned(2n, 8), unit: 30, power: -1 },
    ]);
    expect(of(decode(sml, twice), 'energy_import')).toBe('decode.malformed');
  });

  test('an absurd power of ten is out of range, not infinity', () => {
    expect(of(decode(sml, energy(1n, 127)), 'energy_import')).toBe('decode.out-of-range');
    const hot = smlFrame([{ name: '0100100700ff', amount: signed(9n, 8), unit: 27, power: 127 }]);
    expect(of(decode(sml, hot), 'power_active')).toBe('decode.out-of-range');
    expect(of(decode(sml, energy(1n, -128)), 'energy_import')).toBe(0n);
  });
});

describe('DSMR', () => {
  const telegram = (...lines: string[]): Buffer => p1Telegram(['/NODE5TEST', '', ...lines]);
  const tariffs = ['1-0:1.8.1(000001.000*kWh)', '1-0:1.8.2(000002.000*kWh)'];

  test('S and W tell the hour that comes twice in autumn', () => {
    const at = (stamp: string): unknown => dsmrInstant(stamp, 60);
    expect(at('251026023000S')).toBe(parseInstant('2025-10-26T00:30:00Z'));
    expect(at('251026023000W')).toBe(parseInstant('2025-10-26T01:30:00Z'));
    expect(at('250229000000W')).toBeUndefined();
    expect(at('251026023000')).toBeUndefined();
    expect(at('251026023000X')).toBeUndefined();
  });

  test('tariffs make a total together, and only together', () => {
    expect(of(decode(dsmr, telegram(...tariffs)), 'energy_import')).toBe(3000n * WH);
    expect(of(decode(dsmr, telegram(tariffs[1]!)), 'energy_import')).toBe('decode.missing');
    expect(of(decode(dsmr, telegram(tariffs[0]!)), 'energy_import')).toBe('decode.missing');
  });

  test('a telegram that something kept is stale; a clock that nobody set says nothing', () => {
    const received = { sentNs: instantNs(SENT_NS), firstByteNs: instantNs(SENT_NS) };
    const stamped = (stamp: string): unknown =>
      of(decode(dsmr, telegram(`0-0:1.0.0(${stamp})`, ...tariffs), received), 'energy_import');
    // SENT_NS is 2025-10-13T14:12:02Z, 16:12:02 summer time.
    expect(stamped('251013161201S')).toBe(3000n * WH);
    expect(stamped('251013161101S')).toBe('decode.stale');
    expect(stamped('000101000001W')).toBe(3000n * WH);
    expect(stamped('301013161201S')).toBe(3000n * WH);
  });

  test('a line with anything left over is not believed', () => {
    const damaged = [`${tariffs[0]!})`, tariffs[1]!];
    expect(of(decode(dsmr, telegram(...damaged)), 'energy_import')).toBe('decode.missing');
  });

  test('the window is from the first byte to the last', () => {
    const stamps = { sentNs: instantNs(SENT_NS), firstByteNs: instantNs(SENT_NS) };
    const [first] = decode(dsmr, telegram(...tariffs), stamps);
    expect(first?.window).toEqual({ notBeforeNs: SENT_NS, notAfterNs: RECEIVED_NS });
  });

  test('another form, another check sum or a transport fault is a gap of every channel', () => {
    if (!isPush(dsmr)) throw new Error('no push profile');
    const frame = telegram(...tariffs);
    const foreign = decodeExchange(dsmr, exchangeOf('sml', frame, frame), instrument);
    expect(foreign.map(({ kind }) => kind)).toEqual(dsmr.reads.map(() => 'gap'));
    const faulty = decode(dsmr, frame, { fault: 'transport.crc' });
    expect(faulty.every((each) => each.kind === 'gap' && each.fault === 'transport.crc')).toBe(
      true,
    );
    const modbus = decodeExchange(
      deviceProfile('meters/siemens-pac2200'),
      exchangeOf('dsmr', frame, frame),
      instrument,
    );
    expect(modbus.every(({ kind }) => kind === 'gap')).toBe(true);
  });
});

describe('whatever the bytes are', () => {
  const profiles = [
    'sml-ehz',
    'emh-ed300l',
    'dzg-dvs74-old',
    'dsmr-5',
    'dsmr-2',
    'iec-62056-21-push',
    'easymeter-q3d',
  ].map((name) => deviceProfile(`meters/${name}`));
  const sound = (observations: readonly Observation[]): void => {
    for (const each of observations) {
      if (each.kind === 'counter') expect(each.energyUj).toBeGreaterThanOrEqual(0n);
      if (each.kind === 'gauge') expect(Number.isFinite(each.reading)).toBe(true);
    }
  };

  test('nothing is thrown, no number is infinite, no energy negative', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map(smlTransport),
      fc
        .array(fc.constantFrom(0x76, 0x72, 0x77, 0x62, 0x63, 0x01, 0x00, 0x83, 0xf1, 0x65, 0x52), {
          maxLength: 200,
        })
        .map((body) => smlTransport(Uint8Array.from(body))),
      fc
        .array(fc.string({ maxLength: 60 }), { maxLength: 8 })
        .map((lines) => p1Telegram(['/ABC5x', '', ...lines])),
      fc
        .array(fc.string({ maxLength: 60 }), { maxLength: 8 })
        .map((lines) => d0Readout('/ABC5x\r\n', lines)),
    );
    fc.assert(
      fc.property(bytes, (reply) => {
        for (const profile of profiles) sound(decode(profile, reply));
      }),
      { numRuns: 600 },
    );
  });

  test('any count, any scale, any unit: exact or a gap', () => {
    fc.assert(
      fc.property(
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.integer({ min: -128, max: 127 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 1, max: 8 }),
        (amount, power, unit, bytesCount) => {
          const held = BigInt.asIntN(8 * bytesCount, amount);
          const frame = smlFrame([
            { name: '0100010800ff', amount: signed(held, bytesCount), unit, power },
            { name: '0100100700ff', amount: signed(held, bytesCount), unit, power },
          ]);
          const observations = decode(sml, frame);
          sound(observations);
          const counted = of(observations, 'energy_import');
          if (unit === 30 && power >= -1 && power <= 6 && held >= 0n && held < 10n ** 6n)
            expect(counted).toBe((held * 10n ** BigInt(power + 1) * WH) / 10n);
        },
      ),
      { numRuns: 600 },
    );
  });
});

describe('house rules', () => {
  const broken = (speaks: Record<string, string>): unknown => {
    try {
      return parseProfile({ ...deviceDocument('meters/sml-ehz'), speaks }, 'x.yaml');
    } catch (fault) {
      return String(fault);
    }
  };

  test.each([
    [
      { transport: 'push', protocol: 'sml', check: 'none', sends: 'unasked' },
      'has no such version',
    ],
    [
      { transport: 'push', protocol: 'dsmr', check: 'crc16', sends: 'asked' },
      'has no such version',
    ],
    [{ transport: 'push', protocol: 'd0', check: 'none', sends: 'asked' }, 'has no such version'],
    [{ transport: 'push', protocol: 'm-bus', check: 'none', sends: 'asked' }, 'not on the list'],
  ])('%j does not load', (speaks, because) => {
    expect(broken(speaks)).toContain(because);
  });
});
