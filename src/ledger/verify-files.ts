// Checks which files lie in a log: all that its tree needs, and none that it does not account for. What is left over is
// named, since it may be the trace of a log that was longer once.
import { readWhole } from './file-port.ts';
import { LedgerDamage } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import { isFullIn, listTiles, type FoundFile } from './log-inventory.ts';
import type { LogState } from './log-state.ts';
import { HASH_BYTES, sameHash } from './merkle.ts';
import { TILE_WIDTH_COUNT, entriesOf, hashesAtLevel } from './tiles.ts';
import { levelsOf, partialTileOf, tileOf, tilePath, type TileLevel } from './tiles.ts';

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

/** Bytes of exactly this tile of a tree of this size, never of a fuller one. @throws LedgerDamage */
export async function exactTile(
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
