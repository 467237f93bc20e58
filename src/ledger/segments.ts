// The journal's segment files as one run of frames: which files there are, and reading them in pieces. A segment is
// named for the position of its first byte, so a missing or shortened one shows by name alone.
import { isFrame, readFrame, wrongHead, type Frame } from './frame.ts';
import type { FilePort } from './file-port.ts';

export interface Segment {
  readonly path: string;
  /** Position of its first byte. */
  readonly base: number;
  readonly sizeBytes: number;
}

/** Where reading stopped because no frame begins there. */
export interface BadFrame {
  readonly segment: Segment;
  readonly position: number;
  readonly short: boolean;
  readonly because: string;
}

const PIECE_BYTES = 1024 * 1024;
const SEGMENT_NAME = /^(\d{20})\.seg$/;

export const segmentName = (base: number): string => `${String(base).padStart(20, '0')}.seg`;

/** The segments in a journal's folder, by position; files of other names are in `strays`. */
export async function listSegments(
  files: FilePort,
  folder: string,
): Promise<{ segments: Segment[]; strays: string[] }> {
  const segments: Segment[] = [];
  const strays: string[] = [];
  for (const name of await files.list(folder)) {
    const base = Number(SEGMENT_NAME.exec(name)?.[1] ?? NaN);
    const file = Number.isSafeInteger(base) ? await files.openRead(`${folder}/${name}`) : undefined;
    if (file === undefined) {
      strays.push(name);
      continue;
    }
    segments.push({ path: `${folder}/${name}`, base, sizeBytes: await file.sizeBytes() });
    await file.close();
  }
  return { segments, strays };
}

/**
 * The frames of one segment, in batches, from its head to `until` (a position; the end of the file unless given).
 * Returns the first place where no frame begins, or undefined when all is read.
 */
export async function* framesOf(
  files: FilePort,
  segment: Segment,
  until: number = segment.base + segment.sizeBytes,
): AsyncGenerator<readonly Frame[], BadFrame | undefined> {
  const bad = (position: number, short: boolean, because: string): BadFrame => ({
    segment,
    position,
    short,
    because,
  });
  const file = await files.openRead(segment.path);
  if (file === undefined) return bad(segment.base, false, 'the segment is not there');
  try {
    let rest: Buffer = Buffer.alloc(0);
    let base = segment.base;
    let readBytes = 0;
    const lengthBytes = until - segment.base;
    let wantedBytes = PIECE_BYTES;
    while (readBytes < lengthBytes || rest.length > 0) {
      const piece = await file.read(readBytes, Math.min(wantedBytes, lengthBytes - readBytes));
      readBytes += piece.length;
      const atEnd = piece.length === 0 || readBytes === lengthBytes;
      const bytes = rest.length === 0 ? asBuffer(piece) : Buffer.concat([rest, piece]);
      const frames: Frame[] = [];
      let at = 0;
      let trouble: BadFrame | undefined;
      while (at < bytes.length) {
        const found = readFrame(bytes, at, base);
        if (!isFrame(found)) {
          if (!found.short || atEnd) trouble = bad(base + at, found.short, found.because);
          break;
        }
        const wrong = found.position === segment.base ? wrongHead(found, segment.base) : undefined;
        if (wrong !== undefined) {
          trouble = bad(base, false, wrong);
          break;
        }
        frames.push(found);
        at += found.lengthBytes;
      }
      if (frames.length > 0) yield frames;
      if (trouble) return trouble;
      rest = bytes.subarray(at);
      base += at;
      // A record longer than a piece: read on in doubling steps until it is whole.
      wantedBytes = at === 0 ? wantedBytes * 2 : PIECE_BYTES;
      if (atEnd && rest.length === 0) break;
    }
    if (readBytes === 0) {
      return bad(segment.base, true, 'the segment is empty');
    }
    return undefined;
  } finally {
    await file.close();
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The bytes of a segment from a position on. */
export async function bytesFrom(
  files: FilePort,
  segment: Segment,
  position: number,
): Promise<Buffer> {
  const file = await files.openRead(segment.path);
  if (file === undefined) return Buffer.alloc(0);
  try {
    const offsetBytes = position - segment.base;
    return asBuffer(await file.read(offsetBytes, segment.sizeBytes - offsetBytes));
  } finally {
    await file.close();
  }
}
