// The faces for programs: a node's correction and energy, trackers that know nothing of us, and jobs. Expected energies are
// arithmetic on a node of 1000 W; the requests of CodeCarbon are those that were captured.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, describe, expect, test } from 'vitest';
import { openActivity } from '../../src/cli/running-site/activity-doors.ts';
import { instantNs, formatInstant } from '../../src/quantity/time.ts';
import { shared } from '../fixtures.ts';
import { findPython } from '../real-programs.ts';
import { statement } from '../ledger/samples.ts';
import { appOf } from './test-app.ts';
import { fakeDoor, START_NS, type FakeDoor } from './fake-door.ts';

const at = (second: number): string =>
  formatInstant(instantNs(START_NS + BigInt(Math.round(second * 1e9))));
const withDoor = (): { door: FakeDoor; app: FastifyInstance } => {
  const door = fakeDoor();
  return { door, app: appOf({ activity: door }) };
};
async function post(
  app: FastifyInstance,
  url: string,
  body: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.statusCode, json: answer.json() };
}
async function get(
  app: FastifyInstance,
  url: string,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await app.inject(url);
  return { status: answer.statusCode, json: answer.json() };
}

describe('energy of any window', () => {
  test('by the meter: 1000 W for 90 s, with the class of the meter and its two edges', async () => {
    const { door, app } = withDoor();
    door.nowS = 200;
    const { status, json } = await get(app, `/v1/nodes/n1/energy?from=${at(10)}&until=${at(100)}`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ wall_energy_kwh: 0.025, quality: 'actual', methods: ['meter'] });
    // k = 2 over 0.5 % of 90 kJ and an edge of 3 J at either end.
    expect(json['u_kwh']).toBeCloseTo((2 * Math.hypot(450, Math.hypot(3, 3))) / 3.6e6, 9);
  });

  test('by corrected chips where no meter looks, from settled intervals where it is long ago', async () => {
    const { door, app } = withDoor();
    door.nowS = 2000;
    const chips = await get(app, `/v1/nodes/n2/energy?from=${at(0)}&until=${at(900)}`);
    expect(chips.json).toMatchObject({ quality: 'derived', methods: ['model'] });
    expect(chips.json['wall_energy_kwh']).toBeCloseTo(((1.25 * 600 + 300) * 900) / 3.6e6, 4);
    // Two settled hours ago, of which the window takes one whole and a third of the next.
    for (const index of [8, 7]) {
      const startNs = instantNs(START_NS - BigInt(index) * 900_000_000_000n);
      const settled = statement(0, {
        point: 'node/n3',
        kind: 'corrected',
        startNs,
        quality: 'derived',
      });
      door.statements.push({
        leaf: index,
        sha256: '',
        entry: { type: 'statement', statement: settled },
        statement: settled,
      } as never);
    }
    const [first] = door.statements;
    const eachKwh = Number(first?.statement.energyUj) / 3.6e12;
    const past = await get(app, `/v1/nodes/n3/energy?from=${at(-7200)}&until=${at(-7200 + 1200)}`);
    expect(past.json).toMatchObject({ quality: 'derived', methods: ['settled'] });
    expect(past.json['wall_energy_kwh']).toBeCloseTo(eachKwh * (1 + 1 / 3), 9);
  });

  test('a coarse meter gives way to chips that know better, and that is said', async () => {
    const { door, app } = withDoor();
    door.nowS = 200;
    const url = (until: number): string => `/v1/nodes/n4/energy?from=${at(10)}&until=${at(until)}`;
    // Steps of 10 Wh: 36 kJ at either edge, of 94 kJ in 90 s.
    const short = await get(app, url(100));
    expect(short.json).toMatchObject({ quality: 'derived', methods: ['model'] });
    expect(Number(short.json['u_kwh'])).toBeLessThan((2 * 36_000) / 3.6e6);
  });

  test.each([
    ['a node that is not ours', `/v1/nodes/n9/energy?from=${at(0)}&until=${at(1)}`, 404],
    ['no times', '/v1/nodes/n1/energy?from=x&until=y', 400],
    ['more than was asked for', `/v1/nodes/n1/energy?from=${at(0)}&until=${at(1)}&x=1`, 400],
    ['what is not over yet', `/v1/nodes/n1/energy?from=${at(0)}&until=${at(9999)}`, 422],
    ['the wrong way round', `/v1/nodes/n1/energy?from=${at(50)}&until=${at(10)}`, 422],
    ['a year', `/v1/nodes/n1/energy?from=2025-01-01T00:00:00Z&until=2026-01-01T00:00:00Z`, 422],
    ['what nobody has seen', `/v1/nodes/n3/energy?from=${at(0)}&until=${at(10)}`, 422],
  ])('%s is refused', async (_name, url, code) => {
    const { door, app } = withDoor();
    door.nowS = 100;
    const { status, json } = await get(app, url);
    expect(status).toBe(code);
    expect(json['remedy']).toBeTypeOf('string');
  });
});

describe('a correction, served', () => {
  test('as it stands, with its expiry; variables for CodeCarbon on request alone, with the warning', async () => {
    const { app } = withDoor();
    const plain = await get(app, '/v1/nodes/n2/correction');
    expect(plain.json).toMatchObject({
      node: 'n2',
      model: { intercept_w: expect.closeTo(300, 0) as number },
    });
    expect(plain.json['environment']).toBeUndefined();
    const asked = await get(app, '/v1/nodes/n2/correction?for=codecarbon');
    const { CODECARBON_PUE: pue = '', CODECARBON_FORCE_RAM_POWER: ram = '' } = asked.json[
      'environment'
    ] as Record<string, string>;
    expect(Number(pue)).toBeCloseTo(1.25, 2);
    expect(Number(pue) * Number(ram)).toBeCloseTo(300, 0);
    expect(asked.json['warning']).toContain('pue');
    expect((await get(app, '/v1/nodes/n3/correction')).json).toEqual({
      node: 'n3',
      waiting_for: 'a meter',
    });
    expect((await get(app, '/v1/nodes/n3/correction?for=codecarbon')).status).toBe(422);
  });

  test('one claim at the wall; chips that are missing are refused', async () => {
    const { app } = withDoor();
    const claim = {
      tracker: 'codecarbon',
      duration_s: 3600,
      cpu_kwh: 0.1 * 1.2,
      gpu_kwh: 0.5 * 1.2,
      pue: 1.2,
    };
    const { status, json } = await post(app, '/v1/nodes/n2/correct', claim);
    expect(status).toBe(200);
    expect(json['wall_energy_kwh']).toBeCloseTo(1.25 * 0.6 + 0.3, 3);
    expect(
      (await post(app, '/v1/nodes/n2/correct', { duration_s: 3600, gpu_kwh: 0.5 })).json,
    ).toMatchObject({ code: 'tracker.unmeasured' });
    expect((await post(app, '/v1/nodes/n3/correct', claim)).json).toMatchObject({
      code: 'calibrate.few',
    });
    for (const bad of [
      '{',
      '[]',
      { duration_s: 0 },
      { duration_s: 1, watts: 3 },
      { ...claim, gpu_kwh: '1' },
    ]) {
      expect((await post(app, '/v1/nodes/n2/correct', bad)).status).toBe(400);
    }
  });
});

const EMISSION = {
  duration: 119,
  emissions_sum: 1,
  emissions_rate: 1,
  cpu_power: 1,
  gpu_power: 1,
  ram_power: 33,
  cpu_energy: 0.002,
  gpu_energy: 0.02,
  ram_energy: 0.001,
  energy_consumed: 0.023,
};

describe('an unmodified CodeCarbon', () => {
  test('run and emissions: exactly 201, kept first, its spans those of its stamps, calibrated when asked', async () => {
    const { door, app } = withDoor();
    const base = '/v1/nodes/n1/codecarbon';
    const opened = await post(app, `${base}/runs`, {
      timestamp: at(0),
      experiment_id: 'e1',
      os: 'Linux',
    });
    expect(opened.status).toBe(201);
    const run = String(opened.json['id']);
    door.nowS = 120;
    expect(
      (await post(app, `${base}/emissions`, { ...EMISSION, timestamp: at(120), run_id: run }))
        .status,
    ).toBe(201);
    // The same message twice is one; a second one with a cut duration covers what lies between the stamps.
    await post(app, `${base}/emissions`, { ...EMISSION, timestamp: at(120), run_id: run });
    door.nowS = 241;
    await post(app, `${base}/emission`, { ...EMISSION, timestamp: at(240.5), run_id: run });
    expect(door.records.map(({ kind }) => kind)).toEqual(['run', 'claim', 'claim']);
    const { json } = await get(app, '/v1/nodes/n1/runs');
    const [told] = json['runs'] as Record<string, unknown>[];
    expect(told).toMatchObject({ run, tracker: 'codecarbon', quality: 'actual', covered_s: 240.5 });
    expect(told?.['claimed_kwh']).toBeCloseTo(0.044, 9);
    expect(told?.['wall_energy_kwh']).toBeCloseTo((1000 * 240.5) / 3.6e6, 9);
    const { body } = await app.inject('/metrics');
    const labels = `{node="n1",tracker="codecarbon",project="e1",run="${run}"}`;
    expect(body).toContain(`trueup_run_wall_joules${labels} 240500`);
    expect(body).toContain(`trueup_run_claimed_joules${labels} 158400`);
    door.nowS = 5000;
    expect((await app.inject('/metrics')).body).not.toContain('trueup_run_wall_joules');
  });

  test('a run of many messages has two edges, and is cut where another run joins it', async () => {
    const { door, app } = withDoor();
    const base = '/v1/nodes/n1/codecarbon';
    const open = async (): Promise<string> =>
      String((await post(app, `${base}/runs`, { timestamp: at(door.nowS) })).json['id']);
    const send = (run: string): Promise<unknown> =>
      post(app, `${base}/emissions`, {
        ...EMISSION,
        duration: 10,
        timestamp: at(door.nowS),
        run_id: run,
      });
    const one = await open();
    for (door.nowS = 10; door.nowS <= 100; door.nowS += 10) await send(one);
    door.nowS = 101;
    const told = async (): Promise<{ wall_energy_kwh: number; u_kwh: number }[]> =>
      (await get(app, '/v1/nodes/n1/runs')).json['runs'] as {
        wall_energy_kwh: number;
        u_kwh: number;
      }[];
    const [alone] = await told();
    expect(alone?.u_kwh).toBeCloseTo((2 * Math.hypot(500, Math.hypot(3, 3))) / 3.6e6, 9);
    door.nowS = 80;
    const two = await open();
    door.nowS = 100;
    await post(app, `${base}/emissions`, {
      ...EMISSION,
      duration: 20,
      timestamp: at(100),
      run_id: two,
    });
    const [first, second] = await told();
    // 80 s alone and 20 s shared by two.
    expect(first?.wall_energy_kwh).toBeCloseTo((1000 * 90) / 3.6e6, 9);
    expect(second?.wall_energy_kwh).toBeCloseTo((1000 * 10) / 3.6e6, 9);
  });

  test('the first message comes right after the run was opened, and tells of the time before', async () => {
    const { door, app } = withDoor();
    door.nowS = 300;
    const base = '/v1/nodes/n1/codecarbon';
    const opened = await post(app, `${base}/runs`, { timestamp: at(300) });
    const message = { ...EMISSION, timestamp: at(300.02), run_id: opened.json['id'] };
    await post(app, `${base}/emissions`, message);
    door.nowS = 301;
    const [told] = (await get(app, '/v1/nodes/n1/runs')).json['runs'] as { covered_s: number }[];
    expect(told?.covered_s).toBeCloseTo(119, 6);
  });

  test('eight ranks of one job add up to the node once', async () => {
    const { door, app } = withDoor();
    const base = '/v1/nodes/n1/codecarbon';
    const runs: string[] = [];
    for (let rank = 0; rank < 8; rank++) {
      runs.push(String((await post(app, `${base}/runs`, { timestamp: at(0) })).json['id']));
    }
    door.nowS = 120;
    for (const run of runs)
      await post(app, `${base}/emissions`, { ...EMISSION, timestamp: at(120), run_id: run });
    const told = (await get(app, '/v1/nodes/n1/runs')).json['runs'] as {
      wall_energy_kwh: number;
    }[];
    const sum = told.reduce((total, each) => total + each.wall_energy_kwh, 0);
    expect(sum).toBeCloseTo((1000 * 120) / 3.6e6, 9);
  });

  test('a clock an hour off, a run that was never opened, a wrapped counter: kept, and said', async () => {
    const { door, app } = withDoor();
    door.nowS = 1000;
    const url = '/v1/nodes/n1/codecarbon/emissions';
    expect(
      (await post(app, url, { ...EMISSION, cpu_energy: -0.07, timestamp: at(4600), run_id: 'x' }))
        .status,
    ).toBe(201);
    const [told] = (await get(app, '/v1/nodes/n1/runs')).json['runs'] as {
      notes: string[];
      until: string;
    }[];
    expect(told?.until).toBe(at(1000));
    expect(told?.notes.join()).toMatch(/clock is off.*not opened here.*wrapped/);
  });

  test('what is refused, and what is lost by nobody', async () => {
    const { door, app } = withDoor();
    const url = '/v1/nodes/n1/codecarbon/emissions';
    expect((await post(app, '/v1/nodes/n9/codecarbon/runs', {})).status).toBe(404);
    for (const bad of [
      '{',
      '[]',
      {},
      { ...EMISSION, run_id: 'x' },
      { ...EMISSION, timestamp: at(1), run_id: 'x', duration: -1 },
      { ...EMISSION, timestamp: at(1), run_id: 'x', gpu_energy: 1e9 },
    ]) {
      expect((await post(app, url, bad)).status).toBe(422);
    }
    expect((await post(app, url, 'x'.repeat(300_000))).status).toBe(413);
    const run = String((await post(app, '/v1/nodes/n1/codecarbon/runs', {})).json['id']);
    expect(
      (
        await post(app, '/v1/nodes/n2/codecarbon/emissions', {
          ...EMISSION,
          timestamp: at(1),
          run_id: run,
        })
      ).status,
    ).toBe(409);
    door.isFull = true;
    const full = await post(app, url, { ...EMISSION, timestamp: at(1), run_id: run });
    expect(full.status).toBe(503);
    // A foreign web page may not post forms here.
    const form = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'text/plain' },
      payload: '{}',
    });
    expect(form.statusCode).toBe(415);
  });

  const capture = shared('fixtures/trackers/lab/codecarbon/http_capture_online.jsonl');
  test.skipIf(!capture)(
    'the requests that CodeCarbon 3.3 made are answered as it wants (fixtures)',
    async () => {
      const { door, app } = withDoor();
      let run = '';
      const statuses: number[] = [];
      for (const line of readFileSync(capture ?? '', 'utf8')
        .trim()
        .split('\n')) {
        const request = JSON.parse(line) as { method: string; path: string; body: string };
        const { method, path, body } = request;
        const door1 = /\/(runs|emissions)$/.exec(path)?.[1];
        if (method !== 'POST' || door1 === undefined) continue;
        const sent = JSON.parse(body) as Record<string, unknown>;
        if (door1 === 'emissions') sent['run_id'] = run;
        const stamp = Date.parse(String(sent['timestamp']));
        door.nowS = stamp / 1000 - Number(START_NS) / 1e9;
        const answer = await post(app, `/v1/nodes/n1/codecarbon/${door1}`, sent);
        if (door1 === 'runs') run = String(answer.json['id']);
        statuses.push(answer.status);
      }
      expect(statuses.length).toBeGreaterThan(2);
      expect(new Set(statuses)).toEqual(new Set([201]));
    },
  );
});

describe('a pushgateway', () => {
  test('pushes are spans; another text and another method are not taken', async () => {
    const { door, app } = withDoor();
    const url = '/v1/nodes/n1/pushgateway/metrics/job/demo_run';
    const text =
      '# TYPE codecarbon_cpu_energy gauge\ncodecarbon_cpu_energy{project_name="demo"} 0.001\ncodecarbon_gpu_energy{project_name="demo"} 2e-2\ncodecarbon_duration{} 60\n';
    const put = async (payload: string): Promise<number> =>
      (
        await app.inject({
          method: 'PUT',
          url,
          headers: { 'content-type': 'text/plain; version=0.0.4' },
          payload,
        })
      ).statusCode;
    door.nowS = 60;
    expect(await put(text)).toBe(200);
    door.nowS = 125;
    expect(await put(text)).toBe(200);
    const [told] = (await get(app, '/v1/nodes/n1/runs')).json['runs'] as Record<string, unknown>[];
    expect(told).toMatchObject({ project: 'demo_run', covered_s: 125 });
    expect(told?.['claimed_kwh']).toBeCloseTo(0.042, 9);
    expect(await put('something_else 1\n')).toBe(400);
    expect(await put('codecarbon_cpu_energy NaN\n')).toBe(400);
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(202);
    expect((await app.inject({ method: 'POST', url, payload: 'x' })).statusCode).toBe(415);
  });
});

describe('jobs', () => {
  test('a window with marks: kWh with U, per token, by phase; a phase below four periods is refused', async () => {
    const { door, app } = withDoor();
    const { json } = await post(app, '/v1/jobs', { name: 'train', nodes: ['n1'] });
    const url = `/v1/jobs/${String(json['job'])}`;
    door.nowS = 10;
    await post(app, `${url}/marks`, { mark: 'epoch' });
    door.nowS = 40;
    await post(app, `${url}/marks`, { mark: 'save' });
    door.nowS = 42;
    await post(app, `${url}/marks`, { mark: 'epoch' });
    door.nowS = 100;
    expect((await post(app, `${url}/end`, { tokens: 50_000 })).status).toBe(201);
    door.nowS = 130;
    const { json: used } = await get(app, url);
    expect(used).toMatchObject({
      state: 'ended',
      duration_s: 100,
      quality: 'actual',
      tokens: 50_000,
      j_per_token: 2,
    });
    expect(used['wall_energy_kwh']).toBeCloseTo(100_000 / 3.6e6, 9);
    const [epoch, save] = used['phases'] as Record<string, unknown>[];
    expect(epoch).toMatchObject({ phase: 'epoch', times_count: 2, duration_s: 88 });
    expect(epoch?.['wall_energy_kwh']).toBeCloseTo(88_000 / 3.6e6, 9);
    expect(save).toMatchObject({ phase: 'save', quality: 'missing' });
    expect(String(save?.['because'])).toContain('tracker.short');
    // An epilog that runs twice ends it once.
    expect((await post(app, `${url}/end`, {})).status).toBe(200);
    expect((await post(app, `${url}/marks`, { mark: 'late' })).status).toBe(409);
  });

  test('two jobs at once on one node share it; idle is a part of each', async () => {
    const { door, app } = withDoor();
    const open = async (): Promise<string> =>
      String((await post(app, '/v1/jobs', { name: 'j', nodes: ['n2'] })).json['job']);
    const [one, two] = [await open(), await open()];
    door.nowS = 300;
    for (const job of [one, two]) await post(app, `/v1/jobs/${job}/end`, {});
    door.nowS = 310;
    const used = [
      (await get(app, `/v1/jobs/${one}`)).json,
      (await get(app, `/v1/jobs/${two}`)).json,
    ];
    const sum = used.reduce((total, each) => total + Number(each['wall_energy_kwh']), 0);
    expect(sum).toBeCloseTo(((1.25 * 600 + 300) * 300) / 3.6e6, 4);
    // Idle by the model: 200 W of chips, the least that it has seen.
    expect(used[0]?.['idle_ratio']).toBeCloseTo((1.25 * 200 + 300) / (1.25 * 600 + 300), 2);
    expect(used[0]?.['per_node']).toMatchObject([{ node: 'n2', share_ratio: 0.5 }]);
  });

  test.each([
    [{ name: 'x', nodes: [] }, 400],
    [{ name: 'x', nodes: ['n9'] }, 404],
    [{ name: '', nodes: ['n1'] }, 400],
    [{ name: 'x', nodes: ['n1'], at: 'yesterday' }, 400],
    [{ name: 'x', nodes: ['n1'], at: '2040-01-01T00:00:00Z' }, 400],
    [{ name: 'x', nodes: ['n1', 'n1'] }, 400],
  ])('%j is refused with %i', async (body, code) => {
    const { app } = withDoor();
    expect((await post(app, '/v1/jobs', body)).status).toBe(code);
    expect((await get(app, '/v1/jobs/none')).status).toBe(404);
  });

  test('a job one of whose nodes is not known has no energy: it would look thrifty', async () => {
    const { door, app } = withDoor();
    const { json } = await post(app, '/v1/jobs', { name: 'x', nodes: ['n1', 'n3'] });
    door.nowS = 60;
    await post(app, `/v1/jobs/${String(json['job'])}/end`, {});
    door.nowS = 70;
    const { json: used } = await get(app, `/v1/jobs/${String(json['job'])}`);
    expect(used['quality']).toBe('missing');
    expect(used['wall_energy_kwh']).toBeUndefined();
  });
});

describe('jobs without progress', () => {
  const stalledOf = async (app: FastifyInstance): Promise<Record<string, unknown>[]> =>
    (await get(app, '/v1/jobs')).json['stalled'] as Record<string, unknown>[];

  test('marks that stop coming at full power are told, with the evidence; slow ones and idle nodes are not', async () => {
    const { door, app } = withDoor();
    const open = async (node: string): Promise<string> =>
      String((await post(app, '/v1/jobs', { name: 'train', nodes: [node] })).json['job']);
    const job = await open('n2');
    // n5 idles: its chips are at the least that the model has seen.
    const idle = await open('n5');
    for (const second of [60, 120, 180, 240]) {
      door.nowS = second;
      for (const each of [job, idle]) await post(app, `/v1/jobs/${each}/marks`, { mark: 'epoch' });
    }
    door.nowS = 240 + 590;
    expect(await stalledOf(app)).toEqual([]);
    door.nowS = 240 + 900;
    const [told, ...others] = await stalledOf(app);
    expect(others).toEqual([]);
    expect(told).toMatchObject({ job, node: 'n2', usual_s: 60, silent_s: 900, last_mark: at(240) });
    expect(told?.['power_w']).toBeCloseTo(1.25 * 600 + 300, 0);
    expect(told?.['idle_w']).toBeCloseTo(1.25 * 200 + 300, 0);
    expect((await app.inject('/metrics')).body).toMatch(
      /trueup_job_stalled_watts\{node="n2",.*\} 10\d\d/,
    );
    await post(app, `/v1/jobs/${job}/marks`, { mark: 'epoch' });
    expect(await stalledOf(app)).toEqual([]);
  });

  test('a job that took an hour for each step is not late after half of one', async () => {
    const { door, app } = withDoor();
    const job = String((await post(app, '/v1/jobs', { name: 'slow', nodes: ['n2'] })).json['job']);
    for (const second of [3600, 7200, 10_800]) {
      door.nowS = second;
      await post(app, `/v1/jobs/${job}/marks`, { mark: 'epoch' });
    }
    door.nowS = 10_800 + 1800;
    expect(await stalledOf(app)).toEqual([]);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'trueup-activity-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the book', () => {
  test('what was acknowledged is there after a restart; a torn or foreign line is not', async () => {
    const opened = await openActivity(folder);
    const { activity } = opened;
    await activity.add({ kind: 'job', job: 'j1', name: 'x', nodes: ['n1'], at_ns: '1' });
    await Promise.all(
      [1, 2, 3].map((at_ns) =>
        activity.add({ kind: 'mark', job: 'j1', mark: 'm', at_ns: String(at_ns) }),
      ),
    );
    await opened.close();
    const path = join(folder, 'activity', 'records.jsonl');
    appendFileSync(path, '{"kind":"job"}\nnonsense\n{"kind":"mark","job":"j1","ma');
    const again = await openActivity(folder);
    expect(again.activity.job('j1')?.marks).toHaveLength(3);
    await again.activity.add({ kind: 'end', job: 'j1', at_ns: '9' });
    await again.close();
    expect(readFileSync(path, 'utf8').trim().split('\n').at(-1)).toContain('"end"');
  });
});

const python = findPython();
describe('examples', () => {
  const root = join(import.meta.dirname, '../../examples');
  const served = async (): Promise<{ door: FakeDoor; url: string }> => {
    const { door, app } = withDoor();
    const started = Date.now();
    Object.defineProperty(door, 'nowS', { get: () => (Date.now() - started) / 1000 + 1 });
    return { door, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
  };

  test('the shell: opens, runs, ends, and tells', async () => {
    const { url } = await served();
    const { out, code } = await runAside('sh', [join(root, 'job.sh'), 'sleep', '1'], {
      TRUEUP: url,
      NODE: 'n1',
      TRUEUP_WAIT_S: '0',
    });
    expect(code).toBe(0);
    const used = JSON.parse(out) as { state: string; wall_energy_kwh: number };
    expect(used.state).toBe('ended');
    expect(used.wall_energy_kwh).toBeGreaterThan(900 / 3.6e6);
    const failed = await runAside('sh', [join(root, 'job.sh'), 'false'], {
      TRUEUP: url,
      NODE: 'n1',
      TRUEUP_WAIT_S: '0',
    });
    expect(failed.code).toBe(1);
  });

  test.skipIf(!python)('Python: a context manager', async () => {
    const { url } = await served();
    const script = join(folder, 'use.py');
    writeFileSync(
      script,
      `import sys, time, json\nsys.path.insert(0, ${JSON.stringify(root)})\nfrom trueup_job import TrueupJob\nwith TrueupJob("t", ["n1"]) as job:\n    job.mark("epoch")\n    time.sleep(1)\n    job.counts["tokens"] = 500\nprint(json.dumps(job.result(wait_s=0)))\n`,
    );
    const { out, code } = await runAside(python ?? '', [script], { TRUEUP: url });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'ended', tokens: 500 });
  });

  test('shell scripts and Python are whole', () => {
    for (const name of ['job.sh', 'slurm/prolog.sh', 'slurm/epilog.sh'])
      execFileSync('sh', ['-n', join(root, name)]);
    if (!python) return;
    for (const name of ['trueup_job.py', 'wandb_wall.py', 'mlflow_wall.py']) {
      const { status } = spawnSync(python, [
        '-c',
        `import ast,sys; ast.parse(open(sys.argv[1]).read())`,
        join(root, name),
      ]);
      expect(status, name).toBe(0);
    }
  });
});

/** A child beside this process, which must go on answering it. */
async function runAside(
  program: string,
  argv: string[],
  env: Record<string, string>,
): Promise<{ out: string; code: number | null }> {
  const { spawn } = await import('node:child_process');
  const child = spawn(program, argv, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ out, code });
    });
  });
}
