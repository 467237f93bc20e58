// C2SP cosignatures (cosignature/v1, Ed25519): a witness states at which time this checkpoint was the largest consistent
// one it had seen of the log. With a quorum of them a log cannot show two histories, nor take one back.
import {
  isSignedBy,
  NotWellFormed,
  signBytes,
  type Note,
  type Signer,
  type Verifier,
} from './note.ts';

const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

const cosignedBytes = (noteText: string, timeS: bigint): Uint8Array =>
  Buffer.from(`cosignature/v1\ntime ${timeS.toString()}\n${noteText}`, 'utf8');

/** The signature line of a witness over the text of a checkpoint, with its newline. */
export function cosign(noteText: string, witness: Signer, timeS: bigint): string {
  if (timeS <= 0n) throw new RangeError('a cosignature has a time');
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(timeS);
  const signature = signBytes(cosignedBytes(noteText, timeS), witness);
  const line = Buffer.concat([Buffer.from(witness.keyId, 'hex'), time, signature]);
  return `— ${witness.name} ${line.toString('base64')}\n`;
}

export interface Cosigned {
  readonly witness: Verifier;
  /** POSIX time by the witness's clock. */
  readonly atS: bigint;
}

/**
 * Who of these witnesses cosigned the note. Lines of unknown keys are passed over.
 * @throws NotWellFormed where a known witness's line does not verify: such a note is malformed
 */
export function cosignaturesOf(note: Note, witnesses: readonly Verifier[]): readonly Cosigned[] {
  return note.signatures.flatMap(({ name, keyId, signature }) => {
    const witness = witnesses.find((known) => known.name === name && known.keyId === keyId);
    if (witness === undefined) return [];
    const bytes = Buffer.from(signature);
    const isWhole = bytes.length === TIME_BYTES + SIGNATURE_BYTES;
    const atS = isWhole ? bytes.readBigUInt64BE(0) : 0n;
    const signed = bytes.subarray(TIME_BYTES);
    if (atS > 0n && isSignedBy(cosignedBytes(note.text, atS), signed, witness)) {
      return [{ witness, atS }];
    }
    throw new NotWellFormed(`the cosignature of ${name} does not verify`);
  });
}
