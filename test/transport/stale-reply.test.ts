// The reason why the bus is our own: one late reply on RTU. modbus-serial's client takes it for the answer to the next
// request, and every value after it is that of the request before, with good check sums. Here no value ever shifts.
import modbusSerial from 'modbus-serial';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fromMs } from '../../src/quantity/time.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { registerOf, rightAnswer, ScriptedPeer, type PeerLine } from './scripted-peer.ts';
import { device, firstWrongValue, formOf, KINDS, startBench, until } from './wire-bench.ts';

const socat = findProgram('socat');
const TIMEOUT_MS = 200;

test('modbus-serial alone shifts every value after one late reply', async () => {
  const peer = new ScriptedPeer('modbus-rtu');
  onTestFinished(() => peer.close());
  const port = await peer.listen();
  // As the published reproduction: the first reply comes when the second request has gone out.
  peer.script = ({ request, send, right }) => {
    send(right, request.index === 0 ? 1.4 * TIMEOUT_MS : 5);
  };
  const client = new modbusSerial.default();
  await client.connectTelnet('127.0.0.1', { port });
  onTestFinished(() => {
    client.destroy(() => undefined);
  });
  client.setID(1);
  client.setTimeout(TIMEOUT_MS);
  const got: (number | undefined)[] = [];
  for (const address of [100, 200, 300, 400, 500, 600]) {
    if (address === 300)
      await until(() => performance.now() > peer.requests[0]!.atMs + 2 * TIMEOUT_MS, 5000, 'time');
    try {
      got.push((await client.readInputRegisters(address, 2)).data[0]);
    } catch {
      got.push(undefined);
    }
  }
  const at = (address: number): number => registerOf(1, address);
  expect(got).toEqual([undefined, at(200), at(100), at(300), at(400), at(500)]);
});

for (const kind of KINDS) {
  const testHere = testWith(kind === 'modbus-rtu' ? { socat } : {});
  const form = formOf(kind);
  const reads = [100, 200, 300].map((address) => ({
    table: 'input' as const,
    address,
    count: 2,
    alternateCount: 3,
  }));
  const strict = reads.map((read) => ({ ...read, alternateCount: 2 }));

  describe(`${kind}: no value shifts`, () => {
    testHere.concurrent('after one late reply, whenever it comes', async ({ onTestFinished }) => {
      const bench = await startBench(kind, socat);
      onTestFinished(bench.close);
      const { peer, exchanges } = bench;
      let lateCount = 0;
      // Every ninth reply is late, each time by another time: within the quarantine and after it.
      peer.script = ({ request, send, right }) => {
        const late = request.index % 9 === 5;
        if (late) lateCount++;
        send(right, late ? TIMEOUT_MS + ((lateCount * 67) % (2 * TIMEOUT_MS)) : 0);
      };
      await bench.open([device('a', 1, { reads })], TIMEOUT_MS);
      await until(() => lateCount >= 5 && peer.requests.length > 50, 20_000, 'too few requests');
      expect(firstWrongValue(exchanges)).toBeUndefined();
      expect(exchanges.filter(({ fault }) => fault === undefined).length).toBeGreaterThan(20);
    });

    testHere.concurrent(
      'after a stall that releases everything at once',
      async ({ onTestFinished }) => {
        const bench = await startBench(kind, socat);
        onTestFinished(bench.close);
        const { peer, exchanges } = bench;
        let held: PeerLine[] = [];
        let stalled = false;
        peer.script = (line) => {
          if (!stalled) {
            line.send(line.right);
            return;
          }
          held.push(line);
          if (held.length < 3) return;
          // The gateway wakes up: the answers to all that was asked come in order, and the newest is the last.
          stalled = false;
          for (const each of held) each.send(rightAnswer(form, each.request), 5);
          held = [];
        };
        for (const [source, alternateCount] of [['a', 3] as const, ['b', 2] as const]) {
          exchanges.length = 0;
          const one = [{ table: 'input' as const, address: 100, count: 2, alternateCount }];
          // Each request asks elsewhere, so that a stale answer is a wrong one.
          const moving = [...one, { ...one[0]!, address: 300 }, { ...one[0]!, address: 500 }];
          const wire = await bench.open([device(source, 1, { reads: moving })], TIMEOUT_MS);
          await until(() => exchanges.length > 4, 10_000, 'nothing was read');
          stalled = true;
          await until(() => !stalled, 15_000, 'the stall did not end');
          const from = exchanges.length;
          await until(
            () => exchanges.slice(from).filter(({ fault }) => fault === undefined).length >= 6,
            15_000,
            'it did not recover',
          );
          expect(firstWrongValue(exchanges)).toBeUndefined();
          await wire.close();
        }
      },
    );

    testHere.concurrent('when every reply comes twice', async ({ onTestFinished }) => {
      for (const doubled of [reads, strict]) {
        const bench = await startBench(kind, socat);
        onTestFinished(bench.close);
        const { peer, exchanges } = bench;
        let n = 0;
        peer.script = ({ send, right }) => {
          send(right);
          send(right, 1 + (n++ % 25));
        };
        await bench.open([device('a', 1, { reads: doubled, poll: fromMs(100) })], 60);
        await until(
          () => exchanges.filter(({ fault }) => fault === undefined).length >= 15,
          15_000,
          'too little was read',
        );
        expect(firstWrongValue(exchanges)).toBeUndefined();
      }
    });

    testHere.concurrent(
      'when bytes come before the request has left',
      async ({ onTestFinished }) => {
        const bench = await startBench(kind, socat);
        onTestFinished(bench.close);
        const { peer, exchanges } = bench;
        peer.script = (line) => {
          line.send(line.right);
          // What would be the answer to a request that has not been made.
          const next = { ...line.request, count: 5 - line.request.count, address: 4000 };
          setTimeout(() => {
            if (peer.requests.length === line.request.index + 1) line.send(rightAnswer(form, next));
          }, 8);
        };
        // So far apart that the forgery is on our side of the line before the next request: behind it, it is an answer.
        const slow = { reads: reads.slice(0, 1), poll: fromMs(500) };
        await bench.open([device('a', 1, slow)], TIMEOUT_MS);
        await until(() => exchanges.length >= 8, 15_000, 'too little was read');
        expect(firstWrongValue(exchanges)).toBeUndefined();
        expect(exchanges.filter(({ fault }) => fault === undefined).length).toBeGreaterThan(4);
      },
    );
  });
}

for (const kind of ['modbus-rtu-tcp', 'modbus-rtu'] as const) {
  testWith(kind === 'modbus-rtu' ? { socat } : {})(
    `${kind}: two requests of one length to a unit are a longest reply time apart; others are alternated`,
    async () => {
      const bench = await startBench(kind, socat);
      onTestFinished(bench.close);
      const read = { table: 'input' as const, address: 100, count: 2 };
      await bench.open(
        [
          device('equal', 1, { reads: [{ ...read, alternateCount: 2 }] }),
          device('other', 2, { reads: [{ ...read, alternateCount: 3 }] }),
        ],
        120,
      );
      const to = (unit: number) => bench.peer.requests.filter((request) => request.unit === unit);
      await until(() => to(1).length >= 6, 10_000, 'too few requests');
      const equal = to(1);
      for (let n = 1; n < equal.length; n++)
        expect(equal[n]!.atMs - equal[n - 1]!.atMs).toBeGreaterThan(110);
      const counts = to(2).map(({ count }) => count);
      expect(counts.slice(0, 6)).toEqual([2, 3, 2, 3, 2, 3]);
      // The one that must wait does not make the other wait.
      expect(to(2).length).toBeGreaterThan(to(1).length);
    },
  );
}
