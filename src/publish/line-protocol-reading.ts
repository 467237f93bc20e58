// Reads our own lines of settled energy back from a file: only what reconcile compares.
import type { IntervalStatement } from '../quantity/statement.ts';
import { type InstantNs, instantNs } from '../quantity/time.ts';
import { kindOf, pointOf } from './sink-opening.ts';
import type { SinkRow } from './sink.ts';

/** Identity of a row whatever its version. */
export const rowKey = (row: Pick<IntervalStatement, 'point' | 'kind' | 'startNs'>): string =>
  `${row.point} ${row.kind} ${row.startNs.toString()}`;

const unescape = (text: string): string => text.replace(/\\([,= ])/g, '$1');

/** `energy,kind=...,point=...,site=... fields time`: tags and fields hold no bare space but in quotes. */
const ROW_LINE = /^(energy|energy_history),((?:\\.|[^\\ ])+) (.+) (-?\d+)$/;
const INTEGER_FIELDS = /(?:^|,)(energy_uj|version|leaf)=(-?\d+)i(?=,|$)/g;

export interface ReadLine {
  /** false: one of the versions in the history. */
  readonly isNewest: boolean;
  readonly row: SinkRow;
}

/** A settled row of this site, or undefined for every other line. */
export function readRowLine(line: string, site: string): ReadLine | undefined {
  const [, measurement, head = '', fields = '', time = ''] = ROW_LINE.exec(line) ?? [];
  if (measurement === undefined) return undefined;
  const tags = new Map<string, string>();
  for (const pair of head.split(/(?<!\\),/)) {
    const equals = pair.search(/(?<!\\)=/);
    tags.set(unescape(pair.slice(0, equals)), unescape(pair.slice(equals + 1)));
  }
  const point = pointOf(tags.get('point') ?? '');
  const kind = kindOf(tags.get('kind') ?? '');
  if (tags.get('site') !== site || point === undefined || kind === undefined) return undefined;
  const numbers = new Map<string, bigint>();
  // Text in quotes could look like a field.
  const bare = fields.replace(/"(?:\\.|[^"\\])*"/g, '""');
  for (const field of bare.matchAll(INTEGER_FIELDS)) {
    numbers.set(field[1] ?? '', BigInt(field[2] ?? ''));
  }
  const row: SinkRow = {
    point,
    kind,
    startNs: instantNs(BigInt(time)),
    energyUj: numbers.get('energy_uj'),
    version: Number(tags.get('version') ?? numbers.get('version') ?? 0n),
    leaf: Number(numbers.get('leaf') ?? -1n),
  };
  return { isNewest: measurement === 'energy', row };
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
    const read = readRowLine(line, site);
    if (!read?.isNewest) continue;
    const { row } = read;
    if (row.startNs >= fromNs && row.startNs < untilNs) rows.set(rowKey(row), row);
  }
  return [...rows.values()];
}

/** Whether a line holds one of these rows: as the newest whatever its version, or the same version in the history. */
export function lineMatcher(
  rows: readonly Pick<IntervalStatement, 'point' | 'kind' | 'startNs' | 'version'>[],
  site: string,
): (line: string) => boolean {
  const newest = new Set(rows.map(rowKey));
  const versions = new Set(rows.map((row) => `${rowKey(row)} ${row.version}`));
  return (line) => {
    const read = readRowLine(line, site);
    if (read === undefined) return false;
    const key = rowKey(read.row);
    return read.isNewest ? newest.has(key) : versions.has(`${key} ${read.row.version}`);
  };
}
