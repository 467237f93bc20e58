// C2SP checkpoints: who, how many leaves, which root, as the text of a signed note.
import { HASH_BYTES } from './merkle.ts';
import { NotWellFormed, fromBase64, parseNote, signNote, type Note, type Signer } from './note.ts';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${String(size)}\n${Buffer.from(root).toString('base64')}\n`;

export const signCheckpoint = (checkpoint: Checkpoint, signer: Signer): Uint8Array =>
  signNote(checkpointText(checkpoint), signer);

/**
 * Reads a checkpoint file. Extension lines are refused: they would be bytes that nobody audits (tlog-checkpoint advises
 * against them, and our logs have none).
 * @throws NotWellFormed
 */
export function parseCheckpoint(bytes: Uint8Array): { checkpoint: Checkpoint; note: Note } {
  const note = parseNote(bytes);
  const [origin = '', sizeText = '', rootText = '', ...rest] = note.text.slice(0, -1).split('\n');
  if (rest.length > 0) throw new NotWellFormed('it has more lines than origin, size and root');
  if (origin === '') throw new NotWellFormed('its origin is empty');
  const size = /^(0|[1-9]\d{0,15})$/.test(sizeText) ? Number(sizeText) : NaN;
  if (!Number.isSafeInteger(size)) throw new NotWellFormed('its tree size is not a plain number');
  const root = fromBase64(rootText, 'its root');
  if (root.length !== HASH_BYTES) throw new NotWellFormed('its root is not a SHA-256');
  return { checkpoint: { origin, size, root }, note };
}
