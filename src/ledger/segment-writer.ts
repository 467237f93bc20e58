// Puts the bytes of segments on the disk, one segment after the other: a new one begins only after all of the one before
// it is durable, so no start ever finds a hole between two segments.
import type { AppendFile, FilePort } from './file-port.ts';
import { segmentName } from './segments.ts';

export class SegmentWriter {
  readonly #files: FilePort;
  readonly #folder: string;
  #open: { readonly base: number; readonly file: AppendFile } | undefined;

  constructor(files: FilePort, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Appends to the segment with this base and resolves when the bytes, and the segment's name, are durable. */
  async write(base: number, bytes: Uint8Array): Promise<void> {
    const file = await this.#fileOf(base);
    for (let from = 0; from < bytes.length;) {
      const writtenBytes = await file.append(bytes.subarray(from));
      if (writtenBytes <= 0) throw new Error('the disk takes no more bytes');
      from += writtenBytes;
    }
    await file.sync();
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }

  async #fileOf(base: number): Promise<AppendFile> {
    if (this.#open?.base === base) return this.#open.file;
    await this.close();
    const file = await this.#files.openAppend(`${this.#folder}/${segmentName(base)}`);
    this.#open = { base, file };
    await this.#files.syncFolder(this.#folder);
    return file;
  }
}
