// Line protocol is written exactly or not at all.
import { encodeModel } from '../../src/calibrate/model-json.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { describe, expect, test } from 'vitest';
import { printEntries, siteTag, supersededWithin } from '../../src/publish/energy-rows.ts';
import { printLive } from '../../src/publish/live-rows.ts';
import { type LinePoint, printLine } from '../../src/publish/line-protocol.ts';
import { readRowLine } from '../../src/publish/line-protocol-reading.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { joules, microjoules, watts } from '../../src/quantity/units.ts';
import { memoryLedger, statementEntry, T0, withoutEnergy } from './memory-ledger.ts';

const point = (over: Partial<LinePoint>): LinePoint => ({
  measurement: 'm',
  tags: { a: 'b' },
  fields: { f: 1 },
  timeNs: 5n,
  ...over,
});
const because = (over: Partial<LinePoint>): string => {
  const printed = printLine(point(over));
  return 'because' in printed ? printed.because : `printed ${printed.line}`;
};

const MODEL: CorrectionModel = {
  node: 'gpu-01',
  id: 'abc',
  fittedAtNs: T0,
  evidence: { fromNs: T0, untilNs: T0, intervalsCount: 40 },
  interceptW: watts(300),
  terms: [{ name: 'gpu', sources: ['nvml:0'], gainRatio: 1.11, gainUncertaintyRatio: 0.02 }],
  holds: { fromW: watts(100), untilW: watts(900) },
  offsetNs: 0n,
  residualW: watts(12.5),
  intervalS: 10,
  systematicRatio: 0.01,
  dof: 30,
  standing: 'provisional',
  open: [],
  gapRatio: 0.26,
};

describe('printLine', () => {
  test('escapes what the protocol reads as its own', () => {
    const printed = printLine(
      point({
        measurement: 'a b,c',
        tags: { z: 'é,= x', 'k e,y=': 'back\\slash' },
        fields: { 'f ,=': 'say "hi" \\ and\nmore', i: 9_007_199_254_740_993n, x: 1e-7 },
        timeNs: -3n,
      }),
    );
    expect(printed).toEqual({
      line:
        'a\\ b\\,c,k\\ e\\,y\\==back\\slash,z=é\\,\\=\\ x ' +
        'f\\ \\,\\=="say \\"hi\\" \\\\ and\nmore",i=9007199254740993i,x=1e-7 -3',
    });
  });

  test('refuses what it cannot carry and says what', () => {
    expect(because({ tags: { a: 'ends\\' } })).toContain('backslash');
    expect(because({ tags: { a: 'x\\ y' } })).toContain('backslash');
    expect(because({ tags: { a: 'x\ny' } })).toContain('line break');
    expect(because({ tags: { a: '' } })).toContain('empty');
    expect(because({ tags: { a: '\ud800' } })).toContain('Unicode');
    expect(because({ fields: { f: Number.NaN } })).toContain('NaN');
    expect(because({ fields: { f: Infinity } })).toContain('no number');
    expect(because({ fields: { f: 2n ** 63n } })).toContain('64 bits');
    expect(because({ fields: { f: -(2n ** 63n) - 1n } })).toContain('64 bits');
    expect(because({ fields: { f: 'x'.repeat(70_000) } })).toContain('64 KiB');
    expect(because({ fields: {} })).toContain('no field');
    expect(because({ fields: { f: undefined } })).toContain('no field');
    expect(because({ timeNs: 2n ** 63n - 1n })).toContain('time');
  });

  test('writes the outermost integers', () => {
    expect(printLine(point({ fields: { f: 2n ** 63n - 1n, g: -(2n ** 63n) } }))).toEqual({
      line: 'm,a=b f=9223372036854775807i,g=-9223372036854775808i 5',
    });
  });
});

describe('rows of an entry', () => {
  const print = (over: Parameters<typeof statementEntry>[0], superseded: number[] = []) => {
    const stored = memoryLedger().append([statementEntry(over)]);
    return printEntries(stored, 'lab', new Set(superseded));
  };

  test('a settled interval has its energy exactly, U expanded and its parts standard', () => {
    const { rows, refused } = print({});
    expect(refused).toEqual([]);
    const [energy, history] = rows[0]!.lines;
    expect(energy).toMatch(/^energy,kind=metered,point=node\/gpu-01,site=lab energy_kwh=2501\.99/);
    expect(energy).toContain(',energy_uj=9007199254740993i,');
    // U = 2 sqrt(120² + 9² + 36²) J = 251.22... J.
    const uKwh = Number(/,u_kwh=([^,]+)/.exec(energy!)?.[1]);
    expect(uKwh * 3.6e6).toBeCloseTo(2 * Math.sqrt(120 ** 2 + 9 ** 2 + 36 ** 2), 6);
    expect(Number(/u_sys_kwh=([^,]+)/.exec(energy!)?.[1]) * 3.6e6).toBeCloseTo(120, 9);
    expect(energy).toContain(
      'quality="actual",method="register+power",because="",flags="",tier=1i,leaf=0i',
    );
    expect(energy).toMatch(new RegExp(`duration_s=60,version=1i ${T0.toString()}$`));
    expect(history).toMatch(/^energy_history,kind=metered,point=.*,site=lab,version=1 /);
    expect(history).not.toContain('version=1i');
  });

  test('an interval without energy says why and holds no number for it', () => {
    const { rows } = print(withoutEnergy);
    expect(rows[0]!.lines[0]).toMatch(
      /site=lab quality="missing",method="register\+power",because="settle\.missing",flags="",tier=1i,leaf=0i,duration_s=60,version=1i \d+$/,
    );
  });

  test('a superseded version goes to the history only', () => {
    const { rows } = print({}, [0]);
    expect(rows[0]!.lines).toHaveLength(1);
    expect(rows[0]!.lines[0]).toMatch(/^energy_history,/);
  });

  test('an energy beyond 64 bits or an uncertainty that is no number refuses the row, not the batch', () => {
    const stored = memoryLedger().append([
      statementEntry({ energyUj: microjoules(2n ** 63n) }),
      statementEntry({
        uncertainty: {
          systematicJ: joules(Number.NaN),
          independentJ: joules(0),
          edgeJ: joules(0),
          dof: 3,
        },
      }),
      statementEntry({ startNs: instantNs(T0 + 1n) }),
    ]);
    const printed = printEntries(stored, 'lab', new Set());
    expect(printed.refused.map(({ leaf }) => leaf)).toEqual([0, 1]);
    expect(printed.refused[0]!.because).toContain('64 bits');
    expect(printed.rows.map(({ leaf }) => leaf)).toEqual([2]);
  });

  test('of two versions in one batch only the newer becomes the point', () => {
    const stored = memoryLedger().append([
      statementEntry({}),
      statementEntry({ version: 2, ...withoutEnergy }),
    ]);
    const superseded = supersededWithin(stored, new Set());
    expect([...superseded]).toEqual([0]);
    const { rows } = printEntries(stored, 'lab', superseded);
    expect(rows.map(({ lines }) => lines.length)).toEqual([1, 2]);
    // The first version may have left its energy at the sink: it must go first.
    expect(rows.map(({ clears }) => clears?.version)).toEqual([undefined, 2]);
  });

  test('a fitted model becomes a calibration row; a document that is none is refused', () => {
    const stored = memoryLedger().append([
      {
        type: 'model',
        atNs: T0,
        document: encodeModel(MODEL),
      },
      { type: 'model', atNs: T0, document: 'nonsense' },
    ]);
    const printed = printEntries(stored, 'lab', new Set());
    expect(printed.rows[0]!.lines).toEqual([
      'calibration,node=gpu-01,site=lab model="abc",standing="provisional",gap_ratio=0.26,' +
        'residual_w=12.5,intercept_w=300,systematic_ratio=0.01,intervals=40,' +
        `gain_gpu=1.11,u_gain_gpu=0.02,leaf=0i ${T0.toString()}`,
    ]);
    expect(printed.refused.map(({ leaf }) => leaf)).toEqual([1]);
  });

  test('a rehearsal is told by its site tag', () => {
    expect(siteTag({ name: 'lab', rehearsal: true })).toBe('rehearsal.lab');
    expect(siteTag({ name: 'lab', rehearsal: false })).toBe('lab');
  });

  test('what was written is read back the same, and other lines are not ours', () => {
    const { rows } = print({ method: 'a,leaf=7i" ,version=9i' });
    const [energy, history] = rows[0]!.lines;
    const row = {
      point: 'node/gpu-01',
      kind: 'metered',
      startNs: T0,
      energyUj: 9_007_199_254_740_993n,
      version: 1,
      leaf: 0,
    };
    expect(readRowLine(energy!, 'lab')).toEqual({ isNewest: true, row });
    expect(readRowLine(history!, 'lab')).toEqual({ isNewest: false, row });
    expect(readRowLine(energy!, 'other')).toBeUndefined();
    expect(readRowLine('# DML', 'lab')).toBeUndefined();
  });
});

test('live rows carry the rack, leave out what is not known, and drop what is no number', () => {
  const row = {
    row: 'power',
    point: 'feed/a',
    kind: 'metered',
    rack: 'r 1',
    powerW: watts(100.5),
    uncertaintyW: undefined,
    quality: 'actual',
    atNs: T0,
  } as const;
  const lines = printLive(
    [
      row,
      { ...row, powerW: undefined, quality: 'missing' },
      { ...row, powerW: watts(Number.NaN) },
      {
        row: 'meter_health',
        source: 'm1',
        exchangesCount: 7,
        faultsCount: 1,
        ageS: 0.5,
        trouble: 'transport.timeout',
        atNs: T0,
      },
      {
        row: 'run',
        node: 'n1',
        tracker: 'codecarbon',
        run: 'a b',
        project: 'p',
        claimedKwh: 0.5,
        wallKwh: undefined,
        expandedKwh: undefined,
        quality: 'missing',
        atNs: T0,
      },
    ],
    'lab',
  );
  expect(lines).toEqual([
    `power,kind=metered,point=feed/a,rack=r\\ 1,site=lab power_w=100.5,quality="actual" ${T0.toString()}`,
    `power,kind=metered,point=feed/a,rack=r\\ 1,site=lab quality="missing" ${T0.toString()}`,
    `meter_health,site=lab,source=m1 exchanges=7i,faults=1i,age_s=0.5,trouble="transport.timeout" ${T0.toString()}`,
    `run,node=n1,run=a\\ b,site=lab,tracker=codecarbon project="p",claimed_kwh=0.5,quality="missing" ${T0.toString()}`,
  ]);
});
