// One instrument of an agent: what it is asked next, when, and what its answers have taught.
import { durationNs, type DurationNs } from '../quantity/time.ts';
import { Breaker } from './breaker.ts';
import { PollPlan, type Turn } from './poll-plan.ts';
import type { AgentPatience } from './snmp-agent.ts';
import type { PolledDevice } from './transport.ts';

/** How much slower than it ever was an agent may be before its reply is taken for lost. */
const LATE_FACTOR = 4;
const LATE_LEAST_MS = 50;
/** Weight of the newest poll in what is learnt. */
const NEWEST_WEIGHT_RATIO = 0.2;

export class SnmpStation {
  readonly device: PolledDevice;
  readonly breaker = new Breaker();
  readonly plan: PollPlan;
  readonly #gets: readonly (readonly string[])[];
  readonly #replyMs: number;
  #getIndex = 0;
  #pollMs = 0;
  #learntMs: number | undefined;
  #slowestMs: number | undefined;
  /** The turn under way, while objects of it are still to be asked for. */
  turn: Turn | undefined;

  constructor(device: PolledDevice, phase: DurationNs, wireTimeoutMs: number) {
    this.device = device;
    this.plan = new PollPlan(device.poll, phase);
    this.#gets = device.gets ?? [];
    this.#replyMs = device.replyTimeoutMs ?? wireTimeoutMs;
  }

  /** The objects that are asked for next. */
  upcoming(): readonly string[] {
    return this.#gets[this.#getIndex] ?? [];
  }

  /** What silent instruments are probed with is no longer than their agent ever took while it lived. */
  patience(): AgentPatience {
    const late =
      this.#slowestMs === undefined ? undefined : LATE_LEAST_MS + LATE_FACTOR * this.#slowestMs;
    if (this.breaker.isOpen)
      return { deadlineMs: Math.min(this.#replyMs, late ?? this.#replyMs), resendMs: undefined };
    const resendMs = late ?? this.#replyMs / 2;
    return { deadlineMs: this.#replyMs, resendMs: resendMs < this.#replyMs ? resendMs : undefined };
  }

  /** One request was answered after so long. Returns whether the poll is complete. */
  answered(tookMs: number): boolean {
    this.#pollMs += tookMs;
    this.#slowestMs = Math.max(tookMs, this.#slowestMs ?? 0);
    return this.refused();
  }

  /** One request was refused: the others are asked all the same. Returns whether the poll is complete. */
  refused(): boolean {
    this.#getIndex++;
    return this.#getIndex >= this.#gets.length;
  }

  /** The turn is over; what it took (civil, by `speedRatio`) moves the next one. */
  finish(complete: boolean, speedRatio: number): void {
    if (complete && this.#pollMs > 0) {
      this.#learntMs =
        this.#learntMs === undefined
          ? this.#pollMs
          : this.#learntMs + NEWEST_WEIGHT_RATIO * (this.#pollMs - this.#learntMs);
      this.plan.learn(durationNs(BigInt(Math.round(this.#learntMs * speedRatio * 1e6))));
    }
    this.#pollMs = 0;
    this.#getIndex = 0;
    this.turn = undefined;
  }
}
