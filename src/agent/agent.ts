// The loop on a node: read, stamp, send; spool while nobody answers, and send the oldest first when somebody does. Reading
// never waits for sending.
import type { Clock, Timers } from '../quantity/clock.ts';
import { noReadings, type ChipReader, type ChipReadings, type Say } from './chip-reader.ts';
import { messageOf, type Message, type NodeIdentity } from './message.ts';
import type { Sender } from './sender.ts';
import type { Spool } from './spool.ts';

export interface AgentOptions {
  readonly identity: NodeIdentity;
  readonly readers: readonly ChipReader[];
  readonly sender: Sender;
  readonly spool: Spool;
  readonly clock: Clock;
  /** How well the host's clock is known, at this moment. */
  readonly clockState: () => { readonly synchronised: boolean; readonly uncertaintyS: number };
  readonly timers: Timers;
  readonly periodMs: number;
  readonly say: Say;
}

export interface RunningAgent {
  /** Reads once and hands the message on; for those who do not want to wait for the timer. */
  tick(): void;
  readonly sentCount: () => number;
  /** Waits for the message in flight, puts the rest on the spool, and closes everything. */
  stop(): Promise<void>;
}

/** Messages that wait in memory before they go to the disk: a minute at 1 Hz. */
const QUEUE_COUNT_MAX = 60;
const RETRY_MS = 2000;

export function startAgent(options: AgentOptions): RunningAgent {
  const { clock, timers, sender, spool, say } = options;
  const queue: Message[] = [];
  let isStopping = false;
  let isSending = false;
  let isReading = false;
  let sentCount = 0;
  let lastSeq = 0n;
  let sending: Promise<void> = Promise.resolve();
  let retry: { cancel(): void } | undefined;
  let isReachable = true;

  const tick = (): void => {
    // A peer that answers slowly costs turns, never a queue of them.
    if (isReading) return;
    const beforeNs = clock.nowNs();
    const readings = noReadings();
    const pending: Promise<void>[] = [];
    for (const reader of options.readers) {
      const reading = reader.read(readings);
      if (reading) pending.push(reading);
    }
    if (pending.length === 0) {
      take(readings, beforeNs);
      return;
    }
    isReading = true;
    void Promise.all(pending).then(() => {
      isReading = false;
      if (!isStopping) take(readings, beforeNs);
    });
  };

  const take = (readings: ChipReadings, beforeNs: bigint): void => {
    if (readings.counters.length === 0 && readings.gauges.length === 0) return;
    const timeNs = (beforeNs + clock.nowNs()) / 2n;
    const sinceBootMs = clock.monotonicNs() / 1_000_000n;
    lastSeq = sinceBootMs > lastSeq ? sinceBootMs : lastSeq + 1n;
    const { synchronised, uncertaintyS } = options.clockState();
    const stamp = {
      timeNs,
      seq: lastSeq,
      isSynchronised: synchronised,
      clockMs: uncertaintyS * 1e3,
    };
    queue.push(messageOf(options.identity, stamp, readings));
    if (queue.length > QUEUE_COUNT_MAX) toSpool();
    pump();
  };

  const toSpool = (): void => {
    const whole = queue.splice(0);
    const datable = whole.filter((message) => message.isDatable);
    if (datable.length < whole.length) {
      say('the clock of this node is not synchronised: what cannot be sent at once is given up');
    }
    spool.add(datable.map(({ text }) => text));
  };

  /** True where the other side answered, whatever it said. */
  const deliver = async (text: string): Promise<boolean> => {
    const outcome = await sender.send(text);
    switch (outcome.kind) {
      case 'kept':
        sentCount++;
        break;
      case 'refused':
        say(`a message was refused and is given up: ${outcome.because}`);
        break;
      case 'unreachable':
        if (isReachable) say(`not reachable (${outcome.because}): messages wait in the spool`);
        isReachable = false;
        return false;
    }
    if (!isReachable) say('reachable again');
    isReachable = true;
    return true;
  };

  /** Oldest first: the spool, then the queue. */
  const drain = async (): Promise<boolean> => {
    for (let oldest = spool.oldest(); oldest; oldest = spool.oldest()) {
      let count = 0;
      for (const text of oldest.texts) {
        if (isStopping || !(await deliver(text))) {
          oldest.done(count);
          return false;
        }
        count++;
      }
      oldest.done(Infinity);
    }
    for (let message = queue[0]; message && !isStopping; message = queue[0]) {
      if (!(await deliver(message.text))) return false;
      if (queue[0] === message) queue.shift();
      // The queue went to the spool while this one was on its way; it is there as well, which does no harm.
      else if (!spool.isEmpty) return drain();
    }
    return true;
  };

  const pump = (): void => {
    if (isSending || isStopping || retry) return;
    isSending = true;
    sending = drain().then((isDone) => {
      isSending = false;
      if (isStopping) return;
      if (!isDone) {
        retry = timers.after(RETRY_MS, () => {
          retry = undefined;
          pump();
        });
      } else if (queue.length > 0) pump();
    });
  };

  const timer = timers.every(options.periodMs, tick);
  tick();
  return {
    tick,
    sentCount: () => sentCount,
    stop: async () => {
      isStopping = true;
      timer.cancel();
      retry?.cancel();
      await sending;
      toSpool();
      await sender.close();
      for (const reader of options.readers) reader.close();
    },
  };
}
