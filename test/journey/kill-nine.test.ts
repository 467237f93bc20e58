// kill -9 at random instants of a rehearsal on a real broker and a real database: whatever was acknowledged, accepted or
// printed is in the ledger exactly once, the sink equals the ledger, and the ledger verifies.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { isRefusal } from '../../src/quantity/fault.ts';
import { parseNodeMessage } from '../../src/decode/node-message.ts';
import { readLedger } from '../../src/ledger/index.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { type Influxd, startInfluxd } from '../publish/influxd.ts';
import { type Broker, startBroker } from '../transport/mqtt-broker.ts';
import { editSite, type Program, runTrueup, startTrueup } from './stack.ts';

/** Fifty in CI; a person who waits for `npm test` gets fewer of the same. TRUEUP_KILLS sets it. */
const KILL_COUNT = Number(process.env['TRUEUP_KILLS'] ?? (process.env['CI'] === 'true' ? 50 : 8));
const seed = Number(process.env['TRUEUP_SEED'] ?? Date.now() % 1_000_000);

/** A small seeded generator (Park-Miller), so that a failure can be run again. */
function dice(from: number): () => number {
  let state = (from % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const started: { end: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});

testWith({ mosquitto: findProgram('mosquitto'), influxd: findProgram('influxd') })(
  `nothing is lost or doubled over ${String(KILL_COUNT)} kills`,
  { timeout: 600_000 },
  async () => {
    console.log(`seed ${String(seed)}: TRUEUP_SEED=${String(seed)} runs the same again`);
    const folder = await mkdtemp(join(tmpdir(), 'trueup-kill-'));
    started.push({ end: () => rm(folder, { recursive: true, force: true }) });
    const broker: Broker = await startBroker();
    started.push({ end: () => broker.remove() });
    const influxd: Influxd = await startInfluxd();
    started.push({ end: () => influxd.dispose() });
    const siteFile = join(folder, 'site.yaml');
    const dataDir = join(folder, 'data');

    const rack: Program = startTrueup(
      'rehearse',
      '--rack-only',
      '--json',
      '--site',
      siteFile,
      '--broker',
      broker.url,
      '--speed',
      '20',
      '--seed',
      '7',
    );
    started.push({ end: () => rack.end() });
    await rack.waitFor(({ event }) => event === 'site');
    await editSite(siteFile, (site) => {
      site['listen'] = '127.0.0.1:0';
      site['sinks'] = {
        influx: { kind: 'influxdb1', url: influxd.url, database: 'kill' },
        file: { kind: 'line-protocol-file' },
      };
    });

    const roll = dice(seed);
    const printed: {
      leaf: number;
      point: unknown;
      kind: unknown;
      start: unknown;
      energy_uj: unknown;
    }[] = [];
    const keep = (program: Program): void => {
      for (const each of program.events) {
        if (each.event !== 'settled') continue;
        const { leaf, point, kind, start, energy_uj } = each;
        printed.push({ leaf: Number(leaf), point, kind, start, energy_uj });
      }
    };
    for (let kill = 0; kill < KILL_COUNT; kill += 1) {
      const service = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
      // Some die while they start, most while they work.
      if (roll() < 0.8) await service.waitFor(({ event }) => event === 'started');
      await new Promise((resolve) => setTimeout(resolve, roll() * 1800));
      expect(await service.end('SIGKILL'), service.lines.join('\n')).toBe(-1);
      keep(service);
    }
    const last = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
    await last.waitFor(({ event }) => event === 'started');
    await new Promise((resolve) => setTimeout(resolve, 8000));
    expect(await last.end('SIGTERM'), last.lines.join('\n')).toBe(0);
    keep(last);

    const verified = await runTrueup('ledger', 'verify', dataDir);
    expect(verified, verified.lines.join('\n')).toMatchObject({ code: 0 });
    const reconciled = await runTrueup(
      'publish',
      '--reconcile',
      '--site',
      siteFile,
      '--data',
      dataDir,
      '--json',
    );
    expect(reconciled.events, reconciled.lines.join('\n')).toMatchObject([
      { sink: 'influx', equal: true, missing: 0, extra: 0, different: 0 },
      { sink: 'file', equal: true, missing: 0, extra: 0, different: 0 },
    ]);

    const ledger = await readLedger(dataDir);
    const leaves = new Map<number, string>();
    const versions = new Set<string>();
    for await (const { leaf, entry } of ledger.entries(0)) {
      if (entry.type !== 'statement') continue;
      const { point, kind, startNs, energyUj, version } = entry.statement;
      leaves.set(leaf, `${point} ${kind} ${energyUj?.toString() ?? 'none'}`);
      const key = `${point} ${kind} ${startNs.toString()} v${String(version)}`;
      expect(versions.has(key), `${key} twice`).toBe(false);
      versions.add(key);
    }
    for (const row of printed) {
      expect(leaves.get(row.leaf)).toBe(
        `${String(row.point)} ${String(row.kind)} ${typeof row.energy_uj === 'string' ? row.energy_uj : 'none'}`,
      );
    }
    expect(new Set(printed.map(({ leaf }) => leaf)).size).toBe(printed.length);

    const heard = new Map<string, bigint[]>();
    for await (const records of ledger.records(0)) {
      for (const record of records) {
        if (record.is !== 'exchange' || !record.exchange.source.startsWith('chips-')) continue;
        const message = record.exchange.fault ? undefined : parseNodeMessage(record.exchange.reply);
        if (!message || isRefusal(message)) continue;
        const known = heard.get(message.node) ?? [];
        known.push(message.seq);
        heard.set(message.node, known);
      }
    }
    ledger.close();
    expect(heard.size).toBeGreaterThan(0);
    for (const [node, sequence] of heard) {
      const sorted = [...sequence].sort((a, b) => (a < b ? -1 : 1));
      const first = sorted[0] ?? 0n;
      // Once each, and none missing: the broker kept for us whatever we had not acknowledged.
      expect(sorted, node).toEqual(sorted.map((_, index) => first + BigInt(index)));
    }
    console.log(
      `${String(KILL_COUNT)} kills: ${String(printed.length)} printed rows, ${String(leaves.size)} statements, ` +
        `${String([...heard.values()].reduce((sum, each) => sum + each.length, 0))} node messages, each in the ledger once`,
    );
  },
);
