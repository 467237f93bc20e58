// How many polls a second, and what CPU they cost: ours, modbus-serial, jsmodbus, and libmodbus in C, each alone against the
// same libmodbus server. A table for people; one JSON object with --json. What cannot be built or found is named as skipped.
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const HERE = import.meta.dirname;
const YARDSTICK = 'libmodbus (C)';
/** What a poll of ours is to reach at the most connections, of the polls of each peer in the same run. */
const GOALS: Readonly<Record<string, number>> = {
  [YARDSTICK]: 0.65,
  'modbus-serial': 1.5,
  jsmodbus: 2,
};
/** Linux counts the CPU of processes in hundredths of a second. */
const TICKS_PER_S = 100;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    connections: { type: 'string', default: '1,16,64' },
    seconds: { type: 'string', default: '1.5' },
    rounds: { type: 'string', default: '3' },
  },
});
const connectionsCounts = options.connections.split(',').map(Number);
const seconds = Number(options.seconds);
const roundsCount = Number(options.rounds);

interface Row {
  readonly peer: string;
  readonly connectionsCount: number;
  readonly pollsPerS: number;
  readonly cpuPercent: number;
  readonly cpuUsPerPoll: number;
  /** Of one core: at 100 the server, and not the client, sets the pace. */
  readonly serverCpuPercent: number;
}

const run = promisify(execFile);

function compile(folder: string, name: string): string {
  const program = join(folder, name);
  const flags = ['-O2', '-o', program, join(HERE, `polls.${name}.c`), '-I/usr/include/modbus'];
  execFileSync('gcc', [...flags, '-lmodbus', '-lpthread'], { stdio: 'pipe' });
  return program;
}

function hasJsModbus(): boolean {
  try {
    createRequire(import.meta.url).resolve('jsmodbus');
    return true;
  } catch {
    return false;
  }
}

async function startServer(program: string): Promise<{ server: ChildProcess; port: string }> {
  const server = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  return { server, port: line.toString().trim() };
}

/** CPU seconds that a process has used, user and system. */
function cpuSOf(process: ChildProcess): number {
  const stat = readFileSync(`/proc/${process.pid ?? 0}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

async function measure(
  peer: string,
  connectionsCount: number,
  program: string,
  args: readonly string[],
  server: ChildProcess,
): Promise<Row> {
  const beganServerS = cpuSOf(server);
  const beganMs = performance.now();
  const { stdout } = await run(program, args);
  const serverCpuPercent =
    (1e5 * (cpuSOf(server) - beganServerS)) / Math.max(1, performance.now() - beganMs);
  const report: unknown = JSON.parse(stdout);
  if (typeof report !== 'object' || report === null) throw new Error(`${peer} reported nothing`);
  const { pollsCount, cpuS, tookS } = report as Record<'pollsCount' | 'cpuS' | 'tookS', number>;
  return {
    peer,
    connectionsCount,
    pollsPerS: Math.round(pollsCount / tookS),
    cpuPercent: Math.round((100 * cpuS) / tookS),
    cpuUsPerPoll: Math.round((1e7 * cpuS) / pollsCount) / 10,
    serverCpuPercent: Math.round(serverCpuPercent),
  };
}

function median(rounds: readonly Row[]): Row {
  const middle = (read: (row: Row) => number): number => {
    const sorted = rounds.map(read).sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  };
  return {
    peer: rounds[0]?.peer ?? '',
    connectionsCount: rounds[0]?.connectionsCount ?? 0,
    pollsPerS: middle((row) => row.pollsPerS),
    cpuPercent: middle((row) => row.cpuPercent),
    cpuUsPerPoll: middle((row) => row.cpuUsPerPoll),
    serverCpuPercent: middle((row) => row.serverCpuPercent),
  };
}

const loadAtStart = loadavg()[0] ?? 0;
const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
const rows: Row[] = [];
const skipped: string[] = [];
try {
  let serverProgram: string | undefined;
  try {
    serverProgram = compile(folder, 'server');
  } catch {
    skipped.push('all: gcc or libmodbus (libmodbus-dev) is missing, so there is no server');
  }
  if (serverProgram !== undefined) {
    const clientProgram = compile(folder, 'client');
    const { server, port } = await startServer(serverProgram);
    const script = [...process.execArgv, join(HERE, 'polls.peers.ts')];
    const jsPeers = ['trueup', 'modbus-serial'];
    if (hasJsModbus()) jsPeers.push('jsmodbus');
    else
      skipped.push(
        'jsmodbus: npm install --prefix FOLDER jsmodbus@5.0.0, then NODE_PATH=FOLDER/node_modules',
      );
    for (const connectionsCount of connectionsCounts) {
      const args = [port, String(connectionsCount), String(seconds)];
      const contenders: readonly (readonly [string, string, readonly string[]])[] = [
        [YARDSTICK, clientProgram, args],
        ...jsPeers.map((name) => [name, process.execPath, [...script, name, ...args]] as const),
      ];
      const measured: Row[] = [];
      // In turns, so that what else the machine does falls on all of them.
      for (let round = 0; round < roundsCount; round++)
        for (const [peer, program, peerArgs] of contenders)
          measured.push(await measure(peer, connectionsCount, program, peerArgs, server));
      for (const [peer] of contenders)
        rows.push(median(measured.filter((row) => row.peer === peer)));
    }
    server.kill();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rowOf = (peer: string, connectionsCount: number): Row | undefined =>
  rows.find((row) => row.peer === peer && row.connectionsCount === connectionsCount);

/** Our polls of each peer's in the same run. */
const ratios = connectionsCounts.flatMap((connectionsCount) => {
  const ours = rowOf('trueup', connectionsCount);
  return Object.entries(GOALS).flatMap(([peer, goalRatio]) => {
    const other = rowOf(peer, connectionsCount);
    if (ours === undefined || other === undefined) return [];
    const ratio = Math.round((100 * ours.pollsPerS) / other.pollsPerS) / 100;
    return [{ connectionsCount, peer, ratio, goalRatio }];
  });
});

if (options.json) {
  const host = { cpu: cpus()[0]?.model ?? '', coresCount: cpus().length, node: process.version };
  process.stdout.write(
    `${JSON.stringify({ benchmark: 'polls', registersCount: 20, secondsEach: seconds, rounds: roundsCount, loadAtStart, host, rows, ratios, skipped })}\n`,
  );
} else {
  process.stdout.write(
    `Modbus TCP, 20 input registers, one request in flight per connection; medians of ${roundsCount} rounds; ` +
      `load at the start ${loadAtStart.toFixed(1)}\n` +
      'peer            connections   polls/s   CPU % of a core   CPU µs/poll   server CPU %\n',
  );
  for (const row of rows)
    process.stdout.write(
      `${row.peer.padEnd(16)}${String(row.connectionsCount).padStart(11)}${String(row.pollsPerS).padStart(10)}` +
        `${String(row.cpuPercent).padStart(18)}${String(row.cpuUsPerPoll).padStart(14)}${String(row.serverCpuPercent).padStart(15)}\n`,
    );
  for (const { connectionsCount, peer, ratio, goalRatio } of ratios)
    process.stdout.write(
      `trueup at ${connectionsCount} connections: ${ratio.toFixed(2)} x ${peer}` +
        (connectionsCount === Math.max(...connectionsCounts) ? ` (goal ${goalRatio})\n` : '\n'),
    );
  for (const what of skipped) process.stdout.write(`skipped: ${what}\n`);
}
