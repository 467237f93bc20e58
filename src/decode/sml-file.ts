// An SML file becomes OBIS entries (SML 1.04 §5 and §8; BSI TR-03109-1 Anlage IV). Frame, CRC of the frame and CRC of each
// message are judged here from the stored bytes alone. Times in a file are the meter's operating seconds, not civil time,
// so they narrow no window and are passed over.
import { type ObisEntry, obisOfBytes, powerOfTen } from './obis.ts';
import {
  integerOf,
  listOf,
  octetsOf,
  readSml,
  type SmlCursor,
  type SmlValue,
} from './sml-value.ts';

const MARK_BYTES = 8;
/** The standard says three; some meters that need none send four. */
const FILL_BYTES_MAX = 4;
const GET_LIST_RESPONSE = 0x0701n;
const ENTRY_ELEMENTS = 7;
/** More messages than any file has; each costs bytes, so that this only bounds the work. */
const MESSAGES_MAX = 64;

/** DLMS unit codes (IEC 62056-62 §5.5) of what meters send. */
const UNITS: Readonly<Record<string, string>> = {
  '9': 'Cel',
  '27': 'W',
  '28': 'VA',
  '29': 'var',
  '30': 'Wh',
  '33': 'A',
  '35': 'V',
  '44': 'Hz',
};

/** All entries of all value lists of the file; undefined where a frame, a check sum or the structure is wrong. */
export function readSmlFile(frame: Uint8Array): readonly ObisEntry[] | undefined {
  const body = bodyOf(frame);
  if (body === undefined) return undefined;
  const cursor: SmlCursor = { bytes: body.bytes, position: 0 };
  const entries: ObisEntry[] = [];
  for (let count = 0; count < MESSAGES_MAX; count += 1) {
    if (cursor.position === cursor.bytes.length) return entries;
    const message = readMessage(cursor);
    if (message === undefined) return undefined;
    const [choice, content] = listOf(message, 2);
    if (integerOf(choice) !== GET_LIST_RESPONSE) continue;
    const values = listOf(content, 7)[4];
    if (values?.is !== 'list') return undefined;
    for (const value of values.list) {
      const entry = entryOf(value);
      if (entry === undefined) return undefined;
      entries.push(entry);
    }
  }
  return undefined;
}

/** What stands between the escape sequences, literals once instead of twice, fill bytes taken off. */
function bodyOf(frame: Uint8Array): { bytes: Uint8Array } | undefined {
  const end = frame.length - MARK_BYTES;
  if (end < MARK_BYTES) return undefined;
  if (!isMark(frame, 0, [0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1])) return undefined;
  if (!isMark(frame, end, [0x1b, 0x1b, 0x1b, 0x1b, 0x1a])) return undefined;
  const crc = crcX25(frame.subarray(0, -2));
  if (frame.at(-2) !== (crc & 0xff) || frame.at(-1) !== crc >> 8) return undefined;
  const bytes = new Uint8Array(end - MARK_BYTES);
  let count = 0;
  let runCount = 0;
  for (let at = MARK_BYTES; at < end; at += 1) {
    runCount = frame[at] === 0x1b ? runCount + 1 : 0;
    bytes[count] = frame[at] ?? 0;
    count += 1;
    if (runCount < 8) continue;
    count -= 4;
    runCount = 0;
  }
  const fillCount = frame.at(-3) ?? 0;
  const fill = bytes.subarray(count - fillCount, count);
  if (fillCount > FILL_BYTES_MAX || fillCount > count || fill.some((byte) => byte !== 0))
    return undefined;
  return { bytes: bytes.subarray(0, count - fillCount) };
}

const isMark = (frame: Uint8Array, at: number, mark: readonly number[]): boolean =>
  mark.every((byte, index) => frame[at + index] === byte);

/** A message: transaction, group, abort, body, CRC over all before it, end. Returns its body. */
function readMessage(cursor: SmlCursor): SmlValue | undefined {
  const from = cursor.position;
  if (cursor.bytes[from] !== 0x76) return undefined;
  cursor.position += 1;
  const parts: SmlValue[] = [];
  let crcAt = from;
  for (let index = 0; index < 6; index += 1) {
    if (index === 4) crcAt = cursor.position;
    const part = readSml(cursor);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  const [, , , body, crc, end] = parts;
  if (end?.is !== 'end' || crc?.is !== 'integer') return undefined;
  return isMessageCrc(cursor.bytes.subarray(from, crcAt), crc.integer) ? body : undefined;
}

/** Low byte first. Some Holley DTZ541 compute it as CRC-16/KERMIT: the same polynomial, started at 0 and not inverted. */
function isMessageCrc(bytes: Uint8Array, sent: bigint): boolean {
  const swapped = (crc: number): bigint => BigInt(((crc & 0xff) << 8) | (crc >> 8));
  return sent === swapped(crcX25(bytes)) || sent === swapped(crcOver(bytes, 0));
}

/** CRC-16/IBM-SDLC (X.25). */
const crcX25 = (bytes: Uint8Array): number => crcOver(bytes, 0xffff) ^ 0xffff;

function crcOver(bytes: Uint8Array, start: number): number {
  let crc = start;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x8408 : crc >>> 1;
  }
  return crc;
}

function entryOf(value: SmlValue): ObisEntry | undefined {
  const [name, status, , unit, scaler, amount] = listOf(value, ENTRY_ELEMENTS);
  const code = obisOfBytes(octetsOf(name) ?? new Uint8Array());
  if (code === undefined || amount === undefined) return undefined;
  const power = Number(integerOf(scaler) ?? 0n);
  if (power < -128 || power > 127) return undefined;
  return {
    code,
    text: textOf(amount),
    digits: integerOf(amount),
    step: powerOfTen(power),
    unit: unitOf(integerOf(unit)),
    status: integerOf(status),
    signedBytesCount: amount.is === 'integer' ? amount.signedBytesCount : 0,
  };
}

/** Code 0 and none at all both say nothing. A code that is not ours is kept, so that it matches no unit of a profile. */
const unitOf = (code: bigint | undefined): string =>
  code === undefined || code === 0n ? '' : (UNITS[code.toString()] ?? `unit ${code.toString()}`);

const textOf = (amount: SmlValue): string => {
  switch (amount.is) {
    case 'integer':
      return amount.integer.toString();
    case 'octets':
      return Array.from(amount.octets, (byte) => byte.toString(16).padStart(2, '0')).join('');
    case 'boolean':
      return String(amount.isTrue);
    case 'absent':
    case 'end':
    case 'list':
      return '';
  }
};
