// A disk in memory that keeps what is durable apart from what is not, and can tear, shorten, fill up, fail and crash. It
// refuses, by itself, what the ledger must never do: change a byte of a journal segment that was written.
import type { AppendFile, FilePort, ReadFile } from '../../src/ledger/file-port.ts';

interface FakeFile {
  bytes: Buffer;
  durableBytes: number;
}

/** What goes wrong at the n-th call that changes the disk. */
export interface Fault {
  readonly atCall: number;
  /** `before`: it fails and did not happen. `after`: it fails but did happen. `torn`: a part of it happened. */
  readonly form: 'before' | 'after' | 'torn';
  /** The machine stops there: every later call fails too. */
  readonly crash: boolean;
}

export class FakeDisk implements FilePort {
  /** What calls see. */
  names = new Map<string, FakeFile>();
  /** Which names a crash leaves. */
  durableNames = new Map<string, FakeFile>();
  folders = new Set<string>(['/']);
  calls: string[] = [];
  fault: Fault | undefined;
  hasCrashed = false;
  /** Writes take at most this many bytes at a time. */
  writeMaxBytes = Infinity;
  /** Appends and writes fail when the files hold this much. */
  capacityBytes = Infinity;

  /** The disk after a power cut: names not synced are gone, bytes not synced are there in part, or as garbage. */
  afterCrash(
    keep: (file: { volatileBytes: number }) => { keptBytes: number; garbage: boolean },
  ): FakeDisk {
    const next = new FakeDisk();
    next.folders = new Set(this.folders);
    for (const [name, file] of this.durableNames) {
      const { keptBytes, garbage } = keep({ volatileBytes: file.bytes.length - file.durableBytes });
      const bytes = Buffer.from(file.bytes.subarray(0, file.durableBytes + keptBytes));
      if (garbage) bytes.fill(0xa5, file.durableBytes);
      const kept = { bytes, durableBytes: bytes.length };
      next.names.set(name, kept);
      next.durableNames.set(name, kept);
    }
    return next;
  }

  #change(what: string, whole: () => void, part: () => void = () => undefined): void {
    if (this.hasCrashed) throw new Error('the machine is off');
    this.calls.push(what);
    const fault = this.fault?.atCall === this.calls.length ? this.fault : undefined;
    if (fault === undefined) {
      whole();
      return;
    }
    if (fault.crash) this.hasCrashed = true;
    if (fault.form === 'after') whole();
    if (fault.form === 'torn') part();
    throw new Error(`EIO: ${what}`);
  }

  #used(): number {
    return [...this.names.values()].reduce((sum, file) => sum + file.bytes.length, 0);
  }

  #checkRoom(addedBytes: number): void {
    if (this.#used() + addedBytes > this.capacityBytes) throw new Error('ENOSPC: no space left');
  }

  async openAppend(path: string): Promise<AppendFile> {
    await Promise.resolve();
    this.#change(`create ${path}`, () => {
      if (!this.names.has(path)) this.names.set(path, { bytes: Buffer.alloc(0), durableBytes: 0 });
    });
    const file = this.names.get(path)!;
    return {
      append: async (bytes) => {
        await Promise.resolve();
        const length = Math.min(bytes.length, this.writeMaxBytes);
        this.#checkRoom(length);
        const put = (count: number): void => {
          file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, count)]);
        };
        this.#change(
          `append ${path}`,
          () => {
            put(length);
          },
          () => {
            put(length >> 1);
          },
        );
        return length;
      },
      sync: async () => {
        await Promise.resolve();
        this.#change(
          `sync ${path}`,
          () => {
            file.durableBytes = file.bytes.length;
          },
          () => {
            file.durableBytes += (file.bytes.length - file.durableBytes) >> 1;
          },
        );
      },
      close: () => Promise.resolve(),
    };
  }

  openRead(path: string): Promise<ReadFile | undefined> {
    const file = this.names.get(path);
    if (file === undefined) return Promise.resolve(undefined);
    return Promise.resolve({
      read: (offsetBytes, lengthBytes) =>
        Promise.resolve(Buffer.from(file.bytes.subarray(offsetBytes, offsetBytes + lengthBytes))),
      sizeBytes: () => Promise.resolve(file.bytes.length),
      close: () => Promise.resolve(),
    });
  }

  async writeWhole(path: string, bytes: Uint8Array): Promise<void> {
    await Promise.resolve();
    if (path.includes('/journal/')) throw new Error(`a segment must only be appended to: ${path}`);
    this.#checkRoom(bytes.length);
    const put = (content: Uint8Array): void => {
      const file = { bytes: Buffer.from(content), durableBytes: content.length };
      this.names.set(path, file);
    };
    this.#change(
      `write ${path}`,
      () => {
        put(bytes);
      },
      () => {
        put(bytes.subarray(0, bytes.length >> 1));
      },
    );
  }

  async createNew(path: string, bytes: Uint8Array): Promise<boolean> {
    if (this.names.has(path)) return false;
    await this.writeWhole(path, bytes);
    return true;
  }

  async rename(from: string, to: string): Promise<void> {
    await Promise.resolve();
    this.#change(`rename ${to}`, () => {
      const file = this.names.get(from);
      if (file === undefined) throw new Error(`ENOENT: ${from}`);
      this.names.delete(from);
      this.names.set(to, file);
    });
  }

  async truncate(path: string, sizeBytes: number): Promise<void> {
    await Promise.resolve();
    this.#change(`truncate ${path}`, () => {
      const file = this.names.get(path)!;
      file.bytes = file.bytes.subarray(0, sizeBytes);
      file.durableBytes = sizeBytes;
    });
  }

  async remove(path: string): Promise<void> {
    await Promise.resolve();
    this.#change(`remove ${path}`, () => void this.names.delete(path));
  }

  list(folder: string): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const path of [...this.names.keys(), ...[...this.folders].map((name) => `${name}/`)]) {
      if (!path.startsWith(`${folder}/`)) continue;
      const [name = '', ...rest] = path.slice(folder.length + 1).split('/');
      if (name !== '') found.add(rest.length > 0 ? `${name}/` : name);
    }
    return Promise.resolve([...found].sort());
  }

  makeFolder(path: string): Promise<void> {
    this.folders.add(path);
    return Promise.resolve();
  }

  async syncFolder(path: string): Promise<void> {
    await Promise.resolve();
    this.#change(`syncFolder ${path}`, () => {
      const isIn = (name: string): boolean =>
        name.startsWith(`${path}/`) && !name.slice(path.length + 1).includes('/');
      for (const name of this.durableNames.keys()) {
        if (isIn(name) && !this.names.has(name)) this.durableNames.delete(name);
      }
      for (const [name, file] of this.names) if (isIn(name)) this.durableNames.set(name, file);
    });
  }
}
