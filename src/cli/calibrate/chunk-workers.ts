// mapChunks over worker threads: one chunk in each thread and one waiting behind it, results in the order of the chunks.
// The contract is in calibrate/map-chunks.ts; nothing of a fit is decided here.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ChunkOf, KernelName, ResultOf } from '../../calibrate/long/kernels.ts';
import type { MapChunks } from '../../calibrate/long/map-chunks.ts';
import type { ChunkTask } from './chunk-worker.ts';

export interface ChunkWorkers {
  readonly mapChunks: MapChunks;
  readonly workersCount: number;
  /** Ends the threads; resolves when they are gone. */
  close(): Promise<void>;
}

/** Beside the file that this is: TypeScript when run by a loader, JavaScript when built. */
const WORKER_FILE = import.meta.filename.endsWith('.ts') ? 'chunk-worker.ts' : 'chunk-worker.js';

/** Starts as many threads as the machine runs at one time, or as many as are asked for. */
export function startChunkWorkers(workersCount = availableParallelism()): ChunkWorkers {
  const threads = Array.from({ length: Math.max(1, workersCount) }, () => new Thread());
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.close()));
  };
  return {
    workersCount: threads.length,
    mapChunks: (kernel, chunks) => mapOver(threads, kernel, chunks),
    close,
  };
}

interface Question {
  /** Answers come in the order of questions, so each gets the result that it asked for. */
  resolve(result: ResultOf[KernelName]): void;
  reject(trouble: Error): void;
}

/** One thread and the questions that it has not answered yet; it answers in the order in which it was asked. */
class Thread {
  readonly #worker = new Worker(new URL(WORKER_FILE, import.meta.url));
  readonly #questions: Question[] = [];
  #trouble: Error | undefined;

  constructor() {
    this.#worker.on('message', (result: ResultOf[KernelName]) => {
      this.#questions.shift()?.resolve(result);
      if (this.#questions.length === 0) this.#worker.unref();
    });
    // What a kernel threw, or why the thread could not start; then it ends, and with it whatever it was asked.
    this.#worker.on('error', (error: Error) => {
      this.#fail(error);
    });
    this.#worker.on('exit', (code) => {
      this.#fail(new Error(`a worker thread ended with code ${code}`));
    });
    // Idle threads keep no process alive.
    this.#worker.unref();
  }

  get busyCount(): number {
    return this.#questions.length;
  }

  /** Resolves with the result; rejects with what the kernel threw, or where the thread is gone. */
  ask<Name extends KernelName>(task: ChunkTask<Name>): Promise<ResultOf[Name]> {
    if (this.#trouble) return Promise.reject(this.#trouble);
    return new Promise((resolve: (result: ResultOf[Name]) => void, reject) => {
      this.#questions.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(task);
    });
  }

  async close(): Promise<void> {
    this.#fail(new Error('the worker threads were closed'));
    await this.#worker.terminate();
  }

  #fail(trouble: Error): void {
    this.#trouble ??= trouble;
    for (const question of this.#questions.splice(0)) question.reject(this.#trouble);
  }
}

/** Chunks a thread is given at a time: the next one is there when it is done with the first. */
const CHUNKS_PER_THREAD = 2;

async function* mapOver<Name extends KernelName>(
  threads: readonly Thread[],
  kernel: Name,
  chunks: AsyncIterable<ChunkOf[Name]> | Iterable<ChunkOf[Name]>,
): AsyncGenerator<ResultOf[Name], void, undefined> {
  const underWay: Promise<ResultOf[Name]>[] = [];
  for await (const chunk of chunks) {
    const thread = threads.reduce((a, b) => (b.busyCount < a.busyCount ? b : a));
    const answer = thread.ask({ kernel, chunk });
    // It may fail before its turn comes to be waited for; the error is met then.
    answer.catch(() => undefined);
    underWay.push(answer);
    if (underWay.length < CHUNKS_PER_THREAD * threads.length) continue;
    const first = await underWay.shift();
    if (first !== undefined) yield first;
  }
  for (const answer of underWay) yield await answer;
}
