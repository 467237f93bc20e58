// Wires as one text, for command lines: what a site file says in several keys.
import { SNMP_AUTH_PROTOCOLS, SNMP_PRIV_PROTOCOLS, type Wire } from '../../quantity/site.ts';
import { UsageError } from '../command.ts';
import { resolveSecret } from './secret.ts';
import { snmpWireOf, type SnmpWireWords } from './site-snmp.ts';

export const WIRE_FORMS = [
  'modbus-tcp://HOST:PORT',
  'modbus-rtu-tcp://HOST:PORT',
  'modbus-rtu:/dev/ttyUSB0?baud=9600&parity=none&stop_bits=1',
  'mqtt://HOST:PORT/TOPIC',
  'snmp://HOST:PORT?version=2c&community_env=NAME',
  'snmp://USER@HOST:PORT?version=3&auth_protocol=sha256&auth_password_env=NAME&priv_protocol=aes128&priv_password_env=NAME',
  'serial-push:/dev/ttyUSB0?baud=9600&data_bits=8&parity=none',
  'tcp-push://HOST:PORT',
  'http://USER@HOST:PORT/PATH?password_env=NAME',
  'scpi://HOST:PORT',
] as const;

const TIMEOUT_MS = 1000;
const PUSH_TIMEOUT_MS = 2000;
/** Web servers of meters take their time. */
const HTTP_TIMEOUT_MS = 3000;

/** Reads `modbus-tcp://host:port` and its kin. Throws UsageError. */
export function parseWire(text: string): { wire: Wire; topic: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  switch (url?.protocol) {
    case 'modbus-tcp:':
    case 'modbus-rtu-tcp:': {
      const transport = url.protocol === 'modbus-tcp:' ? 'modbus-tcp' : 'modbus-rtu-tcp';
      if (url.hostname === '') throw unread(text, 'it names no host');
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const port = url.port === '' ? 502 : Number(url.port);
      return { wire: { transport, host, port, timeoutMs: TIMEOUT_MS }, topic: '' };
    }
    case 'tcp-push:':
    case 'scpi:': {
      const transport = url.protocol === 'scpi:' ? 'scpi' : 'tcp-push';
      const host = url.hostname.replace(/^\[|\]$/g, '');
      if (host === '' || url.port === '') throw unread(text, 'it names no host and port');
      const port = Number(url.port);
      return { wire: { transport, host, port, timeoutMs: PUSH_TIMEOUT_MS }, topic: '' };
    }
    case 'http:':
    case 'https:':
      return webWire(text, url);
    case 'serial-push:':
      return { wire: serialPushWire(text, url), topic: '' };
    case 'modbus-rtu:':
      return {
        wire: { transport: 'modbus-rtu', ...serialLine(text, url), timeoutMs: TIMEOUT_MS },
        topic: '',
      };
    case 'mqtt:':
    case 'mqtts:': {
      const topic = decodeURIComponent(url.pathname.slice(1));
      if (topic === '') throw unread(text, 'it names no topic');
      const broker = new URL(text);
      broker.pathname = '';
      broker.username = '';
      broker.password = '';
      return {
        wire: {
          transport: 'mqtt',
          url: broker.href.replace(/\/$/, ''),
          clientId: `trueup-read-${process.pid.toString()}`,
          username: url.username === '' ? undefined : decodeURIComponent(url.username),
          password: url.password === '' ? undefined : decodeURIComponent(url.password),
          caFile: url.searchParams.get('ca') ?? undefined,
        },
        topic,
      };
    }
    case 'snmp:':
      return { wire: agentWire(text, url), topic: '' };
    case undefined:
    default:
      throw unread(text, 'it is none of the known forms');
  }
}

function serialPushWire(text: string, url: URL): Wire {
  const dataBits = Number(url.searchParams.get('data_bits') ?? '8');
  if (dataBits !== 7 && dataBits !== 8) throw unread(text, 'data_bits is 7 or 8');
  const line = serialLine(text, url);
  return { transport: 'serial-push', ...line, dataBits, timeoutMs: PUSH_TIMEOUT_MS };
}

/** The path is where the instrument is; the query is ours, and names where the password is kept. */
function webWire(text: string, url: URL): { wire: Wire; topic: string } {
  const { searchParams: said } = url;
  const strange = [...said.keys()].find((key) => !WEB_KEYS.includes(key));
  if (strange !== undefined) throw unread(text, `it has no key "${strange}"`);
  if (url.password !== '') throw unread(text, 'no password stands in it; use password_env');
  const { env, file } = { env: said.get('password_env'), file: said.get('password_file') };
  return {
    wire: {
      transport: 'http',
      url: url.origin,
      timeoutMs: HTTP_TIMEOUT_MS,
      username: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: resolveSecret(env ?? undefined, file ?? undefined, 'WIRE'),
      caFile: said.get('ca_file') ?? undefined,
    },
    topic: url.pathname.replace(/\/$/, ''),
  };
}

const WEB_KEYS: readonly string[] = ['password_env', 'password_file', 'ca_file'];

interface LineSettings {
  readonly path: string;
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

function serialLine(text: string, url: URL): LineSettings {
  const parity = url.searchParams.get('parity') ?? 'none';
  const baud = Number(url.searchParams.get('baud') ?? '9600');
  const stopBits = Number(url.searchParams.get('stop_bits') ?? '1');
  if (url.pathname === '') throw unread(text, 'it names no device');
  if (parity !== 'none' && parity !== 'even' && parity !== 'odd') {
    throw unread(text, 'parity is none, even or odd');
  }
  if (!Number.isInteger(baud) || baud < 300) throw unread(text, 'baud is a whole number from 300');
  if (stopBits !== 1 && stopBits !== 2) throw unread(text, 'stop_bits is 1 or 2');
  const path = decodeURIComponent(url.pathname);
  return { path, baud, parity, stopBits };
}

/** The keys of the site file as a query; like there, no secret stands in it. */
function agentWire(text: string, url: URL): Wire {
  if (url.hostname === '') throw unread(text, 'it names no host');
  const said = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const strange = [...url.searchParams.keys()].find((name) => !AGENT_KEYS.includes(name));
  if (strange !== undefined) throw unread(text, `it has no key "${strange}"`);
  const version = said('version');
  if (version !== '2c' && version !== '3') throw unread(text, 'version is 2c or 3');
  const words: SnmpWireWords = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    version,
    community_env: said('community_env'),
    community_file: said('community_file'),
    user: url.username === '' ? undefined : decodeURIComponent(url.username),
    context: said('context'),
    auth_protocol: oneOf(text, 'auth_protocol', SNMP_AUTH_PROTOCOLS, said('auth_protocol')),
    auth_password_env: said('auth_password_env'),
    auth_password_file: said('auth_password_file'),
    priv_protocol: oneOf(text, 'priv_protocol', SNMP_PRIV_PROTOCOLS, said('priv_protocol')),
    priv_password_env: said('priv_password_env'),
    priv_password_file: said('priv_password_file'),
  };
  return snmpWireOf(words, TIMEOUT_MS, 'WIRE');
}

const AGENT_KEYS: readonly string[] = [
  'version',
  'community_env',
  'community_file',
  'context',
  'auth_protocol',
  'auth_password_env',
  'auth_password_file',
  'priv_protocol',
  'priv_password_env',
  'priv_password_file',
];

function oneOf<Word extends string>(
  text: string,
  key: string,
  words: readonly Word[],
  said: string | undefined,
): Word | undefined {
  if (said === undefined) return undefined;
  const found = words.find((word) => word === said);
  if (found === undefined) throw unread(text, `${key} is one of ${words.join(', ')}`);
  return found;
}

const unread = (text: string, because: string): UsageError =>
  new UsageError(`"${text}" is no wire: ${because}; write ${WIRE_FORMS.join(' or ')}`);
