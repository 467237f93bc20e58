// SNMPv3: keys as the standards print them, and that nothing below the level that was asked for is believed.
import { describe, expect, test } from 'vitest';
import { cipherKey, localisedKey } from '../../src/transport/snmp-keys.ts';
import { UserSecurity } from '../../src/transport/snmp-usm.ts';
import type { SnmpAccess } from '../../src/quantity/site.ts';
import { createHmac } from 'node:crypto';
import { berInteger, GET, pdu, REPORT, RESPONSE, tlv } from '../simulators/snmp-ber.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

describe('keys', () => {
  const engine = Buffer.from('000000000000000000000002', 'hex');

  test('RFC 3414 A.3.1 and A.3.2: "maplesyrup" at engine 00..02', () => {
    expect(hex(localisedKey('md5', text('maplesyrup'), engine))).toBe(
      '526f5eed9fcce26f8964c2930787d82b',
    );
    expect(hex(localisedKey('sha1', text('maplesyrup'), engine))).toBe(
      '6695febc9288e36282235fc7151f128497b38f3f',
    );
  });

  test('a cipher key is the beginning of the localised key, lengthened where the digest is too short', () => {
    const first = localisedKey('sha1', text('maplesyrup'), engine);
    expect(hex(cipherKey('sha1', 'aes128', text('maplesyrup'), engine))).toBe(
      hex(first).slice(0, 32),
    );
    for (const priv of ['aes192', 'aes256', 'aes256-reeder'] as const) {
      const key = cipherKey('sha1', priv, text('maplesyrup'), engine);
      expect(key.length).toBe(priv === 'aes192' ? 24 : 32);
      expect(hex(key).startsWith(hex(first))).toBe(true);
    }
    expect(hex(cipherKey('sha1', 'aes256-reeder', text('maplesyrup'), engine))).not.toBe(
      hex(cipherKey('sha1', 'aes256', text('maplesyrup'), engine)),
    );
  });
});

const ENGINE = Buffer.from('80001f8804deadbeef', 'hex');
const ACCESS: Extract<SnmpAccess, { version: '3' }> = {
  version: '3',
  user: 'trueup',
  context: '',
  auth: { protocol: 'sha256', password: 'authpassword1' },
  priv: undefined,
};
const MAC_BYTES = 24;
const OID = '1.3.6.1.2.1.1.3.0';

interface Told {
  readonly flags: number;
  readonly inner: Buffer;
  readonly boots?: number;
  readonly time?: number;
  readonly user?: string;
  readonly engine?: Buffer;
  /** Key of the code; undefined: no code. */
  readonly key?: Uint8Array;
  readonly id?: number;
}

/** A message of the agent, written from RFC 3412 §6 and RFC 3414 §2.4. */
function message({
  flags,
  inner,
  boots = 5,
  time = 1000,
  user = 'trueup',
  engine = ENGINE,
  key,
  id = 77,
}: Told): Buffer {
  const build = (mac: Buffer): Buffer =>
    tlv(
      0x30,
      berInteger(3n),
      tlv(
        0x30,
        berInteger(BigInt(id)),
        berInteger(65507n),
        tlv(0x04, Buffer.from([flags])),
        berInteger(3n),
      ),
      tlv(
        0x04,
        tlv(
          0x30,
          tlv(0x04, engine),
          berInteger(BigInt(boots)),
          berInteger(BigInt(time)),
          tlv(0x04, Buffer.from(user)),
          tlv(0x04, mac),
          tlv(0x04),
        ),
      ),
      tlv(0x30, tlv(0x04, engine), tlv(0x04), inner),
    );
  if (key === undefined) return build(Buffer.alloc(0));
  const digest = createHmac('sha256', key)
    .update(build(Buffer.alloc(MAC_BYTES)))
    .digest();
  return build(digest.subarray(0, MAC_BYTES));
}

const stat = (n: number): Buffer =>
  pdu(REPORT, 77, [{ oid: `1.3.6.1.6.3.15.1.1.${n}.0`, value: 'counter32 1' }]);
const response = pdu(RESPONSE, 77, [{ oid: OID, value: 'timeticks 4711' }]);
const KEY = localisedKey('sha256', text('authpassword1'), ENGINE);

/** A security that has met its engine, at a monotonic time that the test moves. */
function acquainted(): { security: UserSecurity; clock: { ns: bigint } } {
  const clock = { ns: 0n };
  const security = new UserSecurity(ACCESS, () => clock.ns);
  expect(security.open(message({ flags: 0, inner: stat(4), user: '' }))).toEqual({
    is: 'learnt',
    messageId: 77,
  });
  expect(security.open(message({ flags: 1, inner: response, key: KEY }))).toMatchObject({
    is: 'response',
  });
  return { security, clock };
}

const FOREIGN = { is: 'unusable', fault: 'transport.foreign' };

describe('user-based security', () => {
  test('the first question asks for the engine and tells nothing', () => {
    const security = new UserSecurity(ACCESS, () => 0n);
    const first = Buffer.from(security.seal(pdu(GET, 77, [{ oid: OID, value: 'null' }]), 77));
    expect(first.includes('trueup')).toBe(false);
    expect(first.includes(Buffer.from('2b06010201010300', 'hex'))).toBe(false);
  });

  test('an authentic answer is believed, octet for octet', () => {
    const { security } = acquainted();
    const opened = security.open(message({ flags: 1, inner: response, key: KEY }));
    expect(opened).toMatchObject({ is: 'response', messageId: 77 });
    expect(opened.is === 'response' && hex(opened.pdu)).toBe(response.toString('hex'));
  });

  test.each<[string, Told]>([
    ['an answer without a code, where one was asked for', { flags: 0, inner: response }],
    ['a flag that promises a code that is not there', { flags: 1, inner: response }],
    ['a code by another key', { flags: 1, inner: response, key: Buffer.alloc(32, 1) }],
    ['another user', { flags: 1, inner: response, key: KEY, user: 'mallory' }],
    [
      'another engine',
      { flags: 1, inner: response, key: KEY, engine: Buffer.from('80001f8804c0ffee', 'hex') },
    ],
    ['a message of an earlier boot', { flags: 1, inner: response, key: KEY, boots: 4, time: 9999 }],
    ['a report about time that is not authentic', { flags: 0, inner: stat(2), boots: 9 }],
  ])("%s is nobody's", (_, told) => {
    const { security } = acquainted();
    expect(security.open(message(told))).toEqual(FOREIGN);
  });

  test('a message that is older than the window is dropped; after a reboot the new time is learnt', () => {
    const { security, clock } = acquainted();
    clock.ns = 151_000_000_000n;
    expect(security.open(message({ flags: 1, inner: response, key: KEY, time: 1000 }))).toEqual(
      FOREIGN,
    );
    expect(
      security.open(message({ flags: 1, inner: stat(2), key: KEY, boots: 6, time: 3 })),
    ).toEqual({ is: 'learnt', messageId: 77 });
    expect(
      security.open(message({ flags: 1, inner: response, key: KEY, boots: 6, time: 4 })),
    ).toMatchObject({ is: 'response' });
  });

  test.each([
    [1, 'level of security'],
    [3, 'does not know this user'],
    [5, 'authentication key'],
    [6, 'cannot decrypt'],
  ])('a report %i is told with what to do', (n, words) => {
    const { security } = acquainted();
    const opened = security.open(message({ flags: 0, inner: stat(n) }));
    expect(opened.is === 'refused' && opened.because).toContain(words);
  });

  test('no octet of a message may be changed, cut or added', () => {
    const whole = message({ flags: 1, inner: response, key: KEY });
    for (let at = 0; at < whole.length; at += 1) {
      const { security } = acquainted();
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ 1;
      expect(security.open(changed).is, `octet ${at}`).not.toBe('response');
      expect(security.open(whole.subarray(0, at)).is).not.toBe('response');
    }
    const { security } = acquainted();
    expect(security.open(Buffer.concat([whole, Buffer.alloc(1)])).is).not.toBe('response');
  });
});
