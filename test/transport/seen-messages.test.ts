// A message counts once, for each source on its own, and the memory of it is bounded.
import { expect, test } from 'vitest';
import { SeenMessages } from '../../src/transport/seen-messages.ts';

test('the second of two equal messages is not taken, of another source it is', () => {
  const seen = new SeenMessages();
  expect([seen.take('n1', 'boot#1'), seen.take('n1', 'boot#1'), seen.take('n2', 'boot#1')]).toEqual(
    [true, false, true],
  );
});

test('the oldest are forgotten first', () => {
  const seen = new SeenMessages();
  for (let sequence = 0; sequence <= 4096; sequence += 1) seen.take('n1', `boot#${sequence}`);
  expect(seen.take('n1', 'boot#4096')).toBe(false);
  expect(seen.take('n1', 'boot#1')).toBe(false);
  expect(seen.take('n1', 'boot#0')).toBe(true);
});
