// How late are requests when one process reads 1,000 meters once a second? Prints lateness (first request byte sent
// minus its planned time), CPU and memory; one JSON object with --json. The meters live in a process of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemTimers } from '../src/cli/system-clock.ts';
import { fromSeconds } from '../src/quantity/time.ts';
import { modbusTcp } from '../src/transport/modbus.ts';
import { PolledWire } from '../src/transport/polled-wire.ts';

const METERS_COUNT = 1000;
const METERS_PER_WIRE_COUNT = 4;
const WARM_UP_S = 5;
const MEASURED_S = 20;
const GOAL = { p99Ms: 50, cpuPercent: 60, rssMb: 300 };

const wantsJson = process.argv.includes('--json');
const server = spawn(
  process.execPath,
  [...process.execArgv, join(import.meta.dirname, 'lateness.server.ts')],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
const [line] = (await once(server.stdout, 'data')) as [Buffer];
const port = Number(line.toString());

let goodCount = 0;
let faultsCount = 0;
const ports = {
  clock: systemClock(),
  timers: systemTimers,
  deliver: (exchange: { fault: unknown }): Promise<void> => {
    if (exchange.fault === undefined) goodCount++;
    else faultsCount++;
    return Promise.resolve();
  },
};

const wires: PolledWire[] = [];
for (let w = 0; w < METERS_COUNT / METERS_PER_WIRE_COUNT; w++) {
  const devices = Array.from({ length: METERS_PER_WIRE_COUNT }, (_, n) => ({
    source: `m${w * METERS_PER_WIRE_COUNT + n}`,
    unit: n + 1,
    reads: [{ table: 'input' as const, address: 0, count: 20, alternateCount: 21 }],
    poll: fromSeconds(1),
    silenceMs: 0,
    replyTimeoutMs: 1000,
  }));
  const wire = await modbusTcp.open(
    `wire-${w}`,
    { transport: 'modbus-tcp', host: '127.0.0.1', port, timeoutMs: 1000 },
    { devices, subscriptions: [] },
    ports,
  );
  if (wire instanceof PolledWire) wires.push(wire);
}

await systemTimers.sleep(WARM_UP_S * 1000);
const heldCounts = wires.map((wire) => wire.recentLatenessMs().length);
goodCount = 0;
faultsCount = 0;
const beganCpu = process.cpuUsage();
const beganMs = performance.now();
let rssMb = 0;
for (let second = 0; second < MEASURED_S; second++) {
  await systemTimers.sleep(1000);
  rssMb = Math.max(rssMb, process.memoryUsage.rss() / 2 ** 20);
}
const tookMs = performance.now() - beganMs;
const cpu = process.cpuUsage(beganCpu);
// Rings are not full yet in so short a run, so what came after the warm-up stands at their ends.
const lateMs = Float64Array.from(
  wires.flatMap((wire, n) => [...wire.recentLatenessMs().subarray(heldCounts[n])]),
).sort();
await Promise.all(wires.map((wire) => wire.close()));
server.stdin.end();

const at = (fraction: number): number =>
  Math.round(
    100 * (lateMs[Math.min(lateMs.length - 1, Math.floor(fraction * lateMs.length))] ?? 0),
  ) / 100;
const report = {
  benchmark: 'lateness',
  metersCount: METERS_COUNT,
  connectionsCount: wires.length,
  pollS: 1,
  measuredS: MEASURED_S,
  pollsPerS: Math.round((1000 * goodCount) / tookMs),
  faultsCount,
  latenessMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
  cpuPercent: Math.round((cpu.user + cpu.system) / 10 / tookMs),
  rssMb: Math.round(rssMb),
  goal: GOAL,
  host: { cpu: cpus()[0]?.model ?? '', coresCount: cpus().length, node: process.version },
};
if (wantsJson) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  const { latenessMs } = report;
  const rows: [string, string, string][] = [
    ['polls per second', String(report.pollsPerS), `of ${METERS_COUNT}`],
    ['faults', String(faultsCount), ''],
    ['lateness, median', `${latenessMs.p50} ms`, ''],
    ['lateness, 99 %', `${latenessMs.p99} ms`, `goal < ${GOAL.p99Ms} ms`],
    ['lateness, maximum', `${latenessMs.max} ms`, ''],
    ['CPU of one core', `${report.cpuPercent} %`, `goal < ${GOAL.cpuPercent} %`],
    ['memory (RSS)', `${report.rssMb} MB`, `goal < ${GOAL.rssMb} MB`],
  ];
  process.stdout.write(
    `${METERS_COUNT} Modbus TCP meters at 1 Hz over ${wires.length} connections, ${MEASURED_S} s\n`,
  );
  for (const [name, measured, goal] of rows)
    process.stdout.write(`${name.padEnd(20)}${measured.padStart(12)}   ${goal}\n`);
}
