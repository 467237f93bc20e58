// Registers laid out by the rehearsal, read back by the decoder: two codes that share only the closed words.
import { expect, test } from 'vitest';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { planReads } from '../../src/decode/plan-reads.ts';
import { isModbus, isMqttJson, type ModbusProfile } from '../../src/decode/profile.ts';
import { microjoules } from '../../src/quantity/units.ts';
import { rollDice } from '../../src/rehearse/dice.ts';
import { encodeRegisters, encodeText } from '../../src/rehearse/encode-registers.ts';
import { jsonPayload, spokenSuffixes } from '../../src/rehearse/json-meter.ts';
import type { Display } from '../../src/rehearse/meter-works.ts';
import { ModbusException, registerImage } from '../../src/rehearse/register-image.ts';
import { quantumUj } from '../../src/rehearse/shown-quantity.ts';
import {
  counterUj,
  exchangeOf,
  gauge,
  modbusExchange,
  profiles,
  START_NS,
} from './rehearsal-rig.ts';

const hex = (registers: readonly number[]): string =>
  registers.map((register) => register.toString(16).padStart(4, '0')).join(' ');

// Reference patterns from Python's struct: pack('>f', 123.456), pack('>d', 123.456), pack('>q', -2), pack('>I', 0xA1B2C3D4).
test.each([
  [123.456, 'float32', 'ABCD', '42f6 e979'],
  [123.456, 'float32', 'CDAB', 'e979 42f6'],
  [123.456, 'float32', 'BADC', 'f642 79e9'],
  [123.456, 'float32', 'DCBA', '79e9 f642'],
  [123.456, 'float64', 'ABCD', '405e dd2f 1a9f be77'],
  [123.456, 'float64', 'DCBA', '77be 9f1a 2fdd 5e40'],
  [-2n, 'int64', 'ABCD', 'ffff ffff ffff fffe'],
  [-2n, 'int64', 'CDAB', 'fffe ffff ffff ffff'],
  [0xa1b2c3d4n, 'uint32', 'ABCD', 'a1b2 c3d4'],
  [0xa1b2c3d4n, 'uint32', 'CDAB', 'c3d4 a1b2'],
  [0xa1b2c3d4n, 'uint32', 'BADC', 'b2a1 d4c3'],
  [-2, 'int16', 'ABCD', 'fffe'],
  [65_537n, 'uint16', 'ABCD', '0001'],
] as const)('%s as %s in order %s', (amount, as, order, pattern) => {
  expect(hex(encodeRegisters(amount, as, order))).toBe(pattern);
});

test('text is two characters a register, or one where wide', () => {
  expect(hex(encodeText('ABC', 3, false))).toBe('4142 4300 0000');
  expect(hex(encodeText('AB', 3, true))).toBe('0041 0042 0000');
});

const display = (registerUj: bigint): Display => ({
  atNs: START_NS,
  registerUj: microjoules(registerUj),
  powerW: 1234.5,
  voltageV: 231.4,
  frequencyHz: 50.02,
  powerFactorRatio: 0.95,
  refreshIndex: 1,
});

const meters = [...profiles.values()].filter(isModbus);
test.each(meters.map((profile) => [profile.id, profile] as const))(
  '%s: the decoder reads what the meter shows, over exactly the reads that the planner asks for',
  (_id, profile) => {
    const step = stepOf(profile);
    const registerUj = 1_234_567n * step;
    const image = registerImage(profile, () => display(registerUj), rollDice(1));
    for (const lengthened of [false, true]) {
      const observations = planReads(profile).flatMap((read) => {
        const count = lengthened ? read.alternateCount : read.count;
        const registers = image.read(read.table, read.address, count);
        return decodeExchange(profile, modbusExchange(5, read.table, read.address, registers), {
          id: 'm',
          unit: 5,
          topic: '',
        });
      });
      expect(observations.filter((each) => each.kind === 'gap')).toEqual([]);
      expect(counterUj(observations)).toBe(registerUj);
      const powerW = gauge(observations, 'power_active');
      if (powerW !== undefined) expect(powerW).toBeCloseTo(1234.5, 1);
      const l1 = counterUj(observations, 'energy_import_l1');
      const others = counterUj(observations, 'energy_import_l2');
      if (l1 !== undefined && others !== undefined) {
        expect(Number(l1 + 2n * others - registerUj) / Number(step)).toBeCloseTo(0, -1);
      }
    }
  },
);

test.each(meters.map((profile) => [profile.id, profile] as const))(
  '%s: what the profile does not allow is refused with an exception',
  (_id, profile) => {
    const image = registerImage(profile, () => display(0n), rollDice(1));
    const [first] = planReads(profile);
    expect(first).toBeDefined();
    const { table, address } = first!;
    const code = (read: () => unknown): number => {
      try {
        read();
      } catch (error) {
        if (error instanceof ModbusException) return error.modbusErrorCode;
      }
      return 0;
    };
    expect(code(() => image.read(table, address, 0))).toBe(3);
    expect(code(() => image.read(table, address, 126))).toBe(3);
    expect(code(() => image.read(table, 0xfffe, 1))).toBe(2);
    const wide = profile.reads.find((read) => read.as !== 'int16' && read.as !== 'uint16')!;
    const wideTable = wide.table ?? profile.speaks.table;
    expect(code(() => image.read(wideTable, wide.at, 1))).toBe(2);
    expect(code(() => image.read(wideTable, wide.at + 1, 2))).toBe(2);
  },
);

test.each(
  [...profiles.values()].filter(isMqttJson).map((profile) => [profile.id, profile] as const),
)('%s: the decoder reads the payloads', (_id, profile) => {
  const registerUj = 1_234_567n * stepOf(profile);
  const observations = spokenSuffixes(profile).flatMap((suffix) =>
    decodeExchange(
      profile,
      exchangeOf({
        form: 'mqtt',
        request: Buffer.from(suffix === '' ? 'a/b' : `a/b/${suffix}`),
        reply: Buffer.from(jsonPayload(profile, suffix, display(registerUj), START_NS)),
      }),
      { id: 'p', unit: 1, topic: 'a/b' },
    ),
  );
  expect(observations.filter((each) => each.kind === 'gap')).toEqual([]);
  expect(counterUj(observations)).toBe(registerUj);
  expect(gauge(observations, 'power_active')).toBeCloseTo(1234.5, 2);
});

function stepOf(profile: ModbusProfile | Parameters<typeof jsonPayload>[0]): bigint {
  const read = profile.reads.find((each) => each.channel === 'energy_import');
  if (read?.kind !== 'counter') throw new Error(`${profile.id} has no energy_import`);
  return quantumUj(read);
}
