// How fast readings become durable: exchanges through the real ledger with its group commit, and beside it what the same
// disk does with one SQLite row per reading (libsql, WAL, synchronous=FULL). Usage: tsx bench/journal.ts [--json]
import { mkdtempSync, rmSync, statSync, readdirSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { systemClock } from '../src/cli/system-clock.ts';
import { disk } from '../src/ledger/disk.ts';
import type { FilePort } from '../src/ledger/file-port.ts';
import { openLedger } from '../src/ledger/index.ts';
import type { Exchange } from '../src/quantity/exchange.ts';
import { NO_FLAGS } from '../src/quantity/exchange.ts';
import { instantNs } from '../src/quantity/time.ts';

const SECONDS = 4;
/** Appends that wait for a commit at one time: a thousand meters, or a burst from a broker. */
const WINDOW_COUNT = 2000;
const clock = systemClock();

interface Load {
  readonly name: string;
  readonly observationsCount: number;
  make(index: number): Exchange;
}

const REGISTERS = Buffer.from(Array.from({ length: 49 }, (_, at) => (at * 37) & 0xff));
const REQUEST = Buffer.from([0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 20]);

const loads: Load[] = [
  {
    name: 'Modbus replies of 20 registers, 10 observations each',
    observationsCount: 10,
    make(index) {
      const reply = Buffer.from(REGISTERS);
      reply.writeUInt32BE(index, 9);
      return exchangeOf(`m${String(index % 1000)}`, 'modbus-tcp', REQUEST, reply, 0);
    },
  },
  {
    name: 'node messages of 12 counters, MQTT QoS 1',
    observationsCount: 12,
    make(index) {
      const counters = Array.from(
        { length: 12 },
        (_, at) => `{"id":"nvml:GPU-${String(at)}","energy_uj":"${String(index * 1000 + at)}"}`,
      );
      const reply = Buffer.from(
        `{"v":1,"node":"n","seq":${String(index)},"counters":[${counters.join(',')}]}`,
      );
      const topic = Buffer.from('trueup/nodes/n1');
      return exchangeOf(`chips-${String(index % 200)}`, 'mqtt', topic, reply, 1 + (index % 65_535));
    },
  },
];

function exchangeOf(
  source: string,
  form: Exchange['form'],
  request: Uint8Array,
  reply: Uint8Array,
  packetId: number,
): Exchange {
  const atNs = instantNs(1_780_000_000_000_000_000n);
  const flags = packetId === 0 ? NO_FLAGS : { ...NO_FLAGS, packetId };
  return {
    source,
    form,
    request,
    reply,
    sentNs: atNs,
    firstByteNs: atNs,
    lastByteNs: atNs,
    fault: undefined,
    flags,
  };
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

async function measure(load: Load) {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
  const commitMs: number[] = [];
  let beganMs: number | undefined;
  const timed: FilePort = {
    ...disk,
    openAppend: async (path) => {
      const file = await disk.openAppend(path);
      return {
        ...file,
        append: (bytes) => {
          beganMs ??= performance.now();
          return file.append(bytes);
        },
        sync: async () => {
          await file.sync();
          commitMs.push(performance.now() - (beganMs ?? performance.now()));
          beganMs = undefined;
        },
      };
    },
  };
  const ledger = await openLedger(folder, {
    rehearsal: true,
    nowNs: () => clock.nowNs(),
    files: timed,
  });
  const made = Array.from({ length: 20_000 }, (_, at) => load.make(at));
  const run = async (forMs: number): Promise<{ count: number; tookMs: number }> => {
    const from = performance.now();
    let count = 0;
    const lane = async (): Promise<void> => {
      while (performance.now() - from < forMs) {
        const group: Promise<number>[] = [];
        for (let at = 0; at < WINDOW_COUNT / 4; at++) {
          const one = made[count++ % made.length];
          if (one) group.push(ledger.journal.append(one));
        }
        await Promise.all(group);
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
    return { count, tookMs: performance.now() - from };
  };
  await run(500);
  commitMs.length = 0;
  const startBytes = ledger.journal.end;
  const cpuFrom = process.cpuUsage();
  const { count, tookMs } = await run(SECONDS * 1000);
  const cpu = process.cpuUsage(cpuFrom);
  const journalBytes = ledger.journal.end - startBytes;
  const rssMb = process.memoryUsage().rss / 1e6;

  const sealFrom = performance.now();
  await ledger.seal([]);
  const sealMs = performance.now() - sealFrom;

  const scanFrom = performance.now();
  let scannedCount = 0;
  for await (const batch of ledger.journal.scanBatches(0)) scannedCount += batch.length;
  const scanS = (performance.now() - scanFrom) / 1000;
  await ledger.close();
  rmSync(folder, { recursive: true });
  commitMs.sort((a, b) => a - b);
  const seconds = tookMs / 1000;
  return {
    load: load.name,
    exchanges_per_s: Math.round(count / seconds),
    observations_per_s: Math.round((count * load.observationsCount) / seconds),
    mb_per_s: Number((journalBytes / 1e6 / seconds).toFixed(1)),
    bytes_per_observation: Number((journalBytes / count / load.observationsCount).toFixed(1)),
    commits_per_s: Math.round(commitMs.length / seconds),
    commit_p50_ms: Number(quantile(commitMs, 0.5).toFixed(2)),
    commit_p99_ms: Number(quantile(commitMs, 0.99).toFixed(2)),
    cpu_cores: Number(((cpu.user + cpu.system) / 1000 / tookMs).toFixed(2)),
    rss_mb: Math.round(rssMb),
    seal_ms: Number(sealMs.toFixed(1)),
    scan_exchanges_per_s: Math.round(scannedCount / scanS),
    scan_observations_per_s: Math.round((scannedCount * load.observationsCount) / scanS),
  };
}

/** The usual way: one row per reading, so many rows per commit. */
function measureRows(rowsPerCommitCount: number) {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
  const database = new Database(join(folder, 'rows.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(
    'CREATE TABLE readings(series INTEGER, ts INTEGER, reading REAL, quality INTEGER, PRIMARY KEY(series, ts)) WITHOUT ROWID',
  );
  const insert = database.prepare('INSERT INTO readings VALUES (?, ?, ?, ?)');
  const from = performance.now();
  let rowsCount = 0;
  while (performance.now() - from < SECONDS * 1000) {
    database.exec('BEGIN');
    for (let at = 0; at < rowsPerCommitCount; at++, rowsCount++) {
      insert.run(rowsCount % 10_000, 1_780_000_000_000 + rowsCount, rowsCount * 0.5, 0);
    }
    database.exec('COMMIT');
  }
  const seconds = (performance.now() - from) / 1000;
  database.close();
  const sizeBytes = readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  );
  rmSync(folder, { recursive: true });
  return {
    load: `libsql, a row per reading, ${String(rowsPerCommitCount)} rows per commit`,
    observations_per_s: Math.round(rowsCount / seconds),
    bytes_per_observation: Number((sizeBytes / rowsCount).toFixed(1)),
  };
}

const ours = [];
for (const load of loads) ours.push(await measure(load));
const peers = [1000, 10_000].map(measureRows);
const bestPeer = Math.max(...peers.map((peer) => peer.observations_per_s));
const report = {
  bench: 'journal',
  node: process.version,
  cores: cpus().length,
  goal_observations_per_s: 500_000,
  ours,
  peers,
  ratio_to_best_peer: ours.map((one) => Number((one.observations_per_s / bestPeer).toFixed(1))),
};

if (process.argv.includes('--json')) {
  console.log(JSON.stringify(report));
} else {
  const grouped = (count: number): string => count.toLocaleString('en-GB');
  for (const one of ours) {
    console.log(`\n${one.load}`);
    console.log(
      `  durable      ${grouped(one.observations_per_s)} observations/s (${grouped(one.exchanges_per_s)} exchanges/s, ${String(one.mb_per_s)} MB/s, ${String(one.bytes_per_observation)} B each)`,
    );
    console.log(
      `  commits      ${grouped(one.commits_per_s)}/s, p50 ${String(one.commit_p50_ms)} ms, p99 ${String(one.commit_p99_ms)} ms`,
    );
    console.log(
      `  cost         ${String(one.cpu_cores)} cores, ${String(one.rss_mb)} MB; sealing it all took ${String(one.seal_ms)} ms`,
    );
    console.log(
      `  scan         ${grouped(one.scan_observations_per_s)} observations/s (${grouped(one.scan_exchanges_per_s)} exchanges/s)`,
    );
  }
  console.log('');
  for (const peer of peers) {
    console.log(
      `${peer.load}: ${grouped(peer.observations_per_s)} observations/s, ${String(peer.bytes_per_observation)} B each`,
    );
  }
  console.log(
    `\nours to the best peer: ${report.ratio_to_best_peer.map((ratio) => `${String(ratio)} x`).join(', ')}; goal 500,000 observations/s on Node ${process.version}, ${String(report.cores)} cores`,
  );
}
