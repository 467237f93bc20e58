// Real agents that others wrote, started on loopback: snmpsim (Python) with walks that are constructed by hand, and snmpd
// (C, Net-SNMP). Both end with the test that started them.
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Walks of PDUs, written by hand from the makers' MIBs: no device ever sent them. The name is community and context. */
const WALKS = join(import.meta.dirname, 'snmp');

/** A UDP port on loopback that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

/** Resolves when the program has said the word; it is ended with the test. */
async function saying(
  word: string,
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ChildProcess> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  onTestFinished(() => end(child));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(word)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => {
      reject(new Error(`${program} ended: ${said.slice(-2000)}`));
    });
    setTimeout(() => {
      reject(new Error(`${program} did not start: ${said.slice(-2000)}`));
    }, 30_000).unref();
  });
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await ended;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'trueup-snmp-'));
  chmodSync(path, 0o777);
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** snmpsim with the constructed walks; returns its port. */
export async function startSnmpsim(
  program: string,
  users: readonly string[] = [],
): Promise<number> {
  const port = await freeUdpPort();
  const asNobody =
    process.getuid?.() === 0 ? ['--process-user=nobody', '--process-group=nogroup'] : [];
  await saying('Listening at UDP', program, [
    ...asNobody,
    `--data-dir=${WALKS}`,
    `--cache-dir=${folder()}`,
    `--agent-udpv4-endpoint=127.0.0.1:${port}`,
    ...users,
  ]);
  return port;
}

export interface Snmpd {
  readonly port: number;
  /** As after a reboot: its engine counts one boot more. */
  restart(): Promise<void>;
}

/** snmpd with one user (authPriv, SHA-256 and AES-128) and some objects of an APC PDU. */
export async function startSnmpd(program: string): Promise<Snmpd> {
  const port = await freeUdpPort();
  const home = folder();
  // Not snmpd.conf: under that name it keeps what it learns, its boots among it.
  const config = join(home, 'agent.conf');
  writeFileSync(
    config,
    [
      `agentaddress udp:127.0.0.1:${port}`,
      'createUser trueup SHA-256 authpassword1 AES privpassword1',
      'rouser trueup authpriv',
      'rocommunity measured 127.0.0.1',
      'override 1.3.6.1.4.1.318.1.1.26.9.4.3.1.6.7 integer 31',
      'override 1.3.6.1.4.1.318.1.1.26.9.4.3.1.7.7 integer 703',
      'override 1.3.6.1.4.1.318.1.1.26.9.4.3.1.11.7 integer 12345',
      'override 1.3.6.1.4.1.318.1.1.26.4.3.1.15.1 octet_str "05/30/2011 00:12:17"',
      '',
    ].join('\n'),
  );
  const start = (): Promise<ChildProcess> =>
    saying('NET-SNMP version', program, ['-f', '-Lo', '-C', '-c', config], {
      SNMP_PERSISTENT_DIR: home,
      MIBS: '',
    });
  let child = await start();
  return {
    port,
    restart: async () => {
      await end(child);
      child = await start();
    },
  };
}
