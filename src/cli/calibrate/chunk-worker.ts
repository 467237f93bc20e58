// A thread that works on chunks of a long fit: it knows the same kernels as everybody, takes one chunk, answers, and waits
// for the next. It ends when it is told to by the one who started it.
import assert from 'node:assert/strict';
import { parentPort } from 'node:worker_threads';
import {
  KERNELS,
  type ChunkOf,
  type KernelName,
  type ResultOf,
} from '../../calibrate/long/kernels.ts';

/** What a worker is asked; arrays in shared memory are not copied on the way. */
export interface ChunkTask<Name extends KernelName> {
  readonly kernel: Name;
  readonly chunk: ChunkOf[Name];
}

function workOn<Name extends KernelName>({ kernel, chunk }: ChunkTask<Name>): ResultOf[Name] {
  return KERNELS[kernel](chunk);
}

const port = parentPort;
assert(port, 'this file is run as a worker thread');
// An error that a kernel throws ends this thread, and reaches whoever waits for the answer as the error of the thread.
port.on('message', (task: ChunkTask<KernelName>) => {
  port.postMessage(workOn(task));
});
