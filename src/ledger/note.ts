// C2SP signed notes with Ed25519 keys: the text, a blank line, and `— name base64(key id || signature)` lines. Everything
// that has more than one way to be written is refused, so that a checkpoint has one sequence of bytes.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { strictText } from './canonical.ts';

/** What the first byte of key material says of an Ed25519 key: a log signs notes, a witness cosigns them. */
export const KEY_KIND = { log: 1, witness: 4 } as const;
export type KeyKind = keyof typeof KEY_KIND;
/** DER in front of a raw Ed25519 key (RFC 8410 §4 and §7). */
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;
/** Far above the 16 signatures that must be accepted, post-quantum ones included. */
const NOTE_MAX_BYTES = 256 * 1024;

export interface Verifier {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  readonly publicKey: Uint8Array;
}

export interface Signer extends Verifier {
  readonly seed: Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export interface Note {
  /** With its final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Why bytes are no note, key or checkpoint. */
export class NotWellFormed extends Error {}

/** Strict standard base64 (RFC 4648 §4): the one form that encodes back to itself. @throws NotWellFormed */
export function fromBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (text === '' || bytes.toString('base64') !== text) {
    throw new NotWellFormed(`${what} is not canonical base64`);
  }
  return bytes;
}

const keyIdOf = (name: string, publicKey: Uint8Array, kind: KeyKind): string =>
  createHash('sha256')
    .update(`${name}\n`)
    .update(Uint8Array.of(KEY_KIND[kind]))
    .update(publicKey)
    .digest('hex')
    .slice(0, 8);

/** Key names hold no spaces, no plus and no control characters. */
export const isKeyName = (name: string): boolean => name !== '' && !/[\s+\p{Cc}]/u.test(name);

export function signerOf(name: string, seed: Uint8Array, kind: KeyKind = 'log'): Signer {
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_DER, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = spki.subarray(PUBLIC_DER.length);
  return { name, keyId: keyIdOf(name, publicKey, kind), publicKey, seed };
}

const keyText = (name: string, keyId: string, key: Uint8Array, kind: KeyKind): string =>
  `${name}+${keyId}+${Buffer.concat([Uint8Array.of(KEY_KIND[kind]), key]).toString('base64')}`;

/** `name+keyid+base64`, as others read it. */
export const vkeyText = ({ name, keyId, publicKey }: Verifier, kind: KeyKind = 'log'): string =>
  keyText(name, keyId, publicKey, kind);

/** The private key as Go's x/mod/sumdb/note writes it. */
export const signerText = ({ name, keyId, seed }: Signer, kind: KeyKind = 'log'): string =>
  `PRIVATE+KEY+${keyText(name, keyId, seed, kind)}`;

/** @throws NotWellFormed */
export function parseVkey(text: string, kind: KeyKind = 'log'): Verifier {
  const { name, keyId, key } = parseKey(text, 'the verifier key', kind);
  if (keyIdOf(name, key, kind) !== keyId) {
    throw new NotWellFormed('the verifier key does not match its own key id');
  }
  return { name, keyId, publicKey: key };
}

/** @throws NotWellFormed */
export function parseSigner(text: string, kind: KeyKind = 'log'): Signer {
  const prefix = 'PRIVATE+KEY+';
  if (!text.startsWith(prefix)) throw new NotWellFormed('the file holds no private key');
  const { name, keyId, key } = parseKey(text.slice(prefix.length), 'the private key', kind);
  const signer = signerOf(name, key, kind);
  if (signer.keyId !== keyId) throw new NotWellFormed('the private key does not match its key id');
  return signer;
}

function parseKey(
  text: string,
  what: string,
  kind: KeyKind,
): { name: string; keyId: string; key: Uint8Array } {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text);
  const [, name = '', keyId = '', base64 = ''] = match ?? [];
  if (!match || !isKeyName(name)) throw new NotWellFormed(`${what} is not name+keyid+base64`);
  const bytes = fromBase64(base64, what);
  if (bytes[0] !== KEY_KIND[kind] || bytes.length !== 1 + KEY_BYTES) {
    throw new NotWellFormed(`${what} is not an Ed25519 key of a ${kind}`);
  }
  return { name, keyId, key: bytes.subarray(1) };
}

/** Ed25519 over bytes. */
export function signBytes(bytes: Uint8Array, { seed }: Signer): Uint8Array {
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_DER, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return sign(null, bytes, key);
}

export function isSignedBy(
  bytes: Uint8Array,
  signature: Uint8Array,
  { publicKey }: Verifier,
): boolean {
  const key = createPublicKey({
    key: Buffer.concat([PUBLIC_DER, publicKey]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, bytes, key, signature);
}

/** Signs a text that ends with a newline. */
export function signNote(text: string, signer: Signer): Uint8Array {
  const signature = signBytes(Buffer.from(text, 'utf8'), signer);
  const line = Buffer.concat([Buffer.from(signer.keyId, 'hex'), signature]).toString('base64');
  return Buffer.from(`${text}\n— ${signer.name} ${line}\n`, 'utf8');
}

/** Takes a note apart, without believing it yet. @throws NotWellFormed */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > NOTE_MAX_BYTES) throw new NotWellFormed('it is too long for a note');
  const whole = strictText(bytes);
  if (whole === undefined) throw new NotWellFormed('it is not UTF-8');
  if (/[\u0000-\u0009\u000b-\u001f\ufeff]/.test(whole)) {
    throw new NotWellFormed('it holds control characters');
  }
  const blank = whole.lastIndexOf('\n\n');
  if (blank < 0) throw new NotWellFormed('it has no blank line before its signatures');
  const text = whole.slice(0, blank + 1);
  const tail = whole.slice(blank + 2);
  if (!tail.endsWith('\n')) throw new NotWellFormed('its last line does not end');
  const signatures = tail
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const match = /^— (\S+) (\S+)$/u.exec(line);
      const [, name = '', base64 = ''] = match ?? [];
      if (!match || !isKeyName(name)) throw new NotWellFormed('it has bytes that are no signature');
      const signed = Buffer.from(fromBase64(base64, 'a signature'));
      if (signed.length < 5) throw new NotWellFormed('a signature is too short');
      return {
        name,
        keyId: signed.toString('hex', 0, 4),
        signature: signed.subarray(4),
      };
    });
  return { text, signatures };
}

/**
 * Whether a known key signed the note. Signatures of unknown keys are passed over; a wrong one of a known key is
 * `wrong` whatever else there is.
 */
export function checkNote(
  note: Note,
  verifiers: readonly Verifier[],
): 'signed' | 'wrong' | 'unknown' {
  let found: 'signed' | 'unknown' = 'unknown';
  for (const { name, keyId, signature } of note.signatures) {
    const verifier = verifiers.find((known) => known.name === name && known.keyId === keyId);
    if (verifier === undefined) continue;
    if (!isSignedBy(Buffer.from(note.text, 'utf8'), signature, verifier)) return 'wrong';
    found = 'signed';
  }
  return found;
}
