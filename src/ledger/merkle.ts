// The Merkle tree of RFC 6962 §2.1 as pure arithmetic: leaf and node hashes, a running root, and proofs. Subtrees are
// named by level and index: level 3, index 2 is the hash over leaves 16 to 23.
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;

/** SHA-256 at one go, in half the time of a running one: by way of text, since that is how the library returns it fastest. */
const sha256 = (bytes: Uint8Array): Uint8Array =>
  Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');

/** SHA-256(0x00 || entry). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + entry.length);
  prefixed.set(entry, 1);
  return sha256(prefixed);
}

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + left.length + right.length);
  prefixed[0] = 1;
  prefixed.set(left, 1);
  prefixed.set(right, 1 + left.length);
  return sha256(prefixed);
}

/** Root of the empty tree: SHA-256 of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array());

export const sameHash = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Grows a tree leaf by leaf and knows its root; keeps one hash per complete subtree, so log2(n) of them. */
export class TreeRoot {
  readonly #peaks: { level: number; hash: Uint8Array }[] = [];
  #leavesCount = 0;

  get size(): number {
    return this.#leavesCount;
  }

  push(leaf: Uint8Array): void {
    let hash = leaf;
    let level = 0;
    for (let top = this.#peaks.at(-1); top?.level === level; top = this.#peaks.at(-1)) {
      hash = nodeHash(top.hash, hash);
      this.#peaks.pop();
      level++;
    }
    this.#peaks.push({ level, hash });
    this.#leavesCount++;
  }

  root(): Uint8Array {
    return foldPeaks(this.#peaks.map((peak) => peak.hash));
  }
}

/** Root of complete subtrees, the largest (leftmost) first. */
export function foldPeaks(peaks: readonly Uint8Array[]): Uint8Array {
  const last = peaks.at(-1);
  if (last === undefined) return emptyRoot();
  return peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** Leaves [from, until) of one tree. */
export interface LeafRange {
  readonly from: number;
  readonly until: number;
}

/** Largest power of two that is less than a count of at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** RFC 6962 §2.1.1: the ranges whose hashes prove that a leaf is in a tree, in the order of the proof. */
export function inclusionRanges(leaf: number, size: number): readonly LeafRange[] {
  if (!(leaf >= 0 && leaf < size)) throw new RangeError('the leaf is not in the tree');
  const path = (from: number, until: number): LeafRange[] => {
    if (until - from === 1) return [];
    const middle = from + splitOf(until - from);
    return leaf < middle
      ? [...path(from, middle), { from: middle, until }]
      : [...path(middle, until), { from, until: middle }];
  };
  return path(0, size);
}

/** RFC 6962 §2.1.2: the ranges whose hashes prove that a tree of `size` extends the one of `oldSize`. */
export function consistencyRanges(oldSize: number, size: number): readonly LeafRange[] {
  if (!(oldSize >= 0 && oldSize <= size)) throw new RangeError('the old tree is larger');
  if (oldSize === 0 || oldSize === size) return [];
  const path = (from: number, until: number, isWhole: boolean): LeafRange[] => {
    if (oldSize === until) return isWhole ? [] : [{ from, until }];
    const middle = from + splitOf(until - from);
    return oldSize <= middle
      ? [...path(from, middle, isWhole), { from: middle, until }]
      : [...path(middle, until, false), { from, until: middle }];
  };
  return path(0, size, true);
}

/** The complete subtrees that a range is made of, the leftmost first, as level and index. */
export function subtreesOf({
  from,
  until,
}: LeafRange): readonly { level: number; index: number }[] {
  const subtrees: { level: number; index: number }[] = [];
  for (let at = from; at < until;) {
    let level = 0;
    for (let width = 1; at % (width * 2) === 0 && at + width * 2 <= until; width *= 2) level++;
    subtrees.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return subtrees;
}

/** Root that a leaf and its inclusion proof lead to; undefined where the proof has the wrong length. */
export function rootFromInclusion(
  leaf: Uint8Array,
  leafIndex: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!(leafIndex >= 0 && leafIndex < size)) return undefined;
  const ranges = inclusionRanges(leafIndex, size);
  if (ranges.length !== proof.length) return undefined;
  return ranges.reduce((hash, range, at) => {
    const sibling = proof[at] ?? hash;
    return range.from > leafIndex ? nodeHash(hash, sibling) : nodeHash(sibling, hash);
  }, leaf);
}

/** Whether a proof shows that the tree with `root` extends the one with `oldRoot`: nothing before was changed. */
export function isConsistent(
  oldSize: number,
  oldRoot: Uint8Array,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (oldSize > size || oldSize < 0) return false;
  if (oldSize === 0) return proof.length === 0 && sameHash(oldRoot, emptyRoot());
  if (oldSize === size) return proof.length === 0 && sameHash(oldRoot, root);
  if (proof.length !== consistencyRanges(oldSize, size).length) return false;
  let next = 0;
  const take = (): Uint8Array => proof[next++] ?? oldRoot;
  // Rebuilds both roots on the way up: the old one from what lay left of its edge, the new one from everything.
  const walk = (from: number, until: number, isWhole: boolean): [Uint8Array, Uint8Array] => {
    if (oldSize === until) {
      const hash = isWhole ? oldRoot : take();
      return [hash, hash];
    }
    const middle = from + splitOf(until - from);
    if (oldSize <= middle) {
      const [oldHash, hash] = walk(from, middle, isWhole);
      return [oldHash, nodeHash(hash, take())];
    }
    const [oldHash, hash] = walk(middle, until, false);
    const left = take();
    return [nodeHash(left, oldHash), nodeHash(left, hash)];
  };
  const [oldAgain, newAgain] = walk(0, size, true);
  return sameHash(oldAgain, oldRoot) && sameHash(newAgain, root);
}
