// Files of trackers become claims: what was added is taken off, what broke is mended or refused. Expected energies are
// arithmetic on the rows; real files come from the shared fixtures.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { localInstant } from '../../../src/decode/trackers/local-time.ts';
import { unwrapped } from '../../../src/decode/trackers/rapl-wrap.ts';
import type { Told, TrackerReading } from '../../../src/decode/trackers/tracker.ts';
import { TRACKERS, type TrackerName } from '../../../src/decode/trackers/trackers.ts';
import type { Claim, ClaimedKind } from '../../../src/quantity/claim.ts';
import { isRefusal, type Refusal, refuse } from '../../../src/quantity/fault.ts';
import { formatInstant } from '../../../src/quantity/time.ts';
import { joules } from '../../../src/quantity/units.ts';
import { shared } from '../../fixtures.ts';

const told = (over: Partial<Told> = {}): Told => ({
  name: 'file',
  zone: 'Europe/Paris',
  pueRatio: undefined,
  stepS: undefined,
  ...over,
});

function read(tracker: TrackerName, text: string, over: Partial<Told> = {}): TrackerReading {
  const reading = TRACKERS[tracker](text, told(over));
  if (isRefusal(reading)) throw new Error(`${reading.code}: ${reading.because}`);
  return reading;
}
function refusal(tracker: TrackerName, text: string, over: Partial<Told> = {}): Refusal {
  const reading = TRACKERS[tracker](text, told(over));
  if (!isRefusal(reading)) throw new Error('it was read');
  return reading;
}
function claimAt(reading: TrackerReading, index: number): Claim {
  const entry = reading.claims[index];
  if (!entry || isRefusal(entry)) throw new Error(entry ? entry.because : 'no such entry');
  return entry;
}
const energyOf = (claim: Claim, kind: ClaimedKind): number =>
  claim.measured.get(kind)?.energyJ ?? NaN;
const outcome = {
  energyJ: joules(3.6e6),
  expandedJ: joules(36_000),
  quality: 'derived',
  model: 'm1',
} as const;

const CODECARBON =
  'timestamp,project_name,run_id,duration,cpu_power,gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,gpu_count,codecarbon_version,pue\n';

describe('codecarbon', () => {
  test('PUE is taken off, RAM is left out, local times are read in their zone', () => {
    const reading = read(
      'codecarbon',
      `${CODECARBON}2026-07-01T12:00:00,demo,r1,600,0,0,33,0.0125,0.25,0.0055,0.268,8,3.3.0,1.25\n`,
    );
    const claim = claimAt(reading, 0);
    expect(energyOf(claim, 'cpu')).toBeCloseTo(0.01 * 3.6e6, 6);
    expect(energyOf(claim, 'gpu')).toBeCloseTo(0.2 * 3.6e6, 6);
    expect([...claim.measured.keys()]).toEqual(['cpu', 'gpu']);
    expect(formatInstant(claim.untilNs)).toBe('2026-07-01T10:00:00Z');
    expect(formatInstant(claim.fromNs)).toBe('2026-07-01T09:50:00Z');
    expect(claim.repairs.join()).toContain('PUE 1.25');
  });

  test('GPU power times steps is brought back to the time of the run by the RAM beside it', () => {
    // 5 steps of 15 s at 400 W of GPU and 100 W of RAM, in a run of 60 s.
    const kwh = (powerW: number, lengthS: number): number => (powerW * lengthS) / 3.6e6;
    const row = `2022-04-20T23:39:19,p,r1,60,150,400,100,${kwh(150, 60)},${kwh(400, 75)},${kwh(100, 75)},1,8,,\n`;
    const claim = claimAt(read('codecarbon', CODECARBON + row), 0);
    expect(energyOf(claim, 'gpu')).toBeCloseTo(400 * 60, 3);
    expect(energyOf(claim, 'cpu')).toBeCloseTo(150 * 60, 3);
    expect(claim.measured.get('gpu')?.stepS).toBe(15);
  });

  test('the file comes back as it was, with four columns more; a refused row has no numbers', () => {
    const row = '2026-07-01T12:00:00,"a ""b"", c",r1,600,0,0,33,0.0125,0.25,0.0055,0.268,8,3.3.0,1';
    const torn = '2026-07-01T12:00:00,p,r2,600';
    const text = `${CODECARBON}${row}\n${torn}`;
    const reading = read('codecarbon', text);
    const [, refused] = reading.claims;
    expect(refused && isRefusal(refused) ? refused.code : 'a claim').toBe('tracker.format');
    const back = reading.write([outcome, refuse('tracker.format', 'x', 'y')]).split('\n');
    expect(back[0]).toBe(`${CODECARBON.trim()},wall_energy_kwh,u_kwh,quality,model`);
    expect(back[1]).toBe(`${row},1.000000000,0.010000000,derived,m1`);
    expect(back[2]).toBe(`${torn}${','.repeat(10)},,,refused,`);
    expect(refusal('codecarbon', back.join('\n')).code).toBe('tracker.corrected');
  });

  test.each([
    ['another tracker', 'a,b\n1,2\n', 'lacks'],
    ['no rows', CODECARBON, 'no rows'],
    ['an error page', '<html></html>', 'no header'],
    [
      'a duration of nothing',
      `${CODECARBON}2026-07-01T12:00:00,p,r,0,0,0,0,1,1,1,1,1,3,1\n`,
      'duration',
    ],
    [
      'a hexadecimal energy',
      `${CODECARBON}2026-07-01T12:00:00,p,r,9,0,0,0,0x1,1,1,1,1,3,1\n`,
      'cpu_energy',
    ],
    ['a PUE of 0', `${CODECARBON}2026-07-01T12:00:00,p,r,9,0,0,0,1,1,1,1,1,3,0\n`, 'pue'],
    ['31 February', `${CODECARBON}2026-02-31T12:00:00,p,r,9,0,0,0,1,1,1,1,1,3,1\n`, 'timestamp'],
    ['columns twice', `${CODECARBON.trim()},pue\n`, 'twice'],
  ])('%s is refused', (_name, text, says) => {
    expect(refusal('codecarbon', text)).toMatchObject({
      code: 'tracker.format',
      because: expect.stringContaining(says) as string,
    });
  });

  test('boards without a counter, which it takes for 0 kWh, are refused; no boards at all are none', () => {
    const row = (count: number): string =>
      `${CODECARBON}2026-07-01T12:00:00,p,r,600,0,0,33,0.01,0,0.005,0.015,${String(count)},3.3.0,1\n`;
    expect(refusal('codecarbon', row(8)).code).toBe('tracker.unmeasured');
    expect([...claimAt(read('codecarbon', row(0)), 0).measured.keys()]).toEqual(['cpu']);
  });

  const real = shared('fixtures/trackers/grid5000-dgx1/raw/codecarbon_128_0_emissions.csv');
  test.skipIf(!real)('a wrapped RAPL counter of a real file is mended (fixtures)', () => {
    const claim = claimAt(read('codecarbon', readFileSync(real ?? '', 'utf8')), 1);
    // One range of 262,143.33 J more is 153.6 W over 152.2 s, as the rows beside it have.
    expect(energyOf(claim, 'cpu') / 152.203).toBeCloseTo(153.6, 0);
    expect(claim.repairs.join()).toContain('wrapped 1 time');
  });

  const lab = shared('fixtures/trackers/lab/codecarbon/emissions_3.3.0.csv');
  test.skipIf(!lab)('version 3.3 with its 38 columns (fixtures)', () => {
    const claim = claimAt(read('codecarbon', readFileSync(lab ?? '', 'utf8')), 0);
    expect(energyOf(claim, 'cpu')).toBeCloseTo((4.052113768836829e-6 * 3.6e6) / 1.25, 6);
    expect(claim.measured.has('gpu')).toBe(false);
  });
});

describe('wraps', () => {
  test('the only possible number of wraps is taken, else the one that siblings show, else none', () => {
    expect(unwrapped(-200_000, 60, [])).toBeCloseTo(62_143.328_85, 3);
    // 1800 s: one wrap more is 146 W more, so several are possible.
    const longJ = 300 * 1800 - 3 * 262_143.328_85;
    expect(unwrapped(longJ, 1800, [305, 296])).toBeCloseTo(300 * 1800, 3);
    expect(unwrapped(longJ, 1800, [])).toMatchObject({ code: 'counter.fell' });
    expect(unwrapped(longJ, 1800, [370])).toMatchObject({ code: 'counter.fell' });
  });
});

describe('local times', () => {
  test('winter, summer, the hour that comes twice and the one that never was', () => {
    const at = (text: string): string => {
      const found = localInstant(text, 'Europe/Paris');
      return found ? formatInstant(found.atNs) + (found.isDoubtful ? '?' : '') : 'none';
    };
    expect(at('2026-01-15 12:00:00')).toBe('2026-01-15T11:00:00Z');
    expect(at('2026-07-15T12:00:00.5')).toBe('2026-07-15T10:00:00.500Z');
    expect(at('2026-10-25 02:30:00')).toBe('2026-10-25T00:30:00Z?');
    expect(at('2026-03-29 02:30:00')).toBe('2026-03-29T01:30:00Z');
    expect(at('2026-13-01 00:00:00')).toBe('none');
  });
});

const LOG = [
  '2026-07-01 12:00:00 - carbontracker version 2.4.3',
  '2026-07-01 12:00:00 - The following components were found: GPU with device(s) A100, A100. CPU with device(s) dram:1, cpu:0, dram:0, cpu:1.',
  '2026-07-01 12:01:40 - Epoch 1:',
  '2026-07-01 12:01:40 - Duration: 0:01:40.00',
  '2026-07-01 12:01:40 - Average power usage (W) for gpu: 280.0',
  '2026-07-01 12:01:40 - Average power usage (W) for cpu: 55.0',
  '2026-07-01 12:01:41 - Monitoring thread ended.',
];

describe('carbontracker', () => {
  test('from 2.0 on a mean over devices counts once for each of them', () => {
    const claim = claimAt(read('carbontracker', LOG.join('\n')), 0);
    expect(energyOf(claim, 'gpu')).toBe(2 * 280 * 100);
    expect(energyOf(claim, 'cpu+dram')).toBe(4 * 55 * 100);
    expect(formatInstant(claim.untilNs)).toBe('2026-07-01T10:01:40Z');
    expect(claim.measured.get('gpu')?.stepS).toBe(1);
  });

  test('before, a vector over several lines is one number per device', () => {
    const lines = LOG.map((line) =>
      line
        .replace('2.4.3', '1.1.6')
        .replace('gpu: 280.0', 'gpu: [250.\n 310.]')
        .replace('cpu: 55.0', 'cpu: [72.5 74.5]')
        .replace('dram:1, cpu:0, dram:0, cpu:1', 'cpu:1, cpu:0'),
    );
    const claim = claimAt(read('carbontracker', lines.join('\n')), 0);
    expect(energyOf(claim, 'gpu')).toBe(560 * 100);
    expect(energyOf(claim, 'cpu')).toBe(147 * 100);
    expect(claim.measured.get('gpu')?.stepS).toBe(10);
  });

  test('a CPU from the table of design powers is no measurement', () => {
    const lines = LOG.map((line) => line.replace(/dram:1.*cpu:1/, 'Intel(R) Xeon(R) CPU'));
    const claim = claimAt(read('carbontracker', lines.join('\n')), 0);
    expect([...claim.measured.keys()]).toEqual(['gpu']);
  });

  test('the log comes back with a line of its own kind behind the epoch', () => {
    const back = read('carbontracker', LOG.join('\n')).write([outcome]);
    expect(back.split('\n')[6]).toBe(
      '2026-07-01 12:01:40 - Wall energy: wall_energy_kwh=1.000000000 u_kwh=0.010000000 quality=derived model=m1',
    );
    expect(refusal('carbontracker', back).code).toBe('tracker.corrected');
  });

  test.each([
    ['no epoch', LOG.slice(0, 2).join('\n'), 'no epoch'],
    ['a log cut inside of an epoch', LOG.slice(0, 4).join('\n'), 'no power'],
    ['the output log', 'x\nActual consumption for 1 epoch(s):\n\tEnergy:\t0.1 kWh\n', 'output log'],
  ])('%s is refused', (_name, text, says) => {
    expect(refusal('carbontracker', text).because).toContain(says);
  });

  const folder = shared('fixtures/trackers/lab/carbontracker');
  test.skipIf(!folder)('the same two GPUs by three versions give the same power (fixtures)', () => {
    const powerOf = (start: string): number => {
      const name = readdirSync(folder ?? '').find(
        (each) => each.startsWith(start) && each.endsWith('_carbontracker.log'),
      );
      const claim = claimAt(
        read('carbontracker', readFileSync(`${folder ?? ''}/${name ?? ''}`, 'utf8')),
        0,
      );
      return energyOf(claim, 'gpu') / (Number(claim.untilNs - claim.fromNs) / 1e9);
    };
    expect(powerOf('ct125')).toBeCloseTo(560, 6);
    expect(powerOf('ct243')).toBeCloseTo(560, 6);
    expect(powerOf('ct.')).toBeCloseTo(2 * 282.625, 6);
  });
});

describe('eco2ai', () => {
  const HEADER =
    'id,project_name,experiment_description,epoch,start_time,duration(s),power_consumption(kWh),CO2_emissions(kg),CPU_name,GPU_name,OS,region/country,cost\n';
  const row = (id: string, durationS: number, kwh: number): string =>
    `${id},demo,x,,2026-07-01 12:00:00,${durationS},${kwh},0,"cpu, TDP:61.0",gpu,Linux,FR,0\n`;

  test('the last of a growing row counts, and the given PUE is taken off', () => {
    const reading = read(
      'eco2ai',
      HEADER + row('a', 10, 0.1) + row('a', 20, 0.3) + row('b', 5, 0.1),
      {
        pueRatio: 1.5,
      },
    );
    expect(reading.claims.map((entry) => (isRefusal(entry) ? entry.code : 'claim'))).toEqual([
      'time.duplicate',
      'claim',
      'claim',
    ]);
    expect(energyOf(claimAt(reading, 1), 'total')).toBeCloseTo((0.3 / 1.5) * 3.6e6, 6);
  });

  test('a file that was enciphered has no such header', () => {
    expect(refusal('eco2ai', 'jc,xyz\n1,2\n').code).toBe('tracker.format');
  });
});

describe('the others', () => {
  test('zeus: joules of all GPUs per window', () => {
    const text =
      'start_time,window_name,elapsed_time,gpu0_energy,gpu1_energy\n1650485235.871748,step,10.5,1000,2000\n1650485235,torn\n';
    const reading = read('zeus', text);
    expect(energyOf(claimAt(reading, 0), 'gpu')).toBe(3000);
    expect(claimAt(reading, 0).fromNs).toBe(1_650_485_235_871_748_000n);
    expect(reading.claims[1]).toMatchObject({ code: 'tracker.format' });
    expect(refusal('zeus', 'start_time,window_name,elapsed_time\n1,a,2\n').because).toContain(
      'GPU',
    );
  });

  test('impact tracker: the absolute fields, never the attributable ones', () => {
    const line = (atS: number): string =>
      `{"timestamp":${atS}.5,"rapl_power_draw_absolute":100,"rapl_estimated_attributable_power_draw":0.1,"nvidia_draw_absolute":400}`;
    const text = `${line(1650485235)}\n${line(1650485245)}\n`;
    const reading = read('impact-tracker', text);
    expect(energyOf(claimAt(reading, 1), 'cpu')).toBe(1000);
    expect(energyOf(claimAt(reading, 1), 'gpu')).toBe(4000);
    const back = reading
      .write([refuse('tracker.format', 'x', 'y'), outcome])
      .trim()
      .split('\n');
    expect(JSON.parse(back[0] ?? '')).toMatchObject({ wall_energy_kwh: null, quality: 'refused' });
    expect(JSON.parse(back[1] ?? '')).toMatchObject({
      wall_energy_kwh: 1,
      nvidia_draw_absolute: 400,
    });
    expect(refusal('impact-tracker', back.join('\n')).code).toBe('tracker.corrected');
    expect(refusal('impact-tracker', text.slice(0, 40)).code).toBe('tracker.format');
  });

  const eit = shared('fixtures/trackers/grid5000-dgx1/raw/eit_338_0_data.json');
  test.skipIf(!eit)('impact tracker: a real file (fixtures)', () => {
    const text = readFileSync(eit ?? '', 'utf8');
    const { claims } = read('impact-tracker', text);
    // Every line but the first ends a span.
    expect(claims.map(isRefusal)).toEqual([true, false, false, false]);
  });

  test('scaphandre: sockets and dram are read, host and consumers come back at the wall', () => {
    const report = (atS: number): object => ({
      host: { consumption: 50e6, timestamp: atS },
      consumers: [{ exe: 'a', pid: 1, consumption: 10e6 }],
      sockets: [
        {
          id: 0,
          consumption: 40e6,
          domains: [
            { name: 'dram', consumption: 5e6 },
            { name: 'core', consumption: 9e6 },
          ],
        },
      ],
    });
    const reading = read(
      'scaphandre',
      JSON.stringify([report(1_700_000_000), report(1_700_000_010)]),
    );
    expect(energyOf(claimAt(reading, 1), 'cpu')).toBe(400);
    expect(energyOf(claimAt(reading, 1), 'dram')).toBe(50);
    const wall = { ...outcome, energyJ: joules(1000) };
    const back = JSON.parse(reading.write([refuse('tracker.format', 'x', 'y'), wall])) as {
      host: { consumption: number };
      consumers: { consumption: number }[];
    }[];
    expect(back[1]?.host.consumption).toBe(100e6);
    expect(back[1]?.consumers[0]?.consumption).toBe(20e6);
    expect(back[0]?.host.consumption).toBe(50e6);
    expect(refusal('scaphandre', JSON.stringify(back)).code).toBe('tracker.corrected');
    expect(refusal('scaphandre', '[{"host":{').because).toContain('cut short');
  });

  test('green metrics tool: RAPL lines of one time are one node; a meter needs no correction', () => {
    const text =
      '1759592247000000 1 Package_0\n1759592247000000 1 Package_1\n1759592257000000 3000000 Package_0\n1759592257000000 4000000 Package_1\n';
    const reading = read('green-metrics-tool', text);
    expect(energyOf(claimAt(reading, 1), 'cpu')).toBe(7);
    const lines = reading
      .write([refuse('tracker.format', 'x', 'y'), outcome])
      .trim()
      .split('\n');
    expect(lines[2]).toBe(
      '1759592257000000 3000000 Package_0 wall_energy_kwh=1.000000000 u_kwh=0.010000000 quality=derived model=m1',
    );
    expect(lines[3]).toBe('1759592257000000 4000000 Package_1');
    expect(refusal('green-metrics-tool', '1759592247532228 95532281\n').code).toBe(
      'tracker.unmeasured',
    );
    expect(refusal('green-metrics-tool', 'hello\n').code).toBe('tracker.format');
  });
});

describe('whatever comes', () => {
  test.each(Object.keys(TRACKERS) as TrackerName[])(
    '%s refuses noise and never throws',
    (tracker) => {
      for (const text of [
        '',
        '\0',
        '{}',
        '[]',
        '[null]',
        'null',
        '\n\n',
        ',',
        '"',
        'a,b\n"',
        '[{"host":1}]',
      ]) {
        expect(isRefusal(TRACKERS[tracker](text, told())), JSON.stringify(text)).toBe(true);
      }
    },
  );
});
