// Frames of push meters for tests, made by code of the tests' own: check sums by the textbook definition over polynomials.

/** Remainder of a reflected CRC-16, one bit at a time, without the shift register of the code under test. */
function remainder(bytes: Uint8Array, polynomial: number, start: number): number {
  let rest = start;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit += 1) {
      const top = (rest ^ (byte >> bit)) % 2;
      rest = Math.floor(rest / 2) ^ (top === 0 ? 0 : polynomial);
    }
  return rest;
}

export const x25 = (bytes: Uint8Array): number => 0xffff - remainder(bytes, 0x8408, 0xffff);
export const arc = (bytes: Uint8Array): number => remainder(bytes, 0xa001, 0);
const littleEndian = (crc: number): Buffer => Buffer.from([crc % 256, Math.floor(crc / 256)]);

/** A body between SML's escape sequences, escaped, filled and with its check sum. */
export function smlTransport(body: Uint8Array): Buffer {
  const fill = (4 - (body.length % 4)) % 4;
  const text = Buffer.concat([body, Buffer.alloc(fill)])
    .toString('latin1')
    .replaceAll('\x1b\x1b\x1b\x1b', '\x1b'.repeat(8));
  const head = Buffer.from(
    `\x1b\x1b\x1b\x1b\x01\x01\x01\x01${text}\x1b\x1b\x1b\x1b\x1a${String.fromCharCode(fill)}`,
    'latin1',
  );
  return Buffer.concat([head, littleEndian(x25(head))]);
}

const field = (type: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(type << 4) | (content.length + 1)]), content]);
const octets = (hex: string): Buffer => field(0, Buffer.from(hex, 'hex'));
const list = (...parts: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([0x70 + parts.length]), ...parts]);
const ABSENT = Buffer.from([1]);

function wide(type: number, amount: bigint, bytesCount: number): Buffer {
  const hex = BigInt.asUintN(8 * bytesCount, amount).toString(16);
  return field(type, Buffer.from(hex.padStart(2 * bytesCount, '0'), 'hex'));
}
export const unsigned = (amount: bigint, bytesCount: number): Buffer => wide(6, amount, bytesCount);
export const signed = (amount: bigint, bytesCount: number): Buffer => wide(5, amount, bytesCount);

function message(transaction: number, choice: bigint, content: Buffer): Buffer {
  const head = Buffer.concat([
    Buffer.from([0x76]),
    octets(transaction.toString(16).padStart(8, '0')),
    unsigned(0n, 1),
    unsigned(0n, 1),
    list(unsigned(choice, 2), content),
  ]);
  return Buffer.concat([head, field(6, littleEndian(x25(head))), Buffer.from([0])]);
}

/** One value of a list: code in hex, its number as SML, DLMS unit, power of ten. */
export interface SmlEntry {
  readonly name: string;
  readonly amount: Buffer;
  readonly unit?: number;
  readonly power?: number;
  readonly status?: Buffer;
}

/** A whole file with one list of values, as a meter pushes it. */
export function smlFrame(entries: readonly SmlEntry[]): Buffer {
  const values = entries.map(({ name, amount, unit, power, status }) =>
    list(
      octets(name),
      status ?? ABSENT,
      ABSENT,
      unit === undefined ? ABSENT : unsigned(BigInt(unit), 1),
      power === undefined ? ABSENT : signed(BigInt(power), 1),
      amount,
      ABSENT,
    ),
  );
  const opened = list(
    ABSENT,
    ABSENT,
    octets('0000002a'),
    octets('0a01544553540000'),
    ABSENT,
    ABSENT,
  );
  const response = list(
    ABSENT,
    octets('0a01544553540000'),
    ABSENT,
    ABSENT,
    list(...values),
    ABSENT,
    ABSENT,
  );
  return smlTransport(
    Buffer.concat([
      message(1, 0x0101n, opened),
      message(2, 0x0701n, response),
      message(3, 0x0201n, list(ABSENT)),
    ]),
  );
}

/** The usual values: import in 0.1 Wh, and power in W. */
export const smlReading = (importTenths: bigint, powerW: bigint): Buffer =>
  smlFrame([
    { name: '0100010800ff', amount: unsigned(importTenths, 8), unit: 30, power: -1 },
    { name: '0100100700ff', amount: signed(powerW, 4), unit: 27, power: 0 },
  ]);

export function p1Telegram(lines: readonly string[]): Buffer {
  const text = Buffer.from([...lines, '!'].join('\r\n'), 'latin1');
  const crc = arc(text).toString(16).toUpperCase().padStart(4, '0');
  return Buffer.concat([text, Buffer.from(`${crc}\r\n`)]);
}

export function d0Readout(head: string, lines: readonly string[]): Buffer {
  const data = Buffer.from(`${[...lines, '!'].join('\r\n')}\r\n\x03`, 'latin1');
  const check = data.reduce((sum, byte) => sum ^ byte, 0);
  return Buffer.concat([Buffer.from(`${head}\x02`, 'latin1'), data, Buffer.from([check])]);
}
