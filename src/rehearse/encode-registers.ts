// Values to registers: integers and IEEE 754 floats in the word and byte orders that meters use. Written apart from
// decode, so that a rehearsal tests the decoder instead of agreeing with its mistakes; only the closed words are shared.
import assert from 'node:assert/strict';
import type { ByteOrder, RegisterType } from '../decode/profile-words.ts';

export const REGISTERS_PER_TYPE_COUNT: Readonly<Record<RegisterType, number>> = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  float32: 2,
  int64: 4,
  uint64: 4,
  float64: 4,
};

const INTEGER_BITS: Readonly<Partial<Record<RegisterType, number>>> = {
  int16: 16,
  uint16: 16,
  int32: 32,
  uint32: 32,
  int64: 64,
  uint64: 64,
};

/**
 * Registers (0 to 0xFFFF) of one number. Integers take bigint, floats take number; an integer that does not fit is
 * reduced to the width of its register, as a counter in a device is.
 */
export function encodeRegisters(
  amount: bigint | number,
  as: RegisterType,
  order: ByteOrder,
): readonly number[] {
  const bytes = Buffer.alloc(2 * REGISTERS_PER_TYPE_COUNT[as]);
  const bits = INTEGER_BITS[as];
  if (bits === undefined) {
    if (as === 'float32') bytes.writeFloatBE(Number(amount), 0);
    else bytes.writeDoubleBE(Number(amount), 0);
  } else {
    const whole = typeof amount === 'bigint' ? amount : BigInt(Math.round(amount));
    const pattern = BigInt.asUintN(bits, whole);
    for (let index = 0; index < bytes.length; index += 1) {
      bytes[index] = Number((pattern >> BigInt(8 * (bytes.length - 1 - index))) & 0xffn);
    }
  }
  const registers: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) registers.push(bytes.readUInt16BE(at));
  return inOrder(registers, order);
}

/** Text in registers: two characters in each, or one where `wide`; padded with NUL. */
export function encodeText(text: string, registersCount: number, wide: boolean): readonly number[] {
  return Array.from({ length: registersCount }, (_, index) => {
    const code = (at: number): number => text.charCodeAt(at) & 0x7f || 0;
    return wide ? code(index) : code(2 * index) * 256 + code(2 * index + 1);
  });
}

function inOrder(registers: readonly number[], order: ByteOrder): readonly number[] {
  const swapped = (register: number): number => ((register & 0xff) << 8) | (register >> 8);
  switch (order) {
    case 'ABCD':
      return registers;
    case 'CDAB':
      return registers.toReversed();
    case 'BADC':
      return registers.map(swapped);
    case 'DCBA':
      return registers.toReversed().map(swapped);
    default:
      assert.fail(`no such order: ${String(order satisfies never)}`);
  }
}
