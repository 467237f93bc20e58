// `trueup read` of a plug by HTTP and of an analyzer by its command line: one reading each, at the first try.
import { createServer as createWebServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { objectsOf, run } from './terminal.ts';

const started: Server[] = [];
afterAll(() => {
  for (const server of started) server.close();
});

async function portOf(server: Server): Promise<string> {
  started.push(server);
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const address = server.address();
  return String(typeof address === 'object' && address ? address.port : 0);
}

const valuesOf = (out: string): unknown[] =>
  objectsOf(out).map(({ channel, value, unit, gap }) => [channel, value ?? gap, unit]);

test('a plug by HTTP', async () => {
  const status = {
    meters: [{ power: 12.5, is_valid: true, total: 60_000 }],
    unixtime: 1_760_364_721,
  };
  const port = await portOf(createWebServer((_, reply) => reply.end(JSON.stringify(status))));
  const ran = await run('read', `http://127.0.0.1:${port}`, 'shelly-gen1-relay', '--json');
  expect(ran.code, ran.err).toBe(0);
  expect(valuesOf(ran.out)).toEqual([
    ['power_active', 12.5, 'W'],
    // 60 000 watt-minutes.
    ['energy_import', 1, 'kWh'],
  ]);
});

test('an analyzer, where one quantity has no value', async () => {
  const reply = '230.1E+00,2.0E+00,400.0E+00,460.2E+00,NAN,50.0E+00\n';
  const port = await portOf(createServer((socket) => socket.on('data', () => socket.write(reply))));
  const ran = await run('read', `scpi://127.0.0.1:${port}`, 'yokogawa-wt310', '--json');
  expect(ran.code, ran.err).toBe(0);
  expect(valuesOf(ran.out)).toEqual([
    ['voltage', 230.1, 'V'],
    ['current', 2, 'A'],
    ['power_active', 400, 'W'],
    ['power_apparent', 460.2, 'VA'],
    ['power_factor', 'decode.not-a-number', undefined],
    ['frequency', 50, 'Hz'],
  ]);
});

test('an address that says nothing of its password is refused', async () => {
  const ran = await run('read', 'http://admin:secret@127.0.0.1:9', 'shelly-gen1-relay');
  expect(ran.code).toBe(2);
  expect(ran.err).toContain('password_env');
});
