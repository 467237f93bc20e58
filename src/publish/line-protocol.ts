// InfluxDB line protocol, written exactly: 64-bit integers stay integers (the `influx` client rounds them above 2^53)
// and text that the protocol cannot carry is refused instead of changed. A field's type follows the JavaScript type:
// number is a float, bigint an int64, so that no field ever changes its type by the luck of a round number.
// Source: InfluxDB 1.8 line protocol reference; the limits were tried on influxd 1.6.7.

export type FieldContent = number | bigint | string;

export interface LinePoint {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  /** undefined: the point does not have this field. */
  readonly fields: Readonly<Record<string, FieldContent | undefined>>;
  /** Nanoseconds since 1970, UTC. */
  readonly timeNs: bigint;
}

/** Either the line, without its newline, or why there can be none. */
export type PrintedLine = { readonly line: string } | { readonly because: string };

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
/** InfluxDB keeps the outermost instants of int64 for itself. */
const TIME_MIN_NS = INT64_MIN + 2n;
const TIME_MAX_NS = INT64_MAX - 1n;
/** A string field longer than this is refused by InfluxDB 1.x, in bytes. */
const STRING_BYTES_MAX = 65_535;
const LONE_SURROGATE = /\p{Cs}/u;

/**
 * Why a tag's text cannot be written, or undefined. A backslash is literal in a tag unless it stands before a
 * character that is escaped, or at the end: those two cannot be expressed at all.
 */
export function tagTrouble(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'has a line break or control character';
  if (/\\(?:[,= "\\]|$)/.test(text)) return 'has a backslash where the protocol cannot carry one';
  if (LONE_SURROGATE.test(text)) return 'is not valid Unicode';
  return undefined;
}

const escapeTag = (text: string): string => text.replace(/[,= ]/g, '\\$&');
const escapeMeasurement = (text: string): string => text.replace(/[, ]/g, '\\$&');
const escapeString = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

function printField(content: FieldContent): PrintedLine {
  if (typeof content === 'number') {
    return Number.isFinite(content)
      ? { line: String(content) }
      : { because: `is ${String(content)}, which is no number` };
  }
  if (typeof content === 'bigint') {
    return content >= INT64_MIN && content <= INT64_MAX
      ? { line: `${content.toString()}i` }
      : { because: `is ${content.toString()}, which is beyond 64 bits` };
  }
  if (LONE_SURROGATE.test(content)) return { because: 'is not valid Unicode' };
  if (content.includes('\u0000')) return { because: 'has a NUL character' };
  return Buffer.byteLength(content) <= STRING_BYTES_MAX
    ? { line: escapeString(content) }
    : { because: 'is longer than 64 KiB' };
}

/** Prints one point. Tags come sorted by key, as InfluxDB likes them; fields in the order given. */
export function printLine(point: LinePoint): PrintedLine {
  const { measurement, timeNs } = point;
  const named = (name: string, because: string): PrintedLine => ({
    because: `${measurement}: ${name} ${because}`,
  });
  let key = escapeMeasurement(measurement);
  for (const tag of Object.keys(point.tags).sort()) {
    const text = point.tags[tag] ?? '';
    const trouble = tagTrouble(tag) ?? tagTrouble(text);
    if (trouble !== undefined) return named(`tag ${tag}`, trouble);
    key += `,${escapeTag(tag)}=${escapeTag(text)}`;
  }
  const fields: string[] = [];
  for (const [name, content] of Object.entries(point.fields)) {
    if (content === undefined) continue;
    const trouble = tagTrouble(name);
    if (trouble !== undefined) return named(`field ${name}`, trouble);
    const printed = printField(content);
    if ('because' in printed) return named(`field ${name}`, printed.because);
    fields.push(`${escapeTag(name)}=${printed.line}`);
  }
  if (fields.length === 0) return { because: `${measurement}: there is no field to write` };
  if (timeNs < TIME_MIN_NS || timeNs > TIME_MAX_NS) return named('time', 'is beyond 64 bits');
  return { line: `${key} ${fields.join(',')} ${timeNs.toString()}` };
}
