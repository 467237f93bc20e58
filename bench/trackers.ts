// How far software trackers are from the wall, before and after `trueup correct`, each benchmark left out in turn: the claims
// of the others teach the line, the one left out is judged. Nothing is chosen by these sets.
//   npm run bench:trackers            (needs the shared fixtures and data)
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { correctClaim, lengthOf } from '../src/calibrate/claims/correct-claim.ts';
import { fitClaims, type MeteredClaim } from '../src/calibrate/claims/claim-fit.ts';
import { unwrapped } from '../src/decode/trackers/rapl-wrap.ts';
import { readCsvTable, type CsvRow } from '../src/decode/trackers/csv-table.ts';
import type { ClaimedEnergy, ClaimedKind } from '../src/quantity/claim.ts';
import type { CorrectionModel } from '../src/quantity/correction.ts';
import { isRefusal } from '../src/quantity/fault.ts';
import { instantNs } from '../src/quantity/time.ts';
import { joules } from '../src/quantity/units.ts';

const root = resolve(process.env['TRUEUP_FIXTURES'] ?? join(import.meta.dirname, '../../shared'));
const KWH_J = 3.6e6;
const wantsJson = process.argv.includes('--json');
const lines: string[] = [];
/** Lines for people as they come; with --json one object at the end. */
const say = (line: string): void => {
  if (wantsJson) lines.push(line);
  else console.log(line);
};

interface Tool {
  readonly name: string;
  readonly tool: string;
  /** CarbonTracker 1.1.6 multiplies by 1.59 and samples each 10 s; the others are as their sources say. */
  readonly pueRatio: number;
  readonly stepS: number;
}
const TOOLS: readonly Tool[] = [
  { name: 'CodeCarbon 2022', tool: 'codecarbon', pueRatio: 1, stepS: 15 },
  { name: 'CarbonTracker 1.1.6', tool: 'carbon_tracker', pueRatio: 1.59, stepS: 10 },
  { name: 'chip counters', tool: 'energy scope', pueRatio: 1, stepS: 0.5 },
];

interface Columns {
  readonly tool: string;
  readonly benchmark: string;
  readonly start: string;
  readonly stop: string;
  readonly duration?: string;
  readonly total: string;
  readonly cpu: string;
  readonly gpu: string;
  readonly ram: string;
  readonly wall: string;
}
const SETS: readonly {
  readonly path: string;
  readonly columns: Columns;
  readonly where?: string;
  /** The same claims as in another set: judged, and not counted twice over all. */
  readonly isRepeated?: boolean;
}[] = [
  {
    path: 'fixtures/trackers/grid5000-dgx1/derived/tool_vs_wall.csv',
    isRepeated: true,
    columns: {
      tool: 'tool',
      benchmark: 'benchmark',
      start: 'start_epoch_s',
      stop: 'stop_epoch_s',
      duration: 'tool_duration_s',
      total: 'tool_kwh',
      cpu: 'tool_cpu_kwh',
      gpu: 'tool_gpu_kwh',
      ram: 'tool_ram_kwh',
      wall: 'wall_kwh',
    },
  },
  ...['GPU_20_04', 'GPU_19_04'].map((where) => ({
    path: 'data/dgx1-v100/tool_energies.csv.gz',
    where,
    columns: {
      tool: 'tool_name',
      benchmark: 'gpu_0_appli',
      start: 'gpu_0_start_benchmark',
      stop: 'gpu_0_stop_benchmark',
      total: 'tool_energy_consumption(kWh)',
      cpu: 'tool_cpu_energy',
      gpu: 'tool_gpu_energy',
      ram: 'tool_ram_energy',
      wall: 'wattmetre_power_watt_energy_consumption(kWh)',
    },
  })),
];

/** Of the table the energies are known, not the files: the claim is made as the reader of the file makes it. */
function meteredOf(
  row: CsvRow,
  { columns }: (typeof SETS)[number],
  tool: Tool,
  siblingsW: readonly number[],
): MeteredClaim | undefined {
  const startS = row.number(columns.start);
  const stopS = row.number(columns.stop);
  const wallKwh = row.number(columns.wall);
  const totalKwh = row.number(columns.total);
  if (startS === undefined || stopS === undefined || wallKwh === undefined) return undefined;
  const ownS = row.number(columns.duration ?? '') ?? stopS - startS;
  const measured = new Map<ClaimedKind, ClaimedEnergy>();
  const cpuKwh = row.number(columns.cpu);
  if (cpuKwh !== undefined) {
    const gpuJ = (row.number(columns.gpu) ?? NaN) * KWH_J;
    const cpuJ = cpuKwh < 0 ? unwrapped(cpuKwh * KWH_J, ownS, siblingsW) : cpuKwh * KWH_J;
    if (isRefusal(cpuJ) || !(gpuJ >= 0)) return undefined;
    const summedS = ((row.number(columns.ram) ?? NaN) * KWH_J) / RAM_W;
    const isOff = Math.abs(summedS - ownS) <= 30 && Math.abs(ownS / summedS - 1) >= 0.005;
    measured.set('cpu', { energyJ: joules(cpuJ), stepS: 0 });
    measured.set('gpu', {
      energyJ: joules(isOff ? (gpuJ * ownS) / summedS : gpuJ),
      stepS: tool.stepS,
      isMean: Math.abs(summedS - ownS) <= 30,
    });
  } else {
    if (totalKwh === undefined || totalKwh <= 0) return undefined;
    measured.set('total', {
      energyJ: joules((totalKwh * KWH_J) / tool.pueRatio),
      stepS: tool.stepS,
      isMean: true,
    });
  }
  const fromNs = instantNs(BigInt(Math.round(startS * 1e6)) * 1000n);
  const untilNs = instantNs(BigInt(Math.round(stopS * 1e6)) * 1000n);
  const application = row.text(columns.benchmark) ?? '';
  const claim = {
    tracker: tool.tool,
    run: String(row.line),
    application,
    fromNs,
    untilNs,
    measured,
    repairs: [],
  };
  return { claim, wallJ: wallKwh * KWH_J };
}

/** What CodeCarbon writes as the RAM power of this machine (512 GB): raw/codecarbon_128_0_emissions.csv. */
const RAM_W = 188.914_330_959_320_07;

const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length);

function judge(title: string, metered: readonly MeteredClaim[]): readonly Judged[] {
  const saidJ = ({ claim }: MeteredClaim): number =>
    [...claim.measured.values()].reduce((sum, each) => sum + each.energyJ, 0);
  const before = meanOf(metered.map((each) => Math.abs(saidJ(each) / each.wallJ - 1)));
  const missing =
    1 -
    metered.reduce((sum, each) => sum + saidJ(each), 0) /
      metered.reduce((sum, each) => sum + each.wallJ, 0);
  say(
    `${title}: ${metered.length} claims; before: ${percent(missing)} of the energy missing, MAPE ${percent(before)}`,
  );
  const all: Judged[] = [];
  for (const benchmark of new Set(metered.map(({ claim }) => claim.application))) {
    const model = fitClaims(
      metered.filter(({ claim }) => claim.application !== benchmark),
      { node: 'dgx1', fittedAtNs: instantNs(0n) },
    );
    const own = metered.filter(({ claim }) => claim.application === benchmark);
    if (isRefusal(model)) {
      say(`  without ${benchmark}: refused: ${model.because}`);
      continue;
    }
    const judged = own.map((each) => judgedBy(model, each));
    const kept = judged.filter((each) => each !== undefined);
    all.push(...kept);
    say(
      `  left out ${benchmark.padEnd(8)} ${own.length} claims of ${meanOf(own.map(({ claim }) => lengthOf(claim))).toFixed(0)} s: error ${percent(meanOf(kept.map((each) => each.errorRatio)))}, U ${percent(meanOf(kept.map((each) => each.uRatio)))}, covered ${kept.filter((each) => each.isCovered).length}/${kept.length}, refused ${judged.length - kept.length}`,
    );
  }
  say(`  after: ${summaryOf(all)}`);
  return all;
}

function judgedBy(model: CorrectionModel, { claim, wallJ }: MeteredClaim): Judged | undefined {
  const outcome = correctClaim(model, claim);
  if (isRefusal(outcome)) return undefined;
  const errorJ = outcome.energyJ - wallJ;
  return {
    errorRatio: errorJ / wallJ,
    uRatio: outcome.expandedJ / outcome.energyJ,
    isCovered: Math.abs(errorJ) <= outcome.expandedJ,
    isLong: lengthOf(claim) >= 120,
  };
}

function summaryOf(all: readonly Judged[]): string {
  const mape = (of: readonly Judged[]): string =>
    percent(meanOf(of.map((each) => Math.abs(each.errorRatio))));
  const long = all.filter((each) => each.isLong);
  return `MAPE ${mape(all)}; of 2 minutes and more ${mape(long)} (${long.length}); U covers ${percent(all.filter((each) => each.isCovered).length / Math.max(1, all.length))}, mean U ${percent(meanOf(all.map((each) => each.uRatio)))}`;
}

/** As the product is used: learnt on one day, applied on another. */
function judgeNextDay(
  title: string,
  taught: readonly MeteredClaim[],
  later: readonly MeteredClaim[],
): void {
  const model = fitClaims(taught, { node: 'dgx1', fittedAtNs: instantNs(0n) });
  if (isRefusal(model)) {
    say(`${title}: refused: ${model.because}`);
    return;
  }
  const judged = later.map((each) => judgedBy(model, each)).filter((each) => each !== undefined);
  say(`${title}: ${judged.length} of ${later.length} claims: ${summaryOf(judged)}`);
}

interface Judged {
  readonly errorRatio: number;
  readonly uRatio: number;
  readonly isCovered: boolean;
  readonly isLong: boolean;
}

const pooled: Judged[] = [];
const days = new Map<string, (readonly MeteredClaim[])[]>();
for (const set of SETS) {
  const path = join(root, set.path);
  say(`\n${set.path}${set.where === undefined ? '' : ` (${set.where})`}`);
  if (!existsSync(path)) {
    say('  not here: set TRUEUP_FIXTURES to the folder that holds it');
    continue;
  }
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const table = readCsvTable(text, Object.values(set.columns));
  if (isRefusal(table)) throw new Error(table.because);
  const rows = table.rows.filter(
    (row) => set.where === undefined || row.text('campaign') === set.where,
  );
  for (const tool of TOOLS) {
    const own = rows.filter((row) => row.text(set.columns.tool) === tool.tool);
    const siblingsW = own.flatMap((row) => {
      const kwh = row.number(set.columns.cpu) ?? 0;
      const lengthS = (row.number(set.columns.stop) ?? 0) - (row.number(set.columns.start) ?? 0);
      return kwh > 0 ? [(kwh * KWH_J) / lengthS] : [];
    });
    const metered = own
      .map((row) => meteredOf(row, set, tool, siblingsW))
      .filter((each) => each !== undefined);
    if (metered.length === 0) continue;
    const judged = judge(tool.name, metered);
    if (set.isRepeated) continue;
    pooled.push(...judged);
    days.set(tool.name, [...(days.get(tool.name) ?? []), metered]);
  }
}
say('\nlearnt on one day, applied on the other');
for (const [name, [later, earlier]] of days) {
  if (!later || !earlier) continue;
  judgeNextDay(`  ${name}, forwards`, earlier, later);
  judgeNextDay(`  ${name}, backwards`, later, earlier);
}
// Claims of one application err together: four of them are few to count on, all sets together are some more.
say(`\nall sets together, each benchmark left out: ${pooled.length} claims: ${summaryOf(pooled)}`);
if (wantsJson) console.log(JSON.stringify({ lines }));
