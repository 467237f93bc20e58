// Decoding is total: any bytes, torn, foreign, hostile or right, become observations or gaps, never an exception, a NaN,
// or energy that nobody counted.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { planReads } from '../../src/decode/plan-reads.ts';
import type { Profile } from '../../src/decode/profile.ts';
import { EXCHANGE_FORMS } from '../../src/quantity/exchange.ts';
import { FAULT_CODES } from '../../src/quantity/fault.ts';
import type { Observation } from '../../src/quantity/observation.ts';
import { fromMs, instantNs } from '../../src/quantity/time.ts';
import {
  answered,
  exchangeOf,
  frame,
  mqtt,
  RECEIVED_NS,
  requestFrame,
  SENT_NS,
} from './exchanges.ts';
import { deviceProfile, modbusProfile } from './profiles.ts';

const PROFILES = [
  'meters/abb-b23',
  'meters/eastron-sdm630',
  'meters/schneider-iem3155',
  'meters/siemens-pac2200',
  'plugs/shelly-gen2-switch',
  'plugs/tasmota-energy',
  'chips/node-rapl-nvml',
].map(deviceProfile);

const INSTRUMENT = { id: 'm1', unit: 1, topic: 'a/b' };

function expectSound(observations: readonly Observation[]): void {
  for (const each of observations) {
    expect(each.window.notBeforeNs <= each.window.notAfterNs).toBe(true);
    if (each.kind === 'gauge') expect(Number.isFinite(each.reading)).toBe(true);
    if (each.kind === 'gap') expect(Object.keys(FAULT_CODES)).toContain(each.fault);
    if (each.kind !== 'counter') continue;
    expect(each.energyUj >= 0n).toBe(true);
    expect(each.quantumUj > 0n).toBe(true);
    if (each.wrapsAtUj !== undefined) expect(each.energyUj < each.wrapsAtUj).toBe(true);
  }
}

const json = fc.json({ maxDepth: 4 });
/** JSON that looks like ours: right keys, wrong things in them. */
const nearJson = fc
  .record({
    v: fc.constantFrom(1, 2, '1'),
    node: fc.constantFrom('b', '', 7, 'x'.repeat(500)),
    boot_id: fc.constantFrom('boot', null),
    seq: fc.constantFrom('1', 1, '-1', '1'.repeat(30)),
    time_ns: fc.constantFrom('1760364721500000000', '0', '9'.repeat(20), 5, null),
    sync: fc.constantFrom(undefined, {}, { state: 'synchronised', offset_ms: 1e308, u_ms: -1 }),
    counters: fc.array(
      fc.record({
        source: fc.constantFrom('rapl:a', 'nvml:b', 'other'),
        unit: fc.constantFrom('uJ', 'mJ', 'kWh'),
        value: fc.constantFrom('0', '18446744073709551615', '-1', '1e3', 5),
        max: fc.constantFrom('0', '262143328850', undefined),
      }),
      { maxLength: 3 },
    ),
    ENERGY: fc.record({ Total: fc.oneof(fc.double(), json), Power: fc.double() }),
    apower: fc.oneof(fc.double(), fc.constant(null)),
    aenergy: fc.record({ total: fc.double() }),
  })
  .map((message) => JSON.stringify(message));

describe('any bytes', () => {
  test('any request and reply, in any form, under any profile', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PROFILES),
        fc.constantFrom(...EXCHANGE_FORMS),
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.boolean(),
        (profile, form, request, reply, retained) => {
          const flags = { retained, redelivered: false, packetId: 0 };
          expectSound(
            decodeExchange(profile, exchangeOf(form, request, reply, { flags }), INSTRUMENT),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a right frame with any registers gives one observation for every channel of the block', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PROFILES.filter((profile) => planReads(profile).length > 0)),
        fc.infiniteStream(fc.integer({ min: 0, max: 0xffff })),
        fc.constantFrom('modbus-tcp', 'modbus-rtu'),
        (profile, words, form) => {
          const stream = words[Symbol.iterator]();
          let channels = 0;
          for (const read of planReads(profile)) {
            const registers = new Map<number, number>();
            for (let i = 0; i < read.count; i += 1)
              registers.set(read.address + i, Number(stream.next().value));
            const observations = decodeExchange(
              profile,
              answered(form, 1, read, registers),
              INSTRUMENT,
            );
            expectSound(observations);
            channels += observations.length;
          }
          expect(channels).toBe(profile.reads.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('any JSON, near or far from ours', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PROFILES),
        fc.oneof(json, nearJson),
        fc.constantFrom('a/b', 'a/b/SENSOR', 'a/b/status/switch:0', 'a/b/events/rpc', 'else'),
        fc.boolean(),
        (profile, payload, topic, retained) => {
          const flags = { retained, redelivered: false, packetId: 0 };
          expectSound(decodeExchange(profile, mqtt(topic, payload, { flags }), INSTRUMENT));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('JSON nested a hundred thousand deep, and keys of the prototype', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const proto = '{"__proto__":{"ENERGY":{"Total":5}},"constructor":1}';
    for (const payload of [deep, proto, 'null', '5', '', '\ufeff', '{"ENERGY":null}'])
      for (const profile of PROFILES)
        for (const each of decodeExchange(profile, mqtt('a/b/SENSOR', payload), INSTRUMENT))
          expect(each.kind).toBe('gap');
  });
});

describe('a Modbus reply is judged again', () => {
  const profile = deviceProfile('meters/schneider-iem3155');
  const [block] = planReads(profile);
  const read = block!;
  const faults = (request: Uint8Array, reply: Uint8Array, unit = 1, form = 'modbus-tcp' as const) =>
    decodeExchange(profile, exchangeOf(form, request, reply), { ...INSTRUMENT, unit }).map(
      (each) => (each.kind === 'gap' ? each.fault : each.kind),
    );
  const request = requestFrame('modbus-tcp', 1, read);
  const data = Array.from({ length: 2 * read.count }, () => 0);
  const channels = 3;

  test.each([
    ['of another unit', frame('modbus-tcp', 2, [3, data.length, ...data]), 'decode.wrong-unit'],
    ['of another function', frame('modbus-tcp', 1, [4, data.length, ...data]), 'transport.foreign'],
    ['with fewer registers', frame('modbus-tcp', 1, [3, 4, 0, 0, 0, 0]), 'transport.foreign'],
    ['whose byte count lies', frame('modbus-tcp', 1, [3, 200, ...data]), 'transport.frame'],
    [
      'that was cut short',
      frame('modbus-tcp', 1, [3, data.length, ...data]).subarray(0, 12),
      'transport.frame',
    ],
    ['that is an exception', frame('modbus-tcp', 1, [0x83, 2]), 'transport.exception'],
    ['that says busy', frame('modbus-tcp', 1, [0x83, 6]), 'transport.busy'],
    ['that is empty', new Uint8Array(), 'transport.frame'],
  ] as const)('%s', (_, reply, fault) => {
    expect(faults(request, reply)).toEqual(Array.from({ length: channels }, () => fault));
  });

  test('of another transaction, and to a request for somebody else', () => {
    const reply = frame('modbus-tcp', 1, [3, data.length, ...data]);
    reply[1] = 0x99;
    expect(new Set(faults(request, reply))).toEqual(new Set(['transport.foreign']));
    const good = frame('modbus-tcp', 1, [3, data.length, ...data]);
    expect(new Set(faults(request, good, 9))).toEqual(new Set(['decode.wrong-unit']));
    expect(new Set(faults(request, good))).toEqual(new Set(['gauge']));
  });

  test('with one flipped bit on a serial line', () => {
    const good = answered('modbus-rtu', 1, read, new Map());
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.reply.length * 8 - 1 }), (bit) => {
        const reply = Uint8Array.from(good.reply);
        reply[bit >> 3] = reply[bit >> 3]! ^ (1 << (bit & 7));
        for (const each of decodeExchange(profile, { ...good, reply }, INSTRUMENT))
          expect(each).toMatchObject({ kind: 'gap', fault: 'transport.crc' });
      }),
    );
  });

  test('a request that timed out is a gap for the channels it asked for, and for no other', () => {
    const exchange = exchangeOf('modbus-tcp', request, new Uint8Array(), {
      fault: 'transport.timeout',
    });
    expect(decodeExchange(profile, exchange, INSTRUMENT)).toMatchObject(
      ['current_l1', 'current_l2', 'current_l3'].map((channel) => ({
        kind: 'gap',
        channel,
        fault: 'transport.timeout',
      })),
    );
  });

  test('a message on a wire that the profile does not speak is a gap', () => {
    const gaps = decodeExchange(profile, mqtt('a/b', '{}'), INSTRUMENT);
    expect(gaps.length).toBe(profile.reads.length);
    expect(new Set(gaps.map(({ kind }) => kind))).toEqual(new Set(['gap']));
  });
});

describe('when it was true', () => {
  const reads = [
    { channel: 'power_active', at: 0, as: 'int16', unit: 'W', kind: 'gauge' },
    {
      channel: 'voltage',
      at: 1,
      as: 'int16',
      unit: 'V',
      kind: 'gauge',
      refresh_ms: 50,
      averaging_ms: 0,
    },
  ];
  const windows = (profile: Profile) =>
    decodeExchange(
      profile,
      answered('modbus-tcp', 1, { table: 'holding', address: 0, count: 2 }, new Map()),
      INSTRUMENT,
    ).map(({ window }) => [SENT_NS - window.notBeforeNs, window.notAfterNs]);

  test('from sent less refresh and averaging, to received; a read may know better than its device', () => {
    const profile = modbusProfile({ reads, limits: { refresh_ms: 200, averaging_ms: 100 } });
    expect(windows(profile)).toEqual([
      [fromMs(300), RECEIVED_NS],
      [fromMs(50), RECEIVED_NS],
    ]);
  });

  test('what the profile does not know counts as nothing here', () => {
    expect(windows(modbusProfile({ reads }))[0]).toEqual([0n, RECEIVED_NS]);
  });

  test('a host clock set back in between does not turn the window inside out', () => {
    const exchange = answered(
      'modbus-tcp',
      1,
      { table: 'holding', address: 0, count: 2 },
      new Map(),
    );
    const stepped = { ...exchange, lastByteNs: instantNs(SENT_NS - 3_600_000_000_000n) };
    expectSound(decodeExchange(modbusProfile({ reads }), stepped, INSTRUMENT));
  });
});
