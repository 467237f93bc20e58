// Settling a month at scale: statements of many meters go into a ledger, then the month is settled, one account's month is
// exported, and the proofs are checked offline. TRUEUP_METERS (100) and TRUEUP_DAYS (30) choose the size; 1000 meters take
// ten times as long and a few minutes more to generate.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { main } from '../src/cli/commands.ts';
import { openLedger } from '../src/ledger/index.ts';
import type { LogEntry } from '../src/ledger/ledger.ts';
import type { IntervalStatement } from '../src/quantity/statement.ts';
import { durationNs, instantNs, parseInstant } from '../src/quantity/time.ts';
import { joules, microjoules, watts } from '../src/quantity/units.ts';

const metersCount = Number(process.env['TRUEUP_METERS'] ?? 100);
const daysCount = Number(process.env['TRUEUP_DAYS'] ?? 30);
const QUARTER_NS = 900_000_000_000n;
const NOVEMBER = parseInstant('2026-11-01T00:00:00Z') ?? instantNs(0n);

const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-settle-'));
const data = join(folder, 'data');
const elapsedS = (sinceMs: number): string => ((performance.now() - sinceMs) / 1000).toFixed(1);

function statementAt(meter: number, count: number): IntervalStatement {
  const startNs = instantNs(NOVEMBER + BigInt(count) * QUARTER_NS);
  const untilNs = instantNs(startNs + QUARTER_NS);
  // A register that moves by a little more or less each time, without being kept.
  const countAt = (at: number): bigint =>
    BigInt(at) * 200_000_000_000n + BigInt((meter * 7919 + at * 104_729) % 1e9);
  const energyUj = microjoules(countAt(count + 1) - countAt(count));
  const edge = (which: 'from' | 'until', atNs: typeof startNs, countUj: bigint) => {
    const anchor = { atNs, energyUj: microjoules(countUj) };
    return {
      source: `m${String(meter)}`,
      edge: which,
      energyUj: microjoules(countUj),
      before: anchor,
      after: anchor,
    };
  };
  return {
    point: `feed/m${String(meter).padStart(4, '0')}`,
    kind: 'metered',
    startNs,
    durationNs: durationNs(QUARTER_NS),
    energyUj,
    uncertainty: {
      systematicJ: joules(Number(energyUj) / 1e8),
      independentJ: joules(0),
      edgeJ: joules(1500),
      dof: Infinity,
    },
    quality: 'actual',
    method: 'register+power',
    tier: 1,
    version: 1,
    supersedes: '',
    powerMeanW: watts(Number(energyUj) / 9e8),
    powerMaxW: watts(400),
    because: undefined,
    coveredNs: durationNs(QUARTER_NS),
    anchors: [edge('from', startNs, countAt(count)), edge('until', untilNs, countAt(count + 1))],
    flags: [],
    model: '',
    core: '0.1.0+0123456789abcdef',
  };
}

async function run(...argv: string[]): Promise<string> {
  let said = '';
  const code = await main(argv, {
    out: (line) => (said += `${line}\n`),
    err: (line) => (said += `${line}\n`),
    interactive: false,
    widthCount: 120,
  });
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${String(code)} ${said}`);
  return said;
}

try {
  const quartersCount = daysCount * 96;
  const began = performance.now();
  const ledger = await openLedger(data, { rehearsal: false, nowNs: () => NOVEMBER });
  // A turn of the service: all meters, some intervals at a time.
  for (let count = 0; count < quartersCount; count += 8) {
    const entries: LogEntry[] = [];
    for (let at = count; at < Math.min(count + 8, quartersCount); at++) {
      for (let meter = 0; meter < metersCount; meter++) {
        entries.push({ type: 'statement', statement: statementAt(meter, at) });
      }
    }
    await ledger.log.append(entries);
  }
  await ledger.close();
  const statementsCount = metersCount * quartersCount;
  console.log(`${cpus().length} cores, Node ${process.version}`);
  console.log(
    `${String(statementsCount)} statements of ${String(metersCount)} meters generated in ${elapsedS(began)} s`,
  );
  writeFileSync(
    join(folder, 'site.yaml'),
    'site: bench\nwires: { w: { transport: modbus-tcp, host: 127.0.0.1 } }\ninstruments: { m: { profile: siemens-pac3200, wire: w } }\n',
  );
  const names = Array.from({ length: metersCount }, (_, at) => String(at).padStart(4, '0'));
  writeFileSync(
    join(folder, 'accounts.yaml'),
    [
      'settlement: bench',
      'accounts:',
      ...names.map((name) => `  t${name}: { tariff: plain }`),
      'meters:',
      ...names.map((name) => `  feed/m${name}: { rules: [{ account: t${name} }] }`),
      'tariffs: { plain: { currency: EUR, energy_price: "0.3", demand_price: "8" } }',
    ].join('\n'),
  );
  const until = instantNs(NOVEMBER + BigInt(quartersCount) * QUARTER_NS);
  const period = [
    '--from',
    '2026-11-01',
    '--to',
    new Date(Number(until / 1_000_000n)).toISOString(),
  ];
  const settleMs = performance.now();
  const cpuBefore = process.cpuUsage();
  await run(
    ...['settle', '--site', join(folder, 'site.yaml'), '--accounts', join(folder, 'accounts.yaml')],
    ...['--data', data, ...period],
  );
  const settledS = Number(elapsedS(settleMs));
  const cpu = process.cpuUsage(cpuBefore);
  const cpuS = (cpu.user + cpu.system) / 1e6;
  const rssBytes = process.memoryUsage().rss;
  console.log(
    `settled in ${String(settledS)} s, ${cpuS.toFixed(1)} s of processor (${((1e6 * cpuS) / statementsCount).toFixed(0)} µs a statement), process ${(rssBytes / 1e6).toFixed(0)} MB`,
  );
  const exportMs = performance.now();
  const point = ['--point', 'feed/m0000'];
  await run('export', '--data', data, ...period, ...point, '--out', join(folder, 'one.csv'));
  console.log(`one point's period exported in ${elapsedS(exportMs)} s`);
  const stem = `${period[1] ?? ''}T00:00:00.000Z--${period[3] ?? ''}`.replaceAll(/[:-]|\.000/g, '');
  const settled = join(
    data,
    'settlements/bench',
    stem.replace('ZZ', 'Z').replace(/Z(\d)/, 'Z--$1'),
    'v1',
  );
  const verifyMs = performance.now();
  await run('ledger', 'verify', settled, '--vkey', join(data, 'log/vkey'));
  console.log(`the settlement of all accounts verified offline in ${elapsedS(verifyMs)} s`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
