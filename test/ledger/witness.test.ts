// A witness after C2SP tlog-witness: what it cosigns, what it refuses with which status, and that it never forgets.
import { describe, expect, test } from 'vitest';
import { signCheckpoint } from '../../src/ledger/checkpoint.ts';
import { cosignaturesOf } from '../../src/ledger/cosignature.ts';
import { consistencyRanges, emptyRoot, leafHash, TreeRoot } from '../../src/ledger/merkle.ts';
import { parseNote, signerOf, vkeyText, parseVkey } from '../../src/ledger/note.ts';
import { meetsQuorum, parsePolicy } from '../../src/ledger/policy.ts';
import { Witness } from '../../src/ledger/witness.ts';
import { FakeDisk } from './fake-disk.ts';

const log = signerOf('trueup.invalid/test', Buffer.alloc(32, 1));
const other = signerOf('trueup.invalid/other', Buffer.alloc(32, 2));
const key = signerOf('witness.example/w1', Buffer.alloc(32, 3), 'witness');

const leavesOf = (count: number, salt = '') =>
  Array.from({ length: count }, (_, at) => leafHash(Buffer.from(`${salt}${String(at)}`)));
function rootOf(leaves: readonly Uint8Array[], from = 0, until = leaves.length): Uint8Array {
  const tree = new TreeRoot();
  for (const leaf of leaves.slice(from, until)) tree.push(leaf);
  return tree.root();
}
const proofOf = (leaves: readonly Uint8Array[], oldSize: number) =>
  consistencyRanges(oldSize, leaves.length).map(({ from, until }) => rootOf(leaves, from, until));

function requestOf(
  leaves: readonly Uint8Array[],
  oldSize: number,
  signer = log,
  origin = log.name,
) {
  const note = signCheckpoint({ origin, size: leaves.length, root: rootOf(leaves) }, signer);
  const hashes = proofOf(leaves, Math.min(oldSize, leaves.length)).map(
    (hash) => `${Buffer.from(hash).toString('base64')}\n`,
  );
  return {
    note,
    body: Buffer.from(
      `old ${String(oldSize)}\n${hashes.join('')}\n${Buffer.from(note).toString('utf8')}`,
    ),
  };
}

const start = (disk: FakeDisk) => new Witness(disk, '/w', key, [log], () => 1_800_000_000n);

describe('a witness', () => {
  test('cosigns what extends, step by step, with a signature that verifies', async () => {
    const witness = start(new FakeDisk());
    for (const [oldSize, size] of [
      [0, 3],
      [3, 3],
      [3, 8],
      [8, 300],
    ] as const) {
      const { note, body } = requestOf(leavesOf(size), oldSize);
      const answer = await witness.addCheckpoint(body);
      expect(answer.statusCode).toBe(200);
      const cosigned = parseNote(Buffer.concat([note, Buffer.from(answer.body)]));
      const [one] = cosignaturesOf(cosigned, [parseVkey(vkeyText(key, 'witness'), 'witness')]);
      expect(one?.atS).toBe(1_800_000_000n);
    }
  });

  test('tells the size it has seen, and still knows it after a restart', async () => {
    const disk = new FakeDisk();
    await start(disk).addCheckpoint(requestOf(leavesOf(8), 0).body);
    const answer = await start(disk).addCheckpoint(requestOf(leavesOf(9), 0).body);
    expect(answer).toEqual({ statusCode: 409, contentType: 'text/x.tlog.size', body: '8\n' });
  });

  test('cosigns no log that was taken back', async () => {
    const witness = start(new FakeDisk());
    await witness.addCheckpoint(requestOf(leavesOf(8), 0).body);
    expect(await witness.addCheckpoint(requestOf(leavesOf(5), 5).body)).toMatchObject({
      statusCode: 409,
    });
    expect(await witness.addCheckpoint(requestOf(leavesOf(5), 8).body)).toMatchObject({
      statusCode: 400,
    });
  });

  test('cosigns no second history, of the same size or longer', async () => {
    const witness = start(new FakeDisk());
    await witness.addCheckpoint(requestOf(leavesOf(8), 0).body);
    for (const size of [8, 12]) {
      expect(await witness.addCheckpoint(requestOf(leavesOf(size, 'x'), 8).body)).toMatchObject({
        statusCode: 422,
      });
    }
    expect((await witness.addCheckpoint(requestOf(leavesOf(12), 8).body)).statusCode).toBe(200);
  });

  test('of two that ask at once about different histories one is refused', async () => {
    const witness = start(new FakeDisk());
    const answers = await Promise.all([
      witness.addCheckpoint(requestOf(leavesOf(4), 0).body),
      witness.addCheckpoint(requestOf(leavesOf(4, 'x'), 0).body),
    ]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 409]);
  });

  test('does not answer when it cannot store, and does not believe a state that is not its own', async () => {
    const disk = new FakeDisk();
    disk.fault = { atCall: 1, form: 'before', crash: false };
    await expect(start(disk).addCheckpoint(requestOf(leavesOf(4), 0).body)).rejects.toThrow('EIO');
    const again = new FakeDisk();
    await start(again).addCheckpoint(requestOf(leavesOf(4), 0).body);
    const [path = ''] = again.names.keys();
    again.names.set(path, { bytes: Buffer.from('{}'), durableBytes: 2 });
    await expect(start(again).addCheckpoint(requestOf(leavesOf(9), 4).body)).rejects.toThrow(
      'not what this witness wrote',
    );
  });

  const { body } = requestOf(leavesOf(3), 0);
  const edited = (from: string | RegExp, to: string) =>
    Buffer.from(body.toString('utf8').replace(from, to));
  test.each<[string, number, Buffer]>([
    ['a log it does not know', 404, requestOf(leavesOf(3), 0, other, other.name).body],
    [
      'a key it does not know',
      403,
      requestOf(leavesOf(3), 0, signerOf(log.name, Buffer.alloc(32, 9))).body,
    ],
    ['a signature that is wrong', 403, edited('\n3\n', '\n4\n')],
    ['no old size', 400, edited('old 0\n', '')],
    ['an old size with a leading zero', 400, edited('old 0', 'old 00')],
    ['a proof where none belongs', 422, edited('old 0\n', `old 0\n${'A'.repeat(43)}=\n`)],
    ['a hash that is not base64', 400, edited('old 0\n', 'old 0\n?\n')],
    ['64 hashes', 400, edited('old 0\n', `old 0\n${`${'A'.repeat(43)}=\n`.repeat(64)}`)],
    ['nothing', 400, Buffer.alloc(0)],
    ['bytes that are not UTF-8', 400, Buffer.from([0xff, 0x0a, 0x0a])],
    [
      'an empty tree with another root',
      422,
      Buffer.from(
        `old 0\n\n${Buffer.from(signCheckpoint({ origin: log.name, size: 0, root: leafHash(Buffer.alloc(1)) }, log)).toString('utf8')}`,
      ),
    ],
  ])('%s is %s', async (_name, statusCode, request) => {
    expect(emptyRoot()).toHaveLength(32);
    expect(await start(new FakeDisk()).addCheckpoint(request)).toMatchObject({ statusCode });
  });
});

describe('a quorum', () => {
  const vkey = (name: string, seed: number) =>
    vkeyText(signerOf(name, Buffer.alloc(32, seed), 'witness'), 'witness');
  const text = [
    `log ${vkeyText(log)}`,
    `witness X1 ${vkey('x1', 11)} https://x1.example/`,
    `witness X2 ${vkey('x2', 12)}`,
    `witness X3 ${vkey('x3', 13)}`,
    `witness Y1 ${vkey('y1', 14)}`,
    'group X 2 X1 X2 X3',
    'group both all X Y1',
    'quorum both',
  ].join('\n');

  test.each<[string[], boolean]>([
    [[], false],
    [['X1', 'X2'], false],
    [['X1', 'Y1'], false],
    [['X1', 'X3', 'Y1'], true],
    [['X1', 'X2', 'X3'], false],
  ])('of two levels with %j is %s', (cosigned, isMet) => {
    expect(meetsQuorum(parsePolicy(text, 'policy'), new Set(cosigned))).toBe(isMet);
  });

  test('keys of a kind that we cannot check are read, and never count', () => {
    const raw = Buffer.concat([Buffer.from([6]), Buffer.alloc(1312)]).toString('base64');
    const policy = parsePolicy(`log ${vkeyText(log)}\nwitness Q q+00000000+${raw}\nquorum Q`, 'p');
    expect(policy.witnesses[0]?.verifier).toBeUndefined();
    expect(policy.witnesses[0]?.url).toBe('');
  });
});
