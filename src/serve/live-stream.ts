// Server-sent events: one per refresh to everybody who watches. A watcher that reads too slowly misses refreshes, since
// only the newest matters; one that does not read at all is dropped. So nobody's buffer grows beyond one event.
import type { ServerResponse } from 'node:http';
import type { Timer, Timers } from '../quantity/clock.ts';

/** Watchers at once; one more is turned away. */
export const WATCHERS_MAX_COUNT = 64;
/** A quiet stream says this often that it lives: proxies close what is silent for longer. */
export const HEARTBEAT_MS = 15_000;
/** Refreshes in a row that a watcher may miss before it is dropped. */
const MISSED_MAX_COUNT = 10;

interface Watcher {
  readonly response: ServerResponse;
  missedCount: number;
}

export class LiveStream {
  readonly #watchers = new Set<Watcher>();
  readonly #heartbeat: Timer;
  #droppedCount = 0;

  constructor(timers: Timers) {
    this.#heartbeat = timers.every(HEARTBEAT_MS, () => {
      this.#send(': still here\n\n');
    });
  }

  get watchersCount(): number {
    return this.#watchers.size;
  }
  /** Watchers dropped because they did not read, since the start. */
  get droppedCount(): number {
    return this.#droppedCount;
  }
  get isFull(): boolean {
    return this.#watchers.size >= WATCHERS_MAX_COUNT;
  }

  /** Takes over a response: sends the head and the newest event, then every later one until the watcher leaves. */
  add(response: ServerResponse, newest: string): void {
    if (response.destroyed) return;
    const watcher: Watcher = { response, missedCount: 0 };
    this.#watchers.add(watcher);
    const leave = (): void => {
      this.#watchers.delete(watcher);
    };
    response.once('close', leave);
    response.once('error', leave);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: 2000\n\n${eventText(newest)}`);
  }

  /** Sends one refresh; `json` is asked for only where somebody watches. */
  publish(json: () => string): void {
    if (this.#watchers.size > 0) this.#send(eventText(json()));
  }

  close(): void {
    this.#heartbeat.cancel();
    for (const { response } of this.#watchers) response.destroy();
    this.#watchers.clear();
  }

  #send(text: string): void {
    for (const watcher of this.#watchers) {
      if (!watcher.response.writableNeedDrain) {
        watcher.missedCount = 0;
        watcher.response.write(text);
        continue;
      }
      watcher.missedCount += 1;
      if (watcher.missedCount > MISSED_MAX_COUNT) {
        this.#droppedCount += 1;
        this.#watchers.delete(watcher);
        watcher.response.destroy();
      }
    }
  }
}

const eventText = (json: string): string => `event: rack\ndata: ${json}\n\n`;
