// Sends the lines of entries to an InfluxDB in bounded requests and finds out which entries it will never take. A 400
// can have stored a part of the request and does not say reliably which line was wrong, so the request is halved until
// single entries are left; sending a line twice is harmless, since a point overwrites itself.
import type { EntryLines, RefusedEntry } from './energy-rows.ts';
import type { WriteAnswer } from './influx-http.ts';
import type { Receipt } from './sink.ts';

const REQUEST_LINES_MAX_COUNT = 5_000;
const REQUEST_SIZE_MAX_BYTES = 4_000_000;

/** Cuts rows into requests of at most 5,000 lines and 4 MB, in order; a single row is never cut. */
function intoRequests(rows: readonly EntryLines[]): readonly (readonly EntryLines[])[] {
  const requests: EntryLines[][] = [];
  let open: EntryLines[] = [];
  let linesCount = 0;
  let sizeBytes = 0;
  for (const row of rows) {
    const rowBytes = row.lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    const full =
      linesCount + row.lines.length > REQUEST_LINES_MAX_COUNT ||
      sizeBytes + rowBytes > REQUEST_SIZE_MAX_BYTES;
    if (full && open.length > 0) {
      requests.push(open);
      open = [];
      linesCount = 0;
      sizeBytes = 0;
    }
    open.push(row);
    linesCount += row.lines.length;
    sizeBytes += rowBytes;
  }
  if (open.length > 0) requests.push(open);
  return requests;
}

type Later = Extract<WriteAnswer, { answer: 'later' }>;

/** InfluxDB says how many points of a request it dropped: all of them means that halving would find nothing new. */
const droppedCount = (because: string): number =>
  Number(/dropped=(\d+)/.exec(because)?.[1] ?? Number.NaN);

async function sendHalving(
  rows: readonly EntryLines[],
  write: (lines: string) => Promise<WriteAnswer>,
  refused: RefusedEntry[],
): Promise<Later | undefined> {
  const lines = rows.flatMap((row) => row.lines);
  const answered = await write(lines.join('\n') + '\n');
  if (answered.answer === 'stored') return undefined;
  if (answered.answer === 'later') return answered;
  const { because } = answered;
  const none = answered.answer === 'refused' && droppedCount(because) === lines.length;
  if (rows.length === 1 || none) {
    for (const row of rows) refused.push({ leaf: row.leaf, because });
    return undefined;
  }
  const middle = Math.ceil(rows.length / 2);
  return (
    (await sendHalving(rows.slice(0, middle), write, refused)) ??
    (await sendHalving(rows.slice(middle), write, refused))
  );
}

/**
 * Writes all rows. `already` are entries of the same batch that could not even be printed. Stops at the first answer
 * that says later: the whole batch is then to be sent again.
 */
export async function writeRows(
  rows: readonly EntryLines[],
  already: readonly RefusedEntry[],
  write: (lines: string) => Promise<WriteAnswer>,
  onAbsent: () => Promise<Receipt> = () => Promise.resolve({ outcome: 'accepted' }),
): Promise<Receipt> {
  const refused: RefusedEntry[] = [...already];
  for (const request of intoRequests(rows)) {
    const later = await sendHalving(request, write, refused);
    if (later === undefined) continue;
    const { because, retryAfterMs } = later;
    if (!later.absent) return { outcome: 'later', because, retryAfterMs };
    const prepared = await onAbsent();
    return prepared.outcome === 'later' ? prepared : { outcome: 'later', because, retryAfterMs };
  }
  if (refused.length === 0) return { outcome: 'accepted' };
  return { outcome: 'refused', refused: refused.sort((a, b) => a.leaf - b.leaf) };
}
