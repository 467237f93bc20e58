// Connections and adapters come and go: refused, reset, half closed, gone without a word, unplugged, or somebody else's.
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { SiteFault } from '../../src/quantity/fault.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { modbusRtu, modbusTcp } from '../../src/transport/modbus.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { ScriptedPeer } from './scripted-peer.ts';
import { device, firstWrongValue, portsInto, startBench, until } from './wire-bench.ts';

const socat = findProgram('socat');
const TCP_KINDS = ['modbus-tcp', 'modbus-rtu-tcp'] as const;
const goodIn = (exchanges: readonly Exchange[]): number =>
  exchanges.filter(({ fault }) => fault === undefined).length;

test('a peer that is not there yet is waited for, with gaps meanwhile', async () => {
  const port = await freePort();
  const exchanges: Exchange[] = [];
  const wire = await modbusTcp.open(
    'w',
    { transport: 'modbus-tcp', host: '127.0.0.1', port, timeoutMs: 250 },
    { devices: [device('a', 1)], subscriptions: [] },
    portsInto(exchanges),
  );
  onTestFinished(() => wire.close());
  await until(() => exchanges.length >= 2, 5000, 'no gap was told');
  expect(new Set(exchanges.map(({ fault }) => fault))).toEqual(new Set(['transport.closed']));
  expect(wire.health()).toMatchObject({ connected: false, exchangesCount: 0 });
  expect(wire.health().trouble).toContain('ECONNREFUSED');
  const peer = new ScriptedPeer('modbus-tcp');
  onTestFinished(() => peer.close());
  await peer.listen(port);
  await until(() => goodIn(exchanges) >= 3, 15_000, 'the peer was not found');
});

for (const kind of TCP_KINDS) {
  test(`${kind}: a reset in the middle of a request is a gap, and the wire returns`, async () => {
    const bench = await startBench(kind, undefined);
    onTestFinished(bench.close);
    const { peer, exchanges } = bench;
    peer.script = ({ request, send, right, socket }) => {
      if (request.index === 4) socket.resetAndDestroy();
      else send(right);
    };
    await bench.open([device('a', 1)]);
    await until(() => goodIn(exchanges) >= 10, 15_000, 'it did not return');
    const closed = exchanges.find(({ fault }) => fault === 'transport.closed');
    expect(closed?.request.length).toBeGreaterThan(0);
    expect(peer.connectionsCount).toBe(2);
    expect(firstWrongValue(exchanges)).toBeUndefined();
  });

  test(`${kind}: half closed is closed`, async () => {
    const bench = await startBench(kind, undefined);
    onTestFinished(bench.close);
    const { peer, exchanges } = bench;
    peer.script = ({ request, send, right, socket }) => {
      if (request.index === 4) socket.end(right.subarray(0, 4));
      else send(right);
    };
    await bench.open([device('a', 1)]);
    await until(() => goodIn(exchanges) >= 10, 15_000, 'it did not return');
    expect(peer.connectionsCount).toBe(2);
    expect(firstWrongValue(exchanges)).toBeUndefined();
  });

  test(`${kind}: a connection that swallows everything is given up and made anew`, async () => {
    const bench = await startBench(kind, undefined);
    onTestFinished(bench.close);
    const { peer, exchanges } = bench;
    let deaf: Socket | undefined;
    peer.script = ({ request, send, right, socket }) => {
      if (request.index === 4) deaf = socket;
      if (socket !== deaf) send(right);
    };
    await bench.open([device('a', 1)], 150);
    await until(() => peer.connectionsCount >= 2, 15_000, 'it clung to the dead connection');
    const from = exchanges.length;
    await until(() => goodIn(exchanges.slice(from)) >= 3, 15_000, 'it did not return');
    expect(firstWrongValue(exchanges)).toBeUndefined();
  });
}

test('a host that takes the connection and floods it costs neither memory nor life', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const flood = Buffer.alloc(65_536, 0x41);
    const pour = (): void => {
      while (!socket.destroyed && socket.write(flood));
    };
    socket.on('drain', pour);
    pour();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const exchanges: Exchange[] = [];
  const wire = await modbusTcp.open(
    'w',
    { transport: 'modbus-tcp', host: '127.0.0.1', port, timeoutMs: 100 },
    { devices: [device('a', 1)], subscriptions: [] },
    portsInto(exchanges),
  );
  await until(() => exchanges.length >= 5, 10_000, 'nothing was told');
  expect(goodIn(exchanges)).toBe(0);
  for (const { reply } of exchanges) expect(reply.length).toBeLessThanOrEqual(512);
  await wire.close();
});

test('a serial port that is not there is the operator’s fault, with a remedy', async () => {
  const opening = modbusRtu.open(
    'bus',
    {
      transport: 'modbus-rtu',
      path: '/dev/serial-that-is-not-there',
      baud: 9600,
      parity: 'none',
      stopBits: 1,
      timeoutMs: 200,
    },
    { devices: [device('a', 1)], subscriptions: [] },
    portsInto([]),
  );
  await expect(opening).rejects.toBeInstanceOf(SiteFault);
  await expect(opening).rejects.toMatchObject({
    notice: { where: 'wires/bus/path', remedy: expect.stringContaining('plug') as string },
  });
});

testWith({ socat })(
  'the second master of a serial line is refused, the first lives on',
  async () => {
    const bench = await startBench('modbus-rtu', socat);
    onTestFinished(bench.close);
    await bench.open([device('a', 1)]);
    const second = bench.open([device('b', 2)]);
    await expect(second).rejects.toBeInstanceOf(SiteFault);
    await expect(second).rejects.toThrow(/another program is master of this line/);
    const from = bench.exchanges.length;
    await until(() => goodIn(bench.exchanges.slice(from)) >= 3, 10_000, 'the first was disturbed');
    expect(bench.exchanges.every(({ source }) => source === 'a')).toBe(true);
  },
);

testWith({ socat })('a serial port is free again after close', async () => {
  const bench = await startBench('modbus-rtu', socat);
  onTestFinished(bench.close);
  const first = await bench.open([device('a', 1)]);
  await first.close();
  await bench.open([device('b', 1)]);
  await until(
    () => goodIn(bench.exchanges.filter(({ source }) => source === 'b')) >= 2,
    10_000,
    'no',
  );
});
