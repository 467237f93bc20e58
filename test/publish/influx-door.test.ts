// What InfluxDB 2.x and 3.x may answer by their published contract, and what proxies and accidents answer instead.
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { retryAfterMs } from '../../src/publish/influx-http.ts';
import { startOutbox } from '../../src/publish/outbox.ts';
import { openSink } from '../../src/publish/sinks.ts';
import type { Sink } from '../../src/publish/sink.ts';
import { watts } from '../../src/quantity/units.ts';
import {
  type InfluxStub,
  startInfluxStub,
  type StubOptions,
} from '../simulators/influx-contract-stub.ts';
import { memoryLedger, minute, statementEntry, T0 } from './memory-ledger.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function pair(
  generation: 2 | 3,
  options: Partial<StubOptions> = {},
  secret = 's3cret',
): Promise<{ stub: InfluxStub; sink: Sink }> {
  const account = { organisation: 'org', bucket: 'energy', token: 's3cret' };
  const stub = await startInfluxStub({ generation, ...account, ...options });
  const sink = openSink(
    {
      id: 'far',
      kind: `influxdb${generation}`,
      url: `${stub.url}/`,
      database: 'energy',
      organisation: 'org',
      username: undefined,
      secret,
      path: '',
    },
    { name: 'lab', rehearsal: false },
    { clock: systemClock(), timers: systemTimers, dataDir: '' },
  );
  opened.push(sink, stub);
  return { stub, sink };
}
const entries = (count: number) =>
  memoryLedger().append(
    Array.from({ length: count }, (_, index) => statementEntry({ startNs: minute(index) })),
  );

describe.each([2, 3] as const)('generation %i', (generation) => {
  test('a wrong token or bucket keeps the rows waiting and says what to check', async () => {
    const { sink } = await pair(generation, {}, 'wrong');
    expect(await sink.write(entries(1))).toMatchObject({
      outcome: 'later',
      because: expect.stringContaining('check its user or token') as string,
    });
    const other = await pair(generation, { bucket: 'else' });
    expect(await other.sink.write(entries(1))).toMatchObject({
      outcome: 'later',
      because: expect.stringContaining('no such database or bucket') as string,
    });
  });

  test('429 and 503 are waited for as long as they say', async () => {
    const { stub, sink } = await pair(generation);
    const inTenSeconds = new Date(Date.now() + 10_000).toUTCString();
    stub.failNext(
      { status: 429, headers: { 'retry-after': '7' }, stores: 'nothing' },
      { status: 503, headers: { 'retry-after': inTenSeconds }, stores: 'nothing' },
      { status: 503, headers: { 'retry-after': 'soon' }, stores: 'nothing' },
      { status: 500, stores: 'nothing' },
    );
    expect(await sink.write(entries(1))).toMatchObject({ outcome: 'later', retryAfterMs: 7_000 });
    const dated = await sink.write(entries(1));
    expect(dated.outcome === 'later' ? dated.retryAfterMs : 0).toBeGreaterThan(8_000);
    for (let turn = 0; turn < 2; turn++) {
      expect(await sink.write(entries(1))).toMatchObject({
        outcome: 'later',
        retryAfterMs: undefined,
      });
    }
    expect(await sink.write(entries(1))).toEqual({ outcome: 'accepted' });
  });

  test('413 is answered with smaller requests; one row that is too large is refused', async () => {
    const { stub, sink } = await pair(generation, { bodyMaxBytes: 4_000 });
    expect(await sink.write(entries(40))).toEqual({ outcome: 'accepted' });
    expect(stub.pointsOf('energy')).toHaveLength(40);
    expect(stub.pointsOf('energy_history')).toHaveLength(40);
    const huge = memoryLedger().append([
      statementEntry({ startNs: minute(50) }),
      statementEntry({ startNs: minute(51), method: 'x'.repeat(5_000) }),
    ]);
    expect(await sink.write(huge)).toMatchObject({
      outcome: 'refused',
      refused: [{ leaf: 1, because: expect.stringContaining('413') as string }],
    });
    expect(stub.pointsOf('energy')).toHaveLength(41);
  });

  test('a 400 that stored a part: the guilty rows are found, the others are stored', async () => {
    const { stub, sink } = await pair(generation, { keepsFromNs: minute(3) });
    const receipt = await sink.write(entries(20));
    expect(receipt).toMatchObject({
      outcome: 'refused',
      refused: [
        { leaf: 0, because: expect.stringContaining('retention') as string },
        { leaf: 1 },
        { leaf: 2 },
      ],
    });
    expect(stub.pointsOf('energy')).toHaveLength(17);
  });

  test('an answer that no InfluxDB gives neither stores nor condemns', async () => {
    const { stub, sink } = await pair(generation);
    stub.failNext(
      // What a TLS port of a Go server says to plain HTTP.
      { status: 400, body: 'Client sent an HTTP request to an HTTPS server.', stores: 'nothing' },
      { status: 200, body: '<html>Please log in</html>', stores: 'nothing' },
      { status: 302, headers: { location: 'http://elsewhere/' }, stores: 'nothing' },
      { status: 400, body: '{"weather":"fine"}', stores: 'nothing' },
    );
    for (let turn = 0; turn < 4; turn++) {
      expect(await sink.write(entries(3))).toMatchObject({
        outcome: 'later',
        because: expect.stringContaining('not what an InfluxDB says') as string,
      });
    }
    expect(stub.points.size).toBe(0);
  });

  test('through a connection that breaks before, amid and after storing, nothing is lost or doubled', async () => {
    const { stub, sink } = await pair(generation);
    const ledger = memoryLedger();
    ledger.append(
      Array.from({ length: 300 }, (_, index) => statementEntry({ startNs: minute(index) })),
    );
    stub.failNext(
      { status: 0, stores: 'nothing' },
      { status: 0, stores: 'half' },
      { status: 0, stores: 'all' },
      { status: 503, stores: 'half', headers: { 'retry-after': '0' } },
    );
    const hasty = {
      ...systemTimers,
      after: (delayMs: number, run: () => void) => systemTimers.after(delayMs / 100, run),
    };
    const outbox = startOutbox(sink, ledger, {
      timers: hasty,
      onFailure: (cause) => {
        throw cause;
      },
    });
    await outbox.drained();
    expect(outbox.view()).toEqual({ waitingCount: 0, refusedCount: 0, trouble: '' });
    expect(stub.pointsOf('energy').map(({ fields }) => fields.get('leaf'))).toEqual(
      ledger.entries.map(({ leaf }) => BigInt(leaf)),
    );
    await outbox.close();
  });

  test('live rows are sent as they are', async () => {
    const { stub, sink } = await pair(generation);
    const row = {
      row: 'power',
      point: 'feed/a',
      kind: 'metered',
      rack: 'r1',
      powerW: watts(99.5),
      uncertaintyW: watts(0.5),
      quality: 'actual',
      atNs: T0,
    } as const;
    expect(await sink.writeLive?.([row])).toEqual({ outcome: 'accepted' });
    expect(stub.pointsOf('power')[0]?.tags.get('rack')).toBe('r1');
    expect(await sink.writeLive?.([])).toEqual({ outcome: 'accepted' });
  });
});

test('when every point of a request was dropped, it is not halved any further', async () => {
  const { stub, sink } = await pair(2, { keepsFromNs: minute(1_000) });
  expect(await sink.write(entries(100))).toMatchObject({ outcome: 'refused' });
  expect(stub.requests).toHaveLength(1);
});

test('nobody listens: rows wait, and the reason names the place but no secret', async () => {
  const { stub, sink } = await pair(2);
  await stub.close();
  const receipt = await sink.write(entries(1));
  expect(receipt).toMatchObject({ outcome: 'later' });
  const because = receipt.outcome === 'later' ? receipt.because : '';
  expect(because).toContain(stub.url);
  expect(because).toContain('cannot be reached');
  expect(because).not.toContain('s3cret');
});

test('Retry-After as seconds, as a date by the server’s own clock, or as nonsense', () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  expect(retryAfterMs('3', undefined)).toBe(3_000);
  expect(retryAfterMs('Sun, 06 Nov 1994 08:49:42 GMT', date)).toBe(5_000);
  expect(retryAfterMs('Sun, 06 Nov 1994 08:49:30 GMT', date)).toBe(0);
  expect(retryAfterMs('99999999999', undefined)).toBe(3_600_000);
  expect(retryAfterMs('later', date)).toBeUndefined();
  expect(retryAfterMs('Sun, 06 Nov 1994 08:49:42 GMT', undefined)).toBeUndefined();
  expect(retryAfterMs(undefined, date)).toBeUndefined();
});
