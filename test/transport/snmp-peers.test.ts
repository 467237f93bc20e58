// SNMP with agents that we did not write: snmpsim with constructed walks, and Net-SNMP's snmpd.
import { afterEach, expect, vi } from 'vitest';
import { planGets } from '../../src/decode/plan-gets.ts';
import { isSnmp } from '../../src/decode/profile.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { SnmpAccess } from '../../src/quantity/site.ts';
import { snmp } from '../../src/transport/snmp.ts';
import type { OpenWire } from '../../src/transport/transport.ts';
import { objectsOf, run } from '../cli/terminal.ts';
import { deviceProfile } from '../decode/profiles.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { startSnmpd, startSnmpsim } from '../simulators/snmp-programs.ts';
import { instrument, wireTo } from './snmp-bench.ts';
import { portsInto, until } from './wire-bench.ts';

const snmpsimd = findProgram('snmpsimd');
const snmpd = findProgram('snmpd');
const SLOW_MS = 90_000;

afterEach(() => {
  vi.unstubAllEnvs();
});

const told = (out: string): Record<string, unknown> =>
  Object.fromEntries(
    objectsOf(out).map((line) => [String(line['channel']), line['value'] ?? line['gap']]),
  );

testWith({ snmpsimd })(
  'snmpsim: a Xerus outlet and an APC unit by v2c, an APC outlet by v3 with every cipher',
  async () => {
    const users = [
      ['one', 'SHA', 'AES', 'sha1', 'aes128'],
      ['two', 'SHA512', 'AES256BLMT', 'sha512', 'aes256'],
      ['three', 'MD5', 'AES256', 'md5', 'aes256-reeder'],
      ['four', 'SHA224', 'AES192BLMT', 'sha224', 'aes192'],
    ] as const;
    const port = await startSnmpsim(
      snmpsimd ?? '',
      users.flatMap(([name, auth, priv]) => [
        `--v3-user=${name}`,
        '--v3-auth-key=authpassword1',
        `--v3-auth-proto=${auth}`,
        '--v3-priv-key=privpassword1',
        `--v3-priv-proto=${priv}`,
      ]),
    );
    vi.stubEnv('XERUS', 'constructed-raritan-px');
    vi.stubEnv('APC', 'constructed-apc-rpdu2');
    vi.stubEnv('AUTH', 'authpassword1');
    vi.stubEnv('PRIV', 'privpassword1');
    const at = `127.0.0.1:${port}`;
    const xerus = await run(
      'read',
      `snmp://${at}?version=2c&community_env=XERUS`,
      'raritan-px',
      '--outlet',
      '7',
      '--json',
    );
    expect(told(xerus.out)).toEqual({
      current: 3.127,
      voltage: 230,
      power_active: 704.1,
      power_apparent: 719.2,
      power_factor: 0.979,
      energy_import: 429496.7295,
    });
    const apc = await run(
      'read',
      `snmp://${at}?version=2c&community_env=APC`,
      'apc-rpdu2',
      '--json',
    );
    expect(told(apc.out)).toMatchObject({ power_active: 4120, energy_import: 17098.2 });
    for (const [user, , , auth, priv] of users) {
      const query = `version=3&context=constructed-apc-rpdu2&auth_protocol=${auth}&auth_password_env=AUTH&priv_protocol=${priv}&priv_password_env=PRIV`;
      const outlet = await run(
        'read',
        `snmp://${user}@${at}?${query}`,
        'apc-rpdu2',
        '--outlet',
        '7',
        '--json',
      );
      expect(told(outlet.out), user).toEqual({
        current: 3.1,
        power_active: 703,
        energy_import: 214748364.7,
      });
    }
    const absent = await run(
      'read',
      `snmp://${at}?version=2c&community_env=APC`,
      'apc-rpdu2',
      '--outlet',
      '48',
      '--json',
    );
    expect(absent.code).toBe(4);
    expect(Object.values(told(absent.out))).toEqual([
      'decode.no-object',
      'decode.no-object',
      'decode.no-object',
    ]);
  },
  SLOW_MS,
);

const ACCESS: Extract<SnmpAccess, { version: '3' }> = {
  version: '3',
  user: 'trueup',
  context: '',
  auth: { protocol: 'sha256', password: 'authpassword1' },
  priv: { protocol: 'aes128', password: 'privpassword1' },
};

async function openAt(
  port: number,
  access: SnmpAccess,
): Promise<{ wire: OpenWire; exchanges: Exchange[] }> {
  const profile = deviceProfile('pdus/apc-rpdu2');
  const gets = isSnmp(profile) ? planGets(profile, { outlet: 7 }) : [];
  const exchanges: Exchange[] = [];
  const tasks = { devices: [instrument('outlet', gets)], subscriptions: [] };
  const wire = await snmp.open(
    'w',
    wireTo(port, { access, timeoutMs: 1000 }),
    tasks,
    portsInto(exchanges),
  );
  return { wire, exchanges };
}
const goodCount = (exchanges: readonly Exchange[]): number =>
  exchanges.filter(({ fault }) => fault === undefined).length;

testWith({ snmpd })(
  'snmpd: v3 with SHA-256 and AES goes on over a restart of the agent, whose time begins anew',
  async () => {
    const agent = await startSnmpd(snmpd ?? '');
    const { wire, exchanges } = await openAt(agent.port, ACCESS);
    await until(() => goodCount(exchanges) >= 5, 20_000, 'nothing came');
    await agent.restart();
    const from = exchanges.length;
    await until(() => goodCount(exchanges.slice(from)) >= 5, 30_000, 'it did not come back');
    expect(wire.health()).toMatchObject({ connected: true, trouble: '' });
    await wire.close();
    // The record is the decrypted PDU: it can be decoded without the keys.
    const last = exchanges.findLast(({ fault }) => fault === undefined)!;
    expect(Buffer.from(last.reply).includes('05/30/2011 00:12:17')).toBe(true);
  },
  SLOW_MS,
);

testWith({ snmpd })(
  'snmpd: an unknown user, a wrong key, a wrong community: each is told with what to do',
  async () => {
    const { port } = await startSnmpd(snmpd ?? '');
    const wrong: readonly (readonly [SnmpAccess, string, string])[] = [
      [{ ...ACCESS, user: 'nobody' }, 'transport.unauthorised', 'does not know this user'],
      [
        { ...ACCESS, auth: { protocol: 'sha256', password: 'not-this-one' } },
        'transport.unauthorised',
        'authentication key',
      ],
      [{ version: '2c', community: 'not-this-one' }, 'transport.timeout', 'check the community'],
    ];
    for (const [access, fault, words] of wrong) {
      const { wire, exchanges } = await openAt(port, access);
      await until(() => exchanges.length > 0, 20_000, 'nothing was told');
      expect(exchanges[0]).toMatchObject({ fault });
      expect(wire.health()).toMatchObject({ connected: false });
      expect(wire.health().trouble).toContain(words);
      await wire.close();
    }
  },
  SLOW_MS,
);
