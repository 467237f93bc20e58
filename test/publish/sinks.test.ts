// Every sink keeps the contract: the files, a real InfluxDB 1.x, the stub of 2.x and 3.x, and the fake.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { openSink, SINKS } from '../../src/publish/sinks.ts';
import { parseInstant } from '../../src/quantity/time.ts';
import type { SinkConfig } from '../../src/quantity/site.ts';
import { type SeenRow, sinkContract } from '../contracts/sink-contract.ts';
import { parseLine, startInfluxStub, type StubPoint } from '../simulators/influx-contract-stub.ts';
import { testWith } from '../real-programs.ts';
import { fakeSink } from './fake-sink.ts';
import { type Influxd, influxdPath, startInfluxd } from './influxd.ts';

const config = (over: Partial<SinkConfig>): SinkConfig => ({
  id: 'here',
  kind: 'csv-file',
  url: '',
  database: 'trueup',
  organisation: '',
  username: undefined,
  secret: undefined,
  path: '',
  ...over,
});
const lab = { name: 'lab', rehearsal: false };
const ports = (dataDir: string) => ({ clock: systemClock(), timers: systemTimers, dataDir });
const folder = () => mkdtemp(join(tmpdir(), 'trueup-sink-'));

const seenPoint = (point: StubPoint): SeenRow => {
  const energy = point.fields.get('energy_uj');
  return {
    point: point.tags.get('point') ?? '',
    startNs: point.timeNs,
    energyUj: typeof energy === 'bigint' ? energy : undefined,
    version: Number(point.fields.get('version')),
    leaf: Number(point.fields.get('leaf')),
    quality: String(point.fields.get('quality')),
  };
};

sinkContract(
  'fake',
  { readsBack: true, removes: true, takesEnergyBack: true, boundedTo64Bits: true },
  () => {
    const store = fakeSink();
    return Promise.resolve({
      open: () => store,
      seen: () => Promise.resolve([...store.rows.values()]),
      dispose: () => Promise.resolve(),
    });
  },
);

sinkContract(
  'line-protocol-file',
  { readsBack: true, removes: true, takesEnergyBack: true, boundedTo64Bits: true },
  async () => {
    const dataDir = await folder();
    return {
      open: () => openSink(config({ kind: 'line-protocol-file' }), lab, ports(dataDir)),
      async seen() {
        const lines = (await readFile(join(dataDir, 'sink/here.lp'), 'utf8')).split('\n');
        const points = lines
          .slice(2)
          .filter((line) => line !== '' && !line.startsWith('#'))
          .map(parseLine);
        // An import merges fields of one point: so does this reader.
        const merged = new Map<string, StubPoint>();
        const keys = new Set<string>();
        for (const point of points) {
          const key = `${point.measurement} ${[...point.tags].join()} ${point.timeNs.toString()}`;
          const leaf = String(point.fields.get('leaf'));
          if (keys.has(`${key} ${leaf}`)) throw new Error(`${key} is there twice`);
          keys.add(`${key} ${leaf}`);
          const fields = new Map([...(merged.get(key)?.fields ?? []), ...point.fields]);
          if (point.measurement === 'energy') merged.set(key, { ...point, fields });
        }
        return [...merged.values()].map(seenPoint);
      },
      dispose: () => rm(dataDir, { recursive: true }),
    };
  },
);

sinkContract(
  'csv-file',
  { readsBack: false, removes: false, takesEnergyBack: true, boundedTo64Bits: false },
  async () => {
    const dataDir = await folder();
    return {
      open: () => openSink(config({}), lab, ports(dataDir)),
      async seen() {
        const [header, ...lines] = (await readFile(join(dataDir, 'sink/here.csv'), 'utf8'))
          .trimEnd()
          .split('\n');
        expect(header).toBe(
          'point,start,duration_s,energy_uj,energy_kwh,u_kwh,quality,method,tier,version,leaf',
        );
        const rows = new Map<string, SeenRow>();
        const leaves = new Set<number>();
        for (const line of lines) {
          const cells = line.split(',');
          const [point = '', start = '', , energy = '', , , quality = ''] = cells;
          const [version, leaf] = [Number(cells.at(-2)), Number(cells.at(-1))];
          expect(leaves.has(leaf)).toBe(false);
          leaves.add(leaf);
          rows.set(point + start, {
            point,
            startNs: parseInstant(start) ?? 0n,
            energyUj: energy === '' ? undefined : BigInt(energy),
            version,
            leaf,
            quality,
          });
        }
        return [...rows.values()];
      },
      dispose: () => rm(dataDir, { recursive: true }),
    };
  },
);

const V2_TRAITS = { readsBack: false, boundedTo64Bits: true } as const;
for (const generation of [2, 3] as const) {
  sinkContract(
    `influxdb${generation} against the contract stub`,
    { ...V2_TRAITS, removes: generation === 2, takesEnergyBack: generation === 2 },
    async () => {
      const account = { organisation: 'an org', bucket: 'a bucket/1', secret: 's3cret' };
      const stub = await startInfluxStub({ generation, ...account, token: account.secret });
      return {
        open: () =>
          openSink(
            config({
              kind: `influxdb${generation}`,
              url: stub.url,
              database: account.bucket,
              organisation: account.organisation,
              secret: account.secret,
            }),
            lab,
            ports(''),
          ),
        seen: () => Promise.resolve(stub.pointsOf('energy').map(seenPoint)),
        dispose: () => stub.close(),
      };
    },
  );
}

describe.skipIf(influxdPath === undefined)('with a real influxd', () => {
  let influxd: Influxd;
  let databasesCount = 0;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd.dispose());
  sinkContract(
    'influxdb1',
    { readsBack: true, removes: true, takesEnergyBack: true, boundedTo64Bits: true },
    () => {
      const database = `a "db" ${++databasesCount}`;
      return Promise.resolve({
        open: () =>
          openSink(config({ kind: 'influxdb1', url: influxd.url, database }), lab, ports('')),
        async seen() {
          const [header = [], ...rows] = await influxd.ask(
            database,
            'SELECT point, energy_uj, version, leaf, quality FROM energy',
          );
          return rows.map((row) => {
            const cell = (name: string) => row[header.indexOf(name)] ?? '';
            return {
              point: cell('point'),
              startNs: BigInt(cell('time')),
              energyUj: cell('energy_uj') === '' ? undefined : BigInt(cell('energy_uj')),
              version: Number(cell('version')),
              leaf: Number(cell('leaf')),
              quality: cell('quality'),
            };
          });
        },
        dispose: () => Promise.resolve(),
      });
    },
  );
});
testWith({ influxd: influxdPath })('a real influxd is here', () => {
  expect(influxdPath).toBeDefined();
});

test('every kind of sink has run the contract', () => {
  expect(Object.keys(SINKS).toSorted()).toEqual([
    'csv-file',
    'influxdb1',
    'influxdb2',
    'influxdb3',
    'line-protocol-file',
  ]);
});

test('a configuration that cannot work is told at once', () => {
  const fault = (over: Partial<SinkConfig>) => () =>
    openSink(config(over), lab, ports('/nowhere')).id;
  expect(fault({ kind: 'influxdb1', url: 'nonsense' })).toThrow(/sinks\/here: the url "nonsense"/);
  expect(fault({ kind: 'influxdb1', url: 'ftp://x' })).toThrow(/write it as http/);
  expect(fault({ kind: 'influxdb1', url: 'http://x', database: '' })).toThrow(/no database/);
  expect(fault({ kind: 'influxdb2', url: 'http://x' })).toThrow(/no token/);
  expect(fault({ kind: 'influxdb2', url: 'http://x', secret: 'x' })).toThrow(/no organisation/);
  expect(fault({ kind: 'line-protocol-file', database: 'a:b' })).toThrow(/no database name/);
  expect(() => openSink(config({}), { name: 'a\nb', rehearsal: false }, ports('')).id).toThrow(
    /site name/,
  );
});
