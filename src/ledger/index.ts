// The door of the room: what outsiders may use of the ledger. Its contract is ledger.ts.
export { openLedger, type LedgerOptions } from './open-ledger.ts';
export { LedgerDamage, LedgerFailure } from './ledger.ts';
export type * from './ledger.ts';
export { givenPolicy, verifyLedger, type Verdict } from './verify.ts';
export { verifyProof, type ProvedEntry } from './tlog-proof.ts';
export type { Policy, PolicyWitness } from './policy.ts';
export { openWitness } from './open-witness.ts';
export type { Witness } from './witness.ts';
export { assertCosigned, writeWitnessed } from './witnessed.ts';
export { readLedger, type LedgerReader } from './read-ledger.ts';
export { isConsistent, leafHash, rootFromInclusion } from './merkle.ts';
export { handIn } from './hand-in.ts';
export { LedgerInUse } from './lock.ts';
export { lineBytes, linePath, lineRoot, rootOfLine } from './line-tree.ts';
export { makeFolder } from './make-folder.ts';
