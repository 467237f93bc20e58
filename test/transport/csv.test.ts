// A recorded file as a wire: each line is an exchange with its own time, and no more lines wait than the ledger is given at once.
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { formatInstant } from '../../src/quantity/time.ts';
import { csv } from '../../src/transport/csv.ts';
import type { TransportPorts, WireTasks } from '../../src/transport/transport.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trueup-csv-wire-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const subscribing = (...pairs: readonly (readonly [string, string])[]): WireTasks => ({
  devices: [],
  subscriptions: pairs.map(([source, topic]) => ({ source, topic })),
});

const portsWith = (deliver: TransportPorts['deliver']): TransportPorts => ({
  clock: systemClock(),
  timers: systemTimers,
  deliver,
});

async function play(content: string | Uint8Array, tasks: WireTasks) {
  const path = join(folder, 'wire.csv');
  await writeFile(path, content);
  const exchanges: Exchange[] = [];
  const open = await csv.open(
    'recorded',
    { transport: 'csv', path },
    tasks,
    portsWith((exchange) => {
      exchanges.push(exchange);
      return Promise.resolve();
    }),
  );
  await open.finished;
  const health = open.health();
  await open.close();
  return { exchanges, health };
}

const shown = (exchange: Exchange) => [
  exchange.source,
  formatInstant(exchange.lastByteNs),
  Buffer.from(exchange.reply).toString(),
  exchange.fault,
];

const header = 'time,source,quantity,value';

test('lines become exchanges of the sources that are wanted, in the order of the file', async () => {
  const later = '2022-04-20T18:12:26Z,wall,power_w,3';
  const earlier = '2022-04-20T18:12:25.5Z,wall,power_w,2';
  const other = '2022-04-20T18:12:27Z,bmc,power_w,9';
  const accented = '2022-04-20T18:12:28Z,zähler,energy_j,12345678901234567.125';
  const { exchanges, health } = await play(
    [header, later, earlier, other, accented].join('\r\n'),
    subscribing(['m1', 'wall'], ['m2', 'zähler'], ['m3', 'absent'], ['m4', 'wall']),
  );
  expect(exchanges.map(shown)).toEqual([
    ['m1', '2022-04-20T18:12:26Z', later, undefined],
    ['m4', '2022-04-20T18:12:26Z', later, undefined],
    ['m1', '2022-04-20T18:12:25.500Z', earlier, undefined],
    ['m4', '2022-04-20T18:12:25.500Z', earlier, undefined],
    ['m2', '2022-04-20T18:12:28Z', accented, undefined],
  ]);
  for (const exchange of exchanges) {
    expect(exchange).toMatchObject({ form: 'csv', request: new Uint8Array() });
    expect(exchange.sentNs).toBe(exchange.lastByteNs);
  }
  expect(health).toMatchObject({ connected: false, exchangesCount: 5, faultsCount: 0 });
  expect(health.silent).toEqual(['m3']);
  expect(health.trouble).toContain('read to its end after 4 lines');
});

test('a malformed line is a gap of the source it names, at its time; one that names nobody is a gap of all', async () => {
  const { exchanges } = await play(
    [
      header,
      '2022-04-20T18:12:26Z,wall,power_w,1',
      '2022-04-20T18:12:27Z,wall,power_w,oops',
      'when,wall,power_w,1',
      '2022-04-20T18:12:28Z,stranger,power_w,oops',
      'torn',
    ].join('\n'),
    subscribing(['m1', 'wall'], ['m2', 'bmc']),
  );
  expect(exchanges.slice(1).map(shown)).toEqual([
    ['m1', '2022-04-20T18:12:27Z', '2022-04-20T18:12:27Z,wall,power_w,oops', 'decode.malformed'],
    ['m1', '2022-04-20T18:12:26Z', 'when,wall,power_w,1', 'decode.malformed'],
    ['m1', '2022-04-20T18:12:26Z', 'torn', 'decode.malformed'],
    ['m2', '2022-04-20T18:12:26Z', 'torn', 'decode.malformed'],
  ]);
});

test('bytes that are no UTF-8 are kept as they are', async () => {
  const line = Buffer.from([0x32, 0xff, 0xc3, 0x00, 0x2c, 0x80]);
  const { exchanges } = await play(
    Buffer.concat([Buffer.from(`${header}\n`), line, Buffer.from('\n')]),
    subscribing(['m1', 'wall'], ['m2', '\u0080']),
  );
  expect(exchanges).toEqual([]);
  const { exchanges: ours } = await play(
    Buffer.concat([Buffer.from(`${header}\n`), line.subarray(0, 4)]),
    subscribing(['m1', 'wall']),
  );
  expect(Buffer.from(ours[0]?.reply ?? []).equals(line.subarray(0, 4))).toBe(true);
});

test('a torn gzip and a line without end are faults of the wire', async () => {
  const lines = Array.from(
    { length: 5_000 },
    (_, index) =>
      `2022-04-20T18:${String(index % 60).padStart(2, '0')}:26Z,wall,power_w,${String(index)}`,
  );
  const whole = gzipSync([header, ...lines].join('\n'));
  const torn = await play(whole.subarray(0, whole.length - 100), subscribing(['m1', 'wall']));
  expect(torn.exchanges.length).toBeGreaterThan(1_000);
  expect(torn.exchanges.at(-1)?.fault).toBe('transport.frame');
  expect(torn.health.trouble).toContain('the gzip stream ends early');
  const huge = await play(
    [header, lines[0], `2022-04-20T18:59:59Z,wall,${'x'.repeat(1_000_000)}`, lines[1]].join('\n'),
    subscribing(['m1', 'wall']),
  );
  expect(huge.exchanges.map(({ fault, reply }) => [fault, reply.length > 1_000])).toEqual([
    [undefined, false],
    ['transport.oversize', true],
    [undefined, false],
  ]);
  expect(huge.exchanges[1]?.reply).toHaveLength(4096);
});

test('the operator is told what is wrong with the file before anything runs', async () => {
  const path = join(folder, 'wrong.csv');
  await writeFile(path, 'a,b\n1,2\n');
  const never = portsWith(() => Promise.reject(new Error('never called')));
  for (const [wrong, where] of [
    [path, `${path}, line 1`],
    [join(folder, 'absent.csv'), join(folder, 'absent.csv')],
  ] as const) {
    await expect(
      csv.open('recorded', { transport: 'csv', path: wrong }, subscribing(), never),
    ).rejects.toMatchObject({ name: 'SiteFault', notice: { where } });
  }
});

test('the file is read no faster than the ledger takes it, and closing stops the reading', async () => {
  const path = join(folder, 'long.csv');
  const file = createWriteStream(path);
  file.write(`${header}\n`);
  const block = '2022-04-20T18:12:26.123456Z,wall,energy_j,123456.125\n'.repeat(20_000);
  for (let count = 0; count < 15; count += 1) if (!file.write(block)) await once(file, 'drain');
  file.end();
  await once(file, 'finish');

  let waiting: (() => void)[] = [];
  let mostWaiting = 0;
  let deliveredCount = 0;
  const open = await csv.open(
    'recorded',
    { transport: 'csv', path },
    subscribing(['m1', 'wall']),
    portsWith(
      () =>
        new Promise((resolve) => {
          deliveredCount += 1;
          waiting.push(resolve);
          mostWaiting = Math.max(mostWaiting, waiting.length);
        }),
    ),
  );
  const commit = (): void => {
    const group = waiting;
    waiting = [];
    for (const resolve of group) resolve();
  };
  await systemTimers.sleep(50);
  const firstCount = deliveredCount;
  expect(firstCount).toBeGreaterThan(0);
  expect(firstCount).toBeLessThan(20_000);
  const progress = { isFinished: false };
  void open.finished.then(() => {
    progress.isFinished = true;
  });
  while (!progress.isFinished) {
    commit();
    await systemTimers.sleep(0);
  }
  expect(deliveredCount).toBe(300_000);
  expect(mostWaiting).toBeLessThan(20_000);

  let secondCount = 0;
  const second = await csv.open(
    'recorded',
    { transport: 'csv', path },
    subscribing(['m1', 'wall']),
    portsWith(() => {
      secondCount += 1;
      return systemTimers.sleep(1);
    }),
  );
  await second.close();
  const atClose = secondCount;
  await systemTimers.sleep(50);
  expect(secondCount).toBe(atClose);
  expect(secondCount).toBeLessThan(300_000);
});

test('a ledger that refuses stops the wire and is named', async () => {
  const path = join(folder, 'refused.csv');
  await writeFile(path, `${header}\n2022-04-20T18:12:26Z,wall,power_w,1\n`);
  const open = await csv.open(
    'recorded',
    { transport: 'csv', path },
    subscribing(['m1', 'wall']),
    portsWith(() => Promise.reject(new Error('disk is full'))),
  );
  await open.finished;
  expect(open.health().trouble).toContain('disk is full');
  await open.close();
});
