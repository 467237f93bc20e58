// Somebody changes what is stored: whatever byte of whatever file it is, the check names it or says what it means.
import {
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SiteFault } from '../../src/quantity/fault.ts';
import { verifyLedger, type Verdict } from '../../src/ledger/index.ts';
import { crc32c } from '../../src/ledger/crc32c.ts';
import { atSecond, exchange, openAt, statement, temporaryFolder } from './samples.ts';

const folder = temporaryFolder();
const original = join(folder, 'data');
const copy = join(folder, 'copy');

beforeAll(async () => {
  const ledger = await openAt(original, { segmentBytes: 4000 });
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => ledger.journal.append(exchange(round * 20 + at))),
    );
    const documents = Array.from({ length: 100 }, (_, at) => ({
      type: 'clock' as const,
      atNs: atSecond(at),
      document: { at },
    }));
    await ledger.seal([...documents, { type: 'statement', statement: statement(round) }]);
  }
  await ledger.journal.append(exchange(99));
  await ledger.close();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const filesBelow = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)],
  );

async function afterChange(change: (dir: string) => void, vkey?: string): Promise<Verdict> {
  rmSync(copy, { recursive: true, force: true });
  cpSync(original, copy, { recursive: true });
  change(copy);
  return verifyLedger(copy, { vkey });
}

const edit = (path: string, change: (bytes: Buffer) => Buffer | string) => {
  writeFileSync(path, change(readFileSync(path)));
};

test('the untouched ledger verifies', async () => {
  expect(await verifyLedger(original)).toMatchObject({
    kind: 'verified',
    leavesCount: 313,
    recordsCount: 61,
    blocksCount: 9,
    trust: 'own',
  });
});

test('a flipped bit anywhere in the log or the journal is found, and the file is named', async () => {
  const files = [...filesBelow(join(original, 'log')), ...filesBelow(join(original, 'journal'))];
  expect(files.length).toBeGreaterThan(8);
  let flipsCount = 0;
  for (const file of files) {
    const name = relative(original, file);
    const sizeBytes = statSync(file).size;
    const stepBytes = Math.max(1, Math.floor(sizeBytes / 12));
    for (let at = 0; at < sizeBytes; at += stepBytes) {
      const verdict = await afterChange((dir) => {
        edit(join(dir, name), (bytes) => {
          bytes[at]! ^= 1 << (at % 8);
          return bytes;
        });
      });
      const label = `${name} byte ${String(at)}: ${JSON.stringify(verdict)}`;
      flipsCount++;
      const lastSegment = name.startsWith('journal') && file === files.at(-1);
      if (verdict.kind === 'verified' && lastSegment && at >= sizeBytes - 17) {
        // The mark of a clean close is the last thing of all: without it the tail reads as a write that was cut off.
        expect(verdict.notes.join(), label).toContain('torn-tail');
        continue;
      }
      expect(verdict.kind, label).toBe('damaged');
      if (verdict.kind !== 'damaged') continue;
      // A key that was changed no longer signs the checkpoint: then that is what is named.
      const named =
        name === 'log/vkey' ? /log\/(vkey|checkpoint)/ : new RegExp(name.replaceAll('.', '\\.'));
      expect(verdict.where, label).toMatch(named);
      expect(verdict.what.length, label).toBeGreaterThan(10);
    }
  }
  expect(flipsCount).toBeGreaterThan(100);
});

test.each<[string, string, RegExp, (dir: string) => void]>([
  [
    'a partial tile wider than the tree',
    'ledger.leftover',
    /000\.p\/200|001\.p\/200/,
    (dir) => {
      writeFileSync(join(dir, 'log/tile/0/001.p/200'), Buffer.alloc(200 * 32));
    },
  ],
  [
    'a partial tile of a size that was never signed',
    'ledger.leftover',
    /001\.p\/3$/,
    (dir) => {
      const now = readFileSync(join(dir, 'log/tile/0/001.p/57'));
      writeFileSync(join(dir, 'log/tile/0/001.p/3'), now.subarray(0, 96));
    },
  ],
  [
    'a partial tile whose full tile exists',
    'ledger.leftover',
    /0\/000\.p\/9$/,
    (dir) => {
      const full = readFileSync(join(dir, 'log/tile/0/000'));
      mkdirSync(join(dir, 'log/tile/0/000.p'), { recursive: true });
      writeFileSync(join(dir, 'log/tile/0/000.p/9'), full.subarray(0, 288));
    },
  ],
  [
    'a full tile beyond the tree',
    'ledger.leftover',
    /0\/007$/,
    (dir) => {
      writeFileSync(join(dir, 'log/tile/0/007'), Buffer.alloc(8192));
    },
  ],
  [
    'a file that no log has',
    'ledger.leftover',
    /log\/notes\.txt$/,
    (dir) => {
      writeFileSync(join(dir, 'log/notes.txt'), 'x');
    },
  ],
  [
    'a tile that is gone',
    'ledger.missing',
    /tile\/0\/000$/,
    (dir) => {
      rmSync(join(dir, 'log/tile/0/000'));
    },
  ],
  [
    'base64 with its spare bits set',
    'ledger.encoding',
    /checkpoint$/,
    (dir) => {
      edit(join(dir, 'log/checkpoint'), (bytes) => {
        const lines = bytes.toString('utf8').split('\n');
        // The last letter before the padding of a 32-byte root carries two spare bits.
        const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
        const root = lines[2]!;
        const last = letters[letters.indexOf(root.at(-2)!) + 1]!;
        lines[2] = `${root.slice(0, -2)}${last}=`;
        return lines.join('\n');
      });
    },
  ],
  [
    'bytes behind the checkpoint',
    'ledger.encoding',
    /checkpoint$/,
    (dir) => {
      edit(join(dir, 'log/checkpoint'), (bytes) => `${bytes.toString('utf8')}\n`);
    },
  ],
  [
    'carriage returns in the checkpoint',
    'ledger.encoding',
    /checkpoint$/,
    (dir) => {
      edit(join(dir, 'log/checkpoint'), (bytes) => bytes.toString('utf8').replaceAll('\n', '\r\n'));
    },
  ],
  [
    'an extension line',
    'ledger.encoding',
    /checkpoint$/,
    (dir) => {
      edit(join(dir, 'log/checkpoint'), (bytes) =>
        bytes.toString('utf8').replace('\n\n', '\nmore\n\n'),
      );
    },
  ],
  [
    'a segment that is gone',
    'ledger.missing',
    /journal$/,
    (dir) => {
      rmSync(filesBelow(join(dir, 'journal'))[0]!);
    },
  ],
  [
    'a journal that was cut behind a seal',
    'ledger.missing',
    /journal$/,
    (dir) => {
      for (const file of filesBelow(join(dir, 'journal')).slice(1)) rmSync(file);
    },
  ],
  [
    'a stray file in the journal',
    'ledger.leftover',
    /old\.seg$/,
    (dir) => {
      writeFileSync(join(dir, 'journal/old.seg'), 'x');
    },
  ],
])('%s is named', async (_, code, where, change) => {
  const verdict = await afterChange(change);
  expect(verdict).toMatchObject({ kind: 'damaged', code });
  if (verdict.kind === 'damaged') expect(verdict.where).toMatch(where);
});

test('a record that was changed together with its check sum differs from its sealed block', async () => {
  const verdict = await afterChange((dir) => {
    edit(filesBelow(join(dir, 'journal'))[0]!, (bytes) => {
      // The first exchange lies behind the head (33), the mark or the source's name; find it by its type.
      let at = 0;
      while (bytes[at + 4] !== 3) at += 9 + bytes.readUInt32LE(at);
      const length = bytes.readUInt32LE(at);
      bytes[at + 9 + length - 1]! ^= 0xff;
      const sum = crc32c(bytes, at + 9, at + 9 + length, crc32c(bytes, at, at + 5));
      bytes.writeUInt32LE(sum, at + 5);
      return bytes;
    });
  });
  expect(verdict).toMatchObject({ kind: 'damaged', code: 'ledger.block-mismatch' });
  expect(JSON.stringify(verdict)).toMatch(/records of m0 are not those that leaf \d+ seals/);
});

test('a log that was replaced as a whole verifies with its own key only, never with the one that was given', async () => {
  const vkey = readFileSync(join(original, 'log/vkey'), 'utf8');
  expect(await verifyLedger(original, { vkey })).toMatchObject({
    kind: 'verified',
    trust: 'given',
  });
  const forged = join(folder, 'forged');
  const other = await openAt(forged, { origin: vkey.split('+')[0] });
  await other.seal([]);
  await other.close();
  expect((await verifyLedger(forged)).kind).toBe('verified');
  expect(await verifyLedger(forged, { vkey })).toMatchObject({
    kind: 'damaged',
    code: 'ledger.signature',
  });
  const policy = `# ours\nlog ${vkey.trim()} https://example.com/\nquorum none\n`;
  expect(await verifyLedger(original, { policy })).toMatchObject({
    kind: 'verified',
    trust: 'given',
  });
  const demanding = policy.replace('quorum none', `witness W ${vkey.trim()}\nquorum W`);
  expect(await verifyLedger(original, { policy: demanding })).toMatchObject({
    kind: 'damaged',
    code: 'ledger.quorum',
  });
  await expect(verifyLedger(original, { policy: 'log x\n' })).rejects.toBeInstanceOf(SiteFault);
  await expect(verifyLedger(join(folder, 'nothing'))).rejects.toBeInstanceOf(SiteFault);
});

test.each<[string, RegExp, (dir: string) => void]>([
  [
    'a checkpoint of a later tree',
    /only 0 were signed|says that only/,
    (dir) => {
      edit(join(dir, 'log-state'), (bytes) =>
        bytes.toString('utf8').replace(/"size":\d+/, '"size":5'),
      );
    },
  ],
  [
    'a changed tile',
    /do not lead to the root/,
    (dir) => {
      edit(join(dir, 'log/tile/0/001.p/57'), (bytes) => {
        bytes[5]! ^= 1;
        return bytes;
      });
    },
  ],
  [
    'a changed entry',
    /is not the entry that was hashed/,
    (dir) => {
      edit(join(dir, 'log/tile/entries/001.p/57'), (bytes) => {
        bytes[40]! ^= 1;
        return bytes;
      });
    },
  ],
  [
    'a state that is gone',
    /nothing may be signed/,
    (dir) => {
      rmSync(join(dir, 'log-state'));
    },
  ],
  [
    'a damaged record before the last mark',
    /offset \d+/,
    (dir) => {
      edit(filesBelow(join(dir, 'journal')).at(-1)!, (bytes) => {
        bytes[60]! ^= 1;
        return bytes;
      });
    },
  ],
  [
    'another key',
    /not of the key|different logs|private key/,
    (dir) => {
      edit(join(dir, 'keys/log.key'), (bytes) => {
        bytes[bytes.length - 9]! ^= 1;
        return bytes;
      });
    },
  ],
])('a start refuses %s with the exact sentence', async (_, sentence, change) => {
  rmSync(copy, { recursive: true, force: true });
  cpSync(original, copy, { recursive: true });
  change(copy);
  await expect(openAt(copy)).rejects.toThrow(sentence);
});
