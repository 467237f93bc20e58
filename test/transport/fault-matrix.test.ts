// Each thing that can go wrong on a wire, on each Modbus transport, against a peer that does it on purpose: no value is
// ever wrong or stale, the fault is delivered by its name, the other device and the next turns are served.
import { describe, expect } from 'vitest';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { FaultCode } from '../../src/quantity/fault.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { frameOf, readingPdu, type PeerForm, type PeerLine } from './scripted-peer.ts';
import { device, firstWrongValue, formOf, KINDS, startBench, until } from './wire-bench.ts';

const socat = findProgram('socat');
const LATE_MS = 330;

interface Case {
  readonly does: (line: PeerLine, form: PeerForm) => void;
  /** What is delivered for the disturbed request; undefined where it is answered all the same. */
  readonly rtu: FaultCode | undefined;
  readonly tcp: FaultCode | undefined;
}

const words = (count: number): number[] => Array.from({ length: count }, () => 0xdead);
/** A frame that would be the answer, of somebody else or of another kind, with wrong values in it. */
const other = (line: PeerLine, form: PeerForm, change: Partial<PeerLine['request']>): Buffer => {
  const request = { ...line.request, ...change };
  const pdu = readingPdu(request.functionCode, words(request.count));
  return frameOf(form, request.unit, pdu, request.transactionId);
};
const exception = (line: PeerLine, form: PeerForm, code: number): Buffer =>
  frameOf(
    form,
    line.request.unit,
    [line.request.functionCode | 0x80, code],
    line.request.transactionId,
  );

const CASES: Record<string, Case> = {
  'no reply': { does: () => undefined, rtu: 'transport.timeout', tcp: 'transport.timeout' },
  'a late reply': {
    does: ({ send, right }) => {
      send(right, LATE_MS);
    },
    rtu: 'transport.timeout',
    tcp: 'transport.timeout',
  },
  'a doubled reply': {
    does: ({ send, right }) => {
      send(right);
      send(right, 15);
    },
    rtu: undefined,
    tcp: undefined,
  },
  'two replies in one piece': {
    does: ({ send, right }) => {
      send(Buffer.concat([right, right]));
    },
    rtu: undefined,
    tcp: undefined,
  },
  'a reply cut short': {
    does: ({ send, right }) => {
      send(right.subarray(0, -3));
    },
    rtu: 'transport.frame',
    tcp: 'transport.frame',
  },
  'a reply of another unit': {
    does: (line, form) => {
      line.send(other(line, form, { unit: 77 }));
    },
    rtu: 'transport.foreign',
    tcp: 'transport.foreign',
  },
  'a reply of another function': {
    does: (line, form) => {
      line.send(other(line, form, { functionCode: 3 }));
    },
    rtu: 'transport.foreign',
    tcp: 'transport.foreign',
  },
  'a frame of another unit before the answer': {
    does: (line, form) => {
      line.send(other(line, form, { unit: 77, transactionId: line.request.transactionId ^ 1 }));
      line.send(line.right, 10);
    },
    rtu: undefined,
    tcp: undefined,
  },
  'noise before the answer': {
    does: ({ send, right }) => {
      send([0x00, 0xff, 0x01, 0x04]);
      send(right, 5);
    },
    rtu: undefined,
    tcp: 'transport.frame',
  },
  'only noise': {
    does: ({ send }) => {
      send([0x13, 0x37, 0x00, 0x55, 0xaa, 0x55, 0xaa]);
    },
    rtu: 'transport.frame',
    tcp: 'transport.frame',
  },
  'a reply in single bytes': {
    does: ({ send, right }) => {
      // Each after the one before: timers of their own may fire in another order on a busy machine.
      const sendFrom = (n: number): void => {
        send(right.subarray(n, n + 1));
        if (n + 1 < right.length) setTimeout(sendFrom, 1, n + 1);
      };
      sendFrom(0);
    },
    rtu: undefined,
    tcp: undefined,
  },
  'a wrong check sum, or transaction': {
    does: (line, form) => {
      if (form === 'modbus-tcp')
        line.send(other(line, form, { transactionId: line.request.transactionId ^ 0x100 }));
      else line.send(flipped(line.right, line.right.length - 1));
    },
    rtu: 'transport.crc',
    tcp: 'transport.foreign',
  },
  'a flipped bit in a register': {
    does: (line, form) => {
      // Modbus TCP has no check sum of its own: there a wrong byte count stands for it.
      line.send(flipped(line.right, form === 'modbus-tcp' ? 8 : 4));
    },
    rtu: 'transport.crc',
    tcp: 'transport.frame',
  },
  'a reply that is too short but right': {
    does: (line, form) => {
      line.send(other(line, form, { count: line.request.count - 2 }));
    },
    rtu: 'transport.foreign',
    tcp: 'transport.frame',
  },
  'a reply that is too long but right': {
    does: (line, form) => {
      line.send(other(line, form, { count: line.request.count + 3 }));
    },
    rtu: 'transport.foreign',
    tcp: 'transport.frame',
  },
  'far too many bytes': {
    does: (line, form) => {
      const flood = Buffer.alloc(5000, form === 'modbus-tcp' ? 0xff : 0x55);
      if (form === 'modbus-tcp') flood.writeUInt32BE(0x00010000, 0);
      line.send(flood);
    },
    rtu: 'transport.oversize',
    tcp: 'transport.oversize',
  },
  'an exception': {
    does: (line, form) => {
      line.send(exception(line, form, 2));
    },
    rtu: 'transport.exception',
    tcp: 'transport.exception',
  },
  'busy, acknowledged': {
    does: (line, form) => {
      line.send(exception(line, form, 5));
    },
    rtu: 'transport.busy',
    tcp: 'transport.busy',
  },
  busy: {
    does: (line, form) => {
      line.send(exception(line, form, 6));
    },
    rtu: 'transport.busy',
    tcp: 'transport.busy',
  },
  'another protocol': {
    does: (line, form) => {
      line.send(
        form === 'modbus-tcp'
          ? flipped(line.right, 3)
          : Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
      );
    },
    rtu: 'transport.frame',
    tcp: 'transport.frame',
  },
  'a length of nothing': {
    does: (line, form) => {
      if (form === 'modbus-tcp') {
        const frame = Buffer.from(line.right);
        frame.writeUInt16BE(1, 4);
        line.send(frame);
      } else line.send([line.request.unit, line.request.functionCode, 0, 0, 0]);
    },
    rtu: 'transport.crc',
    tcp: 'transport.frame',
  },
};

function flipped(frame: Buffer, index: number): Buffer {
  const copy = Buffer.from(frame);
  copy.writeUInt8(copy.readUInt8(index) ^ 0x10, index);
  return copy;
}

/** Records of turns in which nothing was sent. */
const UNSENT: readonly (FaultCode | undefined)[] = [
  'transport.quarantine',
  'transport.closed',
  'transport.skipped',
];

for (const kind of KINDS) {
  const testHere = testWith(kind === 'modbus-rtu' ? { socat } : {});
  const form = formOf(kind);
  describe(kind, () => {
    for (const [name, { does, rtu, tcp }] of Object.entries(CASES)) {
      testHere.concurrent(
        `${name}: no wrong value, and the wire lives on`,
        async ({ onTestFinished }) => {
          const { peer, exchanges, open, close } = await startBench(kind, socat);
          onTestFinished(close);
          const of = (source: string): Exchange[] =>
            exchanges.filter((exchange) => exchange.source === source);
          const goodCount = (source: string): number =>
            of(source).filter((exchange) => exchange.fault === undefined).length;
          let disturbedIndex: number | undefined;
          peer.script = (line) => {
            const first = disturbedIndex === undefined && line.request.index >= 4;
            if (first && line.request.unit === 1) {
              disturbedIndex = line.request.index;
              does(line, form);
            } else line.send(line.right);
          };
          await open([device('sick', 1), device('well', 2)]);
          await until(() => disturbedIndex !== undefined, 8000, 'nothing was disturbed');
          const before = [goodCount('sick'), goodCount('well')] as const;
          await until(
            () => goodCount('sick') >= before[0] + 4 && goodCount('well') >= before[1] + 4,
            15_000,
            'the wire did not live on',
          );
          expect(firstWrongValue(exchanges)).toBeUndefined();
          // The n-th request to the unit is the n-th exchange that is about a request.
          const position = peer.requests
            .slice(0, disturbedIndex)
            .filter(({ unit }) => unit === 1).length;
          const disturbed = of('sick').filter(({ fault }) => !UNSENT.includes(fault))[position];
          expect(disturbed?.fault).toBe(form === 'modbus-tcp' ? tcp : rtu);
          expect(disturbed?.reply.length).toBeLessThanOrEqual(512);
        },
      );
    }
  });
}
