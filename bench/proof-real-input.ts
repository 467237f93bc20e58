// Proof on real input: recorded runs of real machines drive the registers of rehearsed meters; everything from there on
// is real - sockets, a mosquitto, an InfluxDB, the service. Run it with `npm run proof:real-input [-- --json] [-- --speed N]`.
//
// For each set: intervals in InfluxDB + the two edge remainders = the register's difference, to the µJ; the raw gap; and
// the error out of time: of corrections that were issued live, each by a model fitted before its interval, over the
// second half, and of a model fitted on the first part of the recording and applied to the later part.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shared } from '../test/fixtures.ts';
import { editSite, type Event, runTrueup, startTrueup } from '../test/journey/stack.ts';
import { type Influxd, startInfluxd } from '../test/publish/influxd.ts';
import { startBroker } from '../test/transport/mqtt-broker.ts';
import { fitFirstPredictLater, type LaterPart } from './proof/fit-first-predict-later.ts';

const SETS = [
  {
    name: 'dgx1-v100',
    expectedGap: 0.32,
    source: 'github.com/vladostp/an-experimental-comparison-of-software-based-power-meters',
    licence: 'CC BY-SA 4.0',
  },
  {
    name: 'ac922-pdu',
    expectedGap: 0.26,
    source: 'github.com/tud-zih-energy/2022-power9-occ',
    licence: 'CC BY 4.0',
  },
] as const;

interface PointProof {
  readonly point: string;
  readonly intervals: number;
  readonly intervals_uj: string;
  readonly head_uj: string;
  readonly tail_uj: string;
  readonly register_uj: string;
  readonly exact: boolean;
}

interface SetProof {
  readonly set: string;
  readonly sha256: string;
  readonly points: readonly PointProof[];
  readonly equals_ledger: boolean;
  readonly ledger_verifies: boolean;
  readonly raw_gap_percent: number;
  readonly live_error_percent: number;
  readonly live_intervals: number;
  readonly later: LaterPart;
  readonly seconds: number;
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, speed: { type: 'string', default: '60' } },
});
const say = (line: string): void => {
  if (!values.json) console.log(line);
};

const proofs: SetProof[] = [];
for (const set of SETS) {
  const folder = shared('data', set.name);
  if (folder === undefined) {
    console.error(
      `${set.name}: the recorded data is not here; set TRUEUP_FIXTURES to the folder that holds data/`,
    );
    process.exitCode = 4;
    continue;
  }
  say(`\n${set.name}: ${set.source}, ${set.licence}`);
  const proof = await prove(set.name, folder);
  proofs.push(proof);
  show(proof);
}
if (values.json) console.log(JSON.stringify({ speed: Number(values.speed), proofs }));
const failed = proofs.filter(
  (proof) =>
    !proof.equals_ledger ||
    !proof.ledger_verifies ||
    proof.points.some(({ exact }) => !exact) ||
    Math.abs(proof.live_error_percent) > 3 ||
    Math.abs(proof.later.error_percent) > 3,
);
if (failed.length > 0) {
  console.error(`not proved: ${failed.map(({ set }) => set).join(', ')}`);
  process.exitCode = 1;
}

async function prove(name: string, data: string): Promise<SetProof> {
  const startedMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'trueup-proof-'));
  const broker = await startBroker();
  const influxd = await startInfluxd();
  try {
    const siteFile = join(folder, 'site.yaml');
    const dataDir = join(folder, 'data');
    const database = `proof_${name.replace('-', '_')}`;
    const rack = startTrueup(
      'rehearse',
      '--rack-only',
      '--json',
      '--replay',
      data,
      '--speed',
      values.speed,
      '--site',
      siteFile,
      '--broker',
      broker.url,
    );
    await rack.waitFor(({ event }) => event === 'site', 120_000);
    await editSite(siteFile, (site) => {
      site['listen'] = '127.0.0.1:0';
      site['sinks'] = { influx: { kind: 'influxdb1', url: influxd.url, database } };
    });
    const service = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
    await service.waitFor(({ event }) => event === 'started');
    await untilPlayed(rack);
    // What was recorded last still has to settle: an interval and its wait, at this speed.
    await new Promise((resolve) => setTimeout(resolve, 2000 + 240_000 / Number(values.speed)));
    const code = await service.end();
    const ended = service.events.find(({ event }) => event === 'ended');
    if (code !== 0 || !ended)
      throw new Error(`the service ended with ${String(code)}:\n${service.lines.join('\n')}`);
    await rack.end();

    const points: PointProof[] = [];
    for (const remainder of ended['remainders'] as Record<string, string>[]) {
      points.push(await provePoint(influxd, database, remainder));
    }
    const reconciled = await runTrueup(
      'publish',
      '--reconcile',
      '--site',
      siteFile,
      '--data',
      dataDir,
      '--json',
    );
    const verified = await runTrueup('ledger', 'verify', dataDir);
    const rows = await nodeRows(influxd, database);
    return {
      set: name,
      sha256: await checksumOf(data),
      points,
      equals_ledger:
        reconciled.code === 0 && reconciled.events.every((event: Event) => event['equal'] === true),
      ledger_verifies: verified.code === 0,
      raw_gap_percent: 100 * gapOf(rows),
      ...liveError(rows),
      later: await fitFirstPredictLater(name, data, folder),
      seconds: (performance.now() - startedMs) / 1000,
    };
  } finally {
    await influxd.dispose();
    await broker.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function untilPlayed(rack: ReturnType<typeof startTrueup>): Promise<void> {
  const startedMs = performance.now();
  while (!rack.lines.some((line) => line.includes('has been played'))) {
    if (rack.child.exitCode !== null) throw new Error(`the rack ended:\n${rack.lines.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const elapsedS = (performance.now() - startedMs) / 1000;
    if (!values.json && process.stdout.isTTY)
      process.stdout.write(`\rplaying, ${elapsedS.toFixed(0)} s `);
  }
  if (!values.json && process.stdout.isTTY) process.stdout.write('\r');
}

/** What InfluxDB has of a point, against the register that the service read. */
async function provePoint(
  influxd: Influxd,
  database: string,
  remainder: Record<string, string>,
): Promise<PointProof> {
  const {
    point = '',
    head_uj: head = '0',
    tail_uj: tail = '0',
    register_from_uj: from = '0',
    register_until_uj: until = '0',
  } = remainder;
  const rows = await influxd.ask(
    database,
    `SELECT energy_uj FROM energy WHERE point = '${point}' AND kind = 'metered' AND time < '${remainder['until'] ?? ''}'`,
  );
  const column = rows[0]?.indexOf('energy_uj') ?? -1;
  const energies = rows.slice(1).map((row) => BigInt(row[column] ?? '0'));
  const sum = energies.reduce((total, next) => total + next, 0n);
  const register = BigInt(until) - BigInt(from);
  return {
    point,
    intervals: energies.length,
    intervals_uj: sum.toString(),
    head_uj: head,
    tail_uj: tail,
    register_uj: register.toString(),
    exact: energies.length > 0 && BigInt(head) + sum + BigInt(tail) === register,
  };
}

interface NodeRow {
  readonly at: string;
  metered?: number;
  chip?: number;
  corrected?: number;
}

/** Energy of the node in J by interval start and kind. */
async function nodeRows(influxd: Influxd, database: string): Promise<NodeRow[]> {
  const rows = await influxd.ask(
    database,
    `SELECT energy_uj, kind, point FROM energy WHERE point =~ /^node/`,
  );
  const header = rows[0] ?? [];
  const byTime = new Map<string, NodeRow>();
  for (const row of rows.slice(1)) {
    const at = row[header.indexOf('time')] ?? '';
    const kind = row[header.indexOf('kind')] ?? '';
    const energy = row[header.indexOf('energy_uj')] ?? '';
    if (energy === '' || (kind !== 'metered' && kind !== 'chip' && kind !== 'corrected')) continue;
    const known = byTime.get(at) ?? { at };
    known[kind] = Number(energy) / 1e6;
    byTime.set(at, known);
  }
  return [...byTime.values()].sort((a, b) => (BigInt(a.at) < BigInt(b.at) ? -1 : 1));
}

function gapOf(rows: readonly NodeRow[]): number {
  const both = rows.filter((row) => row.metered !== undefined && row.chip !== undefined);
  const wall = both.reduce((sum, row) => sum + (row.metered ?? 0), 0);
  return 1 - both.reduce((sum, row) => sum + (row.chip ?? 0), 0) / wall;
}

/** Corrections of the second half against the meter; every one was issued by a model fitted before its interval began. */
function liveError(rows: readonly NodeRow[]): {
  live_error_percent: number;
  live_intervals: number;
} {
  const later = rows
    .slice(Math.floor(rows.length / 2))
    .filter((row) => row.metered !== undefined && row.corrected !== undefined);
  const wall = later.reduce((sum, row) => sum + (row.metered ?? 0), 0);
  const corrected = later.reduce((sum, row) => sum + (row.corrected ?? 0), 0);
  return { live_error_percent: 100 * (corrected / wall - 1), live_intervals: later.length };
}

/** SHA-256 over the recorded files in the order of their names. */
async function checksumOf(folder: string): Promise<string> {
  const { readdir } = await import('node:fs/promises');
  const hash = createHash('sha256');
  const names = (await readdir(folder, { recursive: true }))
    .filter((name) => /(meter|chips)\.csv\.gz$/.test(name))
    .sort();
  for (const name of names) {
    hash.update(`${name}\n`);
    hash.update(await readFile(join(folder, name)));
  }
  return hash.digest('hex');
}

function show(proof: SetProof): void {
  for (const point of proof.points) {
    say(
      `  ${point.point}: ${String(point.intervals)} intervals ${point.intervals_uj} + head ${point.head_uj} + tail ${point.tail_uj} ` +
        `${point.exact ? '=' : '≠'} register ${point.register_uj} µJ`,
    );
  }
  say(
    `  sink equals ledger: ${proof.equals_ledger ? 'yes' : 'NO'}; ledger verifies: ${proof.ledger_verifies ? 'yes' : 'NO'}`,
  );
  say(`  raw gap, chips against wall: ${proof.raw_gap_percent.toFixed(1)} %`);
  say(
    `  live corrections, second half (${String(proof.live_intervals)} intervals): ${proof.live_error_percent.toFixed(2)} % of the wall's energy`,
  );
  say(
    `  ${proof.later.what}: ${proof.later.error_percent.toFixed(2)} %, stated U ${proof.later.u_percent.toFixed(2)} %`,
  );
  say(`  data sha256 ${proof.sha256}; ${proof.seconds.toFixed(0)} s`);
}
