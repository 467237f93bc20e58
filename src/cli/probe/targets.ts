// Where to look: one serial line, or a range of addresses that the user names. Bounded before anything is sent.
import { UsageError } from '../command.ts';

/** What a person can mean to scan; a network of more is scanned in parts. */
const ADDRESSES_MAX_COUNT = 256;

export type ProbeTarget =
  | { readonly is: 'serial'; readonly path: string }
  | { readonly is: 'hosts'; readonly hosts: readonly string[]; readonly port: number | undefined };

export const TARGET_FORMS = [
  '/dev/ttyUSB0                 a serial line',
  '10.0.7.20 or pdu7.example    one address, with :PORT for another port than the usual ones',
  '10.0.7.20-60                 a range in the last number',
  '10.0.7.0/27                  a network',
] as const;

/** Reads one of the forms. Throws UsageError. */
export function parseTarget(text: string): ProbeTarget {
  if (text.startsWith('/')) return { is: 'serial', path: text };
  const [, host = '', portText] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535))
    throw new UsageError(`${String(port)} is no port`);
  const hosts = hostsOf(host, text);
  if (hosts.length > ADDRESSES_MAX_COUNT)
    throw new UsageError(
      `"${text}" has ${String(hosts.length)} addresses; at most ${String(ADDRESSES_MAX_COUNT)} are scanned at once`,
    );
  return { is: 'hosts', hosts, port };
}

function hostsOf(host: string, text: string): readonly string[] {
  const network = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(host);
  if (network) return networkOf(network[1] ?? '', Number(network[2]), text);
  const range = /^(\d+\.\d+\.\d+)\.(\d+)-(\d+)$/.exec(host);
  if (range) {
    const [from, until] = [Number(range[2]), Number(range[3])];
    numberOf(`${range[1] ?? ''}.${String(from)}`, text);
    numberOf(`${range[1] ?? ''}.${String(until)}`, text);
    if (until < from) throw new UsageError(`"${text}" ends before it begins`);
    return Array.from(
      { length: until - from + 1 },
      (_, n) => `${range[1] ?? ''}.${String(from + n)}`,
    );
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(host))
    throw new UsageError(`"${text}" is no serial line and no address`);
  return [host];
}

/** All hosts of it, without the address of the network and that of everybody. */
function networkOf(address: string, bits: number, text: string): readonly string[] {
  if (bits < 24 || bits > 32)
    throw new UsageError(`"${text}" is too wide: name a network of /24 to /32`);
  const size = 2 ** (32 - bits);
  const base = Math.floor(numberOf(address, text) / size) * size;
  const all = Array.from({ length: size }, (_, n) => dotted(base + n));
  return bits >= 31 ? all : all.slice(1, -1);
}

function numberOf(address: string, text: string): number {
  const parts = address.split('.').map(Number);
  if (parts.some((part) => part > 255)) throw new UsageError(`"${text}" is no address`);
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

const dotted = (number: number): string =>
  [24, 16, 8, 0].map((shift) => String(Math.floor(number / 2 ** shift) % 256)).join('.');

/** `1-8,17` as numbers, ascending, each once. Throws UsageError. */
export function parseNumbers(
  text: string,
  option: string,
  least: number,
  most: number,
): readonly number[] {
  const numbers = text.split(',').flatMap((piece) => {
    const [, fromText = '', untilText] = /^(\d+)(?:-(\d+))?$/.exec(piece.trim()) ?? [];
    const from = Number(fromText);
    const until = untilText === undefined ? from : Number(untilText);
    if (fromText === '' || from < least || until > most || until < from)
      throw new UsageError(
        `${option} takes numbers from ${String(least)} to ${String(most)}, such as 1-8,17`,
      );
    return Array.from({ length: until - from + 1 }, (_, n) => from + n);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}
