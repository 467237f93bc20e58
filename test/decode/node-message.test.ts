// Node messages: strict, bounded, and decoded per chip source.
import { describe, expect, test } from 'vitest';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { parseNodeMessage } from '../../src/decode/node-message.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { bytesOf, csv, mqtt, RECEIVED_NS } from './exchanges.ts';
import { deviceProfile } from './profiles.ts';

const profile = deviceProfile('chips/node-rapl-nvml');
const TOPIC = 'trueup/1/lab/gpu-01/chips';
const instrument = { id: 'chips-gpu-01', unit: 1, topic: TOPIC };
const READ_NS = RECEIVED_NS - 500_000_000n;

const MESSAGE = {
  v: 1,
  node: 'gpu-01',
  boot_id: 'b1',
  seq: '41',
  time_ns: String(READ_NS),
  sync: { state: 'synchronised', offset_ms: -2, u_ms: 3 },
  counters: [{ source: 'rapl:package-0', unit: 'uJ', value: '1000', max: '262143328850' }],
  gauges: [{ source: 'nvml:GPU-1', quantity: 'power_w', value: '300.5' }],
};
const counter = (more: object): object => ({
  ...MESSAGE,
  counters: [{ ...MESSAGE.counters[0], ...more }],
});
const decode = (message: object, more = {}) =>
  decodeExchange(profile, mqtt(TOPIC, JSON.stringify(message), more), instrument);
const retained = { flags: { retained: true, redelivered: false, packetId: 0 } };

describe('parsing', () => {
  test('reads all there is, integers as bigint', () => {
    expect(parseNodeMessage(bytesOf(JSON.stringify(MESSAGE)))).toEqual({
      node: 'gpu-01',
      bootId: 'b1',
      seq: 41n,
      timeNs: READ_NS,
      sync: { state: 'synchronised', offsetMs: -2, uMs: 3 },
      counters: [{ source: 'rapl:package-0', unit: 'uJ', count: 1000n, max: 262_143_328_850n }],
      gauges: [{ source: 'nvml:GPU-1', quantity: 'power_w', reading: 300.5 }],
      config: undefined,
    });
  });

  test('reads what it knows of the configuration, and keeps nothing else', () => {
    const config = {
      driver: 'NVIDIA 535.104.05',
      bios: '1.4',
      psu_count: 4,
      power_limits_w: { 'nvml:GPU-1': 300 },
      chips: ['rapl:package-0', 'nvml:GPU-1'],
      kernel: '6.1',
    };
    expect(parseNodeMessage(bytesOf(JSON.stringify({ ...MESSAGE, config })))).toMatchObject({
      config: {
        driver: 'NVIDIA 535.104.05',
        bios: '1.4',
        supplyCount: 4,
        powerLimitsW: new Map([['nvml:GPU-1', 300]]),
        chips: ['nvml:GPU-1', 'rapl:package-0'],
      },
    });
  });

  test.each([
    ['a text', 'same as ever'],
    ['a list', []],
    ['a driver with a line break', { driver: '535\n' }],
    ['a driver that is a number', { driver: 535 }],
    ['a driver without end', { driver: 'x'.repeat(129) }],
    ['half a supply', { psu_count: 0.5 }],
    ['no supply', { psu_count: 0 }],
    ['a limit as text', { power_limits_w: { 'nvml:0': '300' } }],
    ['a negative limit', { power_limits_w: { 'nvml:0': -1 } }],
    ['a limit of nothing', { power_limits_w: { '': 300 } }],
    ['a chip that is a number', { chips: [7] }],
    ['chips without end', { chips: Array.from({ length: 2000 }, (_, each) => `c${String(each)}`) }],
  ])('refuses %s as a configuration', (_, config) => {
    const message = parseNodeMessage(bytesOf(JSON.stringify({ ...MESSAGE, config })));
    expect(message).toMatchObject({ code: 'decode.malformed' });
  });

  test.each([
    ['another version', { ...MESSAGE, v: 2 }, 'decode.unknown-node'],
    ['a count as a number', counter({ value: 1000 }), 'decode.malformed'],
    ['a negative count', counter({ value: '-5' }), 'decode.malformed'],
    ['a count in another base', counter({ value: '0x10' }), 'decode.malformed'],
    ['a unit that is not on the list', counter({ unit: 'kWh' }), 'decode.malformed'],
    ['a source with a line break', counter({ source: 'rapl:\npackage' }), 'decode.malformed'],
    [
      'a source that comes twice',
      { ...MESSAGE, counters: [...MESSAGE.counters, ...MESSAGE.counters] },
      'decode.malformed',
    ],
    [
      'a gauge that comes twice',
      { ...MESSAGE, gauges: [...MESSAGE.gauges, ...MESSAGE.gauges] },
      'decode.malformed',
    ],
    [
      'a gauge that is no number',
      { ...MESSAGE, gauges: [{ ...MESSAGE.gauges[0], value: 'NaN' }] },
      'decode.malformed',
    ],
    ['no counters', { ...MESSAGE, counters: undefined }, 'decode.malformed'],
    [
      'too many counters',
      {
        ...MESSAGE,
        counters: Array.from({ length: 1025 }, (_, i) => ({
          source: `rapl:${String(i)}`,
          unit: 'uJ',
          value: '1',
        })),
      },
      'decode.malformed',
    ],
    ['no boot id', { ...MESSAGE, boot_id: '' }, 'decode.malformed'],
    ['a time that is no integer', { ...MESSAGE, time_ns: '2025-10-13' }, 'decode.malformed'],
    ['a clock state of its own', { ...MESSAGE, sync: { state: 'fine' } }, 'decode.malformed'],
    ['a list', [MESSAGE], 'decode.malformed'],
  ] as const)('refuses %s', (_, message, code) => {
    const parsed = parseNodeMessage(bytesOf(JSON.stringify(message)));
    expect(isRefusal(parsed) && parsed.code).toBe(code);
    expect(decode(message)).toMatchObject([{ kind: 'gap', fault: code }]);
  });

  test('refuses what is longer than any node has to say', () => {
    const long = bytesOf(`{"v":1,"node":"${'x'.repeat(300_000)}"}`);
    expect(isRefusal(parseNodeMessage(long))).toBe(true);
  });
});

describe('decoding', () => {
  test('one counter per source, with its boot as epoch and the wrap of its register', () => {
    const [package0, power] = decode(MESSAGE);
    expect(package0).toMatchObject({
      kind: 'counter',
      channel: 'energy_import',
      component: 'rapl:package-0',
      energyUj: 1000n,
      epoch: 'b1',
      // 32 bits of 61.035 uJ: one unit above the largest value that the kernel prints.
      wrapsAtUj: 262_143_328_911n,
      quantumUj: 62n,
    });
    expect(power).toMatchObject({ component: 'nvml:GPU-1', kind: 'gauge', reading: 300.5 });
  });

  test.each([
    ['65532610987', 65_532_611_002n, 16n],
    ['262143328850', 262_143_328_911n, 62n],
    // No 32-bit register of whole nanojoules has this range: the least that it can be.
    ['1000', 1001n, 62n],
  ])('a range of %s uJ', (max, wrapsAtUj, quantumUj) => {
    expect(decode(counter({ value: '7', max }))[0]).toMatchObject({ wrapsAtUj, quantumUj });
  });

  test('NVML counts mJ and is not known to wrap; a value above its range is no energy', () => {
    const board = { source: 'nvml:GPU-1', unit: 'mJ', value: '5000' };
    expect(decode({ ...MESSAGE, counters: [board] })[0]).toMatchObject({
      energyUj: 5_000_000n,
      quantumUj: 1000n,
      wrapsAtUj: undefined,
    });
    expect(decode(counter({ value: '262143328851' }))[0]).toMatchObject({
      kind: 'gap',
      fault: 'decode.out-of-range',
      component: 'rapl:package-0',
    });
  });

  test('a source of no known kind is a gap of its own; the others are read', () => {
    const odd = { source: 'fpga:0', unit: 'J', value: '1' };
    expect(decode({ ...MESSAGE, counters: [odd, ...MESSAGE.counters] })).toMatchObject([
      { kind: 'gap', component: 'fpga:0', fault: 'decode.malformed' },
      { kind: 'counter', component: 'rapl:package-0' },
      { kind: 'gauge' },
    ]);
  });

  test('another node may not speak here', () => {
    expect(decode({ ...MESSAGE, node: 'gpu-02' })).toMatchObject([
      { kind: 'gap', fault: 'decode.unknown-node' },
    ]);
  });

  test('a disciplined clock places the reading; any other leaves it to the arrival', () => {
    const window = (message: object, more = {}) => decode(message, more)[0]!.window;
    // 2 ms of offset and 3 ms of uncertainty on both sides, and 1 ms of refresh before.
    expect(window(MESSAGE)).toEqual({
      notBeforeNs: READ_NS - 6_000_000n,
      notAfterNs: READ_NS + 5_000_000n,
    });
    const arrived = { notBeforeNs: RECEIVED_NS - 1_000_000n, notAfterNs: RECEIVED_NS };
    const unsure = { ...MESSAGE, sync: { state: 'unsynchronised', offset_ms: 0, u_ms: 1 } };
    expect(window(unsure)).toEqual(arrived);
    expect(window({ ...MESSAGE, sync: undefined })).toEqual(arrived);
    expect(window({ ...MESSAGE, time_ns: undefined })).toEqual(arrived);
    expect(window({ ...MESSAGE, time_ns: String(RECEIVED_NS + 60_000_000_000n) })).toEqual(arrived);
    expect(decode(MESSAGE, retained)[0]!.kind).toBe('counter');
    expect(decode(unsure, retained)[0]).toMatchObject({ kind: 'gap', fault: 'decode.stale' });
  });
});

describe('neutral CSV', () => {
  const line = (text: string, topic = 'node1') =>
    decodeExchange(profile, csv(text), { id: 'c', unit: 1, topic });
  const time = '2022-07-13T15:14:59.066611139Z';

  test('energy is exact, power a gauge, and the stamp is the instrument’s', () => {
    const [energy] = line(`${time},node1/rapl:package-0,energy_j,123.456789`);
    expect(energy).toMatchObject({
      kind: 'counter',
      component: 'rapl:package-0',
      energyUj: 123_456_789n,
      quantumUj: 1n,
    });
    expect(energy!.window.notAfterNs).toBe(1_657_725_299_066_611_139n);
    expect(line(`${time},node1,power_w,109.5\n`)).toMatchObject([
      { kind: 'gauge', channel: 'power_active', component: '', reading: 109.5 },
    ]);
    expect(line(`${time},occ:mem-1,energy_j,1e3`, '')).toMatchObject([
      { component: 'occ:mem-1', energyUj: 1_000_000_000n, quantumUj: 1_000_000_000n },
    ]);
  });

  test('the header says nothing; anything else that is no reading is a gap', () => {
    expect(line('time,source,quantity,value')).toEqual([]);
    for (const [text, fault] of [
      ['', 'decode.malformed'],
      [`${time},node1,power_w`, 'decode.malformed'],
      [`${time},node1,power_kw,1`, 'decode.malformed'],
      [`${time},other,power_w,1`, 'decode.malformed'],
      ['yesterday,node1,power_w,1', 'decode.malformed'],
      [`${time},node1,power_w,1,2`, 'decode.malformed'],
      [`${time},node1,power_w,nan`, 'decode.not-a-number'],
      [`${time},node1,energy_j,-1`, 'decode.out-of-range'],
      ['x'.repeat(5000), 'transport.oversize'],
    ] as const)
      expect(line(text), text).toMatchObject([{ kind: 'gap', fault }]);
  });
});
