// Programs that share no code with us check our log and journal, and we read logs that others wrote.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXCHANGE_FORMS, type Exchange } from '../../src/quantity/exchange.ts';
import { disk } from '../../src/ledger/disk.ts';
import { isConsistent, leafHash, readLedger, rootFromInclusion } from '../../src/ledger/index.ts';
import { LogFolder } from '../../src/ledger/log-folder.ts';
import { TreeRoot, consistencyRanges, inclusionRanges } from '../../src/ledger/merkle.ts';
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts';
import { checkNote, parseVkey } from '../../src/ledger/note.ts';
import { shared } from '../fixtures.ts';
import { findProgram, findPython, testWith } from '../real-programs.ts';
import { exchange, openAt, statement, temporaryFolder } from './samples.ts';

const folder = temporaryFolder();
const dataDir = join(folder, 'data');
const log = join(dataDir, 'log');
const independent = join(import.meta.dirname, '../independent');
const exchanges: Exchange[] = [];

beforeAll(async () => {
  const ledger = await openAt(dataDir, { segmentBytes: 8000 });
  for (let round = 0; round < 4; round++) {
    for (let at = 0; at < 30; at++) {
      const over: Partial<Exchange> =
        at % 5 === 0
          ? {
              source: 'plug-ü',
              form: 'mqtt',
              request: Buffer.from('tele/plug/SENSOR'),
              flags: { retained: at % 2 === 0, redelivered: false, packetId: at + 1 },
            }
          : at % 7 === 0
            ? { fault: 'transport.timeout', reply: Buffer.alloc(0) }
            : {};
      exchanges.push(exchange(round * 30 + at, over));
    }
    await Promise.all(exchanges.slice(round * 30).map((one) => ledger.journal.append(one)));
    const statements = Array.from({ length: 90 }, (_, at) => ({
      type: 'statement' as const,
      statement: statement(round * 90 + at),
    }));
    await ledger.seal(statements);
    cpSync(join(log, 'checkpoint'), join(folder, `checkpoint.${String(ledger.log.size)}`));
  }
  await ledger.close();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const olderCheckpoints = () => readdirSync(folder).filter((name) => name.startsWith('checkpoint.'));

const python = findPython('hashlib');
testWith({ python })('a Python program checks the journal, its blocks and the tree', () => {
  const said = execFileSync(python ?? '', [join(independent, 'check_journal.py'), dataDir], {
    encoding: 'utf8',
  });
  const asRead = exchanges.map((one) => [
    one.source,
    EXCHANGE_FORMS.indexOf(one.form),
    (one.flags.retained ? 1 : 0) + (one.flags.redelivered ? 2 : 0),
    one.flags.packetId,
    ...[one.sentNs, one.firstByteNs, one.lastByteNs].map(String),
    one.fault ?? '',
    Buffer.from(one.request).toString('hex'),
    Buffer.from(one.reply).toString('hex'),
  ]);
  // Python writes what is not ASCII escaped.
  const text = JSON.stringify(asRead).replaceAll('ü', '\\u00fc');
  expect(JSON.parse(said)).toMatchObject({
    leaves: 377,
    blocks: 16,
    records: 120,
    exchanges_sha256: createHash('sha256').update(text).digest('hex'),
  });
});

const xmod = ['/usr/share/gocode'].find((path) =>
  existsSync(join(path, 'src/golang.org/x/mod/sumdb/tlog')),
);
const go = findProgram('go');
testWith({ go, 'golang.org/x/mod': xmod })(
  'a Go program with x/mod/sumdb checks the log',
  async () => {
    const program = join(folder, 'check-log');
    const env = {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH: xmod,
      GOFLAGS: '',
    };
    execFileSync(go ?? '', ['build', '-o', program, join(independent, 'check-log.go')], { env });
    const check = (...args: string[]): string =>
      execFileSync(program, [log, join(log, 'vkey'), ...args], { encoding: 'utf8' });
    expect(check()).toBe('ok 377 leaves\n');
    expect(olderCheckpoints()).toHaveLength(4);
    const reader = await readLedger(dataDir);
    for (const name of olderCheckpoints()) {
      const size = Number(name.split('.')[1]);
      const proof = join(folder, `proof.${String(size)}`);
      writeFileSync(proof, await reader.proveSince(size));
      expect(check(join(folder, name))).toBe('ok 377 leaves\n');
      expect(check(join(folder, name), proof)).toBe('ok 377 leaves\n');
    }
    reader.close();
    // The check can fail: another program says no where a byte was changed.
    const forged = join(folder, 'forged');
    cpSync(log, forged, { recursive: true });
    const bundle = join(forged, 'tile/entries/000');
    const bytes = readFileSync(bundle);
    bytes[500]! ^= 1;
    writeFileSync(bundle, bytes);
    expect(() => execFileSync(program, [forged, join(log, 'vkey')])).toThrow();
  },
  120_000,
);

const tessera = shared('fixtures/tlog/tessera-testdata/testdata');
test.skipIf(tessera === undefined)(
  "all 16 checkpoints of Tessera's log verify, with their roots from entries",
  async () => {
    const verifier = parseVkey(readFileSync(join(tessera ?? '', 'log.vkey'), 'utf8').trim());
    const found = new LogFolder(disk, join(tessera ?? '', 'log'));
    const tree = new TreeRoot();
    let checkedCount = 0;
    for (let size = 0; size <= 15; size++) {
      const bytes = readFileSync(
        join(tessera ?? '', `log/checkpoint${size === 15 ? '' : `.${String(size)}`}`),
      );
      const { checkpoint, note } = parseCheckpoint(bytes);
      expect(checkNote(note, [verifier])).toBe('signed');
      expect(checkpoint.size).toBe(size);
      if (size > 0) {
        for await (const entry of found.entriesFrom(size - 1, size))
          tree.push(leafHash(entry.bytes));
        expect(Buffer.from(await found.rangeHash({ from: 0, until: size }, size))).toEqual(
          Buffer.from(checkpoint.root),
        );
      }
      expect(Buffer.from(tree.root())).toEqual(Buffer.from(checkpoint.root));
      checkedCount++;
    }
    expect(checkedCount).toBe(16);
  },
);

const ours = shared('fixtures/tlog/ours-700');
test.skipIf(ours === undefined)(
  'the 700-entry log, its consistency proof and its tlog-proof are recomputed byte for byte',
  async () => {
    const path = ours ?? '';
    const found = new LogFolder(disk, path);
    const read = (name: string) => parseCheckpoint(readFileSync(join(path, name)));
    const { checkpoint } = read('checkpoint');
    const { checkpoint: old } = read('checkpoint.300');
    expect(Buffer.from(await found.rangeHash({ from: 0, until: 700 }, 700))).toEqual(
      Buffer.from(checkpoint.root),
    );
    const proof = await found.proof(consistencyRanges(300, 700), 700);
    const lines = proof.map((hash) => Buffer.from(hash).toString('base64'));
    expect(lines).toEqual(readFileSync(join(path, 'cons.300'), 'utf8').trim().split('\n'));
    expect(isConsistent(300, old.root, 700, checkpoint.root, proof)).toBe(true);
    const inclusion = await found.proof(inclusionRanges(137, 700), 700);
    const stored = readFileSync(join(path, 'e137.tlog-proof'), 'utf8')
      .split('\n\n')[0]!
      .split('\n')
      .slice(2);
    expect(inclusion.map((hash) => Buffer.from(hash).toString('base64'))).toEqual(stored);
    const entry = leafHash(readFileSync(join(path, 'e137.entry')));
    expect(Buffer.from(rootFromInclusion(entry, 137, 700, inclusion)!)).toEqual(
      Buffer.from(checkpoint.root),
    );
  },
);

test('a tlog-proof of any leaf leads to the signed root', async () => {
  const reader = await readLedger(dataDir);
  const entries = [];
  for await (const stored of reader.entries(0)) entries.push(stored);
  const found = new LogFolder(disk, log);
  for (const leaf of [0, 1, 255, 256, 376]) {
    const text = await reader.proveLeaf(leaf);
    const [head = '', ...rest] = text.split('\n\n');
    const hashes = head
      .split('\n')
      .slice(2)
      .map((line) => Buffer.from(line, 'base64'));
    const { checkpoint, note } = parseCheckpoint(Buffer.from(rest.join('\n\n')));
    expect(checkNote(note, [parseVkey(reader.vkey)])).toBe('signed');
    for await (const { bytes } of found.entriesFrom(leaf, checkpoint.size)) {
      const root = rootFromInclusion(leafHash(bytes), leaf, checkpoint.size, hashes)!;
      expect(Buffer.from(root)).toEqual(Buffer.from(checkpoint.root));
      break;
    }
  }
  expect(entries).toHaveLength(377);
  reader.close();
});
