// Sets up one Modbus transport against the scripted peer, so that the same test runs on all three: TCP, RTU over TCP,
// and RTU on a pseudo-terminal that socat connects to the peer.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { fromMs } from '../../src/quantity/time.ts';
import { modbusRtu, modbusRtuTcp, modbusTcp } from '../../src/transport/modbus.ts';
import type { OpenWire, PolledDevice, TransportPorts } from '../../src/transport/transport.ts';
import { ScriptedPeer, registerOf, type PeerForm } from './scripted-peer.ts';

export const KINDS = ['modbus-tcp', 'modbus-rtu-tcp', 'modbus-rtu'] as const;
export type Kind = (typeof KINDS)[number];

export const formOf = (kind: Kind): PeerForm =>
  kind === 'modbus-tcp' ? 'modbus-tcp' : 'modbus-rtu';

export interface Bench {
  readonly peer: ScriptedPeer;
  readonly exchanges: Exchange[];
  readonly port: number;
  /** The pseudo-terminal of `modbus-rtu`. */
  readonly line: Line | undefined;
  readonly open: (
    devices: readonly PolledDevice[],
    timeoutMs?: number,
    ports?: TransportPorts,
  ) => Promise<OpenWire>;
  readonly close: () => Promise<void>;
}

/** Polls often and gives up soon, so that tests are short. */
export const device = (
  source: string,
  unit: number,
  more: Partial<PolledDevice> = {},
): PolledDevice => ({
  source,
  unit,
  reads: [{ table: 'input', address: 100, count: 4, alternateCount: 5 }],
  poll: fromMs(40),
  silenceMs: 0,
  replyTimeoutMs: undefined,
  ...more,
});

export const portsInto = (exchanges: Exchange[]): TransportPorts => ({
  clock: systemClock(),
  timers: systemTimers,
  deliver: (exchange) => {
    exchanges.push(exchange);
    return Promise.resolve();
  },
});

/** A pseudo-terminal that socat joins to a TCP port of the peer; it can be unplugged and plugged in again. */
export class Line {
  readonly path: string;
  readonly #folder: string;
  readonly #socat: string;
  readonly #port: number;
  #process: ChildProcess | undefined;

  constructor(socat: string, port: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'trueup-pty-'));
    this.path = join(this.#folder, 'line');
    this.#socat = socat;
    this.#port = port;
  }

  async plugIn(): Promise<void> {
    const ends = [`pty,raw,echo=0,link=${this.path}`, `tcp:127.0.0.1:${this.#port},nodelay`];
    this.#process = spawn(this.#socat, ends, { stdio: 'ignore' });
    await until(() => existsSync(this.path), 5000, 'socat made no pseudo-terminal');
  }

  async unplug(): Promise<void> {
    this.#process?.kill();
    await until(() => !existsSync(this.path), 5000, 'socat did not go');
  }

  remove(): void {
    this.#process?.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function startBench(kind: Kind, socat: string | undefined): Promise<Bench> {
  const peer = new ScriptedPeer(formOf(kind));
  const port = await peer.listen();
  const exchanges: Exchange[] = [];
  const cleanups: (() => void | Promise<void>)[] = [() => peer.close()];
  const line = kind === 'modbus-rtu' ? new Line(socat ?? 'socat', port) : undefined;
  if (line !== undefined) {
    await line.plugIn();
    cleanups.unshift(() => {
      line.remove();
    });
  }
  const open: Bench['open'] = async (devices, timeoutMs = 250, ports = portsInto(exchanges)) => {
    const tasks = { devices, subscriptions: [] };
    let wire: OpenWire;
    if (kind === 'modbus-rtu') {
      const rtu = { path: line?.path ?? '', baud: 115_200, parity: 'none', stopBits: 1 } as const;
      wire = await modbusRtu.open('w', { transport: kind, ...rtu, timeoutMs }, tasks, ports);
    } else {
      const transport = kind === 'modbus-tcp' ? modbusTcp : modbusRtuTcp;
      const tcp = { transport: kind, host: '127.0.0.1', port, timeoutMs };
      wire = await transport.open('w', tcp, tasks, ports);
    }
    cleanups.unshift(() => wire.close());
    return wire;
  };
  return {
    peer,
    port,
    line,
    exchanges,
    open,
    close: async () => {
      for (const cleanup of cleanups) await cleanup();
    },
  };
}

/** Waits for a condition; fails with the words given. */
export async function until(
  condition: () => boolean,
  limitMs: number,
  otherwise: string,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(otherwise);
    await systemTimers.sleep(5);
  }
}

/** Unit and PDU of a frame, and the registers that it carries. */
function registersOf(exchange: Exchange): { unit: number; registers: number[] } {
  const head = exchange.form === 'modbus-tcp' ? 6 : 0;
  const reply = Buffer.from(exchange.reply);
  const byteCount = reply.readUInt8(head + 2);
  return {
    unit: reply.readUInt8(head),
    registers: Array.from({ length: byteCount / 2 }, (_, n) =>
      reply.readUInt16BE(head + 3 + 2 * n),
    ),
  };
}

/** What each exchange without a fault must hold, by its own request; returns the first that does not. */
export function firstWrongValue(exchanges: readonly Exchange[]): Exchange | undefined {
  return exchanges.find((exchange) => {
    if (exchange.fault !== undefined) return false;
    const head = exchange.form === 'modbus-tcp' ? 6 : 0;
    const request = Buffer.from(exchange.request);
    const unit = request.readUInt8(head);
    const address = request.readUInt16BE(head + 2);
    const count = request.readUInt16BE(head + 4);
    const got = registersOf(exchange);
    return (
      got.unit !== unit ||
      got.registers.length !== count ||
      got.registers.some((word, n) => word !== registerOf(unit, address + n))
    );
  });
}
