// Brings the index up to the log: at a start, after it was deleted, or where it belongs to another log.
import { storedEntry } from './entry.ts';
import type { FilePort } from './file-port.ts';
import { LedgerDamage, type StoredEntry } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import { LogIndex } from './log-index.ts';
import { UnreadableEntry } from './statement-entry.ts';

/** Opens the index and brings it up to the log; one that is damaged or not of this log is made anew. */
export async function openIndex(
  files: FilePort,
  path: string,
  folder: LogFolder,
  size: number,
  origin: string,
  failed: (cause: unknown) => never,
): Promise<LogIndex> {
  let index: LogIndex | undefined;
  try {
    index = new LogIndex(path, origin, failed);
    if (await isOf(index, folder, size)) {
      await follow(index, folder, size);
      return index;
    }
  } catch (error) {
    if (error instanceof LedgerDamage || error instanceof UnreadableEntry) throw error;
  }
  index?.close();
  if (path !== ':memory:') {
    for (const suffix of ['', '-wal', '-shm', '-journal']) await files.remove(`${path}${suffix}`);
  }
  const anew = new LogIndex(path, origin, failed);
  await follow(anew, folder, size);
  return anew;
}

/** Whether the index has seen a part of this log and nothing else. */
async function isOf(index: LogIndex, folder: LogFolder, size: number): Promise<boolean> {
  const { next, sha256 } = index.followed;
  if (next === 0) return true;
  if (next > size) return false;
  for await (const { leaf, bytes } of folder.entriesFrom(next - 1, size)) {
    return storedEntry(leaf, bytes).sha256 === sha256;
  }
  return false;
}

const FOLLOW_BATCH_COUNT = 4096;

/** Takes the entries that the index has not seen out of the log. @throws LedgerDamage */
export async function follow(index: LogIndex, folder: LogFolder, size: number): Promise<void> {
  let stored: StoredEntry[] = [];
  let raw: Uint8Array[] = [];
  for await (const { leaf, bytes } of folder.entriesFrom(index.followed.next, size)) {
    try {
      stored.push(storedEntry(leaf, bytes));
    } catch (cause) {
      if (!(cause instanceof UnreadableEntry)) throw cause;
      const where = `${folder.path}/tile/entries, leaf ${String(leaf)}`;
      throw new LedgerDamage('ledger.encoding', where, cause.message, { cause });
    }
    raw.push(bytes);
    if (stored.length === FOLLOW_BATCH_COUNT) {
      index.follow(stored, raw);
      stored = [];
      raw = [];
    }
  }
  index.follow(stored, raw);
}
