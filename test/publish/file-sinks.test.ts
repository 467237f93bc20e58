// The file sinks after kill -9, after damage and on a disk that misbehaves; and what the export writes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { exportCsv } from '../../src/publish/export-csv.ts';
import { reconcile } from '../../src/publish/reconcile.ts';
import { openSink } from '../../src/publish/sinks.ts';
import type { SinkConfig } from '../../src/quantity/site.ts';
import { durationNs, instantNs } from '../../src/quantity/time.ts';
import { microjoules } from '../../src/quantity/units.ts';
import { parseLine } from '../simulators/influx-contract-stub.ts';
import {
  memoryLedger,
  minute,
  statementEntry,
  statementOf,
  T0,
  withoutEnergy,
} from './memory-ledger.ts';

let dataDir = '';
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trueup-file-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

type FileKind = 'line-protocol-file' | 'csv-file';
const open = (kind: FileKind, path = '') =>
  openSink(
    {
      id: 'here',
      kind,
      url: '',
      database: 'trueup',
      organisation: '',
      username: undefined,
      secret: undefined,
      path,
    } satisfies SinkConfig,
    { name: 'lab', rehearsal: false },
    { clock: systemClock(), timers: systemTimers, dataDir },
  );
const pathOf = (kind: FileKind) =>
  join(dataDir, 'sink', kind === 'csv-file' ? 'here.csv' : 'here.lp');

/** Leaves in the file, in order; throws where a line is torn. */
async function leavesIn(kind: FileKind): Promise<number[]> {
  const text = await readFile(pathOf(kind), 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  const lines = text.trimEnd().split('\n');
  if (kind === 'csv-file') {
    return lines.slice(1).map((line) => {
      const cells = line.split(',');
      expect(cells).toHaveLength(11);
      return Number(cells.at(-1));
    });
  }
  return lines
    .slice(2)
    .filter((line) => !line.startsWith('#'))
    .map(parseLine)
    .filter(({ measurement }) => measurement === 'energy')
    .map(({ fields }) => Number(fields.get('leaf')));
}

async function killWriter(kind: FileKind, batch: number, afterMs: number): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/publish/append-writer.ts', kind, dataDir, String(batch)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.setEncoding('utf8');
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: string) => {
      said += chunk;
      if (said.includes('\n')) resolve();
    });
  });
  await ready;
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
  const whole = said.slice(0, said.lastIndexOf('\n')).split('\n').slice(1);
  return Number(whole.at(-1) ?? -1);
}

describe.each(['line-protocol-file', 'csv-file'] as const)('%s', (kind) => {
  test('after kill -9 no acknowledged row is lost, none is torn, none is there twice', async () => {
    // The same entries as append-writer.ts makes.
    const entries = memoryLedger().append(
      Array.from({ length: 20_000 }, (_, index) => statementEntry({ startNs: minute(index) })),
    );
    for (const [batch, afterMs] of [
      [1, 60],
      [300, 90],
    ] as const) {
      const acknowledged = await killWriter(kind, batch, afterMs);
      const sink = open(kind);
      expect(await sink.open()).toEqual({ outcome: 'accepted' });
      const newest = sink.newest();
      const heldCount = typeof newest === 'string' ? 0 : newest.leaf + 1;
      expect(heldCount - 1).toBeGreaterThanOrEqual(acknowledged);
      // The outbox sends from further back than the sink holds, and one more row.
      const again = entries.slice(Math.max(0, heldCount - 5), heldCount + 1);
      expect(await sink.write(again)).toEqual({ outcome: 'accepted' });
      await sink.close();
      const leaves = await leavesIn(kind);
      expect(leaves).toHaveLength(heldCount + 1);
      expect(leaves).toEqual(leaves.map((_, index) => index));
    }
  }, 60_000);

  test('a tail cut at every byte is cut back to whole rows, and the rest comes again', async () => {
    const entries = memoryLedger().append(
      [0, 1, 2].map((index) => statementEntry({ startNs: minute(index) })),
    );
    const first = open(kind);
    await first.open();
    await first.write(entries.slice(0, 1));
    await first.write(entries.slice(1));
    await first.close();
    const whole = await readFile(pathOf(kind));
    const from = whole.length - 150;
    for (let size = from; size < whole.length; size++) {
      await writeFile(pathOf(kind), whole);
      await truncate(pathOf(kind), size);
      const sink = open(kind);
      await sink.open();
      await sink.write(entries);
      await sink.close();
      expect(await leavesIn(kind)).toEqual([0, 1, 2]);
    }
  });

  test('zeros that a power failure left behind the last row are cut off', async () => {
    const entries = memoryLedger().append([
      statementEntry({}),
      statementEntry({ startNs: minute(1) }),
    ]);
    const first = open(kind);
    await first.open();
    await first.write(entries.slice(0, 1));
    await first.close();
    await appendFile(pathOf(kind), Buffer.alloc(5_000));
    await appendFile(pathOf(kind), '\n');
    const sink = open(kind);
    await sink.open();
    await sink.write(entries);
    await sink.close();
    expect(await leavesIn(kind)).toEqual([0, 1]);
  });

  test('a file that is taken away while in use is noticed: rows wait instead of vanishing', async () => {
    const entries = memoryLedger().append([
      statementEntry({}),
      statementEntry({ startNs: minute(1) }),
    ]);
    const sink = open(kind);
    await sink.open();
    await sink.write(entries.slice(0, 1));
    await unlink(pathOf(kind));
    expect(await sink.write(entries.slice(1))).toMatchObject({ outcome: 'later' });
    await sink.close();
  });

  test('a folder that cannot be written to is told, not thrown', async () => {
    await writeFile(join(dataDir, 'occupied'), '');
    const sink = open(kind, 'occupied/rows');
    expect(await sink.open()).toMatchObject({ outcome: 'later' });
    expect(await sink.write([])).toMatchObject({ outcome: 'later' });
    await sink.close();
  });
});

test('damage inside of the last piece is found by its check sum', async () => {
  const entries = memoryLedger().append([
    statementEntry({}),
    statementEntry({ startNs: minute(1) }),
  ]);
  const first = open('line-protocol-file');
  await first.open();
  await first.write(entries.slice(0, 1));
  await first.write(entries.slice(1));
  await first.close();
  const bytes = await readFile(pathOf('line-protocol-file'));
  const at = bytes.lastIndexOf('energy_uj=');
  bytes.write('energy_uj=1', at);
  await writeFile(pathOf('line-protocol-file'), bytes);
  const sink = open('line-protocol-file');
  await sink.open();
  expect(sink.newest()).toMatchObject({ leaf: 0 });
  await sink.write(entries);
  const rows = await sink.readBack(minute(0), minute(9));
  expect(rows?.map(({ energyUj }) => energyUj)).toEqual([
    9_007_199_254_740_993n,
    9_007_199_254_740_993n,
  ]);
  await sink.close();
});

test('a batch longer than a piece is cut, and each piece stands alone', async () => {
  const entries = memoryLedger().append(
    Array.from({ length: 6_000 }, (_, index) => statementEntry({ startNs: minute(index) })),
  );
  const sink = open('line-protocol-file');
  await sink.open();
  expect(await sink.write(entries)).toEqual({ outcome: 'accepted' });
  await sink.close();
  const text = await readFile(pathOf('line-protocol-file'), 'utf8');
  expect(text.match(/^# trueup leaf=/gm)?.length).toBeGreaterThan(1);
  const last = text.lastIndexOf('# trueup leaf=');
  await truncate(pathOf('line-protocol-file'), last + 5);
  const again = open('line-protocol-file');
  await again.open();
  expect(await again.write(entries)).toEqual({ outcome: 'accepted' });
  await again.close();
  expect(await leavesIn('line-protocol-file')).toEqual(entries.map(({ leaf }) => leaf));
});

test('reconcile mends a file in which somebody has changed, added and deleted lines', async () => {
  const ledger = memoryLedger();
  ledger.append([0, 1, 2, 3].map((index) => statementEntry({ startNs: minute(index) })));
  const sink = open('line-protocol-file');
  await sink.open();
  await sink.write(ledger.entries);
  await sink.close();
  ledger.cursors.set('here', ledger.log.size);
  const text = await readFile(pathOf('line-protocol-file'), 'utf8');
  const lines = text.split('\n');
  const at = (index: number) =>
    lines.findIndex(
      (line) => line.startsWith('energy,') && line.endsWith(minute(index).toString()),
    );
  lines[at(1)] = (lines[at(1)] ?? '').replace(/energy_uj=\d+/, 'energy_uj=5');
  lines.push((lines[at(0)] ?? '').replace(/\d+$/, minute(7).toString()));
  lines.splice(at(2), 1);
  // Sealed anew by a forger who knows how: only the comparison can tell.
  const { crc32 } = await import('node:zlib');
  const plain = lines.filter((line) => !line.startsWith('# trueup') && line !== '');
  const piece = `${plain.join('\n')}\n`;
  const sum = crc32(piece).toString(16).padStart(8, '0');
  await writeFile(
    pathOf('line-protocol-file'),
    `${piece}# trueup leaf=3 sha256=${ledger.entries[3]!.sha256} bytes=${piece.length} crc32=${sum}\n`,
  );
  const again = open('line-protocol-file');
  await again.open();
  const period = { fromNs: minute(0), untilNs: minute(60) };
  const seen = await reconcile(again, ledger, { ...period, repair: false });
  expect(seen.equal).toBe(false);
  expect(seen.found.missing.map(({ leaf }) => leaf)).toEqual([2]);
  expect(seen.found.different.map(({ ledger: row }) => row.leaf)).toEqual([1]);
  expect(seen.found.extra.map(({ startNs }) => startNs)).toEqual([minute(7)]);
  const mended = await reconcile(again, ledger, { ...period, repair: true });
  expect(mended).toMatchObject({ equal: true, trouble: '' });
  expect((await reconcile(again, ledger, { ...period, repair: false })).equal).toBe(true);
  await again.close();
  const restarted = open('line-protocol-file');
  await restarted.open();
  expect(restarted.newest()).toMatchObject({ leaf: 3 });
  expect((await reconcile(restarted, ledger, { ...period, repair: false })).equal).toBe(true);
  await restarted.close();
});

test('the export is byte-stable, sorted and half-open', async () => {
  const ledger = memoryLedger();
  ledger.append([
    statementEntry({ startNs: minute(1), point: 'outlet/p-2', energyUj: microjoules(3_600_000n) }),
    statementEntry({ startNs: minute(1), point: 'feed/a', kind: 'corrected', tier: 3 }),
    statementEntry({ startNs: minute(0), durationNs: durationNs(1_500_000_000n) }),
    { type: 'statement', statement: statementOf({ startNs: minute(2), ...withoutEnergy }) },
    statementEntry({ startNs: minute(3) }),
    statementEntry({ startNs: instantNs(T0 - 1n) }),
    statementEntry({
      startNs: minute(1),
      point: 'feed/a',
      kind: 'chip',
      version: 3,
      method: 'a,b',
    }),
  ]);
  let text = '';
  const period = { fromNs: minute(0), untilNs: minute(3) };
  const rowsCount = await exportCsv(ledger.statements, period, (more) => void (text += more));
  expect(rowsCount).toBe(5);
  const start = (index: number) =>
    new Date(Number(minute(index) / 1_000_000n)).toISOString().replace('.000', '');
  expect(text).toBe(
    [
      'point,start,duration_s,energy_uj,energy_kwh,u_kwh,quality,method,tier,version,leaf',
      `node/gpu-01,${start(0)},1.5,9007199254740993,2501.999792983609,0.000069781,actual,register+power,1,1,2`,
      `feed/a,${start(1)},60,9007199254740993,2501.999792983609,0.000069781,actual,"a,b",1,3,6`,
      `feed/a,${start(1)},60,9007199254740993,2501.999792983609,0.000069781,actual,register+power,3,1,1`,
      `outlet/p-2,${start(1)},60,3600000,0.000001,0.000069781,actual,register+power,1,1,0`,
      `node/gpu-01,${start(2)},60,,,,missing,register+power,1,1,3`,
      '',
    ].join('\n'),
  );
  let corrected = '';
  await exportCsv(
    ledger.statements,
    period,
    (more) => void (corrected += more),
    ({ statement }) => statement.kind === 'corrected',
  );
  expect(corrected.split('\n')).toHaveLength(3);
});
