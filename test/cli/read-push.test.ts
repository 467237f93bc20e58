// `trueup read` of meters that push, and of one that is asked: what it prints is what the service would decode.
import { afterAll, expect, test } from 'vitest';
import { findProgram, testWith } from '../real-programs.ts';
import { AdapterLine, PushingMeter } from '../transport/push-bench.ts';
import { p1Telegram, smlReading } from '../transport/push-frames.ts';
import { objectsOf, run } from './terminal.ts';

const socat = findProgram('socat');
const started: { end: () => unknown }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});

async function meter(frame: (number: number) => Uint8Array): Promise<number> {
  const pushing = new PushingMeter(frame);
  started.push({ end: () => pushing.end() });
  return pushing.listen();
}

testWith({ socat })('an SML meter on a serial line', async () => {
  const line = new AdapterLine(socat ?? 'socat', await meter(() => smlReading(98_765_432n, -123n)));
  started.push({
    end: () => {
      line.remove();
    },
  });
  await line.plugIn();
  const ran = await run('read', `serial-push:${line.path}?baud=115200`, 'sml-ehz', '--json');
  expect(ran.code, ran.err).toBe(0);
  const values = objectsOf(ran.out).map(({ channel, value, unit }) => [channel, value, unit]);
  expect(values).toEqual([
    ['power_active', -123, 'W'],
    ['energy_import', 9876.5432, 'kWh'],
  ]);
  expect(String(objectsOf(ran.out)[0]?.['raw'])).toMatch(/^1b1b1b1b01010101.*1b1b1b1b1a/);
});

test('a P1 port behind a serial server, for two readings', async () => {
  const lines = [
    '1-0:1.8.1(000001.000*kWh)',
    '1-0:1.8.2(000002.500*kWh)',
    '1-0:1.7.0(00.450*kW)',
    '1-0:2.7.0(00.000*kW)',
  ];
  const port = await meter(() => p1Telegram(['/NODE5TEST', '', ...lines]));
  const ran = await run('read', `tcp-push://127.0.0.1:${String(port)}`, 'dsmr-5', '--count', '2');
  expect(ran.code, ran.err).toBe(0);
  expect(ran.out.match(/energy_import +3\.5/g)).toHaveLength(2);
  expect(ran.out).toMatch(/power_active +450 W/);
});

test.each([
  ['tcp-push://127.0.0.1', 'names no host and port'],
  ['serial-push:/dev/ttyUSB0?data_bits=9', 'data_bits is 7 or 8'],
  ['serial-push:', 'names no device'],
])('%s is no wire', async (wire, because) => {
  const ran = await run('read', wire, 'sml-ehz');
  expect(ran.code).toBe(2);
  expect(ran.err).toContain(because);
});

test('a profile of another kind, and a line that does not exist', async () => {
  const foreign = await run('read', 'serial-push:/dev/ttyUSB0', 'siemens-pac2200');
  expect(foreign.code, foreign.err).toBe(2);
  const missing = await run('read', 'serial-push:/dev/does-not-exist', 'sml-ehz');
  expect(missing.code).toBe(2);
  expect(missing.err).toContain('plug the adapter in');
});
