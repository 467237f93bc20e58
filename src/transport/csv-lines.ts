// Lines of a text file of any size in flat memory, plain or gzip (told by its magic bytes, not by its name). A file that was
// cut short gives all the lines it has and then says so; a line without end is cut and marked, never buffered whole.
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip } from 'node:zlib';
import { SiteFault } from '../quantity/fault.ts';

/** Longer lines are no readings: they are cut to `CUT_BYTES` and named in `LineBatch.oversize`. */
export const LINE_BYTES_MAX = 65_536;
const CUT_BYTES = 4_096;
const CHUNK_BYTES = 262_144;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const TRAILER_BYTES = 8;

export interface LineBatch {
  /** Number of the first of `lines` in the file, from 1. */
  readonly firstLine: number;
  /** Without line ends. */
  readonly lines: readonly string[];
  /** Indices in `lines` of those that were cut. */
  readonly oversize: ReadonlySet<number>;
  /**
   * Set in the last batch where the file ends early or is damaged: what is wrong with it, for people. Then `lines` holds
   * only the piece of a line it broke off in, if any: a number cut short still looks like one and must not be read.
   */
  readonly damage: string | undefined;
}

/**
 * Streams the lines of a file; a batch is some thousand lines.
 * @param encoding latin1 keeps the bytes as they are: `Buffer.from(line, 'latin1')` gives them back.
 * Throws SiteFault where the file cannot be opened.
 */
export async function* readLines(
  path: string,
  encoding: 'utf8' | 'latin1',
): AsyncGenerator<LineBatch, void, undefined> {
  let firstLine = 1;
  let rest: Buffer = Buffer.alloc(0);
  /** Inside of a line that was cut already: everything up to the next line end is dropped. */
  let isDropping = false;
  let damage: string | undefined;
  const batchOf = (text: Buffer, isEnd: boolean): LineBatch => {
    const lines = text.toString(encoding).split('\n');
    const oversize = new Set<number>();
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? '';
      if (line.length > LINE_BYTES_MAX) {
        oversize.add(index);
        lines[index] = line.slice(0, CUT_BYTES);
      } else if (line.charCodeAt(line.length - 1) === CARRIAGE_RETURN) {
        lines[index] = line.slice(0, -1);
      }
    }
    // The file of an operator who stopped a writer ends without a line end; one that has it has no further line.
    if (isEnd && lines.at(-1) === '') lines.pop();
    const batch = { firstLine, lines, oversize, damage: isEnd ? damage : undefined };
    firstLine += lines.length;
    return batch;
  };
  const source = bytesOf(path, (what) => {
    damage = what;
  });
  for await (const bytes of source) {
    let chunk = bytes;
    if (isDropping) {
      const end = chunk.indexOf(NEWLINE);
      if (end < 0) continue;
      chunk = chunk.subarray(end + 1);
      isDropping = false;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last >= 0) {
      yield batchOf(Buffer.concat([rest, chunk.subarray(0, last)]), false);
      rest = Buffer.from(chunk.subarray(last + 1));
    } else {
      rest = Buffer.concat([rest, chunk]);
    }
    if (rest.length > LINE_BYTES_MAX) {
      yield batchOf(rest, false);
      rest = Buffer.alloc(0);
      isDropping = true;
    }
  }
  yield batchOf(rest, true);
}

async function* bytesOf(
  path: string,
  damaged: (what: string) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const { isGzip, lengthMod } = await probe(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  // Without the sync flush a cut-off file would raise an error in place of its last lines.
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
  const copying = isGzip ? pipeline(file, gunzip).catch(() => undefined) : undefined;
  let sizeBytes = 0;
  try {
    for await (const chunk of isGzip ? gunzip : file) {
      if (!Buffer.isBuffer(chunk)) continue;
      sizeBytes += chunk.length;
      yield chunk;
    }
    // RFC 1952 §2.3.1: the last four bytes are the length modulo 2^32, of the last member where there are several.
    if (isGzip && sizeBytes % 2 ** 32 !== lengthMod && !(await inflatesWhole(path)))
      damaged('the gzip stream ends early');
  } catch (error) {
    damaged(error instanceof Error ? error.message : String(error));
  } finally {
    file.destroy();
    gunzip.destroy();
    await copying;
  }
}

async function probe(
  path: string,
): Promise<{ readonly isGzip: boolean; readonly lengthMod: number }> {
  try {
    const file = await open(path, 'r');
    try {
      const magic = Buffer.alloc(2);
      const { bytesRead } = await file.read(magic, 0, 2, 0);
      const isGzip = bytesRead === 2 && magic[0] === 0x1f && magic[1] === 0x8b;
      const { size } = await file.stat();
      const trailer = Buffer.alloc(TRAILER_BYTES);
      if (isGzip && size >= TRAILER_BYTES)
        await file.read(trailer, 0, TRAILER_BYTES, size - TRAILER_BYTES);
      return { isGzip, lengthMod: trailer.readUInt32LE(4) };
    } finally {
      await file.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SiteFault(
      {
        where: path,
        what: `the file cannot be read (${why})`,
        remedy: 'name a readable file of neutral readings, plain or gzip',
      },
      { cause },
    );
  }
}

/** Whether every gzip member of the file is complete, by unpacking it once more. */
async function inflatesWhole(path: string): Promise<boolean> {
  try {
    const nowhere = new Writable({
      write(_chunk, _encoding, done) {
        done();
      },
    });
    await pipeline(createReadStream(path), createGunzip(), nowhere);
    return true;
  } catch {
    return false;
  }
}
