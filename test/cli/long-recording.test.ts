// Recordings of more than two days go day by day: through the command line, from CSV files of seconds, with clocks that drift.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { daySlices } from '../../src/cli/calibrate/day-slices.ts';
import { isLongRecording } from '../../src/cli/calibrate/long-recording.ts';
import { longDays, LONG, type LongTruth } from '../calibrate/long-node.ts';

const TRUEUP = join(import.meta.dirname, '../../dist/cli/trueup.js');
const folder = mkdtempSync(join(tmpdir(), 'trueup-long-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const CHIPS = ['rapl:package-0', 'rapl:package-1', 'rapl:dram-0', 'nvml:0', 'nvml:1', 'nvml:2'];

/** Days of a made-up node as a run folder, one reading in `every` seconds. */
function writeRun(name: string, truth: LongTruth, every = 1): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  const meter = ['time,source,quantity,value'];
  const chips = ['time,source,quantity,value'];
  for (const { counters } of longDays(truth)) {
    const stamp = (atS: number): string =>
      new Date(Number(counters.originNs / 1_000_000n) + Math.round(1000 * atS)).toISOString();
    const { atS, countJ } = counters.feeds[0]!;
    for (let index = 0; index < atS.length; index += every) {
      meter.push(`${stamp(atS[index]!)},wall,energy_j,${countJ[index]!.toFixed(3)}`);
    }
    const chipsAtS = counters.chips[0]!.counter.atS;
    for (let index = 0; index < chipsAtS.length; index += every) {
      counters.chips.forEach(({ counter }, chip) => {
        chips.push(
          `${stamp(chipsAtS[index]!)},${CHIPS[chip]!},energy_j,${counter.countJ[index]!.toFixed(3)}`,
        );
      });
    }
  }
  writeFileSync(join(path, 'meter.csv'), `${meter.join('\n')}\n`);
  writeFileSync(join(path, 'chips.csv.gz'), gzipSync(`${chips.join('\n')}\n`, { level: 1 }));
  return path;
}

const TRUTH: LongTruth = {
  ...LONG,
  daysCount: 6,
  seconds: 33_000,
  gains: [1.3, 1.3, 1.3, 1.05, 1.05, 1.05],
  noiseW: 3,
  wanderW: 2,
  driftS: 3,
};

describe('a long recording', () => {
  test('is told from a short one without reading it whole', async () => {
    const short = writeRun('short', { ...TRUTH, daysCount: 2, seconds: 900 });
    expect(await isLongRecording([short])).toBe(false);
    expect(await isLongRecording([join(folder, 'nowhere')])).toBe(false);
  });

  test('is fitted day by day, as a model that apply takes', async () => {
    const run = writeRun('week', TRUTH);
    expect(await isLongRecording([run])).toBe(true);
    const model = join(folder, 'model.json');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [TRUEUP, 'calibrate', 'fit', run, '--model', model, '--json'],
      { encoding: 'utf8' },
    );
    expect(stderr).toContain('read day by day');
    expect(stderr).toContain('fitting 6 days');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runs_count: 6 });
    const set = JSON.parse(readFileSync(model, 'utf8')) as {
      models: {
        intercept_w: number;
        terms: { name: string; gain_ratio: number }[];
        offset_ns: string;
        detail: { level_w: number; left_out: { by_day: unknown[] } };
      }[];
    };
    const [found] = set.models;
    const gains = new Map(found!.terms.map((term) => [term.name, term.gain_ratio]));
    expect(gains.get('cpu')).toBeCloseTo(1.3, 1);
    expect(gains.get('gpu')).toBeCloseTo(1.05, 1);
    // The offset of the last day at noon: 1.7 s, and 3 s more on each day.
    expect(Number(found!.offset_ns) / 1e9).toBeGreaterThan(15.5);
    expect(Number(found!.offset_ns) / 1e9).toBeLessThan(18.5);
    expect(found!.detail.left_out.by_day).toHaveLength(6);
    const report = join(folder, 'report.html');
    const reported = spawnSync(
      process.execPath,
      [TRUEUP, 'calibrate', 'report', '--model', model, '--out', report, '--json'],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(reported.stdout)).toMatchObject({ models_count: 1, figures_count: 1 });
    const page = readFileSync(report, 'utf8');
    expect(page.match(/<svg/g)!.length).toBeGreaterThanOrEqual(6);
    for (const day of ['2025-01-01', '2025-01-06']) expect(page).toContain(day);
    const chips = writeRun('later', {
      ...TRUTH,
      daysCount: 1,
      seconds: 1800,
      offsetS: 16.7,
      seed: 9,
    });
    const applied = spawnSync(
      process.execPath,
      [
        TRUEUP,
        ...['calibrate', 'apply', '--model', model, '--chips', join(chips, 'chips.csv.gz')],
        ...['--every', '600', '--out', join(folder, 'out.csv'), '--json'],
      ],
      { encoding: 'utf8' },
    );
    expect(applied.status, applied.stderr).toBe(0);
    expect(JSON.parse(applied.stdout)).toMatchObject({ refused_count: 0 });
  }, 240_000);

  test('that is not in order of time is refused, with what to do', async () => {
    const run = writeRun('mixed', { ...TRUTH, daysCount: 3, seconds: 600 }, 5);
    const path = join(run, 'meter.csv');
    const read = async (): Promise<number[]> => {
      const counts: number[] = [];
      for await (const day of daySlices(path)) counts.push(day.readingsCount);
      return counts;
    };
    // A stamp may jitter to the other side of midnight.
    const counts = await read();
    expect(counts).toHaveLength(3);
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(363);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const late = lines[5]!;
    // The file must be read in more than one piece for a day to be closed before its end.
    const filler = Array.from({ length: 20_000 }, (_, index) => {
      const at = new Date(Date.UTC(2025, 0, 5) + 1000 * index).toISOString();
      return `${at},wall,energy_j,${String(2e9 + 900 * index)}`;
    });
    appendFileSync(path, `${[...filler, late].join('\n')}\n`);
    await expect(read()).rejects.toThrow('order of time');
    appendFileSync(path, 'nonsense\n');
    writeFileSync(path, `${[lines[0], 'nonsense', ...lines.slice(1)].join('\n')}\n`);
    await expect(read()).rejects.toThrow('meter.csv:2');
  });
});
