// Whatever is wrong with a recording, a fit refuses it or says what it left out: never a confident wrong number. Files are
// as users have them; each case names what was done to a recording whose truth is known.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PLAIN, sampleNode, type NodeSamples } from './synthetic-node.ts';
import { RunFiles, stampOf, type Columns, type Told } from './run-files.ts';

const files = new RunFiles();
afterAll(() => {
  files.remove();
});

const node = sampleNode({ ...PLAIN, seconds: 1200, seed: 77 });
const wall = (w: ArrayLike<number> = node.wallW): Columns => new Map([['wall', w]]);
const chips = (changed: Readonly<Record<string, ArrayLike<number>>> = {}): Columns =>
  new Map([...node.chipsW, ...Object.entries(changed)]);
const chipOf = (name: string): Float64Array => node.chipsW.get(name)!;
const scaled = (w: Float64Array, by: number): Float64Array => w.map((each) => each * by);
const fitOf = (meter: Columns, chipColumns: Columns): Promise<Told> =>
  files.fit(files.run(files.linesOf(node.atS, meter), files.linesOf(node.atS, chipColumns)));

/** Close to the truth: what is wrong was left out, not learnt. */
function expectTruth({ code, model, err }: Told, toleranceW = 12): void {
  expect(code, err).toBe(0);
  expect(Math.abs(model.intercept_w - PLAIN.interceptW), String(model.intercept_w)).toBeLessThan(
    toleranceW,
  );
}
function expectRefused({ code, err }: Told, words: RegExp): void {
  expect(code, err).toBe(3);
  expect(err).toMatch(words);
}
const said = ({ model }: Told): string => [...model.open, ...model.notes].join('\n');

describe('samples that cannot be', () => {
  test('full-scale codes, spikes of a megawatt and sentinels are left out, counted and named', async () => {
    const wild = node.wallW.slice();
    [100, 400, 401].forEach((row) => (wild[row] = 65535));
    wild[700] = 1e6;
    wild[800] = 1e300;
    wild[900] = -1;
    wild[901] = -2;
    const told = await fitOf(wall(wild), chips());
    expectTruth(told);
    expect(said(told)).toMatch(/absurd-reading: wall .* in 5 samples/);
    expect(said(told)).toMatch(/negative-reading: wall .* in 2 of 1200 samples/);
  });

  test('a chip that says 4294967295 now and then does the same', async () => {
    const wild = chipOf('nvml:0').slice();
    [50, 500].forEach((row) => (wild[row] = 4294967295));
    const told = await fitOf(wall(), chips({ 'nvml:0': wild }));
    expectTruth(told);
    expect(said(told)).toMatch(/absurd-reading: nvml:0/);
  });

  test('power that is negative throughout is a current transformer turned round', async () => {
    expectRefused(
      await fitOf(wall(scaled(node.wallW, -1)), chips()),
      /turn the current transformer round/,
    );
  });

  test('NaN, infinity, empty and endless fields are broken lines, with their number', async () => {
    const good = files.linesOf(node.atS, wall());
    for (const field of ['NaN', 'Infinity', '-inf', '', '1e999', '0x10', '9'.repeat(400), '1,5']) {
      const lines = [
        ...good.slice(0, 10),
        `${stampOf(11)},wall,power_w,${field}`,
        ...good.slice(11),
      ];
      const told = await files.fit(files.run(lines, files.linesOf(node.atS, chips())));
      expect(told.code, field.slice(0, 20)).toBe(1);
      expect(told.err).toContain('meter.csv:12');
    }
  });

  test('unsorted, repeated and overlapping lines change nothing', async () => {
    const lines = files.linesOf(node.atS, wall());
    const shuffled = [...lines.slice(600), ...lines.slice(0, 700)].reverse();
    const straight = await fitOf(wall(), chips());
    const told = await files.fit(files.run(shuffled, files.linesOf(node.atS, chips()).reverse()));
    expectTruth(told);
    expect(told.model.intercept_w).toBeCloseTo(straight.model.intercept_w, 6);
  });

  test('two logs in one file that contradict each other keep a model provisional', async () => {
    const lines = files.linesOf(node.atS, wall());
    const other = files.linesOf(node.atS.slice(0, 300), wall(node.wallW.map((w) => w * 1.3)));
    const told = await files.fit(files.run([...lines, ...other], files.linesOf(node.atS, chips())));
    expect(told.model.standing).toBe('provisional');
    expect(told.model.open.join()).toMatch(
      /contradicting-repeat: wall has (29\d|300) stamps twice/,
    );
  });
});

describe('sensors that stopped', () => {
  test('a board that freezes for two minutes under load is left out there, and named', async () => {
    const frozen = chipOf('nvml:0').slice();
    frozen.fill(frozen[500]!, 500, 620);
    const told = await fitOf(wall(), chips({ 'nvml:0': frozen }));
    expectTruth(told);
    expect(said(told)).toMatch(/stuck: nvml:0 stood at .* for 120 s/);
  });

  test('a dead sensor is named, left out, and keeps the model provisional', async () => {
    const told = await fitOf(wall(), chips({ 'nvml:1': new Float64Array(1200) }));
    expect(told.code, told.err).toBe(0);
    expect(told.model.standing).toBe('provisional');
    expect(told.model.open.join()).toMatch(/dead: nvml:1 reads 0 throughout/);
    const told7 = await fitOf(wall(), chips({ 'rapl:dram-0': new Float64Array(1200).fill(7) }));
    expect(told7.model.open.join()).toMatch(/dead: rapl:dram-0 reads 7.000 W throughout/);
  });

  test('chips that are all dead are refused', async () => {
    const still = new Map(
      [...node.chipsW].map(([name]) => [name, new Float64Array(1200).fill(50)]),
    );
    expectRefused(await fitOf(wall(), still), /calibrate\.flat/);
    const none = new Map([...node.chipsW].map(([name]) => [name, new Float64Array(1200)]));
    expectRefused(await fitOf(wall(), none), /calibrate\.implausible/);
  });

  test('a meter that shows one value throughout is refused', async () => {
    expectRefused(await fitOf(wall(new Float64Array(1200).fill(500)), chips()), /refused/);
  });

  test('a node that was off for a part, and a meter that lost its feed for a part, are left out', async () => {
    const off = chips(
      Object.fromEntries(
        [...node.chipsW].map(([name, w]) => [
          name,
          w.map((each, row) => (row >= 300 && row < 420 ? 0 : each)),
        ]),
      ),
    );
    const standby = node.wallW.map((w, row) => (row >= 300 && row < 420 ? 4 : w));
    const told = await fitOf(wall(standby), off);
    expectTruth(told);
    expect(said(told)).toMatch(/node-off: \d+ of/);
    const silent = await fitOf(
      wall(node.wallW.map((w, row) => (row >= 300 && row < 420 ? 0 : w))),
      chips(),
    );
    expectTruth(silent);
    expect(silent.model.standing).toBe('provisional');
    expect(silent.model.open.join()).toMatch(/meter-silent/);
  });

  test('a meter that saturates is refused, a plateau of the load is not', async () => {
    const topW = 0.7 * Math.max(...node.wallW) + 0.3 * Math.min(...node.wallW);
    expectRefused(
      await fitOf(wall(node.wallW.map((w) => Math.min(w, topW))), chips()),
      /the meter stops at/,
    );
    const coarse = node.wallW.map((w) => 50 * Math.round(w / 50));
    expectTruth(await fitOf(wall(coarse), chips()), 25);
  });
});

describe('units', () => {
  const all = (by: number): Columns =>
    new Map([...node.chipsW].map(([name, w]) => [name, scaled(w, by)]));
  test.each([
    ['chips in mW', 1, 1000, /as if the chips were in mW/],
    ['chips in kW', 1, 1e-3, /as if the chips were in kW/],
    ['a meter in kW', 1e-3, 1, /as if the meter were in kW/],
    ['a meter in mW', 1e3, 1, /as if the meter were in mW/],
    ['chips in uW', 1, 1e6, /as if the chips were in uW/],
  ])('%s: the factor and the side are named', async (_, meterBy, chipsBy, words) => {
    expectRefused(await fitOf(wall(scaled(node.wallW, meterBy)), all(chipsBy)), words);
  });

  test('energy in Wh that was taken as J', async () => {
    const counters = new Map(
      [...node.chipsW].map(([name, w]) => {
        let sum = 0;
        return [name, w.map((each) => (sum += each / 3600))];
      }),
    );
    const run = files.run(
      files.linesOf(node.atS, wall()),
      files.linesOf(node.atS, counters, 'energy_j'),
    );
    expectRefused(await files.fit(run), /factor of 3600.*chips were in Wh/);
  });

  test('one source among others in mW or in kW is named', async () => {
    expectRefused(
      await fitOf(
        wall(),
        chips({
          'nvml:0': scaled(chipOf('nvml:0'), 1000),
          'nvml:1': scaled(chipOf('nvml:1'), 1000),
        }),
      ),
      /nvml:0, nvml:1 reads .* in mW/,
    );
    expectRefused(
      await fitOf(
        wall(),
        chips({
          'nvml:0': scaled(chipOf('nvml:0'), 1e-3),
          'nvml:1': scaled(chipOf('nvml:1'), 1e-3),
        }),
      ),
      /per W of nvml:0, nvml:1: .* in kW/,
    );
  });
});

describe('sources that are not what they seem', () => {
  test('one sensor under two names counts once', async () => {
    const straight = await fitOf(wall(), chips());
    const told = await fitOf(wall(), chips({ 'powercap:package-0': chipOf('rapl:package-0') }));
    expectTruth(told);
    expect(said(told)).toMatch(/twice: powercap:package-0 reads the same as rapl:package-0/);
    expect(told.model.intercept_w).toBeCloseTo(straight.model.intercept_w, 6);
    const mmio = await fitOf(
      wall(),
      chips({ 'intel-rapl-mmio:package-0': chipOf('rapl:package-0') }),
    );
    expect(mmio.model.intercept_w).toBeCloseTo(straight.model.intercept_w, 6);
  });

  test('a total of the node among its parts is left out', async () => {
    const sum = node.wallW.map((_, row) =>
      [...node.chipsW.values()].reduce((all, w) => all + w[row]!, 0),
    );
    const told = await fitOf(wall(), chips({ 'board:main': sum }));
    expectTruth(told);
    expect(said(told)).toMatch(/contains-others: board:main is the sum of rapl:package-0/);
    const gpus = chipOf('nvml:0').map((w, row) => w + chipOf('nvml:1')[row]! + 20);
    expect(said(await fitOf(wall(), chips({ 'accel:tray': gpus })))).toMatch(
      /accel:tray is the sum of nvml:0, nvml:1/,
    );
  });

  test('terms in proportion: their sum is learnt, and the single gains are said not to be identifiable', async () => {
    const told = await fitOf(
      wall(),
      chips({ 'rapl:dram-0': scaled(chipOf('rapl:package-0'), 0.25) }),
    );
    expect(told.code, told.err).toBe(0);
    expect(said(told)).toMatch(/collinear: cpu and dram move as one/);
    const gains = Object.values(told.model.gains);
    expect(Math.max(...gains)).toBeLessThan(2);
    expect(Math.min(...gains)).toBeGreaterThan(0.8);
  });
});

describe('counters', () => {
  const counter = (w: Float64Array, startJ: number, rangeJ: number): Float64Array => {
    let sum = startJ;
    return w.map((each) => {
      sum += each;
      return sum % rangeJ;
    });
  };
  const withCpu = (count: Float64Array): string[] => {
    const others = new Map([...node.chipsW].filter(([name]) => name !== 'rapl:package-0'));
    return [
      ...files.linesOf(node.atS, others),
      ...files.linesOf(node.atS, new Map([['rapl:package-0', count]]), 'energy_j'),
    ];
  };

  test('a wrap of RAPL inside a run costs nothing, a reset costs its second, a glitch is left out', async () => {
    const meter = files.linesOf(node.atS, wall());
    const wraps = await files.fit(
      files.run(meter, withCpu(counter(chipOf('rapl:package-0'), 200_000, 262143.32885))),
    );
    expectTruth(wraps);
    expect(wraps.err).not.toContain('unknownStep');
    const reset = counter(chipOf('rapl:package-0'), 0, 1e12).map((j, row, all) =>
      row < 600 ? j : j - all[600]!,
    );
    expectTruth(await files.fit(files.run(meter, withCpu(reset))));
    const glitch = counter(chipOf('rapl:package-0'), 0, 1e12);
    glitch[300]! += 4e5;
    glitch[800] = 0;
    const told = await files.fit(files.run(meter, withCpu(glitch)));
    expectTruth(told);
    expect(said(told)).toMatch(/absurd-reading: rapl:package-0/);
  });
});

describe('little or coarse evidence', () => {
  const part = (seconds: number): [string[], string[]] => {
    const atS = node.atS.slice(0, seconds);
    return [files.linesOf(atS, wall()), files.linesOf(atS, chips())];
  };
  const halfWidth = async (run: string): Promise<number> => {
    const told = await files.fit(run);
    expect(told.code, told.err).toBe(0);
    const chipsFile = join(run, 'chips.csv');
    const out = join(files.folder, 'out.csv');
    await files.calibrate(
      'apply',
      '--model',
      join(files.folder, 'model.json'),
      '--chips',
      chipsFile,
      '--from',
      stampOf(60),
      '--until',
      stampOf(540),
      '--out',
      out,
    );
    const [row] = files.rows('out.csv');
    return Number(row!['u_wh']) / Number(row!['energy_wh']);
  };

  test('ten minutes give a provisional model, with a wider band than an hour', async () => {
    const short = files.run(...part(600));
    const told = await files.fit(short);
    expect(told.model.standing).toBe('provisional');
    const hour = sampleNode({ ...PLAIN, seconds: 3600, seed: 77 });
    const long = files.run(
      files.linesOf(hour.atS, wall(hour.wallW)),
      files.linesOf(hour.atS, hour.chipsW),
    );
    expect(await halfWidth(short)).toBeGreaterThan(await halfWidth(long));
  });

  test('thirty seconds are refused', async () => {
    expectRefused(await files.fit(files.run(...part(30))), /calibrate\.few/);
  });

  test('a meter in steps of 36 W: near the truth, and the step is named', async () => {
    const told = await fitOf(wall(node.wallW.map((w) => 36 * Math.floor(w / 36 + 0.5))), chips());
    expectTruth(told, 20);
    expect(said(told)).toMatch(/coarse-meter: wall reads in steps of 36.0 W/);
  });

  test('a meter that holds each value for 30 s is fitted as the mean of its window', async () => {
    const held = node.wallW.map((_, row) => {
      const until = 30 * Math.floor(row / 30);
      const window = node.wallW.slice(Math.max(0, until - 30), Math.max(1, until));
      return window.reduce((sum, w) => sum + w, 0) / window.length;
    });
    expectTruth(await fitOf(wall(held), chips()), 30);
  });
});

describe('apply', () => {
  test('chips that froze or said full scale give partial rows and a word, never their energy', async () => {
    expect((await fitOf(wall(), chips())).code).toBe(0);
    const frozen: Record<string, Float64Array> = {
      'nvml:0': chipOf('nvml:0').slice(),
      'nvml:1': chipOf('nvml:1').slice(),
    };
    frozen['nvml:0']!.fill(frozen['nvml:0']![300]!, 300, 420);
    frozen['nvml:1']![700] = 65535;
    const path = files.file('frozen.csv', files.linesOf(node.atS, chips(frozen)));
    const told = await files.calibrate(
      'apply',
      '--model',
      join(files.folder, 'model.json'),
      '--chips',
      path,
      '--every',
      '60',
      '--out',
      join(files.folder, 'out.csv'),
    );
    expect(told.err).toMatch(/stuck: nvml:0/);
    expect(told.err).toMatch(/absurd-reading: nvml:1/);
    const rows = files.rows('out.csv');
    expect(rows.some((row) => row['quality'] === 'partial' || row['quality'] === 'refused')).toBe(
      true,
    );
    const whole = rows.reduce((sum, row) => sum + Number(row['energy_wh']), 0);
    const truth = node.wallW.reduce((sum, w) => sum + w, 0) / 3600;
    expect(whole).toBeLessThan(truth);
  });
});

describe('PTDaemon logs', () => {
  const lineOf = (row: number, powerW: number): string => {
    const at = new Date(1_699_999_980_000 + 1000 * node.atS[row]! + 2 * 3_600_000).toISOString();
    const [day = '', time = ''] = at.slice(0, -1).split('T');
    const [year = '', month = '', date = ''] = day.split('-');
    const amps = powerW / 230 / 0.96;
    return `Time,${month}-${date}-${year} ${time},Watts,${powerW.toFixed(6)},Volts,230.000000,Amps,${amps.toFixed(6)},PF,0.960000,Mark,run`;
  };
  const logged = (change: (lines: string[]) => void): string => {
    const run = files.run(undefined, files.linesOf(node.atS, chips()));
    const lines = [...node.wallW].map((w, row) => lineOf(row, w));
    change(lines);
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'meter.spl.txt'), lines.join('\n'));
    return run;
  };

  test('stand in for meter.csv once their zone is given; sentinels are left out', async () => {
    const run = logged((lines) => {
      lines[200] = lines[200]!.replace(/(Watts|Volts|Amps|PF),[\d.]+/g, '$1,-1.000000');
      lines[900] = lines[900]!.replace('Watts,', 'Watts,-').replace('Amps,', 'Amps,-');
    });
    expect((await files.fit(run)).err).toContain('--zone');
    expect((await files.fit(run, '--zone', 'Berlin')).code).toBe(2);
    const told = await files.fit(run, '--zone', '+02:00');
    expectTruth(told);
    expect(said(told)).toMatch(/negative-reading: wall .* in 2 of 1200/);
  });

  test('a clock set back and a broken line are refused, a torn last line is not', async () => {
    const back = logged((lines) => lines.splice(600, 0, ...lines.slice(0, 5)));
    const told = await files.fit(back, '--zone', '+02:00');
    expect(told.code).toBe(1);
    expect(told.err).toMatch(/meter\.spl\.txt:601.*set back/);
    const broken = logged((lines) => (lines[40] = 'Time,yesterday'));
    expect((await files.fit(broken, '--zone', 'Z')).err).toContain('meter.spl.txt:41');
    const torn = logged((lines) => (lines[1199] = lines[1199]!.slice(0, 30)));
    expectTruth(await files.fit(torn, '--zone', '+02:00'));
  });
});

/** Kept here so that a change of the truth is seen where it is used. */
test('the recording itself is well and gives its truth', async () => {
  const samples: NodeSamples = node;
  expect(samples.atS).toHaveLength(1200);
  const told = await fitOf(wall(), chips());
  expectTruth(told);
  expect(said(told)).not.toMatch(/stuck|dead|twice|contains|absurd|coarse|collinear|off|silent/);
});
