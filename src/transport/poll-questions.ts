// The questions of one poll: those by which is measured and, behind them, when it is time, those that tell who is there.
// It is time when a port was opened, when a device was silent, and each civil day.
import { floorDiv, type InstantNs } from '../quantity/time.ts';

/** A device that has no words for it is asked so often, each time that it is time, and never loses a reading by it. */
const WHO_TRIES_COUNT = 2;
const DAY_NS = 86_400_000_000_000n;

export class PollQuestions<Question> {
  readonly #measuring: readonly Question[];
  readonly #who: readonly Question[];
  #index = 0;
  #whoTriesCount = WHO_TRIES_COUNT;
  #day: bigint | undefined;

  constructor(measuring: readonly Question[], who: readonly Question[]) {
    this.#measuring = measuring;
    this.#who = who;
  }

  /** The question that comes next; undefined where the poll is complete. */
  get current(): Question | undefined {
    if (this.#index < this.#measuring.length) return this.#measuring[this.#index];
    return this.#whoTriesCount > 0 ? this.#who[this.#index - this.#measuring.length] : undefined;
  }

  get isMeasuring(): boolean {
    return this.#index < this.#measuring.length;
  }

  /** The current one was answered or refused. Returns whether the poll is complete. */
  next(): boolean {
    this.#index++;
    return this.current === undefined;
  }

  /** Somebody else may answer now. */
  askWho(): void {
    this.#whoTriesCount = WHO_TRIES_COUNT;
  }

  /** A poll begins. */
  begin(nowNs: InstantNs): void {
    const day = floorDiv(nowNs, DAY_NS);
    if (this.#day !== undefined && this.#day !== day) this.askWho();
    this.#day = day;
  }

  /** The poll is over, complete or not. */
  restart(): void {
    if (this.#index >= this.#measuring.length + this.#who.length) this.#whoTriesCount = 0;
    else if (!this.isMeasuring && this.#whoTriesCount > 0) this.#whoTriesCount--;
    this.#index = 0;
  }
}
