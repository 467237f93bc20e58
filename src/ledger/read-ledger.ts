// Reading a ledger without its lock, also while a service writes it: for export, proofs and questions. It sees the log as
// of one checkpoint and the journal up to its last whole record; it changes nothing.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { SiteFault } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { disk } from './disk.ts';
import { storedEntry } from './entry.ts';
import { readWhole, type FilePort } from './file-port.ts';
import { heldStatements } from './held-statements.ts';
import { recordsFrom } from './journal-scan.ts';
import { LedgerDamage, LedgerFailure } from './ledger.ts';
import type { JournalPosition, JournalRecord, LeafIndex, StatementIndex } from './ledger.ts';
import type { StoredDocument, StoredEntry, StoredStatement } from './ledger.ts';
import { LogFolder } from './log-folder.ts';
import { LogIndex } from './log-index.ts';
import { consistencyRanges, inclusionRanges, sameHash } from './merkle.ts';
import { vkeyText } from './note.ts';
import { follow } from './follow-log.ts';
import { framesOf, listSegments } from './segments.ts';
import { tlogProof } from './tlog-proof.ts';
import { verifyCheckpoint } from './verify-log.ts';
import { assertExtends, readWitnessed } from './witnessed.ts';

export interface LedgerReader {
  readonly origin: string;
  readonly vkey: string;
  /** Number of leaves. */
  readonly size: LeafIndex;
  readonly statements: StatementIndex;
  /** Settlement entries, oldest first. */
  settlements(): readonly StoredDocument[];
  /** Canonical bytes of one entry. */
  entryBytes(leaf: LeafIndex): Promise<Uint8Array>;
  /** Entries from a leaf on, oldest first. */
  entries(from: LeafIndex): AsyncIterable<StoredEntry>;
  /**
   * As `statements.between`, of these points where any are named, and each compared with the hash that stands in the tree:
   * the index is a view that anybody may have changed. Throws LedgerDamage.
   */
  heldBetween(
    fromNs: InstantNs,
    untilNs: InstantNs,
    points?: readonly string[],
  ): Promise<readonly StoredStatement[]>;
  /** End of the last whole record. */
  readonly journalEnd: JournalPosition;
  /** Records from a position on, in batches. */
  records(from: JournalPosition): AsyncIterable<readonly JournalRecord[]>;
  /** The signed checkpoint, byte for byte. */
  readonly checkpoint: Uint8Array;
  /**
   * A C2SP tlog-proof: that this leaf is in the log, checkable offline with the verifier key alone. It is made against the
   * checkpoint that witnesses cosigned, where that covers the leaf.
   */
  proveLeaf(leaf: LeafIndex): Promise<string>;
  /** RFC 6962 consistency proof, base64 by line: that this log extends the one of an older size. */
  proveSince(oldSize: LeafIndex): Promise<string>;
  close(): void;
}

/**
 * Opens a data directory for reading.
 * @throws SiteFault where there is no ledger; LedgerDamage where checkpoint and tiles do not agree
 */
export async function readLedger(dataDir: string, files: FilePort = disk): Promise<LedgerReader> {
  const root = resolve(dataDir);
  const folder = new LogFolder(files, `${root}/log`);
  const vkey = await folder.vkey();
  const note = await readWhole(files, `${folder.path}/checkpoint`);
  if (vkey === undefined || note === undefined) {
    throw new SiteFault({
      where: root,
      what: 'there is no ledger in this directory',
      remedy: 'name the data directory that was given to trueup run with --data',
    });
  }
  const checkpoint = verifyCheckpoint(folder, [vkey], note);
  const { size, origin } = checkpoint;
  if (!sameHash(await folder.rangeHash({ from: 0, until: size }, size), checkpoint.root)) {
    throw new LedgerDamage(
      'ledger.root-mismatch',
      `${folder.path}/checkpoint`,
      'the tiles do not lead to the signed root',
    );
  }
  const index = keptIndex(`${root}/index.db`, origin, size) ?? indexInMemory(origin);
  await follow(index, folder, size);
  const journalFolder = `${root}/journal`;
  const journalEnd = await endOfJournal(files, journalFolder);
  return {
    origin,
    vkey: vkeyText(vkey),
    size,
    statements: index,
    settlements: () => index.settlements(),
    async entryBytes(leaf) {
      for await (const { bytes } of folder.entriesFrom(leaf, size)) return bytes;
      throw new RangeError('the leaf is not in the tree');
    },
    journalEnd,
    async *entries(from) {
      for await (const { leaf, bytes } of folder.entriesFrom(from, size)) {
        yield storedEntry(leaf, bytes);
      }
    },
    heldBetween: (fromNs, untilNs, points) =>
      heldStatements(folder, size, index.rowsBetween(fromNs, untilNs, points)),
    records: (from) => recordsFrom(files, journalFolder, from, journalEnd),
    async proveLeaf(leaf) {
      const seen = await readWitnessed(files, root);
      if (seen === undefined || leaf >= seen.checkpoint.size) {
        return tlogProof(leaf, await folder.proof(inclusionRanges(leaf, size), size), note);
      }
      await assertExtends(folder, checkpoint, seen);
      const ranges = inclusionRanges(leaf, seen.checkpoint.size);
      return tlogProof(leaf, await folder.proof(ranges, size), seen.bytes);
    },
    checkpoint: note,
    async proveSince(oldSize) {
      return linesOf(await folder.proof(consistencyRanges(oldSize, size), size));
    },
    close() {
      index.close();
    },
  };
}

const failed = (cause: unknown): never => {
  throw new LedgerFailure('the index cannot be read', { cause });
};

const indexInMemory = (origin: string): LogIndex => new LogIndex(':memory:', origin, failed);

/** The index that the service keeps, where it has followed this log so far and nothing beyond; undefined where not. */
function keptIndex(path: string, origin: string, size: LeafIndex): LogIndex | undefined {
  if (!existsSync(path)) return undefined;
  let index: LogIndex | undefined;
  try {
    index = new LogIndex(path, origin, failed, 'read');
    if (index.followed.next === size) return index;
  } catch {
    // It is no index of this log, or of an older form: the log itself is asked.
  }
  index?.close();
  return undefined;
}

const linesOf = (hashes: readonly Uint8Array[]): string =>
  hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');

async function endOfJournal(files: FilePort, folder: string): Promise<number> {
  const { segments } = await listSegments(files, folder);
  const last = segments.at(-1);
  if (last === undefined) return 0;
  let end = last.base;
  for await (const frames of framesOf(files, last)) {
    const frame = frames.at(-1);
    if (frame) end = frame.position + frame.lengthBytes;
  }
  return end;
}
