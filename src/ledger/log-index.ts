// The index: a view of the log in SQLite (libsql), for questions that tiles answer slowly. It can be deleted at any time;
// only the sinks' cursors are lost with it, and a sink that is served again from leaf 0 ends up the same.
import Database from 'libsql';
import type { Kind, PointId } from '../quantity/quality.ts';
import { instantNs, type InstantNs, type Interval } from '../quantity/time.ts';
import { readObject } from './canonical.ts';
import { readStatement } from './statement-entry.ts';
import type {
  Cursors,
  JournalPosition,
  LeafIndex,
  StatementIndex,
  StoredDocument,
  StoredEntry,
  StoredStatement,
} from './ledger.ts';

const FORMAT = 'trueup-index-1';

const TABLES = `
  CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS statements(
    leaf INTEGER PRIMARY KEY, point TEXT NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL,
    version INTEGER NOT NULL, sha256 TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS newest(
    point TEXT NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL,
    version INTEGER NOT NULL, leaf INTEGER NOT NULL, PRIMARY KEY(point, kind, start)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS newest_by_start ON newest(start, point, kind);
  CREATE TABLE IF NOT EXISTS seals(until_position INTEGER PRIMARY KEY, from_position INTEGER NOT NULL,
    sealed_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS cursors(sink TEXT PRIMARY KEY, next_leaf INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS refused(sink TEXT NOT NULL, leaf INTEGER NOT NULL, because TEXT NOT NULL,
    PRIMARY KEY(sink, leaf)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS settlements(leaf INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, body TEXT NOT NULL);
`;

type Row = Readonly<Record<string, unknown>>;

/** Up to where the index has followed the log, and the entry it saw last. */
export interface Followed {
  readonly next: LeafIndex;
  /** SHA-256 of the entry before `next`; empty at 0. */
  readonly sha256: string;
}

/** A statement as the index keeps it: its canonical bytes as text. */
export interface StatementRow {
  readonly leaf: LeafIndex;
  readonly body: string;
}

export class LogIndex implements StatementIndex {
  readonly #database: InstanceType<typeof Database>;
  readonly #fail: (error: unknown) => never;
  readonly #prepared = new Map<string, Database.Statement>();

  /**
   * Opens or creates the index. A file that is no database of ours throws; the caller then deletes it.
   * `fail` turns an error of the database into the ledger's failure. One that is opened for reading is left as it is.
   */
  constructor(
    path: string,
    origin: string,
    fail: (error: unknown) => never,
    use: 'write' | 'read' = 'write',
  ) {
    this.#fail = fail;
    this.#database = new Database(path);
    try {
      this.#database.defaultSafeIntegers(true);
      if (use === 'read') {
        this.#database.pragma('query_only = ON');
      } else {
        this.#database.pragma('journal_mode = WAL');
        this.#database.pragma('synchronous = FULL');
        this.#database.exec(TABLES);
      }
      const identity = `${FORMAT} ${origin}`;
      const [known] = this.#all('SELECT said FROM facts WHERE name = ?', 'identity');
      if (known !== undefined && known['said'] !== identity) throw new Error('of another log');
      if (use === 'read') return;
      this.#all('INSERT OR IGNORE INTO facts VALUES (?, ?)', 'identity', identity);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get followed(): Followed {
    const [row] = this.#ask('SELECT said FROM facts WHERE name = ?', 'followed');
    const [next = '0', sha256 = ''] = row === undefined ? [] : textIn(row, 'said').split(' ');
    return { next: Number(next), sha256 };
  }

  /** Takes in entries that follow the last ones, in one transaction. `bytes` are their canonical bytes. */
  follow(stored: readonly StoredEntry[], bytes: readonly Uint8Array[]): void {
    const last = stored.at(-1);
    if (last === undefined) return;
    this.#guarded(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const [at, entry] of stored.entries()) this.#take(entry, bytes[at] ?? new Uint8Array());
      const said = `${String(last.leaf + 1)} ${last.sha256}`;
      this.#all('INSERT OR REPLACE INTO facts VALUES (?, ?)', 'followed', said);
      this.#database.exec('COMMIT');
    });
  }

  #take({ leaf, sha256, entry }: StoredEntry, bytes: Uint8Array): void {
    if (entry.type === 'block') {
      const { until, from, sealedAtNs } = entry;
      this.#all('INSERT OR IGNORE INTO seals VALUES (?, ?, ?)', until, from, sealedAtNs);
    }
    if (entry.type === 'settlement') {
      const body = Buffer.from(bytes).toString('utf8');
      this.#all('INSERT OR REPLACE INTO settlements VALUES (?, ?, ?)', leaf, sha256, body);
    }
    if (entry.type !== 'statement') return;
    const { point, kind, startNs, version } = entry.statement;
    this.#all(
      'INSERT OR REPLACE INTO statements VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[leaf, point, kind, startNs, version, sha256, Buffer.from(bytes).toString('utf8')],
    );
    this.#all(
      `INSERT INTO newest VALUES (?, ?, ?, ?, ?) ON CONFLICT(point, kind, start) DO UPDATE
       SET version = excluded.version, leaf = excluded.leaf WHERE excluded.version >= newest.version`,
      ...[point, kind, startNs, version, leaf],
    );
  }

  current(point: PointId, kind: Kind, startNs: InstantNs): StoredStatement | undefined {
    return this.#statements(
      `SELECT s.leaf, s.sha256, s.body FROM newest n JOIN statements s ON s.leaf = n.leaf
       WHERE n.point = ? AND n.kind = ? AND n.start = ?`,
      ...[point, kind, startNs],
    )[0];
  }

  between(fromNs: InstantNs, untilNs: InstantNs): readonly StoredStatement[] {
    return this.#statements(
      `SELECT s.leaf, s.sha256, s.body FROM newest n JOIN statements s ON s.leaf = n.leaf
       WHERE n.start >= ? AND n.start < ? ORDER BY n.start, n.point, n.kind`,
      ...[fromNs, untilNs],
    );
  }

  /** As `between`, not read yet; of these points where any are named. */
  rowsBetween(
    fromNs: InstantNs,
    untilNs: InstantNs,
    points?: readonly string[],
  ): readonly StatementRow[] {
    const named = points === undefined ? '' : `n.point IN (${points.map(() => '?').join()}) AND`;
    return this.#ask(
      `SELECT s.leaf, s.body FROM newest n JOIN statements s ON s.leaf = n.leaf
       WHERE ${named} n.start >= ? AND n.start < ? ORDER BY n.start, n.point, n.kind`,
      ...(points ?? []),
      ...[fromNs, untilNs],
    ).map((row) => ({ leaf: Number(row['leaf']), body: textIn(row, 'body') }));
  }

  fromLeaf(from: LeafIndex, limit: number): readonly StoredStatement[] {
    return this.#statements(
      'SELECT leaf, sha256, body FROM statements WHERE leaf >= ? ORDER BY leaf LIMIT ?',
      ...[from, limit],
    );
  }

  span(): Interval | undefined {
    // Asked apart, each is one look into an index; together they are a walk through all rows.
    const first = this.#ask('SELECT min(start) AS first FROM newest')[0]?.['first'];
    const last = this.#ask('SELECT max(start) AS last FROM newest')[0]?.['last'];
    if (typeof first !== 'bigint' || typeof last !== 'bigint') return undefined;
    return { fromNs: instantNs(first), untilNs: instantNs(last + 1n) };
  }

  newestStart(point: PointId, kind: Kind): InstantNs | undefined {
    const [row] = this.#ask(
      'SELECT max(start) AS start FROM newest WHERE point = ? AND kind = ?',
      ...[point, kind],
    );
    const start = row?.['start'];
    return typeof start === 'bigint' ? instantNs(start) : undefined;
  }

  /** All settlement entries, oldest first. */
  settlements(): readonly StoredDocument[] {
    return this.#ask('SELECT leaf, sha256, body FROM settlements ORDER BY leaf').map((row) => ({
      leaf: Number(row['leaf']),
      sha256: textIn(row, 'sha256'),
      document: readObject(Buffer.from(textIn(row, 'body'), 'utf8'))?.['document'],
    }));
  }

  /** End of the newest sealed blocks. */
  sealedUntil(): JournalPosition {
    return countIn(this.#ask('SELECT max(until_position) AS found FROM seals')[0]);
  }

  /**
   * Beginning of the newest blocks before the first that were sealed after an instant, or 0. Asked this way round since
   * a clock that was set back leaves seals that are newer by position and older by time.
   */
  sealedFrom(atNs: InstantNs): JournalPosition {
    const asked = `SELECT max(from_position) AS found FROM seals WHERE until_position <=
      coalesce((SELECT min(from_position) FROM seals WHERE sealed_at > ?), 9223372036854775807)`;
    return countIn(this.#ask(asked, atNs)[0]);
  }

  readonly cursors: Cursors = {
    get: (sink) =>
      countIn(this.#ask('SELECT next_leaf AS found FROM cursors WHERE sink = ?', sink)[0]),
    set: (sink, next) => {
      this.#ask('INSERT OR REPLACE INTO cursors VALUES (?, ?)', sink, next);
    },
    refused: (sink) =>
      this.#ask('SELECT leaf, because FROM refused WHERE sink = ? ORDER BY leaf', sink).map(
        (row) => ({ leaf: Number(row['leaf']), because: textIn(row, 'because') }),
      ),
    refuse: (sink, leaf, because) => {
      this.#ask('INSERT OR REPLACE INTO refused VALUES (?, ?, ?)', sink, leaf, because);
    },
  };

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #statements(sql: string, ...bound: unknown[]): StoredStatement[] {
    return this.#ask(sql, ...bound).map((row) => {
      const json = readObject(Buffer.from(textIn(row, 'body'), 'utf8')) ?? {};
      return {
        leaf: Number(row['leaf']),
        sha256: textIn(row, 'sha256'),
        statement: readStatement(json),
      };
    });
  }

  #guarded<Answer>(work: () => Answer): Answer {
    try {
      return work();
    } catch (error) {
      return this.#fail(error);
    }
  }

  #ask(sql: string, ...bound: unknown[]): readonly Row[] {
    return this.#guarded(() => this.#all(sql, ...bound));
  }

  #all(sql: string, ...bound: unknown[]): readonly Row[] {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    if (!statement.reader) {
      statement.run(...bound);
      return [];
    }
    return statement.all(...bound).filter(isRow);
  }
}

const isRow = (plain: unknown): plain is Row => typeof plain === 'object' && plain !== null;

const textIn = (row: Row, name: string): string => {
  const found = row[name];
  return typeof found === 'string' ? found : '';
};

const countIn = (row: Row | undefined): number => {
  const found = row?.['found'];
  return typeof found === 'bigint' ? Number(found) : 0;
};
