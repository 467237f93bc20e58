// The contract of every sink of settled energy.
//
// * Rows come from the ledger in leaf order, at least once; a sink must make that exactly once in effect: the same
//   (point, kind, start) overwrites, an older version never overwrites a newer one.
// * `write` resolves with a receipt and never rejects for what the world does. `accepted` means durable at the sink.
// * `later` says: nothing is known to be stored, try the same rows again (after retryAfterMs if given).
// * `refused` names the rows that will never be accepted; the others of the batch must have been stored.
// * Nobody calls `write` again before the last call has resolved.
import type { Kind, PointId } from '../quantity/quality.ts';
import type { StoredEntry } from '../ledger/ledger.ts';
import type { InstantNs } from '../quantity/time.ts';

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

export interface Sink {
  readonly id: string;
  /** Prepares the other side (database, file); says what is wrong in `later` or with a SiteFault. */
  open(): Promise<Receipt>;
  write(entries: readonly StoredEntry[]): Promise<Receipt>;
  /** All current rows with start in [fromNs, untilNs); undefined where this sink cannot be read back. */
  readBack(fromNs: InstantNs, untilNs: InstantNs): Promise<readonly SinkRow[] | undefined>;
  /** Removes rows that the ledger does not have. */
  remove(rows: readonly SinkRow[]): Promise<Receipt>;
  close(): Promise<void>;
}
