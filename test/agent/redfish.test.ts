// A BMC by Redfish: an HTTP server of ours that answers as DMTF's schemas say, slowly, wrongly or not at all.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { noReadings, type ChipReader } from '../../src/agent/chip-reader.ts';
import { openRedfish } from '../../src/agent/redfish.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Answers = Record<string, unknown>;
const CHASSIS = {
  '/redfish/v1/Chassis': {
    Members: [
      { '@odata.id': '/redfish/v1/Chassis/1U' },
      { '@odata.id': '/redfish/v1/Chassis/NVMe' },
    ],
  },
  '/redfish/v1/Chassis/1U': { Id: '1U', Power: { '@odata.id': '/redfish/v1/Chassis/1U/Power' } },
  '/redfish/v1/Chassis/NVMe': { Id: 'NVMe' },
};
const power = (powerW: unknown): Answers => ({
  ...CHASSIS,
  '/redfish/v1/Chassis/1U/Power': { PowerControl: [{ PowerConsumedWatts: powerW }] },
});

interface Rig {
  readonly reader: ChipReader;
  readonly asked: string[];
  readonly said: string[];
  nowNs: bigint;
}

async function rig(
  answers: () => Answers,
  respond?: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<Rig> {
  const asked: string[] = [];
  const said: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (respond?.(request, response)) return;
    if (
      request.headers.authorization !== `Basic ${Buffer.from('root:calvin').toString('base64')}`
    ) {
      response.writeHead(401).end();
      return;
    }
    const answer = answers()[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const state: { nowNs: bigint } = { nowNs: 0n };
  const reader = openRedfish({
    url: new URL(`http://127.0.0.1:${String(port)}`),
    username: 'root',
    password: 'calvin',
    ca: undefined,
    monotonicNs: () => state.nowNs,
    say: (line) => said.push(line),
  });
  closers.push(() => {
    reader.close();
  });
  return Object.assign(state, { reader, asked, said });
}

const gaugesOf = async (reader: ChipReader): Promise<[string, number][]> => {
  const readings = noReadings();
  await reader.read(readings);
  return readings.gauges.map(({ source, powerW }) => [source, powerW]);
};
/** Reads until something comes: later turns do not wait for the BMC. */
const nextOf = (reader: ChipReader): Promise<unknown> =>
  expect.poll(() => gaugesOf(reader), { timeout: 20_000 }).not.toEqual([]);

describe('a BMC', () => {
  test('is found by its chassis; each reading goes out once, at its own pace', async () => {
    let watts = 412;
    const bmc = await rig(() => power(watts));
    expect(await gaugesOf(bmc.reader)).toEqual([['hwmon:platform-redfish-1U', 412]]);
    expect(bmc.reader.sources).toEqual(['hwmon:platform-redfish-1U']);
    // Within its pace it is not asked again, and the old value is not said again.
    expect(await gaugesOf(bmc.reader)).toEqual([]);
    const asked = bmc.asked.length;
    bmc.nowNs += 1_000_000_000n;
    expect(await gaugesOf(bmc.reader)).toEqual([]);
    expect(bmc.asked).toHaveLength(asked);
    watts = 500;
    bmc.nowNs += 5_000_000_000n;
    await nextOf(bmc.reader);
    // Its chassis are not looked for again.
    expect(bmc.asked.slice(asked)).toEqual(['/redfish/v1/Chassis/1U/Power']);
  });

  test('the newer EnvironmentMetrics serves as well', async () => {
    const bmc = await rig(() => ({
      '/redfish/v1/Chassis': { Members: [{ '@odata.id': '/redfish/v1/Chassis/Self' }] },
      '/redfish/v1/Chassis/Self': {
        Id: 'Self/0',
        EnvironmentMetrics: { '@odata.id': '/redfish/v1/Chassis/Self/EnvironmentMetrics' },
      },
      '/redfish/v1/Chassis/Self/EnvironmentMetrics': { PowerWatts: { Reading: 333.5 } },
    }));
    expect(await gaugesOf(bmc.reader)).toEqual([['hwmon:platform-redfish-Self-0', 333.5]]);
  });

  test.each([
    ['null, as while it starts', power(null)],
    ['a word', power('412')],
    ['less than nothing', power(-1)],
    ['all ones', power(4_294_967_295)],
    ['no JSON', { ...power(1), '/redfish/v1/Chassis/1U/Power': '<html>' }],
    ['a chassis without a power', CHASSIS],
    ['no chassis', { '/redfish/v1/Chassis': { Members: 7 } }],
    [
      'a link to another machine',
      { '/redfish/v1/Chassis': { Members: [{ '@odata.id': '//evil.example/x' }] } },
    ],
    ['more than a mebibyte', { '/redfish/v1/Chassis': 'x'.repeat(1_100_000) }],
  ])('%s is no reading, and is said with what to do', async (_name, answers) => {
    const bmc = await rig(() => answers);
    expect(await gaugesOf(bmc.reader)).toEqual([]);
    expect(bmc.said[0]).toContain('tried again each minute');
    expect(bmc.reader.obstacles).toHaveLength(1);
  });

  test('a wrong password is tried once a minute, so that nobody is locked out', async () => {
    const bmc = await rig(
      () => power(412),
      (_request, response) => {
        response.writeHead(401).end();
        return true;
      },
    );
    for (let turn = 0; turn < 30; turn++) {
      expect(await gaugesOf(bmc.reader)).toEqual([]);
      bmc.nowNs += 1_000_000_000n;
    }
    expect(bmc.asked).toHaveLength(1);
    expect(bmc.said[0]).toContain('HTTP 401');
  });

  test('no turn but the first waits for one that does not answer', async () => {
    let isDead = false;
    const bmc = await rig(
      () => power(412),
      () => isDead,
    );
    expect(await gaugesOf(bmc.reader)).toHaveLength(1);
    isDead = true;
    bmc.nowNs += 6_000_000_000n;
    const readings = noReadings();
    expect(bmc.reader.read(readings)).toBeUndefined();
    expect(readings.gauges).toEqual([]);
  });
});
