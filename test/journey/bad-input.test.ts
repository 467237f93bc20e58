// A bad day: meters that refuse, lie, fall, glitch, answer for others or are dead, and messages that are torn, stale,
// foreign, repeated or huge. No energy may come of it, nothing may be lost, and whoever is healthy is not disturbed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { stringify } from 'yaml';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { readLedger } from '../../src/ledger/index.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { publisher, startBroker } from '../transport/mqtt-broker.ts';
import { deadMeter, modbusHouse, nodeMessage, wrongUnitMeter } from './bad-meters.ts';
import { runTrueup, startTrueup } from './stack.ts';

const started: { end: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});
const later = <T extends object>(thing: T, end: (thing: T) => Promise<unknown>): T => {
  started.push({ end: () => end(thing) });
  return thing;
};

const KWH_UJ = 3_600_000_000_000n;
/** 180 kW: five steps of the register a second, so that two seconds show a movement. */
const POWER_KW = 180;
const RUN_MS = 16_000;

/** What every well-behaved register shows: it has counted since the test began. */
const beganMs = Date.now();
const grownKwh = (): number => (POWER_KW * (Date.now() - beganMs)) / 3.6e6;

const METERS = {
  healthy: 1,
  refusing: 2,
  nan: 3,
  fallen: 4,
  glitching: 5,
  absent: 6,
  huge: 7,
} as const;

function shown(unit: number, turnIndex: number): { kwh: number } | { exceptionCode: number } {
  const kwh = 1000 + grownKwh();
  switch (unit) {
    case METERS.healthy:
      return { kwh };
    case METERS.refusing:
      return { exceptionCode: 2 };
    case METERS.nan:
      return { kwh: turnIndex % 3 === 1 ? NaN : kwh };
    case METERS.fallen:
      // Somebody replaced the meter while nobody looked.
      return { kwh: turnIndex < 6 ? kwh : kwh - 990 };
    case METERS.glitching:
      return { kwh: turnIndex % 4 === 2 ? 0 : kwh };
    case METERS.huge:
      return { kwh: turnIndex % 4 === 2 ? 3e38 : kwh };
    default:
      return { exceptionCode: 11 };
  }
}

interface RackJson {
  points: { point: string; quality: string; trouble?: { code: string } }[];
  nodes: { node: string; trouble?: { code: string } }[];
  wires: { wire: string; connected: boolean; silent: string[] }[];
}

testWith({ mosquitto: findProgram('mosquitto') })(
  'a bad day invents no energy and loses no message',
  { timeout: 90_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trueup-bad-'));
    started.push({ end: () => rm(folder, { recursive: true, force: true }) });
    const house = later(await modbusHouse(shown), (it) => it.close());
    const impostor = later(await wrongUnitMeter(), (it) => it.close());
    const dead = later(await deadMeter(), (it) => it.close());
    const broker = later(await startBroker({ persistence: false }), (it) => it.remove());
    const client = later(await publisher(broker), (it) => it.endAsync());
    const say = (topic: string, payload: string | Buffer, options = {}): Promise<unknown> =>
      client.publishAsync(topic, payload, { qos: 1, ...options });

    const siteFile = join(folder, 'site.yaml');
    const dataDir = join(folder, 'data');
    const modbus = (unit: number, wire = 'house'): object => ({
      profile: 'eastron-sdm120',
      wire,
      unit,
    });
    const tcp = (port: number): object => ({
      transport: 'modbus-tcp',
      host: '127.0.0.1',
      port,
      timeout: '300ms',
    });
    await writeFile(
      siteFile,
      stringify({
        site: 'bad-day',
        interval: '2s',
        settle_after: '2s',
        listen: '127.0.0.1:0',
        wires: {
          house: tcp(house.port),
          impostor: tcp(impostor.port),
          dead: tcp(dead.port),
          broker: { transport: 'mqtt', url: broker.url },
        },
        instruments: {
          ...Object.fromEntries(Object.entries(METERS).map(([id, unit]) => [id, modbus(unit)])),
          impostor: modbus(1, 'impostor'),
          dead: modbus(1, 'dead'),
          plug: { profile: 'tasmota-energy', wire: 'broker', topic: 'tele/plug/SENSOR' },
          'chips-n1': { profile: 'node-rapl-nvml', wire: 'broker', topic: 'trueup/1/bad/n1/chips' },
        },
        points: Object.fromEntries(
          [...Object.keys(METERS), 'impostor', 'dead', 'plug'].map((id) => [
            `feed/${id}`,
            { meter: id },
          ]),
        ),
        nodes: { n1: { type: 'dgx', fed_by: ['feed/healthy'], chips: 'chips-n1' } },
        sinks: { file: { kind: 'line-protocol-file' } },
      }),
    );
    // A stale value from who knows when, much higher than what comes live.
    const plugSays = (totalKwh: number): string =>
      `{"ENERGY":{"Total":${totalKwh.toFixed(3)},"Power":60}}`;
    const stale = plugSays(9000);
    await say('tele/plug/SENSOR', stale, { retain: true });

    const service = later(
      startTrueup('run', '--site', siteFile, '--data', dataDir, '--json'),
      (it) => it.end('SIGKILL'),
    );
    const url = String((await service.waitFor(({ event }) => event === 'started'))['url']);
    const troubles = new Map<string, Set<string>>();
    const qualities = new Map<string, Set<string>>();
    const look = async (): Promise<RackJson> => {
      const rack = (await (await fetch(`${url}/v1/rack`)).json()) as RackJson;
      const named = [
        ...rack.points,
        ...rack.nodes.map(({ node, trouble }) => ({ point: node, quality: '', trouble })),
      ];
      for (const { point, quality, trouble } of named) {
        const codes = troubles.get(point) ?? new Set();
        if (trouble) codes.add(trouble.code);
        troubles.set(point, codes);
        qualities.set(point, (qualities.get(point) ?? new Set()).add(quality));
      }
      return rack;
    };
    const ingest = async (body: string): Promise<number> =>
      (
        await fetch(`${url}/v1/ingest`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        })
      ).status;

    // Chips: 400 W, a reboot in the middle; the plug: 600 kW, so that its steps show. Both only ever grow in truth.
    const node = { node: 'n1', bootId: 'boot-a', seq: 0, energyUj: 5_000_000_000n };
    const n1 = 'trueup/1/bad/n1/chips';
    const sent = new Map<string, number>();
    let rebootedUj = 0n;
    const firstKwh = 100;
    const stepsCount = RUN_MS / 250;
    for (let step = 0; step < stepsCount; step += 1) {
      if (step === stepsCount / 2) {
        rebootedUj = node.energyUj - 5_000_000_000n;
        Object.assign(node, { bootId: 'boot-b', energyUj: 7_000n });
      }
      node.seq += 1;
      node.energyUj += 100_000_000n;
      const message = nodeMessage(node);
      sent.set(message, (sent.get(message) ?? 0) + 1);
      // Every fourth is repeated at once, every fifth once more over the other door.
      const repeats = step % 4 === 0 ? 3 : 1;
      await Promise.all(Array.from({ length: repeats }, () => say(n1, message)));
      if (step % 5 === 0) expect(await ingest(message)).toBe(202);
      await say('tele/plug/SENSOR', plugSays(firstKwh + step * 0.04));
      if (step === 10) {
        await say('tele/plug/SENSOR', '{"ENERGY":{"Total":999');
        await say('tele/plug/SENSOR', '{"ENERGY":{"Total":"NaN"}}');
        await say('tele/plug/SENSOR', Buffer.alloc(2_000_000, 0x7b));
        await say(n1, nodeMessage({ ...node, node: 'n9', seq: 1, energyUj: 900_000_000_000n }));
        await say(n1, '{"v":1,"node":"n1"}');
        await say('tele/stranger/SENSOR', plugSays(1));
        expect(await ingest('{"v":1')).toBe(400);
        expect(await ingest(nodeMessage({ ...node, node: 'n9' }))).toBe(400);
      }
      await Promise.all([look(), systemTimers.sleep(250)]);
    }
    // Last of all what cannot be read: then it is what the page shows.
    await say('tele/plug/SENSOR', '{"ENERGY":{"Total":998');
    await say(n1, nodeMessage({ ...node, node: 'n9', seq: 2, energyUj: 910_000_000_000n }));
    await systemTimers.sleep(2_500);
    const rack = await look();
    const intervals = (await (
      await fetch(
        `${url}/v1/intervals?from=${new Date(beganMs - 60_000).toISOString()}&until=${new Date(Date.now() + 60_000).toISOString()}`,
      )
    ).json()) as { intervals: { point: string; quality: string; energy_uj?: string }[] };
    expect(service.child.exitCode, 'it is still running').toBe(null);
    expect(await service.end('SIGTERM'), service.lines.join('\n')).toBe(0);

    // What is wrong is said, by its code, at the point that has it.
    const codesOf = (point: string): string[] => [...(troubles.get(point) ?? [])];
    expect(codesOf('feed/refusing')).toContain('transport.exception');
    expect(codesOf('feed/nan')).toContain('decode.not-a-number');
    expect(codesOf('feed/fallen')).toContain('counter.fell');
    expect(codesOf('feed/glitching')).toContain('counter.fell');
    expect(codesOf('feed/huge')).toContain('decode.out-of-range');
    expect(codesOf('feed/absent')).toContain('transport.exception');
    expect(codesOf('feed/dead')).toContain('transport.timeout');
    expect(codesOf('feed/impostor').join()).toMatch(/decode\.wrong-unit|transport\.foreign/);
    expect(codesOf('feed/plug')).toContain('decode.malformed');
    expect(codesOf('n1')).toContain('decode.unknown-node');
    const healthy = rack.points.find(({ point }) => point === 'feed/healthy');
    expect(healthy).toMatchObject({ quality: 'actual' });
    expect(healthy?.trouble).toBeUndefined();
    expect(rack.wires.find(({ wire }) => wire === 'house')?.connected).toBe(true);
    const deadWire = rack.wires.find(({ wire }) => wire === 'dead');
    expect(deadWire?.connected === false || deadWire?.silent.includes('dead')).toBe(true);

    // The healthy one, on the same wire as the bad ones, has whole intervals.
    const settledOf = (point: string): typeof intervals.intervals =>
      intervals.intervals.filter((each) => each.point === point);
    const actual = settledOf('feed/healthy').filter(({ quality }) => quality === 'actual');
    expect(actual.length).toBeGreaterThanOrEqual(4);
    for (const { energy_uj } of actual) {
      const trueUj = BigInt(POWER_KW) * 2_000_000_000n;
      const offUj = BigInt(energy_uj ?? 0) - trueUj;
      // Two edges, each known to a step of 0.01 kWh and to the time between two polls.
      expect(
        offUj < 2n * trueUj && -offUj < trueUj,
        `${energy_uj ?? ''} of ${String(trueUj)}`,
      ).toBe(true);
    }

    const ledger = await readLedger(dataDir);
    const newest = new Map<string, { point: string; energyUj: bigint }>();
    for await (const { entry } of ledger.entries(0)) {
      if (entry.type !== 'statement' || entry.statement.energyUj === undefined) continue;
      const { point, kind, startNs, energyUj } = entry.statement;
      if (kind === 'corrected') continue;
      newest.set(`${point} ${kind} ${startNs.toString()}`, { point: `${point} ${kind}`, energyUj });
    }
    const heard = new Map<string, Map<string, number>>();
    for await (const records of ledger.records(0)) {
      for (const record of records) {
        if (record.is !== 'exchange' || record.exchange.form !== 'mqtt') continue;
        const { source, reply } = record.exchange;
        const texts = heard.get(source) ?? new Map<string, number>();
        const text = Buffer.from(reply).toString();
        texts.set(text, (texts.get(text) ?? 0) + 1);
        heard.set(source, texts);
      }
    }
    ledger.close();

    // Never more energy than there was. What a register cannot tell is missing, not guessed.
    const sumOf = (name: string): bigint =>
      [...newest.values()].reduce(
        (sum, each) => sum + (each.point === name ? each.energyUj : 0n),
        0n,
      );
    const trueUj = BigInt(Math.ceil((grownKwh() + 0.03) * 1e6)) * (KWH_UJ / 1_000_000n);
    for (const meter of ['healthy', 'nan', 'fallen', 'glitching', 'huge']) {
      const sumUj = sumOf(`feed/${meter} metered`);
      expect(sumUj <= trueUj, `${meter}: ${String(sumUj)} of ${String(trueUj)}`).toBe(true);
      expect(sumUj >= 0n, meter).toBe(true);
    }
    expect(sumOf('feed/healthy metered') > trueUj / 4n).toBe(true);
    expect(sumOf('feed/nan metered') > trueUj / 4n, 'what lies between NaNs is known').toBe(true);
    // The refusing one shows a power of 0 W and only that is believed of it.
    expect(sumOf('feed/refusing metered')).toBe(0n);
    for (const none of ['absent', 'impostor', 'dead']) {
      expect(sumOf(`feed/${none} metered`), none).toBe(0n);
      expect(new Set(settledOf(`feed/${none}`).map(({ quality }) => quality)), none).toEqual(
        new Set(['missing']),
      );
    }
    const plugUj = BigInt(Math.round(stepsCount * 40)) * (KWH_UJ / 1000n);
    expect(sumOf('feed/plug metered') <= plugUj + KWH_UJ / 1000n).toBe(true);
    const chipsUj = rebootedUj + node.energyUj;
    expect(sumOf('node/n1 chip') <= chipsUj, String(sumOf('node/n1 chip'))).toBe(true);
    expect(sumOf('node/n1 chip') > 0n).toBe(true);

    // Every message once, whatever was wrong with it; repetitions once, whichever door they came by.
    const plugTexts = heard.get('plug') ?? new Map<string, number>();
    for (const text of [stale, '{"ENERGY":{"Total":999', '{"ENERGY":{"Total":"NaN"}}']) {
      expect(plugTexts.get(text), text).toBe(1);
    }
    for (let step = 0; step < stepsCount; step += 1) {
      expect(plugTexts.get(plugSays(firstKwh + step * 0.04))).toBe(1);
    }
    const chipTexts = heard.get('chips-n1') ?? new Map<string, number>();
    for (const text of sent.keys()) expect(chipTexts.get(text), text).toBe(1);
    expect(chipTexts.get('{"v":1,"node":"n1"}')).toBe(1);

    const verified = await runTrueup('ledger', 'verify', dataDir);
    expect(verified, verified.lines.join('\n')).toMatchObject({ code: 0 });
    const reconciled = await runTrueup(
      ...['publish', '--reconcile', '--site', siteFile, '--data', dataDir, '--json'],
    );
    expect(reconciled.events).toMatchObject([{ sink: 'file', equal: true }]);
  },
);
