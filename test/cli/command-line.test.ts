// The contract that scripts hold us to: help teaches, what is not understood is said with a hint, exit codes are stable.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostClock } from '../../src/cli/host-clock.ts';
import { run } from './terminal.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMANDS = ['run', 'rehearse', 'read', 'calibrate', 'ledger', 'publish', 'export'];

test('the overview names every command and every exit code', async () => {
  const { code, out } = await run('--help');
  expect(code).toBe(0);
  for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} +\\w`, 'm'));
  for (const exit of [0, 1, 2, 3, 4]) expect(out).toMatch(new RegExp(`\\b${String(exit)} \\w`));
  expect(await run('help')).toMatchObject({ code: 0, out });
  // Without a command it is a mistake, but the same text helps.
  expect(await run()).toMatchObject({ code: 2, out });
});

test.each(COMMANDS)('%s --help explains usage and shows an example', async (command) => {
  const { code, out, err } = await run(command, '--help');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain(`usage: trueup ${command}`);
  expect(out).toMatch(/^ ?examples?:? /m);
  expect(await run(command, '-h')).toMatchObject({ code: 0, out });
});

test('help comes even beside options that are wrong', async () => {
  expect(await run('run', '--nonsense', '--help')).toMatchObject({ code: 0 });
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(await run('--version')).toEqual({ code: 0, out: version, err: '' });
});

test.each([
  [['bogus'], /no command "bogus".*trueup --help/s],
  [['toString'], /no command "toString"/],
  [['--bogus'], /no command "--bogus".*trueup --help/s],
  [['run', '--bogus'], /--bogus.*trueup run --help/s],
  [['run', 'surplus'], /surplus.*trueup run --help/s],
  [['run'], /--site FILE is missing.*trueup run --help/s],
  [['run', '--site'], /--site.*trueup run --help/s],
  [['rehearse', '--speed', 'fast'], /--speed takes a number from 1 to 60/],
  [['rehearse', '--speed', '100'], /--speed takes a number from 1 to 60/],
  [['rehearse', '--for', '5'], /--for.*not a duration/],
  [['rehearse', '--seed', '1.5'], /whole number/],
  [['rehearse', '--replay', '/nowhere/at/all'], /\/nowhere\/at\/all.*no such folder/],
  [['rehearse', '--listen', 'nonsense'], /--listen.*no address to listen on.*HOST:PORT/],
  [['rehearse', '--listen', '127.0.0.1:70000'], /no address to listen on/],
  [['read'], /a WIRE and a PROFILE.*trueup read --help/s],
  [['read', 'nonsense', 'eastron-sdm120'], /no wire.*modbus-tcp:\/\/HOST:PORT/],
  [['read', 'modbus-tcp://127.0.0.1:99999', 'eastron-sdm120'], /no wire/],
  [['read', 'mqtt://127.0.0.1', 'tasmota-energy'], /names no topic/],
  [['read', 'modbus-rtu:/dev/null?parity=maybe', 'eastron-sdm120'], /none, even or odd/],
  [['read', 'modbus-rtu:/dev/null?baud=fast', 'eastron-sdm120'], /baud is a whole number/],
  [['read', 'modbus-tcp://127.0.0.1', 'no-such-meter'], /no profile "no-such-meter".*--profiles/],
  [['read', 'modbus-tcp://127.0.0.1', 'eastron-sdm120', '--unit', '1.5'], /--unit.*whole/],
  [['read', 'modbus-tcp://127.0.0.1', 'eastron-sdm120', '--unit', '256'], /--unit.*0 to 255/],
  [['read', 'modbus-tcp://127.0.0.1', 'eastron-sdm120', '--count', '0.5'], /--count.*whole/],
  [['read', 'modbus-tcp://127.0.0.1', 'eastron-sdm120', '--every', '0'], /--every.*number/],
  [['read', 'modbus-tcp://127.0.0.1:1', 'tasmota-energy'], /speaks mqtt-json, but wire/],
  [['read', 'mqtt://127.0.0.1:1/a', 'eastron-sdm120'], /speaks modbus, but wire/],
  [['read', 'modbus-rtu:/nowhere/ttyX', 'eastron-sdm120'], /\/nowhere\/ttyX cannot be opened/],
  [['calibrate'], /commands fit, apply, .*watch/],
  [['calibrate', 'guess'], /not "guess"/],
  [['calibrate', 'fit'], /usage: trueup calibrate fit/],
  [['calibrate', 'apply'], /--model M.json is missing/],
  [['calibrate', 'watch', 'runs'], /--model M.json is missing/],
  [['calibrate', 'watch', '--model', 'm.json'], /name at least one run folder/],
  [['calibrate', 'staircase', '--steps', '0'], /--steps is a whole number/],
  [['calibrate', 'staircase', '--hold', '10ms'], /--hold is a time from 1s to 1h/],
  [['calibrate', 'staircase', '--hold', 'long'], /--hold/],
  [['calibrate', 'staircase', '--components', 'gpu'], /cpu and memory, not "gpu"/],
  [['calibrate', 'staircase', '--components', ''], /nothing to load/],
  [['calibrate', 'staircase', '--command', 'burn'], /holds \{percent\}/],
  [['calibrate', 'staircase', '--run', '../up'], /--run is a name/],
  [['ledger'], /"verify", "prove" or "cosign", and one path/],
  [['ledger', 'mend', 'x'], /"mend" is none of "verify"/],
  [['ledger', 'verify', 'x', '--vkey', 'a', '--policy', 'b'], /exclude each other/],
  [['publish'], /--reconcile/],
  [['publish', '--reconcile'], /--site FILE is missing/],
  [['export'], /--out FILE is missing/],
  [['export', '--out', 'x', '--format', 'xlsx'], /csv, espi, ocmf, html, kpi/],
  [['export', '--out', 'x', '--kind', 'guessed'], /metered/],
  [['export', '--out', 'x', '--from', 'yesterday'], /2026-11-01/],
  [['export', '--out', 'x', '--from', '2026-02-02', '--to', '2026-02-01'], /--to must be later/],
])('%j ends with 2 and says why', async (argv, because) => {
  const { code, err } = await run(...argv);
  expect(err).toMatch(because);
  expect(err, 'a sentence, not a stack trace').not.toMatch(/\n\s+at /);
  expect(code).toBe(2);
});

test('the profiles can be listed', async () => {
  const { code, out } = await run('read', '--profiles');
  expect(code).toBe(0);
  expect(out).toMatch(/^eastron-sdm120 +Eastron SDM120-Modbus$/m);
});

/** Runs plain CommonJS as if another Node did. */
const asNode = (version: string, path: string): ReturnType<typeof spawnSync> =>
  spawnSync(
    process.execPath,
    [
      '-e',
      `for (const [key, text] of [['version', 'v${version}'], ['versions', { ...process.versions, node: '${version}' }]])
         Object.defineProperty(process, key, { value: text });
       ${path.endsWith('.cjs') ? 'require' : 'import'}(${JSON.stringify(path)});`,
    ],
    { encoding: 'utf8' },
  );

test.each([
  ['18.20.4', 2],
  ['20.18.3', 2],
  ['20.19.0', 0],
  ['22.0.0', 0],
  ['26.1.0', 0],
])('on Node %s the check before npm scripts ends with %i', (version, expected) => {
  const { status, stderr } = asNode(version, join(ROOT, 'tools/check-node.cjs'));
  expect(status, String(stderr)).toBe(expected);
  if (expected === 2) {
    expect(stderr).toMatch(/needs Node 20\.19 or newer/);
    expect(stderr).toContain(version);
    expect(stderr).toMatch(/Install a current Node/);
  }
});

test('so does the program itself, installed without npm scripts', () => {
  const { status, stderr } = asNode('18.20.4', join(ROOT, 'dist/cli/trueup.js'));
  expect(stderr).toMatch(/needs Node 20\.19 or newer; this is v18\.20\.4/);
  expect(status).toBe(2);
});

test.runIf(process.platform === 'linux')('the kernel says how well it knows the time', () => {
  const { synchronised, uncertaintyS } = hostClock()();
  if (synchronised) expect(uncertaintyS).toBeLessThan(20);
  else expect(uncertaintyS).toBe(0.5);
  expect(uncertaintyS).toBeGreaterThan(0);
});
