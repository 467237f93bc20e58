// A witness after C2SP tlog-witness, run by somebody who does not run the log: it remembers the largest checkpoint of each
// log that it knows, and cosigns only what extends it. It stores before it answers; requests take turns.
import { createHash } from 'node:crypto';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { canonicalBytes, readObject, strictText, textOf } from './canonical.ts';
import { cosign } from './cosignature.ts';
import { readWhole, replaceFile, type FilePort } from './file-port.ts';
import { emptyRoot, isConsistent, sameHash } from './merkle.ts';
import { checkNote, fromBase64, NotWellFormed, type Note, type Signer } from './note.ts';
import type { Verifier } from './note.ts';

/** An answer of `add-checkpoint`. */
export interface WitnessAnswer {
  readonly statusCode: 200 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly body: string;
}

const PROOF_MAX_COUNT = 63;
const TEXT = 'text/plain; charset=utf-8';
const SIZE = 'text/x.tlog.size';

interface Request {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

export class Witness {
  readonly #files: FilePort;
  readonly #folder: string;
  readonly #signer: Signer;
  readonly #logs: readonly Verifier[];
  readonly #nowS: () => bigint;
  #last: Promise<unknown> = Promise.resolve();

  /** `folder` keeps what it has seen; the folder exists. */
  constructor(
    files: FilePort,
    folder: string,
    signer: Signer,
    logs: readonly Verifier[],
    nowS: () => bigint,
  ) {
    this.#files = files;
    this.#folder = folder;
    this.#signer = signer;
    this.#logs = logs;
    this.#nowS = nowS;
  }

  /** One at a time: between looking and storing nobody else may store. */
  addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    const turn = this.#last.then(() => this.#add(body));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #add(body: Uint8Array): Promise<WitnessAnswer> {
    let request: Request;
    try {
      request = parseRequest(body);
    } catch (error) {
      if (!(error instanceof NotWellFormed)) throw error;
      return refusal(400, error.message);
    }
    const { checkpoint, note, oldSize, proof } = request;
    const keys = this.#logs.filter(({ name }) => name === checkpoint.origin);
    if (keys.length === 0) return refusal(404, 'this log is not known here');
    if (checkNote(note, keys) !== 'signed') {
      return refusal(403, 'the checkpoint is not signed by a key of this log');
    }
    if (oldSize > checkpoint.size) return refusal(400, 'the old size is larger than the new one');
    const seen = await this.#seen(checkpoint.origin);
    if (seen.size !== oldSize) {
      return { statusCode: 409, contentType: SIZE, body: `${String(seen.size)}\n` };
    }
    const isEmptyAsItShould = checkpoint.size > 0 || sameHash(checkpoint.root, emptyRoot());
    const follows = isConsistent(oldSize, seen.root, checkpoint.size, checkpoint.root, proof);
    if (!isEmptyAsItShould || !follows) {
      return refusal(422, 'it does not extend the checkpoint that was cosigned last');
    }
    await this.#store(checkpoint);
    return {
      statusCode: 200,
      contentType: TEXT,
      body: cosign(note.text, this.#signer, this.#nowS()),
    };
  }

  #pathOf(origin: string): string {
    return `${this.#folder}/${createHash('sha256').update(origin).digest('hex')}.json`;
  }

  /** Size 0 and the empty tree for a log that was never seen. */
  async #seen(origin: string): Promise<{ size: number; root: Uint8Array }> {
    const bytes = await readWhole(this.#files, this.#pathOf(origin));
    if (bytes === undefined) return { size: 0, root: emptyRoot() };
    const json = readObject(bytes);
    const size = json?.['size'];
    if (typeof size !== 'number' || json?.['origin'] !== origin) {
      // Forgetting would let a log begin anew: that is what a witness is there to prevent.
      throw new Error(`${this.#pathOf(origin)} is not what this witness wrote`);
    }
    return { size, root: Buffer.from(textOf(json['root']), 'hex') };
  }

  #store({ origin, size, root }: Checkpoint): Promise<void> {
    const path = this.#pathOf(origin);
    const bytes = canonicalBytes({ origin, size, root: Buffer.from(root).toString('hex') });
    return replaceFile(this.#files, path, `${path}.staging`, bytes);
  }
}

const refusal = (statusCode: 400 | 403 | 404 | 422, because: string): WitnessAnswer => ({
  statusCode,
  contentType: TEXT,
  body: `${because}\n`,
});

/** @throws NotWellFormed */
function parseRequest(body: Uint8Array): Request {
  const text = strictText(body);
  const blank = text?.indexOf('\n\n') ?? -1;
  if (text === undefined || blank < 0) throw new NotWellFormed('there is no checkpoint');
  const [first = '', ...lines] = text.slice(0, blank).split('\n');
  const [, oldText] = /^old (0|[1-9]\d{0,15})$/.exec(first) ?? [];
  if (oldText === undefined) throw new NotWellFormed('there is no old size');
  if (lines.length > PROOF_MAX_COUNT) throw new NotWellFormed('the proof is too long');
  return {
    oldSize: Number(oldText),
    proof: lines.map((line) => fromBase64(line, 'a hash')),
    ...parseCheckpoint(Buffer.from(text.slice(blank + 2), 'utf8')),
  };
}
