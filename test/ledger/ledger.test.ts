// The promises of ledger.ts on the real disk: order, group commit, rotation, seals, the index as a view, redelivery, and
// a data directory that is not ours.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SiteFault } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { disk } from '../../src/ledger/disk.ts';
import type { FilePort } from '../../src/ledger/file-port.ts';
import { openLedger, readLedger, verifyLedger, type StoredEntry } from '../../src/ledger/index.ts';
import {
  atSecond,
  describe,
  exchange,
  openAt,
  recordsOf,
  statement,
  temporaryFolder,
} from './samples.ts';

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('records come back in the order of the calls, across segments and starts, from any position', async () => {
  const dataDir = join(folder, 'order');
  const expected: string[] = [];
  const positions: number[] = [];
  for (let start = 0; start < 3; start++) {
    const ledger = await openAt(dataDir, { segmentBytes: 3000 });
    const group = Array.from({ length: 40 }, (_, at) => exchange(start * 40 + at));
    const at = await Promise.all(group.map((one) => ledger.journal.append(one)));
    positions.push(...at);
    expected.push(...group.map(describe));
    positions.push(
      await ledger.journal.note({ kind: 'clock', atNs: atSecond(1), detail: { by: '5' } }),
    );
    expected.push('clock');
    expect(await recordsOf(ledger)).toEqual(expected);
    await ledger.close();
  }
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  expect(readdirSync(join(dataDir, 'journal')).length).toBeGreaterThan(3);
  const ledger = await openAt(dataDir);
  for (let at = 0; at < positions.length; at += 17) {
    expect(await recordsOf(ledger, positions[at])).toEqual(expected.slice(at));
  }
  expect(await recordsOf(ledger, ledger.journal.end)).toEqual([]);
  await ledger.close();
});

test('many appends share one sync, and appends during a sync join the next', async () => {
  let syncsCount = 0;
  let running = 0;
  const counting: FilePort = {
    ...disk,
    openAppend: async (path) => {
      const file = await disk.openAppend(path);
      return {
        ...file,
        sync: async () => {
          syncsCount++;
          running++;
          expect(running).toBe(1);
          await file.sync();
          running--;
        },
      };
    },
  };
  const ledger = await openAt(join(folder, 'group'), { files: counting });
  const first = Array.from({ length: 500 }, (_, at) => ledger.journal.append(exchange(at)));
  await Promise.resolve();
  await Promise.resolve();
  const second = Array.from({ length: 500 }, (_, at) => ledger.journal.append(exchange(at)));
  await Promise.all([...first, ...second]);
  expect(syncsCount).toBe(2);
  expect(await recordsOf(ledger)).toHaveLength(1000);
  await ledger.close();
});

test('a torn tail is cut and noted; damage to what was acknowledged stops the start, though nothing was sealed', async () => {
  const dataDir = join(folder, 'torn');
  const segment = join(dataDir, 'journal', '00000000000000000000.seg');
  let ledger = await openAt(dataDir);
  for (let at = 0; at < 3; at++) await ledger.journal.append(exchange(at));
  const end = ledger.journal.end;
  await ledger.close();
  const whole = readFileSync(segment);
  // As kill -9 leaves it: the last batch written in part, and no mark of a clean close behind it.
  writeFileSync(segment, whole.subarray(0, end - 20));
  ledger = await openAt(dataDir);
  expect(ledger.cutBytes).toBeGreaterThan(0);
  expect(await recordsOf(ledger)).toEqual([describe(exchange(0)), describe(exchange(1)), 'lost']);
  await ledger.close();
  // The same bytes, changed where a mark behind them shows that they had been durable.
  for (const at of [60, 64, 100]) {
    const bent = Buffer.from(whole);
    bent[at]! ^= 0x40;
    writeFileSync(segment, bent);
    await expect(openAt(dataDir)).rejects.toThrow(/00000000000000000000\.seg at offset \d+/);
    expect(readFileSync(segment)).toEqual(bent);
  }
});

test('a message that is delivered again is known by source, packet id and bytes, also after a start', async () => {
  const dataDir = join(folder, 'again');
  const message = (packetId: number, redelivered: boolean, text: string) =>
    exchange(1, {
      source: 'plug',
      form: 'mqtt',
      reply: Buffer.from(text),
      flags: { retained: false, redelivered, packetId },
    });
  let ledger = await openAt(dataDir);
  const kept = ledger.journal.append(message(5, false, 'a'));
  // Not before it is durable: an acknowledgement must not overtake the disk.
  expect(ledger.journal.holds(message(5, true, 'a'))).toBe(false);
  const joined = ledger.journal.append(message(5, true, 'a'));
  expect(await joined).toBe(await kept);
  for (let start = 0; start < 2; start++) {
    expect(ledger.journal.holds(message(5, true, 'a'))).toBe(true);
    expect(ledger.journal.holds(message(5, false, 'a'))).toBe(false);
    expect(ledger.journal.holds(message(5, true, 'b'))).toBe(false);
    expect(ledger.journal.holds(message(6, true, 'a'))).toBe(false);
    expect(ledger.journal.holds({ ...message(5, true, 'a'), source: 'other' })).toBe(false);
    expect(await recordsOf(ledger)).toHaveLength(1);
    await ledger.close();
    ledger = await openAt(dataDir);
  }
  await ledger.journal.append(message(5, false, 'a'));
  expect(await recordsOf(ledger)).toHaveLength(2);
  await ledger.close();
});

test('a seal has one block per source that has records, entries behind them, and nothing where there is nothing', async () => {
  const dataDir = join(folder, 'seals');
  let ledger = await openAt(dataDir, { profileOf: (source) => `profile of ${source}` });
  expect(ledger.log.size).toBe(1);
  expect(await ledger.seal([])).toEqual([]);
  await Promise.all([0, 1, 3, 4].map((at) => ledger.journal.append(exchange(at))));
  const [m0, m1, entry, ...rest] = await ledger.seal([
    { type: 'statement', statement: statement(1) },
  ]);
  expect(m0?.entry).toMatchObject({
    type: 'block',
    source: 'm0',
    from: 0,
    until: ledger.sealedUntil,
    recordsCount: 2,
    profile: 'profile of m0',
  });
  expect(m1?.entry).toMatchObject({ type: 'block', source: 'm1', recordsCount: 2 });
  expect(entry?.entry).toEqual({ type: 'statement', statement: statement(1) });
  expect(rest).toEqual([]);
  // What was appended but not sealed when the process ended is sealed by the next one.
  await ledger.journal.append(exchange(2));
  await ledger.close();
  ledger = await openAt(dataDir);
  const [late] = await ledger.seal([]);
  expect(late?.entry).toMatchObject({ source: 'm2', recordsCount: 1 });
  // A wrong entry is refused as a whole and takes no block with it.
  await ledger.journal.append(exchange(5));
  await expect(ledger.seal([{ type: 'clock', atNs: atSecond(0), document: NaN }])).rejects.toThrow(
    RangeError,
  );
  expect(await ledger.seal([])).toHaveLength(1);
  await ledger.close();
  expect(await verifyLedger(dataDir)).toMatchObject({ kind: 'verified', blocksCount: 4 });
});

test('positionBefore leads to a scan that sees everything since an instant', async () => {
  let nowNs = 1000n;
  const ledger = await openAt(join(folder, 'since'), { nowNs: () => instantNs(nowNs) });
  const begins: number[] = [];
  for (const sealedAt of [2000n, 3000n, 4000n, 3500n]) {
    begins.push(ledger.sealedUntil);
    await ledger.journal.append(exchange(1));
    nowNs = sealedAt;
    await ledger.seal([]);
  }
  expect(ledger.positionBefore(instantNs(1500n))).toBe(0);
  expect(ledger.positionBefore(instantNs(2000n))).toBe(begins[0]);
  expect(ledger.positionBefore(instantNs(3999n))).toBe(begins[1]);
  expect(ledger.positionBefore(instantNs(9000n))).toBe(begins[3]);
  await ledger.close();
});

test('the index is a view: deleted, damaged or of another log, it is made anew from the log', async () => {
  const dataDir = join(folder, 'index');
  let ledger = await openAt(dataDir);
  const stored: StoredEntry[] = [];
  for (let at = 0; at < 5; at++) {
    stored.push(...(await ledger.log.append([{ type: 'statement', statement: statement(at) }])));
  }
  const newer = statement(2, { version: 2, supersedes: stored[2]?.sha256 ?? '', method: 'again' });
  stored.push(...(await ledger.log.append([{ type: 'statement', statement: newer }])));
  const answers = () => ({
    current: ledger.statements.current('feed/a7', 'metered', atSecond(1800)),
    none: ledger.statements.current('feed/a7', 'chip', atSecond(1800)),
    between: ledger.statements.between(atSecond(900), atSecond(2700)).map((one) => one.leaf),
    all: ledger.statements.fromLeaf(3, 3).map((one) => one.leaf),
    newest: ledger.statements.newestStart('feed/a7', 'metered'),
    unknown: ledger.statements.newestStart('node/x', 'metered'),
  });
  const expected = answers();
  expect(expected).toEqual({
    current: { leaf: 6, sha256: stored[5]?.sha256, statement: newer },
    none: undefined,
    between: [2, 6],
    all: [3, 4, 5],
    newest: atSecond(3600),
    unknown: undefined,
  });
  ledger.cursors.set('influx', 4);
  ledger.cursors.refuse('influx', 2, 'because');
  const damages: ((path: string) => void)[] = [
    () => undefined,
    (path) => {
      rmSync(path);
    },
    (path) => {
      writeFileSync(path, 'no database at all, but long enough to be looked at'.repeat(50));
    },
  ];
  for (const [round, damage] of damages.entries()) {
    await ledger.close();
    damage(join(dataDir, 'index.db'));
    ledger = await openAt(dataDir);
    expect(answers()).toEqual(expected);
    // Cursors are no part of the log: they last as long as the file, and begin again with it.
    expect(ledger.cursors.get('influx')).toBe(round === 0 ? 4 : 0);
    expect(ledger.cursors.refused('influx')).toEqual(
      round === 0 ? [{ leaf: 2, because: 'because' }] : [],
    );
  }
  await ledger.close();
  const other = await openAt(join(folder, 'other'), { indexPath: join(dataDir, 'index.db') });
  expect(other.statements.fromLeaf(0, 10)).toEqual([]);
  await other.close();
});

test('it can be read and verified while a service writes, without the lock', async () => {
  const dataDir = join(folder, 'read');
  const ledger = await openAt(dataDir);
  await ledger.journal.append(exchange(1));
  await ledger.seal([{ type: 'statement', statement: statement(1) }]);
  const reader = await readLedger(dataDir);
  expect(reader.size).toBe(3);
  expect(reader.statements.between(instantNs(0n), atSecond(9999))).toHaveLength(1);
  const found: string[] = [];
  for await (const batch of reader.records(0)) {
    for (const record of batch) if (record.is === 'exchange') found.push(describe(record.exchange));
  }
  expect(found).toEqual([describe(exchange(1))]);
  reader.close();
  const state = { isWriting: true };
  const writer = (async () => {
    for (let at = 0; at < 30; at++)
      await ledger.seal([{ type: 'statement', statement: statement(at) }]);
    state.isWriting = false;
  })();
  while (state.isWriting) expect((await verifyLedger(dataDir)).kind).toBe('verified');
  await writer;
  await ledger.close();
  await expect(readLedger(join(folder, 'absent'))).rejects.toBeInstanceOf(SiteFault);
});

test('origin, key and rehearsal: a log keeps its name, and a rehearsal never writes into a real one', async () => {
  const dataDir = join(folder, 'origin');
  const ledger = await openAt(dataDir, { origin: 'example.com/site' });
  expect(ledger.origin).toBe('example.com/site');
  expect(readFileSync(join(dataDir, 'log/vkey'), 'utf8')).toBe(`${ledger.vkey}\n`);
  expect(statSync(join(dataDir, 'keys/log.key')).mode & 0o777).toBe(0o600);
  await ledger.close();
  await expect(openAt(dataDir, { origin: 'example.com/else' })).rejects.toThrow(/site file names/);
  await expect(openAt(dataDir, { rehearsal: true })).rejects.toThrow(/real site/);
  await expect(openAt(join(folder, 'bad'), { origin: 'a b' })).rejects.toBeInstanceOf(SiteFault);
  const rehearsal = await openAt(join(folder, 'rehearsal'), { rehearsal: true });
  expect(rehearsal.origin).toMatch(/^rehearsal\.trueup\.invalid\/[0-9a-f]{32}$/);
  await rehearsal.close();
  const plain = await openAt(join(folder, 'plain'));
  expect(plain.origin).toMatch(/^trueup\.invalid\/[0-9a-f]{32}$/);
  await plain.close();
  await expect(openAt(join(folder, 'rehearsal'))).rejects.toThrow(/rehearsal/);
});

test.skipIf(process.getuid?.() === 0)('a directory that cannot be written is named', async () => {
  const dataDir = join(folder, 'readonly');
  await (await openAt(dataDir)).close();
  chmodSync(join(dataDir, 'staging'), 0o500);
  await expect(openAt(dataDir)).rejects.toThrow(/cannot be written/);
});

test('a path that is no directory is named', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, '');
  await expect(openAt(path)).rejects.toThrow(/cannot be written/);
});

test('an exchange that is too large is refused alone', async () => {
  const ledger = await openAt(join(folder, 'large'));
  await expect(
    ledger.journal.append(exchange(1, { reply: Buffer.alloc(17_000_000) })),
  ).rejects.toThrow(RangeError);
  const large = exchange(2, { reply: Buffer.alloc(5_000_000, 7) });
  await ledger.journal.append(large);
  await ledger.journal.append(exchange(3));
  expect(await recordsOf(ledger)).toEqual([describe(large), describe(exchange(3))]);
  await ledger.close();
});

test.skipIf(!existsSync('dist/ledger/index.js'))('the built ledger runs under plain node', () => {
  const script = `
    const { openLedger } = await import(${JSON.stringify(join(process.cwd(), 'dist/ledger/index.js'))});
    const ledger = await openLedger(${JSON.stringify(join(folder, 'dist'))}, { rehearsal: false, nowNs: () => 0n });
    process.stdout.write(String(ledger.log.size));
    await ledger.close();`;
  expect(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
  ).toBe('1');
});

test.skipIf(process.platform !== 'linux')(
  'a data directory where nothing can be made is refused at once',
  async () => {
    // Node's recursive mkdir never comes back from here.
    await expect(
      openLedger('/proc/trueup-cannot-be', { rehearsal: false, nowNs: () => instantNs(0n) }),
    ).rejects.toThrow(/cannot be written/);
  },
);
