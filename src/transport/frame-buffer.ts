// The bytes of the frame under way: grows as they come, up to a bound that no frame of the protocol reaches.
import type { FaultCode } from '../quantity/fault.ts';

/** Of a frame that is too long this much is kept, enough to see what it was. */
const KEPT_BYTES = 4096;

export class FrameBuffer {
  readonly #bytes: Uint8Array;
  #count = 0;

  /** @param mostBytes no frame of the protocol is longer. */
  constructor(mostBytes: number) {
    this.#bytes = new Uint8Array(mostBytes);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#bytes.length;
  }

  push(byte: number): void {
    this.#bytes[this.#count] = byte;
    this.#count += 1;
  }

  /** The byte so many places before the end, 1 being the last one; -1 where there is none. */
  back(places: number): number {
    return places <= this.#count ? (this.#bytes[this.#count - places] ?? -1) : -1;
  }

  /** What has been collected, without a copy: valid until the next call. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#count);
  }

  clear(): void {
    this.#count = 0;
  }

  /** Takes out everything but the last `keptCount` bytes, which become the beginning of the next frame. */
  takeOut(
    fault: FaultCode | undefined,
    keptCount = 0,
  ): { bytes: Uint8Array; fault: FaultCode | undefined } {
    const until = this.#count - keptCount;
    const most = fault === undefined ? until : Math.min(until, KEPT_BYTES);
    const bytes = Uint8Array.from(this.#bytes.subarray(0, most));
    this.#bytes.copyWithin(0, until, this.#count);
    this.#count = keptCount;
    return { bytes, fault };
  }
}
