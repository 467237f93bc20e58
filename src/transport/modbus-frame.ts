// Is this the answer? Frames are judged here, as pure functions of what was asked and what has come, for RTU (Modbus
// over Serial Line V1.02 §2.5) and for MBAP (Modbus Messaging on TCP/IP V1.0b §3.1.3). Only a whole frame with the
// right check sum or transaction, unit, function and length is an answer; nothing is repaired.
import type { FaultCode } from '../quantity/fault.ts';
import { hasRightCrc } from './modbus-codec.ts';

export interface Asked {
  readonly unit: number;
  readonly functionCode: number;
  readonly count: number;
  /** Modbus TCP only. */
  readonly transactionId: number;
}

export type Verdict =
  | { readonly kind: 'waiting'; readonly consumedBytes: number; readonly straysCount: number }
  | { readonly kind: 'answer'; readonly frame: Uint8Array; readonly consumedBytes: number }
  | {
      readonly kind: 'exception';
      readonly frame: Uint8Array;
      readonly exceptionCode: number;
      readonly consumedBytes: number;
    }
  /** No answer can come of this any more; `lostStep` where the stream itself can no longer be followed. */
  | {
      readonly kind: 'broken';
      readonly fault: FaultCode;
      readonly lostStep: boolean;
      readonly consumedBytes: number;
    };

/** The longest RTU frame is 256 bytes; before it we bear this much noise. */
export const RTU_RECEIVED_MAX_BYTES = 256 + 64;
/** The length field of MBAP counts unit and PDU: 1 + 253. */
const MBAP_LENGTH_MAX_BYTES = 254;
const MBAP_LENGTH_MIN_BYTES = 3;
const MBAP_HEADER_BYTES = 6;
const EXCEPTION_BIT = 0x80;

/** Length in bytes of the RTU reply that would begin here, as far as its head tells; undefined where none does. */
function rtuLength(bytes: Uint8Array, index: number): number | undefined {
  const functionCode = bytes[index + 1] ?? 0;
  if (functionCode & EXCEPTION_BIT) return 5;
  if (functionCode >= 1 && functionCode <= 4) return 5 + (bytes[index + 2] ?? 0);
  if (functionCode === 5 || functionCode === 6 || functionCode === 15 || functionCode === 16)
    return 8;
  return undefined;
}

const isHeadOf = (asked: Asked, bytes: Uint8Array, index: number): boolean =>
  bytes[index] === asked.unit &&
  bytes[index + 1] === asked.functionCode &&
  bytes[index + 2] === 2 * asked.count;

/**
 * Looks for the answer in what has come since the request. Noise before it, our own echo and whole frames of others
 * are passed over; a late reply to an earlier request has another length and is such a frame.
 */
export function judgeRtu(asked: Asked, received: Uint8Array): Verdict {
  let index = 0;
  let straysCount = 0;
  while (index + 5 <= received.length) {
    const length = rtuLength(received, index);
    if (length !== undefined && index + length <= received.length) {
      if (hasRightCrc(received, index, length)) {
        const consumedBytes = index + length;
        const frame = received.slice(index, consumedBytes);
        if (isHeadOf(asked, received, index)) return { kind: 'answer', frame, consumedBytes };
        if (
          received[index] === asked.unit &&
          received[index + 1] === (asked.functionCode | EXCEPTION_BIT)
        )
          return { kind: 'exception', frame, exceptionCode: frame[2] ?? 0, consumedBytes };
        straysCount++;
        index = consumedBytes;
        continue;
      }
    } else if (isHeadOf(asked, received, index)) {
      // The answer may be coming: what lies inside it must not be taken for a frame of its own.
      break;
    }
    index++;
  }
  if (received.length > RTU_RECEIVED_MAX_BYTES)
    return {
      kind: 'broken',
      fault: 'transport.oversize',
      lostStep: true,
      consumedBytes: received.length,
    };
  return { kind: 'waiting', consumedBytes: 0, straysCount };
}

/** Whether an answer, or a refusal, has begun and is not complete: then it is worth a little more patience. */
export function hasRtuBegun(asked: Asked, received: Uint8Array): boolean {
  const { unit, functionCode, count } = asked;
  const isPrefix = (head: readonly number[], index: number): boolean =>
    head.every((byte, n) => index + n >= received.length || received[index + n] === byte);
  for (let index = 0; index < received.length; index++) {
    if (isPrefix([unit, functionCode, 2 * count], index))
      if (index + 5 + 2 * count > received.length) return true;
    if (isPrefix([unit, functionCode | EXCEPTION_BIT], index))
      if (index + 5 > received.length) return true;
  }
  return false;
}

/** What to call bytes that did not become an answer before the deadline. */
export function nameRtuRemains(asked: Asked, received: Uint8Array): FaultCode {
  if (received.length === 0) return 'transport.timeout';
  const verdict = judgeRtu(asked, received);
  if (verdict.kind === 'waiting' && verdict.straysCount > 0) return 'transport.foreign';
  for (let index = 0; index + 5 <= received.length; index++) {
    const length = rtuLength(received, index);
    const ours =
      received[index] === asked.unit && ((received[index + 1] ?? 0) & 0x7f) === asked.functionCode;
    if (ours && length !== undefined && index + length <= received.length) return 'transport.crc';
  }
  return 'transport.frame';
}

/** The whole RTU replies in what has come, whoever they are from. */
export function rtuFramesIn(received: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let index = 0;
  while (index + 5 <= received.length) {
    const length = rtuLength(received, index);
    const isWhole =
      length !== undefined &&
      index + length <= received.length &&
      hasRightCrc(received, index, length);
    if (isWhole) frames.push(received.slice(index, index + length));
    index += isWhole ? length : 1;
  }
  return frames;
}

/**
 * Follows the stream of a Modbus TCP connection: frames of other transactions are dropped whole; `asked` is undefined
 * between requests, when every frame is one too many.
 */
export function judgeTcp(asked: Asked | undefined, received: Uint8Array): Verdict {
  let index = 0;
  let straysCount = 0;
  while (received.length - index >= MBAP_HEADER_BYTES) {
    const length = uint16At(received, index + 4);
    const lostStep = (fault: FaultCode): Verdict => ({
      kind: 'broken',
      fault,
      lostStep: true,
      consumedBytes: received.length,
    });
    if (uint16At(received, index + 2) !== 0) return lostStep('transport.frame');
    if (length > MBAP_LENGTH_MAX_BYTES) return lostStep('transport.oversize');
    if (length < MBAP_LENGTH_MIN_BYTES) return lostStep('transport.frame');
    const consumedBytes = index + MBAP_HEADER_BYTES + length;
    if (consumedBytes > received.length) break;
    if (asked !== undefined && uint16At(received, index) === asked.transactionId)
      return judgeTransaction(asked, received.slice(index, consumedBytes), consumedBytes);
    straysCount++;
    index = consumedBytes;
  }
  return { kind: 'waiting', consumedBytes: index, straysCount };
}

// The transaction is ours: whatever is wrong with it, no other answer will come.
function judgeTransaction(asked: Asked, frame: Uint8Array, consumedBytes: number): Verdict {
  const wrong = (fault: FaultCode): Verdict => ({
    kind: 'broken',
    fault,
    lostStep: false,
    consumedBytes,
  });
  const functionCode = frame[7] ?? 0;
  if (frame[6] !== asked.unit) return wrong('transport.foreign');
  if (functionCode === (asked.functionCode | EXCEPTION_BIT))
    return frame.length === 9
      ? { kind: 'exception', frame, exceptionCode: frame[8] ?? 0, consumedBytes }
      : wrong('transport.frame');
  if (functionCode !== asked.functionCode) return wrong('transport.foreign');
  const byteCount = 2 * asked.count;
  if (frame[8] !== byteCount || frame.length !== 9 + byteCount) return wrong('transport.frame');
  return { kind: 'answer', frame, consumedBytes };
}

/** The MBAP frame of an RTU request: transaction, protocol 0, length, then unit and PDU without the check sum. */
export function wrapTcp(rtuFrame: Uint8Array, transactionId: number): Uint8Array {
  const pduBytes = rtuFrame.length - 2;
  // Out of the pool: a socket needs bytes that lie outside of the heap, and would make room for each frame anew.
  const frame = Buffer.allocUnsafe(MBAP_HEADER_BYTES + pduBytes);
  frame[0] = transactionId >> 8;
  frame[1] = transactionId & 255;
  frame[2] = 0;
  frame[3] = 0;
  frame[4] = pduBytes >> 8;
  frame[5] = pduBytes & 255;
  // A read is six bytes: copying them one by one is faster than making a view of them first.
  for (let n = 0; n < pduBytes; n++) frame[MBAP_HEADER_BYTES + n] = rtuFrame[n] ?? 0;
  return frame;
}

const uint16At = (bytes: Uint8Array, index: number): number =>
  ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
