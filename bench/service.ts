// What the whole service costs: 200 Modbus TCP meters at 1 Hz through `trueup run` as users start it - wires, journal,
// curves, settlement, ledger, page. Its processor time and memory are the kernel's own account of the process (Linux).
// Usage: npm run build && tsx bench/service.ts [--json]. The meters live in a process of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startTrueup } from '../test/journey/stack.ts';

const METERS_COUNT = 200;
const METERS_PER_WIRE_COUNT = 4;
const INTERVAL_S = 10;
const WARM_UP_S = 10;
const MEASURED_S = 40;
/** USER_HZ of Linux on all common machines. */
const TICKS_PER_S = 100;

const wantsJson = process.argv.includes('--json');
const folder = await mkdtemp(join(tmpdir(), 'trueup-bench-'));
const meters = spawn(
  process.execPath,
  [...process.execArgv, join(import.meta.dirname, 'service.meters.ts')],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

try {
  const [line] = (await once(meters.stdout, 'data')) as [Buffer];
  const siteFile = join(folder, 'site.yaml');
  await writeFile(siteFile, siteText(Number(line.toString())));
  const service = startTrueup(
    ...['run', '--site', siteFile, '--data', join(folder, 'data'), '--json'],
  );
  const started = await service.waitFor(({ event }) => event === 'started');
  const url = String(started['url']);
  const pid = service.child.pid ?? 0;

  await sleep(WARM_UP_S * 1000);
  const settledBefore = settledCount();
  const exchangesBefore = (await scraped(url)).exchangesCount;
  const beganS = await cpuS(pid);
  const beganMs = performance.now();
  let rssMb = 0;
  for (let second = 0; second < MEASURED_S; second += 1) {
    await sleep(1000);
    rssMb = Math.max(rssMb, await memoryMb(pid));
  }
  const tookS = (performance.now() - beganMs) / 1000;
  const usedS = (await cpuS(pid)) - beganS;
  const { exchangesCount, faultsCount, latenessP99Ms } = await scraped(url);
  const settled = settledCount() - settledBefore;
  const code = await service.end('SIGTERM');
  const qualities = new Map<string, number>();
  for (const each of service.events) {
    if (each.event !== 'settled') continue;
    const quality = String(each['quality']);
    qualities.set(quality, (qualities.get(quality) ?? 0) + 1);
  }
  const report = {
    benchmark: 'service',
    metersCount: METERS_COUNT,
    intervalS: INTERVAL_S,
    measuredS: Math.round(tookS),
    exchangesPerS: Math.round((exchangesCount - exchangesBefore) / tookS),
    faultsCount,
    statementsSettled: settled,
    qualities: Object.fromEntries(qualities),
    latenessP99Ms,
    cpuPercent: Math.round((100 * usedS) / tookS),
    rssMb: Math.round(rssMb),
    host: { cpu: cpus()[0]?.model ?? '', coresCount: cpus().length, node: process.version },
  };
  if (wantsJson) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const rows: [string, string][] = [
      ['exchanges per second', String(report.exchangesPerS)],
      ['faults', String(faultsCount)],
      ['intervals settled', `${String(settled)} of ${String(INTERVAL_S)} s`],
      ['lateness, 99 %, worst wire', `${latenessP99Ms.toFixed(1)} ms`],
      ['CPU of one core', `${String(report.cpuPercent)} %`],
      ['memory (RSS)', `${String(report.rssMb)} MB`],
    ];
    process.stdout.write(
      `${String(METERS_COUNT)} Modbus TCP meters at 1 Hz through trueup run, ${String(report.measuredS)} s\n`,
    );
    for (const [name, measured] of rows)
      process.stdout.write(`${name.padEnd(28)}${measured.padStart(16)}\n`);
  }
  if (code !== 0 || settled === 0) {
    process.stderr.write(`the service ended with ${String(code)}\n${service.lines.join('\n')}\n`);
    process.exitCode = 1;
  }

  function settledCount(): number {
    return service.events.filter(({ event }) => event === 'settled').length;
  }
} finally {
  meters.stdin.end();
  await rm(folder, { recursive: true, force: true });
}

function siteText(port: number): string {
  const wires: Record<string, object> = {};
  const instruments: Record<string, object> = {};
  const points: Record<string, object> = {};
  for (let index = 0; index < METERS_COUNT; index += 1) {
    const wire = `w${String(Math.floor(index / METERS_PER_WIRE_COUNT))}`;
    const meter = `m${String(index)}`;
    const unit = 1 + (index % METERS_PER_WIRE_COUNT);
    wires[wire] = { transport: 'modbus-tcp', host: '127.0.0.1', port };
    instruments[meter] = { profile: 'eastron-sdm120', wire, unit, poll: '1s' };
    points[`feed/f${String(index)}`] = { meter };
  }
  return stringify({
    site: 'bench',
    interval: `${String(INTERVAL_S)}s`,
    settle_after: `${String(INTERVAL_S)}s`,
    listen: '127.0.0.1:0',
    wires,
    instruments,
    points,
    sinks: { file: { kind: 'line-protocol-file' } },
  });
}

/** User and system time of a process so far, s (proc(5): utime and stime). */
async function cpuS(pid: number): Promise<number> {
  const text = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

async function memoryMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? '0') / 1024;
}

/** What the service says of itself: sums over its wires, and the worst of their latenesses. */
async function scraped(
  url: string,
): Promise<{ exchangesCount: number; faultsCount: number; latenessP99Ms: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const samples = (name: string): number[] =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)`, 'gm'))].map((found) =>
      Number(found[1]),
    );
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    exchangesCount: sum(samples('trueup_wire_exchanges_total')),
    faultsCount: sum(samples('trueup_wire_faults_total')),
    latenessP99Ms: 1000 * Math.max(0, ...samples('trueup_wire_lateness_p99_seconds')),
  };
}
