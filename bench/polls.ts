// How many polls a second, and what CPU they cost: ours, modbus-serial, and libmodbus in C, each against the same
// libmodbus server. A table for people; one JSON object with --json. Peers that cannot be built are named as skipped.
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SECONDS = 1.5;
const ROUNDS = 3;
const CONNECTIONS = [1, 16, 64];
const HERE = import.meta.dirname;

interface Row {
  readonly peer: string;
  readonly connectionsCount: number;
  readonly pollsPerS: number;
  readonly cpuPercent: number;
  readonly cpuUsPerPoll: number;
}

const run = promisify(execFile);

function compile(folder: string, name: string): string {
  const program = join(folder, name);
  const flags = ['-O2', '-o', program, join(HERE, `polls.${name}.c`), '-I/usr/include/modbus'];
  execFileSync('gcc', [...flags, '-lmodbus', '-lpthread'], { stdio: 'pipe' });
  return program;
}

async function startServer(program: string): Promise<{ server: ChildProcess; port: string }> {
  const server = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  return { server, port: line.toString().trim() };
}

async function measure(
  peer: string,
  connectionsCount: number,
  program: string,
  args: readonly string[],
): Promise<Row> {
  const { stdout } = await run(program, args);
  const report: unknown = JSON.parse(stdout);
  if (typeof report !== 'object' || report === null) throw new Error(`${peer} reported nothing`);
  const { pollsCount, cpuS, tookS } = report as Record<'pollsCount' | 'cpuS' | 'tookS', number>;
  return {
    peer,
    connectionsCount,
    pollsPerS: Math.round(pollsCount / tookS),
    cpuPercent: Math.round((100 * cpuS) / tookS),
    cpuUsPerPoll: Math.round((1e7 * cpuS) / pollsCount) / 10,
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
  };
}

const wantsJson = process.argv.includes('--json');
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
    for (const connectionsCount of CONNECTIONS) {
      const args = [port, String(connectionsCount), String(SECONDS)];
      const contenders: readonly (readonly [string, string, readonly string[]])[] = [
        ['libmodbus (C)', clientProgram, args],
        ['trueup', process.execPath, [...script, 'trueup', ...args]],
        ['modbus-serial', process.execPath, [...script, 'modbus-serial', ...args]],
      ];
      const measured: Row[] = [];
      // In turns, so that what else the machine does falls on all of them.
      for (let round = 0; round < ROUNDS; round++)
        for (const [peer, program, peerArgs] of contenders)
          measured.push(await measure(peer, connectionsCount, program, peerArgs));
      for (const [peer] of contenders)
        rows.push(median(measured.filter((row) => row.peer === peer)));
    }
    server.kill();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Polls of a row against those of the C client in the same run. */
function ratioText(row: Row): string {
  const alike = rows.find(
    ({ peer, connectionsCount }) =>
      peer === 'libmodbus (C)' && connectionsCount === row.connectionsCount,
  );
  return alike === undefined ? '' : (row.pollsPerS / alike.pollsPerS).toFixed(2);
}

if (wantsJson) {
  const host = { cpu: cpus()[0]?.model ?? '', coresCount: cpus().length, node: process.version };
  process.stdout.write(
    `${JSON.stringify({ benchmark: 'polls', registersCount: 20, secondsEach: SECONDS, rounds: ROUNDS, host, rows, skipped })}\n`,
  );
} else {
  process.stdout.write(
    'Modbus TCP, 20 input registers, one request in flight per connection; medians of ' +
      ROUNDS.toFixed() +
      ' rounds\n',
  );
  process.stdout.write(
    'peer            connections   polls/s   CPU % of a core   CPU µs/poll   of libmodbus C\n',
  );
  for (const row of rows)
    process.stdout.write(
      `${row.peer.padEnd(16)}${String(row.connectionsCount).padStart(11)}${String(row.pollsPerS).padStart(10)}` +
        `${String(row.cpuPercent).padStart(18)}${String(row.cpuUsPerPoll).padStart(14)}${ratioText(row).padStart(16)}\n`,
    );
  for (const what of skipped) process.stdout.write(`skipped: ${what}\n`);
}
