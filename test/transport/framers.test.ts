// Framers against tears, noise, damage and hostility: every whole frame is found, none with a wrong check sum passes, and
// what is held never exceeds a frame.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Framed } from '../../src/transport/framer.ts';
import { framerFor } from '../../src/transport/framers.ts';
import type { PushCheck, PushProtocol } from '../../src/transport/transport.ts';
import { arc, d0Readout, p1Telegram, smlReading, smlTransport, x25 } from './push-frames.ts';

const OWN_SML =
  '1b1b1b1b010101017605010203046200620072630101760101050000002a0b0a015445535400000001010163a67200760501020305620062007263070177010b0a015445535400000001070100620affff726201650001e2407477070100600100ff010101010b0a0154455354000000010177070100010800ff65001c0104726201650001e240621e52ff690000000005e30a780177070100020800ff0101621e52ff6900000000000000000177070100100700ff0101621b52ff55fffffb2e010101634f65007605010203066200620072630201710163321f00001b1b1b1b1a01e490';
const OWN_P1 =
  '/NODE5TEST\\1\r\n\r\n1-0:1.8.0(000123.456*kWh)\r\n1-0:1.7.0(00.900*kW)\r\n!CBA5\r\n';
const OWN_D0 = '\x021-0:1.8.0*255(000123.456*kWh)\r\n1-0:16.7.0*255(000900*W)\r\n!\r\n\x03\x0f';

interface Kind {
  readonly protocol: PushProtocol;
  readonly check: PushCheck;
  readonly good: Buffer;
  readonly mostBytes: number;
  /** Judges a frame by other means than the code under test. */
  readonly isRight: (frame: Buffer) => boolean;
}

/** Of seven bits, STX too: on a line of 7E1 that is read as 8N1, parity stands in bit 7. */
const bcc = (frame: Buffer): boolean =>
  frame
    .subarray(frame.findIndex((byte) => (byte & 0x7f) === 2) + 1)
    .reduce((sum, byte) => sum ^ (byte & 0x7f), 0) === 0;
const KINDS: readonly Kind[] = [
  {
    protocol: 'sml',
    check: 'crc16',
    good: Buffer.from(OWN_SML, 'hex'),
    mostBytes: 16_384,
    isRight: (frame) => x25(frame.subarray(0, -2)) === frame.readUInt16LE(frame.length - 2),
  },
  {
    protocol: 'dsmr',
    check: 'crc16',
    good: Buffer.from(OWN_P1, 'latin1'),
    mostBytes: 16_384,
    isRight: (frame) => {
      const mark = frame.lastIndexOf('!');
      return arc(frame.subarray(0, mark + 1)) === Number(`0x${frame.toString('latin1', mark + 1)}`);
    },
  },
  {
    protocol: 'dsmr',
    check: 'none',
    good: Buffer.from('/KMP5 X\r\n\r\n1-0:1.8.1(00001.001*kWh)\r\n!\r\n'),
    mostBytes: 16_384,
    isRight: (frame) =>
      frame.toString('latin1').endsWith('!\r\n') ||
      frame.toString('latin1').endsWith('!\n') ||
      frame.some((byte) => byte > 127),
  },
  {
    protocol: 'd0',
    check: 'bcc',
    good: Buffer.from(OWN_D0, 'latin1'),
    mostBytes: 32_768,
    isRight: bcc,
  },
];
const named = KINDS.map((kind) => [`${kind.protocol} ${kind.check}`, kind] as const);

function framed(
  { protocol, check }: Pick<Kind, 'protocol' | 'check'>,
  stream: Uint8Array,
): Framed[] {
  const framer = framerFor(protocol, check);
  const found: Framed[] = [];
  for (const byte of stream) {
    const each = framer.take(byte);
    if (each !== undefined) found.push(each);
  }
  return found;
}
const good = (frames: readonly Framed[]): string[] =>
  frames
    .filter(({ fault }) => fault === undefined)
    .map(({ bytes }) => Buffer.from(bytes).toString('hex'));

describe.each(named)('%s', (_, kind) => {
  test('finds a frame, twice in a row, and behind its own torn half', () => {
    const hex = kind.good.toString('hex');
    expect(good(framed(kind, kind.good))).toEqual([hex]);
    expect(good(framed(kind, Buffer.concat([kind.good, kind.good])))).toEqual([hex, hex]);
    for (const cut of [1, 5, 9, kind.good.length >> 1, kind.good.length - 1]) {
      const torn = Buffer.concat([kind.good.subarray(cut), kind.good, kind.good]);
      expect(good(framed(kind, torn)), `begun at ${String(cut)}`).toContain(hex);
      const cutShort = Buffer.concat([
        kind.good.subarray(0, cut),
        Buffer.from('\r\n'),
        kind.good,
        kind.good,
      ]);
      expect(good(framed(kind, cutShort)), `ended at ${String(cut)}`).toContain(hex);
    }
  });

  test('no flipped bit passes as another frame', () => {
    for (let at = 0; at < kind.good.length; at += 1)
      for (let bit = 0; bit < 8; bit += 1) {
        const damaged = Buffer.from(kind.good);
        damaged[at]! ^= 1 << bit;
        for (const frame of good(framed(kind, damaged)))
          if (kind.check !== 'none')
            expect(kind.isRight(Buffer.from(frame, 'hex')), frame).toBe(true);
      }
  });

  test('whatever comes, it holds no more than a frame and passes none that is wrong', () => {
    const byte = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          0x1b,
          0x01,
          0x1a,
          0x00,
          0x2f,
          0x21,
          0x0d,
          0x0a,
          0x02,
          0x03,
          0x35,
        ),
      },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 400 }), fc.nat(400), (noise, at) => {
        const stream = Buffer.concat([
          Buffer.from(noise.slice(0, at)),
          kind.good,
          Buffer.from(noise.slice(at)),
        ]);
        const framer = framerFor(kind.protocol, kind.check);
        let heldCount = 0;
        const passed: Uint8Array[] = [];
        for (const each of stream) {
          const found = framer.take(each);
          heldCount = Math.max(heldCount, framer.pendingCount);
          if (found !== undefined && found.fault === undefined) passed.push(found.bytes);
        }
        expect(heldCount).toBeLessThanOrEqual(kind.mostBytes);
        expect(passed.filter((frame) => !kind.isRight(Buffer.from(frame)))).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  test('a frame without end is given up at its bound, and the next one is found', () => {
    const begin = kind.good.subarray(0, 12);
    const endless = Buffer.concat([
      begin,
      Buffer.alloc(40_000, 'x'),
      Buffer.from('\r\n'),
      kind.good,
    ]);
    const found = framed(kind, endless);
    expect(found[0]?.bytes.length).toBeLessThanOrEqual(4096);
    expect(found.some(({ fault }) => fault === 'transport.oversize')).toBe(true);
    expect(good(found)).toEqual([kind.good.toString('hex')]);
  });

  test('a lost line cuts what had begun', () => {
    const framer = framerFor(kind.protocol, kind.check);
    expect(framer.cut()).toBeUndefined();
    for (const byte of kind.good.subarray(0, kind.good.length - 3)) framer.take(byte);
    expect(framer.cut()?.fault).toBe('transport.frame');
    expect(framer.pendingCount).toBe(0);
  });
});

describe('SML', () => {
  test('finds every file behind any noise that does not end in an escape byte', () => {
    const byte = fc.oneof(
      fc.constantFrom(0x1b, 0x01, 0x1a, 0x00),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(byte, { maxLength: 40 }), { minLength: 1, maxLength: 4 }),
        (noises) => {
          const hex = OWN_SML;
          const stream = noises.flatMap((noise) => [
            Buffer.from([...noise, 0x55]),
            Buffer.from(hex, 'hex'),
          ]);
          const found = good(framed({ protocol: 'sml', check: 'crc16' }, Buffer.concat(stream)));
          expect(found.filter((frame) => frame === hex)).toHaveLength(noises.length);
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('escape sequences inside of a file are data, in any number', () => {
    for (let count = 0; count < 21; count += 1) {
      for (const tail of ['', '\x01', '\x1a\x00']) {
        const body = Buffer.from(`x${'\x1b'.repeat(count)}${tail}`, 'latin1');
        const frame = smlTransport(body);
        // Without a byte in between, escape bytes at the very end cannot be told from the end itself: fill makes one.
        if (tail === '' && (body.length % 4 === 0 || count === 0)) continue;
        expect(
          good(framed({ protocol: 'sml', check: 'crc16' }, frame)),
          `${String(count)} ${tail}`,
        ).toEqual([frame.toString('hex')]);
      }
    }
  });

  test('a file that is cut short by the next one is told, and the next one is found', () => {
    const next = smlReading(1n, 2n);
    const found = framed(
      { protocol: 'sml', check: 'crc16' },
      Buffer.concat([next.subarray(0, 100), next]),
    );
    expect(found.map(({ fault, bytes }) => [fault, bytes.length])).toEqual([
      ['transport.frame', 100],
      [undefined, next.length],
    ]);
  });
});

describe('telegrams', () => {
  test('a check sum without leading zeros is one, a shorter one is not', () => {
    const at = (printed: (crc: string) => string): (string | undefined)[] => {
      for (let n = 0; ; n += 1) {
        const whole = p1Telegram(['/NODE5TEST', '', `1-0:1.8.0(${String(n).padStart(9, '0')}*Wh)`]);
        const text = whole.toString('latin1');
        const crc = text.slice(text.lastIndexOf('!') + 1).trim();
        if (!crc.startsWith('0') || crc.startsWith('00')) continue;
        const changed = Buffer.from(text.replace(`!${crc}`, `!${printed(crc)}`), 'latin1');
        return framed({ protocol: 'dsmr', check: 'crc16' }, changed).map(({ fault }) => fault);
      }
    };
    expect(at((crc) => crc)).toEqual([undefined]);
    expect(at((crc) => crc.slice(1))).toEqual([undefined]);
    expect(at((crc) => crc.slice(0, 3))).toEqual(['transport.crc']);
    expect(at(() => '')).toEqual(['transport.frame']);
  });

  test('where a meter must have a check sum, a telegram without one is none', () => {
    const bare = Buffer.from('/NODE5TEST\r\n\r\n1-0:1.8.0(1*kWh)\r\n!\r\n');
    expect(framed({ protocol: 'dsmr', check: 'crc16' }, bare).map(({ fault }) => fault)).toEqual([
      'transport.frame',
    ]);
  });

  test('a 7E1 line read as 8N1 is understood, and its parity finds a flipped bit', () => {
    const even = Buffer.from(
      [...Buffer.from('/KMP5 X\r\n\r\n1-0:1.8.1(00001.001*kWh)\r\n!\r\n')].map((byte) =>
        byte.toString(2).replaceAll('0', '').length % 2 === 0 ? byte : byte | 0x80,
      ),
    );
    const kind = { protocol: 'dsmr', check: 'none' } as const;
    expect(framed(kind, even).map(({ fault }) => fault)).toEqual([undefined]);
    const flipped = Buffer.from(even);
    flipped[25]! ^= 0x01;
    expect(framed(kind, flipped).map(({ fault }) => fault)).toEqual(['transport.crc']);
  });
});

describe('readouts', () => {
  test('an echo of the request and of the acknowledgement is not the answer', () => {
    const readout = d0Readout('', ['1.8.0(000001.000*kWh)']);
    const stream = Buffer.concat([
      Buffer.from('/?!\r\n/TST5Probe\r\n\x06050\r\n', 'latin1'),
      readout,
    ]);
    const found = framed({ protocol: 'd0', check: 'bcc' }, stream);
    expect(found.map(({ fault }) => fault)).toEqual([undefined]);
    expect(Buffer.from(found[0]!.bytes).toString('latin1')).toMatch(/^\/TST5Probe/);
  });

  test('another readout inside of one: the first was cut short', () => {
    const readout = d0Readout('', ['1.8.0(000001.000*kWh)']);
    const found = framed(
      { protocol: 'd0', check: 'bcc' },
      Buffer.concat([readout.subarray(0, 12), readout]),
    );
    expect(found.map(({ fault }) => fault)).toEqual(['transport.frame', undefined]);
  });
});
