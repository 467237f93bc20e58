// What a site file says of SNMP agents and the parts of PDUs, and what is told where it does not fit together.
import { afterEach, expect, test, vi } from 'vitest';
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import type { Site } from '../../src/quantity/site.ts';
import { run } from './terminal.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const profiles = loadProfiles();
const GOOD = `site: hall-2
wires:
  pdu-a: { transport: snmp, host: 10.0.7.21, version: 2c, community_env: PDU_COMMUNITY }
  pdu-b: { transport: snmp, host: "fd00::7", port: 1161, timeout: 2s, version: 3, user: trueup, auth_protocol: sha256, auth_password_env: PDU_AUTH, priv_protocol: aes128, priv_password_env: PDU_PRIV }
instruments:
  inlet-a: { profile: raritan-px, wire: pdu-a }
  outlet-7: { profile: raritan-px, wire: pdu-a, outlet: 7, poll: 2s }
  outlet-8: { profile: raritan-px, wire: pdu-a, pdu: 2, outlet: 8 }
  unit-b: { profile: apc-rpdu2, wire: pdu-b }
points:
  feed/a: { meter: inlet-a }
`;

function parse(text: string): Site {
  vi.stubEnv('PDU_COMMUNITY', 'measured');
  vi.stubEnv('PDU_AUTH', 'authpassword1');
  vi.stubEnv('PDU_PRIV', 'privpassword1');
  return parseSite(text, 'site.yaml', profiles);
}

test('agents with their secrets fetched, instruments with their numbers', () => {
  const site = parse(GOOD);
  expect(site.wires.get('pdu-a')).toEqual({
    transport: 'snmp',
    host: '10.0.7.21',
    port: 161,
    timeoutMs: 1000,
    access: { version: '2c', community: 'measured' },
  });
  expect(site.wires.get('pdu-b')).toEqual({
    transport: 'snmp',
    host: 'fd00::7',
    port: 1161,
    timeoutMs: 2000,
    access: {
      version: '3',
      user: 'trueup',
      context: '',
      auth: { protocol: 'sha256', password: 'authpassword1' },
      priv: { protocol: 'aes128', password: 'privpassword1' },
    },
  });
  expect(site.instruments.get('inlet-a')?.part).toEqual({});
  expect(site.instruments.get('outlet-7')?.part).toEqual({ outlet: 7 });
  expect(site.instruments.get('outlet-8')?.part).toEqual({ pdu: 2, outlet: 8 });
});

test.each([
  ['community_env: PDU_COMMUNITY', 'community: measured', 'not known here'],
  [', community_env: PDU_COMMUNITY', '', 'names no community'],
  ['community_env: PDU_COMMUNITY', 'community_env: NOT_SET', 'NOT_SET is not set'],
  ['community_env: PDU_COMMUNITY', 'community_env: PDU_COMMUNITY, user: x', 'belongs to version 3'],
  ['version: 2c', 'version: 1', 'not on the list'],
  ['user: trueup, ', '', 'names no user'],
  ['user: trueup', 'user: trueup, community_env: PDU_COMMUNITY', 'no community'],
  [', auth_password_env: PDU_AUTH', '', 'auth_protocol and its password'],
  ['priv_protocol: aes128, ', '', 'priv_protocol and its password'],
  ['priv_protocol: aes128', 'priv_protocol: des', 'not on the list'],
  ['pdu: 2, outlet: 8', 'inlet: 2, outlet: 8', 'is not inlet and outlet at once'],
  ['pdu: 2, outlet: 8', 'phase: 8', 'reads no phase'],
  ['outlet: 7', 'outlet: -7', 'outlet'],
  ['profile: apc-rpdu2', 'profile: eastron-sdm120', 'speaks modbus'],
  [
    'host: "fd00::7", port: 1161, timeout: 2s, version: 3, user: trueup, auth_protocol: sha256, auth_password_env: PDU_AUTH, priv_protocol: aes128, priv_password_env: PDU_PRIV',
    'host: 10.0.7.21, version: 2c, community_env: PDU_COMMUNITY',
    'asks this agent already',
  ],
])('%s -> %s is refused', (from, to, words) => {
  expect(GOOD).toContain(from);
  expect(() => parse(GOOD.replace(from, to))).toThrow(words);
});

test('an outlet on a Modbus wire means nothing', () => {
  const modbus = GOOD.replace(
    'instruments:',
    '  bus: { transport: modbus-tcp, host: 10.0.0.7 }\ninstruments:\n  m1: { profile: eastron-sdm120, wire: bus, outlet: 3 }',
  );
  expect(() => parse(modbus)).toThrow('outlet means nothing on modbus-tcp');
});

test.each([
  ['snmp://127.0.0.1?version=1', 'version is 2c or 3'],
  ['snmp://127.0.0.1?version=2c&community=public', 'no key "community"'],
  ['snmp://u@127.0.0.1?version=3&auth_protocol=crc32', 'auth_protocol is one of'],
])('on a command line: %s', async (wire, words) => {
  const { code, err } = await run('read', wire, 'raritan-px');
  expect(code).toBe(2);
  expect(err).toContain(words);
});

test('a secret that is not there is said at once, and by name only', async () => {
  const { code, err } = await run(
    'read',
    'snmp://127.0.0.1?version=2c&community_env=NOT_SET',
    'raritan-px',
  );
  expect(code).toBe(2);
  expect(err).toContain('NOT_SET is not set');
});
