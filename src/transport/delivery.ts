// Hands exchanges of one pushed source to the ledger, and keeps count. A meter that pushes cannot be told to wait: where
// the ledger falls behind by more than a bound, frames are dropped and that is said.
import type { Exchange } from '../quantity/exchange.ts';

/** A frame a second: more than an hour. */
const UNDELIVERED_MAX_COUNT = 4096;

export class Delivery {
  readonly #deliver: (exchange: Exchange) => Promise<void>;
  readonly #failed: (because: string) => void;
  readonly #undelivered = new Set<Promise<void>>();
  #stopped = false;
  exchangesCount = 0;
  faultsCount = 0;
  droppedCount = 0;

  constructor(deliver: (exchange: Exchange) => Promise<void>, failed: (because: string) => void) {
    this.#deliver = deliver;
    this.#failed = failed;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  take(exchange: Exchange): void {
    if (this.#stopped) return;
    if (exchange.reply.length > 0) this.exchangesCount += 1;
    if (exchange.fault !== undefined) this.faultsCount += 1;
    if (this.#undelivered.size >= UNDELIVERED_MAX_COUNT) {
      this.droppedCount += 1;
      return;
    }
    const delivered = this.#deliver(exchange).then(
      () => {
        this.#undelivered.delete(delivered);
      },
      (cause: unknown) => {
        // Nothing may be read that cannot be recorded, and nothing here could mend it.
        this.#undelivered.delete(delivered);
        this.#failed(`not recorded: ${cause instanceof Error ? cause.message : String(cause)}`);
      },
    );
    this.#undelivered.add(delivered);
  }

  /** Takes nothing more; resolves when what was taken is durable. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#undelivered);
  }
}
