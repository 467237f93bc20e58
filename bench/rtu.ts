// How many reads a second does a serial line of ten meters give? The line is a pseudo-terminal (socat), the meters pace
// their bytes at 9600 baud 8N1 and answer at once, so that all that is lost is lost by us. One JSON object with --json.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock, systemTimers } from '../src/cli/system-clock.ts';
import { durationNs } from '../src/quantity/time.ts';
import { modbusRtu } from '../src/transport/modbus.ts';

const METERS_COUNT = 10;
const REGISTERS_COUNT = 20;
const BAUD = 9600;
const BYTE_MS = (10 / BAUD) * 1000;
/** Request of 8 bytes, answer of 45, and the silence of 3.5 bytes that ends each. */
const WIRE_MS = (8 + 5 + 2 * REGISTERS_COUNT + 2 * 3.5) * BYTE_MS;
const GOAL_READS_PER_S = 14.4;
const WARM_UP_S = 2;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '20' },
  },
});
const loadAtStart = loadavg()[0] ?? 0;

try {
  execFileSync('socat', ['-V'], { stdio: 'ignore' });
} catch {
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ benchmark: 'rtu', skipped: ['socat is missing'] })}\n`
      : 'skipped: socat is missing\n',
  );
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
const path = join(folder, 'line');
const slave = spawn(
  process.execPath,
  [...process.execArgv, join(import.meta.dirname, 'rtu.slave.ts')],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
const [line] = (await once(slave.stdout, 'data')) as [Buffer];
const socat = spawn(
  'socat',
  [`pty,raw,echo=0,link=${path}`, `tcp:127.0.0.1:${line.toString().trim()},nodelay`],
  { stdio: 'ignore' },
);
for (let tries = 0; !existsSync(path) && tries < 500; tries++) await systemTimers.sleep(10);

let goodCount = 0;
const faults = new Map<string, number>();
const wire = await modbusRtu.open(
  'line',
  { transport: 'modbus-rtu', path, baud: BAUD, parity: 'none', stopBits: 1, timeoutMs: 1000 },
  {
    devices: Array.from({ length: METERS_COUNT }, (_, n) => ({
      source: `m${n + 1}`,
      unit: n + 1,
      // Every second read asks for one register more, by which a late answer is known: that is part of the price.
      reads: [
        {
          table: 'input' as const,
          address: 0,
          count: REGISTERS_COUNT,
          alternateCount: REGISTERS_COUNT + 1,
        },
      ],
      // Always due: the line never rests but for its silences.
      poll: durationNs(1000n),
      silenceMs: 0,
      replyTimeoutMs: 500,
    })),
    subscriptions: [],
  },
  {
    clock: systemClock(),
    timers: systemTimers,
    deliver: ({ fault }) => {
      if (fault === undefined) goodCount++;
      else faults.set(fault, (faults.get(fault) ?? 0) + 1);
      return Promise.resolve();
    },
  },
);
await systemTimers.sleep(WARM_UP_S * 1000);
goodCount = 0;
faults.clear();
const beganMs = performance.now();
const beganCpu = process.cpuUsage();
await systemTimers.sleep(Number(options.seconds) * 1000);
const tookMs = performance.now() - beganMs;
const cpu = process.cpuUsage(beganCpu);
await wire.close();
socat.kill();
slave.stdin.end();
rmSync(folder, { recursive: true, force: true });

const report = {
  benchmark: 'rtu',
  metersCount: METERS_COUNT,
  registersCount: REGISTERS_COUNT,
  baud: BAUD,
  measuredS: Math.round(tookMs / 1000),
  loadAtStart,
  readsPerS: Math.round((1e5 * goodCount) / tookMs) / 100,
  wireReadsPerS: Math.round(1e5 / WIRE_MS) / 100,
  goalReadsPerS: GOAL_READS_PER_S,
  faults: Object.fromEntries(faults),
  cpuPercent: Math.round((cpu.user + cpu.system) / 10 / tookMs),
  host: { cpu: cpus()[0]?.model ?? '', coresCount: cpus().length, node: process.version },
};
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else
  process.stdout.write(
    `${METERS_COUNT} meters on one line, 9600 8N1, ${REGISTERS_COUNT} registers; load at the start ${loadAtStart.toFixed(1)}\n` +
      `reads per second   ${report.readsPerS}   goal >= ${GOAL_READS_PER_S}; the wire allows ${report.wireReadsPerS}\n` +
      `faults             ${JSON.stringify(report.faults)}\n` +
      `CPU of one core    ${report.cpuPercent} %\n`,
  );
