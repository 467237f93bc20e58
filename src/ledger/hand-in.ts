// Handing an entry in: one process holds the data directory, another has something for the log (a settlement). It lays the
// entry down as a whole file named by its hash; the holder appends it at its next turn and takes the file away. A crash in
// between leaves the file, and what is in the log already is not appended again.
import { createHash } from 'node:crypto';
import { encodeEntry, storedEntry } from './entry.ts';
import { readWhole, replaceFile, type FilePort } from './file-port.ts';
import type { DocumentEntry, LogEntry } from './ledger.ts';
import { disk } from './disk.ts';
import { UnreadableEntry } from './statement-entry.ts';

const FOLDER = 'hand-in';

const pathOf = (dataDir: string, sha256: string): string => `${dataDir}/${FOLDER}/${sha256}.json`;

/** Lays an entry down for the holder of the directory; returns the hash by which it will be known. */
export async function handIn(
  dataDir: string,
  entry: DocumentEntry,
  files: FilePort = disk,
): Promise<string> {
  const bytes = encodeEntry(entry);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await files.makeFolder(`${dataDir}/${FOLDER}`, 0o755);
  await replaceFile(files, pathOf(dataDir, sha256), `${dataDir}/${FOLDER}/${sha256}.part`, bytes);
  return sha256;
}

/** What was handed in: settlements only, each in its one form and under its own name. Anything else stays where it is. */
export async function handedIn(
  files: FilePort,
  dataDir: string,
): Promise<readonly { readonly sha256: string; readonly entry: LogEntry }[]> {
  const found: { sha256: string; entry: LogEntry }[] = [];
  for (const name of await files.list(`${dataDir}/${FOLDER}`)) {
    const [, sha256 = ''] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
    const bytes = sha256 === '' ? undefined : await readWhole(files, pathOf(dataDir, sha256));
    const entry = bytes && settlementIn(bytes, sha256);
    if (entry) found.push({ sha256, entry });
  }
  return found;
}

function settlementIn(bytes: Uint8Array, sha256: string): LogEntry | undefined {
  try {
    const stored = storedEntry(0, bytes);
    return stored.sha256 === sha256 && stored.entry.type === 'settlement'
      ? stored.entry
      : undefined;
  } catch (error) {
    if (error instanceof UnreadableEntry) return undefined;
    throw error;
  }
}

/** It is in the log: the file has done its work. */
export const taken = (files: FilePort, dataDir: string, sha256: string): Promise<void> =>
  files.remove(pathOf(dataDir, sha256));
