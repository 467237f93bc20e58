// A million damaged frames: up to three flipped bits, a cut, a doubled piece or a stranger's bytes in front. CRC-16 finds every
// damage of up to three bits in frames of this length, so none may pass as anything but what was sent. A block check and BER promise less:
// there no damage may crash, and what passes decodes to readings or gaps, never to a number that is none.
import { expect, test } from 'vitest';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { planGets } from '../../src/decode/plan-gets.ts';
import { isSnmp } from '../../src/decode/profile.ts';
import { judgeRtu, type Asked } from '../../src/transport/modbus-frame.ts';
import { framerFor } from '../../src/transport/framers.ts';
import { crc16 } from '../../src/transport/modbus-codec.ts';
import { judge } from '../../src/transport/snmp-pdu.ts';
import { exchangeOf } from '../decode/exchanges.ts';
import { deviceProfile } from '../decode/profiles.ts';
import { GET, pdu, RESPONSE } from '../simulators/snmp-ber.ts';
import { arc, smlReading } from './push-frames.ts';

const RTU_COUNT = 825_000;
const SML_COUNT = 70_000;
const P1_COUNT = 30_000;
const D0_COUNT = 70_000;
const SNMP_COUNT = 5000;
const SEED = 20_261_128;

const NOTHING = new Uint8Array();
const INSTRUMENT = { id: 'm1', unit: 1, topic: '' };

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

/** What passes a check that is too weak for damage is still no NaN and no negative count; returns the first that is. */
const unsound = (observations: ReturnType<typeof decodeExchange>): string =>
  observations
    .filter(
      (each) =>
        (each.kind === 'gauge' && !Number.isFinite(each.reading)) ||
        (each.kind === 'counter' && each.energyUj < 0n),
    )
    .map(({ channel }) => channel)
    .join(' ');

test(`${P1_COUNT.toString()} P1 telegrams, seed ${SEED.toString()}`, { timeout: 120_000 }, () => {
  const chance = new Chance(SEED);
  const framer = framerFor('dsmr', 'crc16');
  const known = new Set<string>();
  let passedCount = 0;
  let wrong = '';
  for (let n = 0; n < P1_COUNT; n += 1) {
    const kwh = `${chance.below(1e6).toString().padStart(6, '0')}.${chance.below(1000).toString().padStart(3, '0')}`;
    const text = `/ABC5\\TEST\r\n\r\n1-0:1.8.1(${kwh}*kWh)\r\n1-0:1.7.0(00.${chance.below(1000).toString().padStart(3, '0')}*kW)\r\n!`;
    const body = Buffer.from(text, 'latin1');
    const crc = arc(body).toString(16).toUpperCase().padStart(4, '0');
    const sent = Buffer.concat([body, Buffer.from(`${crc}\r\n`, 'latin1')]);
    known.add(sent.toString('latin1'));
    if (known.size > 4) known.delete([...known][0] ?? '');
    for (const byte of damaged(sent, chance)) {
      const found = framer.take(byte);
      if (found === undefined || found.fault !== undefined) continue;
      passedCount += 1;
      // Behind the check sum nothing is checked: only what it covers must be what was sent.
      const passed = Buffer.from(found.bytes).toString('latin1');
      const covered = passed.slice(0, passed.lastIndexOf('!') + 1);
      if (![...known].some((whole) => whole.startsWith(covered))) wrong ||= passed;
    }
  }
  expect(wrong).toBe('');
  expect(passedCount).toBeGreaterThan(P1_COUNT / 10);
});

test(
  `${D0_COUNT.toString()} readouts of IEC 62056-21, seed ${SEED.toString()}`,
  { timeout: 120_000 },
  () => {
    const chance = new Chance(SEED);
    const framer = framerFor('d0', 'bcc');
    const profile = deviceProfile('meters/iec-62056-21-push');
    let passedCount = 0;
    let wrong = '';
    for (let n = 0; n < D0_COUNT; n += 1) {
      const kwh = `${chance.below(1e6).toString().padStart(6, '0')}.${chance.below(1000).toString().padStart(3, '0')}`;
      const data = Buffer.from(`1.8.0(${kwh}*kWh)\r\n!\r\n\x03`, 'latin1');
      const check = data.reduce((sum, byte) => sum ^ byte, 0);
      const head = Buffer.from('/ABC4TEST\r\n\x02', 'latin1');
      const sent = Buffer.concat([head, data, Buffer.from([check])]);
      for (const byte of damaged(sent, chance)) {
        const found = framer.take(byte);
        if (found === undefined || found.fault !== undefined) continue;
        passedCount += 1;
        const exchange = exchangeOf('d0', NOTHING, found.bytes);
        wrong ||= unsound(decodeExchange(profile, exchange, INSTRUMENT));
      }
    }
    expect(wrong).toBe('');
    expect(passedCount).toBeGreaterThan(D0_COUNT / 10);
  },
);

test(
  `${SNMP_COUNT.toString()} answers of SNMP agents, seed ${SEED.toString()}`,
  { timeout: 120_000 },
  () => {
    const chance = new Chance(SEED);
    const profile = deviceProfile('pdus/raritan-px');
    if (!isSnmp(profile)) throw new Error('it speaks SNMP');
    const part = { inlet: 1 };
    const [objects = []] = planGets(profile, part);
    let answeredCount = 0;
    let wrong = '';
    for (let n = 0; n < SNMP_COUNT; n += 1) {
      const requestId = 1 + chance.below(0x7fff_fffe);
      const request = pdu(
        GET,
        requestId,
        objects.map((oid) => ({ oid, value: 'null' })),
      );
      const values = objects.map((oid) => ({
        oid,
        value: `unsigned32 ${chance.below(9).toString()}`,
      }));
      const reply = damaged(pdu(RESPONSE, requestId, values), chance);
      // BER has no check sum of its own: a flipped bit of a number is another number, but never none.
      if (judge(request, reply).is !== 'answer') continue;
      answeredCount += 1;
      const exchange = exchangeOf('snmp', request, reply);
      wrong ||= unsound(decodeExchange(profile, exchange, { ...INSTRUMENT, part }));
    }
    expect(wrong).toBe('');
    expect(answeredCount).toBeGreaterThan(SNMP_COUNT / 10);
  },
);
