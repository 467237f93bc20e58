// The options of `trueup ledger`, as they were given.

export interface LedgerOptions {
  readonly vkey?: string;
  readonly policy?: string;
  readonly line?: string[];
  readonly account?: string;
  readonly leaf?: string;
  readonly out?: string;
  readonly data?: string;
  readonly json: boolean;
}
