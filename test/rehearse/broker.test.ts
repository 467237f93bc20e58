// Nodes and plugs of a rehearsal as an MQTT subscriber gets them, through the embedded broker and a real mosquitto.
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { parseNodeMessage } from '../../src/decode/node-message.ts';
import { isRefusal, SiteFault } from '../../src/quantity/fault.ts';
import type { Rack } from '../../src/rehearse/rack.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { counterUj, exchangeOf, gauge, profiles, startTestRack } from './rehearsal-rig.ts';

interface Heard {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
}
interface SiteOutline {
  wires: { broker: { url: string } };
  instruments: Record<string, { profile: string; topic?: string }>;
}

const siteOf = (rack: Rack): SiteOutline => parse(rack.siteText) as SiteOutline;

async function listenTo(url: string, heard: Heard[], clean: boolean): Promise<MqttClient> {
  const clientId = 'a-client-id-longer-than-twenty-three-characters';
  const client = mqtt.connect(url, { clientId, clean, reconnectPeriod: 0 });
  // What was queued comes at once: whoever listens only after the connection is there has missed it.
  client.on('message', (topic, payload, { qos, retain }) => {
    heard.push({ topic, payload, qos, retain });
  });
  await new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
  });
  await client.subscribeAsync('#', { qos: 1 });
  return client;
}

async function until(done: () => boolean, limitMs = 8000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!done() && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(done()).toBe(true);
}

test('node messages parse, number on without holes, and come once a civil second at QoS 1', async () => {
  const rack = await startTestRack(20);
  const heard: Heard[] = [];
  const client = await listenTo(siteOf(rack).wires.broker.url, heard, true);
  await until(() => heard.filter(({ topic }) => topic.endsWith('/chips')).length > 100);
  await client.endAsync(true);
  await rack.stop();
  const ofNode = heard.filter(({ topic }) => topic === 'trueup/1/test/node1/chips');
  expect(ofNode.every(({ qos, retain }) => qos === 1 && !retain)).toBe(true);
  const messages = ofNode.map(({ payload }) => {
    const message = parseNodeMessage(payload);
    if (isRefusal(message)) throw new Error(message.because);
    return message;
  });
  expect(messages.length).toBeGreaterThan(15);
  const seqs = messages.map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, index) => seqs[0]! + BigInt(index)));
  expect(new Set(messages.map(({ bootId }) => bootId)).size).toBe(1);
  const gapsNs = messages.slice(1).map(({ timeNs }, index) => timeNs! - messages[index]!.timeNs!);
  expect(new Set(gapsNs)).toEqual(new Set([1_000_000_000n]));
  const sources = messages[0]!.counters.map(({ source }) => source);
  expect(sources).toEqual(rack.nodes[0]!.chipSources);
  const observations = decodeExchange(
    profiles.get('node-rapl-nvml')!,
    exchangeOf({ form: 'mqtt', request: Buffer.from(ofNode[0]!.topic), reply: ofNode[0]!.payload }),
    { id: 'chips-node1', unit: 1, topic: ofNode[0]!.topic },
  );
  expect(observations.filter((each) => each.kind === 'counter')).toHaveLength(12);
});

test('plugs speak as their profiles say, on the topics of the site file', async () => {
  const rack = await startTestRack(30);
  const site = siteOf(rack);
  const heard: Heard[] = [];
  const client = await listenTo(site.wires.broker.url, heard, true);
  const of = (id: string) =>
    heard.filter(({ topic }) => topic.startsWith(`${site.instruments[id]!.topic}/`));
  await until(() => of('plug3').length > 2 && of('plug4').length > 2);
  await client.endAsync(true);
  const truth = rack.truth();
  await rack.stop();
  for (const id of ['plug3', 'plug4']) {
    const { profile, topic = '' } = site.instruments[id]!;
    const counts = of(id).map((message) => {
      const observations = decodeExchange(
        profiles.get(profile)!,
        exchangeOf({
          form: 'mqtt',
          request: Buffer.from(message.topic),
          reply: message.payload,
        }),
        { id, unit: 1, topic },
      );
      expect(observations.filter((each) => each.kind === 'gap')).toEqual([]);
      expect(gauge(observations, 'power_active')).toBeGreaterThan(50);
      return counterUj(observations)!;
    });
    expect(counts).toEqual(counts.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(counts[0]! >= truth.get(id)!.firstRegisterUj).toBe(true);
    expect(counts.at(-1)! <= truth.get(id)!.lastRegisterUj).toBe(true);
  }
});

test('what a persistent session misses while it is away is queued for it', async () => {
  const rack = await startTestRack(20);
  const { url } = siteOf(rack).wires.broker;
  const first: Heard[] = [];
  const before = await listenTo(url, first, false);
  await until(() => first.length > 10);
  await before.endAsync(true);
  await new Promise((resolve) => setTimeout(resolve, 700));
  // What was queued comes between what is said meanwhile, some of it only at the next connection: in the end there is no
  // hole between the first message and the last.
  const second: Heard[] = [];
  const holesCount = (): number => {
    const seqs = [...first, ...second]
      .filter(({ topic }) => topic.endsWith('node1/chips'))
      .map(({ payload }) => Number((JSON.parse(payload.toString()) as { seq: string }).seq));
    return Math.max(...seqs) - Math.min(...seqs) + 1 - new Set(seqs).size;
  };
  for (let connection = 0; connection < 4; connection += 1) {
    const after = await listenTo(url, second, false);
    const endMs = Date.now() + 2000;
    while (Date.now() < endMs && (second.length <= 60 || holesCount() > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await after.endAsync(true);
    if (second.length > 60 && holesCount() === 0) break;
  }
  await rack.stop();
  expect(second.length).toBeGreaterThan(60);
  expect(holesCount()).toBe(0);
});

test('a broker that cannot be reached stops the start with a remedy', async () => {
  const port = await freePort();
  await expect(startTestRack(10, { brokerUrl: `mqtt://127.0.0.1:${port}` })).rejects.toThrow(
    SiteFault,
  );
});

const mosquitto = findProgram('mosquitto');
testWith({ mosquitto })('nodes and plugs publish to somebody else’s broker', async () => {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'));
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
  const broker = spawn(mosquitto!, ['-c', config], { stdio: 'ignore' });
  try {
    const url = `mqtt://127.0.0.1:${port}`;
    const heard: Heard[] = [];
    let client: MqttClient | undefined;
    for (let tries = 0; !client; tries += 1) {
      client = await listenTo(url, heard, true).catch(() => undefined);
      if (tries > 50) throw new Error('mosquitto did not start');
      if (!client) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const rack = await startTestRack(20, { brokerUrl: url });
    expect(siteOf(rack).wires.broker.url).toBe(url);
    await until(() => heard.some(({ topic }) => topic === 'tele/rehearsal-plug4/SENSOR'));
    expect(heard.filter(({ topic }) => topic.endsWith('/chips')).length).toBeGreaterThan(20);
    await rack.stop();
    await client.endAsync(true);
    expect(rack.trouble).toEqual([]);
  } finally {
    broker.kill();
  }
});
