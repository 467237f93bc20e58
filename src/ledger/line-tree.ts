// The Merkle tree over the lines of a settlement, as RFC 6962 builds it: its root stands in one entry of the log, so one
// proof serves a whole statement, and a line with its path can be handed out without the lines of others.
import { canonicalBytes, isCanonical } from './canonical.ts';
import { inclusionRanges, leafHash, rootFromInclusion, TreeRoot } from './merkle.ts';
import { fromBase64 } from './note.ts';

/** Lines as canonical JSON, each the bytes of one leaf. @throws RangeError where one is not plain JSON */
export const lineBytes = (line: Readonly<Record<string, unknown>>): Uint8Array =>
  canonicalBytes(line);

/** Root over lines in their order, base64 as everywhere in the log. */
export const lineRoot = (lines: readonly Uint8Array[]): string =>
  Buffer.from(rootOfRange(lines, 0, lines.length)).toString('base64');

function rootOfRange(lines: readonly Uint8Array[], from: number, until: number): Uint8Array {
  const tree = new TreeRoot();
  for (const line of lines.slice(from, until)) tree.push(leafHash(line));
  return tree.root();
}

/** Hashes, base64, that lead from one line to the root. @throws RangeError where there is no such line */
export const linePath = (lines: readonly Uint8Array[], index: number): readonly string[] =>
  inclusionRanges(index, lines.length).map(({ from, until }) =>
    Buffer.from(rootOfRange(lines, from, until)).toString('base64'),
  );

/**
 * Root that a line and its path lead to; undefined where the path does not fit the tree, or the line is not in its one
 * canonical form. @throws NotWellFormed where a hash is not base64
 */
export function rootOfLine(
  line: Uint8Array,
  index: number,
  linesCount: number,
  path: readonly string[],
): string | undefined {
  if (!isCanonical(line)) return undefined;
  const hashes = path.map((hash) => fromBase64(hash, 'a hash of the path'));
  const root = rootFromInclusion(leafHash(line), index, linesCount, hashes);
  return root && Buffer.from(root).toString('base64');
}
