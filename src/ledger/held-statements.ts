// Statements out of the index, each compared with the hash that stands in the tree: the index is a view that anybody may have
// changed, and what is billed must be what was signed.
import { objectIn } from './canonical.ts';
import { entrySha256 } from './entry.ts';
import { LedgerDamage, type LeafIndex, type StoredStatement } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import type { StatementRow } from './log-index.ts';
import { leafHash, sameHash } from './merkle.ts';
import { readStatement } from './statement-entry.ts';
import { TILE_WIDTH_COUNT } from './tiles.ts';

/** @throws LedgerDamage at the first row that is not the entry in the tree */
export async function heldStatements(
  folder: LogFolder,
  size: LeafIndex,
  rows: readonly StatementRow[],
): Promise<readonly StoredStatement[]> {
  const tileOf = (leaf: LeafIndex): number => Math.floor(leaf / TILE_WIDTH_COUNT);
  const wanted = [...new Set(rows.map(({ leaf }) => tileOf(leaf)))];
  const tiles = new Map(
    await Promise.all(
      wanted.map(async (index) => [index, await folder.hashes(0, index, size)] as const),
    ),
  );
  return rows.map(({ leaf, body }) => {
    const bytes = Buffer.from(body, 'utf8');
    const held = tiles.get(tileOf(leaf))?.[leaf % TILE_WIDTH_COUNT];
    if (held !== undefined && sameHash(held, leafHash(bytes))) {
      const statement = readStatement(objectIn(body) ?? {});
      return { leaf, sha256: entrySha256(bytes), statement };
    }
    throw new LedgerDamage(
      'ledger.root-mismatch',
      `leaf ${String(leaf)}`,
      'the index says otherwise than the log; delete index.db while the service is stopped',
    );
  });
}
