// C2SP tlog-proof: that one entry is in a log, as a file that is checked offline with keys from elsewhere.
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { cosignaturesOf, type Cosigned } from './cosignature.ts';
import { strictText } from './canonical.ts';
import { LedgerDamage, type LeafIndex } from './ledger.ts';
import { leafHash, rootFromInclusion, sameHash } from './merkle.ts';
import { checkNote, fromBase64, NotWellFormed, type Note } from './note.ts';
import { meetsQuorum, type Policy } from './policy.ts';

const HEAD = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 leaves has paths of 53 hashes. */
const HASHES_MAX_COUNT = 64;

/** The text of a proof; the checkpoint stands in it byte for byte. */
export const tlogProof = (
  leaf: LeafIndex,
  hashes: readonly Uint8Array[],
  checkpoint: Uint8Array,
): string =>
  [
    HEAD,
    `index ${String(leaf)}`,
    ...hashes.map((hash) => Buffer.from(hash).toString('base64')),
    '',
    Buffer.from(checkpoint).toString('utf8'),
  ].join('\n');

interface ParsedProof {
  readonly leaf: LeafIndex;
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

/** @throws NotWellFormed */
function parseTlogProof(bytes: Uint8Array): ParsedProof {
  const text = strictText(bytes);
  const blank = text?.indexOf('\n\n') ?? -1;
  if (text === undefined || blank < 0) throw new NotWellFormed('it has no checkpoint');
  const [head, ...lines] = text.slice(0, blank).split('\n');
  if (head !== HEAD) throw new NotWellFormed(`it does not begin with ${HEAD}`);
  if (lines[0]?.startsWith('extra ') === true) lines.shift();
  const [, indexText] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? [];
  if (indexText === undefined) throw new NotWellFormed('it has no index');
  if (lines.length > HASHES_MAX_COUNT) throw new NotWellFormed('it has too many hashes');
  const hashes = lines.map((line) => fromBase64(line, 'a hash'));
  return {
    leaf: Number(indexText),
    hashes,
    ...parseCheckpoint(Buffer.from(text.slice(blank + 2), 'utf8')),
  };
}

export interface ProvedEntry {
  readonly origin: string;
  readonly leaf: LeafIndex;
  /** Leaves of the tree that was signed. */
  readonly size: number;
  readonly cosigned: readonly Cosigned[];
}

/**
 * That these bytes are an entry of a log of the policy, under a checkpoint with the policy's quorum.
 * @throws LedgerDamage where they are not
 */
export function verifyProof(
  entry: Uint8Array,
  proof: Uint8Array,
  policy: Policy,
  where: string,
): ProvedEntry {
  try {
    const { leaf, hashes, checkpoint, note } = parseTlogProof(proof);
    const cosigned = verifySigned(note, checkpoint, policy, where);
    const root = rootFromInclusion(leafHash(entry), leaf, checkpoint.size, hashes);
    if (root === undefined || !sameHash(root, checkpoint.root)) {
      const what = 'it does not lead from this entry to the signed root';
      throw new LedgerDamage('ledger.proof', where, what);
    }
    return { origin: checkpoint.origin, leaf, size: checkpoint.size, cosigned };
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    throw new LedgerDamage('ledger.proof', where, error.message, { cause: error });
  }
}

/** Who cosigned a checkpoint that a log of the policy signed, where these are enough. @throws LedgerDamage */
export function verifySigned(
  note: Note,
  { origin }: Checkpoint,
  policy: Policy,
  where: string,
): readonly Cosigned[] {
  const logs = policy.logs.filter(({ name }) => name === origin);
  if (checkNote(note, logs) !== 'signed') {
    const what = `no log that is believed signed the checkpoint of ${origin}`;
    throw new LedgerDamage('ledger.signature', where, what);
  }
  const known = policy.witnesses.flatMap(({ verifier }) => verifier ?? []);
  let cosigned: readonly Cosigned[];
  try {
    cosigned = cosignaturesOf(note, known);
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    throw new LedgerDamage('ledger.signature', where, error.message, { cause: error });
  }
  const names = policy.witnesses
    .filter(({ verifier }) => cosigned.some(({ witness }) => witness === verifier))
    .map(({ name }) => name);
  if (!meetsQuorum(policy, new Set(names))) {
    const seen = names.length === 0 ? 'no witness' : names.join(', ');
    const what = `${seen} cosigned it, which is not the quorum ${policy.quorum}`;
    throw new LedgerDamage('ledger.quorum', where, what);
  }
  return cosigned;
}
