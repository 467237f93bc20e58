// The contract of mapChunks: how the heavy parts of a long fit are spread over processors that `calibrate` does not know.
//
// Work is named, not passed: a kernel is one of the closed list in `kernels.ts`, a pure function of its chunk. So a chunk
// may be worked on in another thread, which imports the same list.
//
// Order. Results come in the order of the chunks, one for each, whatever finished first. Chunks are drawn from their
// source one at a time and only as they are needed: an implementation holds back at most a few more than it works on,
// so a source that reads files takes flat memory.
//
// Determinism. A result depends on its chunk alone, never on what ran before, beside it or where. Whoever calls adds
// results up in the order in which they come, so a fit has the same bytes on one processor and on many.
//
// Concurrency. Kernels of different chunks may run at the same time. A chunk may be copied on its way, but for arrays in
// shared memory, which all see: nobody writes to a chunk, or to what it shares, once it was handed over; a kernel writes
// only to what it made itself. One call of mapChunks at a time.
//
// Failure. A kernel that throws, a worker that dies and a source that throws end the iteration with that error; chunks that
// were drawn by then are given up. Ending the iteration early closes the source.
import type { ChunkOf, KernelName, ResultOf } from './kernels.ts';
import { KERNELS } from './kernels.ts';

export type MapChunks = <Name extends KernelName>(
  kernel: Name,
  chunks: AsyncIterable<ChunkOf[Name]> | Iterable<ChunkOf[Name]>,
) => AsyncGenerator<ResultOf[Name], void, undefined>;

/** One chunk after the other, here: what tests compare with, and what small fits need. */
export const mapInOrder: MapChunks = async function* (kernel, chunks) {
  const run = KERNELS[kernel];
  for await (const chunk of chunks) yield run(chunk);
};
