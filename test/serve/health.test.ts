// /health says trouble when the service cannot do its work, and only then.
import { describe, expect, test } from 'vitest';
import { HealthSchema } from '../../src/serve/api-schemas.ts';
import { FakeRack, snapshotOf } from './fake-rack.ts';
import { appOf, jsonOf } from './test-app.ts';

describe('/health', () => {
  const healthOf = async (part: Parameters<typeof snapshotOf>[0], advanceNs = 0n) => {
    let nowNs = 1n;
    const live = new FakeRack();
    const app = appOf({ live, clock: { monotonicNs: () => nowNs } });
    live.refresh(part);
    nowNs += advanceNs;
    const answer = await app.inject('/health');
    return { ...jsonOf(HealthSchema, answer.body), statusCode: answer.statusCode };
  };
  const { wires, sinks, nodes, points } = snapshotOf();

  test('one dead meter does not make the service ill', async () => {
    expect(await healthOf({})).toEqual({ status: 'ok', reasons: [], statusCode: 200 });
  });

  test.each([
    [
      'wire bus-1 is down: connection refused',
      { wires: [{ ...wires[0]!, connected: false, trouble: 'connection refused' }] },
    ],
    [
      'sink influx is stuck: 12 rows wait: 503',
      { sinks: [{ ...sinks[0]!, waitingCount: 12, trouble: '503' }] },
    ],
    [
      'no readings: no point has a known power',
      {
        nodes: nodes.map((node) => ({ ...node, wallW: undefined })),
        points: points.map((point) => ({ ...point, wallW: undefined })),
      },
    ],
  ])('503: %s', async (reason, part) => {
    const live = new FakeRack(snapshotOf(part));
    const answer = await appOf({ live }).inject('/health');
    expect(answer.statusCode).toBe(503);
    expect(jsonOf(HealthSchema, answer.body)).toEqual({ status: 'trouble', reasons: [reason] });
  });

  test('a rack that is refreshed no more is trouble', async () => {
    expect((await healthOf({}, 20_000_000_000n)).reasons).toEqual([
      'the rack was not refreshed for 20 s',
    ]);
  });
});
