// Commands on a data directory: verify names the bad byte, export is the same every time, reconcile tells missing from
// different from unreachable, and each says so in its exit code.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { openSink } from '../../src/publish/sinks.ts';
import { startOutbox } from '../../src/publish/outbox.ts';
import { exchange, openAt, statement } from '../ledger/samples.ts';
import { freePort } from '../real-programs.ts';
import { objectsOf, run } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-cli-'));
const dataDir = join(folder, 'data');
const siteFile = join(folder, 'site.yaml');
const SINK = { id: 'file', kind: 'line-protocol-file' } as const;
const EMPTY = { url: '', database: 'trueup', organisation: '', path: '' };
const WITHOUT_SECRETS = { username: undefined, secret: undefined };

const siteWith = (sinks: object): string =>
  stringify({
    site: 'hall',
    wires: { w: { transport: 'modbus-tcp', host: '127.0.0.1' } },
    instruments: { m1: { profile: 'eastron-sdm120', wire: 'w' } },
    points: { 'feed/a7': { meter: 'm1' } },
    sinks,
  });

beforeAll(async () => {
  writeFileSync(siteFile, siteWith({ file: { kind: SINK.kind } }));
  const ledger = await openAt(dataDir);
  for (let index = 0; index < 40; index += 1) await ledger.journal.append(exchange(index));
  // Out of order, and two points: what is exported must not depend on it.
  const order = [5, 1, 3, 0, 2, 4];
  await ledger.seal(
    order.flatMap((index) => [
      { type: 'statement', statement: statement(index) } as const,
      { type: 'statement', statement: statement(index, { point: 'feed/a2' }) } as const,
    ]),
  );
  const ports = { clock: systemClock(), timers: systemTimers, dataDir };
  const sink = openSink(
    { ...SINK, ...EMPTY, ...WITHOUT_SECRETS },
    { name: 'hall', rehearsal: false },
    ports,
  );
  const outbox = startOutbox(sink, ledger, {
    timers: systemTimers,
    onFailure: (cause) => {
      throw cause;
    },
  });
  await outbox.drained();
  await outbox.close();
  await ledger.close();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A copy of the data directory that may be spoiled. */
function copyOf(name: string): string {
  const copy = join(folder, name);
  cpSync(dataDir, copy, { recursive: true });
  return copy;
}

test('a whole ledger verifies, and without a key from elsewhere it says what that cannot tell', async () => {
  const ran = await run('ledger', 'verify', dataDir);
  expect(ran, ran.err).toMatchObject({ code: 0, err: '' });
  expect(ran.out).toMatch(/^verified: /);
  expect(ran.out).toMatch(/cannot detect a log that was replaced.*--vkey/);
  const vkey = join(dataDir, 'log/vkey');
  const trusted = await run('ledger', 'verify', dataDir, '--vkey', vkey);
  expect(trusted.code).toBe(0);
  expect(trusted.out).not.toMatch(/cannot detect/);
  const [verdict] = objectsOf((await run('ledger', 'verify', dataDir, '--json')).out);
  expect(verdict).toMatchObject({ kind: 'verified', recordsCount: 40, trust: 'own' });
});

test.each(['tile', 'journal'])('one byte changed in the %s: exit 1, and where', async (part) => {
  const copy = copyOf(`tampered-${part}`);
  const below = join(copy, part === 'tile' ? 'log/tile' : 'journal');
  const file = readdirSync(below, { recursive: true, encoding: 'utf8' })
    .map((name) => join(below, name))
    .find(
      (path) =>
        (part === 'tile' ? path.includes('/entries/') : path.endsWith('.seg')) && !isFolder(path),
    );
  expect(file).toBeDefined();
  const bytes = readFileSync(file ?? '');
  const at = Math.floor(bytes.length / 3);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file ?? '', bytes);
  const ran = await run('ledger', 'verify', copy);
  expect(ran.code).toBe(1);
  expect(ran.err).toMatch(/^ledger\.[a-z-]+ at .+: /);
  const [verdict] = objectsOf((await run('ledger', 'verify', copy, '--json')).out);
  expect(verdict).toMatchObject({ kind: 'damaged' });
});

const isFolder = (path: string): boolean => {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
};

test('the key of another log is refused', async () => {
  const other = await openAt(join(folder, 'other'));
  await other.close();
  const ran = await run('ledger', 'verify', dataDir, '--vkey', join(folder, 'other/log/vkey'));
  expect(ran.code).toBe(1);
  expect(ran.err).toMatch(/ledger\.signature/);
});

test.each([
  ['ledger', 'verify', 'DIR'],
  ['export', '--out', 'x.csv', '--data', 'DIR'],
  ['publish', '--reconcile', '--site', 'SITE', '--data', 'DIR'],
])('%s %s where there is no ledger: exit 2, and nothing is made', async (...argv) => {
  const nowhere = join(folder, 'nowhere');
  const ran = await run(...argv.map((word) => ({ DIR: nowhere, SITE: siteFile })[word] ?? word));
  expect(ran.code).toBe(2);
  expect(ran.err).toMatch(/nowhere: there is no ledger in this directory.*--data/);
  expect(existsSync(nowhere)).toBe(false);
});

test('a key file that is not there or is no key: exit 2', async () => {
  const missing = await run('ledger', 'verify', dataDir, '--vkey', join(folder, 'missing'));
  expect(missing.code).toBe(2);
  expect(missing.err).toMatch(/--vkey .*missing: the file cannot be read/);
  const nonsense = await run('ledger', 'verify', dataDir, '--vkey', siteFile);
  expect(nonsense.code).toBe(2);
});

test('an export is sorted, complete, and the same bytes every time', async () => {
  const [first, second] = [join(folder, 'first.csv'), join(folder, 'second.csv')];
  expect(await run('export', '--data', dataDir, '--out', first)).toMatchObject({
    code: 0,
    out: `12 rows in ${first}`,
  });
  const json = await run('export', '--data', dataDir, '--out', second, '--json');
  expect(objectsOf(json.out)).toEqual([{ rows: 12, out: second }]);
  expect(readFileSync(second)).toEqual(readFileSync(first));
  const [head = '', ...rows] = readFileSync(first, 'utf8').trimEnd().split(/\r?\n/);
  const columns = head.split(',');
  expect(columns).toEqual(expect.arrayContaining(['point', 'start', 'energy_uj', 'energy_kwh']));
  const keys = rows.map((row) => {
    const cells = row.split(',');
    return `${cells[columns.indexOf('start')] ?? ''} ${cells[columns.indexOf('point')] ?? ''}`;
  });
  expect(keys).toHaveLength(12);
  expect(keys, 'by start, then point').toEqual([...keys].sort());
  expect(new Set(keys).size).toBe(12);
});

test('a period and a kind bound the export; an empty one is a head alone', async () => {
  const out = join(folder, 'part.csv');
  const rows = async (...argv: string[]): Promise<unknown> =>
    objectsOf((await run('export', '--data', dataDir, '--out', out, '--json', ...argv)).out)[0]?.[
      'rows'
    ];
  const start = new Date(Number(statement(2).startNs / 1_000_000n)).toISOString();
  expect(await rows('--from', start)).toBe(8);
  expect(await rows('--to', start)).toBe(4);
  expect(await rows('--kind', 'metered')).toBe(12);
  expect(await rows('--kind', 'corrected')).toBe(0);
  expect(readFileSync(out, 'utf8').trimEnd().split('\n')).toHaveLength(1);
});

test('an export that cannot be written: exit 2, and no torn file', async () => {
  writeFileSync(join(folder, 'a-file'), '');
  for (const out of [join(folder, 'a-file/x.csv'), join(folder, 'no/such/folder/x.csv')]) {
    const ran = await run('export', '--data', dataDir, '--out', out);
    expect(ran.err).toMatch(/--out .*x\.csv: the file cannot be written.*directory/);
    expect(ran.code).toBe(2);
  }
  mkdirSync(join(folder, 'a-folder'));
  const ran = await run('export', '--data', dataDir, '--out', join(folder, 'a-folder'));
  expect(ran.err).toMatch(/a-folder: the file cannot be written/);
  expect(ran.code).toBe(2);
  expect(existsSync(join(folder, 'a-folder.partial'))).toBe(false);
});

test('a sink that equals the ledger: exit 0', async () => {
  const argv = ['publish', '--reconcile', '--site', siteFile, '--data', dataDir];
  const ran = await run(...argv);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  expect(ran.out).toMatch(/^file: equals the ledger: \d+ rows compared, 0 missing, 0 extra/);
  const [found] = objectsOf((await run(...argv, '--json')).out);
  expect(found).toMatchObject({ sink: 'file', equal: true, missing: 0, extra: 0, different: 0 });
  expect(Number(found?.['compared'])).toBeGreaterThanOrEqual(12);
});

test('a planted difference: exit 1, counted; --repair mends it, and it stays mended', async () => {
  const copy = copyOf('differs');
  const file = join(copy, 'sink/file.lp');
  const text = readFileSync(file, 'utf8');
  const planted = text.replace(
    /energy_kwh=(\d)/,
    (_all, digit: string) => `energy_kwh=${String((Number(digit) + 1) % 10)}`,
  );
  expect(planted).not.toBe(text);
  writeFileSync(file, planted);
  const argv = ['publish', '--reconcile', '--site', siteFile, '--data', copy, '--json'];
  const ran = await run(...argv);
  expect(ran.code).toBe(1);
  const [found] = objectsOf(ran.out);
  expect(found).toMatchObject({ sink: 'file', equal: false });
  expect(Number(found?.['different']) + Number(found?.['missing'])).toBeGreaterThan(0);
  expect(await run(...argv, '--repair')).toMatchObject({ code: 0 });
  const again = await run(...argv);
  expect(again.code, again.out).toBe(0);
});

test('a database that cannot be reached: exit 4, the other sinks are still looked at', async () => {
  const site = join(folder, 'two.yaml');
  const url = `http://127.0.0.1:${String(await freePort())}`;
  writeFileSync(site, siteWith({ influx: { kind: 'influxdb1', url }, file: { kind: SINK.kind } }));
  const ran = await run('publish', '--reconcile', '--site', site, '--data', dataDir, '--json');
  expect(ran.code).toBe(4);
  expect(ran.err).toMatch(/^influx: cannot be reached: /);
  expect(objectsOf(ran.out)).toMatchObject([{ sink: 'file', equal: true }]);
  const unknown = await run(
    ...['publish', '--reconcile', '--site', site, '--data', dataDir, '--sink', 'nope'],
  );
  expect(unknown.code).toBe(2);
});
