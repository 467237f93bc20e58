// The rehearsed wires as others see them: mbpoll and modbus-serial over TCP, serialport on the pseudo-terminal, raw
// bytes with every fault a bus can have.
import { execFile } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import modbusSerial from 'modbus-serial';
import { SerialPort } from 'serialport';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rehearsalClock, startRehearsalClock, systemClock } from '../../src/cli/system-clock.ts';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { planReads } from '../../src/decode/plan-reads.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { serveRtuOnLine, serveRtuOverTcp, type Units } from '../../src/rehearse/modbus-wires.ts';
import type { Rack } from '../../src/rehearse/rack.ts';
import { ModbusException } from '../../src/rehearse/register-image.ts';
import { modbusCrc, rtuResponder } from '../../src/rehearse/rtu-responder.ts';
import { findProgram, testWith } from '../real-programs.ts';
import {
  counterUj,
  exchangeOf,
  gauge,
  profiles,
  START_NS,
  startTestRack,
} from './rehearsal-rig.ts';

const run = promisify(execFile);
let rack: Rack;
let wires: Record<string, { transport: string; port?: number; path?: string }>;

beforeAll(async () => {
  rack = await startTestRack(20);
  ({ wires } = parse(rack.siteText) as { wires: typeof wires });
  // A meter that has just been switched on shows 0 W until its first average is complete: twenty civil seconds do.
  await new Promise((resolve) => setTimeout(resolve, 1000));
});
afterAll(async () => {
  await rack.stop();
});

testWith({ mbpoll: findProgram('mbpoll') })(
  'mbpoll reads power and energy of the meter on Modbus TCP',
  async () => {
    const port = String(wires['pdu']!.port);
    const read = async (at: number, type: string, count: number): Promise<number[]> => {
      const options = [
        '-m',
        'tcp',
        '-p',
        port,
        '-a',
        '2',
        '-0',
        '-r',
        String(at),
        '-c',
        String(count),
      ];
      const { stdout } = await run('mbpoll', [
        ...options,
        '-t',
        type,
        '-B',
        '-1',
        '-q',
        '127.0.0.1',
      ]);
      return [...stdout.matchAll(/^\[\d+\]:\s+(\S+)/gm)].map((match) => Number(match[1]));
    };
    // A meter that has just been switched on shows 0 W until its first average is complete.
    const power = async (): Promise<number> => (await read(0x34, '3:float', 1))[0] ?? 0;
    await expect.poll(power, { timeout: 10_000 }).toBeGreaterThan(200);
    const powerW = await power();
    expect(powerW).toBeGreaterThan(200);
    expect(powerW).toBeLessThan(3000);
    const [energyKwh] = await read(0x48, '3:float', 1);
    const { firstRegisterUj, lastRegisterUj } = rack.truth().get('m2')!;
    // mbpoll prints six digits.
    expect(energyKwh).toBeGreaterThanOrEqual(Number(firstRegisterUj) / 3.6e12 - 0.1);
    expect(energyKwh).toBeLessThanOrEqual(Number(lastRegisterUj) / 3.6e12 + 0.1);
  },
);

test('modbus-serial reads every unit of the TCP wire; an unknown unit is the gateway exception', async () => {
  const client = new modbusSerial.default();
  await client.connectTCP('127.0.0.1', { port: wires['pdu']!.port! });
  client.setTimeout(2000);
  try {
    client.setID(1);
    const { data } = await client.readHoldingRegisters(3203, 4);
    const countWh = data.reduce((sum, register) => sum * 65_536n + BigInt(register), 0n);
    const truth = rack.truth().get('m1')!;
    expect(countWh * 3_600_000_000n >= truth.firstRegisterUj).toBe(true);
    expect(countWh * 3_600_000_000n <= truth.lastRegisterUj).toBe(true);
    await expect(client.readHoldingRegisters(9, 1)).rejects.toMatchObject({ modbusCode: 2 });
    client.setID(77);
    await expect(client.readHoldingRegisters(3203, 4)).rejects.toMatchObject({ modbusCode: 11 });
    client.setID(1);
    await expect(client.writeRegister(3203, 1)).rejects.toMatchObject({ modbusCode: 1 });
  } finally {
    await new Promise<void>((resolve) => {
      client.close(() => {
        resolve();
      });
    });
  }
});

const onLinux = process.platform === 'linux';
test.skipIf(!onLinux)(
  'the serial bus is a real line: serialport reads the meter, twice in a row',
  async () => {
    expect(wires['bus']).toMatchObject({ transport: 'modbus-rtu', baud: 19_200, parity: 'even' });
    expect(rack.trouble).toEqual([]);
    for (let round = 0; round < 2; round += 1) {
      const port = new SerialPort({ path: wires['bus']!.path!, baudRate: 19_200, parity: 'even' });
      const observations = [];
      const profile = profiles.get('abb-b23')!;
      for (const read of planReads(profile)) {
        const request = framed([3, 3, read.address >> 8, read.address & 255, 0, read.count]);
        const reply = await answerOn(port, request, 5 + 2 * read.count);
        observations.push(
          ...decodeExchange(profile, exchangeOf({ form: 'modbus-rtu', request, reply }), {
            id: 'm3',
            unit: 3,
            topic: '',
          }),
        );
      }
      await new Promise((resolve) => {
        port.close(resolve);
      });
      expect(observations.filter((each) => each.kind === 'gap')).toEqual([]);
      expect(gauge(observations, 'power_active')).toBeGreaterThan(100);
      const truth = rack.truth().get('m3')!;
      const energyUj = counterUj(observations)!;
      expect(energyUj >= truth.firstRegisterUj && energyUj <= truth.lastRegisterUj).toBe(true);
    }
  },
);

const units: Units = new Map([
  [
    5,
    {
      read: (_table, address, count) => {
        if (address === 99) throw new ModbusException(2, 'no register');
        if (address === 98) throw new Error('broken');
        return Array.from({ length: count }, (_, index) => address + index);
      },
    },
  ],
]);

test('RTU: split, noise before, wrong CRC, foreign units and broadcasts', () => {
  const { take } = rtuResponder(units, systemClock());
  const ask = framed([5, 3, 0, 10, 0, 2]);
  const good = framed([5, 3, 4, 0, 10, 0, 11]);
  expect(take(ask)).toEqual([good]);
  expect(take(ask.subarray(0, 3))).toEqual([]);
  expect(take(ask.subarray(3))).toEqual([good]);
  expect(take(Buffer.concat([Buffer.from([0xff, 5, 3]), ask]))).toEqual([good]);
  expect(take(Buffer.concat([ask, framed([6, 3, 0, 10, 0, 2]), ask]))).toEqual([good, good]);
  const broken = Buffer.from(ask);
  broken[7] = (broken[7]! + 1) & 255;
  expect(take(broken)).toEqual([]);
  expect(take(ask)).toEqual([good]);
  expect(take(framed([0, 3, 0, 10, 0, 2]))).toEqual([]);
  expect(take(framed([5, 6, 0, 10, 0, 2]))).toEqual([framed([5, 0x86, 1])]);
  expect(take(framed([5, 4, 0, 99, 0, 2]))).toEqual([framed([5, 0x84, 2])]);
  expect(take(framed([5, 3, 0, 98, 0, 2]))).toEqual([framed([5, 0x83, 4])]);
});

test('CRC-16 of the standard: the reference value of "123456789"', () => {
  expect(modbusCrc(Buffer.from('123456789'))).toBe(0x4b37);
});

test('a torn request is forgotten after a pause', async () => {
  const clock = rehearsalClock(startRehearsalClock(START_NS, 1));
  const { take } = rtuResponder(units, clock);
  const ask = framed([5, 3, 0, 10, 0, 2]);
  expect(take(ask.subarray(0, 5))).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(take(ask)).toEqual([framed([5, 3, 4, 0, 10, 0, 11])]);
});

test('RTU over TCP answers each connection on its own and survives one that breaks', async () => {
  const served = await serveRtuOverTcp('127.0.0.1', 0, units, systemClock());
  const rude = connect(served.port, '127.0.0.1');
  rude.on('error', () => undefined);
  rude.write(framed([5, 3, 0, 10, 0, 2]).subarray(0, 4));
  rude.resetAndDestroy();
  const client = connect(served.port, '127.0.0.1');
  client.write(framed([5, 4, 0, 1, 0, 1]));
  const reply = await new Promise((resolve) => client.once('data', resolve));
  expect(reply).toEqual(framed([5, 4, 2, 0, 1]));
  client.destroy();
  await served.stop();
  await expect(reachable(served.port)).resolves.toBe(false);
});

test.skipIf(!onLinux)('a full line that nobody reads does not stop the rack', async () => {
  const line = serveRtuOnLine(units, systemClock());
  const port = new SerialPort({ path: line.path, baudRate: 115_200 });
  const ask = framed([5, 3, 0, 10, 0, 100]);
  await new Promise((resolve) => port.once('open', resolve));
  port.pause();
  for (let index = 0; index < 200; index += 1) port.write(ask);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await new Promise((resolve) => {
    port.close(resolve);
  });
  await line.stop();
});

test('a port that is taken stops the start with a remedy and leaves nothing running', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  for (const wire of ['pdu', 'gateway', 'broker'] as const) {
    const start = startTestRack(10, { tcpPorts: { [wire]: port } });
    await expect(start).rejects.toThrow(SiteFault);
    await expect(start).rejects.toThrow(new RegExp(`${port}: the port is taken`));
  }
  taken.close();
});

const reachable = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });

function framed(bytes: readonly number[]): Buffer {
  const frame = Buffer.from([...bytes, 0, 0]);
  frame.writeUInt16LE(modbusCrc(frame.subarray(0, -2)), frame.length - 2);
  return frame;
}

function answerOn(port: SerialPort, request: Buffer, sizeBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const timer = setTimeout(() => {
      reject(new Error(`only ${got.toString('hex')}`));
    }, 3000);
    const take = (bytes: Buffer): void => {
      got = Buffer.concat([got, bytes]);
      if (got.length < sizeBytes) return;
      clearTimeout(timer);
      port.off('data', take);
      resolve(got);
    };
    port.on('data', take);
    port.write(request);
  });
}
