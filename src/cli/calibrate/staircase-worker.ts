// One core under a duty cycle, in a thread of its own: it works for a share of each period and sleeps for the rest. The
// share is a number in memory that is shared with the thread that started it.
import { workerData } from 'node:worker_threads';
import { systemClock } from '../system-clock.ts';

/** Shared by all workers: [percent of cpu, percent of memory, 1 while they shall go on]. */
export interface WorkerOrder {
  readonly shared: SharedArrayBuffer;
  /** Bytes of the buffers that the memory load streams through: more than the caches of one core. */
  readonly streamBytes: number;
}

/** Short against the second that sensors and meters look at, long against the scheduler's turn. */
const PERIOD_NS = 50_000_000n;
const CHUNK_COUNT = 65_536;

function isOrder(order: unknown): order is WorkerOrder {
  return typeof order === 'object' && order !== null && 'shared' in order && 'streamBytes' in order;
}

function run({ shared, streamBytes }: WorkerOrder): void {
  const clock = systemClock();
  const orders = new Int32Array(shared);
  const kernels = { compute: computing(), stream: streaming(streamBytes) };
  while (Atomics.load(orders, 2) === 1) {
    const cpu = Atomics.load(orders, 0);
    const memory = Atomics.load(orders, 1);
    const startNs = clock.monotonicNs();
    const kernel = memory > 0 ? kernels.stream : kernels.compute;
    const busyNs = (PERIOD_NS * BigInt(Math.min(100, Math.max(cpu, memory)))) / 100n;
    while (clock.monotonicNs() - startNs < busyNs) kernel();
    const restNs = PERIOD_NS - (clock.monotonicNs() - startNs);
    // A wait on a word that nobody wakes: the one way to sleep in a thread without its event loop.
    if (restNs > 0n) Atomics.wait(orders, 3, 0, Number(restNs) / 1e6);
  }
}

/** Dependent multiplications within the registers: the core works, the memory does not. */
function computing(): () => void {
  let a = 1.000_001;
  let b = 0.999_999;
  return () => {
    for (let turn = 0; turn < 4 * CHUNK_COUNT; turn++) {
      a = a * b + 1e-9;
      b = b * a + 1e-9;
      if (a > 2) a -= 1;
      if (b > 2) b -= 1;
    }
  };
}

/** Triad of STREAM (McCalpin): two streams in, one out, through more than the caches hold. */
function streaming(streamBytes: number): () => void {
  const length = Math.max(CHUNK_COUNT, Math.floor(streamBytes / 24));
  let arrays: readonly [Float64Array, Float64Array, Float64Array] | undefined;
  let at = 0;
  return () => {
    arrays ??= [
      new Float64Array(length),
      new Float64Array(length).fill(1),
      new Float64Array(length),
    ];
    const [target, one, other] = arrays;
    const end = Math.min(length, at + CHUNK_COUNT);
    for (let index = at; index < end; index++) {
      target[index] = (one[index] ?? 0) + 0.5 * (other[index] ?? 0);
    }
    at = end === length ? 0 : end;
  };
}

const order: unknown = workerData;
if (isOrder(order)) run(order);
