// The deadline of one request after another with one timer: it is not cancelled when an answer comes, but looks again when
// it fires, since nearly every request is answered long before.
import type { Timer, Timers } from '../quantity/clock.ts';

export class ReplyDeadline {
  readonly #timers: Timers;
  readonly #nowMs: () => number;
  readonly #passed: () => void;
  #timer: { readonly atMs: number; readonly timer: Timer } | undefined;
  #atMs = 0;

  /** `passed` is called at the deadline, and perhaps at one of an earlier request: it must look. */
  constructor(timers: Timers, nowMs: () => number, passed: () => void) {
    this.#timers = timers;
    this.#nowMs = nowMs;
    this.#passed = passed;
  }

  /** Real ms. */
  get atMs(): number {
    return this.#atMs;
  }

  start(atMs: number): void {
    this.#atMs = atMs;
    this.lookAt(atMs);
  }

  /** Looks then, be it the deadline or not. */
  lookAt(atMs: number): void {
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.timer.cancel();
    const timer = this.#timers.after(atMs - this.#nowMs(), () => {
      this.#timer = undefined;
      this.#passed();
    });
    this.#timer = { atMs, timer };
  }

  cancel(): void {
    this.#timer?.timer.cancel();
    this.#timer = undefined;
  }
}
