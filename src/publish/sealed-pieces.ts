// Pieces of lines in a file, each with a mark behind it: a comment that names the newest leaf and the check sum of the
// piece. The newest mark whose piece is whole says how far the file is good; what lies behind it was torn by a crash.
import { createReadStream } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import type { StoredEntry } from '../ledger/ledger.ts';
import type { NewestHeld } from './sink.ts';

const PIECE_SIZE_MAX_BYTES = 4_000_000;
/** Holds the longest piece, the torn one behind it and some room. */
const TAIL_SIZE_BYTES = 3 * PIECE_SIZE_MAX_BYTES;
const MARK = /^# trueup leaf=(-?\d+) sha256=([0-9a-f]*) bytes=(\d+) crc32=([0-9a-f]{8})$/;

/** A piece of whole lines and its mark. `held` undefined: nothing is held yet (the header). */
export function sealPiece(lines: readonly string[], held: NewestHeld | undefined): Buffer {
  const piece = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const sum = crc32(piece).toString(16).padStart(8, '0');
  const mark =
    `# trueup leaf=${held?.leaf ?? -1} sha256=${held?.sha256 ?? ''}` +
    ` bytes=${piece.length} crc32=${sum}\n`;
  return Buffer.concat([piece, Buffer.from(mark)]);
}

export interface Tail {
  readonly goodBytes: number;
  readonly held: NewestHeld | undefined;
}

/** Finds the newest mark whose piece is whole; undefined where there is none. */
export async function readTail(path: string): Promise<Tail | undefined> {
  const handle = await openFile(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_SIZE_BYTES);
    const tail = Buffer.alloc(size - from);
    await handle.read(tail, 0, tail.length, from);
    for (let end = tail.length; end > 0;) {
      const lineEnd = tail.lastIndexOf(0x0a, end - 1);
      if (lineEnd === -1) return undefined;
      const lineStart = lineEnd === 0 ? 0 : tail.lastIndexOf(0x0a, lineEnd - 1) + 1;
      const mark = MARK.exec(tail.toString('utf8', lineStart, lineEnd));
      const pieceStart = lineStart - Number(mark?.[3]);
      if (mark && pieceStart >= 0) {
        const sum = crc32(tail.subarray(pieceStart, lineStart)).toString(16).padStart(8, '0');
        const leaf = Number(mark[1]);
        const held = leaf < 0 ? undefined : { leaf, sha256: mark[2] ?? '' };
        if (sum === mark[4]) return { goodBytes: from + lineEnd + 1, held };
      }
      end = lineStart;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

/** The lines of the first `sizeBytes` bytes of the file. */
export async function* linesOf(path: string, sizeBytes: number): AsyncIterable<string> {
  const input = createReadStream(path, { end: sizeBytes - 1 });
  for await (const line of createInterface({ input, crlfDelay: Infinity })) yield line;
}

/** The same file without the lines that `drop` names; every mark stays behind its lines, with a new check sum. */
export async function* withoutLines(
  path: string,
  sizeBytes: number,
  drop: (line: string) => boolean,
): AsyncIterable<Uint8Array> {
  let lines: string[] = [];
  for await (const line of linesOf(path, sizeBytes)) {
    const mark = MARK.exec(line);
    if (mark) {
      const leaf = Number(mark[1]);
      yield sealPiece(lines, leaf < 0 ? undefined : { leaf, sha256: mark[2] });
      lines = [];
    } else if (!drop(line)) lines.push(line);
  }
}

export interface Piece {
  readonly bytes: Buffer;
  readonly held: NewestHeld | undefined;
}

/** Cuts lines into pieces of at most 4 MB; all but the last piece are marked with what was held before. */
export function* pieces(
  rows: readonly { readonly leaf: number; readonly lines: readonly string[] }[],
  entries: ReadonlyMap<number, StoredEntry>,
  before: NewestHeld | undefined,
  after: NewestHeld | undefined,
): Iterable<Piece> {
  let lines: string[] = [];
  let sizeBytes = 0;
  let held = before;
  for (const row of rows) {
    const rowBytes = row.lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    if (sizeBytes + rowBytes > PIECE_SIZE_MAX_BYTES && lines.length > 0) {
      yield { bytes: sealPiece(lines, held), held };
      lines = [];
      sizeBytes = 0;
    }
    lines.push(...row.lines);
    sizeBytes += rowBytes;
    if (row.leaf > (held?.leaf ?? -1))
      held = { leaf: row.leaf, sha256: entries.get(row.leaf)?.sha256 };
  }
  yield { bytes: sealPiece(lines, after), held: after };
}
