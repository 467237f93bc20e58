// The journal's writer, above 250 lines since positions, buffers and commits are one piece of bookkeeping. Records go into
// one buffer, and one fdatasync makes all of them durable that came while the sync before it ran (group commit). Positions
// are given at the call, so their order is the order of the calls.
import type { Exchange, SourceId } from '../quantity/exchange.ts';
import type { FilePort } from './file-port.ts';
import { eventBytes, exchangeBytes, writeExchange } from './exchange-codec.ts';
import {
  BODY_MAX_BYTES,
  FRAME_HEAD_BYTES,
  FRAME_TYPES,
  SEGMENT_START_BYTES,
  SYNCED_FRAME_BYTES,
  sealFrame,
  writeSegmentHead,
  writeSynced,
} from './frame.ts';
import { recordsFrom } from './journal-scan.ts';
import type { Recovered } from './journal-recovery.ts';
import { LedgerFailure } from './ledger.ts';
import type { Journal, JournalEvent, JournalPosition, JournalRecord } from './ledger.ts';
import { EVENTS_SOURCE, type RawBlock } from './raw-blocks.ts';
import { SegmentWriter } from './segment-writer.ts';

export interface JournalOptions {
  /** A segment is closed when it has grown past this. */
  readonly segmentBytes: number;
  /** Told once, when the disk has failed. */
  readonly onFailure: (failure: LedgerFailure) => void;
}

/** Bytes that wait for one segment's file. */
interface Chunk {
  readonly segmentBase: number;
  buffer: Buffer;
  lengthBytes: number;
}

interface Waiter {
  readonly position: JournalPosition;
  readonly resolve: (position: JournalPosition) => void;
  readonly reject: (failure: LedgerFailure) => void;
}

const CHUNK_BYTES = 256 * 1024;
/** Buffers above this are not kept for reuse: a burst should not hold its memory for ever. */
const KEPT_CHUNK_BYTES = 8 * 1024 * 1024;
const SOURCES_PER_SEGMENT_COUNT = 65_535;

export class SegmentJournal implements Journal {
  readonly #files: FilePort;
  readonly #folder: string;
  readonly #options: JournalOptions;
  readonly #writer: SegmentWriter;
  readonly #found: Recovered;
  #end: number;
  #durable: number;
  #segmentBase: number | undefined;
  readonly #sourceIndexes = new Map<SourceId, number>();
  #chunks: Chunk[] = [];
  #waiters: Waiter[] = [];
  #spare: Buffer | undefined;
  #committing = false;
  #failure: LedgerFailure | undefined;

  constructor(files: FilePort, folder: string, found: Recovered, options: JournalOptions) {
    this.#files = files;
    this.#folder = folder;
    this.#options = options;
    this.#writer = new SegmentWriter(files, folder);
    this.#found = found;
    this.#end = found.end;
    this.#durable = found.end;
    this.#segmentBase = found.segmentBase;
    found.sourceNames.forEach((name, index) => this.#sourceIndexes.set(name, index));
  }

  get end(): JournalPosition {
    return this.#end;
  }

  append(exchange: Exchange): Promise<JournalPosition> {
    if (this.#failure) return Promise.reject(this.#failure);
    const kept = this.#found.memory.find(exchange);
    if (kept !== undefined) return this.#whenDurable(kept);
    const bodyBytes = exchangeBytes(exchange);
    if (bodyBytes > BODY_MAX_BYTES || exchange.source === '' || exchange.source.length > 255) {
      return Promise.reject(new RangeError('an exchange of this size or source cannot be kept'));
    }
    const chunk = this.#room(bodyBytes + FRAME_HEAD_BYTES, exchange.source);
    const sourceIndex =
      this.#sourceIndexes.get(exchange.source) ?? this.#name(chunk, exchange.source);
    const at = chunk.lengthBytes;
    writeExchange(chunk.buffer, at + FRAME_HEAD_BYTES, sourceIndex, exchange);
    const position = this.#seal(chunk, FRAME_TYPES.exchange, bodyBytes);
    this.#found.blocks.add(exchange.source, chunk.buffer.subarray(at, chunk.lengthBytes));
    this.#found.memory.remember(exchange, position);
    return this.#whenDurable(position);
  }

  note(event: JournalEvent): Promise<JournalPosition> {
    if (this.#failure) return Promise.reject(this.#failure);
    const body = eventBytes(event);
    if (body.length > BODY_MAX_BYTES)
      return Promise.reject(new RangeError('the event is too long'));
    const chunk = this.#room(body.length + FRAME_HEAD_BYTES, '');
    const at = chunk.lengthBytes;
    chunk.buffer.set(body, at + FRAME_HEAD_BYTES);
    const position = this.#seal(chunk, FRAME_TYPES.event, body.length);
    this.#found.blocks.add(EVENTS_SOURCE, chunk.buffer.subarray(at, chunk.lengthBytes));
    return this.#whenDurable(position);
  }

  holds(exchange: Exchange): boolean {
    const kept = this.#found.memory.find(exchange);
    return kept !== undefined && kept < this.#durable;
  }

  async *scan(from: JournalPosition): AsyncGenerator<JournalRecord> {
    for await (const batch of this.scanBatches(from)) yield* batch;
  }

  /** As `scan`, in batches: a few times as fast where millions of records are read. */
  async *scanBatches(from: JournalPosition): AsyncGenerator<readonly JournalRecord[]> {
    const until = this.#end;
    await this.flush();
    yield* recordsFrom(this.#files, this.#folder, from, until);
  }

  /** Resolves when everything appended before the call is durable. */
  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#end > this.#durable) await this.#whenDurable(this.#end - 1);
  }

  /** Blocks over what was appended since the last call, and the position up to which they reach. */
  takeBlocks(): { until: JournalPosition; blocks: readonly RawBlock[] } {
    return { until: this.#end, blocks: this.#found.blocks.take() };
  }

  /** Makes all durable, marks it as such, and closes the file. */
  async close(): Promise<void> {
    if (!this.#failure && this.#end > 0) {
      await this.flush();
      this.#room(0, '');
      await this.flush();
    }
    await this.#writer.close();
  }

  /** Ends the journal's life: every later call rejects with this. */
  fail(failure: LedgerFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#chunks = [];
    for (const waiter of waiters) waiter.reject(failure);
    this.#options.onFailure(failure);
  }

  /** A chunk with room for a frame, its source's name and a mark; starts a segment where one is due. */
  #room(frameBytes: number, source: SourceId): Chunk {
    const spaceBytes =
      frameBytes + source.length * 3 + SEGMENT_START_BYTES + SYNCED_FRAME_BYTES + 16;
    const base = this.#segmentBase;
    const isFull =
      base === undefined ||
      this.#end - base >= this.#options.segmentBytes ||
      (this.#sourceIndexes.size >= SOURCES_PER_SEGMENT_COUNT && !this.#sourceIndexes.has(source));
    if (isFull) {
      const chunk = this.#newChunk(this.#end, spaceBytes);
      chunk.lengthBytes = writeSegmentHead(chunk.buffer, 0, this.#end);
      this.#segmentBase = this.#end;
      this.#end += chunk.lengthBytes;
      this.#sourceIndexes.clear();
      return chunk;
    }
    const last = this.#chunks.at(-1);
    if (last === undefined) {
      const chunk = this.#newChunk(base, spaceBytes);
      chunk.lengthBytes = writeSynced(chunk.buffer, 0, this.#end);
      this.#end += chunk.lengthBytes;
      return chunk;
    }
    if (last.lengthBytes + spaceBytes > last.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(2 * last.buffer.length, last.lengthBytes + spaceBytes),
      );
      last.buffer.copy(grown, 0, 0, last.lengthBytes);
      last.buffer = grown;
    }
    return last;
  }

  #newChunk(segmentBase: number, spaceBytes: number): Chunk {
    const spare = this.#spare;
    const reuse = spare !== undefined && spare.length >= spaceBytes;
    if (reuse) this.#spare = undefined;
    const buffer = reuse ? spare : Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, spaceBytes));
    const chunk = { segmentBase, buffer, lengthBytes: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  #name(chunk: Chunk, source: SourceId): number {
    const index = this.#sourceIndexes.size;
    const body = chunk.lengthBytes + FRAME_HEAD_BYTES;
    chunk.buffer.writeUInt16LE(index, body);
    const nameBytes = chunk.buffer.write(source, body + 2, 'utf8');
    this.#seal(chunk, FRAME_TYPES.source, 2 + nameBytes);
    this.#sourceIndexes.set(source, index);
    return index;
  }

  #seal(
    chunk: Chunk,
    type: (typeof FRAME_TYPES)[keyof typeof FRAME_TYPES],
    bodyBytes: number,
  ): number {
    sealFrame(chunk.buffer, chunk.lengthBytes, type, bodyBytes);
    const frameBytes = FRAME_HEAD_BYTES + bodyBytes;
    const position = this.#end;
    chunk.lengthBytes += frameBytes;
    this.#end += frameBytes;
    return position;
  }

  #whenDurable(position: JournalPosition): Promise<JournalPosition> {
    if (position < this.#durable) return Promise.resolve(position);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ position, resolve, reject });
      if (this.#committing) return;
      this.#committing = true;
      // Not at once: what the same turn of the event loop still appends shares this sync.
      queueMicrotask(() => void this.#commit());
    });
  }

  async #commit(): Promise<void> {
    try {
      while (this.#waiters.length > 0 && !this.#failure) {
        const chunks = this.#chunks;
        const waiters = this.#waiters;
        const end = this.#end;
        this.#chunks = [];
        this.#waiters = [];
        try {
          for (const { segmentBase, buffer, lengthBytes } of chunks) {
            await this.#writer.write(segmentBase, buffer.subarray(0, lengthBytes));
          }
        } catch (error) {
          this.#waiters = waiters.concat(this.#waiters);
          throw error;
        }
        this.#durable = end;
        const used = chunks.at(-1)?.buffer;
        if (used !== undefined && used.length <= KEPT_CHUNK_BYTES) this.#spare = used;
        for (const waiter of waiters) waiter.resolve(waiter.position);
      }
    } catch (error) {
      this.fail(new LedgerFailure('the journal cannot be written', { cause: error }));
    } finally {
      this.#committing = false;
    }
  }
}
