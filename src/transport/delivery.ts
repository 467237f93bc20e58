// Hands exchanges of one wire to the ledger, and keeps count of what it has not made durable yet, so that a wire can
// pause (or drop, where a meter cannot be told to wait) when the disk falls behind.
import type { Exchange } from '../quantity/exchange.ts';

/** More than this may not wait for the disk: of a meter that sends a frame a second, more than an hour. */
const UNDELIVERED_MAX_COUNT = 4096;

export interface DeliveryEvents {
  /** The ledger refused an exchange: nothing may be read that cannot be recorded, and nothing here could mend it. */
  readonly refused: (because: string) => void;
  /** It was behind and is no longer. */
  readonly caughtUp: () => void;
}

export class Delivery {
  readonly #deliver: (exchange: Exchange) => Promise<void>;
  readonly #events: DeliveryEvents;
  #undeliveredCount = 0;
  #stopped = false;
  #tellSettled: (() => void)[] = [];
  faultsCount = 0;

  constructor(deliver: (exchange: Exchange) => Promise<void>, events: DeliveryEvents) {
    this.#deliver = deliver;
    this.#events = events;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** As much waits for the disk as may. */
  get isBehind(): boolean {
    return this.#undeliveredCount >= UNDELIVERED_MAX_COUNT;
  }

  take(exchange: Exchange): void {
    if (this.#stopped) return;
    if (exchange.fault !== undefined) this.faultsCount += 1;
    this.#undeliveredCount += 1;
    this.#deliver(exchange).then(this.#delivered, this.#refused);
  }

  // Made once, since every exchange needs both.
  readonly #delivered = (): void => {
    const wasBehind = this.isBehind;
    this.#undeliveredCount -= 1;
    if (this.#undeliveredCount === 0) for (const tell of this.#tellSettled.splice(0)) tell();
    if (wasBehind && !this.#stopped) this.#events.caughtUp();
  };

  readonly #refused = (cause: unknown): void => {
    this.#events.refused(`not recorded: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.#delivered();
  };

  /** Takes nothing more; resolves when nothing that was taken waits any longer. */
  stop(): Promise<void> {
    this.#stopped = true;
    if (this.#undeliveredCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#tellSettled.push(resolve);
    });
  }
}
