// Keys and ciphers of SNMPv3's User-based Security Model: passwords become keys of one engine (RFC 3414 §2.6, A.2), messages
// are authenticated by HMAC (RFC 3414 §6, RFC 7860) and encrypted by AES in CFB mode (RFC 3826). DES is not offered: the
// OpenSSL of today's Node refuses it, and it protects nothing any more.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  timingSafeEqual,
} from 'node:crypto';
import type { SnmpAuthProtocol, SnmpPrivProtocol } from '../quantity/site.ts';

/** Octets of the message authentication code: half of the digest since RFC 7860, 96 bits before. */
export const MAC_BYTES: Readonly<Record<SnmpAuthProtocol, number>> = {
  md5: 12,
  sha1: 12,
  sha224: 16,
  sha256: 24,
  sha384: 32,
  sha512: 48,
};

const CIPHERS = {
  aes128: { cipher: 'aes-128-cfb', keyBytes: 16, longer: 'blumenthal' },
  aes192: { cipher: 'aes-192-cfb', keyBytes: 24, longer: 'blumenthal' },
  aes256: { cipher: 'aes-256-cfb', keyBytes: 32, longer: 'blumenthal' },
  'aes256-reeder': { cipher: 'aes-256-cfb', keyBytes: 32, longer: 'reeder' },
} as const satisfies Record<SnmpPrivProtocol, object>;

/** A password is repeated to this many octets before it is hashed (RFC 3414 §A.2). */
const STRETCHED_BYTES = 1_048_576;

/** The key of one user at one engine (RFC 3414 §2.6). The password must not be empty. */
export function localisedKey(
  protocol: SnmpAuthProtocol,
  password: Uint8Array,
  engineId: Uint8Array,
): Uint8Array {
  const key = createHash(protocol).update(Buffer.alloc(STRETCHED_BYTES, password)).digest();
  return createHash(protocol).update(key).update(engineId).update(key).digest();
}

export const macOf = (
  protocol: SnmpAuthProtocol,
  key: Uint8Array,
  message: Uint8Array,
): Uint8Array =>
  createHmac(protocol, key).update(message).digest().subarray(0, MAC_BYTES[protocol]);

export const isSameMac = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other);

/**
 * The key that encrypts, localised with the hash of the authentication protocol (RFC 3826 §1.2). Where the digest is
 * shorter than the key, it is lengthened by draft-blumenthal-aes-usm-04 §3.1.2.1 (K, H(K)), or as
 * draft-reeder-snmpv3-usm-3desede-00 §2.1 does (K, the key of the password K).
 */
export function cipherKey(
  auth: SnmpAuthProtocol,
  priv: SnmpPrivProtocol,
  password: Uint8Array,
  engineId: Uint8Array,
): Uint8Array {
  const { keyBytes, longer } = CIPHERS[priv];
  const first = localisedKey(auth, password, engineId);
  if (first.length >= keyBytes) return first.subarray(0, keyBytes);
  const second =
    longer === 'reeder'
      ? localisedKey(auth, first, engineId)
      : createHash(auth).update(first).digest();
  return Buffer.concat([first, second]).subarray(0, keyBytes);
}

/** Boots and time of the engine, which with a salt of 8 octets make the initialisation vector (RFC 3826 §3.1.2.1). */
export interface EngineTime {
  readonly bootsCount: number;
  readonly timeS: number;
}

function vectorOf({ bootsCount, timeS }: EngineTime, salt: Uint8Array): Uint8Array {
  const vector = Buffer.alloc(16);
  vector.writeUInt32BE(bootsCount, 0);
  vector.writeUInt32BE(timeS, 4);
  vector.set(salt, 8);
  return vector;
}

export function encrypted(
  priv: SnmpPrivProtocol,
  key: Uint8Array,
  time: EngineTime,
  salt: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(CIPHERS[priv].cipher, key, vectorOf(time, salt));
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

/** The salt must have 8 octets. */
export function decrypted(
  priv: SnmpPrivProtocol,
  key: Uint8Array,
  time: EngineTime,
  salt: Uint8Array,
  secret: Uint8Array,
): Uint8Array {
  const cipher = createDecipheriv(CIPHERS[priv].cipher, key, vectorOf(time, salt));
  return Buffer.concat([cipher.update(secret), cipher.final()]);
}
