// `trueup read` against a Modbus server that others wrote: one line per channel and round, exactly the keys that were
// promised, and a gap with its reason where there is no value.
import { createServer } from 'node:net';
import { ServerTCP } from 'modbus-serial';
import { afterAll, expect, test } from 'vitest';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { publisher, startBroker } from '../transport/mqtt-broker.ts';
import { objectsOf, run } from './terminal.ts';

const started: { end: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});

/** SDM120 registers: 230.25 V, 2.5 A, 574.125 W, 50 Hz, 1234.56 kWh import, 0 export. */
const REGISTERS = new Map(
  Object.entries({
    0x0000: 0x43664000,
    0x0006: 0x40200000,
    0x000c: 0x440f8800,
    0x0046: 0x42480000,
    0x0048: 0x449a51ec,
    0x004a: 0,
  }).flatMap(([at, bits]) => [
    [Number(at), bits >>> 16],
    [Number(at) + 1, bits & 0xffff],
  ]),
);

/** A meter on unit 7; other units are answered as a gateway does, register 0x0048 as `energy` says. */
async function meter(energy: 'there' | 'refused' = 'there'): Promise<string> {
  const port = await freePort();
  const refuse = (exceptionCode: number): never => {
    throw Object.assign(new Error('refused'), { modbusErrorCode: exceptionCode });
  };
  const server = new ServerTCP(
    {
      getMultipleInputRegisters: (address: number, count: number, unit: number): number[] => {
        if (unit !== 7) return refuse(11);
        if (energy === 'refused' && address <= 0x48 && address + count > 0x48) return refuse(2);
        return Array.from({ length: count }, (_, at) => REGISTERS.get(address + at) ?? 0);
      },
    },
    { host: '127.0.0.1', port, unitID: 255 },
  );
  server.on('socketError', () => undefined);
  await new Promise((resolve) => server.once('initialized', resolve));
  started.push({
    end: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve(undefined);
        });
      }),
  });
  return `modbus-tcp://127.0.0.1:${String(port)}`;
}

const CHANNELS = [
  'voltage',
  'current',
  'power_active',
  'frequency',
  'energy_import',
  'energy_export',
];
const sorted = (words: readonly unknown[]): unknown[] => [...words].sort();

test('a reading is a JSON line with exactly the promised keys', async () => {
  const before = Date.now();
  const ran = await run('read', await meter(), 'eastron-sdm120', '--unit', '7', '--json');
  expect(ran, ran.err).toMatchObject({ code: 0, err: '' });
  const lines = objectsOf(ran.out);
  expect(sorted(lines.map(({ channel }) => channel))).toEqual(sorted(CHANNELS));
  for (const line of lines) {
    expect(Object.keys(line)).toEqual([
      'source',
      'channel',
      'value',
      'unit',
      'not_before',
      'not_after',
      'raw',
    ]);
    expect(line['source']).toBe('eastron-sdm120');
    // A whole MBAP frame: transaction, protocol 0, length, unit 7, function 4.
    expect(line['raw']).toMatch(/^[0-9a-f]{4}0000[0-9a-f]{4}0704/);
    const notBefore = Date.parse(String(line['not_before']));
    const notAfter = Date.parse(String(line['not_after']));
    expect(notBefore).toBeLessThanOrEqual(notAfter);
    expect(notAfter).toBeLessThanOrEqual(Date.now() + 1);
    expect(notAfter).toBeGreaterThanOrEqual(before - 1);
  }
  const said: Record<string, unknown> = {};
  for (const { channel, value, unit } of lines) said[String(channel)] = [value, unit];
  expect(said).toEqual({
    voltage: [230.25, 'V'],
    current: [2.5, 'A'],
    power_active: [574.125, 'W'],
    frequency: [50, 'Hz'],
    energy_import: [1234.56, 'kWh'],
    energy_export: [0, 'kWh'],
  });
});

test('people read the same', async () => {
  const { out } = await run('read', await meter(), 'eastron-sdm120', '--unit', '7');
  expect(out).toMatch(/eastron-sdm120 +power_active +574\.125 W$/m);
  expect(out).toMatch(/energy_import +1234\.560* kWh$/m);
});

test('--count and --every: so many rounds, so far apart', async () => {
  const wire = await meter();
  const ran = await run(
    ...['read', wire, 'eastron-sdm120', '--unit', '7', '--json'],
    ...['--count', '3', '--every', '0.3'],
  );
  const lines = objectsOf(ran.out);
  const energies = lines.filter(({ channel }) => channel === 'energy_import');
  expect(energies).toHaveLength(3);
  expect(lines).toHaveLength(3 * CHANNELS.length);
  const times = energies.map(({ not_after }) => Date.parse(String(not_after)));
  expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThan(150);
});

test('registers that the meter refuses are gaps; the others are read', async () => {
  const wire = await meter('refused');
  const ran = await run('read', wire, 'eastron-sdm120', '--unit', '7', '--json');
  expect(ran.code).toBe(0);
  const gap = objectsOf(ran.out).find(({ channel }) => channel === 'energy_import');
  expect(gap && Object.keys(gap)).toEqual(['source', 'channel', 'gap', 'not_before', 'not_after']);
  expect(gap).toMatchObject({ source: 'eastron-sdm120', gap: 'transport.exception' });
  expect(objectsOf(ran.out).find(({ channel }) => channel === 'voltage')).toMatchObject({
    value: 230.25,
  });
});

test('a unit that nobody has is a gap of every channel, once each, and exit 4', async () => {
  const ran = await run('read', await meter(), 'eastron-sdm120', '--unit', '9', '--json');
  expect(ran.code).toBe(4);
  const lines = objectsOf(ran.out);
  expect(sorted(lines.map(({ channel }) => channel))).toEqual(sorted(CHANNELS));
  for (const line of lines) expect(line).toMatchObject({ gap: 'transport.exception' });
});

test('nobody there: a gap of every channel and exit 4, at once', async () => {
  const wire = `modbus-tcp://127.0.0.1:${String(await freePort())}`;
  const ran = await run('read', wire, 'eastron-sdm120', '--json');
  expect(ran.code).toBe(4);
  const lines = objectsOf(ran.out);
  expect(sorted(lines.map(({ channel }) => channel))).toEqual(sorted(CHANNELS));
  for (const line of lines) {
    expect(Object.keys(line)).toEqual(['source', 'channel', 'gap', 'not_before', 'not_after']);
    expect(line['gap']).toBe('transport.closed');
  }
});

test('somebody who takes the connection and says nothing is a timeout', async () => {
  const port = await freePort();
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => {
    silent.listen(port, '127.0.0.1', resolve);
  });
  started.push({ end: () => Promise.resolve(silent.close()) });
  const wire = `modbus-tcp://127.0.0.1:${String(port)}`;
  const ran = await run('read', wire, 'eastron-sdm120', '--json');
  expect(ran.code).toBe(4);
  expect(objectsOf(ran.out).map(({ gap }) => gap)).toContain('transport.timeout');
  const text = await run('read', wire, 'eastron-sdm120');
  expect(text.out).toMatch(/no value: transport\.timeout - No complete reply/);
});

testWith({ mosquitto: findProgram('mosquitto') })(
  'a plug on a broker is read when it speaks next',
  async () => {
    const broker = await startBroker({ persistence: false });
    started.push({ end: () => broker.remove() });
    const client = await publisher(broker);
    started.push({ end: () => client.endAsync() });
    const message = '{"Time":"2026-01-01T00:00:00","ENERGY":{"Total":12.345,"Power":60}}';
    const speak = setInterval(() => void client.publishAsync('tele/p/SENSOR', message), 100);
    const ran = await run('read', `${broker.url}/tele/p/SENSOR`, 'tasmota-energy', '--json');
    clearInterval(speak);
    expect(ran.code, ran.out).toBe(0);
    const lines = objectsOf(ran.out);
    expect(lines.find(({ channel }) => channel === 'energy_import')).toMatchObject({
      value: 12.345,
      unit: 'kWh',
      raw: Buffer.from(message).toString('hex'),
    });
    expect(lines.find(({ channel }) => channel === 'power_active')).toMatchObject({
      value: 60,
      unit: 'W',
    });
  },
);
