// The neutral readings CSV: `time,source,quantity,value`, one reading a line, as recorded runs are kept and exchanged.
// Files have tens of millions of lines, so the common form is read without a regular expression or a split.
import { SiteFault } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { instantNs, parseInstant } from '../quantity/time.ts';
import { readLines, type LineBatch } from './csv-lines.ts';

export const NEUTRAL_HEADER = 'time,source,quantity,value';
export const NEUTRAL_QUANTITIES = ['power_w', 'energy_j'] as const;
type NeutralQuantity = (typeof NEUTRAL_QUANTITIES)[number];

export interface NeutralReading {
  /** As the instrument stamped it. */
  readonly time: InstantNs;
  readonly source: string;
  readonly quantity: NeutralQuantity;
  /** W or J, finite. */
  readonly reading: number;
  /** The value as it stands in the file: exact, where a double would round an energy counter. */
  readonly text: string;
}

/** Something of the file that is no reading. */
export interface NeutralTrouble {
  /** From 1. */
  readonly line: number;
  readonly what: string;
  /** The line itself; empty where the trouble is with the file. */
  readonly text: string;
}

export interface NeutralBatch {
  /** In the order of the file, which need not be that of time. */
  readonly readings: readonly NeutralReading[];
  readonly troubles: readonly NeutralTrouble[];
}

/**
 * Streams a file, plain or gzip, as batches of some thousand readings. Malformed and oversize lines and a file that ends
 * early are troubles, not exceptions: who reads decides. Throws SiteFault where the file cannot be opened or its first
 * line is not the header.
 */
export async function* readNeutralCsv(path: string): AsyncGenerator<NeutralBatch, void, undefined> {
  for await (const batch of readNeutralLines(path, 'utf8')) {
    const readings: NeutralReading[] = [];
    const troubles: NeutralTrouble[] = [];
    batch.lines.forEach((text, index) => {
      if (text === '') return;
      const line = batch.firstLine + index;
      if (batch.oversize.has(index)) {
        troubles.push({ line, what: 'the line is too long', text });
        return;
      }
      const reading = batch.damage === undefined ? parseNeutralLine(text) : undefined;
      if (reading) readings.push(reading);
      else troubles.push({ line, what: `the line is not ${NEUTRAL_HEADER}`, text });
    });
    if (batch.damage !== undefined) {
      const line = batch.firstLine + batch.lines.length;
      troubles.push({ line, what: batch.damage, text: '' });
    }
    yield { readings, troubles };
  }
}

/** The lines behind the header, as they are. Throws SiteFault as `readNeutralCsv` does, at the first step. */
export async function* readNeutralLines(
  path: string,
  encoding: 'utf8' | 'latin1',
): AsyncGenerator<LineBatch, void, undefined> {
  let isBehindHeader = false;
  for await (const batch of readLines(path, encoding)) {
    if (isBehindHeader) {
      yield batch;
      continue;
    }
    const header = batch.lines[0];
    if (header === undefined || !isHeader(header)) {
      throw new SiteFault({
        where: `${path}, line 1`,
        what:
          header === undefined
            ? `the file is empty${batch.damage === undefined ? '' : ` (${batch.damage})`}`
            : `the header is ${JSON.stringify(header.slice(0, 80))}`,
        remedy: `make the first line ${NEUTRAL_HEADER}`,
      });
    }
    isBehindHeader = true;
    yield {
      ...batch,
      firstLine: 2,
      lines: batch.lines.slice(1),
      oversize: new Set([...batch.oversize].map((index) => index - 1)),
    };
  }
}

/** Spreadsheets add a byte order mark and quotes; in latin1 the mark is three characters. */
const isHeader = (line: string): boolean =>
  line
    .replace(/^(\uFEFF|\u00EF\u00BB\u00BF)/, '')
    .replaceAll('"', '')
    .trimEnd() === NEUTRAL_HEADER;

/**
 * Reads one line: RFC 3339 time with a zone, a source that is not empty, `power_w` or `energy_j`, a finite decimal number.
 * Fields may be quoted as in RFC 4180 and the line may end in CR. Undefined where it is no such line.
 */
export function parseNeutralLine(line: string): NeutralReading | undefined {
  if (line.includes('"')) {
    const fields = unquote(line);
    if (fields?.length !== 4) return undefined;
    const [time = '', source = '', quantity = '', text = ''] = fields;
    return readingOf(time, source, quantity, text);
  }
  const first = line.indexOf(',');
  const second = line.indexOf(',', first + 1);
  const third = line.indexOf(',', second + 1);
  // indexOf answers -1 beyond the last comma, and then the next search starts anew: positions must rise.
  if (first < 0 || second <= first || third <= second || line.includes(',', third + 1))
    return undefined;
  const end = line.endsWith('\r') ? line.length - 1 : line.length;
  return readingOf(
    line.slice(0, first),
    line.slice(first + 1, second),
    line.slice(second + 1, third),
    line.slice(third + 1, end),
  );
}

function readingOf(
  timeText: string,
  source: string,
  quantityText: string,
  text: string,
): NeutralReading | undefined {
  const quantity = quantityOf(quantityText);
  if (quantity === undefined || source === '' || !isDecimal(text)) return undefined;
  const reading = Number(text);
  const time = parseUtc(timeText);
  if (time === undefined || !Number.isFinite(reading)) return undefined;
  return { time, source, quantity, reading, text };
}

function quantityOf(text: string): NeutralQuantity | undefined {
  for (const known of NEUTRAL_QUANTITIES) if (known === text) return known;
  return undefined;
}

/** Digits, signs, point and exponent only: `Number` alone would take '', ' 1', '0x10' and 'Infinity' too. */
function isDecimal(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && !'+-.eE'.includes(text.charAt(index))) return false;
  }
  return text !== '';
}

/** Fields of a line with quotes (RFC 4180 §2); undefined where a quote stands where none may. */
function unquote(line: string): string[] | undefined {
  const fields: string[] = [];
  const rest = line.endsWith('\r') ? line.slice(0, -1) : line;
  let at = 0;
  for (;;) {
    if (rest[at] === '"') {
      let field = '';
      let close = rest.indexOf('"', at + 1);
      while (close >= 0 && rest[close + 1] === '"') {
        field += rest.slice(at + 1, close + 1);
        at = close + 1;
        close = rest.indexOf('"', at + 1);
      }
      if (close < 0) return undefined;
      fields.push(field + rest.slice(at + 1, close));
      at = close + 1;
      if (at < rest.length && rest[at] !== ',') return undefined;
    } else {
      const comma = rest.indexOf(',', at);
      const field = rest.slice(at, comma < 0 ? rest.length : comma);
      if (field.includes('"')) return undefined;
      fields.push(field);
      at = comma < 0 ? rest.length : comma;
    }
    if (at >= rest.length) return fields;
    at += 1;
  }
}

const DAY_LENGTH = 'YYYY-MM-DD'.length;
const SHORTEST_LENGTH = 'YYYY-MM-DDTHH:MM:SSZ'.length;
const LONGEST_LENGTH = SHORTEST_LENGTH + '.123456789'.length;

/** Midnight of the day read last: lines of one file share it. */
let latestDay = '';
let latestDayNs = instantNs(0n);

/** As `parseInstant`, several times faster where the text is `YYYY-MM-DDTHH:MM:SS[.fraction]Z`. */
function parseUtc(text: string): InstantNs | undefined {
  if (
    text.length < SHORTEST_LENGTH ||
    text.length > LONGEST_LENGTH ||
    text[10] !== 'T' ||
    text[13] !== ':' ||
    text[16] !== ':' ||
    !text.endsWith('Z')
  )
    return parseInstant(text);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  let fractionNs = 0;
  if (text.length > SHORTEST_LENGTH) {
    const digitsCount = text.length - SHORTEST_LENGTH - 1;
    if (text[19] !== '.' || digitsCount === 0) return undefined;
    for (let index = 0; index < 9; index += 1) {
      const digit = index < digitsCount ? text.charCodeAt(20 + index) - 0x30 : 0;
      if (digit < 0 || digit > 9) return undefined;
      fractionNs = fractionNs * 10 + digit;
    }
  }
  if (!(hour < 24 && minute < 60 && second < 60)) return undefined;
  if (!text.startsWith(latestDay) || latestDay === '') {
    const day = text.slice(0, DAY_LENGTH);
    const midnightNs = parseInstant(`${day}T00:00:00Z`);
    if (midnightNs === undefined) return undefined;
    latestDay = day;
    latestDayNs = midnightNs;
  }
  // At most 8.64e13, a safe integer: one conversion to bigint is all that a line costs.
  const sinceMidnightNs = (hour * 3600 + minute * 60 + second) * 1e9 + fractionNs;
  return instantNs(latestDayNs + BigInt(sinceMidnightNs));
}

/** NaN where they are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}
