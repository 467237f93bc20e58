// The file port over the real disk. Folders are synced after their names change, since a synced file whose name is not
// durable is lost with its folder (fsync(2), "ensuring that the entry in the directory ... has also reached disk").
import { makeFolder, syncFolder } from './make-folder.ts';
import { close, fdatasync, open, read, write } from 'node:fs';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import type { FilePort } from './file-port.ts';

const openFd = promisify(open);
const closeFd = promisify(close);
const syncFd = promisify(fdatasync);

const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  codes.includes(error.code);

const writeFd = (fd: number, bytes: Uint8Array): Promise<number> =>
  new Promise((done, failed) => {
    write(fd, bytes, 0, bytes.length, null, (error, writtenBytes) => {
      if (error) failed(error);
      else done(writtenBytes);
    });
  });

const readFd = (fd: number, into: Uint8Array, at: number, offsetBytes: number): Promise<number> =>
  new Promise((done, failed) => {
    read(fd, into, at, into.length - at, offsetBytes, (error, readBytes) => {
      if (error) failed(error);
      else done(readBytes);
    });
  });

async function writeSynced(path: string, flags: string, bytes: Uint8Array, mode: number) {
  const file = await fs.open(path, flags, mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

export const disk: FilePort = {
  async openAppend(path) {
    const fd = await openFd(path, 'a', 0o644);
    return {
      append: (bytes) => writeFd(fd, bytes),
      sync: () => syncFd(fd),
      close: () => closeFd(fd),
    };
  },
  async openRead(path) {
    let fd: number;
    try {
      fd = await openFd(path, 'r');
    } catch (error) {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
    return {
      async read(offsetBytes, lengthBytes) {
        const into = Buffer.allocUnsafeSlow(lengthBytes);
        let gotBytes = 0;
        while (gotBytes < lengthBytes) {
          const moreBytes = await readFd(fd, into, gotBytes, offsetBytes + gotBytes);
          if (moreBytes === 0) break;
          gotBytes += moreBytes;
        }
        return into.subarray(0, gotBytes);
      },
      sizeBytes: async () => (await fs.stat(path)).size,
      close: () => closeFd(fd),
    };
  },
  writeWhole: (path, bytes, mode) => writeSynced(path, 'w', bytes, mode),
  async createNew(path, bytes, mode) {
    try {
      await writeSynced(path, 'wx', bytes, mode);
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    }
  },
  rename: (from, to) => fs.rename(from, to),
  async truncate(path, sizeBytes) {
    const file = await fs.open(path, 'r+');
    try {
      await file.truncate(sizeBytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  remove: (path) => fs.rm(path, { force: true }),
  async list(folder) {
    try {
      const found = await fs.readdir(folder, { withFileTypes: true });
      return found.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    } catch (error) {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return [];
      throw error;
    }
  },
  makeFolder,
  syncFolder,
};
