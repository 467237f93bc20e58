// A database that dies in the middle of the work and stays away: the outbox waits and catches up, reconciling proves it
// by reading back, and finds and mends what somebody changed by hand.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { findProgram, testWith } from '../real-programs.ts';
import { startInfluxd } from '../publish/influxd.ts';
import { editSite, runTrueup, startTrueup } from './stack.ts';

const DATABASE = 'outage';
const started: { end: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});

testWith({ influxd: findProgram('influxd') })(
  'after an outage the sink equals the ledger; what was changed by hand is found and mended',
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trueup-outage-'));
    started.push({ end: () => rm(folder, { recursive: true, force: true }) });
    const influxd = await startInfluxd();
    started.push({ end: () => influxd.dispose() });
    const siteFile = join(folder, 'site.yaml');
    const dataDir = join(folder, 'data');
    const rack = startTrueup(
      ...['rehearse', '--rack-only', '--json', '--site', siteFile, '--speed', '30', '--seed', '5'],
    );
    started.push({ end: () => rack.end() });
    await rack.waitFor(({ event }) => event === 'site');
    await editSite(siteFile, (site) => {
      site['listen'] = '127.0.0.1:0';
      site['sinks'] = { influx: { kind: 'influxdb1', url: influxd.url, database: DATABASE } };
    });
    const service = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
    started.push({ end: () => service.end() });

    // On a busy machine a reading may come late and settle an interval again: one row of a sink, two events.
    const settledCount = (): number =>
      new Set(
        service.events
          .filter(({ event }) => event === 'settled')
          .map((row) => [row['point'], row['kind'], row['start']].join('|')),
      ).size;
    const moreSettled = async (count: number): Promise<void> => {
      const enough = settledCount() + count;
      await service.waitFor(() => settledCount() >= enough, 40_000);
    };
    const inSink = async (): Promise<number> => {
      const rows = await influxd.ask(DATABASE, 'SELECT count(leaf) FROM energy_history');
      return Number(rows[1]?.at(-1) ?? 0);
    };
    await moreSettled(1);
    await expect.poll(inSink, { timeout: 10_000 }).toBeGreaterThan(0);
    await influxd.kill();
    // Three intervals and more of six feeds and five nodes settle while nobody takes them.
    await moreSettled(50);
    await influxd.start();
    await moreSettled(1);
    expect(await service.end('SIGTERM'), service.lines.join('\n')).toBe(0);

    const publish = async (...more: string[]) =>
      runTrueup(
        ...['publish', '--reconcile', '--site', siteFile, '--data', dataDir, '--json', ...more],
      );
    const caughtUp = await publish();
    expect(caughtUp.events, caughtUp.lines.join('\n')).toMatchObject([
      { sink: 'influx', equal: true, missing: 0, extra: 0, different: 0 },
    ]);
    expect(caughtUp.code).toBe(0);
    expect(Number(caughtUp.events[0]?.['compared'])).toBeGreaterThanOrEqual(settledCount());

    // By hand: one series is dropped, one point gets another energy, one point is nobody's.
    const [point] = await influxd
      .ask(
        DATABASE,
        "SELECT energy_uj FROM energy WHERE point = 'feed/a1' AND kind = 'metered' LIMIT 1",
      )
      .then((rows) => rows.slice(1));
    expect(point).toBeDefined();
    const timeNs = point?.[2] ?? '';
    await influxd.ask(DATABASE, "DELETE FROM energy WHERE point = 'node/node2' AND kind = 'chip'");
    const written = await fetch(`${influxd.url}/write?db=${DATABASE}`, {
      method: 'POST',
      body: [
        `energy,kind=metered,point=feed/a1,site=rehearsal.rehearsal energy_uj=1i ${timeNs}`,
        `energy,kind=metered,point=feed/zz,site=rehearsal.rehearsal energy_uj=1i,version=1i,leaf=1i ${timeNs}`,
      ].join('\n'),
    });
    expect(written.status, await written.text()).toBe(204);
    const changed = await publish();
    expect(changed.code, changed.lines.join('\n')).toBe(1);
    expect(changed.events).toMatchObject([{ equal: false, extra: 1, different: 1 }]);
    expect(Number(changed.events[0]?.['missing'])).toBeGreaterThan(2);

    const repaired = await publish('--repair');
    expect(repaired.events, repaired.lines.join('\n')).toMatchObject([
      { equal: true, repaired: true },
    ]);
    expect(repaired.code).toBe(0);
    expect((await publish()).code).toBe(0);
  },
);
