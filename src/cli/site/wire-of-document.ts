// A wire of the site file: what it leaves out is filled in, its secrets are fetched.
import { hostname } from 'node:os';
import { SiteFault } from '../../quantity/fault.ts';
import type { Wire } from '../../quantity/site.ts';
import { type DurationNs, parseDuration, toMs } from '../../quantity/time.ts';
import type { Place } from './place-in-yaml.ts';
import { resolveSecret } from './secret.ts';
import type { SiteDocument, WireDocument } from './site-schema.ts';
import { snmpWireOf } from './site-snmp.ts';

/** A duration that is at least a millisecond. */
export function someTime(text: string, where: string): DurationNs {
  const duration = parseDuration(text, where);
  if (duration >= 1_000_000n) return duration;
  throw new SiteFault({
    where,
    what: `"${text}" is no time at all`,
    remedy: 'write at least 1ms; 1s suits most meters',
  });
}

export function wireOf(id: string, wire: WireDocument, content: SiteDocument, place: Place): Wire {
  const at = `/wires/${id}`;
  switch (wire.transport) {
    case 'modbus-tcp':
    case 'modbus-rtu-tcp':
      return {
        transport: wire.transport,
        host: wire.host,
        port: wire.port ?? 502,
        timeoutMs: toMs(someTime(wire.timeout ?? '1s', place(`${at}/timeout`))),
      };
    case 'modbus-rtu':
      return {
        transport: wire.transport,
        path: wire.path,
        baud: wire.baud ?? 9600,
        parity: wire.parity ?? 'none',
        stopBits: wire.stop_bits ?? 1,
        timeoutMs: toMs(someTime(wire.timeout ?? '1s', place(`${at}/timeout`))),
      };
    case 'serial-push':
      return {
        transport: wire.transport,
        path: wire.path,
        baud: wire.baud ?? 9600,
        dataBits: wire.data_bits ?? 8,
        parity: wire.parity ?? 'none',
        stopBits: wire.stop_bits ?? 1,
        timeoutMs: toMs(someTime(wire.timeout ?? '2s', place(`${at}/timeout`))),
      };
    case 'tcp-push':
      return {
        transport: wire.transport,
        host: wire.host,
        port: wire.port,
        timeoutMs: toMs(someTime(wire.timeout ?? '2s', place(`${at}/timeout`))),
      };
    case 'mqtt':
      return {
        transport: wire.transport,
        url: wire.url,
        // A persistent session belongs to its client id, so it must be the same after a restart.
        clientId: wire.client_id ?? `trueup-${content.site}-${id}-${hostname()}`,
        username: wire.username,
        password: resolveSecret(wire.password_env, wire.password_file, place(at)),
        caFile: wire.ca_file,
      };
    case 'csv':
      return { transport: wire.transport, path: wire.path };
    case 'http':
      return {
        transport: wire.transport,
        url: wire.url,
        timeoutMs: toMs(someTime(wire.timeout ?? '3s', place(`${at}/timeout`))),
        username: wire.username,
        password: resolveSecret(wire.password_env, wire.password_file, place(at)),
        caFile: wire.ca_file,
      };
    case 'scpi':
      return {
        transport: wire.transport,
        host: wire.host,
        port: wire.port,
        timeoutMs: toMs(someTime(wire.timeout ?? '2s', place(`${at}/timeout`))),
      };
    case 'snmp':
      return snmpWireOf(
        wire,
        toMs(someTime(wire.timeout ?? '1s', place(`${at}/timeout`))),
        place(at),
      );
  }
}
