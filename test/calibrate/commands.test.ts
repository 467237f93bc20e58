// The contract of `trueup calibrate fit` and `apply`, as scripts rely on it: files in, files out, words and exit codes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { calibrate } from '../../src/cli/calibrate/calibrate.ts';
import { formatInstant, instantNs } from '../../src/quantity/time.ts';
import { PLAIN, sampleNode, type NodeSamples } from './synthetic-node.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-calibrate-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** 2023-11-14T22:13:00Z, a whole minute. */
const START_S = 1_699_999_980;
const stampOf = (atS: number): string =>
  formatInstant(instantNs(BigInt(Math.round((START_S + atS) * 1e3)) * 1_000_000n));

function linesOf(
  atS: Float64Array,
  sources: ReadonlyMap<string, Float64Array>,
  prefix = '',
): string[] {
  return [...atS].flatMap((each, row) =>
    [...sources].map(
      ([source, w]) => `${stampOf(each)},${prefix}${source},power_w,${w[row]!.toFixed(3)}`,
    ),
  );
}
const csv = (lines: readonly string[]): string =>
  `time,source,quantity,value\n${lines.join('\n')}\n`;

function writeRun(name: string, meter: string[], chips: string[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'meter.csv'), csv(meter));
  writeFileSync(join(path, 'chips.csv.gz'), gzipSync(csv(chips)));
  return path;
}
const wallOf = (samples: NodeSamples): Map<string, Float64Array> =>
  new Map([['wall', samples.wallW]]);

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const code = await calibrate(
    argv,
    { out: (line) => void io.out(line), err: (line) => void io.err(line) },
    { nowNs: () => instantNs(1_700_100_000_000_000_000n) },
  );
  return { code, out: out.join('\n'), err: err.join('\n') };
}
const rowsOf = (path: string): Record<string, string>[] => {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const fields = line.split(',');
    return Object.fromEntries(names.map((name, index) => [name, fields[index] ?? '']));
  });
};

const first = sampleNode({ ...PLAIN, seed: 31 });
const second = sampleNode({ ...PLAIN, seconds: 600, seed: 32 });
const one = writeRun('one', linesOf(first.atS, wallOf(first)), linesOf(first.atS, first.chipsW));
const two = writeRun(
  'two',
  linesOf(second.atS, wallOf(second)),
  linesOf(second.atS, second.chipsW),
);
const model = join(folder, 'm.json');
const chips = join(two, 'chips.csv.gz');
const out = join(folder, 'out.csv');

describe('one node', () => {
  test('fit writes a model and says what it found', async () => {
    const done = await run('fit', one, '--model', model, '--json');
    expect(done.code).toBe(0);
    const told = JSON.parse(done.out) as { models: { standing: string; gap_percent: number }[] };
    expect(told.models[0]).toMatchObject({ standing: 'accepted' });
    expect(told.models[0]!.gap_percent).toBeGreaterThan(20);
    expect((JSON.parse(readFileSync(model, 'utf8')) as { format: string }).format).toMatch(
      /^trueup-/,
    );
  });

  test('--every gives rows on whole multiples; their sum is the energy of the wall', async () => {
    const done = await run(
      'apply',
      '--model',
      model,
      '--chips',
      chips,
      '--every',
      '60',
      '--out',
      out,
    );
    expect(done.code, done.err).toBe(0);
    expect(readFileSync(out, 'utf8').split('\n')[0]).toBe(
      'start,duration_s,energy_wh,u_wh,quality',
    );
    const rows = rowsOf(out);
    for (const row of rows) {
      expect(Date.parse(row['start']!) % 60_000).toBe(0);
      expect(row['quality']).toBe(Number(row['duration_s']) === 60 ? 'derived' : 'partial');
      expect(Number(row['u_wh'])).toBeGreaterThan(0);
    }
    const wallWh = second.wallW.reduce((sum, w) => sum + w, 0) / 3600;
    const sumWh = rows.reduce((sum, row) => sum + Number(row['energy_wh']), 0);
    expect(Math.abs(sumWh / wallWh - 1)).toBeLessThan(0.01);
    expect(rows.reduce((sum, row) => sum + Number(row['duration_s']), 0)).toBeCloseTo(600, 1);
  });

  test('native gives one row per chip window, a span gives one row, a span half outside is partial', async () => {
    await run('apply', '--model', model, '--chips', chips, '--every', 'native', '--out', out);
    expect(rowsOf(out)).toHaveLength(600);
    const span = ['--from', stampOf(100), '--until', stampOf(400), '--out', out];
    expect((await run('apply', '--model', model, '--chips', chips, ...span)).code).toBe(0);
    expect(rowsOf(out)).toMatchObject([
      { start: stampOf(100), duration_s: '300', quality: 'derived' },
    ]);
    const half = ['--from', stampOf(500), '--until', stampOf(700), '--out', out];
    await run('apply', '--model', model, '--chips', chips, ...half);
    const [row] = rowsOf(out);
    expect(row!['quality']).toBe('partial');
    expect(Number(row!['duration_s'])).toBeCloseTo(100, 0);
  });

  test('chips in the wrong unit and times without chips are refused with an empty energy and exit 3', async () => {
    const big = join(folder, 'big.csv');
    const scaled = new Map(
      [...second.chipsW].map(([name, w]) => [name, w.map((each) => each * 1000)]),
    );
    writeFileSync(big, csv(linesOf(second.atS, scaled)));
    const done = await run(
      'apply',
      '--model',
      model,
      '--chips',
      big,
      '--every',
      '60',
      '--out',
      out,
    );
    expect(done.code).toBe(3);
    expect(done.err).toContain('calibrate.out-of-range');
    for (const row of rowsOf(out)) expect(row).toMatchObject({ energy_wh: '', quality: 'refused' });
    const away = [
      '--from',
      '2030-01-01T00:00:00Z',
      '--until',
      '2030-01-01T00:10:00Z',
      '--out',
      out,
    ];
    expect((await run('apply', '--model', model, '--chips', chips, ...away)).code).toBe(3);
    expect(rowsOf(out)).toMatchObject([{ energy_wh: '', quality: 'refused' }]);
  });

  test('a spot metering finds a level that chips cannot show', async () => {
    const shifted = second.wallW.map((w) => w + 157);
    const spot = join(folder, 'spot.csv');
    const from = 200;
    writeFileSync(
      spot,
      csv(
        linesOf(
          second.atS.slice(from, from + 45),
          new Map([['wall', shifted.slice(from, from + 45)]]),
        ),
      ),
    );
    const span = ['--from', stampOf(0), '--until', stampOf(600), '--out', out];
    await run('apply', '--model', model, '--chips', chips, '--spot', spot, ...span);
    const [row] = rowsOf(out);
    const wallWh = shifted.reduce((sum, w) => sum + w, 0) / 3600;
    const staleWh = second.wallW.reduce((sum, w) => sum + w, 0) / 3600;
    const share = (Number(row!['energy_wh']) - staleWh) / (wallWh - staleWh);
    expect(share).toBeGreaterThan(0.95);
    expect(share).toBeLessThan(1.05);
  });

  test('a flat load is refused with exit 3, broken files with 1, wrong usage with 2', async () => {
    const steady = sampleNode({ ...PLAIN, seconds: 300, steady: true });
    const flat = writeRun(
      'flat',
      linesOf(steady.atS, wallOf(steady)),
      linesOf(steady.atS, steady.chipsW),
    );
    const refused = await run('fit', flat, '--model', join(folder, 'none.json'));
    expect(refused.code).toBe(3);
    expect(refused.err).toContain('calibrate.flat');
    const broken = writeRun(
      'broken',
      ['2023-11-14T22:13:20,wall,power_w,5'],
      linesOf(second.atS, second.chipsW),
    );
    const wrong = await run('fit', broken, '--model', join(folder, 'none.json'));
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('meter.csv:2');
    expect((await run('fit', join(folder, 'absent'), '--model', 'x.json')).code).toBe(1);
    expect((await run('fit', one)).code).toBe(2);
    expect((await run('apply', '--model', model, '--chips', chips, '--out', out)).code).toBe(2);
    expect(
      (await run('apply', '--model', chips, '--chips', chips, '--every', '60', '--out', out)).code,
    ).toBe(1);
    expect((await run('guess')).code).toBe(2);
  });

  test('unsorted, repeated and negative meter samples are counted and do no harm', async () => {
    const lines = linesOf(first.atS, wallOf(first));
    const messy = [...lines.slice(1000), ...lines.slice(0, 1000), ...lines.slice(50, 90)];
    messy.push(`${stampOf(0.5)},wall,power_w,-2`);
    const path = writeRun('messy', messy, linesOf(first.atS, first.chipsW));
    const clean = join(folder, 'clean.json');
    const done = await run('fit', path, '--model', clean, '--json');
    expect(done.code).toBe(0);
    expect(done.err).toContain('duplicate');
    expect(done.err).toContain('negative');
    const told = JSON.parse(done.out) as {
      flawed_samples_count: number;
      models: { intercept_w: number }[];
    };
    // Three places where time falls, forty repeats, one sentinel.
    expect(told.flawed_samples_count).toBe(3 + 40 + 1);
    expect(told.models[0]!.intercept_w).toBeGreaterThan(PLAIN.interceptW - 10);
  });
});

describe('nodes of one type', () => {
  test('are pooled, and a node that was never metered gets an answer with a wider band', async () => {
    const meter: string[] = [];
    const chipLines: string[] = [];
    for (const [index, factor] of [0.99, 1, 1.01].entries()) {
      const samples = sampleNode({ ...PLAIN, seconds: 900, seed: 50 + index });
      const wall = new Map([['wall', samples.wallW.map((w) => w * factor)]]);
      meter.push(...linesOf(samples.atS, wall, `node-0${index}/`));
      chipLines.push(...linesOf(samples.atS, samples.chipsW, `node-0${index}/`));
    }
    const path = writeRun('fleet', meter, chipLines);
    const fleet = join(folder, 'fleet.json');
    expect((await run('fit', path, '--model', fleet)).code).toBe(0);
    const both = join(folder, 'both.csv');
    writeFileSync(
      both,
      csv([
        ...linesOf(second.atS, second.chipsW, 'node-01/'),
        ...linesOf(second.atS, second.chipsW, 'node-77/'),
      ]),
    );
    const span = ['--from', stampOf(0), '--until', stampOf(600), '--out', out];
    const done = await run('apply', '--model', fleet, '--chips', both, ...span);
    expect(done.code, done.err).toBe(0);
    expect(readFileSync(out, 'utf8').split('\n')[0]).toBe(
      'machine,start,duration_s,energy_wh,u_wh,quality',
    );
    const [seen, unseen] = rowsOf(out);
    expect([seen!['machine'], unseen!['machine']]).toEqual(['node-01', 'node-77']);
    expect(Number(unseen!['u_wh'])).toBeGreaterThan(Number(seen!['u_wh']));
    const wallWh = second.wallW.reduce((sum, w) => sum + w, 0) / 3600;
    expect(Math.abs(Number(unseen!['energy_wh']) - wallWh)).toBeLessThan(Number(unseen!['u_wh']));
  });
});

describe('watch', () => {
  const hour = 3600;
  const early = sampleNode({ ...PLAIN, seconds: 900, seed: 61 });
  const late = sampleNode({ ...PLAIN, seconds: 900, seed: 62 });
  const moved = (samples: NodeSamples, byS: number, aboveW: number): string[] =>
    linesOf(
      samples.atS.map((atS) => atS + byS),
      new Map([['wall', samples.wallW.map((w) => w + aboveW)]]),
    );
  const chipsAt = (samples: NodeSamples, byS: number): string[] =>
    linesOf(
      samples.atS.map((atS) => atS + byS),
      samples.chipsW,
    );
  const quiet = writeRun('quiet', moved(early, 2 * hour, 0), chipsAt(early, 2 * hour));
  const raised = writeRun('raised', moved(late, 20 * hour, 150), chipsAt(late, 20 * hour));

  test('tells a step across a gap, within a minute of metering, in whatever order folders come', async () => {
    const done = await run('watch', '--model', model, raised, quiet, '--json');
    expect(done.code, done.err).toBe(0);
    const life = JSON.parse(done.out) as {
      changes_count: number;
      metered_s: number;
      level_w: number;
      level_u_w: number;
      static_error_percent: number;
      anchored_error_percent: number;
      events: Record<string, number | string>[];
    };
    expect(life.changes_count).toBe(1);
    const [step] = life.events.filter(({ kind }) => kind === 'step');
    expect(step).toMatchObject({ run: 'raised', changed: stampOf(20 * hour) });
    expect(step!['metered_s']).toBeLessThanOrEqual(60);
    expect(Math.abs(Number(step!['step_w']) - 150)).toBeLessThanOrEqual(Number(step!['u_w']));
    expect(Math.abs(life.level_w - 150)).toBeLessThanOrEqual(life.level_u_w + 5);
    expect(Math.abs(life.static_error_percent)).toBeGreaterThan(5);
    expect(Math.abs(life.anchored_error_percent)).toBeLessThan(1);
  });

  test('says for people what holds now', async () => {
    const done = await run('watch', '--model', model, quiet);
    expect(done.code, done.err).toBe(0);
    expect(done.out).toMatch(/^watched 0\.25 h: 0 changes, level now [+-]\d+\.\d W ± \d/m);
    expect(done.out).toMatch(/^energy off by /m);
  });

  test('leaves out what it cannot compare, and says so', async () => {
    const other = writeRun(
      'other',
      moved(early, 0, 0),
      linesOf(early.atS, new Map([['rapl:package-7', early.wallW]])),
    );
    const done = await run('watch', '--model', model, other);
    expect(done.code).toBe(3);
    expect(done.err).toMatch(/align\.overlap.*left out/);
    expect((await run('watch', '--model', join(folder, 'none.json'), quiet)).code).toBe(1);
    expect((await run('watch', '--model', model, join(folder, 'nowhere'))).code).toBe(1);
  });
});
