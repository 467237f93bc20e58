// `trueup doctor` on a site with a meter that others wrote: what is well, what is not, and what to do about each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { identityFinding } from '../../src/cli/doctor/check-instruments.ts';
import { checkDisk, checkRights } from '../../src/cli/doctor/check-host.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import { deviceProfile } from '../decode/profiles.ts';
import { findPython, freePort, testWith } from '../real-programs.ts';
import { foreignMeter, sdm120, swapped } from '../simulators/foreign-meter.ts';
import { objectsOf, run } from './terminal.ts';

const pymodbus = findPython('pymodbus');

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'trueup-doctor-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

async function examined(lines: readonly string[]) {
  const at = folder();
  const site = join(at, 'site.yaml');
  writeFileSync(site, ['site: here', ...lines].join('\n'));
  const ran = await run('doctor', '--site', site, '--data', join(at, 'kept'), '--json');
  const findings = new Map(objectsOf(ran.out).map((each) => [String(each['about']), each]));
  return { code: ran.code, err: ran.err, findings };
}

testWith({ pymodbus })('the right meter, another one, and one that is not there', async () => {
  const port = await foreignMeter('tcp', { 1: sdm120(111), 2: sdm120(222) });
  const { code, findings, err } = await examined([
    `wires: { bus: { transport: modbus-tcp, host: 127.0.0.1, port: ${String(port)}, timeout: 400ms } }`,
    'instruments:',
    '  right: { profile: eastron-sdm120, wire: bus, unit: 1, serial: "111" }',
    '  other: { profile: eastron-sdm120, wire: bus, unit: 2, serial: "999" }',
    'sinks: { file: { kind: csv-file } }',
  ]);
  expect(code, err).toBe(1);
  expect(findings.get('instrument right')).toMatchObject({ state: 'well' });
  expect(findings.get('instrument right, identity')).toMatchObject({ state: 'well' });
  expect(findings.get('instrument other, identity')).toMatchObject({
    state: 'ill',
    says: 'its serial number is 222, the site file says 999',
  });
  expect(findings.get('sink file')).toMatchObject({ state: 'well' });
  expect(findings.has('clock')).toBe(true);
  for (const { state, remedy } of findings.values())
    expect(state === 'well' || String(remedy).length > 10).toBe(true);
});

testWith({ pymodbus })('a meter whose words come in another order cannot be', async () => {
  const port = await foreignMeter('tcp', { 1: { ...sdm120(1, swapped), holding: {} } });
  const { code, findings } = await examined([
    `wires: { bus: { transport: modbus-tcp, host: 127.0.0.1, port: ${String(port)} } }`,
    'instruments: { m: { profile: eastron-sdm120, wire: bus } }',
  ]);
  expect(code).toBe(1);
  expect(findings.get('instrument m')).toMatchObject({ state: 'ill' });
  expect(String(findings.get('instrument m')?.['remedy'])).toContain('word order');
});

test('nobody at the address, no such line, no such sink', async () => {
  const { code, findings } = await examined([
    'wires:',
    `  bus: { transport: modbus-tcp, host: 127.0.0.1, port: ${String(await freePort())} }`,
    '  line: { transport: modbus-rtu, path: /dev/no-such-line }',
    '  web: { transport: http, url: "http://127.0.0.1:9" }',
    'instruments:',
    '  m: { profile: eastron-sdm120, wire: bus }',
    '  l: { profile: eastron-sdm120, wire: line }',
    `sinks: { db: { kind: influxdb1, url: "http://127.0.0.1:${String(await freePort())}" } }`,
  ]);
  expect(code).toBe(1);
  expect(findings.get('instrument m')).toMatchObject({ state: 'unreachable' });
  expect(findings.has('instrument m, identity')).toBe(false);
  expect(findings.get('wire line')).toMatchObject({ state: 'ill' });
  expect(findings.get('rights to /dev/no-such-line (wire line)')).toMatchObject({ state: 'ill' });
  expect(findings.get('wire web')).toMatchObject({ state: 'doubtful' });
  expect(findings.get('sink db')).toMatchObject({ state: 'unreachable' });
});

test('rights and disk', () => {
  const at = folder();
  const site = parseSite('site: s\nwires: {}\ninstruments: {}', 's.yaml');
  expect(checkRights(site, join(at, 'none'))).toEqual([]);
  expect(checkDisk(site, join(at, 'kept')).state).toBe('well');
  writeFileSync(join(at, 'file'), '');
  expect(checkDisk(site, join(at, 'file', 'below')).state).toBe('ill');
});

test('a meter that tells no serial number is said to need a look at its label', () => {
  const profile = deviceProfile('meters/siemens-pac3200');
  const instrument = { id: 'm', profile: profile.id, wire: 'w', unit: 1, topic: '', poll: 1n };
  const finding = identityFinding(profile, { ...instrument, serial: '5' } as never, []);
  expect(finding).toMatchObject({ state: 'doubtful' });
  expect(finding.remedy).toContain('label');
});
