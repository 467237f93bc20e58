// One value of SML's encoding (SML 1.04 §6): a byte of type and length, more of them for long values, then content or
// elements. Total: whatever the bytes are, a value or undefined comes back, and depth and number are bounded.

export type SmlValue =
  | { readonly is: 'absent' }
  | { readonly is: 'end' }
  | { readonly is: 'octets'; readonly octets: Uint8Array }
  | { readonly is: 'boolean'; readonly isTrue: boolean }
  | { readonly is: 'integer'; readonly integer: bigint; readonly signedBytesCount: number }
  | { readonly is: 'list'; readonly list: readonly SmlValue[] };

/** A place in the bytes; moves on as values are read. */
export interface SmlCursor {
  readonly bytes: Uint8Array;
  position: number;
}

const DEPTH_MAX = 12;
const LENGTH_BYTES_MAX = 4;
const INTEGER_BYTES_MAX = 8;
const TYPE = { octets: 0, boolean: 4, signed: 5, unsigned: 6, list: 7 } as const;

/** Reads the value at the cursor and moves behind it; undefined where the bytes are none. */
export function readSml(cursor: SmlCursor, depth = 0): SmlValue | undefined {
  const first = cursor.bytes[cursor.position];
  if (first === undefined || depth > DEPTH_MAX) return undefined;
  if (first === 0x00) {
    cursor.position += 1;
    return { is: 'end' };
  }
  const length = readLength(cursor);
  if (length === undefined) return undefined;
  const type = (first >> 4) & 0x07;
  if (type === TYPE.list) return readList(cursor, length.count, depth);
  // The length counts its own bytes.
  const contentCount = length.count - length.headCount;
  const content = cursor.bytes.subarray(cursor.position, cursor.position + contentCount);
  if (contentCount < 0 || content.length !== contentCount) return undefined;
  cursor.position += contentCount;
  switch (type) {
    case TYPE.octets:
      return contentCount === 0 ? { is: 'absent' } : { is: 'octets', octets: content };
    case TYPE.boolean:
      return contentCount === 1 ? { is: 'boolean', isTrue: content[0] !== 0 } : undefined;
    case TYPE.signed:
    case TYPE.unsigned:
      return readInteger(content, type === TYPE.signed);
    default:
      return undefined;
  }
}

/** Type and length: bit 7 says that another such byte follows, whose low four bits are further digits of the length. */
function readLength(cursor: SmlCursor): { count: number; headCount: number } | undefined {
  let count = 0;
  for (let headCount = 1; headCount <= LENGTH_BYTES_MAX; headCount += 1) {
    const byte = cursor.bytes[cursor.position];
    if (byte === undefined) return undefined;
    cursor.position += 1;
    count = count * 16 + (byte & 0x0f);
    if ((byte & 0x80) === 0) return { count, headCount };
  }
  return undefined;
}

function readList(cursor: SmlCursor, count: number, depth: number): SmlValue | undefined {
  const list: SmlValue[] = [];
  // An element has a byte at least: more of them than bytes is no list.
  if (count > cursor.bytes.length - cursor.position) return undefined;
  for (let index = 0; index < count; index += 1) {
    const element = readSml(cursor, depth + 1);
    if (element === undefined) return undefined;
    list.push(element);
  }
  return { is: 'list', list };
}

/** Any width from 1 to 8 bytes: meters send 3, 5 and 6 as well. */
function readInteger(content: Uint8Array, isSigned: boolean): SmlValue | undefined {
  if (content.length === 0 || content.length > INTEGER_BYTES_MAX) return undefined;
  const unsigned = content.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const integer = isSigned ? BigInt.asIntN(8 * content.length, unsigned) : unsigned;
  return { is: 'integer', integer, signedBytesCount: isSigned ? content.length : 0 };
}

export const octetsOf = (value: SmlValue | undefined): Uint8Array | undefined =>
  value?.is === 'octets' ? value.octets : undefined;

export const integerOf = (value: SmlValue | undefined): bigint | undefined =>
  value?.is === 'integer' ? value.integer : undefined;

export const listOf = (value: SmlValue | undefined, count?: number): readonly SmlValue[] =>
  value?.is === 'list' && (count === undefined || value.list.length === count) ? value.list : [];
