// The load that a staircase puts on this machine: a thread per core for cpu and memory, and the user's own program for
// the rest. One owner starts it all and ends it all, whatever happens in between.
import { spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism, freemem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Step } from './staircase-plan.ts';
import type { WorkerOrder } from './staircase-worker.ts';

/** What the streams of all cores together may take, and the least and the most of one. */
const MEMORY_SHARE_RATIO = 0.25;
const STREAM_BYTES = { least: 24 * 2 ** 20, most: 192 * 2 ** 20 } as const;
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './staircase-worker.ts' : './staircase-worker.js',
  import.meta.url,
);

export class StaircaseLoad {
  readonly coresCount: number;
  readonly #orders: Int32Array;
  readonly #workers: readonly Worker[];
  readonly #command: string | undefined;
  readonly #onTrouble: (what: string) => void;
  #child: ChildProcess | undefined;

  /** `command` holds {percent}; `onTrouble` is told once where it or a thread ends by itself. */
  constructor(command: string | undefined, onTrouble: (what: string) => void) {
    this.coresCount = availableParallelism();
    this.#command = command;
    this.#onTrouble = onTrouble;
    const shared = new SharedArrayBuffer(16);
    this.#orders = new Int32Array(shared);
    Atomics.store(this.#orders, 2, 1);
    const eachBytes = (MEMORY_SHARE_RATIO * freemem()) / this.coresCount;
    const streamBytes = Math.min(STREAM_BYTES.most, Math.max(STREAM_BYTES.least, eachBytes));
    const order: WorkerOrder = { shared, streamBytes };
    this.#workers = Array.from({ length: this.coresCount }, () => {
      const worker = new Worker(WORKER_URL, { workerData: order });
      worker.once('error', (cause) => {
        onTrouble(`a thread of the load ended: ${String(cause)}`);
      });
      return worker;
    });
  }

  /** Loads as the step says, from now on. */
  set(step: Step): void {
    Atomics.store(this.#orders, 0, step.component === 'cpu' ? step.loadPercent : 0);
    Atomics.store(this.#orders, 1, step.component === 'memory' ? step.loadPercent : 0);
    this.#endCommand();
    if (step.component !== 'command' || this.#command === undefined) return;
    const child = spawn(this.#command.replaceAll('{percent}', String(step.loadPercent)), {
      shell: true,
      // A group of its own, so that whatever it starts ends with it.
      detached: true,
      stdio: 'ignore',
    });
    child.once('error', (cause) => {
      this.#onTrouble(`--command cannot be started: ${cause.message}`);
    });
    child.once('exit', (code) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#onTrouble(`--command ended by itself (exit code ${String(code)}) before its step did`);
    });
    this.#child = child;
  }

  async end(): Promise<void> {
    this.#endCommand();
    Atomics.store(this.#orders, 2, 0);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #endCommand(): void {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It ended between the look and the signal: that is what was wanted.
      child.kill();
    }
  }
}
