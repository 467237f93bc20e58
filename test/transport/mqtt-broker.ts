// A real mosquitto in a temporary directory, and the small things that its tests need: a publisher, a wire, a wait.
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { MqttWire } from '../../src/quantity/site.ts';
import type { TransportPorts, WireTasks } from '../../src/transport/transport.ts';
import { findProgram, freePort } from '../real-programs.ts';

export interface Broker {
  readonly port: number;
  readonly folder: string;
  readonly url: string;
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export interface BrokerOptions {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: boolean;
  /** False spares the broker a save per message: for tests that do not restart it. */
  readonly persistence?: boolean;
  readonly extra?: readonly string[];
}

/** Starts a mosquitto that keeps its sessions on disk. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-mqtt-'));
  const port = await freePort();
  if (options.tls) makeCertificates(folder);
  if (options.username !== undefined) {
    execFileSync(findProgram('mosquitto_passwd') ?? '', [
      '-b',
      '-c',
      join(folder, 'passwords'),
      options.username,
      options.password ?? '',
    ]);
  }
  const lines = [
    `listener ${String(port)} 127.0.0.1`,
    ...(options.persistence === false
      ? ['persistence false']
      : [
          'persistence true',
          `persistence_location ${folder}/`,
          'autosave_interval 1',
          'autosave_on_changes true',
        ]),
    'max_inflight_messages 500',
    'max_queued_messages 100000',
    'log_dest none',
    // As root mosquitto would become its own user, who may not write here.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    ...(options.username === undefined
      ? ['allow_anonymous true']
      : ['allow_anonymous false', `password_file ${folder}/passwords`]),
    ...(options.tls ? [`certfile ${folder}/server.crt`, `keyfile ${folder}/server.key`] : []),
    ...(options.extra ?? []),
  ];
  await writeFile(join(folder, 'mosquitto.conf'), lines.join('\n') + '\n');
  let child: ChildProcess | undefined;
  const broker: Broker = {
    port,
    folder,
    url: `${options.tls ? 'mqtts' : 'mqtt'}://127.0.0.1:${String(port)}`,
    start: async () => {
      child = spawn(findProgram('mosquitto') ?? '', ['-c', join(folder, 'mosquitto.conf')], {
        stdio: 'ignore',
      });
      await until(() => accepts(port), 'mosquitto listens');
    },
    stop: async (signal = 'SIGTERM') => {
      const running = child;
      child = undefined;
      if (!running || running.exitCode !== null) return;
      const gone = new Promise((resolve) => running.once('exit', resolve));
      running.kill(signal);
      await gone;
    },
    remove: async () => {
      await broker.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  await broker.start();
  return broker;
}

function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync(findProgram('openssl') ?? '', args, { cwd: folder, stdio: 'ignore' });
  };
  for (const authority of ['ca', 'other-ca']) {
    // prettier-ignore
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${authority}`,
      '-keyout', `${authority}.key`, '-out', `${authority}.crt`);
  }
  // prettier-ignore
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=broker', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', 'server.key', '-out', 'server.csr');
  // prettier-ignore
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
    '-copy_extensions', 'copy', '-out', 'server.crt');
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

/** Waits until the condition holds, for at most ten seconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not come about: ${what}`);
    await systemTimers.sleep(10);
  }
}

export const publisher = (broker: Broker, options: object = {}): Promise<MqttClient> =>
  connectAsync(broker.url, { reconnectPeriod: 50, ...options });

export const wireTo = (broker: Broker, more: Partial<MqttWire> = {}): MqttWire => ({
  transport: 'mqtt',
  url: broker.url,
  clientId: 'trueup-test',
  username: undefined,
  password: undefined,
  caFile: undefined,
  ...more,
});

export const subscribing = (...pairs: readonly (readonly [string, string])[]): WireTasks => ({
  devices: [],
  subscriptions: pairs.map(([source, topic]) => ({ source, topic })),
});

/** Ports whose ledger is a list; `deliver` may be replaced. */
export function portsInto(
  exchanges: Exchange[],
  deliver: (exchange: Exchange) => Promise<void> = () => Promise.resolve(),
): TransportPorts {
  return {
    clock: systemClock(),
    timers: systemTimers,
    deliver: (exchange) => {
      exchanges.push(exchange);
      return deliver(exchange);
    },
  };
}

export const textOf = (exchange: Exchange | undefined): string =>
  Buffer.from(exchange?.reply ?? []).toString();
