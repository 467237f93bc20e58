// Jobs at once on a node: split by the energy of the chips that are theirs, exactly, also long after the curves have forgotten;
// and what they said is in the log. Expected energies are arithmetic on a node of 1000 W.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openActivityLog } from '../../src/cli/running-site/activity-log.ts';
import { openLedger, readLedger } from '../../src/ledger/index.ts';
import { durationNs, formatInstant, instantNs } from '../../src/quantity/time.ts';
import { keepChips } from '../../src/serve/activity/kept-chips.ts';
import type { ActivityRecordJson } from '../../src/serve/activity/records.ts';
import { evenCurve, fakeDoor, START_NS, type FakeDoor } from './fake-door.ts';
import { appOf } from './test-app.ts';

const at = (second: number): string =>
  formatInstant(instantNs(START_NS + BigInt(Math.round(second * 1e9))));

/** A node g with a meter of 1000 W, two GPUs of 300 and 100 W, and 100 W of processors; `forgets` empties its chip curves. */
function rig() {
  const plain = fakeDoor();
  const state = { forgets: false };
  const chips = new Map(
    [
      ['rapl:package-0', 100],
      ['nvml:GPU-a', 300],
      ['nvml:GPU-b', 100],
    ].map(([source, powerW]) => [
      String(source),
      evenCurve(Number(powerW), START_NS, plain.sources.nowNs),
    ]),
  );
  const door: FakeDoor = Object.assign(plain, {
    sources: {
      ...plain.sources,
      interval: durationNs(900_000_000_000n),
      sight: (node: string) =>
        node === 'g'
          ? {
              feeds: [
                { curve: evenCurve(1000, START_NS, plain.sources.nowNs), systematicRatio: 0.005 },
              ],
              chips: state.forgets ? new Map<string, never>() : chips,
              model: undefined,
              waitingFor: '',
              periodS: 1,
            }
          : undefined,
    },
  });
  const app = appOf({ activity: door });
  const post = async (url: string, body: unknown): Promise<{ code: number; job: string }> => {
    const answer = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(body),
    });
    return { code: answer.statusCode, job: String(answer.json<{ job?: string }>().job) };
  };
  const open = async (fromS: number, own?: readonly string[]): Promise<string> =>
    (
      await post('/v1/jobs', {
        name: 'j',
        nodes: ['g'],
        at: at(fromS),
        ...(own ? { chips: own } : {}),
      })
    ).job;
  const end = (job: string, untilS: number): Promise<{ code: number }> =>
    post(`/v1/jobs/${job}/end`, { at: at(untilS) });
  const partOf = async (job: string): Promise<{ energyUj: bigint; split: string }> => {
    const answer = await app.inject(`/v1/jobs/${job}`);
    const [part] = answer.json<{ per_node: { energy_uj: string; split: string }[] }>().per_node;
    return { energyUj: BigInt(part?.energy_uj ?? '-1'), split: part?.split ?? '' };
  };
  return { door, state, post, open, end, partOf };
}

describe('jobs at once', () => {
  test('each has its own GPUs and its part of the rest; the parts are the node to the microjoule', async () => {
    const { door, open, end, partOf } = rig();
    door.nowS = 500;
    const one = await open(0, ['nvml:GPU-a']);
    const two = await open(100, ['nvml:GPU-b']);
    await end(one, 300);
    await end(two, 400);
    // Together from 100 to 300 s: 300 W and half of the processors of 500 W are 70 % of 200 kJ.
    expect(await partOf(one)).toEqual({ energyUj: 240_000_000_000n, split: 'chips' });
    expect(await partOf(two)).toEqual({ energyUj: 160_000_000_000n, split: 'chips' });
  });

  test('long after: the curves have forgotten, what was kept tells the same; what was not kept is shared by time', async () => {
    const kept = rig();
    const lost = rig();
    for (const { door, open } of [kept, lost]) {
      door.nowS = 200;
      await open(0, ['nvml:GPU-a']);
      await open(0, ['nvml:GPU-b']);
    }
    for (const nowS of [200, 950, 1000, 1850, 1900, 2800]) {
      kept.door.nowS = nowS;
      await keepChips(kept.door.sources, kept.door.activity);
    }
    for (const { door, end } of [kept, lost]) {
      door.nowS = 2820;
      for (const { record } of door.activity.allJobs()) await end(record.job, 1800);
    }
    const jobs = (of: FakeDoor): readonly string[] =>
      of.activity.allJobs().map(({ record }) => record.job);
    kept.state.forgets = true;
    lost.state.forgets = true;
    const [one = '', two = ''] = jobs(kept.door);
    expect(await kept.partOf(one)).toEqual({ energyUj: 1_260_000_000_000n, split: 'chips' });
    expect(await kept.partOf(two)).toEqual({ energyUj: 540_000_000_000n, split: 'chips' });
    // Kept once per piece, not at each look.
    expect(kept.door.records.filter(({ kind }) => kind === 'chips')).toHaveLength(3);
    const [three = ''] = jobs(lost.door);
    expect(await lost.partOf(three)).toEqual({ energyUj: 900_000_000_000n, split: 'time' });
  });

  test('who names none shares what nobody named; a GPU that two named is shared by them', async () => {
    const { door, open, end, partOf } = rig();
    door.nowS = 500;
    const named = await open(0, ['nvml:GPU-a']);
    const again = await open(0, ['nvml:GPU-a']);
    const silent = await open(0);
    for (const job of [named, again, silent]) await end(job, 100);
    const parts = await Promise.all([named, again, silent].map(partOf));
    // 150 W each and a third of the processors; the silent one has the other GPU.
    const wants = [150 + 100 / 3, 150 + 100 / 3, 100 + 100 / 3];
    parts.forEach(({ energyUj }, index) => {
      expect(Number(energyUj) / 1e6).toBeCloseTo((100_000 * (wants[index] ?? 0)) / 500, 3);
    });
    expect(parts.reduce((sum, { energyUj }) => sum + energyUj, 0n)).toBe(100_000_000_000n);
  });

  test('any jobs at any times: the parts of all sum to the node, exactly', async () => {
    let state = 77;
    const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let round = 0; round < 20; round++) {
      const { door, open, end, partOf } = rig();
      door.nowS = 5000;
      const whole = await open(0);
      const jobs = [whole];
      await end(whole, 4000);
      for (let index = 0; index < 4; index++) {
        const fromS = 3000 * uniform();
        const own = [undefined, ['nvml:GPU-a'], ['nvml:GPU-b'], ['rapl:package-0']][
          Math.floor(4 * uniform())
        ];
        const job = await open(fromS, own);
        await end(job, fromS + 1 + 900 * uniform());
        jobs.push(job);
      }
      const parts = await Promise.all(jobs.map(partOf));
      // Each piece of time is rounded to the microjoule once, whoever is in it.
      const sumUj = parts.reduce((sum, { energyUj }) => sum + energyUj, 0n);
      expect(Number(sumUj - 4_000_000_000_000n)).toBeLessThanOrEqual(10);
      expect(Number(sumUj - 4_000_000_000_000n)).toBeGreaterThanOrEqual(-10);
    }
  });

  test('a chip that no node of it has sent is refused, and nothing is opened', async () => {
    const { door, post } = rig();
    door.nowS = 10;
    const body = { name: 'j', nodes: ['g'], chips: ['nvml:GPU-c'] };
    expect((await post('/v1/jobs', body)).code).toBe(422);
    expect(door.records).toEqual([]);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'trueup-activity-log-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('what was said is in the log', () => {
  const mark = (second: number, name = 'm'): ActivityRecordJson => ({
    kind: 'mark',
    job: 'j',
    mark: name,
    at_ns: (START_NS + BigInt(second)).toString(),
  });

  test('at the next close, once, with its leaf, also after a restart; what no entry can hold is there by its hash', async () => {
    const long: ActivityRecordJson = {
      kind: 'job',
      job: 'j',
      name: 'x',
      nodes: Array.from({ length: 1024 }, (_, index) => `node-${'n'.repeat(100)}-${index}`),
      at_ns: '1',
    };
    const half = mark(2, 'half of a pair: \ud800');
    const many = Array.from({ length: 900 }, (_, index) => mark(10 + index, 'm'.repeat(100)));
    const ledger = await openLedger(join(folder, 'data'), {
      rehearsal: true,
      nowNs: () => START_NS,
      profileOf: () => '',
    });
    const log = await openActivityLog(folder);
    for (const record of [long, half, mark(3), ...many]) log.kept(record);
    const entries = log.entries(START_NS);
    expect(entries.length).toBeGreaterThan(1);
    await log.stored(await ledger.log.append(entries));
    expect(log.entries(START_NS)).toEqual([]);
    const leaf = log.leafOf(mark(3)) ?? -1;
    await log.close();
    await ledger.close();

    const again = await openActivityLog(folder);
    for (const record of [long, half, mark(3), ...many]) again.kept(record);
    expect(again.entries(START_NS)).toEqual([]);
    expect(again.leafOf(mark(3))).toBe(leaf);
    again.kept(mark(5000));
    expect(again.entries(START_NS)).toHaveLength(1);
    await again.close();

    const read = await readLedger(join(folder, 'data'));
    const entry = Buffer.from(await read.entryBytes(leaf)).toString('utf8');
    expect(await read.proveLeaf(leaf)).toContain('c2sp.org/tlog-proof');
    read.close();
    expect(entry).toContain('"type":"activity"');
    expect(entry).toContain(JSON.stringify(mark(3).kind));
    expect(entry).toMatch(/"kind":"job","sha256":"[0-9a-f]{64}"/);
    expect(entry).not.toContain('half of a pair');
  });
});
