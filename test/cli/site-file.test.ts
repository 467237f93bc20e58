// Every fault of a site file names the file and the line, the path inside it, what is wrong, and what to do.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { parseListen } from '../../src/cli/site/listen-address.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import type { Site } from '../../src/quantity/site.ts';
import { run } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-site-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const profiles = loadProfiles();
const GOOD = `site: hall-2
interval: 5min
settle_after: 90s
listen: "[::1]:8443"
wires:
  bus: { transport: modbus-tcp, host: 10.0.0.7, port: 1502, timeout: 250ms }
  line: { transport: modbus-rtu, path: /dev/ttyUSB0, baud: 19200, parity: even, stop_bits: 1 }
  broker: { transport: mqtt, url: "mqtt://10.0.0.8:1883" }
instruments:
  m1: { profile: eastron-sdm120, wire: bus, unit: 7, poll: 2s }
  m2: { profile: schneider-iem3155, wire: line }
  plug: { profile: tasmota-energy, wire: broker, topic: tele/plug/SENSOR }
  chips-n1: { profile: node-rapl-nvml, wire: broker, topic: trueup/1/hall-2/n1/chips }
points:
  feed/a: { meter: m1 }
  feed/b: { meter: m2 }
nodes:
  n1: { type: dgx, fed_by: [feed/a, feed/b], chips: chips-n1 }
racks:
  r1: { points: [feed/a], nodes: [n1] }
sinks:
  out: { kind: influxdb1, url: "http://127.0.0.1:8086" }
`;

const parse = (text: string): Site => parseSite(text, 'site.yaml', profiles);

/** The good file with one piece replaced. */
function changed(from: string, to: string): string {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
}

test('a good file is read as it stands', () => {
  const site = parse(GOOD);
  expect(site).toMatchObject({
    name: 'hall-2',
    interval: 300_000_000_000n,
    settleAfter: 90_000_000_000n,
    listen: { host: '::1', port: 8443 },
    rehearsal: undefined,
  });
  expect(site.wires.get('bus')).toEqual({
    transport: 'modbus-tcp',
    host: '10.0.0.7',
    port: 1502,
    timeoutMs: 250,
  });
  expect(site.instruments.get('m1')).toMatchObject({ unit: 7, poll: 2_000_000_000n, topic: '' });
  expect(site.instruments.get('m2')).toMatchObject({ unit: 1, poll: 1_000_000_000n });
  expect(site.nodes).toEqual([
    {
      id: 'n1',
      type: 'dgx',
      fedBy: ['feed/a', 'feed/b'],
      nameplateW: undefined,
      chips: 'chips-n1',
      chipSources: [],
    },
  ]);
});

test.each<[string, string, RegExp]>([
  ['broken YAML', changed('wires:', 'wires'), /^site\.yaml:\d+: this is not YAML/],
  ['a tab', changed('  m2:', '\tm2:'), /^site\.yaml:\d+: this is not YAML/],
  ['a key twice', changed('feed/b: {', 'feed/a: {'), /^site\.yaml:1[56]: this is not YAML/],
  ['an alias of nothing', changed('10.0.0.7,', '*host,'), /^site\.yaml:6: .*host/],
  ['an empty file', '', /^site\.yaml:1:? .*object/],
  ['a list', '- a\n', /^site\.yaml:1:? .*object/],
  [
    'an unknown key',
    changed('poll: 2s', 'pole: 2s'),
    /^site\.yaml:10 \/instruments\/m1\/pole: .*not known/,
  ],
  [
    'an unknown key at the top',
    changed('settle_after', 'setle_after'),
    /^site\.yaml:3 \/setle_after: .*not known/,
  ],
  [
    'a wrong type',
    changed('unit: 7', 'unit: seven'),
    /^site\.yaml:10 \/instruments\/m1\/unit: .*integer/,
  ],
  [
    'a unit beyond a byte',
    changed('unit: 7', 'unit: 256'),
    /^site\.yaml:10 \/instruments\/m1\/unit: /,
  ],
  ['an unknown transport', changed('modbus-rtu,', 'modbus-ascii,'), /^site\.yaml:7 \/wires\/line/],
  ['a missing part', changed('host: 10.0.0.7, ', ''), /^site\.yaml:6 \/wires\/bus: .*host/],
  [
    'an unknown wire',
    changed('wire: bus', 'wire: bsu'),
    /^site\.yaml:10 \/instruments\/m1\/wire: there is no wire "bsu".*bus, line, broker/,
  ],
  [
    'an unknown profile',
    changed('eastron-sdm120', 'eastron-sdm12'),
    /^site\.yaml:10 \/instruments\/m1\/profile: there is no profile "eastron-sdm12".*eastron-sdm120/,
  ],
  [
    'a profile that does not speak so',
    changed('profile: eastron-sdm120', 'profile: tasmota-energy'),
    /^site\.yaml:10 \/instruments\/m1\/profile: profile tasmota-energy speaks mqtt-json, but wire bus is modbus-tcp/,
  ],
  [
    'a Modbus meter on a broker',
    changed('profile: tasmota-energy', 'profile: eastron-sdm120'),
    /^site\.yaml:12 \/instruments\/plug\/profile: .*speaks modbus, but wire broker is mqtt/,
  ],
  [
    'an unknown meter',
    changed('meter: m2', 'meter: m9'),
    /^site\.yaml:16 \/points\/feed~1b\/meter: there is no instrument "m9".*m1, m2/,
  ],
  [
    'a meter of two points',
    changed('meter: m2', 'meter: m1'),
    /^site\.yaml:16 \/points\/feed~1b\/meter: meter m1 measures feed\/a already/,
  ],
  [
    'an unknown feed',
    changed('[feed/a, feed/b]', '[feed/a, feed/c]'),
    /^site\.yaml:18 \/nodes\/n1\/fed_by: there is no point "feed\/c"/,
  ],
  [
    'a node that is fed twice by one meter',
    changed('[feed/a, feed/b]', '[feed/a, feed/b, feed/a]'),
    /^site\.yaml:18 \/nodes\/n1\/fed_by\/2: node n1 is fed twice by feed\/a.*once/,
  ],
  [
    'a shelf that feeds nothing',
    changed(
      'feed/b: { meter: m2 }',
      'feed/b: { meter: m2 }\n  feed/c: { meter: plug, kind: shelf }',
    ),
    /^site\.yaml:17 \/points\/feed~1c: the shelf feed\/c feeds no node.*fed_by/,
  ],
  [
    'a kind of point that is none',
    changed('feed/b: { meter: m2 }', 'feed/b: { meter: m2, kind: shelve }'),
    /^site\.yaml:16 \/points\/feed~1b\/kind: .*shelf/,
  ],
  [
    'a nameplate of nothing',
    changed('type: dgx,', 'type: dgx, nameplate_w: 0,'),
    /^site\.yaml:18 \/nodes\/n1\/nameplate_w: /,
  ],
  [
    'unknown chips',
    changed('chips: chips-n1', 'chips: chips-n2'),
    /^site\.yaml:18 \/nodes\/n1\/chips: there is no instrument "chips-n2"/,
  ],
  [
    'an unknown node in a rack',
    changed('nodes: [n1]', 'nodes: [n2]'),
    /^site\.yaml:20 \/racks\/r1\/nodes: there is no node "n2"/,
  ],
  [
    'an unknown point in a rack',
    changed('points: [feed/a]', 'points: [feed/x]'),
    /^site\.yaml:20 \/racks\/r1\/points: there is no point "feed\/x"/,
  ],
  ['a point of no kind', changed('feed/b: {', 'plug/b: {'), /^site\.yaml:1[4-6] \/points/],
  [
    'no topic',
    changed(', topic: tele/plug/SENSOR', ''),
    /^site\.yaml:12 \/instruments\/plug: .*needs a topic.*topic:/,
  ],
  [
    'a bad duration',
    changed('poll: 2s', 'poll: 2 parsecs'),
    /^site\.yaml:10 \/instruments\/m1\/poll: /,
  ],
  [
    'no time between polls',
    changed('poll: 2s', 'poll: 0s'),
    /^site\.yaml:10 \/instruments\/m1\/poll: .*no time.*1ms/,
  ],
  [
    'no time to answer',
    changed('timeout: 250ms', 'timeout: 0ms'),
    /^site\.yaml:6 \/wires\/bus\/timeout: .*no time/,
  ],
  [
    'an interval that does not divide a day',
    changed('interval: 5min', 'interval: 7min'),
    /^site\.yaml:2 \/interval: .*divide a day.*15min/,
  ],
  [
    'an interval below a second',
    changed('interval: 5min', 'interval: 500ms'),
    /^site\.yaml:2 \/interval: /,
  ],
  [
    'an interval of two days',
    changed('interval: 5min', 'interval: 2d'),
    /^site\.yaml:2 \/interval: /,
  ],
  [
    'a bad address',
    changed('"[::1]:8443"', 'here'),
    /^site\.yaml:4 \/listen: "here" is no address.*HOST:PORT/,
  ],
  [
    'a sink of no kind',
    changed('influxdb1', 'oracle'),
    /^site\.yaml:22 \/sinks\/out\/kind: .*influxdb1/,
  ],
  [
    'a sink without url',
    changed(', url: "http://127.0.0.1:8086"', ''),
    /^site\.yaml:22 \/sinks\/out: .*needs a url.*8086/,
  ],
  [
    'an unset secret',
    changed('kind: influxdb1,', 'kind: influxdb1, token_env: TRUEUP_TEST_UNSET,'),
    /^site\.yaml:22 \/sinks\/out: .*TRUEUP_TEST_UNSET is not set/,
  ],
  [
    'a missing secret file',
    changed('kind: influxdb1,', 'kind: influxdb1, password_file: /nowhere/secret,'),
    /^site\.yaml:22 \/sinks\/out: .*\/nowhere\/secret cannot be read/,
  ],
  [
    'an unset broker password',
    changed(
      'mqtt://10.0.0.8:1883"',
      'mqtt://10.0.0.8:1883", username: u, password_env: TRUEUP_TEST_UNSET',
    ),
    /^site\.yaml:8 \/wires\/broker: .*TRUEUP_TEST_UNSET/,
  ],
])('%s', (_name, text, message) => {
  let fault: unknown;
  try {
    parse(text);
  } catch (error) {
    fault = error;
  }
  expect(fault).toBeInstanceOf(SiteFault);
  if (!(fault instanceof SiteFault)) return;
  expect(fault.message).toMatch(message);
  expect(fault.notice.remedy.length, 'a remedy').toBeGreaterThan(5);
});

test('secrets come from the environment or a file, without the line end', () => {
  vi.stubEnv('TRUEUP_TEST_TOKEN', 'from-the-environment');
  const file = join(folder, 'secret');
  writeFileSync(file, 'from-a-file\n');
  const sink = (keys: string): string | undefined =>
    parse(changed('kind: influxdb1,', `kind: influxdb1, ${keys},`)).sinks[0]?.secret;
  expect(sink('token_env: TRUEUP_TEST_TOKEN')).toBe('from-the-environment');
  expect(sink(`password_file: ${file}`)).toBe('from-a-file');
});

test('a secret that is asked for is never part of the message', () => {
  const file = join(folder, 'unreadable');
  writeFileSync(file, 'hush');
  chmodSync(file, 0o000);
  // Whoever runs the tests may be allowed to read anything: then the secret is simply read.
  try {
    expect(
      parse(changed('kind: influxdb1,', `kind: influxdb1, token_file: ${file},`)).sinks[0]?.secret,
    ).toBe('hush');
  } catch (error) {
    expect(String(error)).not.toContain('hush');
  }
});

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  [':8080', { host: '127.0.0.1', port: 8080 }],
  ['[::]:0', { host: '::', port: 0 }],
  ['rack.example:443', { host: 'rack.example', port: 443 }],
])('%s is an address to listen on', (text, expected) => {
  expect(parseListen(text, '--listen')).toEqual(expected);
});

test('the command ends with 2, prints the sentence once and touches nothing', async () => {
  const path = join(folder, 'bad.yaml');
  writeFileSync(path, changed('wire: bus', 'wire: bsu'));
  const { code, out, err } = await run('run', '--site', path, '--data', join(folder, 'none'));
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toBe(
    `trueup run: ${path}:10 /instruments/m1/wire: there is no wire "bsu" in this file. name one of: bus, line, broker.`,
  );
  const missing = await run('run', '--site', join(folder, 'missing.yaml'));
  expect(missing.code).toBe(2);
  expect(missing.err).toMatch(/missing\.yaml: the site file cannot be read.*check the path/);
});

test('aliases that multiply are refused before they fill the memory', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'].map((pair) =>
    pair.split(''),
  )) {
    bomb.push(
      `${to ?? ''}: &${to ?? ''} [${Array(9)
        .fill(`*${from ?? ''}`)
        .join(', ')}]`,
    );
  }
  expect(() => parse(bomb.join('\n'))).toThrow(/this is not YAML.*alias/s);
});
