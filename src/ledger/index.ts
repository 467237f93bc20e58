// The door of the room: what outsiders may use of the ledger. Its contract is ledger.ts.
export { openLedger, type LedgerOptions } from './open-ledger.ts';
export { LedgerDamage, LedgerFailure } from './ledger.ts';
export type * from './ledger.ts';
export { verifyLedger, type Verdict } from './verify.ts';
export { readLedger, type LedgerReader } from './read-ledger.ts';
export { isConsistent, leafHash, rootFromInclusion } from './merkle.ts';
export { handIn } from './hand-in.ts';
export { LedgerInUse } from './lock.ts';
export { lineBytes, linePath, lineRoot, rootOfLine } from './line-tree.ts';
export { makeFolder } from './make-folder.ts';
