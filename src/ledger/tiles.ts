// Where a tree lies on disk: tiles of 256 hashes and bundles of 256 entries after C2SP tlog-tiles, names and contents.
import { HASH_BYTES, nodeHash } from './merkle.ts';

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH_COUNT = 256;
export const ENTRY_MAX_BYTES = 65_535;

export type TileLevel = number | 'entries';

export interface TileName {
  readonly level: TileLevel;
  readonly index: number;
  /** 1 to 255 in a partial tile, 256 in a full one. */
  readonly width: number;
}

/** Path below the log, such as `tile/0/x001/x234/067.p/12`. */
export function tilePath({ level, index, width }: TileName): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const parts = padded.match(/\d{3}/g) ?? [];
  const folders = parts.map((part, at) => (at < parts.length - 1 ? `x${part}` : part)).join('/');
  const partial = width === TILE_WIDTH_COUNT ? '' : `.p/${String(width)}`;
  return `tile/${String(level)}/${folders}${partial}`;
}

const TILE_PATH =
  /^tile\/(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** Reads a path back; undefined where it is not the one canonical path of a tile. */
export function parseTilePath(path: string): TileName | undefined {
  const match = TILE_PATH.exec(path);
  if (!match) return undefined;
  const [, levelText = '', indexText = '', widthText] = match;
  const name: TileName = {
    level: levelText === 'entries' ? 'entries' : Number(levelText),
    index: Number(indexText.replace(/[x/]/g, '')),
    width: widthText === undefined ? TILE_WIDTH_COUNT : Number(widthText),
  };
  return name.width <= TILE_WIDTH_COUNT && tilePath(name) === path ? name : undefined;
}

/** Hashes at a level of a tree: one per complete subtree of 256 to the power of the level. */
export const hashesAtLevel = (level: TileLevel, size: number): number =>
  level === 'entries' ? size : Math.floor(size / TILE_WIDTH_COUNT ** level);

/** All levels that a tree of this size has tiles at. */
export function levelsOf(size: number): readonly TileLevel[] {
  const levels: TileLevel[] = size > 0 ? ['entries'] : [];
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) levels.push(level);
  return levels;
}

/** The tile of a level and index in a tree of this size, or undefined where that has none. */
export function tileOf(level: TileLevel, index: number, size: number): TileName | undefined {
  const width = Math.min(TILE_WIDTH_COUNT, hashesAtLevel(level, size) - index * TILE_WIDTH_COUNT);
  return width > 0 ? { level, index, width } : undefined;
}

/** The rightmost tile of a level where it is partial. */
export function partialTileOf(level: TileLevel, size: number): TileName | undefined {
  const count = hashesAtLevel(level, size);
  const width = count % TILE_WIDTH_COUNT;
  return width === 0 ? undefined : { level, index: (count - width) / TILE_WIDTH_COUNT, width };
}

/** Cuts a tile into its hashes. */
export function hashesOf(tile: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at + HASH_BYTES <= tile.length; at += HASH_BYTES) {
    hashes.push(tile.subarray(at, at + HASH_BYTES));
  }
  return hashes;
}

/** Hash over all of a power of two of hashes. */
export function foldPerfect(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left && right) above.push(nodeHash(left, right));
    }
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw new RangeError('no hashes to fold');
  return root;
}

/** A bundle: each entry behind its length, u16 big-endian. */
export function bundleOf(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]),
  );
}

/** The entries of a bundle; undefined where its lengths do not add up. */
export function entriesOf(bundle: Uint8Array): Uint8Array[] | undefined {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bundle.length;) {
    const length = ((bundle[at] ?? 0) << 8) | (bundle[at + 1] ?? 0);
    const end = at + 2 + length;
    if (end > bundle.length) return undefined;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
