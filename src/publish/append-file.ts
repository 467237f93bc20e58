// A file that only grows, and whose every append is on the disk when the call returns. An append that failed half-way
// is cut off before the next one, so a full disk that is emptied again leaves no trace.
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { FileHandle } from 'node:fs/promises';

export interface AppendFile {
  readonly sizeBytes: number;
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

/** Puts a whole file in place at once: after a crash there is the old one or the new one. */
export async function replaceFile(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.draft`;
  const handle = await open(draft, 'w');
  try {
    let at = 0;
    for await (const bytes of content) {
      await writeAll(handle, bytes, at);
      at += bytes.length;
    }
    await handle.sync();
  } catch (failure) {
    await rm(draft, { force: true });
    throw failure;
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncFolder(path);
}

/** Opens an existing file for appending after its first `sizeBytes` bytes; what lies behind them is cut off. */
export async function openAppendFile(path: string, sizeBytes: number): Promise<AppendFile> {
  const handle = await open(path, 'r+');
  let goodBytes = sizeBytes;
  const { ino } = await handle.stat();
  let tailUnknown = (await handle.stat()).size !== sizeBytes;
  async function cutTail(): Promise<void> {
    await handle.truncate(goodBytes);
    await handle.datasync();
    tailUnknown = false;
  }
  if (tailUnknown) await cutTail();
  return {
    get sizeBytes() {
      return goodBytes;
    },
    async append(bytes) {
      // A file that somebody moved or deleted would swallow every row from now on.
      if ((await stat(path)).ino !== ino) {
        throw new Error(`${path} was replaced while in use: restart the service to go on`);
      }
      if (tailUnknown) await cutTail();
      tailUnknown = true;
      await writeAll(handle, bytes, goodBytes);
      await handle.datasync();
      goodBytes += bytes.length;
      tailUnknown = false;
    },
    close: () => handle.close(),
  };
}
