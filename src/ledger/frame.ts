// The journal's frames: how a record lies in a segment, byte by byte (docs/ledger-format.md shows the same for readers
// who write their own). All integers are little-endian.
import { crc32c } from './crc32c.ts';

//   0  u32  length of the body
//   4  u8   type of the record
//   5  u32  CRC-32C over bytes 0 to 4 and the body
//   9  ...  body

export const FRAME_HEAD_BYTES = 9;
/** Longer bodies are refused: no instrument sends them, and a length beyond it is surely damage. */
export const BODY_MAX_BYTES = 16 * 1024 * 1024;

/** Types of records. A segment begins with a head; a source is named before its first exchange in a segment. */
export const FRAME_TYPES = { head: 1, source: 2, exchange: 3, event: 4, synced: 5 } as const;
export type FrameType = (typeof FRAME_TYPES)[keyof typeof FRAME_TYPES];

/** A frame where it lies; its views are made only when they are asked for, since a scan needs few of them. */
export class Frame {
  readonly type: FrameType;
  /** Offset in the journal of the frame's first byte. */
  readonly position: number;
  readonly #segment: Buffer;
  readonly #at: number;
  readonly #end: number;

  constructor(segment: Buffer, at: number, end: number, type: FrameType, base: number) {
    this.type = type;
    this.position = base + at;
    this.#segment = segment;
    this.#at = at;
    this.#end = end;
  }

  get lengthBytes(): number {
    return this.#end - this.#at;
  }

  /** The whole frame as it lies in the segment. */
  get bytes(): Buffer {
    return this.#segment.subarray(this.#at, this.#end);
  }

  get body(): Buffer {
    return this.#segment.subarray(this.#at + FRAME_HEAD_BYTES, this.#end);
  }

  /** The u16 with which bodies of sources and exchanges begin; undefined where the body is shorter than `neededBytes`. */
  sourceIndex(neededBytes: number): number | undefined {
    const body = this.#at + FRAME_HEAD_BYTES;
    return body + neededBytes > this.#end ? undefined : this.#segment.readUInt16LE(body);
  }
}

/** Why bytes are no frame. `short`: they end before the frame does, as after a torn write. */
export interface NoFrame {
  readonly short: boolean;
  readonly because: string;
}

const isFrameType = (byte: number | undefined): byte is FrameType =>
  byte !== undefined && byte >= 1 && byte <= 5;

/** Seals a frame whose body of `lengthBytes` is already in place behind the 9 bytes at `at`. */
export function sealFrame(into: Buffer, at: number, type: FrameType, lengthBytes: number): void {
  into.writeUInt32LE(lengthBytes, at);
  into[at + 4] = type;
  const body = at + FRAME_HEAD_BYTES;
  into.writeUInt32LE(crc32c(into, body, body + lengthBytes, crc32c(into, at, at + 5)), at + 5);
}

/** Reads the frame at an offset of `bytes`, which lie at `base` in the journal. Never throws. */
export function readFrame(bytes: Buffer, at: number, base: number): Frame | NoFrame {
  if (at + FRAME_HEAD_BYTES > bytes.length) {
    return { short: true, because: 'the segment ends inside a record head' };
  }
  const lengthBytes = bytes.readUInt32LE(at);
  const type = bytes[at + 4];
  if (lengthBytes > BODY_MAX_BYTES || !isFrameType(type)) {
    return { short: false, because: 'no record begins here: its length or type is impossible' };
  }
  const body = at + FRAME_HEAD_BYTES;
  const end = body + lengthBytes;
  if (end > bytes.length) return { short: true, because: 'the segment ends inside a record' };
  if (crc32c(bytes, body, end, crc32c(bytes, at, at + 5)) !== bytes.readUInt32LE(at + 5)) {
    return { short: false, because: 'the record does not match its check sum' };
  }
  return new Frame(bytes, at, end, type, base);
}

export const isFrame = (found: Frame | NoFrame): found is Frame => found instanceof Frame;

const HEAD_MAGIC = Buffer.from('trueup-journal\n', 'latin1');
const FORMAT_VERSION = 1;
/** Body of a segment's head: 15 bytes of magic, u8 format version, u64 position of the segment. */
const SEGMENT_HEAD_BYTES = 24;

/** Space that the head of a segment takes. */
export const SEGMENT_START_BYTES = FRAME_HEAD_BYTES + SEGMENT_HEAD_BYTES;
/** Space that a `synced` frame takes. */
export const SYNCED_FRAME_BYTES = FRAME_HEAD_BYTES + 8;

/** Writes the head of a segment; returns the offset behind it. */
export function writeSegmentHead(into: Buffer, at: number, base: number): number {
  HEAD_MAGIC.copy(into, at + FRAME_HEAD_BYTES);
  into[at + FRAME_HEAD_BYTES + 15] = FORMAT_VERSION;
  into.writeBigUInt64LE(BigInt(base), at + FRAME_HEAD_BYTES + 16);
  sealFrame(into, at, FRAME_TYPES.head, SEGMENT_HEAD_BYTES);
  return at + SEGMENT_START_BYTES;
}

/** Why this frame is not the head of the segment at `base`, or undefined where it is. */
export function wrongHead(frame: Frame, base: number): string | undefined {
  const { body } = frame;
  if (frame.type !== FRAME_TYPES.head || body.length !== SEGMENT_HEAD_BYTES) {
    return 'the segment does not begin with a head';
  }
  if (!HEAD_MAGIC.equals(body.subarray(0, 15))) return 'the head of the segment is not ours';
  if (body[15] !== FORMAT_VERSION) {
    return `the segment is of format ${String(body[15])}, this program reads ${String(FORMAT_VERSION)}`;
  }
  if (body.readBigUInt64LE(16) !== BigInt(base)) {
    return 'the head of the segment names another position than the file';
  }
  return undefined;
}

/**
 * Writes the mark that opens a batch: everything before it was durable when it was written, so damage before a mark
 * is damage to acknowledged records, and damage behind the last one can be a torn write. Returns the offset behind it.
 */
export function writeSynced(into: Buffer, at: number, position: number): number {
  into.writeBigUInt64LE(BigInt(position), at + FRAME_HEAD_BYTES);
  sealFrame(into, at, FRAME_TYPES.synced, 8);
  return at + SYNCED_FRAME_BYTES;
}

const SYNCED_START = Buffer.from([8, 0, 0, 0, FRAME_TYPES.synced]);

/** Whether a valid mark lies in the bytes at or after an offset: then what is before it had been durable. */
export function hasSyncedAfter(bytes: Buffer, from: number, base: number): boolean {
  for (let at = from; ; at++) {
    at = bytes.indexOf(SYNCED_START, at);
    if (at < 0) return false;
    const found = readFrame(bytes, at, base);
    if (isFrame(found) && found.body.readBigUInt64LE(0) === BigInt(base + at)) {
      return true;
    }
  }
}
