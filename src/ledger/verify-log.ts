// Checks a log on disk against its signed checkpoint and names the first thing that is wrong. Entries and hashes are both
// folded to a root, so that where they differ it can be said which of the two was changed.
import { decodeEntry } from './entry.ts';
import { readWhole } from './file-port.ts';
import { LedgerDamage, type BlockEntry, type LeafIndex } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import { isFullIn, listTiles, type FoundFile } from './log-inventory.ts';
import type { LogState } from './log-state.ts';
import { HASH_BYTES, TreeRoot, leafHash, sameHash } from './merkle.ts';
import type { Checkpoint } from './checkpoint.ts';
import { checkNote, type Verifier } from './note.ts';
import { UnreadableEntry } from './statement-entry.ts';
import { TILE_WIDTH_COUNT, entriesOf, foldPerfect, hashesAtLevel, hashesOf } from './tiles.ts';
import { levelsOf, partialTileOf, tileOf, tilePath, type TileLevel } from './tiles.ts';

export interface SealedBlock {
  readonly leaf: LeafIndex;
  readonly block: BlockEntry;
}

/** The checkpoint, signed by a key that is believed. @throws LedgerDamage */
export async function verifyCheckpoint(
  folder: LogFolder,
  verifiers: readonly Verifier[],
): Promise<Checkpoint> {
  const where = `${folder.path}/checkpoint`;
  const found = await folder.checkpoint();
  if (found === undefined)
    throw new LedgerDamage('ledger.missing', where, 'there is no checkpoint');
  const { checkpoint, note } = found;
  const ofOrigin = verifiers.filter((verifier) => verifier.name === checkpoint.origin);
  switch (checkNote(note, ofOrigin)) {
    case 'signed':
      return checkpoint;
    case 'wrong':
      throw new LedgerDamage('ledger.signature', where, 'its signature does not verify');
    case 'unknown': {
      const names = verifiers.map((verifier) => verifier.name).join(', ');
      throw new LedgerDamage(
        'ledger.signature',
        where,
        `it is of the log ${checkpoint.origin} and not signed by a key that was to be believed (${names})`,
      );
    }
  }
}

/** What the state outside of the log says must not contradict the checkpoint. @throws LedgerDamage */
export function verifyState(state: LogState, checkpoint: Checkpoint, path: string): void {
  const isInterrupted = state.writingSize === state.size && state.size > checkpoint.size;
  if (state.origin !== checkpoint.origin) {
    throw new LedgerDamage('ledger.root-mismatch', path, 'it is the state of another log');
  }
  if (state.size !== checkpoint.size && !isInterrupted) {
    throw new LedgerDamage(
      'ledger.root-mismatch',
      path,
      `${String(state.size)} leaves were signed, but the checkpoint covers ${String(checkpoint.size)}`,
    );
  }
  if (
    state.size === checkpoint.size &&
    !sameHash(checkpoint.root, Buffer.from(state.root, 'hex'))
  ) {
    throw new LedgerDamage(
      'ledger.root-mismatch',
      path,
      'another root than the one signed was stored',
    );
  }
}

/**
 * Every file that the tree needs is there, and every file that is there is accounted for. A partial tile is, where it
 * belongs to the tree, or to an earlier signed tree while its full tile does not exist yet (tlog-tiles demands that
 * those stay); what an append that was cut off by a crash may have left is passed over until the next start.
 * @throws LedgerDamage
 */
export async function verifyInventory(
  folder: LogFolder,
  size: number,
  state: LogState | undefined,
): Promise<readonly FoundFile[]> {
  for (const name of await folder.files.list(folder.path)) {
    if (name === 'checkpoint' || name === 'vkey' || name === 'tile/') continue;
    throw new LedgerDamage('ledger.leftover', `${folder.path}/${name}`, 'no log has this file');
  }
  const found = await listTiles(folder.files, folder.path);
  const names = new Set(found.map((file) => file.path));
  for (const level of levelsOf(size)) {
    const count = Math.ceil(hashesAtLevel(level, size) / TILE_WIDTH_COUNT);
    for (let index = 0; index < count; index++) {
      const tile = tileOf(level, index, size);
      if (tile === undefined || names.has(tilePath(tile))) continue;
      const where = `${folder.path}/${tilePath(tile)}`;
      throw new LedgerDamage('ledger.missing', where, 'the log must have this file');
    }
  }
  const older: FoundFile[] = [];
  for (const file of found) {
    const standing = standingOf(file, size, state);
    if (standing === 'leftover') {
      throw new LedgerDamage(
        'ledger.leftover',
        `${folder.path}/${file.path}`,
        `a tree of ${String(size)} leaves does not account for this file`,
      );
    }
    if (standing === 'older') older.push(file);
  }
  return older;
}

function standingOf(
  file: FoundFile,
  size: number,
  state: LogState | undefined,
): 'own' | 'older' | 'unfinished' | 'leftover' {
  const { tile } = file;
  if (tile === undefined) return 'leftover';
  const writingSize = state?.writingSize;
  const isWanted = (treeSize: number): boolean =>
    tile.width === TILE_WIDTH_COUNT
      ? isFullIn(tile, treeSize)
      : partialTileOf(tile.level, treeSize)?.index === tile.index &&
        partialTileOf(tile.level, treeSize)?.width === tile.width;
  if (isWanted(size)) return 'own';
  if (writingSize !== undefined && isWanted(writingSize)) return 'unfinished';
  if (tile.width === TILE_WIDTH_COUNT) return 'leftover';
  const partial = partialTileOf(tile.level, size);
  const isShorter = partial?.index === tile.index && tile.width < partial.width;
  const isSigned = state === undefined || state.size !== size || state.partials.includes(file.path);
  if (isShorter && isSigned) return 'older';
  // Its full tile has just been made, and the crash came before it was dropped.
  return writingSize === size && isFullIn(tile, size) ? 'unfinished' : 'leftover';
}

/** Older partial tiles must be the beginning of what the tree has now. @throws LedgerDamage */
export async function verifyOlder(
  folder: LogFolder,
  size: number,
  older: readonly FoundFile[],
): Promise<void> {
  for (const { path, tile } of older) {
    if (tile === undefined) continue;
    const now = await exactTile(folder, tile.level, tile.index, size);
    const bytes = (await readWhole(folder.files, `${folder.path}/${path}`)) ?? new Uint8Array();
    const width = tile.level === 'entries' ? entriesOf(bytes)?.length : bytes.length / HASH_BYTES;
    if (width !== tile.width || !sameHash(bytes, now.subarray(0, bytes.length))) {
      throw new LedgerDamage(
        'ledger.leftover',
        `${folder.path}/${path}`,
        'this partial tile is not the beginning of what the tree has there',
      );
    }
  }
}

async function exactTile(
  folder: LogFolder,
  level: TileLevel,
  index: number,
  size: number,
): Promise<Uint8Array> {
  const tile = tileOf(level, index, size);
  const where = `${folder.path}/${tile ? tilePath(tile) : ''}`;
  const bytes = tile && (await readWhole(folder.files, where));
  if (bytes === undefined) throw new LedgerDamage('ledger.missing', where, 'it is gone');
  return bytes;
}

/** Checks the hashes above level 0 as they come to be. */
class UpperTiles {
  readonly #rows: Uint8Array[][] = [];
  readonly #counts: number[] = [];

  /** Takes the next hash of a level; returns a full tile's worth when there is one. */
  push(level: number, hash: Uint8Array): { index: number; hashes: Uint8Array[] } | undefined {
    const row = (this.#rows[level] ??= []);
    row.push(hash);
    if (row.length < TILE_WIDTH_COUNT) return undefined;
    this.#rows[level] = [];
    const index = this.#counts[level] ?? 0;
    this.#counts[level] = index + 1;
    return { index, hashes: row };
  }

  rest(): readonly { level: number; index: number; hashes: readonly Uint8Array[] }[] {
    return this.#rows.flatMap((hashes, level) =>
      hashes.length === 0 ? [] : [{ level, index: this.#counts[level] ?? 0, hashes }],
    );
  }
}

/**
 * Reads every entry and every hash, and returns the sealed blocks that the log names.
 * @throws LedgerDamage at the first entry, hash or root that does not match
 */
export async function verifyTree(
  folder: LogFolder,
  checkpoint: Checkpoint,
  onProgress: (doneCount: number) => void,
): Promise<readonly SealedBlock[]> {
  const { size, root } = checkpoint;
  const byHashes = new TreeRoot();
  const byEntries = new TreeRoot();
  const upper = new UpperTiles();
  const blocks: SealedBlock[] = [];
  let differ: { readonly leaf: number; readonly bundle: number } | undefined;
  let unreadable: LedgerDamage | undefined;
  let wrongAbove: LedgerDamage | undefined;

  const checkAbove = async (level: number, index: number, expected: readonly Uint8Array[]) => {
    const stored = await exactTile(folder, level, index, size);
    if (sameHash(stored, Buffer.concat(expected))) return;
    const at = hashesOf(stored).findIndex((hash, i) => !sameHash(hash, expected[i] ?? hash));
    const tile = tileOf(level, index, size);
    wrongAbove ??= new LedgerDamage(
      stored.length === expected.length * HASH_BYTES ? 'ledger.root-mismatch' : 'ledger.encoding',
      `${folder.path}/${tile ? tilePath(tile) : ''}`,
      at < 0
        ? 'its length is not that of its hashes'
        : `hash ${String(at)} of the tile is not the hash over the tile below it`,
    );
  };
  const rise = async (level: number, hash: Uint8Array): Promise<void> => {
    const full = upper.push(level, hash);
    if (full === undefined) return;
    await checkAbove(level, full.index, full.hashes);
    await rise(level + 1, foldPerfect(full.hashes));
  };

  for (let index = 0; index * TILE_WIDTH_COUNT < size; index++) {
    const width = Math.min(TILE_WIDTH_COUNT, size - index * TILE_WIDTH_COUNT);
    const hashBytes = await exactTile(folder, 0, index, size);
    if (hashBytes.length !== width * HASH_BYTES) {
      const where = `${folder.path}/${tilePath({ level: 0, index, width })}`;
      throw new LedgerDamage('ledger.encoding', where, 'its length is not that of its hashes');
    }
    const bundlePath = `${folder.path}/${tilePath({ level: 'entries', index, width })}`;
    const entries = entriesOf(await exactTile(folder, 'entries', index, size));
    if (entries?.length !== width) {
      throw new LedgerDamage('ledger.encoding', bundlePath, 'its entries do not add up');
    }
    const hashes = hashesOf(hashBytes);
    for (const [at, entry] of entries.entries()) {
      const leaf = index * TILE_WIDTH_COUNT + at;
      const hashed = leafHash(entry);
      const stored = hashes[at] ?? hashed;
      byHashes.push(stored);
      byEntries.push(hashed);
      if (!sameHash(hashed, stored)) differ ??= { leaf, bundle: index };
      try {
        const read = decodeEntry(entry);
        if (read.type === 'block') blocks.push({ leaf, block: read });
      } catch (error) {
        if (!(error instanceof UnreadableEntry)) throw error;
        const where = `${bundlePath}, leaf ${String(leaf)}`;
        unreadable ??= new LedgerDamage('ledger.encoding', where, error.message);
      }
    }
    if (width === TILE_WIDTH_COUNT) await rise(1, foldPerfect(hashes));
    onProgress(index * TILE_WIDTH_COUNT + width);
  }
  for (const { level, index, hashes } of upper.rest()) await checkAbove(level, index, hashes);

  const hashesLead = sameHash(byHashes.root(), root);
  if (differ) {
    const entriesLead = sameHash(byEntries.root(), root);
    const { leaf, bundle } = differ;
    const width = Math.min(TILE_WIDTH_COUNT, size - bundle * TILE_WIDTH_COUNT);
    const pathOf = (level: TileLevel): string =>
      `${folder.path}/${tilePath({ level, index: bundle, width })}, leaf ${String(leaf)}`;
    if (entriesLead) {
      throw new LedgerDamage(
        'ledger.root-mismatch',
        pathOf(0),
        'the hash was changed: the entries lead to the signed root',
      );
    }
    throw new LedgerDamage(
      'ledger.root-mismatch',
      pathOf('entries'),
      hashesLead
        ? 'the entry was changed: the hashes lead to the signed root'
        : 'entry and hash differ, and neither entries nor hashes lead to the signed root',
    );
  }
  if (!hashesLead) {
    throw new LedgerDamage(
      'ledger.root-mismatch',
      `${folder.path}/checkpoint`,
      'entries and hashes agree, but lead to another root than the signed one',
    );
  }
  if (wrongAbove) throw wrongAbove;
  if (unreadable) throw unreadable;
  return blocks;
}
