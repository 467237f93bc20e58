// SNMP objects become observations: octets that Python wrote, scales that the device tells, absence that is no zero, and
// whatever a hostile agent may send.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepBetween } from '../../src/align/counter-step.ts';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { planGets, planSnmpIdentity, UPTIME } from '../../src/decode/plan-gets.ts';
import { isSnmp, parseProfile } from '../../src/decode/profile.ts';
import { decodeSnmpIdentity } from '../../src/decode/snmp-identity.ts';
import { isPart, partOf } from '../../src/decode/snmp-part.ts';
import type { SnmpProfile } from '../../src/decode/snmp-profile.ts';
import { askedObjects, judgeObjects } from '../../src/decode/snmp-reply.ts';
import { ProfileFault } from '../../src/quantity/fault.ts';
import type { CounterReading, Observation } from '../../src/quantity/observation.ts';
import type { PartNumbers } from '../../src/quantity/site.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import { findPython, testWith } from '../real-programs.ts';
import { GET, pdu, RESPONSE } from '../simulators/snmp-ber.ts';
import { answeredObjects, exchangeOf } from './exchanges.ts';
import { deviceDocument, deviceProfile } from './profiles.ts';

const snmpProfile = (id: string): SnmpProfile => {
  const profile = deviceProfile(`pdus/${id}`);
  if (!isSnmp(profile)) throw new Error('it speaks SNMP');
  return profile;
};
const XERUS = snmpProfile('raritan-px');
const APC = snmpProfile('apc-rpdu2');

const decodeAt = (
  profile: SnmpProfile,
  objects: Readonly<Record<string, string>>,
  part: PartNumbers = {},
  more = {},
): readonly Observation[] =>
  planGets(profile, part).flatMap((get) =>
    decodeExchange(profile, answeredObjects(get, objects, more), {
      id: 'm1',
      unit: 1,
      topic: '',
      part,
    }),
  );

/** The energy of a Xerus outlet, as its objects. */
const energyOf = (count: number, digits: number, outlet = 3): Record<string, string> => {
  const at = (table: string, column: number): string =>
    `1.3.6.1.4.1.13742.6.${table}.1.${column}.1.${outlet}.8`;
  return {
    [at('5.4.3', 4)]: `unsigned32 ${count}`,
    [at('5.4.3', 2)]: 'integer 1',
    [at('3.5.4', 7)]: `unsigned32 ${digits}`,
    [at('3.5.4', 6)]: 'integer 5',
  };
};
const energyIn = (observations: readonly Observation[]): Observation =>
  observations.find(({ channel }) => channel === 'energy_import')!;
const counterIn = (observations: readonly Observation[]): CounterReading => {
  const energy = energyIn(observations);
  if (energy.kind !== 'counter') throw new Error(`a gap: ${JSON.stringify(energy.kind)}`);
  return energy;
};

testWith({ python3: findPython() })('requests and replies that Python encoded are read', () => {
  const script = join(import.meta.dirname, '../independent/encode.py');
  const { pdus } = JSON.parse(
    execFileSync(findPython() ?? '', [script], { encoding: 'utf8', maxBuffer: 2 ** 24 }),
  ) as { pdus: { request: string; reply: string; values: Record<string, string> } };
  const [request, reply] = [Buffer.from(pdus.request, 'hex'), Buffer.from(pdus.reply, 'hex')];
  expect(askedObjects(request)).toEqual(Object.keys(pdus.values));
  const judged = judgeObjects(request, reply);
  const read = judged.ok
    ? Object.fromEntries(
        Array.from(judged.values, ([oid, value]) => [
          oid,
          value.is === 'number'
            ? `${value.type} ${value.integer.toString()}`
            : value.is === 'octets'
              ? `text ${Buffer.from(value.octets).toString()}`
              : value.is,
        ]),
      )
    : {};
  expect(read).toEqual(pdus.values);
});

describe('scale that the device tells', () => {
  test('moves value, quantum and wrap together', () => {
    const tenths = counterIn(decodeAt(XERUS, energyOf(12_345, 1), { outlet: 3 }));
    expect(tenths).toMatchObject({
      energyUj: (1_234_500_000_000n * 36n) / 10n,
      quantumUj: 360_000_000n,
      wrapsAtUj: 4_294_967_296n * 360_000_000n,
    });
  });

  test('a change of it is another counter: no step between the two is energy', () => {
    const later = {
      sentNs: instantNs(1_760_364_730_000_000_000n),
      lastByteNs: instantNs(1_760_364_730_010_000_000n),
    };
    const before = counterIn(decodeAt(XERUS, energyOf(12_345, 0), { outlet: 3 }));
    const after = counterIn(decodeAt(XERUS, energyOf(123_460, 1), { outlet: 3 }, later));
    expect(stepBetween(before, after, watts(1_000_000))).toEqual({
      step: 'unknown',
      because: 'counter.restarted',
    });
    const same = counterIn(decodeAt(XERUS, energyOf(12_346, 0), { outlet: 3 }, later));
    expect(stepBetween(before, same, watts(1_000_000))).toMatchObject({ step: 'advanced' });
  });

  test('a 32-bit wrap at the digits of the device is a wrap', () => {
    const later = {
      sentNs: instantNs(1_760_364_730_000_000_000n),
      lastByteNs: instantNs(1_760_364_730_010_000_000n),
    };
    const before = counterIn(decodeAt(XERUS, energyOf(4_294_967_295, 1), { outlet: 3 }));
    const after = counterIn(decodeAt(XERUS, energyOf(4, 1), { outlet: 3 }, later));
    expect(stepBetween(before, after, watts(1_000_000))).toEqual({
      step: 'wrapped',
      byUj: 5n * 360_000_000n,
    });
  });

  test.each([
    ['digits beyond all meaning', { '3.5.4.1.7': 'unsigned32 10' }, 'decode.wrong-scale'],
    ['digits below 0', { '3.5.4.1.7': 'integer -1' }, 'decode.wrong-scale'],
    ['digits as text', { '3.5.4.1.7': 'text 1' }, 'decode.wrong-type'],
    ['digits that are not there', { '3.5.4.1.7': 'no-such-instance' }, 'decode.no-object'],
    ['a unit that is not there', { '3.5.4.1.6': 'no-such-object' }, 'decode.no-object'],
    ['a value that is not there', { '5.4.3.1.4': 'end-of-mib-view' }, 'decode.no-object'],
    ['a value of another type', { '5.4.3.1.4': 'counter32 5' }, 'decode.wrong-type'],
    ['a value as text', { '5.4.3.1.4': 'text 5' }, 'decode.wrong-type'],
    ['a sensor that is not available', { '5.4.3.1.2': 'integer 2' }, 'decode.sentinel'],
  ])('%s is a gap', (_, changed, fault) => {
    const objects = energyOf(5, 0);
    for (const [column, value] of Object.entries(changed))
      objects[`1.3.6.1.4.1.13742.6.${column}.1.3.8`] = value;
    expect(energyIn(decodeAt(XERUS, objects, { outlet: 3 }))).toMatchObject({ kind: 'gap', fault });
  });
});

test('the start time of an APC counter is its epoch: after a reset no step is energy', () => {
  const at = (count: number, start: string) => ({
    '1.3.6.1.4.1.318.1.1.26.4.3.1.9.1': `integer ${count}`,
    '1.3.6.1.4.1.318.1.1.26.4.3.1.10.1': `text ${start}`,
  });
  const before = counterIn(decodeAt(APC, at(5, '01/01/2026 00:00:00')));
  const after = counterIn(decodeAt(APC, at(6, '02/01/2026 00:00:00')));
  expect(before.epoch).toBe('01/01/2026 00:00:00');
  expect(stepBetween(before, after, watts(1_000_000))).toMatchObject({ step: 'unknown' });
});

describe('parts', () => {
  test('every outlet and every unit of a chain is asked for by its own number', () => {
    const [get] = planGets(XERUS, { pdu: 2, outlet: 17 });
    expect(get?.[0]).toBe(UPTIME);
    expect(get).toContain('1.3.6.1.4.1.13742.6.5.4.3.1.4.2.17.8');
    expect(get?.slice(1).every((oid) => oid.includes('.2.17.'))).toBe(true);
  });

  test('without a number it is the first part of the profile', () => {
    expect(planGets(XERUS, undefined)).toEqual(planGets(XERUS, { inlet: 1 }));
    expect(planGets(APC, {}).flat()).toContain('1.3.6.1.4.1.318.1.1.26.4.3.1.9.1');
  });

  test('two parts at once, or one that the profile does not read, are said so', () => {
    expect(isPart(partOf(XERUS, { inlet: 1, outlet: 2 }))).toBe(false);
    expect(isPart(partOf(XERUS, { phase: 1 }))).toBe(false);
    expect(planGets(XERUS, { phase: 1 })).toEqual([]);
  });

  test('no request is longer than a frame of Ethernet, and none splits a read', () => {
    for (const id of [
      'raritan-px',
      'apc-rpdu2',
      'eaton-epdu',
      'vertiv-geist',
      'gude-pdu835x',
      'enlogic-pdu2',
      'panduit-g5',
    ]) {
      const profile = snmpProfile(id);
      for (const kind of profile.speaks.parts) {
        const part = kind === 'unit' ? {} : { [kind]: 48 };
        const gets = planGets(profile, part);
        expect(gets.length).toBeGreaterThan(0);
        for (const get of gets) {
          const bound = get.map((oid) => ({ oid, value: 'counter64 18446744073709551615' }));
          expect(pdu(RESPONSE, 0x7fff_ffff, bound).length, id).toBeLessThan(1472 - 120);
        }
        expect(new Set(decodeAt(profile, {}, part).map(({ channel }) => channel)).size).toBe(
          profile.reads.filter((read) => read.part === kind).length,
        );
      }
    }
  });

  test('a small agent is asked for less at once, and each read still comes whole', () => {
    const document = deviceDocument('pdus/raritan-px');
    const small = parseProfile(
      { ...document, limits: { ...(document['limits'] as object), objects_per_get: 6 } },
      'x',
    );
    const gets = isSnmp(small) ? planGets(small, { outlet: 3 }) : [];
    expect(gets.length).toBe(6);
    expect(gets.every((get) => get.length <= 6)).toBe(true);
  });
});

test('identity: model, serial, firmware and the accuracy that the device states', () => {
  const objects = {
    '1.3.6.1.4.1.13742.6.3.2.1.1.3.1': 'text PX3-5190CR',
    '1.3.6.1.4.1.13742.6.3.2.1.1.4.1': 'text \u001b[31mQMS0000001 ',
    '1.3.6.1.4.1.13742.6.3.2.3.1.6.1.1.1': 'text 4.0.20.5',
    '1.3.6.1.4.1.13742.6.3.5.4.1.8.1.3.8': 'unsigned32 100',
  };
  const asked = planSnmpIdentity(XERUS, { outlet: 3 });
  expect(decodeSnmpIdentity(XERUS, answeredObjects(asked, objects), { outlet: 3 })).toEqual([
    { what: 'model', text: 'PX3-5190CR' },
    { what: 'serial', text: '?[31mQMS0000001' },
    { what: 'firmware', text: '4.0.20.5' },
    { what: 'accuracy', text: '1 %' },
  ]);
});

test.each([
  ['a part without its number', (r: Record<string, unknown>) => (r['oid'] = '1.3.6.1.4.1.1.5')],
  [
    'the number of another part',
    (r: Record<string, unknown>) => (r['oid'] = '1.3.6.1.4.1.1.{inlet}.{outlet}'),
  ],
  ['digits beside a fixed resolution', (r: Record<string, unknown>) => (r['resolution'] = 1)],
  [
    'a wrap that the digits would move',
    (r: Record<string, unknown>) => (r['wraps'] = { at: 4_294_967_296 }),
  ],
  ['a part that no instrument can be', (r: Record<string, unknown>) => (r['part'] = 'phase')],
])('a profile with %s does not load', (_, spoil) => {
  const document = structuredClone(deviceDocument('pdus/raritan-px'));
  spoil((document['reads'] as Record<string, unknown>[]).at(-1)!);
  expect(() => parseProfile(document, 'x')).toThrow(ProfileFault);
});

describe('hostile octets', () => {
  const get = planGets(XERUS, { outlet: 3 })[0]!;
  const { request } = answeredObjects(get, {});
  const channels = XERUS.reads
    .filter(({ part }) => part === 'outlet')
    .map(({ channel }) => channel);
  const decoded = (reply: Uint8Array): readonly Observation[] =>
    decodeExchange(XERUS, exchangeOf('snmp', request, reply), {
      id: 'm1',
      unit: 1,
      topic: '',
      part: { outlet: 3 },
    });
  const isSound = (each: Observation): boolean =>
    each.kind === 'gap' ||
    (each.kind === 'gauge' ? Number.isFinite(each.reading) : each.energyUj >= 0n);

  test('any reply gives every channel once, a sound value or a gap', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (reply) => {
        const observations = decoded(reply);
        expect(observations.map(({ channel }) => channel)).toEqual(channels);
        expect(observations.every(isSound)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('any damage to a right reply gives sound values or gaps, and any cut only gaps', () => {
    const right = Buffer.from(answeredObjects(get, energyOf(12_345, 1)).reply);
    fc.assert(
      fc.property(fc.nat(right.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(right);
        damaged[at] = damaged[at]! ^ flip;
        expect(decoded(damaged).every(isSound)).toBe(true);
        expect(decoded(right.subarray(0, at)).every(({ kind }) => kind === 'gap')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('any number in any of its objects', () => {
    const types = ['integer', 'unsigned32', 'counter32', 'counter64', 'timeticks'];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...types), fc.bigInt(-(2n ** 70n), 2n ** 70n)), {
          minLength: get.length,
          maxLength: get.length,
        }),
        (values) => {
          const objects = Object.fromEntries(
            get.map((oid, n) => [oid, `${values[n]![0]} ${values[n]![1].toString()}`]),
          );
          expect(decoded(answeredObjects(get, objects).reply).every(isSound)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('a request that is none, and a reply that asks', () => {
    const reply = pdu(GET, 0x1234_5678, [{ oid: UPTIME, value: 'null' }]);
    expect(decoded(reply).every(({ kind }) => kind === 'gap')).toBe(true);
    const broken = exchangeOf('snmp', Uint8Array.of(1, 2, 3), reply);
    const told = decodeExchange(XERUS, broken, {
      id: 'm1',
      unit: 1,
      topic: '',
      part: { outlet: 3 },
    });
    expect(told).toHaveLength(channels.length);
    expect(told.every((each) => each.kind === 'gap' && each.fault === 'decode.malformed')).toBe(
      true,
    );
  });
});
