// When the first byte of a frame came, told from when chunks of the stream were handed over. On a serial line of known
// speed the bytes of one chunk came one after another, so the first of them is older than the chunk by their time on the
// wire; on a network nothing is known but the chunk itself.
import { instantNs, type InstantNs } from '../quantity/time.ts';

export class FrameStamps {
  readonly #byteNs: number;
  #beforeNs: bigint | undefined;
  #chunkNs = 0n;
  #chunkCount = 0;
  #firstNs: bigint | undefined;
  #pendingCount = 0;

  /** @param byteNs civil time of one byte on the wire; 0 where it is not known. */
  constructor(byteNs: number) {
    this.#byteNs = byteNs;
  }

  /** A chunk of so many bytes was handed over. */
  chunk(atNs: InstantNs, count: number): void {
    this.#beforeNs = this.#chunkCount === 0 ? atNs : this.#chunkNs;
    this.#chunkNs = atNs;
    this.#chunkCount = count;
  }

  /** The byte with this index of the chunk was taken, and so many belong to the frame under way. */
  took(index: number, pendingCount: number): void {
    const began =
      pendingCount > 0 && (this.#pendingCount === 0 || pendingCount <= this.#pendingCount);
    if (began) this.#firstNs = this.#stampOf(index - pendingCount + 1);
    this.#pendingCount = pendingCount;
  }

  /** The newest chunk: no byte that has been taken came later. */
  chunkNs(): InstantNs {
    return instantNs(this.#chunkNs);
  }

  /** First byte of the frame under way; never later than the newest chunk. */
  firstByteNs(): InstantNs {
    return instantNs(this.#firstNs ?? this.#chunkNs);
  }

  #stampOf(index: number): bigint {
    if (index < 0) return this.#beforeNs ?? this.#chunkNs;
    const behindNs = BigInt(Math.round((this.#chunkCount - index) * this.#byteNs));
    return this.#chunkNs - behindNs;
  }
}
