// The door of the room: what outsiders may use of the ledger. Its contract is ledger.ts.
export { openLedger, type LedgerOptions } from './open-ledger.ts';
export { LedgerDamage, LedgerFailure } from './ledger.ts';
export type * from './ledger.ts';
export { verifyLedger, type Verdict } from './verify.ts';
export { readLedger } from './read-ledger.ts';
export { isConsistent, leafHash, rootFromInclusion } from './merkle.ts';
export { makeFolder } from './make-folder.ts';
