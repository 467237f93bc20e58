// The outbox of one sink: it is no queue of its own but the log and one cursor, so nothing can be in the one and not in
// the other. It drains in bounded batches, waits while the sink is down for however long that takes, and moves the
// cursor only over what the sink has accepted; a crash in between sends a batch twice, which every sink must bear.
import type { LeafIndex, Ledger, StoredEntry } from '../ledger/ledger.ts';
import type { Timer, Timers } from '../quantity/clock.ts';
import { isPublished } from './energy-rows.ts';
import type { Sink } from './sink.ts';

/** A statement becomes two lines at an InfluxDB: 5,000 lines, well under 4 MB. */
const BATCH_ENTRIES_MAX_COUNT = 2_500;
/** Entries that no sink takes (blocks, keys) are passed over without being kept, but not without end. */
const BATCH_PASSED_MAX_COUNT = 50_000;
const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MAX_MS = 60_000;

export interface OutboxPorts {
  readonly timers: Timers;
  /** The ledger failed or the sink's file is not ours: the outbox has stopped and the service must. */
  readonly onFailure: (cause: unknown) => void;
}

export interface OutboxView {
  /** Leaves of the log that this sink has not acknowledged. */
  readonly waitingCount: number;
  readonly refusedCount: number;
  /** Why rows wait; empty while all is well. */
  readonly trouble: string;
}

export interface Outbox {
  /** Something was appended to the log. */
  notify(): void;
  /** Resolves when the sink has everything that the log holds by then; rejects when the outbox stops before. */
  drained(): Promise<void>;
  view(): OutboxView;
  /** Stops, and closes the sink; what waits stays in the log. */
  close(): Promise<void>;
}

interface Batch {
  readonly entries: readonly StoredEntry[];
  readonly superseded: ReadonlySet<LeafIndex>;
  /** The cursor once all of it is accepted. */
  readonly next: LeafIndex;
}

type PublishedLedger = Pick<Ledger, 'log' | 'statements' | 'cursors'>;

async function nextBatch(ledger: PublishedLedger, from: LeafIndex): Promise<Batch> {
  const entries: StoredEntry[] = [];
  const superseded = new Set<LeafIndex>();
  let next = from;
  if (from >= ledger.log.size) return { entries, superseded, next };
  for await (const stored of ledger.log.scan(from)) {
    next = stored.leaf + 1;
    if (isPublished(stored)) {
      entries.push(stored);
      if (isSuperseded(ledger, stored)) superseded.add(stored.leaf);
    }
    if (entries.length >= BATCH_ENTRIES_MAX_COUNT || next - from >= BATCH_PASSED_MAX_COUNT) break;
  }
  return { entries, superseded, next };
}

function isSuperseded(ledger: PublishedLedger, stored: StoredEntry): boolean {
  if (stored.entry.type !== 'statement') return false;
  const { point, kind, startNs, version } = stored.entry.statement;
  const newest = ledger.statements.current(point, kind, startNs);
  return newest !== undefined && newest.statement.version > version;
}

/** Where to start, or why this sink's memory does not belong to this ledger. */
async function startLeaf(sink: Sink, ledger: PublishedLedger): Promise<LeafIndex | string> {
  const cursor = ledger.cursors.get(sink.id);
  const newest = sink.newest();
  if (newest === 'unknown') return cursor;
  if (newest === 'nothing') return 0;
  const foreign =
    'the sink holds rows of another ledger: move its file away, or bring the ledger back';
  if (newest.leaf >= ledger.log.size) return foreign;
  if (newest.sha256 !== undefined) {
    for await (const stored of ledger.log.scan(newest.leaf)) {
      if (stored.leaf !== newest.leaf || stored.sha256 !== newest.sha256) return foreign;
      break;
    }
  }
  return Math.min(cursor, newest.leaf + 1);
}

/** Starts draining at once. The sink is opened, and opened again until it answers, by the outbox itself. */
export function startOutbox(sink: Sink, ledger: PublishedLedger, ports: OutboxPorts): Outbox {
  const { cursors, log } = ledger;
  const refusedLeaves = new Set(cursors.refused(sink.id).map(({ leaf }) => leaf));
  let cursor: LeafIndex = cursors.get(sink.id);
  let trouble = '';
  let closed = false;
  let failure: unknown;
  let notified = false;
  let wake: () => void = () => undefined;
  let waiters: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = [];

  /** Sleeps until the delay is over, or until `close`; without a delay until `notify`. */
  function pause(delayMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      wake = () => {
        timer?.cancel();
        resolve();
      };
      if (closed) resolve();
      else if (delayMs !== undefined) timer = ports.timers.after(delayMs, resolve);
      else if (notified) resolve();
    });
  }

  let backOffMs = BACK_OFF_FIRST_MS;
  async function pauseAfter(because: string, retryAfterMs: number | undefined): Promise<void> {
    trouble = because;
    await pause(retryAfterMs ?? backOffMs);
    backOffMs = Math.min(backOffMs * 2, BACK_OFF_MAX_MS);
  }

  async function prepare(): Promise<boolean> {
    const opened = await sink.open();
    if (opened.outcome === 'later') {
      await pauseAfter(opened.because, opened.retryAfterMs);
      return false;
    }
    const start = await startLeaf(sink, ledger);
    if (typeof start === 'string') {
      await pauseAfter(start, BACK_OFF_MAX_MS);
      return false;
    }
    cursor = start;
    return true;
  }

  /** false: the sink must be prepared again, since it may have come back without what it held. */
  async function send(batch: Batch): Promise<boolean> {
    if (batch.entries.length > 0) {
      const receipt = await sink.write(batch.entries, {
        superseded: batch.superseded,
        again: false,
      });
      if (receipt.outcome === 'later') {
        await pauseAfter(receipt.because, receipt.retryAfterMs);
        return false;
      }
      for (const { leaf, because } of receipt.outcome === 'refused' ? receipt.refused : []) {
        if (!refusedLeaves.has(leaf)) cursors.refuse(sink.id, leaf, because);
        refusedLeaves.add(leaf);
      }
    }
    cursor = batch.next;
    if (cursor > cursors.get(sink.id)) cursors.set(sink.id, cursor);
    trouble = '';
    backOffMs = BACK_OFF_FIRST_MS;
    return true;
  }

  async function drain(): Promise<void> {
    let ready = false;
    while (!isClosed()) {
      notified = false;
      ready ||= await prepare();
      if (!ready) continue;
      const batch = await nextBatch(ledger, cursor);
      if (batch.next > cursor) {
        ready = await send(batch);
        continue;
      }
      // Appended while we looked.
      if (cursor < log.size) continue;
      trouble = '';
      const idle = waiters;
      waiters = [];
      for (const { resolve } of idle) resolve();
      await pause(undefined);
    }
  }

  // Read through a function, since the compiler would think that nobody changes it inside of the loop.
  const isClosed = (): boolean => closed;

  function stop(cause: unknown): void {
    closed = true;
    const left = waiters;
    waiters = [];
    for (const { reject } of left) reject(cause);
  }

  const draining = drain().catch((cause: unknown) => {
    failure = cause;
    trouble = cause instanceof Error ? cause.message : String(cause);
    stop(cause);
    ports.onFailure(cause);
  });

  const nudge = (): void => {
    notified = true;
    // While it waits for a sink that is down, news from the log must not shorten the wait.
    if (trouble === '') wake();
  };

  return {
    notify: nudge,
    drained: () =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(failure instanceof Error ? failure : new Error('the outbox is closed'));
          return;
        }
        waiters.push({ resolve, reject });
        nudge();
      }),
    view: () => ({
      waitingCount: Math.max(0, log.size - cursor),
      refusedCount: refusedLeaves.size,
      trouble,
    }),
    async close() {
      stop(new Error('the outbox is closed'));
      wake();
      await sink.close();
      await draining;
    },
  };
}
