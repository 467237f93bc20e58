// Doors for trackers that know nothing of us: Zeus's daemon, pushes of Zeus and Scaphandre, CodeCarbon's webhook. Expected
// energies are arithmetic on even powers.
import type { FastifyInstance } from 'fastify';
import { describe, expect, test } from 'vitest';
import { instantNs } from '../../src/quantity/time.ts';
import { NodeCounter } from '../../src/serve/activity/node-counter.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { evenCurve, fakeDoor, nodeModel, START_NS, type FakeDoor } from './fake-door.ts';
import { appOf } from './test-app.ts';

interface Rig {
  readonly door: FakeDoor;
  readonly app: FastifyInstance;
}
const withDoor = (): Rig => {
  const door = fakeDoor();
  return { door, app: appOf({ activity: door }) };
};
const claimsOf = (door: FakeDoor) =>
  door.records.flatMap((record) => (record.kind === 'claim' ? [record] : []));

describe('what a Zeus client asks its daemon', () => {
  const ask = async (app: FastifyInstance, path: string) => {
    const answer = await app.inject(`/v1/nodes/n2/zeusd${path}`);
    return { status: answer.statusCode, json: answer.json<Record<string, unknown>>() };
  };
  interface Counted {
    readonly cpu_energy_uj: number;
    readonly dram_energy_uj: number | null;
  }
  const cpu = async (app: FastifyInstance, id: number): Promise<Counted> => {
    const { json } = await ask(
      app,
      `/cpu/get_cumulative_energy?cpu=true&dram=true&cpu_ids=${String(id)}`,
    );
    return json[String(id)] as Counted;
  };

  test('all zones are there; processor 0 and the boards that Zeus reads itself are the wall', async () => {
    const { door, app } = withDoor();
    door.nowS = 10;
    const { json } = await ask(app, '/discover');
    expect(json).toMatchObject({
      gpus: [],
      enabled_api_groups: ['cpu-read'],
      auth_required: false,
    });
    expect((json['cpus'] as unknown[]).length).toBeGreaterThan(8);
    expect((await ask(app, '/time')).json).toEqual({
      timestamp_ms: Number((START_NS + 10_000_000_000n) / 1_000_000n),
    });
    const before = await cpu(app, 0);
    door.nowS = 110;
    const after = await cpu(app, 0);
    // Wall 1.25 x 600 + 300 W, of which the board of 500 W is Zeus's own.
    const risenJ = (after.cpu_energy_uj - before.cpu_energy_uj) / 1e6;
    expect(risenJ / 100).toBeCloseTo(1.25 * 600 + 300 - 500, 0);
    expect(await cpu(app, 1)).toEqual({ cpu_energy_uj: 0, dram_energy_uj: null });
    const { json: power } = await ask(app, '/cpu/get_power');
    expect(power['power_mw']).toMatchObject({
      '0': { cpu_mw: Math.round(risenJ * 10), dram_mw: 0 },
    });
  });

  test.each([
    ['a node that is not ours', '/v1/nodes/n9/zeusd/discover', 404],
    ['a node without a correction', '/v1/nodes/n1/zeusd/cpu/get_cumulative_energy?cpu_ids=0', 422],
    ['no processor', '/v1/nodes/n2/zeusd/cpu/get_cumulative_energy', 400],
    ['nonsense', '/v1/nodes/n2/zeusd/cpu/get_cumulative_energy?cpu_ids=0;1', 400],
  ])('%s is refused', async (_name, url, code) => {
    const { app } = withDoor();
    expect((await app.inject(url)).statusCode).toBe(code);
  });

  test('a counter never falls, and what nobody saw whole adds nothing', () => {
    let nowS = 0;
    const now = () => instantNs(START_NS + BigInt(Math.round(nowS * 1e9)));
    const counter = new NodeCounter();
    const counted = (gpuW: number, stretch = 0): number => {
      const gpu = evenCurve(gpuW, START_NS, now);
      const count = counter.follow({
        feeds: [],
        model: nodeModel(),
        waitingFor: '',
        periodS: 1,
        chips: new Map([
          ['rapl:package-0', evenCurve(100, START_NS, now)],
          [
            'nvml:a',
            {
              ...gpu,
              energyAt: (atNs) => {
                const edge = gpu.energyAt(atNs);
                return edge && { ...edge, stretch: atNs === now() ? stretch : 0 };
              },
            },
          ],
        ]),
      });
      if (isRefusal(count)) throw new Error(count.because);
      return Number(count.cpuUj) / 1e6;
    };
    expect(counted(500)).toBe(0);
    nowS = 10;
    const first = counted(500);
    expect(first / 10).toBeCloseTo(550, 0);
    nowS = 20;
    expect(counted(500, 1)).toBe(first);
    nowS = 30;
    // The same instant asked twice is counted once.
    const next = counted(500);
    expect(counted(500)).toBe(next);
    expect((next - first) / 10).toBeCloseTo(550, 0);
  });
});

describe('pushes', () => {
  const push = (app: FastifyInstance, method: 'PUT' | 'POST', job: string, payload: string) =>
    app.inject({
      method,
      url: `/v1/nodes/n1/pushgateway/metrics/job/${job}`,
      headers: { 'content-type': 'text/plain' },
      payload,
    });

  test('Zeus: the rise of its counters over all windows and boards, from the first push on', async () => {
    const { door, app } = withDoor();
    const said = (a: number, b: number, cpu: number): string =>
      [
        '# TYPE energy_monitor_gpu_energy_joules histogram',
        'energy_monitor_gpu_energy_joules_bucket{window="train",index="0",le="1000"} 3',
        `energy_monitor_gpu_energy_joules_sum{window="train",index="0"} ${String(a)}`,
        `energy_monitor_gpu_energy_joules_sum{window="train",index="1"} ${String(b)}`,
        `energy_monitor_cpu_energy_joules_sum{window="train",index="0"} ${String(cpu)}`,
        `energy_monitor_dram_energy_joules_sum{window="train",index="0"} 5`,
      ].join('\n');
    for (const [nowS, body] of [
      [10, said(1000, 2000, 300)],
      [70, said(4000, 6000, 900)],
      // Another process of that job: its counters begin anew.
      [130, said(500, 600, 50)],
    ] as const) {
      door.nowS = nowS;
      expect((await push(app, 'PUT', 'train', body)).statusCode).toBe(200);
    }
    const claims = claimsOf(door);
    expect(claims.map(({ tracker }) => tracker)).toEqual(['zeus', 'zeus', 'zeus']);
    expect(claims.map(({ gpu_kwh: kwh }) => Math.round(kwh * 3.6e6))).toEqual([0, 7000, 1100]);
    expect(claims.map(({ cpu_kwh: kwh }) => Math.round(kwh * 3.6e6))).toEqual([0, 600, 50]);
    const seconds = claims.map(
      (each) => Number(BigInt(each.until_ns) - BigInt(each.from_ns)) / 1e9,
    );
    expect(seconds).toEqual([0, 60, 60]);
  });

  test('Scaphandre posts; a page of somebody else may not', async () => {
    const { door, app } = withDoor();
    for (const [nowS, uj] of [
      [10, 7_000_000],
      [40, 3_607_000_000],
    ] as const) {
      door.nowS = nowS;
      const body = `mymetric 50\nscaph_host_energy_microjoules{hostname="n1"} ${String(uj)}\n`;
      expect((await push(app, 'POST', 'scaphandre/instance/n1', body)).statusCode).toBe(200);
    }
    expect(claimsOf(door)[1]?.cpu_kwh).toBeCloseTo(0.001, 9);
    const foreign = await app.inject({
      method: 'POST',
      url: '/v1/nodes/n1/pushgateway/metrics/job/x',
      headers: { 'content-type': 'text/plain', origin: 'http://evil.example' },
      payload: 'scaph_host_energy_microjoules 1',
    });
    expect(foreign.statusCode).toBe(403);
  });
});

describe('the webhook of CodeCarbon', () => {
  const hook = (app: FastifyInstance, body: unknown) =>
    app.inject({
      method: 'POST',
      url: '/v1/nodes/n1/codecarbon/webhook',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(body),
    });
  const totals = (durationS: number, cpuKwh: number, over: object = {}) => ({
    timestamp: '2026-07-01T12:05:00',
    project_name: 'demo',
    run_id: 'r1',
    duration: durationS,
    cpu_energy: cpuKwh,
    gpu_energy: 0,
    ram_energy: 0.001,
    pue: 1,
    ...over,
  });

  test('totals of a run that nobody told of are a span of its duration; flushed again the rest', async () => {
    const { door, app } = withDoor();
    door.nowS = 300;
    expect((await hook(app, totals(120, 0.002))).statusCode).toBe(201);
    door.nowS = 400;
    expect((await hook(app, totals(220, 0.003))).statusCode).toBe(201);
    expect((await hook(app, totals(220, 0.003))).statusCode).toBe(201);
    const claims = claimsOf(door);
    expect(claims.map(({ cpu_kwh: kwh }) => Number(kwh.toFixed(6)))).toEqual([0.002, 0.001]);
    expect(
      claims.map((each) => Number(BigInt(each.until_ns) - BigInt(each.from_ns)) / 1e9),
    ).toEqual([120, 100]);
  });

  test('a run of the API whose messages were lost is made whole, once; its name may be None', async () => {
    const { door, app } = withDoor();
    door.nowS = 10;
    const post = (path: string, body: unknown) =>
      app.inject({
        method: 'POST',
        url: `/v1/nodes/n1/codecarbon${path}`,
        headers: { 'content-type': 'application/json' },
        payload: JSON.stringify(body),
      });
    const stamp = (second: number): string =>
      new Date(Number(START_NS / 1_000_000n) + 1000 * second).toISOString();
    const run = (await post('/runs', { timestamp: stamp(10) })).json<{ id: string }>().id;
    door.nowS = 130;
    const sent = {
      timestamp: stamp(130),
      run_id: run,
      duration: 120,
      cpu_energy: 0.002,
      gpu_energy: 0,
      ram_energy: 0,
    };
    expect((await post('/emissions', sent)).statusCode).toBe(201);
    door.nowS = 250;
    await hook(app, totals(240, 0.005, { run_id: 'None' }));
    await hook(app, totals(240, 0.005, { run_id: 'None' }));
    const claims = claimsOf(door);
    expect(claims.map((each) => each.run)).toEqual([run, run]);
    expect(claims[1]?.cpu_kwh).toBeCloseTo(0.003, 9);
    expect(claims[1]?.notes[0]).toContain('lost');
  });

  test.each([
    ['no totals', {}, 422],
    ['an energy that is a word', totals(1, 1, { cpu_energy: 'x' }), 422],
    ['a year in an hour', totals(1e9, 1), 422],
  ])('%s is refused, and nothing is kept', async (_name, body, code) => {
    const { door, app } = withDoor();
    expect((await hook(app, body)).statusCode).toBe(code);
    expect(door.records).toEqual([]);
    door.isFull = true;
    expect((await hook(app, totals(1, 0.001))).statusCode).toBe(503);
  });
});
