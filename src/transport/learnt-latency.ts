// What the answers of a device have taught: how long a poll of it takes, which moves its next one, and how slow it ever was,
// which says how long a silent one is waited for.
import { durationNs } from '../quantity/time.ts';
import type { PollPlan } from './poll-plan.ts';

/** How much slower than it ever was a device may be before its reply is taken for lost. */
const LATE_FACTOR = 4;
const LATE_LEAST_MS = 50;
/** Weight of the newest poll in what is learnt. */
const NEWEST_WEIGHT_RATIO = 0.2;

export class LearntLatency {
  #pollMs = 0;
  #learntMs: number | undefined;
  #slowestMs: number | undefined;

  /** A reply that takes longer than this does not come any more, ms; undefined before the first answer. */
  get lateMs(): number | undefined {
    return this.#slowestMs === undefined
      ? undefined
      : LATE_LEAST_MS + LATE_FACTOR * this.#slowestMs;
  }

  /** One request of the poll under way was answered after so long. */
  answered(tookMs: number): void {
    this.#pollMs += tookMs;
    if (this.#slowestMs === undefined || tookMs > this.#slowestMs) this.#slowestMs = tookMs;
  }

  /** The poll is over; what a complete one took (civil, by `speedRatio`) moves the next one. */
  finish(complete: boolean, plan: PollPlan, speedRatio: number): void {
    if (complete && this.#pollMs > 0) {
      this.#learntMs =
        this.#learntMs === undefined
          ? this.#pollMs
          : this.#learntMs + NEWEST_WEIGHT_RATIO * (this.#pollMs - this.#learntMs);
      plan.learn(durationNs(BigInt(Math.round(this.#learntMs * speedRatio * 1e6))));
    }
    this.#pollMs = 0;
  }
}
