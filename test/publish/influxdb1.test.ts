// A real InfluxDB 1.x: exact integers, kills in the middle of a batch, planted differences, and the import of our file.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { type LinePoint, printLine } from '../../src/publish/line-protocol.ts';
import { startOutbox } from '../../src/publish/outbox.ts';
import { reconcile } from '../../src/publish/reconcile.ts';
import type { Sink } from '../../src/publish/sink.ts';
import { openSink } from '../../src/publish/sinks.ts';
import type { SinkConfig } from '../../src/quantity/site.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { microjoules, watts } from '../../src/quantity/units.ts';
import { type Influxd, influxdPath, influxPath, startInfluxd } from './influxd.ts';
import {
  type MemoryLedger,
  memoryLedger,
  minute,
  statementEntry,
  withoutEnergy,
} from './memory-ledger.ts';

const have = influxdPath !== undefined && influxPath !== undefined;
describe.skipIf(!have)('a real influxd', () => {
  let influxd: Influxd;
  const opened: Sink[] = [];
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd.dispose());
  afterEach(async () => {
    for (const sink of opened.splice(0)) await sink.close();
  });

  const open = (database: string, login: Partial<SinkConfig> = {}): Sink => {
    const sink = openSink(
      {
        id: 'near',
        kind: 'influxdb1',
        url: influxd.url,
        database,
        organisation: '',
        username: undefined,
        secret: undefined,
        path: '',
        ...login,
      },
      { name: 'lab', rehearsal: false },
      { clock: systemClock(), timers: systemTimers, dataDir: '' },
    );
    opened.push(sink);
    return sink;
  };
  const post = async (database: string, lines: string): Promise<number> => {
    const url = `${influxd.url}/write?db=${encodeURIComponent(database)}&precision=ns`;
    return (await fetch(url, { method: 'POST', body: lines })).status;
  };
  const start = (sink: Sink, ledger: MemoryLedger) =>
    startOutbox(sink, ledger, {
      timers: systemTimers,
      onFailure: (cause) => {
        throw cause;
      },
    });
  const filled = (count: number): MemoryLedger => {
    const ledger = memoryLedger();
    ledger.append(
      Array.from({ length: count }, (_, index) =>
        statementEntry({
          startNs: minute(index),
          energyUj: microjoules(9_007_199_254_740_993n + BigInt(index)),
        }),
      ),
    );
    return ledger;
  };
  const period = { fromNs: minute(0), untilNs: minute(100_000) };

  test('keeps every line that we print, to the last bit', async () => {
    const database = 'exact';
    await open(database).open();
    // Mostly what the protocol reads as its own.
    const unit = fc.constantFrom(...' ,="\\\n\t#\'aé漢😀{}'.match(/./gsu)!);
    const text = fc.string({ unit, minLength: 1, maxLength: 12 });
    const sampled = fc.sample(
      fc.record({
        tag: text,
        text: fc.string({ unit, maxLength: 12 }),
        integer: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        float: fc.double({ noNaN: true, noDefaultInfinity: true }),
      }),
      1_000,
    );
    const points = sampled
      .map(({ tag, text: content, integer, float }, index): LinePoint => {
        const tags = { tag, id: String(index) };
        const fields = { whole: integer, real: float, text: content };
        return { measurement: 'kept', tags, fields, timeNs: minute(0) };
      })
      .map((point) => ({ point, printed: printLine(point) }))
      .flatMap(({ point, printed }) => ('line' in printed ? [{ point, line: printed.line }] : []));
    expect(points.length).toBeGreaterThan(100);
    expect(await post(database, points.map(({ line }) => line).join('\n'))).toBe(204);
    const [header = [], ...rows] = await influxd.ask(database, 'SELECT whole, real, id FROM kept');
    const at = (name: string) => header.indexOf(name);
    const byId = new Map(rows.map((row) => [row[at('id')], row]));
    expect(byId.size).toBe(points.length);
    for (const { point } of points) {
      const row = byId.get(point.tags['id'])!;
      expect(BigInt(row[at('whole')] ?? '')).toBe(point.fields['whole']);
      // A minus before nothing is not kept.
      expect(Number(row[at('real')])).toBe(Number(point.fields['real']) + 0);
    }
    const response = await fetch(
      `${influxd.url}/query?db=${database}&q=${encodeURIComponent('SELECT "text", "tag", "id" FROM kept')}`,
    );
    const body = (await response.json()) as {
      results: { series: { values: [string, string, string, string][] }[] }[];
    };
    const texts = new Map(
      body.results[0]!.series[0]!.values.map(([, content, tag, id]) => [id, { content, tag }]),
    );
    for (const { point } of points) {
      expect(texts.get(point.tags['id'] ?? '')).toEqual({
        content: point.fields['text'],
        tag: point.tags['tag'],
      });
    }
  });

  test('killed in the middle of batches and started again, it holds what the ledger holds', async () => {
    const ledger = filled(20_000);
    const outbox = start(open('killed'), ledger);
    const drained = outbox.drained();
    for (let turn = 0; turn < 3; turn++) {
      const before = outbox.view().waitingCount;
      for (let wait = 0; wait < 200 && outbox.view().waitingCount === before; wait++)
        await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 10 * turn));
      await influxd.kill();
      ledger.append([statementEntry({ startNs: minute(turn), version: 2, ...withoutEnergy })]);
      outbox.notify();
      await influxd.start();
    }
    await drained;
    await outbox.drained();
    expect(outbox.view()).toEqual({ waitingCount: 0, refusedCount: 0, trouble: '' });
    await outbox.close();
    const sink = open('killed');
    await sink.open();
    const proof = await reconcile(sink, ledger, { ...period, repair: false });
    expect(proof).toMatchObject({ equal: true, found: { comparedCount: 20_000 } });
    const [, counts] = await influxd.ask('killed', 'SELECT count(leaf) FROM energy_history');
    expect(counts?.at(-1)).toBe('20003');
    const [, energies] = await influxd.ask('killed', 'SELECT count(energy_uj) FROM energy');
    expect(energies?.at(-1)).toBe('19997');
  });

  test('planted differences are found both ways and mended, and a second look proves it', async () => {
    const ledger = filled(3_000);
    const sink = open('planted');
    const outbox = start(sink, ledger);
    await outbox.drained();
    const tags = 'kind=metered,point=node/gpu-01,site=lab';
    await influxd.ask(
      'planted',
      `DELETE FROM energy WHERE time = ${minute(10).toString()};DELETE FROM energy WHERE time = ${minute(2_000).toString()}`,
    );
    await post(
      'planted',
      [
        `energy,${tags} energy_uj=1i ${minute(20).toString()}`,
        `energy,${tags} leaf=7i ${minute(21).toString()}`,
        `energy,${tags} version=9i ${minute(22).toString()}`,
        `energy,${tags} energy_uj=9007199254740993i,version=1i,leaf=0i ${minute(50_000).toString()}`,
        `energy,kind=chip,point=node/gpu-01,site=lab energy_uj=4i,version=1i,leaf=0i ${minute(23).toString()}`,
        `energy,kind=metered,point=node/gpu-01,site=another energy_uj=4i,version=1i,leaf=0i ${minute(23).toString()}`,
        `energy,kind=odd,point=x,site=lab energy_uj=4i,version=1i,leaf=0i ${minute(23).toString()}`,
      ].join('\n'),
    );
    ledger.append([statementEntry({ startNs: minute(5_000) })]);
    const { found, equal } = await reconcile(sink, ledger, { ...period, repair: false });
    expect(equal).toBe(false);
    expect(found.missing.map(({ leaf }) => leaf)).toEqual([10, 2_000]);
    expect(found.different.map(({ ledger: row }) => row.leaf)).toEqual([20, 21, 22]);
    expect(found.extra.map(({ startNs }) => startNs)).toEqual([minute(23), minute(50_000)]);
    expect(found.waitingCount).toBe(1);
    await outbox.drained();
    const mended = await reconcile(sink, ledger, { ...period, repair: true });
    expect(mended).toMatchObject({ equal: true, trouble: '' });
    expect(mended.found.missing).toHaveLength(2);
    expect((await reconcile(sink, ledger, { ...period, repair: false })).equal).toBe(true);
    const [, history] = await influxd.ask('planted', 'SELECT count(leaf) FROM energy_history');
    expect(history?.at(-1)).toBe('3001');
    const [, others] = await influxd.ask(
      'planted',
      `SELECT count(leaf) FROM energy WHERE site = 'another'`,
    );
    expect(others?.at(-1)).toBe('1');
    await outbox.close();
  });

  test('reconcile says that it could not read instead of calling everything missing', async () => {
    const ledger = filled(3);
    const sink = open('unread');
    await sink.open();
    await sink.write(ledger.entries);
    ledger.cursors.set('near', 3);
    await influxd.kill();
    const seen = await reconcile(sink, ledger, { ...period, repair: true });
    await influxd.start();
    expect(seen).toMatchObject({ equal: false, found: { readable: false, missing: [] } });
    expect((await reconcile(sink, ledger, { ...period, repair: false })).equal).toBe(true);
  });

  test('a field that somebody wrote with another type: those rows are named, all others stored', async () => {
    const sink = open('conflict');
    await sink.open();
    const year = 525_600;
    await post('conflict', `energy,site=x version="text" ${minute(0).toString()}`);
    const stored = memoryLedger().append([
      ...[0, 1, 2].map((index) => statementEntry({ startNs: minute(index) })),
      ...[0, 1, 2].map((index) => statementEntry({ startNs: minute(year + index) })),
    ]);
    const receipt = await sink.write(stored);
    expect(receipt).toMatchObject({
      outcome: 'refused',
      refused: [
        { leaf: 0, because: expect.stringContaining('type conflict') as string },
        { leaf: 1 },
        { leaf: 2 },
      ],
    });
    expect(await sink.readBack(minute(year), minute(year + 9))).toHaveLength(3);
  });

  test('a database that is dropped is made again, and reconcile brings the rows back', async () => {
    const ledger = filled(5);
    const sink = open('dropped');
    const outbox = start(sink, ledger);
    await outbox.drained();
    await influxd.ask('dropped', 'DROP DATABASE "dropped"');
    ledger.append([statementEntry({ startNs: minute(9) })]);
    await outbox.drained();
    const mended = await reconcile(sink, ledger, { ...period, repair: true });
    expect(mended.found.missing).toHaveLength(5);
    expect(mended.equal).toBe(true);
    await outbox.close();
  });

  test('where the default policy forgets, settled rows go where nothing is forgotten', async () => {
    await influxd.ask('', 'CREATE DATABASE "short" WITH DURATION 2h NAME "brief"');
    const sink = open('short');
    expect(await sink.open()).toEqual({ outcome: 'accepted' });
    const old = instantNs(1_400_000_000_000_000_000n);
    const stored = memoryLedger().append([statementEntry({ startNs: old })]);
    expect(await sink.write(stored)).toEqual({ outcome: 'accepted' });
    expect(await sink.readBack(old, minute(0))).toHaveLength(1);
    const policies = await influxd.ask('short', 'SHOW RETENTION POLICIES ON "short"');
    const names = policies.slice(1).map((row) => row[2]);
    expect(names).toEqual(['brief', 'trueup', 'trueup_live']);
    // Live rows go to the policy that is kept for a month.
    const now = instantNs(BigInt(Date.now()) * 1_000_000n);
    const live = {
      row: 'power',
      point: 'feed/a',
      kind: 'metered',
      rack: 'r1',
      powerW: watts(5),
      uncertaintyW: undefined,
      quality: 'actual',
      atNs: now,
    } as const;
    expect(await sink.writeLive?.([live])).toEqual({ outcome: 'accepted' });
    expect(await influxd.ask('short', 'SELECT * FROM "trueup_live"."power"')).toHaveLength(2);
  });

  test('`influx -import` takes the file of the embedded sink, exactly', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trueup-import-'));
    const ledger = filled(500);
    ledger.append([statementEntry({ startNs: minute(3), version: 2, ...withoutEnergy })]);
    const file = openSink(
      {
        id: 'near',
        kind: 'line-protocol-file',
        url: '',
        database: 'imported here',
        organisation: '',
        username: undefined,
        secret: undefined,
        path: '',
      },
      { name: 'lab', rehearsal: false },
      { clock: systemClock(), timers: systemTimers, dataDir },
    );
    const outbox = start(file, ledger);
    await outbox.drained();
    await outbox.close();
    const { stdout } = await promisify(execFile)(influxPath ?? '', [
      '-host',
      '127.0.0.1',
      '-port',
      String(influxd.port),
      '-import',
      '-path',
      join(dataDir, 'sink/near.lp'),
      '-precision',
      'ns',
    ]).catch((failure: unknown) => failure as { stdout: string });
    expect(stdout).toContain('Processed 1 commands');
    expect(stdout).toContain('Failed 0 inserts');
    const sink = open('imported here');
    await sink.open();
    const proof = await reconcile(sink, ledger, { ...period, repair: false });
    expect(proof).toMatchObject({ equal: true, found: { comparedCount: 500 } });
    await rm(dataDir, { recursive: true });
  });
  test('where users must log in: the right one gets in, a plain writer too, a wrong one waits', async () => {
    const locked = await startInfluxd(true);
    const asRoot = async (query: string) => {
      const login = { authorization: `Basic ${Buffer.from('root:r00t').toString('base64')}` };
      const url = `${locked.url}/query?q=${encodeURIComponent(query)}`;
      expect((await fetch(url, { method: 'POST', headers: login })).status).toBe(200);
    };
    const stored = filled(2).entries;
    const admitted = { outcome: 'accepted' };
    try {
      await asRoot(`CREATE USER root WITH PASSWORD 'r00t' WITH ALL PRIVILEGES`);
      const url = locked.url;
      const root = open('kept', { url, username: 'root', secret: 'r00t' });
      expect(await root.open()).toEqual(admitted);
      expect(await root.write(stored)).toEqual(admitted);
      expect(await root.readBack(minute(0), minute(9))).toHaveLength(2);

      await asRoot(`CREATE DATABASE "plain"`);
      await asRoot(`CREATE USER writer WITH PASSWORD 'w'`);
      await asRoot(`GRANT ALL ON "plain" TO writer`);
      const writer = open('plain', { url, username: 'writer', secret: 'w' });
      expect(await writer.open()).toEqual(admitted);
      expect(await writer.write(stored)).toEqual(admitted);
      expect(await writer.readBack(minute(0), minute(9))).toHaveLength(2);

      const wrong = open('kept', { url, username: 'root', secret: 'guess' });
      const told = [await wrong.open(), await wrong.write(stored)];
      expect(told).toMatchObject([{ outcome: 'later' }, { outcome: 'later' }]);
      expect(JSON.stringify(told)).not.toContain('guess');
    } finally {
      await locked.dispose();
    }
  });
});
