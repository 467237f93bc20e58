// What keeps a service from starting is said in a sentence with a remedy and exit code 2, and nothing is left behind that
// runs or keeps the next start from working.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { verifyLedger } from '../../src/ledger/index.ts';
import { runTrueup, startTrueup } from '../journey/stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-start-'));
const siteFile = join(folder, 'site.yaml');
let holder: Server;
let taken = '';

const site = (wires: object, listen = '127.0.0.1:0'): string =>
  stringify({
    site: 'hall',
    listen,
    wires,
    instruments: { m1: { profile: 'eastron-sdm120', wire: Object.keys(wires)[0] } },
    points: { 'feed/a': { meter: 'm1' } },
  });

beforeAll(async () => {
  writeFileSync(siteFile, site({ w: { transport: 'modbus-tcp', host: '127.0.0.1', port: 1 } }));
  writeFileSync(join(folder, 'a-file'), '');
  holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const address = holder.address();
  taken = `127.0.0.1:${String(typeof address === 'object' && address ? address.port : 0)}`;
});
afterAll(() => {
  holder.close();
  rmSync(folder, { recursive: true, force: true });
});

test('run: a port that is taken; the data directory is whole and free afterwards', async () => {
  const dataDir = join(folder, 'port');
  const ran = await runTrueup('run', '--site', siteFile, '--data', dataDir, '--listen', taken);
  expect(ran.lines.at(-1)).toMatch(/port \d+ is taken.*--listen HOST:PORT/);
  expect(ran.code).toBe(2);
  expect(await verifyLedger(dataDir)).toMatchObject({ kind: 'verified' });
  const again = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
  await again.waitFor(({ event }) => event === 'started');
  expect(await again.end()).toBe(0);
});

test('rehearse: a port that is taken ends rack and service', async () => {
  const ran = await runTrueup('rehearse', '--data', join(folder, 'rehearse'), '--listen', taken);
  expect(ran.lines.join('\n')).toMatch(/port \d+ is taken.*--listen HOST:PORT/);
  expect(ran.code).toBe(2);
});

test.each(['run', 'rehearse'])('%s: a data directory that cannot be written', async (command) => {
  const dataDir = join(folder, 'a-file/data');
  const options = command === 'run' ? ['--site', siteFile] : ['--site', join(folder, 'r.yaml')];
  const ran = await runTrueup(command, ...options, '--data', dataDir, '--listen', '127.0.0.1:0');
  expect(ran.lines.join('\n')).toMatch(
    /cannot be written\. give a directory that .*may write.*--data/,
  );
  expect(ran.code).toBe(2);
});

test('a second service on one directory is told who holds it', async () => {
  const dataDir = join(folder, 'held');
  const first = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
  await first.waitFor(({ event }) => event === 'started');
  const ran = await runTrueup('run', '--site', siteFile, '--data', dataDir);
  expect(ran.lines.join('\n')).toMatch(
    new RegExp(`in use by process ${String(first.child.pid)}.*another directory with --data`),
  );
  expect(ran.code).toBe(2);
  expect(first.child.exitCode).toBe(null);
  expect(await first.end()).toBe(0);
});

test('a serial port that is not there ends all that had started', async () => {
  const path = join(folder, 'serial.yaml');
  writeFileSync(path, site({ line: { transport: 'modbus-rtu', path: '/nowhere/ttyUSB7' } }));
  const dataDir = join(folder, 'serial');
  const ran = await runTrueup('run', '--site', path, '--data', dataDir);
  expect(ran.lines.join('\n')).toMatch(/\/nowhere\/ttyUSB7 cannot be opened.*correct the path/);
  expect(ran.code).toBe(2);
  expect(await verifyLedger(dataDir)).toMatchObject({ kind: 'verified' });
});

test('a rehearsal never writes over a site file of a real site', async () => {
  const ran = await runTrueup(
    ...['rehearse', '--site', siteFile, '--data', join(folder, 'over'), '--listen', '127.0.0.1:0'],
  );
  expect(ran.lines.join('\n')).toMatch(/was not written by a rehearsal/);
  expect(ran.code).toBe(2);
});
