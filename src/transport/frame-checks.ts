// Check sums of the push protocols, judged where frames are cut out of the stream. `decode` judges stored bytes once more
// with code of its own.

/** CRC-16/IBM-SDLC (X.25): SML transport, BSI TR-03109-1 Anlage IV. Of the bytes in [from, until). */
export const crcX25 = (bytes: Uint8Array, from: number, until: number): number =>
  reflected(bytes, from, until, 0x8408, 0xffff) ^ 0xffff;

/** CRC-16/ARC: DSMR P1 Companion Standard 5.0.2 §6.2. */
export const crcArc = (bytes: Uint8Array, from: number, until: number): number =>
  reflected(bytes, from, until, 0xa001, 0);

function reflected(
  bytes: Uint8Array,
  from: number,
  until: number,
  polynomial: number,
  start: number,
): number {
  let crc = start;
  for (let at = from; at < until; at += 1) {
    crc ^= bytes[at] ?? 0;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return crc;
}

/** Block check character: XOR of the characters in [from, until), 7 bits each (IEC 62056-21 §6.3.1, ISO 1155). */
export function blockCheck(bytes: Uint8Array, from: number, until: number): number {
  let check = 0;
  for (let at = from; at < until; at += 1) check ^= bytes[at] ?? 0;
  return check & 0x7f;
}

/**
 * Whether parity tells of damage. A 7E1 line that is opened as 8N1 shows its parity in bit 7: then it is even in every
 * character. Where no character has that bit, the port has taken it off, or there is none, and nothing can be told.
 */
export const parityHolds = (bytes: Uint8Array): boolean =>
  !bytes.some((byte) => byte > 0x7f) || bytes.every((byte) => onesCount(byte) % 2 === 0);

function onesCount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}
