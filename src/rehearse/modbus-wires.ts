// The Modbus wires of a rehearsal: TCP by modbus-serial's server, RTU on a pseudo-terminal, RTU over TCP. Every wire
// serves the same register images; a unit that does not exist is answered as a gateway does, or with silence.
import { createServer, type Server, type Socket } from 'node:net';
import { ServerTCP } from 'modbus-serial';
import type { Clock } from '../quantity/clock.ts';
import { SiteFault } from '../quantity/fault.ts';
import { openPseudoTerminal } from './pseudo-terminal.ts';
import { ModbusException, type ModbusTable, type RegisterImage } from './register-image.ts';
import { rtuResponder } from './rtu-responder.ts';

export type Units = ReadonlyMap<number, RegisterImage>;

export interface ServedPort {
  readonly port: number;
  stop(): Promise<void>;
}
export interface ServedLine {
  readonly path: string;
  stop(): Promise<void>;
}

const ILLEGAL_FUNCTION = 1;
const GATEWAY_TARGET_SILENT = 0x0b;
const FREE_PORT_TRIES = 8;

/** Modbus TCP on the port, or on a free one for 0. Throws SiteFault where the port cannot be had. */
export async function serveModbusTcp(
  host: string,
  port: number,
  units: Units,
): Promise<ServedPort> {
  const read = (table: ModbusTable, address: number, count: number, unit: number): number[] => {
    const image = units.get(unit);
    if (!image) throw new ModbusException(GATEWAY_TARGET_SILENT, `no unit ${unit}`);
    return [...image.read(table, address, count)];
  };
  const refuse = (): never => {
    throw new ModbusException(ILLEGAL_FUNCTION, 'a meter is only read');
  };
  const first = (registers: readonly number[]): number => registers[0] ?? 0;
  const vector = {
    getHoldingRegister: (address: number, unit: number) => first(read('holding', address, 1, unit)),
    getInputRegister: (address: number, unit: number) => first(read('input', address, 1, unit)),
    getMultipleHoldingRegisters: (address: number, count: number, unit: number) =>
      read('holding', address, count, unit),
    getMultipleInputRegisters: (address: number, count: number, unit: number) =>
      read('input', address, count, unit),
    getCoil: refuse,
    getDiscreteInput: refuse,
    setCoil: refuse,
    setRegister: refuse,
    setRegisterArray: refuse,
  };
  // modbus-serial takes port 0 for 502, so a free port is found first; somebody may take it in between.
  for (let tryIndex = 0; ; tryIndex += 1) {
    const wanted = port === 0 ? await findFreePort(host) : port;
    const server = new ServerTCP(vector, { host, port: wanted, unitID: 255 });
    const failure = await startedOrFailed(server);
    if (!failure) {
      return {
        port: wanted,
        stop: () =>
          new Promise((resolve) => {
            server.close(() => {
              resolve();
            });
          }),
      };
    }
    if (port !== 0 || tryIndex >= FREE_PORT_TRIES) throw portFault(host, wanted, failure);
  }
}

function startedOrFailed(server: ServerTCP): Promise<Error | undefined> {
  return new Promise((resolve) => {
    server.on('initialized', () => {
      resolve(undefined);
    });
    server.on('serverError', (error) => {
      resolve(error ?? new Error('the server did not start'));
    });
    // A client that goes away is no fault of the rack.
    server.on('socketError', () => undefined);
    server.on('error', () => undefined);
  });
}

/** Modbus RTU frames over TCP, on the port or on a free one for 0. Throws SiteFault where it cannot be had. */
export async function serveRtuOverTcp(
  host: string,
  port: number,
  units: Units,
  clock: Clock,
): Promise<ServedPort> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const responder = rtuResponder(units, clock);
    sockets.add(socket);
    socket.on('data', (bytes: Buffer) => {
      for (const reply of responder.take(bytes)) socket.write(reply);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  const got = await listen(server, host, port);
  return {
    port: got,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Modbus RTU on a pseudo-terminal. Throws where this host has none. */
export function serveRtuOnLine(units: Units, clock: Clock): ServedLine {
  const responder = rtuResponder(units, clock);
  const line = openPseudoTerminal((bytes) => {
    for (const reply of responder.take(bytes)) line.write(reply);
  });
  return {
    path: line.path,
    stop: () => {
      line.close();
      return Promise.resolve();
    },
  };
}

/** Listens and gives the port, which is the system's choice for 0. Throws SiteFault where it cannot be had. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(portFault(host, port, error));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function findFreePort(host: string): Promise<number> {
  const probe = createServer();
  const port = await listen(probe, host, 0);
  await new Promise<void>((resolve) => {
    probe.close(() => {
      resolve();
    });
  });
  return port;
}

function portFault(host: string, port: number, cause: Error): SiteFault {
  const taken = 'code' in cause && cause.code === 'EADDRINUSE';
  return new SiteFault(
    {
      where: `rehearsal ${host}:${port}`,
      what: taken ? 'the port is taken' : `cannot listen here (${cause.message})`,
      remedy: 'stop what listens there, or let the rehearsal choose free ports',
    },
    { cause },
  );
}
