// Cuts MQTT control packets that are longer than any message we take, before anything buffers them: the protocol allows
// 256 MiB each, and one such packet must not cost the memory of the service. What is cut still parses, so that it can be
// recorded and acknowledged instead of being redelivered for ever.

/** MQTT 3.1.1 §2.2.3: the remaining length takes at most four bytes of seven bits. */
const LENGTH_BYTES_MAX = 4;

/** Passes a byte stream of MQTT packets through, in pieces, shortening each packet to `limitBytes` after its fixed header. */
export class MqttFrameLimit {
  readonly #limitBytes: number;
  /** Fixed header that an earlier chunk began. */
  #begun: number[] = [];
  #passBytes = 0;
  #dropBytes = 0;
  /** Set once the stream is no MQTT: the parser behind will say so. */
  #broken = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Pieces of the chunk to hand on, in order; views of the chunk wherever nothing was cut. */
  through(chunk: Buffer): Buffer[] {
    if (this.#broken) return [chunk];
    const pieces: Buffer[] = [];
    let from = 0;
    let at = 0;
    const handOn = (until: number): void => {
      if (until > from) pieces.push(chunk.subarray(from, until));
    };
    while (at < chunk.length) {
      const left = chunk.length - at;
      if (this.#passBytes > 0) {
        const passed = Math.min(this.#passBytes, left);
        this.#passBytes -= passed;
        at += passed;
        continue;
      }
      if (this.#dropBytes > 0) {
        handOn(at);
        const dropped = Math.min(this.#dropBytes, left);
        this.#dropBytes -= dropped;
        at += dropped;
        from = at;
        continue;
      }
      const straddles = this.#begun.length > 0;
      const beganAt = at;
      at = this.#header(chunk, at);
      if (this.#begun.length > LENGTH_BYTES_MAX && !this.#complete()) {
        this.#broken = true;
        handOn(beganAt);
        pieces.push(Buffer.from(this.#begun), chunk.subarray(at));
        return pieces;
      }
      if (this.#begun.length > 0 && !this.#complete()) {
        // The header goes on in the next chunk: it is handed on when it is whole.
        handOn(beganAt);
        return pieces;
      }
      const lengthBytes = this.#remaining();
      const isCut = lengthBytes > this.#limitBytes;
      if (isCut || straddles) {
        handOn(beganAt);
        const passBytes = Math.min(lengthBytes, this.#limitBytes);
        pieces.push(Buffer.from([this.#begun[0] ?? 0, ...encodeLength(passBytes)]));
        from = at;
      }
      this.#passBytes = Math.min(lengthBytes, this.#limitBytes);
      this.#dropBytes = lengthBytes - this.#passBytes;
      this.#begun = [];
    }
    handOn(at);
    return pieces;
  }

  /** Takes header bytes into `#begun` until it is complete or the chunk ends; returns where it stopped. */
  #header(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && !this.#complete() && this.#begun.length <= LENGTH_BYTES_MAX) {
      this.#begun.push(chunk[at] ?? 0);
      at += 1;
    }
    return at;
  }

  #complete(): boolean {
    const last = this.#begun.at(-1);
    return this.#begun.length > 1 && last !== undefined && last < 0x80;
  }

  #remaining(): number {
    return this.#begun
      .slice(1)
      .reduce((sum, digit, place) => sum + (digit & 0x7f) * 128 ** place, 0);
  }
}

/** MQTT 3.1.1 §2.2.3. */
function encodeLength(lengthBytes: number): number[] {
  const digits: number[] = [];
  let rest = lengthBytes;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    digits.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return digits;
}
