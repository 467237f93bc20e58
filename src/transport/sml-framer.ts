// Cuts SML files out of a stream (SML 1.04 §8, transport version 1). A file stands between escape sequences, four times
// 1B: `1B1B1B1B 01010101` begins it, `1B1B1B1B 1A nn cc cc` ends it with the number of fill bytes and a CRC, and a
// 1B1B1B1B inside is doubled. So a begin is never data, and a broken file costs no whole one behind it.
import { FrameBuffer } from './frame-buffer.ts';
import { crcX25 } from './frame-checks.ts';
import type { Framed, Framer } from './framer.ts';

const ESCAPE = 0x1b;
const BEGIN = 0x01;
const END = 0x1a;
const MARK_BYTES = 8;
/** The standard says three; some meters that need none send four. */
const FILL_BYTES_MAX = 4;
/** A meter's file has 200 to 700 bytes; a public key and a signature for each of 40 values do not reach this. */
const FILE_BYTES_MAX = 16_384;

export class SmlFramer implements Framer {
  readonly #buffer = new FrameBuffer(FILE_BYTES_MAX);
  /** Whether the begin is complete: before it, what is held is only a part of one. */
  #isInside = false;
  /** Escape bytes in a row at the end of what is held, since the last sequence. */
  #runCount = 0;
  /** Bytes behind an escape sequence that begins or ends: 0 where none is under way. */
  #markCount = 0;

  get pendingCount(): number {
    return this.#buffer.count;
  }

  take(byte: number): Framed | undefined {
    return this.#isInside ? this.#inside(byte) : this.#outside(byte);
  }

  cut(): Framed | undefined {
    if (this.#isInside) return this.#end('transport.frame');
    this.#forget();
    return undefined;
  }

  #outside(byte: number): Framed | undefined {
    const held = this.#buffer.count;
    if (held >= 4 && byte === BEGIN) {
      this.#buffer.push(byte);
      if (this.#buffer.count === MARK_BYTES) this.#isInside = true;
      return undefined;
    }
    // A fifth 1B moves the sequence on by one byte; one behind an 01 begins anew.
    if (byte === ESCAPE && held === 4) return undefined;
    if (byte !== ESCAPE || held > 4) this.#forget();
    if (byte === ESCAPE) this.#buffer.push(byte);
    return undefined;
  }

  #inside(byte: number): Framed | undefined {
    if (this.#buffer.isFull) {
      const oversize = this.#end('transport.oversize');
      this.#outside(byte);
      return oversize;
    }
    this.#buffer.push(byte);
    if (this.#markCount > 0) return this.#mark();
    if (byte === ESCAPE) {
      // Twice four: a literal, which stays doubled here.
      this.#runCount = (this.#runCount + 1) % MARK_BYTES;
      return undefined;
    }
    const escaped = this.#runCount >= 4;
    this.#runCount = 0;
    if (!escaped) return undefined;
    this.#markCount = 1;
    return this.#mark();
  }

  /** The four bytes behind an escape sequence, of which `markCount` have come. */
  #mark(): Framed | undefined {
    const first = this.#buffer.back(this.#markCount);
    const last = this.#buffer.back(1);
    const fits =
      first === BEGIN
        ? last === BEGIN
        : first === END && (this.#markCount !== 2 || last <= FILL_BYTES_MAX);
    if (!fits) return this.#endAtMark('transport.frame');
    if (this.#markCount < 4) {
      this.#markCount += 1;
      return undefined;
    }
    if (first === END)
      return this.#checks() ? this.#end(undefined) : this.#endAtMark('transport.crc');
    this.#markCount = 0;
    // A begin inside of a file: the file before it was cut short, this one has begun.
    return this.#buffer.takeOut('transport.frame', MARK_BYTES);
  }

  #checks(): boolean {
    const bytes = this.#buffer.view();
    const crc = crcX25(bytes, 0, bytes.length - 2);
    return bytes.at(-2) === (crc & 0xff) && bytes.at(-1) === crc >> 8;
  }

  /** Ends a broken file; what was taken for its end may belong to the begin of the next. */
  #endAtMark(fault: Framed['fault']): Framed {
    const mark = Uint8Array.from(this.#buffer.view().subarray(-this.#markCount));
    const framed = this.#end(fault);
    for (const byte of mark) this.#outside(byte);
    return framed;
  }

  #end(fault: Framed['fault']): Framed {
    const framed = this.#buffer.takeOut(fault);
    this.#forget();
    return framed;
  }

  #forget(): void {
    this.#buffer.clear();
    this.#isInside = false;
    this.#runCount = 0;
    this.#markCount = 0;
  }
}
