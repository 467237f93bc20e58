// When a device is read: each read ends just before the tick it is for, a civil multiple of the poll less the phase
// that keeps devices from firing all at once. A missed tick is not made up for; the next one is for the next.
import {
  durationNs,
  floorDiv,
  instantNs,
  type DurationNs,
  type InstantNs,
} from '../quantity/time.ts';

export interface Turn {
  /** Civil time at which the request should go out. */
  readonly plannedNs: InstantNs;
  /** Ticks since the last turn that nobody served. */
  readonly missedCount: number;
  /** The turn at opening, which is for no tick. */
  readonly isFirst: boolean;
}

export class PollPlan {
  readonly #poll: DurationNs;
  readonly #phase: DurationNs;
  #lead: DurationNs;
  #nextTick: bigint | undefined;
  #firstDueNs: InstantNs | undefined;

  /** `phase` is less than `poll`; both civil. */
  constructor(poll: DurationNs, phase: DurationNs) {
    this.#poll = poll;
    this.#phase = phase;
    this.#lead = phase;
  }

  #plannedNs(tick: bigint): InstantNs {
    return instantNs(tick * this.#poll - this.#lead);
  }

  /** When the next turn is due; the first is due at once, and since then. */
  dueNs(nowNs: InstantNs): InstantNs {
    if (this.#nextTick === undefined) {
      this.#firstDueNs ??= nowNs;
      return this.#firstDueNs < nowNs ? this.#firstDueNs : nowNs;
    }
    const plannedNs = this.#plannedNs(this.#nextTick);
    if (plannedNs - nowNs <= 2n * this.#poll) return plannedNs;
    // The clock was set back: the plan of the old time would leave the device unread until then.
    this.#nextTick = this.#tickAt(nowNs) + 1n;
    return this.#plannedNs(this.#nextTick);
  }

  #tickAt(nowNs: InstantNs): bigint {
    return floorDiv(nowNs + this.#lead, this.#poll);
  }

  /** Takes the turn that is due now, and plans the one after it. */
  take(nowNs: InstantNs): Turn {
    const tick = this.#tickAt(nowNs);
    const expected = this.#nextTick;
    this.#nextTick = tick + 1n;
    if (expected === undefined) return { plannedNs: nowNs, missedCount: 0, isFirst: true };
    return {
      plannedNs: this.#plannedNs(tick),
      missedCount: Math.max(0, Number(tick - expected)),
      isFirst: false,
    };
  }

  /** How long a poll of this device takes, civil; its reads begin that much earlier. */
  learn(took: DurationNs): void {
    const longest = this.#poll / 2n;
    this.#lead = durationNs(this.#phase + (took < longest ? took : longest));
  }
}

/** A number in [0, 1) that depends on the text alone (FNV-1a), to spread what would else coincide. */
export function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  // The low bits of FNV-1a vary most between texts that end alike; fold them over the high ones.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
