// What trackers and jobs said goes into the log as well, at the next close of an interval: the book answers within
// milliseconds, the log proves. Which leaf holds a record is kept beside the book; a stop between both repeats records in the
// log, which changes nothing, and loses none.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { LogEntry, StoredEntry } from '../../ledger/ledger.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { ActivityRecordJson } from '../../serve/activity/records.ts';
import { openRecordBook } from './record-book.ts';

/** An entry takes 65 535 bytes, its own fields included. */
const DOCUMENT_BYTES_MAX = 48 * 1024;

const Logged = Type.Object({
  leaf: Type.Integer({ minimum: 0 }),
  records: Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$' })),
});

export interface ActivityLog {
  /** Of a record that is durable in the book. */
  kept(record: ActivityRecordJson): void;
  /** Entries of all that waits. Those that were stored are given to `stored`, in their order. */
  entries(nowNs: InstantNs): readonly LogEntry[];
  stored(entries: readonly StoredEntry[]): Promise<void>;
  /** The leaf that holds a record; undefined until the interval closes. */
  leafOf(record: ActivityRecordJson): number | undefined;
  close(): Promise<void>;
}

export async function openActivityLog(dataDir: string): Promise<ActivityLog> {
  const leafOf = new Map<string, number>();
  const book = await openRecordBook(join(dataDir, 'activity', 'logged.jsonl'), (line) => {
    if (!Value.Check(Logged, line)) return;
    for (const name of line.records) leafOf.set(name, line.leaf);
  });
  const waiting = new Map<string, ActivityRecordJson>();
  let offered: readonly (readonly string[])[] = [];
  return {
    kept: (record) => {
      const name = nameOf(record);
      if (!leafOf.has(name)) waiting.set(name, record);
    },
    entries: (atNs) => {
      const chunks = chunksOf(waiting);
      offered = chunks.map((chunk) => chunk.map(({ name }) => name));
      return chunks.map((chunk) => ({
        type: 'activity',
        atNs,
        document: { records: chunk.map(({ logged }) => logged) },
      }));
    },
    stored: async (entries) => {
      const leaves = entries.filter(({ entry }) => entry.type === 'activity');
      for (const [index, { leaf }] of leaves.entries()) {
        const records = offered[index] ?? [];
        await book.append({ leaf, records });
        for (const name of records) {
          leafOf.set(name, leaf);
          waiting.delete(name);
        }
      }
      offered = [];
    },
    leafOf: (record) => leafOf.get(nameOf(record)),
    close: () => book.close(),
  };
}

/** SHA-256 of its line in the book without the newline. */
const nameOf = (record: object): string =>
  createHash('sha256').update(JSON.stringify(record)).digest('hex');

/** What canonical JSON has no bytes for: half of a surrogate pair, as JSON escapes it. */
const HALF_CHARACTER = /\\ud[89a-f]/i;

interface Offered {
  readonly name: string;
  /** The record; its hash alone where no entry can hold it. */
  readonly logged: object;
}

function chunksOf(
  waiting: ReadonlyMap<string, ActivityRecordJson>,
): readonly (readonly Offered[])[] {
  const chunks: Offered[][] = [];
  let roomBytes = 0;
  for (const [name, record] of waiting) {
    const text = JSON.stringify(record);
    const byHash = Buffer.byteLength(text) >= DOCUMENT_BYTES_MAX || HALF_CHARACTER.test(text);
    const logged = byHash ? { kind: record.kind, sha256: name } : record;
    const takenBytes = Buffer.byteLength(JSON.stringify(logged)) + 1;
    if (chunks.length === 0 || takenBytes > roomBytes) {
      chunks.push([]);
      roomBytes = DOCUMENT_BYTES_MAX;
    }
    chunks[chunks.length - 1]?.push({ name, logged });
    roomBytes -= takenBytes;
  }
  return chunks;
}
