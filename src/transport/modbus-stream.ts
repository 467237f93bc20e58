// What has come on a Modbus wire and is not used yet, judged as the stream of a connection (TCP) or as what lies on a line
// since the last request (RTU).
import {
  hasRtuBegun,
  judgeRtu,
  judgeTcp,
  rtuFramesIn,
  RTU_RECEIVED_MAX_BYTES,
  type Asked,
  type Verdict,
} from './modbus-frame.ts';
import { joined, NOTHING, type ModbusForm } from './modbus-outcome.ts';

/** Noise without a frame in it is dropped when it is this long. */
const NOISE_MAX_BYTES = 512;

export class ModbusStream {
  readonly #isTcp: boolean;
  #rest: Uint8Array = NOTHING;

  constructor(form: ModbusForm) {
    this.#isTcp = form === 'modbus-tcp';
  }

  /** Something has come that is part of no frame yet. */
  get isBegun(): boolean {
    return this.#rest.length > 0;
  }

  clear(): void {
    this.#rest = NOTHING;
  }

  /** Adds what has come, which is lent, and looks for the answer. */
  judge(asked: Asked, bytes: Uint8Array): Verdict {
    const received = this.#with(bytes);
    const verdict = this.#isTcp ? judgeTcp(asked, received) : judgeRtu(asked, received);
    this.#keep(received, verdict.consumedBytes);
    return verdict;
  }

  /** An answer has begun and is not complete. */
  hasBegun(asked: Asked): boolean {
    return this.#isTcp ? this.isBegun : hasRtuBegun(asked, this.#rest);
  }

  /**
   * Adds what has come, which is lent, while nothing was asked. Returns the whole frames of RTU, by which doubled and late
   * replies are known; undefined where the stream can no longer be followed.
   */
  stray(bytes: Uint8Array): readonly Uint8Array[] | undefined {
    const received = this.#with(bytes);
    if (this.#isTcp) {
      const verdict = judgeTcp(undefined, received);
      this.#keep(received, verdict.consumedBytes);
      return verdict.kind === 'broken' ? undefined : [];
    }
    const frames = rtuFramesIn(received);
    const isDone = frames.length > 0 || received.length > NOISE_MAX_BYTES;
    this.#keep(received, isDone ? received.length : 0);
    return frames;
  }

  #with(bytes: Uint8Array): Uint8Array {
    const received = joined(this.#rest, bytes);
    // Longer than this nothing on RTU can be an answer, so what lies beyond is not searched for one.
    return this.#isTcp || received.length <= RTU_RECEIVED_MAX_BYTES
      ? received
      : received.subarray(0, RTU_RECEIVED_MAX_BYTES + 1);
  }

  #keep(received: Uint8Array, consumedBytes: number): void {
    this.#rest = consumedBytes >= received.length ? NOTHING : received.slice(consumedBytes);
  }
}
