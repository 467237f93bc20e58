// The contract of every sink of settled energy.
//
// * Rows come from the ledger in leaf order, at least once; a sink must make that exactly once in effect: the same
//   (point, kind, start) overwrites, an older version never overwrites a newer one.
// * `write` resolves with a receipt and never rejects for what the world does. `accepted` means durable at the sink.
// * `later` says: nothing is known to be stored, try the same rows again (after retryAfterMs if given).
// * `refused` names the rows that will never be accepted; the others of the batch must have been stored.
// * Nobody calls `write` again before the last call has resolved.
// * Databases merge the fields of a rewritten point. A sink takes the old point away before it writes a version that
//   lacks a field which an older version may have had, or refuses the row where it cannot.
// * Live rows are the picture of the moment: they are sent once, never kept, never retried.
import type { Kind, PointId } from '../quantity/quality.ts';
import type { LeafIndex, StoredEntry } from '../ledger/ledger.ts';
import type { LiveRow } from './live-rows.ts';
import { type DurationNs, fromMs, type InstantNs } from '../quantity/time.ts';

export type Receipt =
  | { readonly outcome: 'accepted' }
  | {
      readonly outcome: 'later';
      readonly because: string;
      readonly retryAfterMs: number | undefined;
    }
  | {
      readonly outcome: 'refused';
      readonly refused: readonly { readonly leaf: number; readonly because: string }[];
    };

/** What reconcile reads back of one current row. */
export interface SinkRow {
  readonly point: PointId;
  readonly kind: Kind;
  readonly startNs: InstantNs;
  /** undefined where the row says that there is no energy (missing, refused). */
  readonly energyUj: bigint | undefined;
  readonly version: number;
  readonly leaf: number;
}

export const DAY_STRIDE_NS: DurationNs = fromMs(86_400_000);
export const MONTH_STRIDE_NS: DurationNs = fromMs(31 * 86_400_000);

/** What the sender knows about a batch beside its entries. */
export interface WriteManner {
  /** Leaves that have a newer version already: they go to the history and never over the newer row. */
  readonly superseded: ReadonlySet<LeafIndex>;
  /** Reconcile found these rows missing or different: write them even if the sink thinks that it holds them. */
  readonly again: boolean;
}

export const PLAIN_MANNER: WriteManner = { superseded: new Set(), again: false };

/** The newest entry that a sink holds, where it can tell. */
export interface NewestHeld {
  readonly leaf: LeafIndex;
  /** Of that entry; undefined where the sink's format has no room for it. */
  readonly sha256: string | undefined;
}

export interface Sink {
  readonly id: string;
  /** How much civil time `readBack` is best asked for at once: a file is read whole each time. */
  readonly strideNs: DurationNs;
  /** Prepares the other side (database, file); says what is wrong in `later` or with a SiteFault. May be repeated. */
  open(): Promise<Receipt>;
  /**
   * What a sink that remembers its own progress holds, after `open`: 'nothing' for an empty one, 'unknown' for a sink
   * that keeps no such memory. The outbox starts at the lower of this and its cursor.
   */
  newest(): NewestHeld | 'nothing' | 'unknown';
  /** Without a manner: nothing is superseded, nothing is repaired. */
  write(entries: readonly StoredEntry[], manner?: WriteManner): Promise<Receipt>;
  /** Present where the sink takes live rows. */
  writeLive?(rows: readonly LiveRow[]): Promise<Receipt>;
  /** All current rows with start in [fromNs, untilNs); undefined where this sink cannot be read back. */
  readBack(fromNs: InstantNs, untilNs: InstantNs): Promise<readonly SinkRow[] | undefined>;
  /** Removes rows that the ledger does not have. */
  remove(rows: readonly SinkRow[]): Promise<Receipt>;
  close(): Promise<void>;
}
