// What was found, as the lines of a site file that make it an instrument.
import type { Profile } from '../../decode/profile.ts';
import type { Wire } from '../../quantity/site.ts';
import type { Candidate } from './recognise.ts';

/** One device, as it was found. */
export interface Found {
  readonly wire: Wire;
  /** The same wire is named once. */
  readonly wireName: string;
  readonly unit: number;
  /** Best first. Empty: somebody is there whom no profile fits. */
  readonly candidates: readonly Candidate[];
}

/** `wires:` and `instruments:` with all that was recognised; what a person must look at stands beside it. */
export function siteEntry(found: readonly Found[]): string {
  const known = found.filter(({ candidates }) => candidates.length > 0);
  if (known.length === 0) return '';
  const wires = new Map(known.map(({ wireName, wire }) => [wireName, wire]));
  return [
    'wires:',
    ...[...wires].map(([name, wire]) => `  ${name}: ${wireText(wire)}`),
    'instruments:',
    ...known.flatMap((each, index) => instrumentLines(each, `meter-${String(index + 1)}`)),
  ].join('\n');
}

function instrumentLines({ wireName, wire, unit, candidates }: Found, id: string): string[] {
  const [best, ...others] = candidates;
  if (best === undefined) return [];
  const keys = [`profile: ${best.profile.id}`, `wire: ${wireName}`];
  if (wire.transport.startsWith('modbus')) keys.push(`unit: ${String(unit)}`);
  const serial = told(best, 'serial');
  if (serial !== undefined) keys.push(`serial: ${JSON.stringify(serial)}`);
  const notes = notesOf(best, others);
  return [...notes.map((note) => `  # ${note}`), `  ${id}: { ${keys.join(', ')} }`];
}

/** What speaks against taking the entry as it is; empty where it is sure. */
export function notesOf(best: Candidate, others: readonly Candidate[]): readonly string[] {
  const notes: string[] = [];
  if (!best.isIdentified)
    notes.push('its readings fit this profile, but it does not tell its model: compare its label');
  const rivals = others.filter(({ isIdentified }) => isIdentified === best.isIdentified);
  if (rivals.length > 0)
    notes.push(`as well it could be ${rivals.map(({ profile }) => profile.id).join(', ')}`);
  if (best.otherOrder !== undefined)
    notes.push(
      `its words come in the order ${best.otherOrder}, the profile reads another: set it at the meter, or copy the profile and change speaks/order`,
    );
  return notes;
}

export const told = ({ identity }: Candidate, kind: string): string | undefined =>
  identity.find(({ what, text }) => what === kind && text !== '')?.text;

/** For people: brand and model, and what it told of itself. */
export function describe({ profile, identity }: Candidate): string {
  const said = identity.filter(({ text }) => text !== '');
  const words = said.map(({ what, text }) => `${what.replace('_', ' ')} ${text}`);
  return [nameOf(profile), ...words].join(', ');
}

const nameOf = ({ brand, model }: Profile): string => `${brand} ${model}`;

function wireText(wire: Wire): string {
  switch (wire.transport) {
    case 'modbus-tcp':
    case 'modbus-rtu-tcp':
      return `{ transport: ${wire.transport}, host: ${wire.host}, port: ${String(wire.port)} }`;
    case 'modbus-rtu':
      return `{ transport: modbus-rtu, path: ${wire.path}, baud: ${String(wire.baud)}, parity: ${wire.parity}, stop_bits: ${String(wire.stopBits)} }`;
    case 'http':
      return `{ transport: http, url: '${wire.url}' }`;
    case 'snmp':
      // Only community and address are known here, and a secret stands in no file.
      return `{ transport: snmp, host: ${wire.host}, port: ${String(wire.port)}, version: 2c, community_env: SNMP_COMMUNITY }`;
    case 'serial-push':
    case 'tcp-push':
    case 'scpi':
    case 'mqtt':
    case 'csv':
      return `{ transport: ${wire.transport} }`;
  }
}
