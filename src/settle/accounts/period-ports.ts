// What the settlement of a period is given from outside: statements as the ledger knows them, local time, and hashing.
import type { IntervalStatement } from '../../quantity/statement.ts';
import type { LocalOffset } from './time-of-use.ts';

/** Statements of one point and kind that start at one instant, with the hash by which each is known. */
export interface KnownStatement {
  readonly statement: IntervalStatement;
  readonly sha256: string;
}

export interface PeriodPorts {
  readonly offsetOf: LocalOffset;
  /** A running SHA-256 over hashes in hex; the room computes none itself. */
  readonly digest: () => { add(sha256: string): void; hex(): string };
}
