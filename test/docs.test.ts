// The documents are held to the code: commands of the README are run, the site file in it is parsed, tables are compared
// with what they list, and every file, function, key, route and link that is named exists.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ServerTCP } from 'modbus-serial';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { main } from '../src/cli/commands.ts';
import { loadProfiles } from '../src/cli/site/load-profiles.ts';
import { parseSite } from '../src/cli/site/site-file.ts';
import { SiteDocument } from '../src/cli/site/site-schema.ts';
import { qualityTierOf } from '../src/decode/quality-tier.ts';
import { parseNodeMessage } from '../src/decode/node-message.ts';
import { wireTasks } from '../src/decode/wire-tasks.ts';
import { openLedger } from '../src/ledger/index.ts';
import { printEntries } from '../src/publish/energy-rows.ts';
import { printLive } from '../src/publish/live-rows.ts';
import { isRefusal } from '../src/quantity/fault.ts';
import { KINDS, QUALITIES } from '../src/quantity/quality.ts';
import { instantNs, parseInstant } from '../src/quantity/time.ts';
import { watts } from '../src/quantity/units.ts';
import { DOCUMENTED_ROUTES } from '../src/serve/documented-routes.ts';
import { type Program, startTrueup } from './journey/stack.ts';
import { statement } from './ledger/samples.ts';
import { freePort } from './real-programs.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const README = read('README.md');
const DOCS = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const DOCUMENTS = [...readdirSync(root).filter((name) => name.endsWith('.md')), ...DOCS].sort();

/** Contents of the fenced blocks of a language, their indentation taken off. */
function blocksOf(text: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm');
  return [...text.matchAll(fence)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

const linesOf = (blocks: readonly string[]): string[] =>
  blocks.flatMap((block) => block.split('\n')).filter((line) => line.trim() !== '');

/** Text between backticks. */
const codesOf = (text: string): string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

/** Cells of the table rows whose number of columns fits. */
const rowsOf = (text: string, columnsCount: number): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells) => cells.length === columnsCount);

const folder = mkdtempSync(join(tmpdir(), 'trueup-docs-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What the table of profiles calls each transport. */
const SPOKEN = {
  modbus: 'Modbus',
  'mqtt-json': 'MQTT',
  'node-message': 'node message',
  snmp: 'SNMP',
  push: 'serial push',
  'http-json': 'HTTP',
  scpi: 'SCPI',
} as const;

describe('the README', () => {
  test('has one site file, and it is a whole one', () => {
    const [text = '', ...others] = blocksOf(README, 'yaml');
    expect(others).toEqual([]);
    vi.stubEnv('TRUEUP_MQTT_PASSWORD', 'secret');
    vi.stubEnv('TRUEUP_INFLUX_PASSWORD', 'secret');
    const site = parseSite(text, 'README.md');
    vi.unstubAllEnvs();
    const profiles = loadProfiles();
    const seated = [...site.instruments.values()].map((instrument) => {
      const profile = profiles.get(instrument.profile)?.profile;
      if (!profile) throw new Error(`no profile ${instrument.profile}`);
      return { instrument, profile };
    });
    const tasks = [...site.wires].map(([id, wire]) => wireTasks(id, wire, seated));
    expect(tasks.every(({ devices, subscriptions }) => devices.length + subscriptions.length)).toBe(
      true,
    );
    expect(new Set([...site.wires.values()].map(({ transport }) => transport))).toEqual(
      new Set(['modbus-tcp', 'modbus-rtu', 'mqtt']),
    );
    expect(site.nodes.map(({ fedBy }) => fedBy)).toEqual([['feed/a7', 'feed/b7']]);
    expect(site.sinks.map(({ kind, secret }) => [kind, secret])).toEqual([['influxdb1', 'secret']]);
  });

  test('lists every profile with its tier', () => {
    const listed = rowsOf(README, 5)
      .filter(([name]) => name?.startsWith('`'))
      .map(([name = '', , speaks, tier]) => [name.replaceAll('`', ''), speaks, tier]);
    const present = [...loadProfiles().values()].map(({ profile }) => [
      profile.id,
      SPOKEN[profile.speaks.transport],
      qualityTierOf(profile),
    ]);
    expect(listed.sort()).toEqual(present.sort());
  });

  test('has a place for measured figures', () => {
    expect(README).toMatch(/<!-- figures:begin -->[\s\S]+<!-- figures:end -->/);
  });

  test('names the Node that package.json asks for', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(README).toContain(`Node ${engines.node.replace('>=', '')} or newer`);
  });
});

describe('docs/site-file.md', () => {
  const text = read('docs/site-file.md');
  const said = new Set(codesOf(text.replaceAll(/^```[\s\S]*?^```$/gm, '')));

  test('explains every key and every word of the schema', () => {
    const names = new Set<string>();
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, inner] of Object.entries(node)) {
        if (key === 'properties') for (const name of Object.keys(inner as object)) names.add(name);
        if (key === 'const') names.add(String(inner));
        if (key === 'enum') for (const word of inner as unknown[]) names.add(String(word));
        walk(inner);
      }
    };
    walk(SiteDocument);
    expect([...names].length).toBeGreaterThan(40);
    const plain = new Set(['1', '2']);
    expect([...names].filter((name) => !said.has(name) && !plain.has(name))).toEqual([]);
  });

  test('shows a node message that is one', () => {
    const [message = ''] = blocksOf(text, 'json');
    expect(isRefusal(parseNodeMessage(Buffer.from(message)))).toBe(false);
  });
});

describe('docs/operating.md', () => {
  const text = read('docs/operating.md');

  test('lists every route of the API', () => {
    const listed = [...text.matchAll(/^\| `(GET|POST|PUT|DELETE) ([^`?]+)[^`]*` \|/gm)].map(
      ([, method = '', path = '']) => `${method} ${path}`,
    );
    const served = DOCUMENTED_ROUTES.map(({ method, path }) => `${method} ${path}`);
    expect(listed.sort()).toEqual(['GET /', ...served].sort());
  });

  test('lists every field of InfluxDB', () => {
    const stored = {
      leaf: 1,
      sha256: '',
      entry: { type: 'statement', statement: whole() },
    } as const;
    const { rows } = printEntries([stored], 'site', new Set());
    const atNs = instantNs(1n);
    const live = printLive(
      [
        {
          row: 'power',
          point: 'feed/a',
          kind: 'metered',
          rack: 'r',
          powerW: watts(1),
          uncertaintyW: watts(1),
          quality: 'actual',
          atNs,
        },
        {
          row: 'meter_health',
          source: 'm',
          exchangesCount: 1,
          faultsCount: 0,
          ageS: 1,
          trouble: undefined,
          atNs,
        },
        {
          row: 'run',
          node: 'n',
          tracker: 'codecarbon',
          run: 'r',
          project: 'p',
          claimedKwh: 1,
          wallKwh: 2,
          expandedKwh: 0.1,
          quality: 'derived',
          atNs,
        },
      ],
      'site',
    );
    const documented = new Map(
      rowsOf(text, 4).map(([name = '', tags = '', fields = '']) => [
        name.replaceAll('`', ''),
        new Set([...codesOf(tags), ...codesOf(fields)]),
      ]),
    );
    // `energy_history` is described by "as `energy`".
    const energy = documented.get('energy') ?? new Set<string>();
    documented.set('energy_history', new Set([...energy, 'version']));
    const lines = [...rows.flatMap((row) => row.lines), ...live];
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      const measurement = /^[a-z_]+/.exec(line)?.[0] ?? '';
      const keys = [...line.replaceAll(/"[^"]*"/g, '').matchAll(/[, ]([a-z_]+)=/g)];
      const unsaid = keys
        .map(([, key = '']) => key)
        .filter((key) => documented.get(measurement)?.has(key) !== true);
      expect(unsaid, measurement).toEqual([]);
    }
  });
});

/** A statement in which no field is absent. */
const whole = () => statement(0, { powerMaxW: watts(900), startNs: novemberNs });
const novemberNs = parseInstant('2026-11-05T00:00:00Z') ?? instantNs(0n);

describe('what documents name exists', () => {
  test('words', () => {
    const said = new Set(codesOf(read('docs/words.md')));
    expect([...QUALITIES, ...KINDS].filter((word) => !said.has(word))).toEqual([]);
  });

  test.each(DOCUMENTS)('links of %s', (name) => {
    const links = [...read(name).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, to = '']) => to);
    const broken = links
      .filter((to) => !/^https?:/.test(to))
      .filter((to) => !existsSync(join(root, dirname(name), to)));
    expect(broken).toEqual([]);
  });

  test.each(DOCUMENTS)('files of %s', (name) => {
    const files = codesOf(read(name)).filter((code) => /^[\w./-]+\.(ts|yaml|md|js)$/.test(code));
    const places = ['', 'src', 'docs', 'test', dirname(name)];
    const examples = ['site.yaml', 'index.ts'];
    const absent = files
      .filter((file) => !examples.includes(file))
      .filter((file) => !places.some((place) => existsSync(join(root, place, file))));
    expect(absent).toEqual([]);
  });

  test('functions of docs/measurement-model.md', () => {
    const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(join('src', name)))
      .join('\n');
    const named = codesOf(read('docs/measurement-model.md'))
      .filter((code) => /^[A-Za-z]+(\.[a-zA-Z]+)?$/.test(code) && /[a-z][A-Z]|^[A-Z]/.test(code))
      .flatMap((code) => code.split('.'));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((word) => !new RegExp(`\\b${word}\\b`).test(source))).toEqual([]);
  });

  test.each(DOCUMENTS)('npm scripts of %s', (name) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(name).matchAll(/`npm run ([\w:-]+)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });

  test('decisions are numbered and have their four parts', () => {
    const records = DOCS.filter((name) => name.startsWith('docs/decisions/')).sort();
    records.forEach((name, index) => {
      const number = String(index + 1).padStart(4, '0');
      expect(name).toContain(`/${number}-`);
      const text = read(name);
      expect(text.startsWith(`# ${number} `), name).toBe(true);
      for (const part of ['Context', 'Decision', 'Consequences', 'What would change our mind']) {
        expect(text, name).toContain(`**${part}.**`);
      }
    });
    expect(records.length).toBeGreaterThanOrEqual(14);
  });
});

// Commands. Each line of a `sh` block of the README is run here, with addresses and folders of this machine, or names the
// test that covers it.

/** Splits a command line at spaces outside of double quotes. */
const argvOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process: what dist/cli/trueup.js does once it has looked at Node. */
async function trueup(argv: string[]): Promise<Ran> {
  const said = { out: '', err: '' };
  const code = await main(argv, {
    out: (line) => (said.out += `${line}\n`),
    err: (line) => (said.err += `${line}\n`),
    interactive: false,
    widthCount: 120,
  });
  return { code, ...said };
}

interface Covered {
  readonly by: string;
  /** Stands in that file. */
  readonly saying: string;
}
interface Checked {
  /** A process of its own, started before the others. */
  readonly apart?: true;
  /** What is said otherwise here than in the README. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly expectCode?: number;
  readonly expectOut: RegExp;
}

const port = await freePort();
const COMMANDS: Readonly<Record<string, Covered | Checked>> = {
  'npm ci && npm start': { by: 'test/journey/kill-nine.test.ts', saying: "'rehearse'" },
  'npm ci && npm test': { by: '.ci/run', saying: 'npm test' },
  'trueup --help': { expectOut: /^ {2}run .*[\s\S]*exit codes: 0 done/m },
  'trueup calibrate --help': { expectOut: /^fit .*[\s\S]*^apply [\s\S]*^report /m },
  'trueup probe 10.0.7.0/27': {
    // Meters that others wrote are found in test/cli/probe.test.ts; here is one that tells nothing but zeros.
    instead: { '10.0.7.0/27': `127.0.0.1:${String(port)}` },
    expectOut: /^# 127-0-0-1, unit 1: /m,
  },
  'trueup probe /dev/ttyUSB0 --units 1-32': {
    instead: { '/dev/ttyUSB0': join(folder, 'no-adapter') },
    expectCode: 2,
    expectOut: /cannot be opened.*plug the adapter in/,
  },
  'trueup doctor --site site.yaml --data /var/lib/trueup': {
    by: 'test/cli/doctor.test.ts',
    saying: "'doctor'",
  },
  'trueup firmware list': { expectOut: /^tasmota-energy +Tasmota/m },
  'trueup read --profiles': { expectOut: /^eastron-sdm120 +Eastron SDM120-Modbus$/m },
  'trueup read "modbus-rtu:/dev/ttyUSB0?baud=9600&parity=none" eastron-sdm120 --unit 2': {
    // There is no meter here: what the operator sees then. Serial lines are read in test/rehearse/wires.test.ts.
    instead: { '/dev/ttyUSB0': join(folder, 'no-adapter') },
    expectCode: 2,
    expectOut: /cannot be opened.*plug the adapter in/,
  },
  'trueup read modbus-tcp://10.0.7.20:502 siemens-pac3200 --every 5 --count 0 --json': {
    instead: { '10.0.7.20:502': `127.0.0.1:${String(port)}`, '--count 0': '--count 1' },
    expectOut: /"channel":"energy_import","value":0,"unit":"kWh"/,
  },
  'trueup read "snmp://10.0.7.21?version=2c&community_env=TRUEUP_PDU" raritan-px --outlet 3': {
    by: 'test/transport/snmp-peers.test.ts',
    saying: "'--outlet'",
  },
  'trueup run --site site.yaml --data /var/lib/trueup': {
    by: 'test/docs.test.ts',
    saying: 'the service of the README runs and stops',
  },
  'trueup rehearse --speed 20 --for 5min': {
    apart: true,
    instead: { '5min': '16s --listen 127.0.0.1:0 --data rehearsed' },
    expectOut: /^REHEARSAL seed 1[\s\S]*status page http:[\s\S]*^stopped$[\s\S]*truly counted/m,
  },
  'trueup ledger verify /var/lib/trueup --vkey auditor/log.vkey': {
    instead: { '/var/lib/trueup': 'kept' },
    expectOut: /^verified: [\s\S]*^\d+ leaves, root /m,
  },
  'trueup export --data /var/lib/trueup --from 2026-11-01 --to 2026-12-01 --kind metered --provisional --out november.csv':
    { instead: { '/var/lib/trueup': 'kept' }, expectOut: /^2 rows in november.csv$/m },
  'trueup settle --site site.yaml --accounts accounts.yaml --data /var/lib/trueup --period 2026-11 --provisional':
    {
      instead: { '/var/lib/trueup': 'kept' },
      expectOut: /^tenant-a [\s\S]*^version 1 is leaf 3, with its proof in kept/m,
    },
  'trueup publish --reconcile --repair --site site.yaml --data /var/lib/trueup': {
    instead: { '/var/lib/trueup': 'kept' },
    expectOut: /^file: equals the ledger: 2 rows compared, 2 missing.*repaired and read again/m,
  },
  'trueup calibrate fit runs/monday runs/tuesday --model node7.json': { expectOut: /node/ },
  'trueup calibrate apply --model node7.json --chips wednesday/chips.csv --every 900 --out wall.csv':
    { expectOut: /./ },
  'trueup calibrate report --model node7.json --out node7.html': {
    expectOut: /^node7.html: 1 model\(s\) in \d+ KiB$/m,
  },
  'trueup calibrate watch --model node7.json runs/monday runs/tuesday wednesday': {
    expectOut: /^watched 0\.\d+ h: 0 changes, level now /m,
  },
  'trueup agent --once': { by: 'test/cli/agent.test.ts', saying: "'--once'" },
  'trueup correct codecarbon emissions.csv --model node7.json --out corrected.csv': {
    by: 'test/cli/correct.test.ts',
    saying: 'a node that is known gives its wall energy back',
  },
  'trueup calibrate staircase --steps 5 --hold 60s --out runs': {
    // The plan only: the load itself is put on in test/cli/staircase.test.ts.
    instead: { '--out runs': '--out runs --dry-run' },
    expectOut: /^21 steps, 21 min 0 s in all/m,
  },
};

/** The arguments of a line, as they are here. */
function argvHere(line: string, { instead = {} }: Checked): string[] {
  let mine = line;
  for (const [said, here] of Object.entries(instead)) {
    expect(mine).toContain(said);
    mine = mine.replace(said, here);
  }
  return argvOf(mine).slice(1);
}

const inOrder = Object.entries(COMMANDS).sort(
  ([, a], [, b]) => Number('apart' in a) - Number('apart' in b),
);

async function ranOf(program: Program): Promise<Ran> {
  const code = await program.ended;
  return { code, out: `${program.lines.join('\n')}\n`, err: '' };
}

/** Runs of a made-up node: its wall is 50 W + 1.2 x chips, and its chips go up and down a staircase. */
function writeRun(path: string, day: number): void {
  mkdirSync(path, { recursive: true });
  const startMs = Date.UTC(2026, 10, day, 10);
  const header = 'time,source,quantity,value\n';
  let meter = header;
  let chips = header;
  for (let second = 0; second <= 900; second += 1) {
    const time = new Date(startMs + second * 1000).toISOString();
    const chipW = 100 + 40 * (Math.floor(second / (37 + day)) % 4);
    chips += `${time},rapl:package-0,power_w,${String(chipW)}\n`;
    meter += `${time},wall,power_w,${(50 + 1.2 * chipW + Math.sin(second)).toFixed(3)}\n`;
  }
  writeFileSync(join(path, 'meter.csv'), meter);
  writeFileSync(join(path, 'chips.csv'), chips);
}

describe('commands of the README', () => {
  // A meter that answers 0 everywhere.
  const server = new ServerTCP(
    { getHoldingRegister: () => 0 },
    { host: '127.0.0.1', port, unitID: 1 },
  );
  const site = join(folder, 'site.yaml');
  const here = process.cwd();
  const apart = new Map<string, Program>();
  let service: Program | undefined;

  beforeAll(async () => {
    process.chdir(folder);
    for (const [line, check] of inOrder) {
      if ('apart' in check) apart.set(line, startTrueup(...argvHere(line, check)));
    }
    const ledger = await openLedger(join(folder, 'kept'), {
      rehearsal: false,
      nowNs: () => novemberNs,
    });
    await ledger.log.append(
      [0n, 900n].map((afterS) => ({
        type: 'statement',
        statement: statement(0, { startNs: instantNs(novemberNs + afterS * 1_000_000_000n) }),
      })),
    );
    await ledger.close();
    mkdirSync(join(folder, 'auditor'));
    cpSync(join(folder, 'kept/log/vkey'), join(folder, 'auditor/log.vkey'));
    writeFileSync(
      site,
      [
        'site: here',
        'listen: 127.0.0.1:0',
        `wires: { pdu: { transport: modbus-tcp, host: 127.0.0.1, port: ${String(port)} } }`,
        'instruments: { m1: { profile: siemens-pac3200, wire: pdu } }',
        'points: { feed/a: { meter: m1 } }',
        'sinks: { file: { kind: line-protocol-file } }',
      ].join('\n'),
    );
    writeFileSync(
      join(folder, 'accounts.yaml'),
      [
        'settlement: here',
        'accounts: { tenant-a: {} }',
        'meters: { feed/a7: { rules: [{ account: tenant-a }] } }',
      ].join('\n'),
    );
    service = startTrueup('run', '--site', site, '--data', join(folder, 'fresh'), '--json');
    writeRun(join(folder, 'runs/monday'), 2);
    writeRun(join(folder, 'runs/tuesday'), 3);
    writeRun(join(folder, 'wednesday'), 4);
  });
  afterAll(async () => {
    process.chdir(here);
    for (const program of [service, ...apart.values()]) await program?.end();
    await new Promise<void>((done) => {
      server.close(() => {
        done();
      });
    });
  });

  const lines = linesOf(blocksOf(README, 'sh'));

  test('are all known here, and no others', () => {
    expect(lines.sort()).toEqual(Object.keys(COMMANDS).sort());
  });

  test('the service of the README runs and stops', async () => {
    if (!service) throw new Error('it was not started');
    const { url } = await service.waitFor(({ event }) => event === 'started');
    const rack = (await (await fetch(`${String(url)}/v1/rack`)).json()) as { site: string };
    expect(rack.site).toBe('here');
    expect(await service.end()).toBe(0);
  });

  for (const [line, check] of inOrder) {
    test(line, async () => {
      if ('by' in check) {
        expect(read(check.by)).toContain(check.saying);
        return;
      }
      const running = apart.get(line);
      const { code, out, err } = await (running ? ranOf(running) : trueup(argvHere(line, check)));
      expect(`${out}${err}`).toMatch(check.expectOut);
      expect(code, err).toBe(check.expectCode ?? 0);
    });
  }

  test('what calibrate apply wrote is the energy that went in', () => {
    const [header, ...rows] = readFileSync(join(folder, 'wall.csv'), 'utf8').split('\n');
    expect(header).toBe('start,duration_s,energy_wh,u_wh,quality');
    const row = rows.find((each) => each.startsWith('2026-11-04T10:00:00Z'));
    const [, , energyWh, uWh, quality] = (row ?? '').split(',');
    expect(quality).toBe('derived');
    const trueWh = (50 + 1.2 * 160) / 4;
    expect(Math.abs(Number(energyWh) - trueWh)).toBeLessThan(Math.max(Number(uWh), 0.02 * trueWh));
  });

  test('options in all documents are in the help', async () => {
    const said = DOCUMENTS.flatMap((name) => blocksOf(read(name), '(?:sh|text|ini)'))
      .flatMap((block) => block.split('\n'))
      .flatMap((line) => [...line.matchAll(/\btrueup (\w+)( .*)?$/g)])
      .map(([, command = '', rest = '']) => ({ command, options: rest.match(/--[a-z-]+/g) ?? [] }));
    expect(said.length).toBeGreaterThan(10);
    const helps = new Map<string, string>();
    for (const { command } of said) helps.set(command, (await trueup([command, '--help'])).out);
    const unknown = said.flatMap(({ command, options }) =>
      options
        .filter((option) => option !== '--help' && helps.get(command)?.includes(option) !== true)
        .map((option) => `trueup ${command} ${option}`),
    );
    expect(unknown).toEqual([]);
  });
});

test('YAML and JSON in all documents can be read', () => {
  for (const name of DOCUMENTS) {
    for (const block of blocksOf(read(name), 'yaml'))
      expect(() => parse(block) as unknown).not.toThrow();
    for (const block of blocksOf(read(name), 'json')) {
      expect(() => JSON.parse(block) as unknown).not.toThrow();
    }
  }
});
