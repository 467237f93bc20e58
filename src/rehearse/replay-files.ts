// Reads recorded runs from a folder: neutral readings (`time,source,quantity,value`, gzip accepted) in a folder per run,
// and set.json, which says which sources are the wall and which chips add up. Without it the source names decide.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SiteFault } from '../quantity/fault.ts';
import { parseInstant } from '../quantity/time.ts';
import type { ReplayChip, ReplayRun, ReplaySeries } from './replay-track.ts';

const HEADER = 'time,source,quantity,value';
/** Not the wall: power inside the machine or at its supplies, which runs bring along. */
const INSIDE_METERS = /(^|\/)(bmc|psu-input)/;
/** Parts of a package, which its counter contains; and the platform, which contains the package. */
const NESTED_CHIPS = /rapl:(core|uncore|psys)/;

/** What set.json says about sources; patterns may begin with a star for every machine. */
interface SetRules {
  readonly meters: readonly string[] | undefined;
  readonly sums: readonly string[] | undefined;
  readonly wholes: readonly string[];
  readonly parts: readonly string[];
}

/**
 * Loads one run folder, or all run folders below a set's. Runs come in the order of their first stamps. Throws SiteFault
 * with the file and line where something is no neutral reading.
 */
export async function loadReplay(folder: string): Promise<ReplayRun[]> {
  const runFolders = await findRuns(folder);
  if (runFolders.length === 0) {
    throw fault(
      folder,
      'no folder here holds meter.csv and chips.csv',
      'name a recorded run or a folder of runs',
    );
  }
  const runs: ReplayRun[] = [];
  for (const runFolder of runFolders) runs.push(await loadRun(runFolder));
  const firstNs = (run: ReplayRun): bigint => [...run.meters.values()][0]?.timesNs[0] ?? 0n;
  return runs.sort((a, b) => (firstNs(a) < firstNs(b) ? -1 : 1));
}

async function findRuns(folder: string): Promise<string[]> {
  if (!existsSync(folder)) throw fault(folder, 'there is no such folder', 'check the path');
  if (isRun(folder)) return [folder];
  // Links to folders count as folders: a set is often cut down by linking some of its runs.
  const names = await readdir(folder);
  return names
    .map((name) => join(folder, name))
    .filter(isRun)
    .sort();
}

const isRun = (folder: string): boolean =>
  csvPath(folder, 'meter') !== undefined && csvPath(folder, 'chips') !== undefined;

function csvPath(folder: string, name: string): string | undefined {
  return [`${name}.csv`, `${name}.csv.gz`]
    .map((file) => join(folder, file))
    .find((path) => existsSync(path));
}

async function loadRun(folder: string): Promise<ReplayRun> {
  const rules = await readRules(folder);
  const meters = await readSeries(csvPath(folder, 'meter') ?? '');
  const chips = await readSeries(csvPath(folder, 'chips') ?? '');
  const isWall = (source: string): boolean =>
    rules.meters ? matchesAny(rules.meters, source) : !INSIDE_METERS.test(source);
  const roleOf = (source: string): ReplayChip['role'] => {
    if (matchesAny(rules.wholes, source)) return 'whole';
    if (matchesAny(rules.parts, source)) return 'part';
    if (rules.sums) return matchesAny(rules.sums, source) ? 'sum' : 'part';
    return NESTED_CHIPS.test(source) ? 'part' : 'sum';
  };
  return {
    name: folder.split('/').at(-1) ?? folder,
    meters: new Map([...meters].filter(([source]) => isWall(source))),
    chips: new Map(
      [...chips].map(([source, series]) => [source, { ...series, role: roleOf(source) }]),
    ),
  };
}

const matchesAny = (patterns: readonly string[], source: string): boolean =>
  patterns.some((pattern) =>
    pattern.startsWith('*/') ? source.endsWith(pattern.slice(1)) : pattern === source,
  );

async function readRules(folder: string): Promise<SetRules> {
  const path = [folder, dirname(folder)]
    .map((place) => join(place, 'set.json'))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) return { meters: undefined, sums: undefined, wholes: [], parts: [] };
  let document: unknown;
  try {
    document = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw fault(path, 'it is no JSON', 'repair or remove the file', error);
  }
  const meter = member(document, 'meter');
  const chips = member(document, 'chips');
  const partOf = member(chips, 'part_of');
  const whole = member(chips, 'whole');
  return {
    meters: texts(member(meter, 'sources')),
    sums: texts(member(chips, 'sum_of')),
    wholes: typeof whole === 'string' ? [whole] : (texts(whole) ?? []),
    parts: typeof partOf === 'object' && partOf !== null ? Object.keys(partOf) : [],
  };
}

function member(tree: unknown, key: string): unknown {
  if (typeof tree !== 'object' || tree === null) return undefined;
  const found: unknown = Object.getOwnPropertyDescriptor(tree, key)?.value;
  return found;
}

function texts(list: unknown): readonly string[] | undefined {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : undefined;
}

interface Rows {
  readonly quantity: 'power_w' | 'energy_j';
  readonly rows: { readonly timeNs: bigint; readonly reading: number }[];
}

/** Series by source; where a source has both a counter and a power, the counter is taken. */
async function readSeries(path: string): Promise<Map<string, ReplaySeries>> {
  const text = await readText(path);
  const tables = new Map<string, Rows>();
  const lines = text.split('\n');
  if (lines[0]?.trim() !== HEADER) {
    throw fault(`${path}:1`, `the header is not "${HEADER}"`, 'write neutral readings');
  }
  for (let index = 1; index < lines.length; index += 1) {
    const line = (lines[index] ?? '').trimEnd();
    if (line === '') continue;
    const [time = '', source = '', quantity = '', amount = ''] = line.split(',');
    const timeNs = parseInstant(time);
    const reading = amount === '' ? NaN : Number(amount);
    const known = quantity === 'power_w' || quantity === 'energy_j';
    if (timeNs === undefined || source === '' || !known || !Number.isFinite(reading)) {
      throw fault(
        `${path}:${index + 1}`,
        `"${line.slice(0, 80)}" is no neutral reading`,
        `write ${HEADER}`,
      );
    }
    const key = `${quantity} ${source}`;
    const table = tables.get(key) ?? { quantity, rows: [] };
    table.rows.push({ timeNs, reading });
    tables.set(key, table);
  }
  const series = new Map<string, ReplaySeries>();
  for (const [key, table] of tables) {
    const source = key.slice(key.indexOf(' ') + 1);
    if (table.quantity === 'power_w' && tables.has(`energy_j ${source}`)) continue;
    series.set(source, ordered(table));
  }
  return series;
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  try {
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw fault(path, 'it is no gzip file', 'compress it again or leave it plain', error);
  }
}

/** In order of time; of several rows with one stamp the last stands. */
function ordered(table: Rows): ReplaySeries {
  const rows = table.rows.toSorted((a, b) =>
    a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0,
  );
  const kept = rows.filter((row, index) => rows[index + 1]?.timeNs !== row.timeNs);
  return {
    quantity: table.quantity,
    timesNs: BigInt64Array.from(kept.map((row) => row.timeNs)),
    readings: Float64Array.from(kept.map((row) => row.reading)),
  };
}

function fault(where: string, what: string, remedy: string, cause?: unknown): SiteFault {
  return new SiteFault({ where, what, remedy }, { cause });
}
