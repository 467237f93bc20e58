// Reads our own `energy` lines back from a file: only what reconcile compares.
import type { IntervalStatement } from '../quantity/statement.ts';
import { type InstantNs, instantNs } from '../quantity/time.ts';
import { kindOf, pointOf } from './sink-opening.ts';
import type { SinkRow } from './sink.ts';

/** Identity of a row whatever its version. */
export const rowKey = (row: Pick<IntervalStatement, 'point' | 'kind' | 'startNs'>): string =>
  `${row.point} ${row.kind} ${row.startNs.toString()}`;

const unescape = (text: string): string => text.replace(/\\([,= ])/g, '$1');

/** `energy,kind=...,point=...,site=... fields time`: tags and fields hold no bare space but in quotes. */
const ENERGY_LINE = /^energy,((?:\\.|[^\\ ])+) (.+) (-?\d+)$/;
const INTEGER_FIELDS = /(?:^|,)(energy_uj|version|leaf)=(-?\d+)i(?=,|$)/g;

/** The row of an `energy` line of this site, or undefined for every other line. */
export function readEnergyLine(line: string, site: string): SinkRow | undefined {
  const match = ENERGY_LINE.exec(line);
  if (!match) return undefined;
  const tags = new Map<string, string>();
  for (const pair of (match[1] ?? '').split(/(?<!\\),/)) {
    const equals = pair.search(/(?<!\\)=/);
    tags.set(unescape(pair.slice(0, equals)), unescape(pair.slice(equals + 1)));
  }
  const point = pointOf(tags.get('point') ?? '');
  const kind = kindOf(tags.get('kind') ?? '');
  if (tags.get('site') !== site || point === undefined || kind === undefined) return undefined;
  const numbers = new Map<string, bigint>();
  // Text in quotes could look like a field.
  const bare = (match[2] ?? '').replace(/"(?:\\.|[^"\\])*"/g, '""');
  for (const field of bare.matchAll(INTEGER_FIELDS)) {
    numbers.set(field[1] ?? '', BigInt(field[2] ?? ''));
  }
  return {
    point,
    kind,
    startNs: instantNs(BigInt(match[3] ?? '')),
    energyUj: numbers.get('energy_uj'),
    version: Number(numbers.get('version') ?? 0n),
    leaf: Number(numbers.get('leaf') ?? -1n),
  };
}

/** The rows that an import of all lines would leave in [fromNs, untilNs): the last line of a key wins. */
export async function newestLines(
  lines: AsyncIterable<string>,
  site: string,
  fromNs: InstantNs,
  untilNs: InstantNs,
): Promise<readonly SinkRow[]> {
  const rows = new Map<string, SinkRow>();
  for await (const line of lines) {
    const row = readEnergyLine(line, site);
    if (row && row.startNs >= fromNs && row.startNs < untilNs) rows.set(rowKey(row), row);
  }
  return [...rows.values()];
}
