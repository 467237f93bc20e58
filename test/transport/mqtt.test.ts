// MQTT against a real mosquitto: what is acknowledged, when, and what happens when either side goes away.
import { afterEach, expect } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { mqtt, PAYLOAD_BYTES_MAX } from '../../src/transport/mqtt.ts';
import { findProgram, testWith } from '../real-programs.ts';
import {
  portsInto,
  publisher,
  startBroker,
  subscribing,
  textOf,
  until,
  wireTo,
  type Broker,
  type BrokerOptions,
} from './mqtt-broker.ts';

const test = testWith({ mosquitto: findProgram('mosquitto') });
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function brokerFor(options?: BrokerOptions): Promise<Broker> {
  const broker = await startBroker(options);
  endings.push(() => broker.remove());
  return broker;
}

async function publisherFor(broker: Broker) {
  const client = await publisher(broker);
  endings.push(() => client.endAsync(true));
  return client;
}

async function openWire(
  broker: Broker,
  exchanges: Exchange[],
  deliver?: (exchange: Exchange) => Promise<void>,
  more: Parameters<typeof wireTo>[1] = {},
  tasks = subscribing(['plug-1', 'plugs/1']),
) {
  const open = await mqtt.open('plugs', wireTo(broker, more), tasks, portsInto(exchanges, deliver));
  endings.push(() => open.close());
  return open;
}

for (const version of ['3.1.1', '5']) {
  test(`a message becomes an exchange with topic, payload and time (MQTT ${version})`, async () => {
    const broker = await brokerFor();
    const exchanges: Exchange[] = [];
    const url = `${broker.url}?version=${version}`;
    const open = await openWire(broker, exchanges, undefined, { url });
    await until(() => open.health().connected, 'subscribed');
    expect(open.health().trouble).toBe('');
    const client = await publisherFor(broker);
    const before = BigInt(Date.now()) * 1_000_000n;
    await client.publishAsync('plugs/1', '{"apower": 12.5}', { qos: 1 });
    await until(() => exchanges.length === 1, 'the exchange');
    const exchange = exchanges[0]!;
    expect(exchange).toMatchObject({ source: 'plug-1', form: 'mqtt', fault: undefined });
    expect(exchange.flags).toMatchObject({ retained: false, redelivered: false });
    expect(exchange.flags.packetId).toBeGreaterThan(0);
    expect(Buffer.from(exchange.request).toString()).toBe('plugs/1');
    expect(textOf(exchange)).toBe('{"apower": 12.5}');
    expect(exchange.lastByteNs >= before - 2_000_000n).toBe(true);
    expect(exchange.lastByteNs).toBe(exchange.firstByteNs);
    expect(open.health().lastHeard.get('plug-1')).toBe(exchange.lastByteNs);
  });

  test(`what the ledger has not taken comes again, what it has taken does not (MQTT ${version})`, async () => {
    const broker = await brokerFor();
    const url = `${broker.url}?version=${version}`;
    const first: Exchange[] = [];
    const releases = new Map<string, () => void>();
    const open = await openWire(
      broker,
      first,
      (exchange) =>
        exchange.fault
          ? Promise.resolve()
          : new Promise((resolve) => releases.set(textOf(exchange), resolve)),
      { url },
    );
    await until(() => open.health().connected, 'subscribed');
    const client = await publisherFor(broker);
    for (const text of ['a', 'b', 'c', 'd']) await client.publishAsync('plugs/1', text, { qos: 1 });
    await until(() => first.length === 4, 'four in flight');
    // b becomes durable before a: its acknowledgement waits for a's. d never does.
    releases.get('b')?.();
    releases.get('c')?.();
    await systemTimers.sleep(50);
    releases.get('a')?.();
    await systemTimers.sleep(100);
    await broker.stop();
    await broker.start();
    await until(() => first.length > 4 && open.health().connected, 'connected again');
    await systemTimers.sleep(200);
    // Had a, b or c not been acknowledged they would be here.
    expect(first.slice(4).map((exchange) => exchange.fault)).toEqual(['transport.closed']);
    // The redelivered d is the same message as the one still waiting: it is not delivered twice.
    releases.get('d')?.();
    await open.close();
    const second: Exchange[] = [];
    await openWire(broker, second, undefined, { url });
    await client.publishAsync('plugs/1', 'e', { qos: 1 });
    await until(() => second.length > 0, 'e');
    expect(second.map(textOf)).toEqual(['e']);
  });

  test(`a client that goes away before the commit gets everything again, marked (MQTT ${version})`, async () => {
    const broker = await brokerFor();
    const url = `${broker.url}?version=${version}`;
    const first: Exchange[] = [];
    const open = await openWire(broker, first, () => Promise.reject(new Error('disk is full')), {
      url,
    });
    await until(() => open.health().connected, 'subscribed');
    const client = await publisherFor(broker);
    for (let index = 0; index < 200; index += 1)
      await client.publishAsync('plugs/1', String(index), { qos: 1 });
    await until(() => first.length === 200, 'all delivered once');
    expect(open.health()).toMatchObject({ connected: false });
    expect(open.health().trouble).toContain('disk is full');
    await open.close();
    const second: Exchange[] = [];
    await openWire(broker, second, undefined, { url });
    await until(() => second.length === 200, 'all delivered again');
    expect(second.map(textOf)).toEqual(first.map(textOf));
    expect(second.every((exchange) => exchange.flags.redelivered)).toBe(true);
    expect(second.map((exchange) => exchange.flags.packetId)).toEqual(
      first.map((exchange) => exchange.flags.packetId),
    );
  });
}

test('what is published while nobody listens is kept by the broker, over its restart', async () => {
  const broker = await brokerFor();
  const open = await openWire(broker, []);
  await until(() => open.health().connected, 'subscribed');
  await open.close();
  const client = await publisherFor(broker);
  for (const text of ['1', '2', '3']) await client.publishAsync('plugs/1', text, { qos: 1 });
  await broker.stop();
  await broker.start();
  const exchanges: Exchange[] = [];
  await openWire(broker, exchanges);
  await until(() => exchanges.length === 3, 'what was kept');
  expect(exchanges.map(textOf)).toEqual(['1', '2', '3']);
});

test('a broker that is away at first and later goes away is found again', async () => {
  const broker = await brokerFor();
  await broker.stop();
  const exchanges: Exchange[] = [];
  const open = await openWire(broker, exchanges);
  await until(() => open.health().trouble.includes('no broker listens there'), 'the trouble');
  expect(open.health().connected).toBe(false);
  await broker.start();
  await until(() => open.health().connected, 'connected');
  await broker.stop('SIGKILL');
  await until(() => !open.health().connected, 'the loss is seen');
  await broker.start();
  await until(() => open.health().connected, 'connected again');
  const client = await publisherFor(broker);
  await client.publishAsync('plugs/1', 'after', { qos: 1 });
  await until(() => exchanges.some((exchange) => textOf(exchange) === 'after'), 'the message');
  const gaps = exchanges.filter((exchange) => exchange.fault === 'transport.closed');
  expect(gaps.map((gap) => gap.source)).toEqual(['plug-1', 'plug-1']);
});

for (const clean of [true, false]) {
  const what = clean ? 'the session' : 'the subscriptions of the session';
  test(`a broker that has forgotten ${what} is subscribed to again`, async () => {
    const broker = await brokerFor();
    const exchanges: Exchange[] = [];
    const open = await openWire(broker, exchanges);
    await until(() => open.health().connected, 'subscribed');
    const thief = await publisher(broker, {
      clientId: 'trueup-test',
      clean,
      reconnectPeriod: 0,
    });
    if (!clean) await thief.unsubscribeAsync('plugs/1');
    await thief.endAsync();
    await until(() => exchanges.length > 0, 'the gap');
    await until(() => open.health().connected, 'subscribed again');
    const client = await publisherFor(broker);
    await client.publishAsync('plugs/1', 'x', { qos: 1 });
    await until(() => exchanges.some((exchange) => textOf(exchange) === 'x'), 'messages come');
  });
}

test('a wire without instruments is connected and quiet', async () => {
  const broker = await brokerFor();
  const open = await openWire(broker, [], undefined, {}, subscribing());
  await until(() => open.health().connected, 'connected');
  expect(open.health()).toMatchObject({ trouble: '', silent: [], exchangesCount: 0 });
});

test('a retained message says so, and so does one without acknowledgement', async () => {
  const broker = await brokerFor();
  const client = await publisherFor(broker);
  await client.publishAsync('plugs/1', 'old', { qos: 1, retain: true });
  const exchanges: Exchange[] = [];
  const open = await openWire(broker, exchanges);
  await until(() => exchanges.length === 1 && open.health().connected, 'the retained one');
  expect(exchanges[0]?.flags.retained).toBe(true);
  await client.publishAsync('plugs/1', 'live', { qos: 0 });
  await until(() => exchanges.length === 2, 'the live one');
  expect(exchanges[1]?.flags).toEqual({ retained: false, redelivered: false, packetId: 0 });
});

test('two instruments of one topic get one exchange each, acknowledged when both are durable', async () => {
  const broker = await brokerFor();
  const tasks = subscribing(['phase-a', 'em/1'], ['phase-b', 'em/1']);
  const first: Exchange[] = [];
  const open = await openWire(
    broker,
    first,
    (exchange) =>
      exchange.source === 'phase-a' ? Promise.resolve() : Promise.reject(new Error('no')),
    {},
    tasks,
  );
  await until(() => open.health().connected, 'subscribed');
  const client = await publisherFor(broker);
  await client.publishAsync('em/1', 'both', { qos: 1 });
  await until(() => first.length === 2, 'one each');
  await open.close();
  const second: Exchange[] = [];
  await openWire(broker, second, undefined, {}, tasks);
  await until(() => second.length === 2, 'one each again');
  expect(second.map((exchange) => [exchange.source, textOf(exchange)])).toEqual([
    ['phase-a', 'both'],
    ['phase-b', 'both'],
  ]);
});

test('a topic that an earlier configuration left subscribed is acknowledged and given up', async () => {
  const broker = await brokerFor();
  const before = await openWire(broker, [], undefined, {}, subscribing(['gone', 'plugs/gone']));
  await until(() => before.health().connected, 'subscribed');
  await before.close();
  const exchanges: Exchange[] = [];
  const open = await openWire(broker, exchanges);
  await until(() => open.health().connected, 'subscribed');
  const client = await publisherFor(broker);
  await client.publishAsync('plugs/gone', 'x', { qos: 1 });
  await until(() => open.health().faultsCount === 1, 'it is counted');
  await systemTimers.sleep(100);
  await client.publishAsync('plugs/gone', 'y', { qos: 1 });
  await client.publishAsync('plugs/1', 'z', { qos: 1 });
  await until(() => exchanges.length === 1, 'ours');
  expect(exchanges.map(textOf)).toEqual(['z']);
  expect(open.health().faultsCount).toBe(1);
});

test('an oversize payload is recorded, cut and acknowledged; the next message is whole', async () => {
  const broker = await brokerFor();
  const exchanges: Exchange[] = [];
  const open = await openWire(broker, exchanges);
  await until(() => open.health().connected, 'subscribed');
  const client = await publisherFor(broker);
  const just = Buffer.alloc(PAYLOAD_BYTES_MAX, 'j');
  await client.publishAsync('plugs/1', just, { qos: 1 });
  await client.publishAsync('plugs/1', Buffer.alloc(PAYLOAD_BYTES_MAX + 1, 'o'), { qos: 1 });
  await client.publishAsync('plugs/1', Buffer.alloc(20_000_000, 'h'), { qos: 1 });
  await client.publishAsync('plugs/1', 'next', { qos: 1 });
  await until(() => exchanges.length === 4, 'all four');
  expect(exchanges.map((exchange) => exchange.fault)).toEqual([
    undefined,
    'transport.oversize',
    'transport.oversize',
    undefined,
  ]);
  expect(just.equals(exchanges[0]!.reply)).toBe(true);
  expect(exchanges.slice(1, 3).map((exchange) => exchange.reply.length)).toEqual([4096, 4096]);
  expect(textOf(exchanges[2]).startsWith('hhh')).toBe(true);
  expect(textOf(exchanges[3])).toBe('next');
  await open.close();
  const second: Exchange[] = [];
  const again = await openWire(broker, second);
  await until(() => again.health().connected, 'subscribed');
  await client.publishAsync('plugs/1', 'last', { qos: 1 });
  await until(() => second.length > 0, 'the last');
  expect(second.map(textOf)).toEqual(['last']);
});

test('closing waits for the ledger and then acknowledges', async () => {
  const broker = await brokerFor();
  const first: Exchange[] = [];
  let commit = (): void => undefined;
  const open = await openWire(
    broker,
    first,
    () =>
      new Promise((resolve) => {
        commit = resolve;
      }),
  );
  await until(() => open.health().connected, 'subscribed');
  const client = await publisherFor(broker);
  await client.publishAsync('plugs/1', 'late', { qos: 1 });
  await until(() => first.length === 1, 'in flight');
  let closed = false;
  const closing = open.close().then(() => {
    closed = true;
  });
  await client.publishAsync('plugs/1', 'after the close', { qos: 1 });
  await systemTimers.sleep(100);
  expect(closed).toBe(false);
  commit();
  await closing;
  expect(first).toHaveLength(1);
  const second: Exchange[] = [];
  await openWire(broker, second);
  await until(() => second.length > 0, 'what came after the close');
  await systemTimers.sleep(100);
  expect(second.map(textOf)).toEqual(['after the close']);
});

test('more than the ledger can take waits at the broker, not in memory', async () => {
  const broker = await brokerFor({ persistence: false, extra: ['max_inflight_messages 0'] });
  const exchanges: Exchange[] = [];
  const releases: (() => void)[] = [];
  const open = await openWire(
    broker,
    exchanges,
    () => new Promise((resolve) => releases.push(resolve)),
  );
  await until(() => open.health().connected, 'subscribed');
  const client = await publisherFor(broker);
  const sent = Array.from({ length: 6_000 }, (_, index) =>
    client.publishAsync('plugs/1', String(index), { qos: 1 }),
  );
  await Promise.all(sent);
  await until(() => exchanges.length >= 2_048, 'the bound is reached');
  await systemTimers.sleep(200);
  expect(exchanges.length).toBe(2_048);
  await until(() => {
    for (const release of releases.splice(0)) release();
    return exchanges.length >= 6_000;
  }, 'all of them');
  expect(exchanges.map(textOf)).toEqual(sent.map((_, index) => String(index)));
  for (const release of releases.splice(0)) release();
});
