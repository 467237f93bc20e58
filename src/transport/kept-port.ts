// A port that is kept open: when it is lost it is opened again for ever, with a growing pause. An adapter that is plugged
// in again and a peer that closes or half-closes are survived so, without anybody doing anything.
import type { Timer, Timers } from '../quantity/clock.ts';
import type { OpenPort, Port } from './byte-port.ts';

const FIRST_REOPEN_MS = 100;
const LONGEST_REOPEN_MS = 10_000;

export interface KeptPortEvents<P extends Port> {
  readonly opened: (port: P) => void;
  readonly received: (bytes: Uint8Array) => void;
  /** Said once for each time that it was open; `givenUp` where we ended it, and not the peer. */
  readonly lost: (givenUp: boolean) => void;
}

export class KeptPort<P extends Port> {
  readonly #openPort: OpenPort<P>;
  readonly #timers: Timers;
  readonly #events: KeptPortEvents<P>;
  #port: P | undefined;
  #trouble = 'not connected yet';
  #closed = false;
  #reopenMs = FIRST_REOPEN_MS;
  #reopen: Timer | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(openPort: OpenPort<P>, timers: Timers, events: KeptPortEvents<P>) {
    this.#openPort = openPort;
    this.#timers = timers;
    this.#events = events;
  }

  /** The open port; undefined while there is none. */
  get port(): P | undefined {
    return this.#port;
  }

  /** Why there is none, for people; empty while there is one. */
  get trouble(): string {
    return this.#trouble;
  }

  /** Opens it once and rejects with its error where that fails; from then on it is kept open. */
  async openFirst(): Promise<void> {
    await this.#openOnce();
  }

  /** Starts to open it, also where nobody answers yet; resolves after the first try. */
  start(): Promise<void> {
    this.#opening = this.#openOrRetry();
    return this.#opening;
  }

  /** What is connected is worth its port: the next loss is mended at once. */
  worked(): void {
    this.#reopenMs = FIRST_REOPEN_MS;
  }

  /** Closes what is open and opens it anew. */
  giveUp(because: string): void {
    const port = this.#port;
    if (port === undefined) return;
    this.#lost(because, true);
    void port.close();
  }

  /** Resolves when no event will follow. */
  async close(because: string): Promise<void> {
    this.#closed = true;
    this.#trouble = because;
    this.#reopen?.cancel();
    const port = this.#port;
    this.#port = undefined;
    await port?.close();
    await this.#opening;
  }

  async #openOnce(): Promise<void> {
    // A port that was given up may still speak: only the one in use is listened to.
    const session: { port?: P } = {};
    const isInUse = (): boolean => session.port !== undefined && session.port === this.#port;
    const port = await this.#openPort({
      received: (bytes) => {
        if (isInUse()) this.#events.received(bytes);
      },
      lost: (because) => {
        if (isInUse()) this.#lost(because, false);
      },
    });
    session.port = port;
    if (this.#isClosed()) {
      await port.close();
      return;
    }
    this.#port = port;
    this.#trouble = '';
    this.#events.opened(port);
  }

  // A method, since what is awaited in between may change it.
  #isClosed(): boolean {
    return this.#closed;
  }

  async #openOrRetry(): Promise<void> {
    try {
      await this.#openOnce();
    } catch (cause) {
      if (this.#isClosed()) return;
      this.#trouble = cause instanceof Error ? cause.message : 'the port cannot be opened';
      this.#openLater();
    }
  }

  #openLater(): void {
    if (this.#closed) return;
    this.#reopen = this.#timers.after(this.#reopenMs, () => {
      this.#opening = this.#openOrRetry();
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, LONGEST_REOPEN_MS);
  }

  #lost(because: string, givenUp: boolean): void {
    this.#port = undefined;
    this.#trouble = because;
    this.#events.lost(givenUp);
    this.#openLater();
  }
}
