// The circuit breaker of one device: after a few failures in a row it is left alone, and probed at growing distances,
// so that a dead slave costs its line next to nothing.

const FAILURES_TO_OPEN = 3;
const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 60_000;

export class Breaker {
  #failuresCount = 0;
  #restMs = FIRST_REST_MS;
  #probeMs = 0;

  /** The device does not answer at present. */
  get isOpen(): boolean {
    return this.#failuresCount >= FAILURES_TO_OPEN;
  }

  /** Half open: one request may find out whether it is back. */
  mayAsk(nowMs: number): boolean {
    return !this.isOpen || nowMs >= this.#probeMs;
  }

  succeeded(): void {
    this.#failuresCount = 0;
    this.#restMs = FIRST_REST_MS;
  }

  failed(nowMs: number): void {
    this.#failuresCount++;
    if (!this.isOpen) return;
    this.#probeMs = nowMs + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }

  /** Something changed that may have been the reason: the next turn is a probe. */
  probeNow(): void {
    this.#probeMs = 0;
    this.#restMs = FIRST_REST_MS;
  }
}
