// The contract of transports for instruments with a command line, against a server of lines; and what such an instrument can
// do wrong. No instrument of a maker stands here: the profile that uses this is drafted.
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { scpi } from '../../src/transport/scpi.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { ScpiWire } from '../../src/quantity/site.ts';
import type { OpenWire, PolledDevice } from '../../src/transport/transport.ts';
import { polledTransportContract, type PolledRig } from '../contracts/transport-contract.ts';
import { device, portsInto, until } from './wire-bench.ts';

const wireTo = (port: number): ScpiWire => ({
  transport: 'scpi',
  host: '127.0.0.1',
  port,
  timeoutMs: 250,
});

class LineServer {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  port = 0;

  constructor(answer: (line: string, socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      let pending = '';
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (bytes) => {
        pending += bytes.toString('latin1');
        const lines = pending.split('\n');
        pending = lines.pop() ?? '';
        for (const line of lines) answer(line, socket);
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => {
      this.#server.listen(this.port, '127.0.0.1', done);
    });
    const address = this.#server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
    return this.port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => {
      this.#server.close(() => {
        done();
      });
    });
  }
}

const truth = (line: string): string => `${String(line.length)},${line.replaceAll(/[:?,]/g, '')}`;
const asLines = (polled: PolledDevice): PolledDevice => ({
  ...polled,
  reads: [],
  asks:
    polled.asks ??
    polled.reads.map(
      ({ address, count }) => `:UNIT${String(polled.unit)}:VAL${String(address)},${String(count)}?`,
    ),
});

const start = async (): Promise<PolledRig> => {
  const server = new LineServer((line, socket) => {
    if (!line.startsWith(':UNIT66:')) socket.write(`${truth(line)}\n`);
  });
  await server.listen();
  const wires: OpenWire[] = [];
  return {
    open: async (devices, ports) => {
      const tasks = { devices: devices.map(asLines), subscriptions: [] };
      const wire = await scpi.open('w', wireTo(server.port), tasks, ports);
      wires.push(wire);
      return wire;
    },
    firstWrongValue: (exchanges) =>
      exchanges.find(
        ({ fault, request, reply }) =>
          fault === undefined &&
          Buffer.from(reply).toString() !== `${truth(Buffer.from(request).toString())}\n`,
      ),
    breakWire: () => server.close(),
    restore: async () => {
      await server.listen();
    },
    wrongs: [
      { asks: [] },
      { asks: [''] },
      { asks: [':RATE 100MS'] },
      { asks: [':VAL?\n:RST?'] },
      { asks: [':VAL?'], poll: 0n as PolledDevice['poll'] },
    ],
    close: async () => {
      for (const wire of wires) await wire.close();
      await server.close().catch(() => undefined);
    },
  };
};

polledTransportContract('scpi', test, start, { device, portsInto, until });

async function exchangesWith(
  answer: (line: string, socket: Socket) => void,
  count: number,
): Promise<Exchange[]> {
  const server = new LineServer(answer);
  const port = await server.listen();
  const exchanges: Exchange[] = [];
  const tasks = { devices: [asLines(device('m', 1, { asks: [':VAL?'] }))], subscriptions: [] };
  const wire = await scpi.open('w', wireTo(port), tasks, portsInto(exchanges));
  onTestFinished(async () => {
    await wire.close();
    await server.close();
  });
  await until(() => exchanges.length >= count, 10_000, 'too little came');
  return exchanges;
}

describe('what an instrument can do wrong', () => {
  test.each<[string, (line: string, socket: Socket) => void, string]>([
    ['it does not answer', () => undefined, 'transport.timeout'],
    ['it answers twice at once', (_, socket) => void socket.write('1\n2\n'), 'transport.foreign'],
    [
      'it never ends its line',
      (_, socket) => void socket.write('9'.repeat(9000)),
      'transport.oversize',
    ],
    ['it hangs up', (_, socket) => void socket.destroy(), 'transport.closed'],
  ])('%s', async (_, answer, fault) => {
    const exchanges = await exchangesWith(answer, 3);
    expect(exchanges.some((exchange) => exchange.fault === fault)).toBe(true);
    expect(exchanges.every((exchange) => exchange.fault !== undefined)).toBe(true);
  });

  test('a late line goes down with its connection', async () => {
    let asked = 0;
    const exchanges = await exchangesWith((_, socket) => {
      asked += 1;
      const mine = asked;
      setTimeout(() => socket.write(`${String(mine)}\n`), mine % 2 === 0 ? 0 : 300);
    }, 12);
    const told = exchanges.filter(({ fault }) => fault === undefined);
    expect(told.length).toBeGreaterThan(0);
    for (const { reply } of told) expect(Number(Buffer.from(reply).toString()) % 2).toBe(0);
  });
});
