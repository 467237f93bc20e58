// Where a broker is and how to dial it: the URL and the CA file of the site file, checked once at start, so that what the
// operator got wrong is said before anything runs. `?version=5` asks for MQTT 5; without it 3.1.1 is spoken.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { SiteFault } from '../quantity/fault.ts';
import type { MqttWire, WireId } from '../quantity/site.ts';
import { MQTT_VERSIONS, type MqttVersion } from './held-acknowledgement.ts';

export interface MqttAddress {
  readonly host: string;
  readonly port: number;
  readonly version: MqttVersion;
  /** Opens a socket; failures are its 'error' event. */
  readonly dial: () => Duplex;
}

const PORTS: Readonly<Record<string, { readonly port: number; readonly secure: boolean }>> = {
  'mqtt:': { port: 1883, secure: false },
  'mqtts:': { port: 8883, secure: true },
};

/** Throws SiteFault where the URL or the CA file cannot be used. */
export function mqttAddress(id: WireId, wire: MqttWire): MqttAddress {
  const where = `wires/${id}`;
  const url = parseUrl(where, wire.url);
  const scheme = PORTS[url.protocol];
  if (!scheme) {
    throw new SiteFault({
      where: `${where}/url`,
      what: `"${url.protocol}" is no scheme of MQTT`,
      remedy: 'write mqtt://host:1883 or, encrypted, mqtts://host:8883',
    });
  }
  if (wire.clientId === '') {
    throw new SiteFault({
      where: `${where}/client_id`,
      what: 'the client id is empty',
      remedy: 'give it a fixed name: the broker keeps what comes while we are away under it',
    });
  }
  // WHATWG URLs put IPv6 addresses in brackets, sockets do not.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? scheme.port : Number(url.port);
  const ca = readCa(where, wire.caFile, scheme.secure);
  const dial = (): Duplex =>
    scheme.secure
      ? connectTls({
          host,
          port,
          ...(ca === undefined ? {} : { ca }),
          ...(isIP(host) === 0 ? { servername: host } : {}),
        })
      : connectTcp({ host, port, noDelay: true });
  return { host, port, version: versionOf(where, url), dial };
}

function parseUrl(where: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.hostname === '') {
    throw new SiteFault({
      where: `${where}/url`,
      what: `"${text}" is no URL of a broker`,
      remedy: 'write mqtt://host:1883 or, encrypted, mqtts://host:8883',
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new SiteFault({
      where: `${where}/url`,
      what: 'the URL holds a user name or password',
      remedy: 'give username and password beside it, where they are not shown or logged',
    });
  }
  if (url.pathname !== '' && url.pathname !== '/') {
    throw new SiteFault({
      where: `${where}/url`,
      what: `the URL has a path, "${url.pathname}"`,
      remedy: 'name the broker only here and the topic at each instrument',
    });
  }
  return url;
}

function versionOf(where: string, url: URL): MqttVersion {
  const asked = url.searchParams.get('version') ?? '3.1.1';
  const strange = [...url.searchParams.keys()].find((name) => name !== 'version');
  if (strange === undefined && asked === '3.1.1') return MQTT_VERSIONS['3.1.1'];
  if (strange === undefined && asked === '5') return MQTT_VERSIONS['5'];
  throw new SiteFault({
    where: `${where}/url`,
    what: strange === undefined ? `MQTT has no version "${asked}"` : `"${strange}" is not known`,
    remedy: 'write ?version=3.1.1, ?version=5 or nothing',
  });
}

function readCa(where: string, caFile: string | undefined, secure: boolean): Buffer | undefined {
  if (caFile === undefined) return undefined;
  const at = `${where}/ca_file`;
  if (!secure) {
    throw new SiteFault({
      where: at,
      what: 'a CA file is given, but mqtt:// is not encrypted',
      remedy: 'write mqtts:// in the url, or leave the CA file out',
    });
  }
  try {
    const pem = readFileSync(caFile);
    // Parsing proves that it is a certificate; TLS itself would take an empty file for "trust nobody" and say less.
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SiteFault(
      {
        where: at,
        what: `${caFile} cannot be read as a PEM certificate (${why})`,
        remedy: "name the file that holds the certificate of the broker's authority",
      },
      { cause },
    );
  }
}
