// The writer of the Merkle log. One append is: note the new size as being written; write tiles; store size and root;
// sign; put the checkpoint in place; drop partial tiles that have become full. A crash between any two of these steps
// leaves a log that the next start completes or takes back, and that never signs what does not extend the last.
import assert from 'node:assert/strict';
import { signCheckpoint } from './checkpoint.ts';
import { folderOf, replaceFile } from './file-port.ts';
import { encodeEntry, storedEntry } from './entry.ts';
import { LedgerDamage, LedgerFailure, type LeafIndex, type Log, type LogEntry } from './ledger.ts';
import type { StoredEntry } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import { writeLogState, type LogState } from './log-state.ts';
import { foldPeaks, leafHash, sameHash } from './merkle.ts';
import type { Signer } from './note.ts';
import { TILE_WIDTH_COUNT, bundleOf, foldPerfect, hashesAtLevel } from './tiles.ts';
import { parseTilePath, partialTileOf, tilePath, levelsOf, type TileName } from './tiles.ts';

/** The right edge of the tree: what is not in full tiles yet. */
export interface Edge {
  readonly size: number;
  /** Per level, the hashes of the rightmost tile where it is partial. */
  readonly levels: readonly (readonly Uint8Array[])[];
  /** Entries of the rightmost bundle where it is partial. */
  readonly entries: readonly Uint8Array[];
}

/** Root of a tree from its right edge. */
export function rootOf({ levels }: Edge): Uint8Array {
  const peaks: Uint8Array[] = [];
  for (const hashes of levels) {
    const ofLevel: Uint8Array[] = [];
    let at = 0;
    for (let widthCount = TILE_WIDTH_COUNT / 2; widthCount >= 1; widthCount /= 2) {
      if ((hashes.length & widthCount) === 0) continue;
      ofLevel.push(foldPerfect(hashes.slice(at, at + widthCount)));
      at += widthCount;
    }
    // Higher levels hold what lies further left.
    peaks.unshift(...ofLevel);
  }
  return foldPeaks(peaks);
}

/** Reads the right edge of a tree of this size from its tiles. @throws LedgerDamage */
export async function readEdge(folder: LogFolder, size: number): Promise<Edge> {
  const levels: Uint8Array[][] = [];
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
    const partial = partialTileOf(level, size);
    levels.push(partial ? await folder.hashes(level, partial.index, size) : []);
  }
  const partial = partialTileOf('entries', size);
  return { size, levels, entries: partial ? await folder.entries(partial.index, size) : [] };
}

interface Growth {
  readonly edge: Edge;
  readonly files: readonly { readonly name: TileName; readonly bytes: Uint8Array }[];
}

/** The edge after appending entries, and the tiles that this fills or lengthens. */
export function grow(edge: Edge, added: readonly Uint8Array[]): Growth {
  const files: { name: TileName; bytes: Uint8Array }[] = [];
  const size = edge.size + added.length;
  const entries = edge.entries.concat(added);
  let bundle = Math.floor(edge.size / TILE_WIDTH_COUNT);
  while (entries.length >= TILE_WIDTH_COUNT) {
    const full = entries.splice(0, TILE_WIDTH_COUNT);
    const name: TileName = { level: 'entries', index: bundle++, width: TILE_WIDTH_COUNT };
    files.push({ name, bytes: bundleOf(full) });
  }
  if (entries.length > 0) {
    const name: TileName = { level: 'entries', index: bundle, width: entries.length };
    files.push({ name, bytes: bundleOf(entries) });
  }
  const levels: Uint8Array[][] = [];
  let rising: Uint8Array[] = added.map(leafHash);
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
    const hashes = (edge.levels[level] ?? []).concat(rising);
    const isGrowing = rising.length > 0;
    rising = [];
    let index = Math.floor(hashesAtLevel(level, edge.size) / TILE_WIDTH_COUNT);
    while (hashes.length >= TILE_WIDTH_COUNT) {
      const full = hashes.splice(0, TILE_WIDTH_COUNT);
      files.push({
        name: { level, index: index++, width: TILE_WIDTH_COUNT },
        bytes: Buffer.concat(full),
      });
      rising.push(foldPerfect(full));
    }
    if (hashes.length > 0 && isGrowing) {
      files.push({ name: { level, index, width: hashes.length }, bytes: Buffer.concat(hashes) });
    }
    levels.push(hashes);
  }
  return { edge: { size, levels, entries }, files };
}

/** Partial tiles that stay: those of signed trees whose full tile a tree of this size does not have yet. */
const keptPartials = (partials: readonly string[], size: number): readonly string[] =>
  partials.filter((path) => {
    const tile = parseTilePath(path);
    return (
      tile !== undefined && hashesAtLevel(tile.level, size) < (tile.index + 1) * TILE_WIDTH_COUNT
    );
  });

export class MerkleLog implements Log {
  readonly #folder: LogFolder;
  readonly #dataFolder: string;
  readonly #signer: Signer;
  readonly #onAppended: (stored: readonly StoredEntry[], bytes: readonly Uint8Array[]) => void;
  #edge: Edge;
  #state: LogState;
  #last: Promise<unknown> = Promise.resolve();
  #failure: LedgerFailure | undefined;

  constructor(
    folder: LogFolder,
    dataFolder: string,
    signer: Signer,
    start: { edge: Edge; state: LogState },
    onAppended: (stored: readonly StoredEntry[], bytes: readonly Uint8Array[]) => void,
  ) {
    this.#folder = folder;
    this.#dataFolder = dataFolder;
    this.#signer = signer;
    this.#edge = start.edge;
    this.#state = start.state;
    this.#onAppended = onAppended;
  }

  get size(): LeafIndex {
    return this.#edge.size;
  }

  async append(entries: readonly LogEntry[]): Promise<readonly StoredEntry[]> {
    // Encoded before anything is queued: a wrong entry is the caller's error and harms nobody else.
    const added = entries.map(encodeEntry);
    if (this.#failure) throw this.#failure;
    if (added.length === 0) return [];
    const turn = this.#last.then(() => this.#append(added));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async *scan(from: LeafIndex): AsyncGenerator<StoredEntry> {
    for await (const { leaf, bytes } of this.#folder.entriesFrom(from, this.size)) {
      yield storedEntry(leaf, bytes);
    }
  }

  /** Ends the log's life: every later append rejects with this. */
  fail(failure: LedgerFailure): void {
    this.#failure ??= failure;
  }

  /** Resolves when no append is under way. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #append(added: readonly Uint8Array[]): Promise<readonly StoredEntry[]> {
    if (this.#failure) throw this.#failure;
    const before = this.#edge;
    const { edge, files } = grow(before, added);
    try {
      await this.#write({ ...this.#state, writingSize: edge.size });
      await this.#writeTiles(files);
      const root = rootOf(edge);
      const partials = keptPartials(this.#state.partials, edge.size).concat(
        levelsOf(edge.size).flatMap((level) => {
          const partial = partialTileOf(level, edge.size);
          return partial ? [tilePath(partial)] : [];
        }),
      );
      const state: LogState = {
        origin: this.#state.origin,
        size: edge.size,
        root: Buffer.from(root).toString('hex'),
        writingSize: edge.size,
        partials: [...new Set(partials)],
      };
      const dropped = this.#state.partials.filter((path) => !state.partials.includes(path));
      await this.#write(state);
      await this.#checkExtends(before, edge.size, root);
      await publishCheckpoint(this.#folder, this.#dataFolder, this.#signer, edge.size, root);
      for (const path of dropped) await this.#folder.files.remove(`${this.#folder.path}/${path}`);
      await this.#write({ ...state, writingSize: undefined });
    } catch (error) {
      this.#failure = new LedgerFailure('the log cannot be written', { cause: error });
      throw this.#failure;
    }
    this.#edge = edge;
    const stored = added.map((bytes, at) => storedEntry(before.size + at, bytes));
    this.#onAppended(stored, added);
    return stored;
  }

  async #write(state: LogState): Promise<void> {
    await writeLogState(this.#folder.files, this.#dataFolder, state);
    this.#state = state;
  }

  async #writeTiles(tiles: Growth['files']): Promise<void> {
    const { files, path } = this.#folder;
    const folders = new Set<string>();
    for (const { name, bytes } of tiles) {
      const target = `${path}/${tilePath(name)}`;
      await files.makeFolder(folderOf(target), 0o755);
      const staging = `${this.#dataFolder}/staging/tile`;
      await files.writeWhole(staging, bytes, 0o644);
      await files.rename(staging, target);
      folders.add(folderOf(target));
    }
    for (const folder of folders) await files.syncFolder(folder);
  }

  /** The last look before signing: what lies on the disk is the new tree, and holds the old one hash for hash. */
  async #checkExtends(before: Edge, size: number, root: Uint8Array): Promise<void> {
    assert(size > before.size, 'the log would not grow');
    const written = await this.#folder.rangeHash({ from: 0, until: size }, size);
    const kept = await this.#folder.rangeHash({ from: 0, until: before.size }, size);
    if (!sameHash(written, root) || !sameHash(kept, rootOf(before))) {
      throw new LedgerDamage(
        'ledger.root-mismatch',
        `${this.#folder.path}/tile`,
        'the tiles on the disk are not the tree that was to be signed',
      );
    }
  }
}

/** Signs size and root, and puts the checkpoint in place. The caller has stored both in the state. */
export async function publishCheckpoint(
  folder: LogFolder,
  dataFolder: string,
  signer: Signer,
  size: number,
  root: Uint8Array,
): Promise<void> {
  const bytes = signCheckpoint({ origin: signer.name, size, root }, signer);
  await replaceFile(
    folder.files,
    `${folder.path}/checkpoint`,
    `${dataFolder}/staging/checkpoint`,
    bytes,
  );
}
