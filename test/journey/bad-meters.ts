// Meters that lie, fall silent or speak nonsense, on real sockets: what a site has on a bad day. Each knows what it truly
// counted, so that a test can tell whether energy was invented.
import { createServer, type Server } from 'node:net';
import { ServerTCP } from 'modbus-serial';
import { freePort } from '../real-programs.ts';

/** What a unit answers: its energy register in kWh (NaN included), or the Modbus exception with this code. */
export type Answer = { readonly kwh: number } | { readonly exceptionCode: number };

export interface ModbusHouse {
  readonly port: number;
  /** Lowest and highest energy of each unit that was handed out, kWh, and how often it was asked. */
  readonly asked: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

const ENERGY_AT = 0x48;

/** SDM120 meters behind one Modbus TCP port; `answer` says what a unit shows at its nth reading of the energy register. */
export async function modbusHouse(
  answer: (unit: number, turnIndex: number) => Answer,
): Promise<ModbusHouse> {
  const port = await freePort();
  const asked = new Map<number, number>();
  const refuse = (exceptionCode: number): never => {
    throw Object.assign(new Error('refused'), { modbusErrorCode: exceptionCode });
  };
  const server = new ServerTCP(
    {
      getMultipleInputRegisters: (address: number, count: number, unit: number): number[] => {
        const hasEnergy = address <= ENERGY_AT && address + count >= ENERGY_AT + 2;
        const turn = asked.get(unit) ?? 0;
        if (hasEnergy) asked.set(unit, turn + 1);
        const shown = answer(unit, turn);
        if ('exceptionCode' in shown && (hasEnergy || shown.exceptionCode === 11)) {
          return refuse(shown.exceptionCode);
        }
        const words = Buffer.alloc(2 * count);
        if (hasEnergy && 'kwh' in shown) {
          words.writeFloatBE(shown.kwh, 2 * (ENERGY_AT - address));
        }
        return Array.from({ length: count }, (_, at) => words.readUInt16BE(2 * at));
      },
    },
    { host: '127.0.0.1', port, unitID: 255 },
  );
  server.on('socketError', () => undefined);
  await new Promise((resolve) => server.once('initialized', resolve));
  return {
    port,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}

/** Answers each request well formed, with plenty of energy, but in the name of the unit next door. */
export async function wrongUnitMeter(): Promise<{ port: number; close: () => Promise<void> }> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (request) => {
      const count = request.readUInt16BE(10);
      const reply = Buffer.alloc(9 + 2 * count, 0x44);
      request.copy(reply, 0, 0, 8);
      reply.writeUInt16BE(3 + 2 * count, 4);
      reply.writeUInt8(request.readUInt8(6) + 1, 6);
      reply.writeUInt8(2 * count, 8);
      socket.write(reply);
    });
  });
  const sockets = new Set<{ destroy: () => void }>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
}

/** Takes connections and requests, and never says a word. */
export async function deadMeter(): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<{ destroy: () => void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
}

export interface NodeSays {
  readonly node: string;
  readonly bootId: string;
  readonly seq: number;
  readonly energyUj: bigint;
}

export const nodeMessage = ({ node, bootId, seq, energyUj }: NodeSays): string =>
  JSON.stringify({
    v: 1,
    node,
    boot_id: bootId,
    seq: String(seq),
    counters: [
      {
        source: 'rapl:package-0',
        unit: 'uJ',
        value: energyUj.toString(),
        max: '262143328850',
      },
    ],
  });
