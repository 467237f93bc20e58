// Request frames by modbus-serial, and the check sum. Only its encoder is used, over a port object that keeps what is
// written: its receive path takes one late reply for the next answer and shifts every later value, its ports keep no
// stamps and no silence, and its CRC goes bit by bit through every byte and has no types, so ours is a table.
import assert from 'node:assert/strict';
import modbusSerial from 'modbus-serial';
import type { RegisterTable } from './transport.ts';

/** Function codes by table (Modbus Application Protocol V1.1b3 §6.3 and §6.4). */
const READ_FUNCTION: Readonly<Record<RegisterTable, number>> = { holding: 3, input: 4 };

/** Function code that reads the table. */
export const readFunction = (table: RegisterTable): number => READ_FUNCTION[table];

/** What modbus-serial needs of a port to encode: it is open, and it takes bytes. */
class KeepingPort {
  readonly isOpen = true;
  readonly _transactionIdWrite = 1;
  written: Uint8Array = new Uint8Array(0);
  write(bytes: Uint8Array): void {
    this.written = Uint8Array.from(bytes);
  }
}

/**
 * The RTU frame that reads `count` registers, check sum included. Called once per block when a wire is opened, so its
 * speed does not matter. What the library wrote is checked against what was asked.
 */
export function encodeRead(
  unit: number,
  table: RegisterTable,
  address: number,
  count: number,
): Uint8Array {
  const port = new KeepingPort();
  const encoder = new modbusSerial.default(port);
  const ignoreReply = (): void => undefined;
  if (table === 'holding') encoder.writeFC3(unit, address, count, ignoreReply);
  else encoder.writeFC4(unit, address, count, ignoreReply);
  const frame = port.written;
  const asked = [unit, readFunction(table), address >> 8, address & 255, count >> 8, count & 255];
  assert.deepEqual([...frame.subarray(0, -2)], asked, 'the encoder wrote another request');
  assert.ok(hasRightCrc(frame, 0, frame.length), 'the encoder and our check sum disagree');
  return frame;
}

// CRC-16/MODBUS: polynomial 0x8005 reflected, initial 0xFFFF (Modbus over Serial Line V1.02 §6.2.2).
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC-16/MODBUS of bytes[from, until). */
export function crc16(bytes: Uint8Array, from: number, until: number): number {
  let crc = 0xffff;
  for (let index = from; index < until; index++)
    crc = (crc >> 8) ^ (CRC_TABLE[(crc ^ (bytes[index] ?? 0)) & 255] ?? 0);
  return crc;
}

/** Whether the frame bytes[from, from + length) ends in its own check sum, low byte first. */
export function hasRightCrc(bytes: Uint8Array, from: number, length: number): boolean {
  const crc = crc16(bytes, from, from + length - 2);
  return bytes[from + length - 2] === (crc & 255) && bytes[from + length - 1] === crc >> 8;
}
