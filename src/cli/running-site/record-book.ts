// A durable list of small JSON records: what people and trackers told the service beside readings (runs, claims, jobs, marks). One
// line each, synced before it is acknowledged; a line that a crash tore is cut off at the next start.
import { mkdirSync } from 'node:fs';
import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface RecordBook {
  /** Resolves when the record is on the disk. */
  append(record: object): Promise<void>;
  close(): Promise<void>;
}

/** Opens the book and hands over what it holds, in order. Throws where the file cannot be had. */
export async function openRecordBook(
  path: string,
  take: (record: unknown) => void,
): Promise<RecordBook> {
  mkdirSync(dirname(path), { recursive: true });
  const file = await open(path, 'a');
  const text = await readFile(path, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) await truncate(path, Buffer.byteLength(text.slice(0, end)));
  for (const line of text.slice(0, end).split('\n')) {
    if (line === '') continue;
    const record = parsed(line);
    if (record !== undefined) take(record);
  }
  return bookOn(file);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A damaged line is one record less, not the end of all.
    return undefined;
  }
}

/** Records that come while the disk is busy are synced together. */
function bookOn(file: FileHandle): RecordBook {
  let waiting: { line: string; done: () => void; failed: (cause: unknown) => void }[] = [];
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await file.appendFile(batch.map(({ line }) => line).join(''));
        await file.datasync();
        for (const { done } of batch) done();
      } catch (cause) {
        for (const { failed } of batch) failed(cause);
      }
    }
    writing = undefined;
  };
  return {
    append: (record) =>
      new Promise((done, failed) => {
        waiting.push({ line: `${JSON.stringify(record)}\n`, done, failed });
        writing ??= write();
      }),
    close: async () => {
      await writing;
      await file.close();
    },
  };
}
