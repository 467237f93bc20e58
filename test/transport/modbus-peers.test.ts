// Against Modbus servers that are not ours: pymodbus on all three wires, modbus-serial's server on a serial line.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerSerial } from 'modbus-serial';
import { expect, onTestFinished } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { modbusRtu, modbusRtuTcp, modbusTcp } from '../../src/transport/modbus.ts';
import type { OpenWire } from '../../src/transport/transport.ts';
import { findProgram, findPython, freePort, testWith } from '../real-programs.ts';
import { registerOf } from './scripted-peer.ts';
import { device, firstWrongValue, Line, portsInto, until, type Kind } from './wire-bench.ts';

const socat = findProgram('socat');
const python = findPython('pymodbus');

function stopLater(child: ChildProcess): void {
  onTestFinished(() => {
    child.kill();
  });
}

/** Two pseudo-terminals joined to a line. */
async function pseudoLine(): Promise<[string, string]> {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-line-'));
  const ends: [string, string] = [join(folder, 'meter'), join(folder, 'master')];
  const args = ends.map((path) => `pty,raw,echo=0,link=${path}`);
  const child = spawn(socat ?? 'socat', args, { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => ends.every((path) => existsSync(path)), 5000, 'socat made no line');
  return ends;
}

async function reachable(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (open) return;
    await systemTimers.sleep(100);
  }
  throw new Error('the peer did not start');
}

const DEVICES = [
  device('a', 1, {
    reads: [
      { table: 'input', address: 0, count: 30, alternateCount: 31 },
      { table: 'holding', address: 1000, count: 124, alternateCount: 125 },
    ],
  }),
  device('b', 2),
  device('nobody', 9),
];

async function openTo(kind: Kind, where: string, exchanges: Exchange[]): Promise<OpenWire> {
  const tasks = { devices: DEVICES, subscriptions: [] };
  const ports = portsInto(exchanges);
  if (kind === 'modbus-rtu') {
    const line = { path: where, baud: 115_200, parity: 'none', stopBits: 1 } as const;
    return modbusRtu.open('w', { transport: kind, ...line, timeoutMs: 500 }, tasks, ports);
  }
  const wire = { transport: kind, host: '127.0.0.1', port: Number(where), timeoutMs: 500 };
  return (kind === 'modbus-tcp' ? modbusTcp : modbusRtuTcp).open('w', wire, tasks, ports);
}

async function expectGoodReadings(exchanges: Exchange[]): Promise<void> {
  const good = (source: string): number =>
    exchanges.filter((each) => each.source === source && each.fault === undefined).length;
  await until(() => good('a') >= 8 && good('b') >= 4, 20_000, 'too little was read');
  expect(firstWrongValue(exchanges)).toBeUndefined();
  expect(good('nobody')).toBe(0);
}

for (const kind of ['modbus-tcp', 'modbus-rtu-tcp', 'modbus-rtu'] as const) {
  const needs = kind === 'modbus-rtu' ? { python, socat } : { python };
  testWith(needs)(`pymodbus on ${kind}`, async () => {
    const port = await freePort();
    const script = join(import.meta.dirname, 'pymodbus-peer.py');
    const framing = kind === 'modbus-tcp' ? 'tcp' : 'rtu';
    stopLater(spawn(python ?? 'python3', [script, framing, String(port)], { stdio: 'ignore' }));
    await reachable(port);
    // Serial lines need a package that Debian keeps apart, so socat makes one of its RTU server.
    const line = kind === 'modbus-rtu' ? new Line(socat ?? 'socat', port) : undefined;
    await line?.plugIn();
    onTestFinished(() => {
      line?.remove();
    });
    const exchanges: Exchange[] = [];
    const wire = await openTo(kind, line?.path ?? String(port), exchanges);
    onTestFinished(() => wire.close());
    await expectGoodReadings(exchanges);
  });
}

testWith({ socat })('the server of modbus-serial on a serial line', async () => {
  const [meter, master] = await pseudoLine();
  const server = await new Promise<ServerSerial>((resolve, reject) => {
    const started: ServerSerial = new ServerSerial(
      {
        getInputRegister: (address: number, unit: number) => registerOf(unit, address),
        getHoldingRegister: (address: number, unit: number) => registerOf(unit, address),
      },
      {
        path: meter,
        baudRate: 115_200,
        unitID: 255,
        openCallback: (cause) => {
          if (cause) reject(cause);
          else resolve(started);
        },
      },
    );
    started.on('error', () => undefined);
    started.on('socketError', () => undefined);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  );
  const exchanges: Exchange[] = [];
  const wire = await openTo('modbus-rtu', master, exchanges);
  onTestFinished(() => wire.close());
  const good = (source: string): Exchange[] =>
    exchanges.filter((each) => each.source === source && each.fault === undefined);
  await until(() => good('a').length >= 8 && good('b').length >= 4, 10_000, 'too little was read');
  expect(firstWrongValue(exchanges)).toBeUndefined();
});
