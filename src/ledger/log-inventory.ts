// Which files lie in a log, and whether a tree of a given size accounts for them.
import type { FilePort } from './file-port.ts';
import { TILE_WIDTH_COUNT, hashesAtLevel, parseTilePath, type TileName } from './tiles.ts';

export interface FoundFile {
  /** Below the log. */
  readonly path: string;
  /** undefined where this is no path that a tile can have. */
  readonly tile: TileName | undefined;
  /** Whether it belongs to a tree of this size: a full tile in it, or one of the partial tiles named. */
  isOf(tree: { readonly size: number; readonly partials: readonly string[] }): boolean;
}

/** Everything below `tile/`, in the order of names. */
export async function listTiles(files: FilePort, folder: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  const walk = async (path: string): Promise<void> => {
    for (const name of await files.list(`${folder}/${path}`)) {
      if (name.endsWith('/')) await walk(`${path}/${name.slice(0, -1)}`);
      else found.push(foundFile(`${path}/${name}`));
    }
  };
  await walk('tile');
  return found;
}

function foundFile(path: string): FoundFile {
  const tile = parseTilePath(path);
  return {
    path,
    tile,
    isOf: ({ size, partials }) =>
      tile !== undefined &&
      (tile.width === TILE_WIDTH_COUNT ? isFullIn(tile, size) : partials.includes(path)),
  };
}

/** Whether a tree of this size has the full tile of this level and index. */
export const isFullIn = ({ level, index }: TileName, size: number): boolean =>
  (index + 1) * TILE_WIDTH_COUNT <= hashesAtLevel(level, size);
