// Cuts telegrams of lines out of a stream: `/` opens the first line, `!` the last, which ends with CR LF. DSMR P1 from
// version 4 on prints a CRC behind the `!`; version 2 and 3, and IEC 62056-21 mode D, have none, so that only the parity of
// a 7E1 line and the form of each number stand between noise and a reading.
import { FrameBuffer } from './frame-buffer.ts';
import { crcArc, parityHolds } from './frame-checks.ts';
import type { Framed, Framer } from './framer.ts';

const SLASH = 0x2f;
const MARK = 0x21;
const LINE_FEED = 0x0a;
/** A P1 telegram may carry a message of 1024 characters in hex, four sub-meters and a load profile. */
const TELEGRAM_BYTES_MAX = 16_384;
/** `!`, four digits, CR LF, and room for a blank. */
const LAST_LINE_BYTES_MAX = 9;

export class TelegramFramer implements Framer {
  readonly #buffer = new FrameBuffer(TELEGRAM_BYTES_MAX);
  readonly #hasCrc: boolean;
  /** Where the last line begins; undefined until it has. */
  #markAt: number | undefined;

  constructor(hasCrc: boolean) {
    this.#hasCrc = hasCrc;
  }

  get pendingCount(): number {
    return this.#buffer.count;
  }

  take(byte: number): Framed | undefined {
    const character = this.#character(byte);
    const startsLine = this.#character(this.#buffer.back(1)) === LINE_FEED;
    if (this.#buffer.count === 0) {
      if (character === SLASH) this.#buffer.push(byte);
      return undefined;
    }
    if (this.#buffer.isFull) return this.#end('transport.oversize');
    this.#buffer.push(byte);
    if (startsLine && character === SLASH) {
      // No line but the first begins so: the telegram before was cut short.
      this.#markAt = undefined;
      return this.#buffer.takeOut('transport.frame', 1);
    }
    if (startsLine && character === MARK) this.#markAt ??= this.#buffer.count - 1;
    if (this.#markAt === undefined) return undefined;
    if (character === LINE_FEED) return this.#end(this.#judge(this.#markAt));
    return this.#buffer.count - this.#markAt >= LAST_LINE_BYTES_MAX
      ? this.#end('transport.frame')
      : undefined;
  }

  cut(): Framed | undefined {
    return this.#buffer.count === 0 ? undefined : this.#end('transport.frame');
  }

  /** With a CRC all eight bits count; without one the eighth may be the parity. */
  #character(byte: number): number {
    return this.#hasCrc ? byte : byte & 0x7f;
  }

  #judge(markAt: number): Framed['fault'] {
    const bytes = this.#buffer.view();
    const last = Array.from(bytes.subarray(markAt + 1), (byte) =>
      String.fromCharCode(this.#character(byte)),
    ).join('');
    if (!this.#hasCrc) {
      if (!/^\r?\n$/.test(last)) return 'transport.frame';
      return parityHolds(bytes) ? undefined : 'transport.crc';
    }
    // Some meters print no leading zeros.
    const printed = /^([0-9A-Fa-f]{1,4}) ?\r?\n$/.exec(last)?.[1];
    if (printed === undefined) return 'transport.frame';
    const crc = crcArc(bytes, 0, markAt + 1);
    return Number.parseInt(printed, 16) === crc ? undefined : 'transport.crc';
  }

  #end(fault: Framed['fault']): Framed {
    this.#markAt = undefined;
    return this.#buffer.takeOut(fault);
  }
}
