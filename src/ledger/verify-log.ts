// Checks a log on disk against its signed checkpoint and names the first thing that is wrong. Entries and hashes are both
// folded to a root, so that where they differ it can be said which of the two was changed.
import { decodeEntry } from './entry.ts';
import { LedgerDamage, type BlockEntry, type LeafIndex } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import type { LogState } from './log-state.ts';
import { HASH_BYTES, TreeRoot, leafHash, sameHash } from './merkle.ts';
import type { Checkpoint } from './checkpoint.ts';
import { checkNote, type Verifier } from './note.ts';
import { UnreadableEntry } from './statement-entry.ts';
import { TILE_WIDTH_COUNT, entriesOf, foldPerfect, hashesOf } from './tiles.ts';
import { tileOf, tilePath, type TileLevel } from './tiles.ts';
import { exactTile } from './verify-files.ts';

export interface SealedBlock {
  readonly leaf: LeafIndex;
  readonly block: BlockEntry;
}

/** The checkpoint in these bytes, signed by a key that is believed. @throws LedgerDamage */
export function verifyCheckpoint(
  folder: LogFolder,
  verifiers: readonly Verifier[],
  bytes: Uint8Array | undefined,
): Checkpoint {
  const where = `${folder.path}/checkpoint`;
  if (bytes === undefined)
    throw new LedgerDamage('ledger.missing', where, 'there is no checkpoint');
  const { checkpoint, note } = folder.readCheckpoint(bytes);
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
