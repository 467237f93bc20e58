// What could not be sent waits here, on disk, for days: segments of one message a line, packed when they are full. The
// oldest go first, and are removed when they have arrived. When the spool is full the oldest segment is given up, and said.
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Say } from './chip-reader.ts';

export interface SpoolOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly say: Say;
  readonly segmentBytes?: number;
}

/** Packs to about a tenth: 4 MiB is an hour and more of a node with eight boards at 1 Hz. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENT = /^(\d{12})\.jsonl(\.gz)?$/;

export class Spool {
  private readonly options: SpoolOptions;
  private openBytes = 0;
  private openName: string | undefined;
  private next: number;

  /** Makes the folder; throws where it cannot. A segment that a crash left unpacked is packed with the next one. */
  constructor(options: SpoolOptions) {
    this.options = options;
    mkdirSync(options.folder, { recursive: true });
    const names = this.segments();
    this.next = 1 + Number(SEGMENT.exec(names[names.length - 1] ?? '')?.[1] ?? 0);
  }

  get isEmpty(): boolean {
    return this.segments().length === 0;
  }

  /** Appends; what the disk refuses is given up and said, since reading goes on. */
  add(texts: readonly string[]): void {
    if (texts.length === 0) return;
    const lines = `${texts.join('\n')}\n`;
    try {
      this.openName ??= `${String(this.next++).padStart(12, '0')}.jsonl`;
      appendFileSync(join(this.options.folder, this.openName), lines);
      this.openBytes += Buffer.byteLength(lines);
      if (this.openBytes >= (this.options.segmentBytes ?? SEGMENT_BYTES)) this.pack();
    } catch (cause) {
      const because = cause instanceof Error ? cause.message : String(cause);
      this.options.say(`the spool cannot be written (${because}): messages are lost until it can`);
    }
  }

  /** The oldest segment's messages, and what to call once they have arrived (or a part of them, from the first on). */
  oldest():
    { readonly texts: readonly string[]; readonly done: (count: number) => void } | undefined {
    const [name] = this.segments();
    if (name === undefined) return undefined;
    if (name === this.openName) this.close();
    const path = join(this.options.folder, name);
    const texts = textsOf(path);
    const done = (count: number): void => {
      if (count >= texts.length) rmSync(path, { force: true });
      else if (count > 0) {
        const rest = join(this.options.folder, `${name.slice(0, 12)}.jsonl`);
        writeFileSync(`${rest}.new`, `${texts.slice(count).join('\n')}\n`);
        renameSync(`${rest}.new`, rest);
        if (path !== rest) rmSync(path, { force: true });
      }
    };
    return { texts, done };
  }

  private close(): void {
    this.openName = undefined;
    this.openBytes = 0;
  }

  private pack(): void {
    const name = this.openName;
    this.close();
    if (name === undefined) return;
    const path = join(this.options.folder, name);
    writeFileSync(`${path}.gz.new`, gzipSync(readFileSync(path), { level: 1 }));
    renameSync(`${path}.gz.new`, `${path}.gz`);
    rmSync(path);
    this.limit();
  }

  private limit(): void {
    const sizes = this.segments().map((name) => {
      const path = join(this.options.folder, name);
      return { path, size: existsSync(path) ? statSync(path).size : 0 };
    });
    let total = sizes.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of sizes) {
      if (total <= this.options.maxBytes) return;
      rmSync(path, { force: true });
      total -= size;
      this.options.say(
        'the spool is full: its oldest hour is given up. Counters go on: no energy is lost, only how it went in that hour',
      );
    }
  }

  /** Oldest first. Of a segment that a crash left packed and unpacked, the packed one. */
  private segments(): readonly string[] {
    const names = readdirSync(this.options.folder)
      .filter((name) => SEGMENT.test(name))
      .sort();
    return names.filter((name) => name.endsWith('.gz') || !names.includes(`${name}.gz`));
  }
}

/** Whole lines only: a crash may have torn the last one, a disk may have damaged the rest of a packed file. */
function textsOf(path: string): readonly string[] {
  try {
    const bytes = readFileSync(path);
    const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{') && line.endsWith('}'));
  } catch {
    return [];
  }
}

/** A folder of its own per target, so that a test server never gets what was meant for another. */
export const spoolFolder = (base: string, target: string): string =>
  join(base, createHash('sha256').update(target).digest('hex').slice(0, 12));
