// The slave side of Modbus RTU: finds requests in a stream of bytes, answers for its own units and is silent for all
// others (Modbus over Serial Line V1.02, §2.4.1 and §2.5.1). The same for a serial line and for RTU over TCP.
import type { Clock } from '../quantity/clock.ts';
import { ModbusException, type ModbusTable, type RegisterImage } from './register-image.ts';

/** A pause this long, ns real, ends a frame: far above t3.5 at any speed, far below any master's patience. */
const FRAME_PAUSE_NS = 50_000_000n;
const REQUEST_SIZE_BYTES = 8;
const ILLEGAL_FUNCTION = 1;
const DEVICE_FAILURE = 4;
const BROADCAST_UNIT = 0;

const TABLE_OF_FUNCTION: Readonly<Record<number, ModbusTable>> = { 3: 'holding', 4: 'input' };

/** CRC-16 of Modbus over Serial Line V1.02, appendix B; sent low byte first. */
export function modbusCrc(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

export interface RtuResponder {
  /** Takes bytes as they come, however they are cut, and gives the replies to send at once. */
  readonly take: (bytes: Uint8Array) => readonly Buffer[];
}

/** Answers reads of registers for the given units; every other function gets exception 1. */
export function rtuResponder(
  units: ReadonlyMap<number, RegisterImage>,
  clock: Clock,
): RtuResponder {
  let pending = Buffer.alloc(0);
  let latestNs = clock.monotonicNs();
  return {
    take(bytes) {
      const nowNs = clock.monotonicNs();
      if (nowNs - latestNs > FRAME_PAUSE_NS) pending = Buffer.alloc(0);
      latestNs = nowNs;
      pending = Buffer.concat([pending, bytes]);
      const replies: Buffer[] = [];
      while (pending.length >= REQUEST_SIZE_BYTES) {
        const frame = pending.subarray(0, REQUEST_SIZE_BYTES);
        if (!isWhole(frame)) {
          // Noise, or a request of another length: the next frame is found byte by byte.
          pending = pending.subarray(1);
          continue;
        }
        pending = pending.subarray(REQUEST_SIZE_BYTES);
        const image = units.get(frame.readUInt8(0));
        if (image && frame.readUInt8(0) !== BROADCAST_UNIT) replies.push(answer(frame, image));
      }
      return replies;
    },
  };
}

const isWhole = (frame: Buffer): boolean =>
  modbusCrc(frame.subarray(0, frame.length - 2)) === frame.readUInt16LE(frame.length - 2);

function answer(request: Buffer, image: RegisterImage): Buffer {
  const unit = request.readUInt8(0);
  const code = request.readUInt8(1);
  const table = TABLE_OF_FUNCTION[code];
  if (table === undefined) return framed([unit, code | 0x80, ILLEGAL_FUNCTION]);
  try {
    const registers = image.read(table, request.readUInt16BE(2), request.readUInt16BE(4));
    const bytes = registers.flatMap((register) => [register >> 8, register & 0xff]);
    return framed([unit, code, bytes.length, ...bytes]);
  } catch (error) {
    const errorCode = error instanceof ModbusException ? error.modbusErrorCode : DEVICE_FAILURE;
    return framed([unit, code | 0x80, errorCode]);
  }
}

function framed(bytes: readonly number[]): Buffer {
  const frame = Buffer.from([...bytes, 0, 0]);
  frame.writeUInt16LE(modbusCrc(frame.subarray(0, -2)), frame.length - 2);
  return frame;
}
