// Who may connect: TLS with a private authority, user names, and what the operator is told when either is wrong.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { afterEach, describe, expect, test as plainTest } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import type { Timers } from '../../src/quantity/clock.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { MqttWire } from '../../src/quantity/site.ts';
import { mqtt } from '../../src/transport/mqtt.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
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

const test = testWith({
  mosquitto: findProgram('mosquitto'),
  mosquitto_passwd: findProgram('mosquitto_passwd'),
  openssl: findProgram('openssl'),
});
const tasks = subscribing(['plug-1', 'plugs/1']);
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function brokerFor(options: BrokerOptions): Promise<Broker> {
  const broker = await startBroker(options);
  endings.push(() => broker.remove());
  return broker;
}

async function openWire(wire: MqttWire, exchanges: Exchange[] = []) {
  const open = await mqtt.open('plugs', wire, tasks, portsInto(exchanges));
  endings.push(() => open.close());
  return open;
}

const login = { username: 'meters', password: 'right horse' };

test('TLS with a private authority, user name and password', async () => {
  const broker = await brokerFor({ ...login, tls: true });
  const exchanges: Exchange[] = [];
  const caFile = join(broker.folder, 'ca.crt');
  const open = await openWire(wireTo(broker, { ...login, caFile }), exchanges);
  await until(() => open.health().connected, 'connected');
  const client = await publisher(broker, { ...login, rejectUnauthorized: false });
  endings.push(() => client.endAsync(true));
  await client.publishAsync('plugs/1', 'sealed', { qos: 1 });
  await until(() => exchanges.length === 1, 'the message');
  expect(textOf(exchanges[0])).toBe('sealed');
});

test('a broker of another authority is not believed', async () => {
  const broker = await brokerFor({ tls: true });
  const caFile = join(broker.folder, 'other-ca.crt');
  const open = await openWire(wireTo(broker, { caFile }));
  await until(() => open.health().trouble.includes('ca_file vouches for'), 'the trouble');
  expect(open.health().connected).toBe(false);
});

for (const version of ['3.1.1', '5']) {
  test(`a wrong password is said, kept out of sight, and retried (MQTT ${version})`, async () => {
    const broker = await brokerFor(login);
    const wire = wireTo(broker, {
      username: 'meters',
      password: 'wrong horse',
      url: `${broker.url}?version=${version}`,
    });
    const exchanges: Exchange[] = [];
    const open = await openWire(wire, exchanges);
    await until(() => open.health().trouble.includes('check username and password'), 'the trouble');
    expect(open.health().trouble).not.toContain('horse');
    expect(open.health().connected).toBe(false);
    await until(() => exchanges.length === 1, 'the gap');
    // The operator corrects the broker's password file: no restart of ours is needed.
    execFileSync(findProgram('mosquitto_passwd') ?? '', [
      '-b',
      join(broker.folder, 'passwords'),
      'meters',
      'wrong horse',
    ]);
    await broker.stop();
    await broker.start();
    await until(() => open.health().connected, 'connected after the correction');
    expect(exchanges).toHaveLength(1);
  });
}

plainTest('a subscription that the broker refuses is said, and asked for again', async () => {
  const aedes = await Aedes.createBroker();
  const broker = { isAllowed: false };
  // A null subscription is refused with 128 in the SUBACK.
  aedes.authorizeSubscribe = (_client, subscription, done) => {
    done(null, broker.isAllowed ? subscription : null);
  };
  const server = createServer((socket) => {
    aedes.handle(socket);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  endings.push(async () => {
    await new Promise<void>((resolve) => {
      aedes.close(resolve);
    });
    server.close();
  });
  // A hundred times faster, since the second attempt is due in half a minute.
  const timers: Timers = {
    ...systemTimers,
    after: (delayMs, run) => systemTimers.after(delayMs / 100, run),
  };
  const wire: MqttWire = {
    transport: 'mqtt',
    url: `mqtt://127.0.0.1:${String(port)}`,
    clientId: 'trueup-test',
    username: undefined,
    password: undefined,
    caFile: undefined,
  };
  const open = await mqtt.open('plugs', wire, tasks, { ...portsInto([]), timers });
  endings.push(() => open.close());
  await until(() => open.health().trouble.includes('refuses a subscription'), 'the trouble');
  expect(open.health().connected).toBe(false);
  broker.isAllowed = true;
  await until(() => open.health().connected, 'subscribed once it is allowed');
  expect(open.health().trouble).toBe('');
});

describe('what the operator got wrong', () => {
  const good: MqttWire = {
    transport: 'mqtt',
    url: 'mqtts://broker.invalid',
    clientId: 'trueup',
    username: undefined,
    password: undefined,
    caFile: undefined,
  };
  const cases: readonly (readonly [string, Partial<MqttWire>, string])[] = [
    ['a CA file that is not there', { caFile: '/nowhere/ca.pem' }, 'wires/plugs/ca_file'],
    ['a CA file that is no certificate', { caFile: import.meta.filename }, 'wires/plugs/ca_file'],
    [
      'a CA file without TLS',
      { url: 'mqtt://h', caFile: '/nowhere/ca.pem' },
      'wires/plugs/ca_file',
    ],
    ['no URL', { url: 'broker:1883' }, 'wires/plugs/url'],
    ['another scheme', { url: 'https://broker' }, 'wires/plugs/url'],
    ['a password in the URL', { url: 'mqtt://a:secret@broker' }, 'wires/plugs/url'],
    ['a topic in the URL', { url: 'mqtt://broker/plugs' }, 'wires/plugs/url'],
    ['an unknown version', { url: 'mqtt://broker?version=4' }, 'wires/plugs/url'],
    ['an unknown option', { url: 'mqtt://broker?qos=2' }, 'wires/plugs/url'],
    ['an empty client id', { clientId: '' }, 'wires/plugs/client_id'],
  ];
  plainTest.each(cases)('%s', async (_name, wrong, where) => {
    const fault: unknown = await mqtt
      .open('plugs', { ...good, ...wrong }, tasks, portsInto([]))
      .catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(SiteFault);
    expect(fault).toMatchObject({ notice: { where } });
    expect(String(fault)).not.toContain('secret');
  });

  plainTest.each(['plugs/+', '#', ''])('the topic "%s"', async (topic) => {
    await expect(
      mqtt.open('plugs', good, subscribing(['plug-1', topic]), portsInto([])),
    ).rejects.toMatchObject({ notice: { where: 'instruments/plug-1/topic' } });
  });
});
