// Frames are judged right however they are cut, and what is not the answer is never taken for it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc16, encodeRead } from '../../src/transport/modbus-codec.ts';
import {
  judgeRtu,
  judgeTcp,
  nameRtuRemains,
  wrapTcp,
  type Asked,
} from '../../src/transport/modbus-frame.ts';
import { crcOf, frameOf, readingPdu } from './scripted-peer.ts';

const asked = (count: number, transactionId = 4711): Asked => ({
  unit: 3,
  functionCode: 4,
  count,
  transactionId,
});
const registers = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 125 });

describe('requests', () => {
  test('are those of the manuals', () => {
    // PZEM-016 datasheet: read ten input registers of unit 1.
    expect(Buffer.from(encodeRead(1, 'input', 0, 10)).toString('hex')).toBe('01040000000a700d');
    expect(Buffer.from(wrapTcp(encodeRead(17, 'holding', 0x6b, 3), 0x1234)).toString('hex')).toBe(
      '12340000000611' + '03006b0003',
    );
  });

  test('the check sum is CRC-16/MODBUS', () => {
    const check = new TextEncoder().encode('123456789');
    expect(crc16(check, 0, check.length)).toBe(0x4b37);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(crc16(bytes, 0, bytes.length)).toBe(crcOf(bytes));
      }),
    );
  });
});

describe('RTU', () => {
  test('the answer is found behind noise of any kind, and only when it is whole', () => {
    fc.assert(
      fc.property(registers, fc.uint8Array({ maxLength: 40 }), (words, noise) => {
        const frame = frameOf('modbus-rtu', 3, readingPdu(4, words));
        const all = Buffer.concat([noise, frame]);
        expect(judgeRtu(asked(words.length), all.subarray(0, -1)).kind).toBe('waiting');
        const verdict = judgeRtu(asked(words.length), all);
        expect(verdict.kind).toBe('answer');
        if (verdict.kind === 'answer') expect(Buffer.from(verdict.frame).equals(frame)).toBe(true);
      }),
    );
  });

  test('a reply of another length, unit, function, or with any bit flipped is none', () => {
    fc.assert(
      fc.property(registers, fc.nat(), fc.nat({ max: 7 }), (words, at, bit) => {
        const frame = frameOf('modbus-rtu', 3, readingPdu(4, words));
        const copy = Buffer.from(frame);
        const index = at % copy.length;
        copy.writeUInt8(copy.readUInt8(index) ^ (1 << bit), index);
        expect(judgeRtu(asked(words.length), copy).kind).toBe('waiting');
        expect(judgeRtu(asked(words.length + 1), frame).kind).toBe('waiting');
        expect(judgeRtu({ ...asked(words.length), unit: 4 }, frame).kind).toBe('waiting');
        expect(judgeRtu({ ...asked(words.length), functionCode: 3 }, frame).kind).toBe('waiting');
      }),
    );
  });

  test('what lies inside an answer under way is not taken for a frame', () => {
    // The registers of the outer reply spell an exception with a right check sum.
    const inner = frameOf('modbus-rtu', 3, [0x84, 2]);
    const words = [inner.readUInt16BE(0), inner.readUInt16BE(2), inner.readUInt8(4) << 8];
    const outer = frameOf('modbus-rtu', 3, readingPdu(4, words));
    expect(judgeRtu(asked(3), outer.subarray(0, -1)).kind).toBe('waiting');
    expect(judgeRtu(asked(3), outer).kind).toBe('answer');
  });

  test('arbitrary bytes are never an answer, and too many of them are told', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 320 }), (bytes) => {
        expect(judgeRtu(asked(10), bytes).kind).not.toBe('answer');
      }),
      { numRuns: 300 },
    );
    expect(judgeRtu(asked(10), new Uint8Array(400))).toMatchObject({ fault: 'transport.oversize' });
  });

  test('what remains is called by its name', () => {
    const frame = frameOf('modbus-rtu', 3, readingPdu(4, [1, 2]));
    const broken = Buffer.from(frame);
    broken.writeUInt8(broken.readUInt8(4) ^ 1, 4);
    expect(nameRtuRemains(asked(2), new Uint8Array(0))).toBe('transport.timeout');
    expect(nameRtuRemains(asked(2), frame.subarray(0, 5))).toBe('transport.frame');
    expect(nameRtuRemains(asked(2), broken)).toBe('transport.crc');
    expect(nameRtuRemains(asked(7), frame)).toBe('transport.foreign');
  });
});

describe('TCP', () => {
  test('however the stream is cut, older transactions are dropped and ours is found', () => {
    fc.assert(
      fc.property(
        registers,
        fc.array(fc.integer({ min: 0, max: 4710 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 30 }),
        (words, older, pieceBytes) => {
          const late = older.map((id) => frameOf('modbus-tcp', 3, readingPdu(4, words), id));
          const frame = frameOf('modbus-tcp', 3, readingPdu(4, words), 4711);
          const stream = Buffer.concat([...late, frame]);
          let rest: Uint8Array = new Uint8Array(0);
          let answers = 0;
          for (let at = 0; at < stream.length; at += pieceBytes) {
            rest = Buffer.concat([rest, stream.subarray(at, at + pieceBytes)]);
            const verdict = judgeTcp(asked(words.length), rest);
            rest = rest.subarray(verdict.consumedBytes);
            expect(verdict.kind).not.toBe('broken');
            if (verdict.kind === 'answer') {
              answers++;
              expect(Buffer.from(verdict.frame).equals(frame)).toBe(true);
            }
          }
          expect(answers).toBe(1);
          expect(rest.length).toBe(0);
        },
      ),
    );
  });

  test('between requests every frame is one too many', () => {
    const frame = frameOf('modbus-tcp', 3, readingPdu(4, [1]), 4711);
    expect(judgeTcp(undefined, frame)).toMatchObject({ kind: 'waiting', straysCount: 1 });
  });

  test('a head that no Modbus frame has means that the step is lost', () => {
    const bad = (hex: string): unknown => judgeTcp(asked(1), Buffer.from(hex, 'hex'));
    expect(bad('126700010006')).toMatchObject({ fault: 'transport.frame', lostStep: true });
    expect(bad('126700000002')).toMatchObject({ fault: 'transport.frame', lostStep: true });
    expect(bad('1267000000ff')).toMatchObject({ fault: 'transport.oversize', lostStep: true });
    expect(bad('1267000000')).toMatchObject({ kind: 'waiting' });
  });
});
