// Registers to numbers: byte orders and the integer and IEEE 754 types of Modbus devices.
import assert from 'node:assert/strict';
import type { ByteOrder, RegisterType } from './profile-words.ts';

export const REGISTER_COUNT: Readonly<Record<RegisterType, 1 | 2 | 4>> = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  float32: 2,
  int64: 4,
  uint64: 4,
  float64: 4,
};

/** What a value in registers is: an exact integer, or a float, which may be NaN or infinite. */
export type RegisterValue =
  | { readonly is: 'integer'; readonly integer: bigint }
  | { readonly is: 'float'; readonly float: number };

/**
 * Puts the bytes of one value into the order "most significant first". CDAB means that the registers come least
 * significant first, BADC that the bytes within each are swapped, DCBA both; so the same word serves 32 and 64 bits.
 */
export function inOrder(bytes: Uint8Array, order: ByteOrder): Uint8Array {
  assert(bytes.length % 2 === 0, 'registers are two bytes each');
  const ordered = new Uint8Array(bytes.length);
  const last = bytes.length / 2 - 1;
  const reversed = order === 'CDAB' || order === 'DCBA';
  const swapped = order === 'BADC' || order === 'DCBA';
  for (let register = 0; register <= last; register += 1) {
    const from = 2 * (reversed ? last - register : register);
    ordered[2 * register] = bytes[from + (swapped ? 1 : 0)] ?? 0;
    ordered[2 * register + 1] = bytes[from + (swapped ? 0 : 1)] ?? 0;
  }
  return ordered;
}

/** Reads a value whose bytes are most significant first. */
export function valueOf(bytes: Uint8Array, type: RegisterType): RegisterValue {
  assert(bytes.length === 2 * REGISTER_COUNT[type], 'a value has all its registers');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'int16':
      return { is: 'integer', integer: BigInt(view.getInt16(0)) };
    case 'uint16':
      return { is: 'integer', integer: BigInt(view.getUint16(0)) };
    case 'int32':
      return { is: 'integer', integer: BigInt(view.getInt32(0)) };
    case 'uint32':
      return { is: 'integer', integer: BigInt(view.getUint32(0)) };
    case 'int64':
      return { is: 'integer', integer: view.getBigInt64(0) };
    case 'uint64':
      return { is: 'integer', integer: view.getBigUint64(0) };
    case 'float32':
      return { is: 'float', float: view.getFloat32(0) };
    case 'float64':
      return { is: 'float', float: view.getFloat64(0) };
  }
}

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
