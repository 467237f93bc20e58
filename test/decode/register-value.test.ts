// Every register type in every byte order, against words that Python's struct made.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BYTE_ORDERS, type ByteOrder, type RegisterType } from '../../src/decode/profile-words.ts';
import { hexOf, inOrder, REGISTER_COUNT, valueOf } from '../../src/decode/register-value.ts';
import { findPython, testWith } from '../real-programs.ts';

interface TypeCase {
  readonly type: RegisterType;
  readonly order: ByteOrder;
  readonly words: string;
  readonly value: string;
}

const bytesOfWords = (words: string): Uint8Array =>
  Uint8Array.from(words.replaceAll(' ', '').match(/../g)!, (hex) => Number.parseInt(hex, 16));

testWith({ python3: findPython() })('all types and orders read what Python wrote', () => {
  const script = join(import.meta.dirname, '../independent/encode.py');
  const { types } = JSON.parse(
    execFileSync(findPython() ?? '', [script], { encoding: 'utf8', maxBuffer: 2 ** 24 }),
  ) as { types: readonly TypeCase[] };
  expect(new Set(types.map(({ type, order }) => `${type} ${order}`)).size).toBe(8 * 4);
  for (const { type, order, words, value } of types) {
    const bytes = bytesOfWords(words);
    expect(bytes.length).toBe(2 * REGISTER_COUNT[type]);
    const read = valueOf(inOrder(bytes, order), type);
    const name = `${type} ${order} ${words}`;
    if (read.is === 'integer') expect(read.integer, name).toBe(BigInt(value));
    else expect(read.float, name).toBe(Number(value));
  }
});

test('an order undoes itself, and no two orders agree on bytes that all differ', () => {
  const value = fc.uint8Array({ minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(value, fc.constantFrom(...BYTE_ORDERS), (bytes, order) => {
      expect(hexOf(inOrder(inOrder(bytes, order), order))).toBe(hexOf(bytes));
    }),
  );
  const distinct = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(new Set(BYTE_ORDERS.map((order) => hexOf(inOrder(distinct, order)))).size).toBe(4);
});
