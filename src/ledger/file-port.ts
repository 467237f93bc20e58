// The one small port through which the ledger touches files. Tests put a fake disk behind it that tears, shortens, fills
// up and fails; the real one is disk.ts. Nothing here retries: a call that rejects may or may not have happened.

export interface AppendFile {
  /** Writes at the end; may write fewer bytes than given, as write(2) may. Resolves with the number written. */
  append(bytes: Uint8Array): Promise<number>;
  /** Resolves when everything appended so far is durable (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface ReadFile {
  /** At most `lengthBytes` from an offset; shorter only at the end of the file. */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

export interface FilePort {
  /** Opens for appending, creating the file where it is absent. The name is durable after `syncFolder`. */
  openAppend(path: string): Promise<AppendFile>;
  /** undefined where there is no such file. */
  openRead(path: string): Promise<ReadFile | undefined>;
  /** Creates or overwrites a file and syncs its bytes; `mode` is its permission. */
  writeWhole(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** Creates a file that must not exist yet, and syncs it; false where it exists. */
  createNew(path: string, bytes: Uint8Array, mode: number): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /** Cuts a file and syncs it. */
  truncate(path: string, sizeBytes: number): Promise<void>;
  /** Removes a file; not an error where it is absent. */
  remove(path: string): Promise<void>;
  /** Names in a folder, sorted; a folder's name ends with `/`. Empty where the folder is absent. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes a folder and those above it, durably. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** Makes names created, renamed or removed in this folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** The whole of a file, or undefined where it is absent. */
export async function readWhole(files: FilePort, path: string): Promise<Uint8Array | undefined> {
  const file = await files.openRead(path);
  if (file === undefined) return undefined;
  try {
    return await file.read(0, await file.sizeBytes());
  } finally {
    await file.close();
  }
}

/**
 * Puts bytes under a name, durably and at once: a reader, or a start after a crash, sees the old file or the new one.
 * The staging file must lie on the same file system.
 */
export async function replaceFile(
  files: FilePort,
  path: string,
  staging: string,
  bytes: Uint8Array,
  mode = 0o644,
): Promise<void> {
  await files.writeWhole(staging, bytes, mode);
  await files.rename(staging, path);
  await files.syncFolder(folderOf(path));
}

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
