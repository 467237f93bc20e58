// Canonical JSON (RFC 8785) is what the ledger hashes: one value has one sequence of bytes, so anybody can recompute it.
import canonicalize from 'canonicalize';

/**
 * Canonical bytes of plain JSON. Bigints become decimal strings; undefined properties are left out.
 * @throws RangeError where the value is not plain JSON (NaN, a lone surrogate, a cycle, a function)
 */
export function canonicalBytes(plain: unknown): Uint8Array {
  let text: string | undefined;
  try {
    text = canonicalize(withoutBigints(plain, 0));
  } catch (error) {
    throw new RangeError('the document is not plain JSON', { cause: error });
  }
  if (text === undefined) throw new RangeError('the document is not plain JSON');
  return Buffer.from(text, 'utf8');
}

const DEPTH_MAX_COUNT = 64;

function withoutBigints(plain: unknown, depthCount: number): unknown {
  if (depthCount > DEPTH_MAX_COUNT) throw new RangeError('nested too deep');
  switch (typeof plain) {
    case 'bigint':
      return plain.toString();
    case 'function':
    case 'symbol':
      throw new RangeError(`a ${typeof plain} is no JSON`);
    case 'object': {
      if (plain === null) return null;
      if (Array.isArray(plain)) return plain.map((part) => withoutBigints(part, depthCount + 1));
      return Object.fromEntries(
        Object.entries(plain).map(([name, part]) => [name, withoutBigints(part, depthCount + 1)]),
      );
    }
    default:
      return plain;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict UTF-8, or undefined. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The JSON object in these bytes, or undefined where they hold none. */
export function readObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  const text = strictText(bytes);
  return text === undefined ? undefined : objectIn(text);
}

/** The JSON object that this text is, or undefined. */
export function objectIn(text: string): Record<string, unknown> | undefined {
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isObject(plain) ? plain : undefined;
}

/** Whether bytes are the one canonical form of the JSON that they hold. */
export function isCanonical(bytes: Uint8Array): boolean {
  const object = readObject(bytes);
  if (object === undefined) return false;
  try {
    return Buffer.compare(canonicalBytes(object), bytes) === 0;
  } catch {
    return false;
  }
}

export const isObject = (plain: unknown): plain is Record<string, unknown> =>
  typeof plain === 'object' && plain !== null && !Array.isArray(plain);

/** Text as it is; the empty string for anything else. */
export const textOf = (plain: unknown): string => (typeof plain === 'string' ? plain : '');
