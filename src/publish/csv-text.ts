// CSV as RFC 4180 has it: fields are quoted only where they must be, quotes are doubled.

/** One record with its line end. */
export const printRecord = (fields: readonly string[]): string =>
  `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replace(/"/g, '""')}"` : field)).join(',')}\n`;

/** All records of a text; an empty line is no record. */
export function parseCsv(text: string): readonly (readonly string[])[] {
  const records: string[][] = [];
  for (const line of splitRecords(text)) {
    if (line !== '') records.push(parseRecord(line));
  }
  return records;
}

function* splitRecords(text: string): Iterable<string> {
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') quoted = !quoted;
    else if (character === '\n' && !quoted) {
      yield text.slice(start, index).replace(/\r$/, '');
      start = index + 1;
    }
  }
  yield text.slice(start);
}

function parseRecord(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  const pattern = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  for (const match of line.matchAll(pattern)) {
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replace(/""/g, '"'));
  }
  return fields;
}
