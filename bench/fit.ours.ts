// Our side of the fit benchmark, in a process of its own so that its memory is its own: days of counters are read from a
// file one after the other, aligned and fitted by the built product. With `read-first` they are all read before time is
// taken, as for the peers. Prints one JSON object.
import { open } from 'node:fs/promises';
import { instantNs } from '../src/quantity/time.ts';
import type { DayCounters } from '../src/calibrate/long/day-rows.ts';
import type * as LongFit from '../src/calibrate/long/long-fit.ts';
import type * as Workers from '../src/cli/calibrate/chunk-workers.ts';
import { CHIPS, DAY_BYTES, DAY_READINGS_COUNT, DRIFT_S, OFFSET_S } from './fit.counters.ts';

const [path = '', days = '1', workers = '', order = ''] = process.argv.slice(2);

// Worker threads run the built files, so everything here does.
const built = (name: string): string => new URL(`../dist/${name}.js`, import.meta.url).href;
const { fitDays, storeDays } = (await import(built('calibrate/long/long-fit'))) as typeof LongFit;
const { startChunkWorkers } = (await import(
  built('cli/calibrate/chunk-workers')
)) as typeof Workers;

async function* readDays(daysCount: number): AsyncGenerator<DayCounters, void, undefined> {
  const file = await open(path);
  try {
    for (let day = 0; day < daysCount; day++) {
      const memory = new SharedArrayBuffer(DAY_BYTES);
      const { bytesRead } = await file.read(new Uint8Array(memory), 0, DAY_BYTES, day * DAY_BYTES);
      if (bytesRead !== DAY_BYTES) throw new Error(`${path} ends on day ${String(day)}`);
      const column = (index: number): Float64Array =>
        new Float64Array(memory, 8 * index * DAY_READINGS_COUNT, DAY_READINGS_COUNT);
      const chipsAtS = column(1);
      yield {
        originNs: instantNs(1_735_689_600_000_000_000n + BigInt(day) * 86_400_000_000_000n),
        feeds: [{ atS: column(0), countJ: column(2), ceilingW: 1e6 }],
        chips: CHIPS.map((_, chip) => ({
          counter: { atS: chipsAtS, countJ: column(3 + chip), ceilingW: 5e3 },
          addTo: [chip],
          takeFrom: [],
        })),
        termsCount: CHIPS.length,
        clock: { offsetS: OFFSET_S + DRIFT_S * day, rateRatio: 0, pivotS: 0 },
        rowS: 1,
      };
    }
  } finally {
    await file.close();
  }
}

async function readAll(daysCount: number): Promise<readonly DayCounters[]> {
  const all: DayCounters[] = [];
  for await (const day of readDays(daysCount)) all.push(day);
  return all;
}

const terms = CHIPS.map((name) => ({
  name,
  sources: [name],
  less: [],
  prior: { lowerRatio: 0.9, meanRatio: 1.17, sdRatio: 0.12 },
}));
const seconds = (fromMs: number): number => (performance.now() - fromMs) / 1e3;

const pool = startChunkWorkers(workers === '' ? undefined : Number(workers));
const source = order === 'read-first' ? await readAll(Number(days)) : readDays(Number(days));
const startedMs = performance.now();
const stored = await storeDays(source, pool.mapChunks);
const alignS = seconds(startedMs);
const fitMs = performance.now();
const fit = await fitDays(stored, { terms, seed: 1, form: 'components' }, pool.mapChunks);
const fitS = seconds(fitMs);
const totalS = seconds(startedMs);
await pool.close();
if ('code' in fit) throw new Error(fit.because);
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    rows: fit.rowsCount,
    workers: pool.workersCount,
    align_s: alignS,
    fit_s: fitS,
    total_s: totalS,
    cpu_s: (user + system) / 1e6,
    rounds: fit.roundsCount,
    rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    parameters: [...fit.parameters],
  }),
);
