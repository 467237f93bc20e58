// Reading a log that lies on disk as C2SP tiles: its checkpoint, entries, hashes, and proofs from them.
import { LedgerDamage, type LeafIndex } from './ledger.ts';
import { readWhole, type FilePort } from './file-port.ts';
import { HASH_BYTES, foldPeaks, subtreesOf, type LeafRange } from './merkle.ts';
import { NotWellFormed, parseVkey, type Note, type Verifier } from './note.ts';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { strictText } from './canonical.ts';
import { TILE_WIDTH_COUNT, entriesOf, foldPerfect, hashesOf, tileOf, tilePath } from './tiles.ts';
import type { TileLevel } from './tiles.ts';

export class LogFolder {
  readonly files: FilePort;
  readonly path: string;

  constructor(files: FilePort, path: string) {
    this.files = files;
    this.path = path;
  }

  /** undefined where there is none. @throws LedgerDamage where it is malformed */
  async checkpoint(): Promise<{ checkpoint: Checkpoint; note: Note } | undefined> {
    const bytes = await readWhole(this.files, `${this.path}/checkpoint`);
    return bytes && this.readCheckpoint(bytes);
  }

  /** @throws LedgerDamage where the bytes are no checkpoint in its one form */
  readCheckpoint(bytes: Uint8Array): { checkpoint: Checkpoint; note: Note } {
    try {
      return parseCheckpoint(bytes);
    } catch (error) {
      if (!(error instanceof NotWellFormed)) throw error;
      throw new LedgerDamage('ledger.encoding', `${this.path}/checkpoint`, error.message);
    }
  }

  /** The log's own verifier key; undefined where there is none. @throws LedgerDamage where it is malformed */
  async vkey(): Promise<Verifier | undefined> {
    const where = `${this.path}/vkey`;
    const bytes = await readWhole(this.files, where);
    if (bytes === undefined) return undefined;
    try {
      const text = strictText(bytes);
      if (text?.endsWith('\n') !== true) throw new NotWellFormed('it is not one line');
      return parseVkey(text.slice(0, -1));
    } catch (error) {
      if (!(error instanceof NotWellFormed)) throw error;
      throw new LedgerDamage('ledger.encoding', where, error.message);
    }
  }

  /** Bytes of a tile or bundle of a tree of this size. @throws LedgerDamage where the file is not there */
  async tile(level: TileLevel, index: number, size: number): Promise<Uint8Array> {
    const name = tileOf(level, index, size);
    if (name === undefined) throw new RangeError('the tree has no such tile');
    const where = `${this.path}/${tilePath(name)}`;
    const bytes = await readWhole(this.files, where);
    if (bytes === undefined) {
      // A partial tile may have been replaced by the full one since the checkpoint was read.
      const full = { ...name, width: TILE_WIDTH_COUNT };
      const later = await readWhole(this.files, `${this.path}/${tilePath(full)}`);
      if (later !== undefined) return later;
      throw new LedgerDamage('ledger.missing', where, 'the log must have this file');
    }
    return bytes;
  }

  /** The hashes of a tile, exactly as many as the tree has there. @throws LedgerDamage */
  async hashes(level: number, index: number, size: number): Promise<Uint8Array[]> {
    const width = tileOf(level, index, size)?.width ?? 0;
    const bytes = await this.tile(level, index, size);
    if (bytes.length < width * HASH_BYTES || bytes.length % HASH_BYTES !== 0) {
      const where = `${this.path}/${tilePath({ level, index, width })}`;
      throw new LedgerDamage('ledger.encoding', where, 'its length is not that of its hashes');
    }
    return hashesOf(bytes).slice(0, width);
  }

  /** The entries of a bundle, exactly as many as the tree has there. @throws LedgerDamage */
  async entries(index: number, size: number): Promise<Uint8Array[]> {
    const width = tileOf('entries', index, size)?.width ?? 0;
    const entries = entriesOf(await this.tile('entries', index, size));
    if (entries === undefined || entries.length < width) {
      const where = `${this.path}/${tilePath({ level: 'entries', index, width })}`;
      throw new LedgerDamage('ledger.encoding', where, 'its entries do not add up');
    }
    return entries.slice(0, width);
  }

  /** Canonical bytes of entries from a leaf to the end of a tree of this size. */
  async *entriesFrom(
    from: LeafIndex,
    size: number,
  ): AsyncGenerator<{ readonly leaf: LeafIndex; readonly bytes: Uint8Array }> {
    for (
      let bundle = Math.floor(from / TILE_WIDTH_COUNT);
      bundle * TILE_WIDTH_COUNT < size;
      bundle++
    ) {
      const entries = await this.entries(bundle, size);
      for (const [at, bytes] of entries.entries()) {
        const leaf = bundle * TILE_WIDTH_COUNT + at;
        if (leaf >= from) yield { leaf, bytes };
      }
    }
  }

  /** Hash over a range of leaves of a tree of this size, from its tiles. */
  async rangeHash(range: LeafRange, size: number): Promise<Uint8Array> {
    const peaks: Uint8Array[] = [];
    for (const subtree of subtreesOf(range)) {
      // A subtree of height h lies in the tiles of level floor(h/8), as 2^(h mod 8) of their hashes.
      const level = Math.floor(subtree.level / 8);
      const widthCount = 2 ** (subtree.level % 8);
      const first = subtree.index * widthCount;
      const index = Math.floor(first / TILE_WIDTH_COUNT);
      const hashes = await this.hashes(level, index, size);
      const at = first % TILE_WIDTH_COUNT;
      peaks.push(foldPerfect(hashes.slice(at, at + widthCount)));
    }
    return foldPeaks(peaks);
  }

  /** Hashes of the ranges of a proof. */
  async proof(ranges: readonly LeafRange[], size: number): Promise<readonly Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const range of ranges) hashes.push(await this.rangeHash(range, size));
    return hashes;
  }
}
