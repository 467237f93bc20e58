// What a site file, or a wire on a command line, says of an SNMP agent: who asks it, and which part an instrument is.
import { SiteFault } from '../../quantity/fault.ts';
import {
  PART_NAMES,
  type Instrument,
  type PartNumbers,
  type SnmpAccess,
  type SnmpWire,
  type Wire,
} from '../../quantity/site.ts';
import type { Place } from './place-in-yaml.ts';
import { resolveSecret } from './secret.ts';
import type { WireDocument } from './site-schema.ts';

/** The keys of the wire, as the site file spells them. */
export type SnmpWireWords = {
  [Key in keyof Omit<Extract<WireDocument, { transport: 'snmp' }>, 'transport' | 'timeout'>]:
    Extract<WireDocument, { transport: 'snmp' }>[Key] | undefined;
} & { readonly host: string };

const DEFAULT_PORT = 161;

/** Resolves the secrets. Throws SiteFault where one is missing or two ways to ask are mixed. */
export function snmpWireOf(words: SnmpWireWords, timeoutMs: number, where: string): SnmpWire {
  const { host, port } = words;
  const access = words.version === '2c' ? communityOf(words, where) : userOf(words, where);
  return { transport: 'snmp', host, port: port ?? DEFAULT_PORT, timeoutMs, access };
}

function communityOf(words: SnmpWireWords, where: string): SnmpAccess {
  for (const key of ['user', 'context', 'auth_protocol', 'priv_protocol'] as const)
    if (words[key] !== undefined)
      throw fault(where, `${key} belongs to version 3`, 'write "version: 3", or remove it');
  const community = resolveSecret(words.community_env, words.community_file, where);
  if (community !== undefined) return { version: '2c', community };
  throw fault(where, 'it names no community', 'add community_env or community_file');
}

function userOf(words: SnmpWireWords, where: string): SnmpAccess {
  if (words.community_env !== undefined || words.community_file !== undefined)
    throw fault(where, 'version 3 has no community', 'write "version: 2c", or a user');
  const { user, context, auth_protocol: auth, priv_protocol: priv } = words;
  if (user === undefined) throw fault(where, 'it names no user', 'add user');
  const authPassword = resolveSecret(words.auth_password_env, words.auth_password_file, where);
  const privPassword = resolveSecret(words.priv_password_env, words.priv_password_file, where);
  if ((auth === undefined) !== (authPassword === undefined))
    throw fault(
      where,
      'auth_protocol and its password belong together',
      'add auth_protocol and auth_password_env or auth_password_file',
    );
  if ((priv === undefined) !== (privPassword === undefined))
    throw fault(
      where,
      'priv_protocol and its password belong together',
      'add priv_protocol and priv_password_env or priv_password_file',
    );
  return {
    version: '3',
    user,
    context: context ?? '',
    auth:
      auth && authPassword !== undefined ? { protocol: auth, password: authPassword } : undefined,
    priv:
      priv && privPassword !== undefined ? { protocol: priv, password: privPassword } : undefined,
  };
}

/** The numbers of the part, where the file gives any. Throws SiteFault where the wire has no parts. */
export function partGiven(
  given: PartNumbers,
  transport: Wire['transport'],
  where: string,
): Pick<Instrument, 'part'> {
  const named = PART_NAMES.filter((name) => given[name] !== undefined);
  if (transport === 'snmp')
    return { part: Object.fromEntries(named.map((name) => [name, given[name]])) };
  if (named.length === 0) return {};
  throw fault(where, `${named.join(', ')} means nothing on ${transport}`, 'remove it');
}

/** Two wires to one agent would ask it at once, each without knowing of the other. */
export function oneOwnerEach(wires: ReadonlyMap<string, Wire>, place: Place): void {
  const owners = new Map<string, string>();
  for (const [id, wire] of wires) {
    if (wire.transport !== 'snmp') continue;
    const peer = JSON.stringify([wire.host, wire.port, wire.access]);
    const owner = owners.get(peer);
    if (owner !== undefined)
      throw fault(
        place(`/wires/${id}`),
        `wire ${owner} asks this agent already`,
        'put all its instruments on one wire',
      );
    owners.set(peer, id);
  }
}

const fault = (where: string, what: string, remedy: string): SiteFault =>
  new SiteFault({ where, what, remedy });
