// A telegram of lines becomes OBIS entries: IEC 62056-21 §6.3 readouts, and DSMR P1, which is made of the same lines. Frame
// and check sum are judged here from the stored bytes alone.
import type { PushCheck } from '../transport/transport.ts';
import { type ObisEntry, obisCode, powerOfTen, printedDigits } from './obis.ts';

export interface Telegram {
  /** The line behind the slash; empty where the meter sends none. */
  readonly identification: string;
  readonly entries: readonly ObisEntry[];
}

const STX = '\x02';
const ETX = '\x03';
const IDENTIFICATION = /^\/([A-Za-z]{3}[^\r\n]{0,60})\r?\n/;

/** The telegram; undefined where its frame or its check sum is wrong. Lines that are no values are passed over. */
export function readTelegram(frame: Uint8Array, check: PushCheck): Telegram | undefined {
  switch (check) {
    case 'bcc':
      return readWithBlockCheck(frame);
    case 'crc16':
      return readWithCrc(frame);
    case 'none':
      return parityHolds(frame) ? readPlain(text7(frame)) : undefined;
  }
}

/** DSMR P1 4.x and 5.x: CRC-16/ARC from the slash to the mark, in hex behind it; some meters leave leading zeros away. */
function readWithCrc(frame: Uint8Array): Telegram | undefined {
  const text = Array.from(frame, (byte) => String.fromCharCode(byte)).join('');
  const match = /\n!([0-9A-Fa-f]{1,4}) ?\r?\n$/.exec(text);
  if (!match) return undefined;
  const crc = crcArc(frame.subarray(0, match.index + 2));
  if (Number.parseInt(match[1] ?? '', 16) !== crc) return undefined;
  return telegramOf(text.slice(0, match.index + 1));
}

function readPlain(text: string): Telegram | undefined {
  const match = /\n!\r?\n$/.exec(text);
  return match ? telegramOf(text.slice(0, match.index + 1)) : undefined;
}

function telegramOf(text: string): Telegram | undefined {
  const identification = IDENTIFICATION.exec(text);
  if (!identification) return undefined;
  return {
    identification: identification[1] ?? '',
    entries: entriesOf(text.slice(identification[0].length)),
  };
}

/** Identification, if any, then STX, data, `!`, ETX and the XOR of all between STX and ETX, ETX included. */
function readWithBlockCheck(frame: Uint8Array): Telegram | undefined {
  if (!parityHolds(frame)) return undefined;
  const text = text7(frame);
  const from = text.lastIndexOf(STX) + 1;
  const until = text.length - 1;
  if (from === 0 || text[until - 1] !== ETX) return undefined;
  let check = 0;
  for (let at = from; at < until; at += 1) check ^= text.charCodeAt(at);
  if (check !== text.charCodeAt(until)) return undefined;
  const data = text.slice(from, until - 1);
  return {
    identification: IDENTIFICATION.exec(text)?.[1] ?? '',
    entries: entriesOf(data.replace(/!\r?\n$/, '')),
  };
}

/** Data sets, one or several to a line. One without an address belongs to the one before (§6.3.8). */
const entriesOf = (data: string): readonly ObisEntry[] =>
  data.split(/\r?\n/).flatMap(entriesOfLine);

function entriesOfLine(line: string): readonly ObisEntry[] {
  const sets = [...line.matchAll(/([^()]{0,24})\(([^()]{0,120})\)/g)];
  // What is left over tells of damage: then nothing in the line is believed.
  if (sets.reduce((sum, set) => sum + set[0].length, 0) !== line.length) return [];
  return sets.flatMap(([, address = '', inside = ''], index) => {
    const code = obisCode(address);
    // With a second value, as a peak has its time and a sub-meter its hour, it is not a value of now.
    if (code === undefined || sets[index + 1]?.[1] === '') return [];
    const entry = entryOf(code, inside);
    return entry ? [entry] : [];
  });
}

function entryOf(code: string, inside: string): ObisEntry | undefined {
  const [text = '', unit = '', ...rest] = inside.split('*');
  if (rest.length > 0) return undefined;
  const number = printedDigits(text);
  return {
    code,
    text,
    digits: number?.digits,
    step: number?.step ?? powerOfTen(0),
    unit,
    status: undefined,
    signedBytesCount: 0,
  };
}

const text7 = (frame: Uint8Array): string =>
  Array.from(frame, (byte) => String.fromCharCode(byte & 0x7f)).join('');

/** A 7E1 line read as 8N1 shows its parity in bit 7: where that is seen at all, it is even everywhere. */
function parityHolds(frame: Uint8Array): boolean {
  if (!frame.some((byte) => byte > 0x7f)) return true;
  return frame.every((byte) => {
    let parity = byte;
    parity ^= parity >> 4;
    parity ^= parity >> 2;
    parity ^= parity >> 1;
    return (parity & 1) === 0;
  });
}

function crcArc(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}
