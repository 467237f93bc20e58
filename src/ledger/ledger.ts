// The contract of the ledger: what is durable when a call returns, and what can be proved afterwards.
//
// * `journal.append` resolves when the record is on the disk (group commit). Records get rising positions, in the order
//   of the calls. A record that was acknowledged is never lost by kill -9; a torn tail is cut at the next open.
// * `log.append` resolves when entries, tiles and a signed checkpoint that covers them are on the disk; leaves are
//   numbered in the order of the call. Size and root are stored before signing, and nothing is signed that does not
//   extend what was signed before.
// * The statement index is a view of the log. It can be deleted: `open` rebuilds it.
// * One process per data directory; a second `open` fails with a SiteFault that names the holder.
// * A disk that fails is fatal: the call rejects with LedgerFailure and every later call does too. Nobody retries.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Kind, PointId } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import type { InstantNs, Interval } from '../quantity/time.ts';

/** Byte offset in the journal as if its segments were one file. */
export type JournalPosition = number;
/** 0-based index in the Merkle log. */
export type LeafIndex = number;

/** What happened beside the exchanges: kept in the journal because it bears on what they mean. */
export interface JournalEvent {
  readonly kind: 'start' | 'clock' | 'lost' | 'stop';
  readonly atNs: InstantNs;
  /** For people and programs: small, flat, no secrets. */
  readonly detail: Readonly<Record<string, string>>;
}

export type JournalRecord =
  | { readonly is: 'exchange'; readonly position: JournalPosition; readonly exchange: Exchange }
  | { readonly is: 'event'; readonly position: JournalPosition; readonly event: JournalEvent };

export interface Journal {
  append(exchange: Exchange): Promise<JournalPosition>;
  note(event: JournalEvent): Promise<JournalPosition>;
  /** Records from a position (of a record or a block) to the end as it was at the call. */
  scan(from: JournalPosition): AsyncIterable<JournalRecord>;
  /** Where the next record will begin. */
  readonly end: JournalPosition;
  /** Whether this redelivered message (same source, packet id and bytes) is already kept. */
  holds(exchange: Exchange): boolean;
}

/** The seal over the raw records of one source between two positions. */
export interface BlockEntry {
  readonly type: 'block';
  readonly source: string;
  /** Hash of the meaning of the profile that decodes it. */
  readonly profile: string;
  readonly from: JournalPosition;
  readonly until: JournalPosition;
  readonly recordsCount: number;
  /** SHA-256, hex, over the framed records of this source in that range, in order. */
  readonly sha256: string;
  /** When it was sealed, civil time of the service. */
  readonly sealedAtNs: InstantNs;
}

export interface StatementEntry {
  readonly type: 'statement';
  readonly statement: IntervalStatement;
}

/**
 * Anything else that belongs to the record: a model and what happens to it, a configuration, the profiles that it reads with,
 * a key, the clock's state, a settlement with the root over its lines, what trackers and jobs said.
 */
export interface DocumentEntry {
  readonly type:
    | 'model'
    | 'event'
    | 'configuration'
    | 'profile'
    | 'clock'
    | 'key'
    | 'lost'
    | 'settlement'
    | 'activity';
  readonly atNs: InstantNs;
  /** Plain JSON; numbers only where they are safe integers or measurements, bigints as strings. */
  readonly document: unknown;
}

export type LogEntry = BlockEntry | StatementEntry | DocumentEntry;

export interface StoredEntry {
  readonly leaf: LeafIndex;
  /** SHA-256 of the entry's canonical bytes, hex: what a later version names in `supersedes`. */
  readonly sha256: string;
  readonly entry: LogEntry;
}

export interface StoredStatement {
  readonly leaf: LeafIndex;
  readonly sha256: string;
  readonly statement: IntervalStatement;
}

export interface StoredDocument {
  readonly leaf: LeafIndex;
  readonly sha256: string;
  readonly document: unknown;
}

export interface Log {
  /** Number of leaves that the newest signed checkpoint covers. */
  readonly size: LeafIndex;
  append(entries: readonly LogEntry[]): Promise<readonly StoredEntry[]>;
  /** Entries from a leaf on, oldest first. */
  scan(from: LeafIndex): AsyncIterable<StoredEntry>;
}

export interface StatementIndex {
  /** The newest version, or undefined. */
  current(point: PointId, kind: Kind, startNs: InstantNs): StoredStatement | undefined;
  /** Current versions that start in [fromNs, untilNs), by start, then point, then kind. */
  between(fromNs: InstantNs, untilNs: InstantNs): readonly StoredStatement[];
  /** All versions with leaf >= from, by leaf, at most `limit`. */
  fromLeaf(from: LeafIndex, limit: number): readonly StoredStatement[];
  /** Earliest start, and the instant behind the latest one; undefined while there is no statement. */
  span(): Interval | undefined;
  /** Start of the newest interval that has a statement of this point and kind. */
  newestStart(point: PointId, kind: Kind): InstantNs | undefined;
}

/** How far each sink has got: the outbox is the log itself plus one cursor per sink. */
export interface Cursors {
  /** First leaf the sink has not acknowledged; 0 for a new sink. */
  get(sink: string): LeafIndex;
  set(sink: string, next: LeafIndex): void;
  /** Rows that a sink refused for good, with the reason. */
  refused(sink: string): readonly { leaf: LeafIndex; because: string }[];
  refuse(sink: string, leaf: LeafIndex, because: string): void;
}

export interface Ledger {
  readonly journal: Journal;
  readonly log: Log;
  readonly statements: StatementIndex;
  readonly cursors: Cursors;
  /** Seals what the journal holds since the last seal: one block per source, appended to the log with `entries`. */
  seal(entries: readonly LogEntry[]): Promise<readonly StoredEntry[]>;
  /** Position from which blocks sealed at or after this log time must be scanned to rebuild state: see `seal`. */
  sealedUntil: JournalPosition;
  close(): Promise<void>;
}

/** What an opened ledger can do beyond the contract that the other rooms need. */
export interface OpenLedger extends Ledger {
  readonly journal: Journal & {
    /** As `scan`, in batches: a few times as fast where millions of records are read. */
    scanBatches(from: JournalPosition): AsyncIterable<readonly JournalRecord[]>;
  };
  /** First line of every checkpoint: who this log is. */
  readonly origin: string;
  /** Verifier key of the log, as in `log/vkey`. */
  readonly vkey: string;
  /** Settlement entries, oldest first. */
  settlements(): readonly StoredDocument[];
  /** Appends the entries that another process handed in while this one holds the directory: see hand-in.ts. */
  appendHandedIn(): Promise<readonly StoredEntry[]>;
  /** Bytes cut off the journal's tail at this start; they had not been acknowledged. */
  readonly cutBytes: number;
  /**
   * Where to begin a scan that must see everything that came at or after this civil time: the beginning of the newest
   * blocks that were sealed by then, which leaves one block of margin; 0 where none was.
   */
  positionBefore(atNs: InstantNs): JournalPosition;
}

/** What is stored is not what was written: found at start or by a check, never repaired silently. */
export class LedgerDamage extends Error {
  readonly code: FaultCode;
  readonly where: string;
  readonly what: string;
  constructor(code: FaultCode, where: string, what: string, options?: ErrorOptions) {
    super(`${where}: ${what}`, options);
    this.name = 'LedgerDamage';
    this.code = code;
    this.where = where;
    this.what = what;
  }
}

/** The disk failed: thrown by every call from then on. */
export class LedgerFailure extends Error {
  readonly code: FaultCode = 'ledger.disk';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LedgerFailure';
  }
}
