// The running seal: a SHA-256 per source over the framed records that came since the last seal, kept while appending so
// that sealing an hour of readings costs nothing.
import { createHash, type Hash } from 'node:crypto';
import type { Frame } from './frame.ts';
import { FRAME_TYPES } from './frame.ts';
import { EXCHANGE_FIXED_BYTES } from './exchange-codec.ts';

/** The name under which events are sealed: no instrument can have it. */
export const EVENTS_SOURCE = '@events';

export interface RawBlock {
  readonly source: string;
  readonly recordsCount: number;
  /** Hex, over the frames of this source in order. */
  readonly sha256: string;
}

export class RawBlocks {
  readonly #open = new Map<string, { hash: Hash; recordsCount: number }>();

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  add(source: string, frame: Uint8Array): void {
    let block = this.#open.get(source);
    if (block === undefined) {
      block = { hash: createHash('sha256'), recordsCount: 0 };
      this.#open.set(source, block);
    }
    block.hash.update(frame);
    block.recordsCount++;
  }

  /** What has been added since the last take, by source name; the next take starts anew. */
  take(): readonly RawBlock[] {
    const blocks = [...this.#open]
      .map(([source, { hash, recordsCount }]) => ({
        source,
        recordsCount,
        sha256: hash.digest('hex'),
      }))
      .sort((a, b) => (a.source < b.source ? -1 : 1));
    this.#open.clear();
    return blocks;
  }
}

/** Follows the dictionary of a segment: which source an index means there. */
export class SourceNames {
  readonly #names: string[] = [];

  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * The source to which a frame counts: its instrument, EVENTS_SOURCE, or undefined for frames that only give the
   * journal its shape. Throws nothing: a frame that cannot be told is `trouble`.
   */
  of(frame: Frame): { source: string | undefined; trouble?: string } {
    switch (frame.type) {
      case FRAME_TYPES.head:
        this.#names.length = 0;
        return { source: undefined };
      case FRAME_TYPES.source: {
        const index = frame.sourceIndex(3);
        if (index !== this.#names.length) {
          return { source: undefined, trouble: 'a source is named out of turn' };
        }
        this.#names.push(frame.body.toString('utf8', 2));
        return { source: undefined };
      }
      case FRAME_TYPES.exchange: {
        const index = frame.sourceIndex(EXCHANGE_FIXED_BYTES);
        const source = index === undefined ? undefined : this.#names[index];
        return source === undefined
          ? { source, trouble: 'an exchange of a source that the segment does not name' }
          : { source };
      }
      case FRAME_TYPES.event:
        return { source: EVENTS_SOURCE };
      case FRAME_TYPES.synced:
        return { source: undefined };
    }
  }
}
