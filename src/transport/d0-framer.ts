// Cuts readouts with a block check out of a stream (IEC 62056-21 §6.3): an identification line, then the data between STX
// and ETX, then one character that is the XOR of what stands between. Some push meters leave the identification away.
import { FrameBuffer } from './frame-buffer.ts';
import { blockCheck, parityHolds } from './frame-checks.ts';
import type { Framed, Framer } from './framer.ts';

const SLASH = 0x2f;
const STX = 0x02;
const ETX = 0x03;
const LINE_FEED = 0x0a;
/** A full readout with a year of historical values. */
const READOUT_BYTES_MAX = 32_768;
/** Identification (23 characters at most, §6.3.2), the echo of an acknowledgement, and some noise. */
const HEAD_BYTES_MAX = 64;

export class D0Framer implements Framer {
  readonly #buffer = new FrameBuffer(READOUT_BYTES_MAX);
  /** Where the data begins, behind STX; undefined until it has. */
  #dataAt: number | undefined;
  /** Whether ETX has come: the next character is the block check. */
  #isClosing = false;
  #identification = '';

  get pendingCount(): number {
    return this.#buffer.count;
  }

  /** The identification line of the readout under way, without its slash and line end; empty until it is whole. */
  get identification(): string {
    return this.#identification;
  }

  take(byte: number): Framed | undefined {
    const character = byte & 0x7f;
    if (this.#buffer.isFull) return this.#end('transport.oversize');
    if (this.#isClosing) {
      this.#buffer.push(byte);
      return this.#end(this.#judge());
    }
    if (this.#dataAt === undefined) {
      this.#head(byte, character);
      return undefined;
    }
    this.#buffer.push(byte);
    if (character === ETX) this.#isClosing = true;
    if (character !== STX) return undefined;
    // Data holds no STX: another readout began, and the one before was cut short.
    this.#dataAt = 1;
    this.#identification = '';
    return this.#buffer.takeOut('transport.frame', 1);
  }

  cut(): Framed | undefined {
    if (this.#dataAt !== undefined) return this.#end('transport.frame');
    this.#forget();
    return undefined;
  }

  #head(byte: number, character: number): void {
    // An identification begins with three letters; what begins otherwise is the echo of our own request.
    const isSlash = character === SLASH;
    const count = this.#buffer.count;
    if (isSlash || (count > 0 && count < 4 && !isLetter(character)) || count === HEAD_BYTES_MAX)
      this.#forget();
    if (this.#buffer.count > 0 || isSlash || character === STX) this.#buffer.push(byte);
    if (character === STX) this.#dataAt = this.#buffer.count;
    if (character === LINE_FEED && this.#buffer.count > 5) this.#identification ||= this.#line();
  }

  #line(): string {
    return Array.from(this.#buffer.view().subarray(1), (byte) => String.fromCharCode(byte & 0x7f))
      .join('')
      .trimEnd();
  }

  #judge(): Framed['fault'] {
    const bytes = this.#buffer.view();
    const check = blockCheck(bytes, this.#dataAt ?? 0, bytes.length - 1);
    return check === ((bytes.at(-1) ?? 0) & 0x7f) && parityHolds(bytes)
      ? undefined
      : 'transport.crc';
  }

  #end(fault: Framed['fault']): Framed {
    const framed = this.#buffer.takeOut(fault);
    this.#forget();
    return framed;
  }

  #forget(): void {
    this.#buffer.clear();
    this.#dataAt = undefined;
    this.#isClosing = false;
    this.#identification = '';
  }
}

const isLetter = (character: number): boolean =>
  (character >= 0x41 && character <= 0x5a) || (character >= 0x61 && character <= 0x7a);
