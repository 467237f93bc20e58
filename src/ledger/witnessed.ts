// The newest checkpoint that witnesses cosigned, kept beside the log: proofs are made against it, and a log that is shorter
// than it, or another one, was taken back or forked.
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { cosignaturesOf } from './cosignature.ts';
import { disk } from './disk.ts';
import { readWhole, replaceFile, type FilePort } from './file-port.ts';
import { LedgerDamage } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import { sameHash } from './merkle.ts';
import { NotWellFormed, parseNote, type Note, type Verifier } from './note.ts';

export const WITNESSED = 'witnessed/checkpoint';

export interface WitnessedCheckpoint {
  readonly bytes: Uint8Array;
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

/**
 * The lines of a witness's reply that are its cosignatures of this checkpoint.
 * @throws LedgerDamage where there is none, or a wrong one
 */
export function assertCosigned(checkpoint: Uint8Array, reply: string, witness: Verifier): string {
  try {
    const note = parseNote(Buffer.concat([checkpoint, Buffer.from(reply, 'utf8')]));
    if (cosignaturesOf(note, [witness]).length === 0) throw new NotWellFormed('it has none');
    // Of another key than the one asked nothing is kept.
    return reply
      .split('\n')
      .filter((line) => line.startsWith(`— ${witness.name} `))
      .map((line) => `${line}\n`)
      .join('');
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    const where = `the cosignature of ${witness.name}`;
    throw new LedgerDamage('ledger.signature', where, error.message, { cause: error });
  }
}

export async function writeWitnessed(
  dataDir: string,
  bytes: Uint8Array,
  files: FilePort = disk,
): Promise<void> {
  await files.makeFolder(`${dataDir}/witnessed`, 0o755);
  await replaceFile(files, `${dataDir}/${WITNESSED}`, `${dataDir}/witnessed/staging`, bytes);
}

/** undefined where there is none. @throws LedgerDamage where it is no checkpoint */
export async function readWitnessed(
  files: FilePort,
  dataDir: string,
): Promise<WitnessedCheckpoint | undefined> {
  const where = `${dataDir}/${WITNESSED}`;
  const bytes = await readWhole(files, where);
  if (bytes === undefined) return undefined;
  try {
    return { bytes, ...parseCheckpoint(bytes) };
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    throw new LedgerDamage('ledger.encoding', where, error.message, { cause: error });
  }
}

/** That the log of this checkpoint extends the witnessed one. @throws LedgerDamage */
export async function assertExtends(
  folder: LogFolder,
  now: Checkpoint,
  { checkpoint: seen }: WitnessedCheckpoint,
): Promise<void> {
  const where = `${folder.path}/checkpoint`;
  if (seen.origin !== now.origin) {
    throw new LedgerDamage('ledger.forked', where, `witnesses saw another log, ${seen.origin}`);
  }
  if (seen.size > now.size) {
    const what = `it has ${String(now.size)} leaves; witnesses saw ${String(seen.size)}`;
    throw new LedgerDamage('ledger.rolled-back', where, what);
  }
  const root = await folder.rangeHash({ from: 0, until: seen.size }, now.size);
  if (!sameHash(root, seen.root)) {
    const what = `its first ${String(seen.size)} leaves are not those that witnesses saw`;
    throw new LedgerDamage('ledger.forked', where, what);
  }
}
