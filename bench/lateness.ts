// How late are requests when one process reads 2,000 meters, each on a connection of its own, once a second? Prints lateness
// (first request byte sent minus its planned time), CPU and memory, which stands for each minute of a longer run
// (--seconds 600); one JSON object with --json. The meters live in a process of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock, systemTimers } from '../src/cli/system-clock.ts';
import { fromSeconds } from '../src/quantity/time.ts';
import { modbusTcp } from '../src/transport/modbus.ts';
import { PolledWire } from '../src/transport/polled-wire.ts';

const WARM_UP_S = 5;
const GOAL = { p99Ms: 20, cpuPercent: 100, grownMb: 20 };

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    meters: { type: 'string', default: '2000' },
    'per-connection': { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
  },
});
const metersCount = Number(options.meters);
const metersPerWireCount = Number(options['per-connection']);
const measuredS = Number(options.seconds);
const loadAtStart = loadavg()[0] ?? 0;

const server = spawn(
  process.execPath,
  [...process.execArgv, join(import.meta.dirname, 'lateness.server.ts')],
  { stdio: ['pipe', 'pipe', 'inherit'] },
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
for (let w = 0; w < metersCount / metersPerWireCount; w++) {
  const devices = Array.from({ length: metersPerWireCount }, (_, n) => ({
    source: `m${w * metersPerWireCount + n}`,
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
const rssNowMb = (): number => Math.round(process.memoryUsage.rss() / 2 ** 20);
const rssOfMinutesMb = [rssNowMb()];
let rssMb = 0;
for (let second = 1; second <= measuredS; second++) {
  await systemTimers.sleep(1000);
  rssMb = Math.max(rssMb, rssNowMb());
  if (second % 60 !== 0) continue;
  rssOfMinutesMb.push(rssNowMb());
  if (!options.json) process.stdout.write(`minute ${second / 60}: memory (RSS) ${rssNowMb()} MB\n`);
}
const tookMs = performance.now() - beganMs;
const cpu = process.cpuUsage(beganCpu);
// Of a short run the rings are not full, so what came after the warm-up stands at their ends.
const lateMs = Float64Array.from(
  wires.flatMap((wire, n) => {
    const kept = wire.recentLatenessMs();
    return [...kept.subarray(kept.length < 1024 ? heldCounts[n] : 0)];
  }),
).sort();
await Promise.all(wires.map((wire) => wire.close()));
server.stdin.end();

const at = (fraction: number): number =>
  Math.round(
    100 * (lateMs[Math.min(lateMs.length - 1, Math.floor(fraction * lateMs.length))] ?? 0),
  ) / 100;
// The first minute still fills what is kept: growth is told from its end on.
const settledMb = rssOfMinutesMb[1];
const lastMb = rssOfMinutesMb.at(-1);
const report = {
  benchmark: 'lateness',
  metersCount,
  connectionsCount: wires.length,
  pollS: 1,
  measuredS,
  loadAtStart,
  pollsPerS: Math.round((1000 * goodCount) / tookMs),
  faultsCount,
  latenessMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
  cpuPercent: Math.round((cpu.user + cpu.system) / 10 / tookMs),
  rssMb,
  rssOfMinutesMb,
  grownMb: rssOfMinutesMb.length < 3 ? undefined : (lastMb ?? 0) - (settledMb ?? 0),
  goal: GOAL,
  host: { cpu: cpus()[0]?.model ?? '', coresCount: cpus().length, node: process.version },
};
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  const { latenessMs, grownMb } = report;
  const rows: [string, string, string][] = [
    ['polls per second', String(report.pollsPerS), `of ${metersCount}`],
    ['faults', String(faultsCount), ''],
    ['lateness, median', `${latenessMs.p50} ms`, ''],
    ['lateness, 99 %', `${latenessMs.p99} ms`, `goal < ${GOAL.p99Ms} ms`],
    ['lateness, maximum', `${latenessMs.max} ms`, ''],
    ['CPU of one core', `${report.cpuPercent} %`, `goal < ${GOAL.cpuPercent} %`],
    ['memory (RSS)', `${report.rssMb} MB`, ''],
  ];
  if (grownMb !== undefined)
    rows.push(['grown since minute 1', `${grownMb} MB`, `goal < ${GOAL.grownMb} MB`]);
  process.stdout.write(
    `${metersCount} Modbus TCP meters at 1 Hz over ${wires.length} connections, ${measuredS} s; ` +
      `load at the start ${loadAtStart.toFixed(1)}\n`,
  );
  for (const [name, measured, goal] of rows)
    process.stdout.write(`${name.padEnd(20)}${measured.padStart(12)}   ${goal}\n`);
}
