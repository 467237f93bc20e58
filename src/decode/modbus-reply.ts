// Judges a Modbus exchange once more, from its stored bytes alone: whoever decodes the journal later, with other code,
// must not have to trust that a transport judged well. Modbus Application Protocol V1.1b3 §6.3, §6.4, §7; over Serial
// Line V1.02 §6.2 (CRC); Messaging on TCP/IP V1.0b §3.1 (MBAP).
import type { FaultCode } from '../quantity/fault.ts';
import type { RegisterTable } from '../transport/transport.ts';

const FUNCTION_OF: Readonly<Record<RegisterTable, number>> = { holding: 3, input: 4 };
const BUSY_EXCEPTIONS = [5, 6];

/** What a request asked for. */
export interface AskedBlock {
  readonly unit: number;
  readonly table: RegisterTable;
  readonly address: number;
  readonly count: number;
}

export type JudgedReply =
  | { readonly ok: true; readonly registers: Uint8Array }
  | { readonly ok: false; readonly fault: FaultCode };

interface Frame {
  readonly transaction: number;
  readonly unit: number;
  /** Function code and what follows it. */
  readonly pdu: Uint8Array;
}

const uint16 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

function tcpFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < 9 || uint16(bytes, 2) !== 0 || uint16(bytes, 4) !== bytes.length - 6)
    return undefined;
  return { transaction: uint16(bytes, 0), unit: bytes[6] ?? 0, pdu: bytes.subarray(7) };
}

function rtuFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < 5 || crc16(bytes) !== 0) return undefined;
  return { transaction: 0, unit: bytes[0] ?? 0, pdu: bytes.subarray(1, -2) };
}

/** CRC-16/MODBUS; 0 over a whole frame that ends with its own CRC, low byte first. */
function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

const frameOf = (form: 'modbus-tcp' | 'modbus-rtu', bytes: Uint8Array): Frame | undefined =>
  form === 'modbus-tcp' ? tcpFrame(bytes) : rtuFrame(bytes);

/** The block that a request frame asks for, or undefined where the bytes are no such request. */
export function askedBlock(
  form: 'modbus-tcp' | 'modbus-rtu',
  request: Uint8Array,
): AskedBlock | undefined {
  const frame = frameOf(form, request);
  if (frame?.pdu.length !== 5) return undefined;
  const code = frame.pdu[0];
  const table =
    code === FUNCTION_OF.holding ? 'holding' : code === FUNCTION_OF.input ? 'input' : undefined;
  const address = uint16(frame.pdu, 1);
  const count = uint16(frame.pdu, 3);
  if (table === undefined || count < 1 || count > 125 || address + count > 0x10000)
    return undefined;
  return { unit: frame.unit, table, address, count };
}

/** The registers of a reply, or why it does not answer the request. Never throws. */
export function judgeReply(
  form: 'modbus-tcp' | 'modbus-rtu',
  request: Uint8Array,
  asked: AskedBlock,
  reply: Uint8Array,
): JudgedReply {
  const frame = frameOf(form, reply);
  if (frame === undefined) {
    const torn = form === 'modbus-rtu' && reply.length >= 5;
    return { ok: false, fault: torn ? 'transport.crc' : 'transport.frame' };
  }
  if (frame.unit !== asked.unit) return { ok: false, fault: 'decode.wrong-unit' };
  if (form === 'modbus-tcp' && frame.transaction !== uint16(request, 0))
    return { ok: false, fault: 'transport.foreign' };
  const code = FUNCTION_OF[asked.table];
  const [answered, size] = frame.pdu;
  if (answered === (code | 0x80)) {
    if (frame.pdu.length !== 2) return { ok: false, fault: 'transport.frame' };
    const busy = BUSY_EXCEPTIONS.includes(size ?? 0);
    return { ok: false, fault: busy ? 'transport.busy' : 'transport.exception' };
  }
  if (answered !== code) return { ok: false, fault: 'transport.foreign' };
  if (size !== frame.pdu.length - 2) return { ok: false, fault: 'transport.frame' };
  if (size !== 2 * asked.count) return { ok: false, fault: 'transport.foreign' };
  return { ok: true, registers: frame.pdu.subarray(2) };
}
