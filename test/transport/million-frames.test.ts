// A million damaged frames: up to three flipped bits, a cut, a doubled piece or a stranger's bytes in front. CRC-16 finds every
// damage of up to three bits in frames of this length, so none may pass as anything but what was sent.
import { expect, test } from 'vitest';
import { judgeRtu, type Asked } from '../../src/transport/modbus-frame.ts';
import { framerFor } from '../../src/transport/framers.ts';
import { crc16 } from '../../src/transport/modbus-codec.ts';
import { smlReading } from './push-frames.ts';

const RTU_COUNT = 930_000;
const SML_COUNT = 70_000;
const SEED = 20_261_128;

/** Numerical Recipes' generator: what comes is the same on every machine. */
class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}

/** A damaged copy; with no damage at all in one of eight. */
function damaged(frame: Buffer, chance: Chance): Buffer {
  const copy = Buffer.from(frame);
  switch (chance.below(8)) {
    case 0:
      return copy;
    case 1:
      return copy.subarray(0, chance.below(copy.length));
    case 2: {
      const at = chance.below(copy.length);
      return Buffer.concat([copy.subarray(0, at), copy.subarray(chance.below(at + 1))]);
    }
    case 3:
      return Buffer.concat([Buffer.from([chance.below(256), chance.below(256)]), copy]);
    default:
      for (let flips = 1 + chance.below(3); flips > 0; flips -= 1) {
        const at = chance.below(copy.length);
        copy[at] = (copy[at] ?? 0) ^ (1 << chance.below(8));
      }
      return copy;
  }
}

function rtuReply(asked: Asked, chance: Chance): Buffer {
  const size = 2 * asked.count;
  const reply = Buffer.alloc(3 + size + 2);
  reply.set([asked.unit, asked.functionCode, size]);
  for (let at = 3; at < 3 + size; at += 1) reply[at] = chance.below(256);
  reply.writeUInt16LE(crc16(reply, 0, 3 + size), 3 + size);
  return reply;
}

test(`${RTU_COUNT.toString()} RTU replies, seed ${SEED.toString()}`, { timeout: 120_000 }, () => {
  const chance = new Chance(SEED);
  let passedCount = 0;
  let wrong = '';
  for (let n = 0; n < RTU_COUNT; n += 1) {
    const count = 1 + chance.below(20);
    const asked = {
      unit: 1 + chance.below(247),
      functionCode: 3 + chance.below(2),
      count,
      transactionId: 0,
    };
    const sent = rtuReply(asked, chance);
    const verdict = judgeRtu(asked, damaged(sent, chance));
    if (verdict.kind !== 'answer') continue;
    passedCount += 1;
    if (!sent.equals(verdict.frame))
      wrong ||= `${sent.toString('hex')} passed as ${Buffer.from(verdict.frame).toString('hex')}`;
  }
  expect(wrong).toBe('');
  // The undamaged ones, and those behind noise.
  expect(passedCount).toBeGreaterThan(RTU_COUNT / 10);
});

test(`${SML_COUNT.toString()} SML files, seed ${SEED.toString()}`, { timeout: 120_000 }, () => {
  const chance = new Chance(SEED);
  const framer = framerFor('sml', 'crc16');
  const known = new Set<string>();
  let passedCount = 0;
  let wrong = '';
  for (let n = 0; n < SML_COUNT; n += 1) {
    const sent = smlReading(BigInt(chance.below(1e9)), BigInt(chance.below(1e6)));
    known.add(sent.toString('latin1'));
    if (known.size > 4) known.delete([...known][0] ?? '');
    for (const byte of damaged(sent, chance)) {
      const found = framer.take(byte);
      if (found === undefined || found.fault !== undefined) continue;
      passedCount += 1;
      const text = Buffer.from(found.bytes).toString('latin1');
      if (!known.has(text)) wrong ||= Buffer.from(found.bytes).toString('hex');
    }
  }
  expect(wrong).toBe('');
  expect(passedCount).toBeGreaterThan(SML_COUNT / 10);
});
