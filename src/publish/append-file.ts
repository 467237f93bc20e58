// A file that only grows, and whose every append is on the disk when the call returns. What an append that failed left
// behind is cut off before the next one. Opening changes nothing, so that a second process may look at the file of a
// running service; a second process changes it only by putting a whole new one in its place.
import { makeFolder } from '../ledger/index.ts';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { FileHandle } from 'node:fs/promises';

export interface AppendFile {
  /** What is good of it. */
  readonly sizeBytes: number;
  /** How long it is on the disk, as far as this process knows: more where a torn tail is not cut off yet. */
  readonly onDiskBytes: number;
  /** Whether the path still names this file: one that was moved or deleted would swallow every row from then on. */
  isInPlace(): Promise<boolean>;
  /** Durable when it resolves; rejects with what the disk said, and then nothing of it stays. */
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Where a sink's file lies; a rehearsal's file says so in its name. */
export function sinkFilePath(
  path: string,
  dataDir: string,
  rehearsal: boolean,
  otherwise: string,
): string {
  const named = path === '' ? join('sink', otherwise) : path;
  const full = isAbsolute(named) ? named : join(dataDir, named);
  const name = basename(full);
  return rehearsal && !name.startsWith('rehearsal.')
    ? join(dirname(full), `rehearsal.${name}`)
    : full;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/**
 * Puts a whole file in place at once: after a crash there is the old one or the new one. `confirm` runs last and can
 * still call it off by throwing.
 */
export async function replaceFile(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  confirm: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await makeFolder(dirname(path));
  const draft = `${path}.draft`;
  const handle = await open(draft, 'w');
  try {
    let at = 0;
    for await (const bytes of content) {
      await writeAll(handle, bytes, at);
      at += bytes.length;
    }
    await handle.sync();
    await confirm();
  } catch (failure) {
    await rm(draft, { force: true });
    throw failure;
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncFolder(path);
}

/** Opens an existing file for appending after its first `sizeBytes` bytes; the first append cuts off what lies behind. */
export async function openAppendFile(path: string, sizeBytes: number): Promise<AppendFile> {
  const handle = await open(path, 'r+');
  const opened = await handle.stat();
  let goodBytes = sizeBytes;
  let tailUnknown = opened.size !== sizeBytes;
  return {
    get sizeBytes() {
      return goodBytes;
    },
    get onDiskBytes() {
      return tailUnknown ? opened.size : goodBytes;
    },
    async isInPlace() {
      const there = await stat(path).catch(() => undefined);
      return there?.ino === opened.ino;
    },
    async append(bytes) {
      if (tailUnknown) await handle.truncate(goodBytes);
      tailUnknown = true;
      await writeAll(handle, bytes, goodBytes);
      await handle.datasync();
      goodBytes += bytes.length;
      tailUnknown = false;
    },
    close: () => handle.close(),
  };
}
