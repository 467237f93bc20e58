// A wrong profile is refused at load with its path and a remedy; what it means has one text; its tier is computed.
import { describe, expect, test } from 'vitest';
import { decodeIdentity, identityQuestions } from '../../src/decode/identity.ts';
import { meaningOf } from '../../src/decode/meaning.ts';
import { parseProfile, type Profile } from '../../src/decode/profile.ts';
import { qualityTierOf } from '../../src/decode/quality-tier.ts';
import { ProfileFault } from '../../src/quantity/fault.ts';
import { answered, exchangeOf, registersOf, requestFrame } from './exchanges.ts';
import { deviceDocument, deviceProfile } from './profiles.ts';

/** The document with one thing changed, by path. */
function changed(path: string, to: unknown, file = 'meters/abb-b23'): unknown {
  const document = structuredClone(deviceDocument(file));
  const keys = path.split('/').slice(1);
  const last = keys.pop()!;
  const owner = keys.reduce<object>((here, key) => Reflect.get(here, key) as object, document);
  if (to === undefined) Reflect.deleteProperty(owner, last);
  else Reflect.set(owner, last, to);
  return document;
}

function faultOf(document: unknown): ProfileFault {
  try {
    parseProfile(document, 'abb.yaml');
  } catch (fault) {
    if (fault instanceof ProfileFault) return fault;
    throw fault;
  }
  throw new Error('it was accepted');
}

const read = { channel: 'power_active', at: 0x5b14, as: 'int32', unit: 'W', kind: 'gauge' };

describe('a wrong profile names its path', () => {
  test.each([
    ['/reads/0/unit', 'kW', '/reads/0/unit'],
    ['/reads/0/unit', 'parsec', '/reads/0/unit'],
    ['/reads/0/as', 'int24', '/reads/0/as'],
    ['/reads/0/channel', 'energy_imported', '/reads/0/channel'],
    ['/reads/0/wraps', undefined, '/reads/0'],
    ['/reads/0/resolution', undefined, '/reads/0'],
    ['/reads/0/resolution', 0, '/reads/0/resolution'],
    ['/reads/0/resolution', 0.015, '/reads/0/resolution'],
    ['/reads/0/scale', 0.01, '/reads/0/scale'],
    ['/reads/0/scale', { by: 0.01 }, '/reads/0/scale'],
    ['/reads/0/means', 'partial', '/reads/0/means'],
    ['/reads/0/means', 'net', '/reads/0/as'],
    ['/reads/0/wraps', { at: 1e-13 }, '/reads/0/wraps/at'],
    ['/reads/5/unit', 'A', '/reads/5/unit'],
    ['/reads/5/unit', 'K', '/reads/5/unit'],
    ['/reads/5/range', [5, 1], '/reads/5/range'],
    ['/reads/1/at', 0x5002, '/reads/1/at'],
    ['/reads/1/at', 65533, '/reads/1/at'],
    ['/reads/1/at', -1, '/reads/1/at'],
    ['/reads/6/channel', 'voltage_l1', '/reads/6/channel'],
    ['/reads', [], '/reads'],
    ['/limits/registers_per_read', 3, '/reads/0/at'],
    ['/limits/registers_multiple', 2, '/reads/15/at'],
    ['/limits/readable/0/until', 0x5013, '/limits/readable/0'],
    ['/limits/refresh_ms', 'often', '/limits/refresh_ms'],
    ['/speaks/transport', 'telepathy', '/speaks/transport'],
    ['/speaks/order', 'DABC', '/speaks/order'],
    ['/accuracy/scheme', 'unknown', '/accuracy'],
    ['/role', 'oracle', '/role'],
    ['/provenance', [], '/provenance'],
    ['/vectors', [], '/vectors'],
    ['/vectors/0/origin', 'captured', '/vectors/0/firmware'],
    ['/vectors/0/registers', { 20480: '00 00' }, '/vectors/0/registers/20480'],
    ['/vectors/0/expect', { power_active: '1 W' }, '/reads/2'],
    ['/sentinels/0/raw', 'FFFF', '/sentinels/0'],
    ['/flavour', 'vanilla', '/flavour'],
    ['/id', 'ABB B23', '/id'],
  ])('%s = %j', (path, to, where) => {
    const { notice } = faultOf(changed(path, to));
    expect(notice.where).toBe(`abb.yaml${where}`);
    expect(notice.what.length).toBeGreaterThan(5);
    expect(notice.remedy.length).toBeGreaterThan(5);
  });

  test('what is no mapping at all', () => {
    for (const document of [undefined, null, 5, 'text', [], {}, { speaks: null }])
      expect(faultOf(document).notice.where).toBe('abb.yaml/speaks/transport');
  });

  test('keys out of order', () => {
    const { id, ...rest } = deviceDocument('meters/abb-b23');
    expect(faultOf({ ...rest, id }).notice.what).toContain('order');
  });

  test('a second read of a channel, and a read that no vector proves', () => {
    const document = deviceDocument('meters/abb-b23');
    const reads = document['reads'] as object[];
    expect(faultOf({ ...document, reads: [...reads, { ...read, at: 100 }] }).notice.where).toBe(
      `abb.yaml/reads/${String(reads.length)}/channel`,
    );
    const frequency = { ...read, channel: 'power_apparent', unit: 'VA', at: 100 };
    expect(faultOf({ ...document, reads: [...reads, frequency] }).notice.what).toContain('vector');
  });
});

describe('meaning', () => {
  const base = meaningOf(deviceProfile('meters/abb-b23'));
  const meaningWith = (path: string, to: unknown): string =>
    meaningOf(parseProfile(changed(path, to), 'abb.yaml'));

  test('evidence, names and comments do not change it', () => {
    for (const [path, to] of [
      ['/quirks', []],
      ['/model', 'B24'],
      ['/provenance', [{ says: 'all', source: 'somewhere else' }]],
      ['/vectors/0/name', 'other'],
      ['/reads/0/scale/because', 'the manual says so'],
    ] as const)
      expect(meaningWith(path, to), path).toBe(base);
  });

  test('anything that could change a number does', () => {
    for (const [path, to] of [
      ['/speaks/order', 'CDAB'],
      ['/reads/15/at', 30_000],
      ['/reads/0/falls', 'never'],
      ['/limits/refresh_ms', 200],
      ['/sentinels/0/raw', 'FFFF FFFF FFFF FFFE'],
      ['/accuracy/class', 'C'],
    ] as const)
      expect(meaningWith(path, to), path).not.toBe(base);
  });

  test('is canonical: the order in which keys were written does not matter', () => {
    const document = deviceDocument('meters/abb-b23');
    const reads = (document['reads'] as object[]).map((each) =>
      Object.fromEntries(Object.entries(each).reverse()),
    );
    expect(meaningOf(parseProfile({ ...document, reads }, 'abb.yaml'))).toBe(base);
  });
});

describe('tier', () => {
  const tierWith = (vector: object, more: object = {}): string => {
    const document = deviceDocument('meters/abb-b23');
    const [first, ...others] = document['vectors'] as object[];
    return qualityTierOf(
      parseProfile({ ...document, vectors: [{ ...first, ...vector }, ...others], ...more }, 'a'),
    );
  };
  test('grows with the evidence, and skips none', () => {
    const benches = [{ run: 'calibration/runs/x', reference: 'wt310e' }];
    expect(tierWith({})).toBe('drafted');
    expect(tierWith({}, { benches })).toBe('drafted');
    expect(tierWith({ origin: 'manual' })).toBe('documented');
    expect(tierWith({ origin: 'captured', firmware: '1.1' })).toBe('captured');
    expect(tierWith({ origin: 'captured', firmware: '1.1' }, { benches })).toBe('benched');
  });
});

const HERE = { id: 'm1', unit: 1, topic: '' };
const planIdentity = (profile: Profile) => identityQuestions(profile, HERE).reads;

describe('identity', () => {
  const profile = deviceProfile('meters/abb-b23');
  const hexes = {
    0x8900: '0012 D687',
    0x8908: '4231 2E30 3700 0000 0000 0000 0000 0000',
    0x8910: '0003',
    0x8960: '4232 3320 1B5B 3331 6D00 0000',
  };

  test('serial, firmware and model are read as text, and cannot write to a terminal', () => {
    const told = planIdentity(profile).map((block) =>
      decodeIdentity(profile, answered('modbus-tcp', 1, block, registersOf(hexes)), HERE),
    );
    expect(told).toEqual([
      [{ what: 'serial', text: '1234567' }],
      [{ what: 'firmware', text: 'B1.07' }],
      [{ what: 'map_version', text: '3' }],
      [{ what: 'model', text: 'B23 ?[31m', fits: true }],
    ]);
  });

  test('a refusal is a fault, not an empty name', () => {
    const [block] = planIdentity(profile);
    const request = requestFrame('modbus-tcp', 1, block!);
    const refused = exchangeOf(
      'modbus-tcp',
      request,
      Uint8Array.from([0x12, 0x34, 0, 0, 0, 3, 1, 0x83, 2]),
    );
    expect(decodeIdentity(profile, refused, HERE)).toEqual({ fault: 'transport.exception' });
    expect(decodeIdentity(profile, exchangeOf('mqtt', request, request), HERE)).toHaveProperty(
      'fault',
    );
  });

  test('one character per register', () => {
    const umg = deviceProfile('meters/janitza-umg604');
    const block = planIdentity(umg)[1]!;
    const registers = registersOf({ 13437: '0035 002E 0030 0000 0000 0000 0000 0000' });
    expect(decodeIdentity(umg, answered('modbus-rtu', 1, block, registers), HERE)).toEqual([
      { what: 'firmware', text: '5.0' },
    ]);
  });
});
