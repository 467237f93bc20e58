// A real influxd 1.x for tests: its own folder, free loopback ports, nothing reported to anybody.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort } from '../real-programs.ts';

export const influxdPath = findProgram('influxd');
export const influxPath = findProgram('influx');

export interface Influxd {
  readonly url: string;
  readonly port: number;
  /** CSV of a query: records as arrays, header first. */
  ask(database: string, query: string): Promise<string[][]>;
  /** kill -9. */
  kill(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

const config = (folder: string, http: number, rpc: number, locked: boolean): string => `
reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
  logging-enabled = false
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[coordinator]
[retention]
[shard-precreation]
[monitor]
  store-enabled = false
[http]
  enabled = true
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
  auth-enabled = ${String(locked)}
[logging]
  level = "error"
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
`;

/** Makes the folder and starts it; ready when it answers. `locked`: nobody without a user gets in. */
export async function startInfluxd(locked = false): Promise<Influxd> {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-influxd-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await writeFile(join(folder, 'influxd.conf'), config(folder, port, await freePort(), locked));
  let process: ChildProcess | undefined;

  async function start(): Promise<void> {
    const child = spawn(influxdPath ?? '', ['-config', join(folder, 'influxd.conf')], {
      stdio: 'ignore',
    });
    process = child;
    for (let attempt = 0; attempt < 300; attempt++) {
      if (child.exitCode !== null) throw new Error(`influxd ended with ${child.exitCode}`);
      const ready = await fetch(`${url}/ping`).then(
        ({ status }) => status === 204,
        () => false,
      );
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('influxd did not start');
  }
  async function kill(): Promise<void> {
    const child = process;
    process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
  await start();
  return {
    url,
    port,
    start,
    kill,
    async ask(database, query) {
      const response = await fetch(
        `${url}/query?db=${encodeURIComponent(database)}&epoch=ns&q=${encodeURIComponent(query)}`,
        { method: 'POST', headers: { accept: 'application/csv' } },
      );
      return (await response.text())
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(','));
    },
    async dispose() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
