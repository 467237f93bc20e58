// A tracker's CSV as a table that can be given back: fields are parsed (RFC 4180), the lines themselves are kept, so that
// a corrected file differs from the tracker's own by what was added and by nothing else.
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import type { ClaimOutcome } from '../../quantity/claim.ts';
import { ADDED_COLUMNS, addedFields, alreadyCorrected, wrongFormat } from './tracker.ts';

interface Record {
  readonly raw: string;
  readonly fields: readonly string[];
  /** A quote was opened and never closed: the file ends inside of a field. */
  readonly torn: boolean;
}

export interface CsvRow {
  readonly line: number;
  /** Field by the name of its column; undefined where the file has no such column or the field is empty. */
  readonly text: (column: string) => string | undefined;
  /** A finite number, else undefined. */
  readonly number: (column: string) => number | undefined;
  /** The row has another number of fields than the header: cut short, or written by another version. */
  readonly isWhole: boolean;
}

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
  readonly write: (outcomes: readonly ClaimOutcome[]) => string;
}

const COLUMNS_COUNT_MAX = 1000;

/** Refuses what lacks a wanted column, and what was corrected before. */
export function readCsvTable(text: string, wanted: readonly string[]): CsvTable | Refusal {
  const records = recordsOf(text.replace(/^\uFEFF/, ''));
  const [header, ...others] = records;
  if (!header || header.fields.length < 2) return wrongFormat('it has no header of columns');
  const columns = header.fields.map((name) => name.trim());
  if (columns.length > COLUMNS_COUNT_MAX) return wrongFormat('its header has over 1000 columns');
  if (columns.includes(ADDED_COLUMNS[0])) return alreadyCorrected('it has wall_energy_kwh');
  const missing = wanted.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    return wrongFormat(`its header lacks ${missing.map((name) => `"${name}"`).join(', ')}`);
  }
  const places = new Map(columns.map((name, index) => [name, index]));
  if (places.size !== columns.length) return wrongFormat('a column of its header comes twice');
  const rows = others.map((record, index): CsvRow => {
    const textOf = (column: string): string | undefined => {
      const field = record.fields[places.get(column) ?? -1]?.trim();
      return field === '' ? undefined : field;
    };
    return {
      line: index + 2,
      text: textOf,
      number: (column) => numberOf(textOf(column)),
      isWhole: record.fields.length === columns.length && !record.torn,
    };
  });
  const ending = text.includes('\r\n') ? '\r\n' : '\n';
  const write = (outcomes: readonly ClaimOutcome[]): string =>
    [
      `${header.raw},${ADDED_COLUMNS.join(',')}`,
      ...others.map(({ raw, fields }, index) => {
        // A row that was cut short is filled up, so that what is added stands in its own columns.
        const lacking = ','.repeat(Math.max(0, columns.length - fields.length));
        return `${raw}${lacking},${addedFields(outcomes[index]).join(',')}`;
      }),
      '',
    ].join(ending);
  return { columns, rows, write };
}

/** Decimal digits only: what JavaScript would also take for a number (hex, blanks, words) is none in a tracker's file. */
export function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return undefined;
  const reading = Number(text);
  return Number.isFinite(reading) ? reading : undefined;
}

function recordsOf(text: string): readonly Record[] {
  const records: Record[] = [];
  let fields: string[] = [];
  let field = '';
  let from = 0;
  let quoted = false;
  const end = (until: number, torn: boolean): void => {
    const raw = text.slice(from, until).replace(/\r$/, '');
    fields.push(field.replace(/\r$/, ''));
    if (raw !== '') records.push({ raw, fields, torn });
    fields = [];
    field = '';
  };
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (quoted) {
      if (sign !== '"') field += sign;
      else if (text[at + 1] === '"') {
        field += '"';
        at++;
      } else quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === ',') {
      fields.push(field);
      field = '';
    } else if (sign === '\n') {
      end(at, false);
      from = at + 1;
    } else field += sign;
  }
  if (from < text.length) end(text.length, quoted);
  return records;
}

/** A file whose every row is refused is refused, with the first reason. */
export function firstRefusal(entries: readonly unknown[]): Refusal | undefined {
  return entries.find(isRefusal);
}
