// SNMP v2c and v3 over UDP: the wire is one agent, its instruments are parts of it. What the operator can have wrong is said
// before anything is opened.
import { isIP } from 'node:net';
import { SiteFault } from '../quantity/fault.ts';
import type { SnmpAccess, SnmpWire, WireId } from '../quantity/site.ts';
import { stationsOf, type Asked } from './question-station.ts';
import { QuestionWire } from './question-wire.ts';
import { SnmpPeer } from './snmp-peer.ts';
import { Community, type SnmpSecurity } from './snmp-security.ts';
import { UserSecurity } from './snmp-usm.ts';
import type { Transport, TransportPorts, WireTasks } from './transport.ts';
import { udpPort } from './udp-port.ts';

/** More bindings than any datagram holds. */
const OBJECTS_MAX_COUNT = 1024;
/** RFC 3414 §11.2: no shorter password makes a key worth having, and agents refuse them. */
const PASSWORD_LEAST_COUNT = 8;
const OBJECT_ID = /^[0-2](\.(0|[1-9][0-9]{0,9})){1,127}$/;
const SUB_ID_MAX = 0xffff_ffff;

export const snmp: Transport<SnmpWire> = {
  // In a promise, so that what the operator did wrong is a rejection like any other.
  open: (id, wire, tasks, ports) =>
    Promise.resolve().then(() => {
      checkWire(id, wire);
      checkTasks(id, tasks);
      const { host, port, timeoutMs } = wire;
      const name = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
      const peer = new SnmpPeer(name, udpPort(host, port), securityOf(wire.access, ports), ports);
      const { devices } = tasks;
      const asks = ({ gets = [] }: Asked) => gets;
      const stations = stationsOf(id, devices, asks, timeoutMs, ports.clock.speedRatio);
      return new QuestionWire({ id, peer, stations, ports });
    }),
};

const securityOf = (access: SnmpAccess, { clock }: TransportPorts): SnmpSecurity =>
  access.version === '2c'
    ? new Community(access.community)
    : new UserSecurity(access, () => clock.monotonicNs());

function fail(where: string, what: string, remedy: string): never {
  throw new SiteFault({ where, what, remedy });
}

function checkWire(id: WireId, { port, access }: SnmpWire): void {
  const where = `wires/${id}`;
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    fail(`${where}/port`, `${port} is no UDP port`, 'write a number from 1 to 65535; SNMP is 161');
  if (access.version === '2c') {
    if (access.community === '')
      fail(where, 'the community is empty', 'write the one that the agent lets read');
    return;
  }
  if (access.priv !== undefined && access.auth === undefined)
    fail(
      where,
      'SNMP v3 has no encryption without authentication',
      'add auth_protocol and its password',
    );
  for (const secret of [access.auth, access.priv])
    if (secret !== undefined && secret.password.length < PASSWORD_LEAST_COUNT)
      fail(
        where,
        `a password of SNMP v3 has at least ${PASSWORD_LEAST_COUNT} characters`,
        'use the one that was set at the agent',
      );
}

function checkTasks(id: WireId, { devices, subscriptions }: WireTasks): void {
  if (subscriptions.length > 0)
    fail(`wires/${id}`, 'an SNMP wire has no topics', 'put this instrument on an MQTT or CSV wire');
  for (const { source, gets = [], poll } of devices) {
    const where = `instruments/${source}`;
    if (poll <= 0n) fail(`${where}/poll`, 'the poll time is not positive', 'write, say, 1s');
    if (gets.length === 0) fail(where, 'nothing is to be read', 'use a profile that speaks SNMP');
    for (const objects of gets) {
      if (objects.length < 1 || objects.length > OBJECTS_MAX_COUNT)
        fail(where, `${objects.length} objects cannot be asked for at once`, 'mend the profile');
      for (const object of objects)
        if (!OBJECT_ID.test(object) || object.split('.').some((arc) => Number(arc) > SUB_ID_MAX))
          fail(where, `"${object}" is no object identifier`, 'mend the profile');
    }
  }
}
