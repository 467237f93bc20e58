// Configurations for meters, gateways, brokers and clocks: complete, in agreement with their profiles, and taken by the real
// programs (mosquitto, chronyd, ser2net) where those are installed.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import {
  FIRMWARE_FOLDER,
  firmwareConfigs,
  rendered,
} from '../../src/cli/firmware/firmware-configs.ts';
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { isModbus, isMqttJson } from '../../src/decode/profile.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { run } from './terminal.ts';

const CONFIGS = firmwareConfigs();
const PROFILES = loadProfiles();
/** Something that fits every place; what a program checks is given by its own test. */
const filled = (name: string, given: Record<string, string> = {}): string => {
  const config = CONFIGS.find((each) => each.name === name);
  if (!config) throw new Error(`there is no ${name}`);
  const usual = Object.keys(config.set).map(
    (key) => [key, config.set[key]?.default ?? 'm1'] as const,
  );
  return rendered(config, new Map([...usual, ...Object.entries(given)]));
};

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'trueup-firmware-'));
  chmodSync(path, 0o755);
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

describe('the manifest', () => {
  test('names every file, once', () => {
    const files = readdirSync(FIRMWARE_FOLDER, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile() && each.name !== 'manifest.yaml')
      .map((each) => join(each.parentPath, each.name).slice(FIRMWARE_FOLDER.length + 1));
    expect(CONFIGS.map(({ file }) => file).sort()).toEqual(files.sort());
    expect(new Set(CONFIGS.map(({ name }) => name)).size).toBe(CONFIGS.length);
  });

  test.each(CONFIGS.map((config) => [config.name, config] as const))('%s', (_, config) => {
    const text = readFileSync(join(FIRMWARE_FOLDER, config.file), 'utf8');
    const places = new Set([...text.matchAll(/\{\{([a-z_]+)\}\}/g)].map(([, key = '']) => key));
    expect([...places].sort()).toEqual(Object.keys(config.set).sort());
    if (config.profile !== 'none') expect([...PROFILES.keys()]).toContain(config.profile);
    expect(filled(config.name)).not.toContain('{{');
  });
});

describe('what agrees with its profile', () => {
  const suffixesOf = (id: string): readonly string[] => {
    const profile = PROFILES.get(id)?.profile;
    return profile && isMqttJson(profile) ? profile.reads.map(({ suffix }) => suffix) : [];
  };

  test('ESPHome: each sensor that is read is published under its name, and is not retained', () => {
    const text = filled('esphome-pzem').replaceAll('!secret ', '');
    const { sensor, mqtt } = parse(text) as {
      sensor: Record<string, { name?: string; retain?: boolean } | string | number>[];
      mqtt: Record<string, unknown>;
    };
    const published = Object.values(sensor[0] ?? {}).flatMap((each) =>
      typeof each === 'object' ? [each] : [],
    );
    const topics = published.map(({ name = '' }) => `sensor/${name}/state`);
    expect(topics.sort()).toEqual([...new Set(suffixesOf('esphome-pzem'))].sort());
    expect(published.every(({ retain }) => retain === false)).toBe(true);
    expect(mqtt).toMatchObject({ reboot_timeout: '0s', discovery: false });
  });

  test('Shelly: the script publishes what the profile reads, and is JavaScript', () => {
    const script = filled('shelly-gen2-status', { topic: 'plug7' });
    const [, topic = ''] = /'plug7\/([^']+)'/.exec(script) ?? [];
    expect(suffixesOf('shelly-gen2-switch')).toContain(topic);
    const path = join(folder(), 'script.js');
    writeFileSync(path, script);
    execFileSync(process.execPath, ['--check', path]);
  });

  test('Shelly: calls that exist, keys that they have, and control switched off', () => {
    const keys = {
      'MQTT.SetConfig': [
        ...['enable', 'server', 'client_id', 'user', 'pass', 'ssl_ca', 'topic_prefix', 'rpc_ntf'],
        ...['status_ntf', 'use_client_cert', 'enable_rpc', 'enable_control'],
      ],
      'Sys.SetConfig': ['sntp', 'location', 'device', 'debug', 'rpc_udp'],
      'Shelly.Reboot': [],
    } as const satisfies Record<string, readonly string[]>;
    const calls = JSON.parse(filled('shelly-gen2-mqtt', { mqtt_port: '8883' })) as {
      method: string;
      params?: { config: Record<string, unknown> };
    }[];
    for (const { method, params } of calls) {
      const known = Object.entries(keys).find(([name]) => name === method)?.[1];
      expect(known, method).toBeDefined();
      for (const key of Object.keys(params?.config ?? {})) expect(known).toContain(key);
    }
    const config = calls[0]?.params?.config;
    expect(config).toMatchObject({ enable_control: false, rpc_ntf: true, status_ntf: true });
    expect(config?.['ssl_ca']).toBe('user_ca.pem');
  });

  test('Tasmota: commands that exist, within their ranges', () => {
    const whole = (least: number, most: number) => (text: string) =>
      /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;
    const word = (text: string): boolean => /^\S{1,64}$/.test(text);
    const table: Readonly<Record<string, (text: string) => boolean>> = {
      TelePeriod: whole(10, 3600),
      PowerDelta1: whole(0, 32_000),
      EnergyRes: whole(0, 5),
      WattRes: whole(0, 3),
      VoltRes: whole(0, 3),
      AmpRes: whole(0, 3),
      SetOption21: whole(0, 1),
      SetOption39: whole(1, 255),
      SetOption103: whole(0, 1),
      Time: whole(0, 4),
      Timezone: whole(0, 0),
      NtpServer1: (text) => word(text) && text.length <= 32,
      PowerOnState: whole(0, 5),
      PulseTime1: whole(0, 64_900),
      SensorRetain: whole(0, 0),
      MqttHost: (text) => word(text) && !text.endsWith('.local'),
      MqttPort: whole(1, 65_535),
      MqttUser: word,
      MqttPassword: word,
      Topic: word,
      FullTopic: (text) => text.includes('%prefix%') && text.includes('%topic%'),
    };
    const lines = filled('tasmota-energy')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'));
    expect(lines.length).toBeGreaterThan(15);
    for (const line of lines) {
      const [, command = '', said = ''] = /^(\S+) (.+)$/.exec(line) ?? [];
      expect(table[command]?.(said), line).toBe(true);
    }
  });

  test('ser2net serves a profile of a serial line', () => {
    const profile = PROFILES.get('eastron-sdm120')?.profile;
    expect(profile && isModbus(profile)).toBe(true);
  });
});

const chronyd = findProgram('chronyd');
for (const [name, given] of [
  ['chrony-collector', { ntp_host: '10.0.7.1' }],
  ['chrony-server', { upstream: 'ntp.example', network: '192.168.7.0/24' }],
] as const)
  testWith({ chronyd })(`chronyd takes ${name}, and not one with a slip`, () => {
    const path = join(folder(), 'chrony.conf');
    const text = filled(name, given);
    writeFileSync(path, text);
    expect(spawnSync(chronyd ?? '', ['-p', '-f', path]).status).toBe(0);
    writeFileSync(path, text.replace('makestep', 'makestepp'));
    expect(spawnSync(chronyd ?? '', ['-p', '-f', path]).status).not.toBe(0);
  });

const ser2net = findProgram('ser2net');
testWith({ ser2net })('ser2net takes its configuration, and not one with a slip', async () => {
  const at = folder();
  const port = await freePort();
  const text = filled('ser2net-rtu', { port: String(port), device: '/dev/ttyS9' });
  // It does not end on a bad file: it says where, and goes on.
  const complaints = (content: string): string[] => {
    const path = join(at, 'ser2net.yaml');
    writeFileSync(path, content);
    const args = ['-s', 'KILL', '2', ser2net ?? '', '-n', '-d', '-c', path, '-P', join(at, 'pid')];
    const { stderr } = spawnSync('timeout', args, { encoding: 'utf8' });
    return stderr.split('\n').filter((line) => /:\d+\(column/.test(line));
  };
  expect(complaints(text)).toEqual([]);
  expect(complaints(text.replace('kickolduser', 'kickoldusr'))).not.toEqual([]);
});

const mosquitto = findProgram('mosquitto');
const mosquittoPub = findProgram('mosquitto_pub');
const openssl = findProgram('openssl');
testWith({ mosquitto, mosquittoPub, openssl })(
  'mosquitto takes its configuration; a meter writes below its own name, and nobody commands it',
  async () => {
    const at = folder();
    const port = await freePort();
    mkdirSync(join(at, 'store'));
    chmodSync(join(at, 'store'), 0o777);
    const subject = [
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ];
    const keys = ['-keyout', join(at, 'server.key'), '-out', join(at, 'server.crt')];
    const made = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      ...keys,
      ...subject,
    ];
    execFileSync(openssl ?? '', made, { stdio: 'ignore' });
    execFileSync('cp', [join(at, 'server.crt'), join(at, 'ca.crt')]);
    for (const [n, user] of ['trueup', 'm1', 'm2'].entries())
      execFileSync('mosquitto_passwd', [
        ...(n === 0 ? ['-c'] : []),
        '-b',
        join(at, 'passwords'),
        user,
        'pw',
      ]);
    writeFileSync(join(at, 'acl'), filled('mosquitto-acl'));
    const given = { listen: '127.0.0.1', port: String(port), folder: at, store: join(at, 'store') };
    const text = filled('mosquitto-meters', given);
    writeFileSync(join(at, 'meters.conf'), text);
    // It takes a number that is none without a word, so numbers are looked at here.
    for (const [, key = '', said = ''] of text.matchAll(/^((?:max|autosave)_\w+) (.+)$/gm))
      expect(/^(\d+|true|false)$/.test(said), key).toBe(true);
    execFileSync('chmod', ['-R', 'a+rX', at]);
    const broker = spawn(mosquitto ?? '', ['-c', join(at, 'meters.conf')], { stdio: 'ignore' });
    // It writes what it keeps when it ends, and the folder goes after it.
    onTestFinished(async () => {
      const ended = new Promise((done) => broker.once('exit', done));
      broker.kill();
      await ended;
    });
    const client = (program: string, user: string, ...args: string[]): string[] => [
      program,
      ...['-h', 'localhost', '-p', String(port), '--cafile', join(at, 'ca.crt')],
      ...['-u', user, '-P', 'pw', '-q', '1', ...args],
    ];
    const publish = (user: string, topic: string): number | null => {
      const [program = '', ...args] = client(mosquittoPub ?? '', user, '-t', topic, '-m', topic);
      return spawnSync(program, args, { timeout: 10_000 }).status;
    };
    let tries = 0;
    while (publish('m1', 'tele/m1/early') !== 0 && tries++ < 50) await systemTimers.sleep(100);
    const heardBy = (user: string, filter: string): { heard: string[] } => {
      const [program = '', ...args] = client('mosquitto_sub', user, '-t', filter);
      const child = spawn(program, args);
      onTestFinished(() => {
        child.kill();
      });
      const said: { heard: string[] } = { heard: [] };
      child.stdout.on('data', (bytes: Buffer) => {
        said.heard.push(...bytes.toString().trim().split('\n'));
      });
      return said;
    };
    const reader = heardBy('trueup', '#');
    const meter = heardBy('m1', 'cmnd/#');
    await systemTimers.sleep(1000);
    // A denied message is acknowledged and dropped: only silence tells.
    expect(publish('m1', 'tele/m1/SENSOR')).toBe(0);
    expect(publish('m1', 'tele/m2/SENSOR')).toBe(0);
    expect(publish('m1', 'm1/status/switch:0')).toBe(0);
    expect(publish('m2', 'cmnd/m1/EnergyTotal')).toBe(0);
    expect(publish('trueup', 'cmnd/m1/EnergyTotal')).toBe(0);
    await systemTimers.sleep(1000);
    expect(reader.heard.sort()).toEqual(['m1/status/switch:0', 'tele/m1/SENSOR']);
    expect(meter.heard).toEqual([]);
    const [program = '', ...args] = client(mosquittoPub ?? '', 'm1', '-t', 'tele/m1/x', '-m', 'x');
    const stranger = args.map((arg) => (arg === 'pw' ? 'wrong' : arg));
    expect(spawnSync(program, stranger, { timeout: 10_000 }).status).not.toBe(0);
  },
);

describe('trueup firmware', () => {
  test('lists and renders', async () => {
    const listed = await run('firmware', 'list');
    expect(listed.code).toBe(0);
    for (const { name } of CONFIGS) expect(listed.out).toContain(name);
    const ran = await run('firmware', 'render', 'chrony-collector', '--set', 'ntp_host=10.0.7.1');
    expect(ran.code, ran.err).toBe(0);
    expect(ran.out).toMatch(/^server 10\.0\.7\.1 iburst/m);
  });

  test.each([
    [['render', 'chrony-collector'], 'ntp_host=... is missing'],
    [['render', 'chrony-collector', '--set', 'colour=red'], 'has no "colour"'],
    [['render', 'chrony-collector', '--set', 'ntp_host=a\nallow all'], 'only letters'],
    [['render', 'tasmota-energy', '--set', 'topic=a; Reset 1'], 'only letters'],
    [['render', 'nothing'], 'there is no "nothing"'],
    [['render', 'chrony-collector', '--set', '=x'], 'KEY=TEXT'],
    [['paint'], 'it takes "list"'],
  ])('%j is refused: %s', async (args, because) => {
    const ran = await run('firmware', ...args);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(because);
  });
});
