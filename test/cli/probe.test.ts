// `trueup probe` against peers that others wrote: pymodbus in both framings and on a line, snmpsim, and a web server. What it
// prints is taken as a site file, and read.
import { createServer } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseNumbers, parseTarget } from '../../src/cli/probe/targets.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import { plausibilityOf } from '../../src/decode/plausibility.ts';
import { findProgram, findPython, freePort, testWith } from '../real-programs.ts';
import { foreignMeter, sdm120, swapped } from '../simulators/foreign-meter.ts';
import { startSnmpsim } from '../simulators/snmp-programs.ts';
import { Line } from '../transport/wire-bench.ts';
import { objectsOf, run } from './terminal.ts';

const pymodbus = findPython('pymodbus');
const socat = findProgram('socat');
const snmpsimd = findProgram('snmpsimd');

for (const framing of ['tcp', 'rtu'] as const) {
  const transport = framing === 'tcp' ? 'modbus-tcp' : 'modbus-rtu-tcp';
  testWith({ pymodbus })(`finds meters behind ${transport}, and says what they are`, async () => {
    const port = await foreignMeter(framing, { 2: sdm120(7_654_321), 5: sdm120(42) });
    const ran = await run('probe', `127.0.0.1:${String(port)}`, '--units', '1-6', '--json');
    expect(ran.code, ran.err).toBe(0);
    expect(objectsOf(ran.out)).toMatchObject([
      {
        transport,
        unit: 2,
        profile: 'eastron-sdm120',
        identified: true,
        serial: '7654321',
        order: null,
      },
      { transport, unit: 5, profile: 'eastron-sdm120', identified: true, serial: '42', notes: [] },
    ]);
    const printed = await run('probe', `127.0.0.1:${String(port)}`, '--units', '2');
    const site = parseSite(`site: found\n${printed.out.replaceAll(/^#.*$/gm, '')}`, 'found.yaml');
    expect([...site.instruments.values()]).toMatchObject([
      { profile: 'eastron-sdm120', unit: 2, serial: '7654321' },
    ]);
  });
}

testWith({ pymodbus, socat })('finds a meter on a serial line, at the second speed', async () => {
  const line = new Line(socat ?? 'socat', await foreignMeter('rtu', { 3: sdm120(11) }));
  onTestFinished(() => {
    line.remove();
  });
  await line.plugIn();
  const ran = await run('probe', line.path, '--units', '3', '--baud', '19200', '--json');
  expect(ran.code, ran.err).toBe(0);
  expect(objectsOf(ran.out)).toMatchObject([
    { transport: 'modbus-rtu', path: line.path, baud: 19_200, unit: 3, profile: 'eastron-sdm120' },
  ]);
});

testWith({ pymodbus })('notices words in another order', async () => {
  const meter = sdm120(99, swapped);
  const port = await foreignMeter('tcp', { 1: { ...meter, holding: {} } });
  const ran = await run('probe', `127.0.0.1:${String(port)}`, '--json');
  expect(ran.code, ran.err).toBe(0);
  const [found] = objectsOf(ran.out);
  expect(found).toMatchObject({ order: 'CDAB', identified: false });
  expect(JSON.stringify(found)).toContain('copy the profile');
});

testWith({ pymodbus })('says that somebody is there whom no profile fits', async () => {
  const port = await foreignMeter('tcp', { 1: { holding: { 0: 1, 1: 2 }, input: { 0: 3, 1: 4 } } });
  const ran = await run('probe', `127.0.0.1:${String(port)}`, '--json');
  expect(ran.code).toBe(0);
  expect(objectsOf(ran.out)).toMatchObject([{ unit: 1, profile: null }]);
});

testWith({ snmpsimd })('finds a PDU by SNMP, where a community is given', async () => {
  const port = await startSnmpsim(snmpsimd ?? '');
  vi.stubEnv('PROBE_COMMUNITY', 'constructed-raritan-px');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const where = `127.0.0.1:${String(port)}`;
  const ran = await run('probe', where, '--community-env', 'PROBE_COMMUNITY', '--json');
  expect(ran.code, ran.err).toBe(0);
  expect(objectsOf(ran.out)).toMatchObject([{ transport: 'snmp', profile: 'raritan-px' }]);
  expect(`${ran.out}${ran.err}`).not.toContain('constructed');
});

test('finds a plug by HTTP', async () => {
  const answers: Record<string, object> = {
    '/rpc/Shelly.GetDeviceInfo': { model: 'SNPL-00112EU', mac: 'AABBCCDDEEFF', ver: '1.1.0' },
    '/rpc/Shelly.GetStatus': {
      'switch:0': { apower: 2.7, voltage: 227.9, current: 0.121, aenergy: { total: 7258.589 } },
    },
  };
  const server = createServer(({ url = '' }, reply) => {
    const answer = answers[url];
    if (answer === undefined) reply.writeHead(404).end();
    else reply.end(JSON.stringify(answer));
  });
  const port = await freePort();
  await new Promise<void>((done) => {
    server.listen(port, '127.0.0.1', done);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const ran = await run('probe', `127.0.0.1:${String(port)}`, '--json');
  expect(ran.code, ran.err).toBe(0);
  expect(objectsOf(ran.out)).toMatchObject([
    { transport: 'http', profile: 'shelly-gen2-switch-http', serial: 'AABBCCDDEEFF' },
  ]);
});

test('nobody there is said, with what to look at', async () => {
  const ran = await run('probe', `127.0.0.1:${String(await freePort())}`, '--timeout', '100');
  expect(ran.code).toBe(4);
  expect(ran.err).toMatch(/Nobody answered.*wiring/);
  const line = await run('probe', '/dev/no-such-line');
  expect(line.code).toBe(2);
  expect(line.err).toContain('/dev/serial/by-id');
});

test('targets are bounded, and are what they say', () => {
  expect(parseTarget('10.0.7.0/30')).toEqual({
    is: 'hosts',
    hosts: ['10.0.7.1', '10.0.7.2'],
    port: undefined,
  });
  expect(parseTarget('10.0.7.9-11:1502')).toEqual({
    is: 'hosts',
    hosts: ['10.0.7.9', '10.0.7.10', '10.0.7.11'],
    port: 1502,
  });
  expect(parseTarget('pdu7.example')).toMatchObject({ hosts: ['pdu7.example'] });
  for (const wrong of ['10.0.0.0/16', '10.0.7.300-301', '10.0.7.9-3', '10.0.7.1:99999', '', 'a b'])
    expect(() => parseTarget(wrong)).toThrow();
  expect(parseNumbers('1-3,9', '--units', 1, 247)).toEqual([1, 2, 3, 9]);
  for (const wrong of ['', '0', '248', '5-2', 'x'])
    expect(() => parseNumbers(wrong, '--units', 1, 247)).toThrow();
});

test('what a live meter cannot show is strange', () => {
  const window = { notBeforeNs: 0n, notAfterNs: 0n } as never;
  const gauge = (channel: 'voltage' | 'current' | 'power_active' | 'frequency', reading: number) =>
    ({ kind: 'gauge', channel, reading, source: 'm', component: '', window }) as const;
  const of = (...readings: [Parameters<typeof gauge>[0], number][]) =>
    plausibilityOf(readings.map(([channel, reading]) => gauge(channel, reading)));
  expect(of(['voltage', 230], ['frequency', 50]).tellingCount).toBe(2);
  expect(of(['voltage', 0], ['frequency', 0])).toMatchObject({ tellingCount: 0, strange: [] });
  expect(of(['voltage', 2.3e-38]).strange).toHaveLength(1);
  expect(of(['frequency', 5]).strange).toHaveLength(1);
  expect(of(['voltage', 230], ['current', 1], ['power_active', 5000]).strange).toHaveLength(1);
  expect(of(['voltage', 230], ['current', 22], ['power_active', 5000]).strange).toEqual([]);
});
