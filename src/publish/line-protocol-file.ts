// The embedded sink: line protocol appended to a file that `influx -import -path` takes. Behind each piece stands a
// comment with the newest leaf in it and the check sum of the piece, so that after kill -9 a torn piece is recognised
// and cut off, and the sink knows what it holds: no line is torn, missing or there twice.
import { createReadStream } from 'node:fs';
import { open as openFile, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import type { StoredEntry } from '../ledger/ledger.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { SinkConfig } from '../quantity/site.ts';
import { type AppendFile, openAppendFile, replaceFile, sinkFilePath } from './append-file.ts';
import { printEntries, siteTag, supersededWithin } from './energy-rows.ts';
import { reasonOf } from './influx-http.ts';
import { lineMatcher, newestLines } from './line-protocol-reading.ts';
import { checkedSiteTag, type SinkOpener } from './sink-opening.ts';
import type { NewestHeld, Receipt, SinkRow } from './sink.ts';
import { MONTH_STRIDE_NS, PLAIN_MANNER } from './sink.ts';

const PIECE_SIZE_MAX_BYTES = 4_000_000;
/** Holds the longest piece, the torn one behind it and some room. */
const TAIL_SIZE_BYTES = 3 * PIECE_SIZE_MAX_BYTES;
const MARK = /^# trueup leaf=(-?\d+) sha256=([0-9a-f]*) bytes=(\d+) crc32=([0-9a-f]{8})$/;

/** A piece of whole lines and its mark. `held` undefined: nothing is held yet (the header). */
function sealPiece(lines: readonly string[], held: NewestHeld | undefined): Buffer {
  const piece = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const sum = crc32(piece).toString(16).padStart(8, '0');
  const mark =
    `# trueup leaf=${held?.leaf ?? -1} sha256=${held?.sha256 ?? ''}` +
    ` bytes=${piece.length} crc32=${sum}\n`;
  return Buffer.concat([piece, Buffer.from(mark)]);
}

interface Tail {
  readonly goodBytes: number;
  readonly held: NewestHeld | undefined;
}

/** Finds the newest mark whose piece is whole; undefined where there is none. */
async function readTail(path: string): Promise<Tail | undefined> {
  const handle = await openFile(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_SIZE_BYTES);
    const tail = Buffer.alloc(size - from);
    await handle.read(tail, 0, tail.length, from);
    for (let end = tail.length; end > 0;) {
      const lineEnd = tail.lastIndexOf(0x0a, end - 1);
      if (lineEnd === -1) return undefined;
      const lineStart = lineEnd === 0 ? 0 : tail.lastIndexOf(0x0a, lineEnd - 1) + 1;
      const mark = MARK.exec(tail.toString('utf8', lineStart, lineEnd));
      const pieceStart = lineStart - Number(mark?.[3]);
      if (mark && pieceStart >= 0) {
        const sum = crc32(tail.subarray(pieceStart, lineStart)).toString(16).padStart(8, '0');
        const leaf = Number(mark[1]);
        const held = leaf < 0 ? undefined : { leaf, sha256: mark[2] ?? '' };
        if (sum === mark[4]) return { goodBytes: from + lineEnd + 1, held };
      }
      end = lineStart;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

const header = (database: string): readonly string[] => [
  '# DDL',
  `CREATE DATABASE "${database.replace(/["\\]/g, '\\$&')}"`,
  '# DML',
  `# CONTEXT-DATABASE: ${database}`,
  '# CONTEXT-RETENTION-POLICY: autogen',
];

/** The lines of the first `sizeBytes` bytes of the file. */
async function* linesOf(path: string, sizeBytes: number): AsyncIterable<string> {
  const input = createReadStream(path, { end: sizeBytes - 1 });
  for await (const line of createInterface({ input, crlfDelay: Infinity })) yield line;
}

/** The same file without the lines that `drop` names; every mark stays behind its lines, with a new check sum. */
async function* withoutLines(
  path: string,
  sizeBytes: number,
  drop: (line: string) => boolean,
): AsyncIterable<Uint8Array> {
  let lines: string[] = [];
  for await (const line of linesOf(path, sizeBytes)) {
    const mark = MARK.exec(line);
    if (mark) {
      const leaf = Number(mark[1]);
      yield sealPiece(lines, leaf < 0 ? undefined : { leaf, sha256: mark[2] });
      lines = [];
    } else if (!drop(line)) lines.push(line);
  }
}

/** Cuts lines into pieces of at most 4 MB; all but the last piece are marked with what was held before. */
function* pieces(
  rows: readonly { readonly leaf: number; readonly lines: readonly string[] }[],
  entries: ReadonlyMap<number, StoredEntry>,
  before: NewestHeld | undefined,
  after: NewestHeld | undefined,
): Iterable<{ readonly bytes: Buffer; readonly held: NewestHeld | undefined }> {
  let lines: string[] = [];
  let sizeBytes = 0;
  let held = before;
  for (const row of rows) {
    const rowBytes = row.lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    if (sizeBytes + rowBytes > PIECE_SIZE_MAX_BYTES && lines.length > 0) {
      yield { bytes: sealPiece(lines, held), held };
      lines = [];
      sizeBytes = 0;
    }
    lines.push(...row.lines);
    sizeBytes += rowBytes;
    if (row.leaf > (held?.leaf ?? -1))
      held = { leaf: row.leaf, sha256: entries.get(row.leaf)?.sha256 };
  }
  yield { bytes: sealPiece(lines, after), held: after };
}

const brokenName = (config: SinkConfig): boolean =>
  // The importer splits this line of the header at the colon.
  /[:\r\n]/.test(config.database) || config.database.trim() === '';

/** Opens the file sink; the file itself is made or continued by `open`. */
export const openLineProtocolFile: SinkOpener = (config, site, { dataDir }) => {
  const where = `sinks/${config.id}`;
  const tag = checkedSiteTag(siteTag(site), where);
  if (brokenName(config)) {
    const remedy = 'name the database that `influx -import` shall fill, without colons';
    throw new SiteFault({ where, what: `"${config.database}" is no database name`, remedy });
  }
  const path = sinkFilePath(config.path, dataDir, site.rehearsal, `${config.id}.lp`);
  let file: AppendFile | undefined;
  let held: NewestHeld | undefined;
  let pending: Promise<unknown> = Promise.resolve();

  const later = (failure: unknown): Receipt => ({
    outcome: 'later',
    because: `${path}: ${reasonOf(failure)}`,
    retryAfterMs: undefined,
  });

  async function open(): Promise<Receipt> {
    if (file) return { outcome: 'accepted' };
    try {
      const there = await stat(path).catch(() => undefined);
      if (there === undefined || there.size === 0)
        await replaceFile(path, [sealPiece(header(config.database), undefined)]);
      const tail = await readTail(path);
      if (tail === undefined) {
        const remedy = 'move it away or give the sink another path';
        throw new SiteFault({ where, what: `${path} is not a file of this sink`, remedy });
      }
      file = await openAppendFile(path, tail.goodBytes);
      held = tail.held;
      return { outcome: 'accepted' };
    } catch (failure) {
      if (failure instanceof SiteFault) throw failure;
      return later(failure);
    }
  }

  /** Rewrites the file without some lines and goes on with the new one. */
  async function drop(unwanted: (line: string) => boolean): Promise<void> {
    if (!file) return;
    const sizeBytes = file.sizeBytes;
    await replaceFile(path, withoutLines(path, sizeBytes, unwanted));
    await file.close();
    file = await openAppendFile(path, (await stat(path)).size);
  }

  /** One call after another touches the file, also where reading and closing meet a write. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = pending.then(run, run);
    pending = turn.catch(() => undefined);
    return turn;
  }

  const write: ReturnType<SinkOpener>['write'] = (entries, manner = PLAIN_MANNER) =>
    inTurn(async () => {
      try {
        const opened = await open();
        if (opened.outcome !== 'accepted') return opened;
        if (!file) return later('is closed');
        const heldLeaf = held?.leaf ?? -1;
        const fresh = manner.again ? entries : entries.filter(({ leaf }) => leaf > heldLeaf);
        const same = entries.find(({ leaf }) => leaf === heldLeaf);
        if (same && held?.sha256 !== undefined && same.sha256 !== held.sha256)
          return later('holds rows of another ledger: move it away');
        const byLeaf = new Map(fresh.map((stored) => [stored.leaf, stored]));
        const superseded = supersededWithin(fresh, manner.superseded);
        const printed = printEntries(fresh, tag, superseded);
        const refused = [...printed.refused];
        const rows = printed.rows.filter(({ leaf, lines }) => {
          const broken = lines.some((line) => /[\r\n]/.test(line));
          if (broken) refused.push({ leaf, because: 'a file of lines cannot hold a line break' });
          return !broken;
        });
        // What is written again, and what would merge with an older version on import, goes first.
        const gone = rows.flatMap(({ leaf, clears }) => {
          const entry = manner.again ? byLeaf.get(leaf)?.entry : undefined;
          return entry?.type === 'statement' ? [entry.statement] : clears ? [clears] : [];
        });
        if (gone.length > 0) await drop(lineMatcher(gone, tag));
        const newest = fresh.reduce<NewestHeld | undefined>(
          (best, { leaf, sha256 }) => (leaf > (best?.leaf ?? -1) ? { leaf, sha256 } : best),
          held,
        );
        if (fresh.length > 0) {
          for (const piece of pieces(rows, byLeaf, held, newest)) {
            await file.append(piece.bytes);
            held = piece.held;
          }
        }
        return refused.length === 0 ? { outcome: 'accepted' } : { outcome: 'refused', refused };
      } catch (failure) {
        return later(failure);
      }
    });

  return {
    id: config.id,
    strideNs: MONTH_STRIDE_NS,
    open: () => inTurn(open),
    newest: () => held ?? 'nothing',
    write,
    readBack: (fromNs, untilNs) =>
      inTurn(async () => {
        if (!file) return undefined;
        return newestLines(linesOf(path, file.sizeBytes), tag, fromNs, untilNs);
      }),
    remove: (rows: readonly SinkRow[]) =>
      inTurn(async () => {
        try {
          await drop(lineMatcher(rows, tag));
          return { outcome: 'accepted' };
        } catch (failure) {
          return later(failure);
        }
      }),
    close: () =>
      inTurn(async () => {
        await file?.close();
        file = undefined;
      }),
  };
};
