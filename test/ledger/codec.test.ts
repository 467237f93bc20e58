// What is written comes back the same: records, entries, tile paths, proofs; and bytes that nobody wrote are refused.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EXCHANGE_FORMS, type Exchange } from '../../src/quantity/exchange.ts';
import { FAULT_CODES, type FaultCode } from '../../src/quantity/fault.ts';
import { QUALITIES } from '../../src/quantity/quality.ts';
import { durationNs, instantNs } from '../../src/quantity/time.ts';
import { joules, microjoules } from '../../src/quantity/units.ts';
import { canonicalBytes } from '../../src/ledger/canonical.ts';
import { crc32c } from '../../src/ledger/crc32c.ts';
import { decodeEntry, encodeEntry } from '../../src/ledger/entry.ts';
import {
  UnreadableRecord,
  exchangeBytes,
  readExchange,
  writeExchange,
} from '../../src/ledger/exchange-codec.ts';
import { isFrame, readFrame } from '../../src/ledger/frame.ts';
import {
  TreeRoot,
  consistencyRanges,
  foldPeaks,
  inclusionRanges,
  isConsistent,
  leafHash,
  nodeHash,
  rootFromInclusion,
  subtreesOf,
  type LeafRange,
} from '../../src/ledger/merkle.ts';
import { grow, rootOf, type Edge } from '../../src/ledger/merkle-log.ts';
import {
  parseNote,
  parseSigner,
  parseVkey,
  signNote,
  signerOf,
  signerText,
  vkeyText,
  checkNote,
} from '../../src/ledger/note.ts';
import { UnreadableEntry } from '../../src/ledger/statement-entry.ts';
import { bundleOf, entriesOf, parseTilePath, tilePath } from '../../src/ledger/tiles.ts';
import { shared } from '../fixtures.ts';
import { describe, statement } from './samples.ts';

const codes = Object.keys(FAULT_CODES) as FaultCode[];
const instant = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(instantNs);
const exchanges: fc.Arbitrary<Exchange> = fc.record({
  source: fc.string({ minLength: 1, maxLength: 20 }),
  form: fc.constantFrom(...EXCHANGE_FORMS),
  request: fc.uint8Array({ maxLength: 300 }),
  reply: fc.uint8Array({ maxLength: 300 }),
  sentNs: instant,
  firstByteNs: instant,
  lastByteNs: instant,
  fault: fc.option(fc.constantFrom(...codes), { nil: undefined }),
  flags: fc.record({ retained: fc.boolean(), redelivered: fc.boolean(), packetId: fc.nat(65535) }),
});

test('CRC-32C has the check value of its standard, however it is cut', () => {
  const digits = Buffer.from('123456789');
  expect(crc32c(digits)).toBe(0xe3069283);
  // RFC 3720 B.4: 32 bytes of zeros, and of ones.
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, cut) => {
      const at = Math.min(cut, bytes.length);
      expect(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at))).toBe(crc32c(bytes));
    }),
  );
});

test('an exchange comes back as it was, and any cut or garbage is refused without a crash', () => {
  fc.assert(
    fc.property(exchanges, fc.nat(), (one, cut) => {
      const bytes = Buffer.alloc(exchangeBytes(one));
      expect(writeExchange(bytes, 0, 7, one)).toBe(bytes.length);
      expect(describe(readExchange(bytes, one.source))).toBe(describe(one));
      const short = bytes.subarray(0, cut % 35);
      expect(() => readExchange(short, 'x')).toThrow(UnreadableRecord);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const found = readFrame(Buffer.from(bytes), 0, 0);
      expect(isFrame(found)).toBe(false);
      try {
        readExchange(bytes, 'x');
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableRecord);
      }
    }),
  );
});

test('a statement comes back as it was, to the nanosecond and the µJ', () => {
  const statements = fc.record({
    energyUj: fc.option(fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }).map(microjoules), {
      nil: undefined,
    }),
    quality: fc.constantFrom(...QUALITIES),
    durationNs: fc.bigInt({ min: 0n, max: 40n * 86_400_000_000_000n }).map(durationNs),
    coveredNs: fc.bigInt({ min: 0n, max: 86_400_000_000_000n }).map(durationNs),
    because: fc.option(fc.constantFrom(...codes), { nil: undefined }),
    version: fc.nat(),
    dof: fc.oneof(fc.constant(Infinity), fc.double({ min: 1, max: 1e6, noNaN: true })),
    systematic: fc.double({ min: 0, max: 1e9, noNaN: true }),
  });
  fc.assert(
    fc.property(statements, ({ dof, systematic, ...over }) => {
      const uncertainty = { ...statement(0).uncertainty, dof, systematicJ: joules(systematic) };
      const one = statement(1, { ...over, uncertainty });
      const bytes = encodeEntry({ type: 'statement', statement: one });
      expect(decodeEntry(bytes)).toEqual({ type: 'statement', statement: one });
      expect(Buffer.from(encodeEntry(decodeEntry(bytes)))).toEqual(Buffer.from(bytes));
    }),
  );
});

test('an entry is snake_case with units, canonical, and nothing else is read', () => {
  const bytes = encodeEntry({ type: 'statement', statement: statement(0) });
  const text = Buffer.from(bytes).toString('utf8');
  expect(text).toBe(
    '{"anchors":[{"after":{"at":"2026-05-28T20:26:40Z","energy_uj":"123456789012345"},"before":{"at":"2026-05-28T20:26:40Z","energy_uj":"123456789012345"},"edge":"from","energy_uj":"123456789012345","source":"m1"}],"core":"0.1.0+abc","covered_s":893.123456789,"dof":"infinity","duration_s":900,"energy_uj":"123456789012345","flags":["edge-bracket-wide"],"kind":"metered","method":"register","model":"","point":"feed/a7","power_mean_w":431.25,"quality":"actual","start":"2026-05-28T20:26:40Z","supersedes":"","tier":1,"type":"statement","u_edge_j":3,"u_ind_j":0.25,"u_sys_j":12.5,"version":1}',
  );
  const refused = [
    text.replace('"tier":1', '"tier":5'),
    text.replace('"tier":1', '"tier": 1'),
    text.replace('"energy_uj":"123456789012345","flags"', '"energy_uj":123,"flags"'),
    text.replace('"quality":"actual"', '"quality":"sure"'),
    text.replace('"version":1}', '"version":1,"version":1}'),
    '[]',
    'null',
    '{"type":"statement"}',
    `{"at":"2026-05-28T20:26:40Z","document":${'['.repeat(9999)}${']'.repeat(9999)},"type":"clock"}`,
  ];
  for (const wrong of refused)
    expect(() => decodeEntry(Buffer.from(wrong))).toThrow(UnreadableEntry);
});

test('what happened to a model is an entry like the others', () => {
  const entry = {
    type: 'event',
    atNs: instantNs(1_000_000_000n),
    document: { node: 'n1', event: 'level-stepped', shift_w: -157, model: 'a' },
  } as const;
  const bytes = encodeEntry(entry);
  expect(Buffer.from(bytes).toString('utf8')).toBe(
    '{"at":"1970-01-01T00:00:01Z","document":{"event":"level-stepped","model":"a","node":"n1","shift_w":-157},"type":"event"}',
  );
  expect(decodeEntry(bytes)).toEqual(entry);
});

test('documents are plain JSON of at most 65 535 bytes', () => {
  const atNs = instantNs(0n);
  const document = { big: 2n ** 70n, left: undefined, list: [1n, null, 'ü'] };
  const bytes = encodeEntry({ type: 'configuration', atNs, document });
  expect(Buffer.from(bytes).toString('utf8')).toBe(
    '{"at":"1970-01-01T00:00:00Z","document":{"big":"1180591620717411303424","list":["1",null,"ü"]},"type":"configuration"}',
  );
  for (const wrong of [NaN, '\ud800', () => 1, { deep: Symbol('x') }, 'x'.repeat(65_536)]) {
    expect(() => encodeEntry({ type: 'clock', atNs, document: wrong })).toThrow(RangeError);
  }
});

const jcs = shared('fixtures/jcs/testdata');
test.skipIf(jcs === undefined)('canonical JSON agrees with the vectors of RFC 8785', () => {
  const names = readdirSync(join(jcs ?? '', 'input'));
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) {
    const input: unknown = JSON.parse(readFileSync(join(jcs ?? '', 'input', name), 'utf8'));
    expect(Buffer.from(canonicalBytes(input)).toString('utf8')).toBe(
      readFileSync(join(jcs ?? '', 'output', name), 'utf8'),
    );
  }
});

test('tile paths are those of the specification, and only those are read', () => {
  expect(tilePath({ level: 0, index: 1234067, width: 256 })).toBe('tile/0/x001/x234/067');
  expect(tilePath({ level: 'entries', index: 5, width: 12 })).toBe('tile/entries/005.p/12');
  fc.assert(
    fc.property(
      fc.nat(63),
      fc.nat(2 ** 40),
      fc.integer({ min: 1, max: 256 }),
      (level, index, width) => {
        expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width });
      },
    ),
  );
  for (const wrong of [
    'tile/0/5',
    'tile/0/005.p/0',
    'tile/0/005.p/256',
    'tile/00/005',
    'tile/64/005',
    'tile/0/x000/005',
    'tile/0/005.p/07',
    'tile/0/005/',
    'tile/0/x5/005',
  ]) {
    expect(parseTilePath(wrong), wrong).toBeUndefined();
  }
});

test('bundles come back, and lengths that do not add up are refused', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 10 }), (entries) => {
      const bundle = bundleOf(entries);
      expect(entriesOf(bundle)?.map((entry) => [...entry])).toEqual(
        entries.map((entry) => [...entry]),
      );
      if (bundle.length > 0)
        expect(entriesOf(bundle.subarray(0, -1))?.length).not.toBe(entries.length);
    }),
  );
});

/** RFC 6962 §2.1, as it stands there. */
function rootByDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length <= 1) return leaves[0] ?? foldPeaks([]);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(rootByDefinition(leaves.slice(0, split)), rootByDefinition(leaves.slice(split)));
}

const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, at) => leafHash(Buffer.from(String(at))));
const hashOver = (leaves: readonly Uint8Array[], { from, until }: LeafRange) =>
  rootByDefinition(leaves.slice(from, until));

test('running root, inclusion and consistency proofs agree with the definition; wrong ones are refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 90 }), fc.nat(), fc.nat(), (size, leafPick, oldPick) => {
      const leaves = leavesOf(size);
      const tree = new TreeRoot();
      for (const leaf of leaves) tree.push(leaf);
      const root = rootByDefinition(leaves);
      expect([...tree.root()]).toEqual([...root]);

      const leaf = leafPick % size;
      const inclusion = inclusionRanges(leaf, size).map((range) => hashOver(leaves, range));
      expect([...rootFromInclusion(leaves[leaf]!, leaf, size, inclusion)!]).toEqual([...root]);
      if (inclusion.length > 0) {
        expect(rootFromInclusion(leaves[leaf]!, leaf, size, inclusion.slice(1))).toBeUndefined();
        const wrong = rootFromInclusion(leafHash(Buffer.from('other')), leaf, size, inclusion);
        expect([...wrong!]).not.toEqual([...root]);
      }

      const oldSize = oldPick % (size + 1);
      const oldRoot = rootByDefinition(leaves.slice(0, oldSize));
      const proof = consistencyRanges(oldSize, size).map((range) => hashOver(leaves, range));
      expect(isConsistent(oldSize, oldRoot, size, root, proof)).toBe(true);
      expect(isConsistent(oldSize, leafHash(Buffer.from('x')), size, root, proof)).toBe(false);
      if (proof.length > 0) {
        const bent = proof.map((hash, at) =>
          at === oldPick % proof.length ? leafHash(hash) : hash,
        );
        expect(isConsistent(oldSize, oldRoot, size, root, bent)).toBe(false);
      }
      for (const range of inclusionRanges(leaf, size)) {
        const peaks = subtreesOf(range).map(({ level, index }) =>
          hashOver(leaves, { from: index * 2 ** level, until: (index + 1) * 2 ** level }),
        );
        expect([...foldPeaks(peaks)]).toEqual([...hashOver(leaves, range)]);
      }
    }),
    { numRuns: 60 },
  );
});

test('a tree grown in batches has the root of the tree grown at once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 }),
      (batches) => {
        let edge: Edge = { size: 0, levels: [], entries: [] };
        const tree = new TreeRoot();
        for (const count of batches) {
          const entries = Array.from({ length: count }, (_, at) =>
            Buffer.from(String(edge.size + at)),
          );
          for (const entry of entries) tree.push(leafHash(entry));
          edge = grow(edge, entries).edge;
          expect([...rootOf(edge)]).toEqual([...tree.root()]);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('notes: the vector of the specification verifies, and each malformed form is refused', () => {
  const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
  const text =
    'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
  const verifier = parseVkey(vkey);
  expect(vkeyText(verifier)).toBe(vkey);
  expect(checkNote(parseNote(Buffer.from(text)), [verifier])).toBe('signed');
  expect(
    checkNote(parseNote(Buffer.from(text.replace('an example', 'no example'))), [verifier]),
  ).toBe('wrong');
  expect(checkNote(parseNote(Buffer.from(text)), [])).toBe('unknown');
  const malformed = [
    text.slice(0, -1),
    text.replace('\n\n', '\n'),
    text.replace('aQM=', 'aQM'),
    text.replace('aQM=', 'aQN='),
    text.replace('— ', '- '),
    `${text}\n`,
    `${text}x\n`,
    text.replace('This', 'Th\ris'),
    `\ufeff${text}`,
  ];
  for (const wrong of malformed)
    expect(() => parseNote(Buffer.from(wrong)), JSON.stringify(wrong)).toThrow();
  expect(() => parseNote(Buffer.from([0xff, 10, 10]))).toThrow();
  expect(() => parseVkey(vkey.replace('530d903a', '530d903b'))).toThrow();
  const signer = signerOf('example.com/log', Buffer.alloc(32, 5));
  expect(parseSigner(signerText(signer))).toEqual(signer);
  expect(checkNote(parseNote(signNote('a\n', signer)), [parseVkey(vkeyText(signer))])).toBe(
    'signed',
  );
});
