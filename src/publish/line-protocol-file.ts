// The embedded sink: line protocol appended to a file that `influx -import -path` takes. Behind each piece stands a
// comment with the newest leaf in it and the check sum of the piece, so that after kill -9 a torn piece is recognised
// and cut off, and the sink knows what it holds: no line is torn, missing or there twice.
import { stat } from 'node:fs/promises';
import { SiteFault } from '../quantity/fault.ts';
import type { SinkConfig } from '../quantity/site.ts';
import { type AppendFile, openAppendFile, replaceFile, sinkFilePath } from './append-file.ts';
import { printEntries, siteTag, supersededWithin } from './energy-rows.ts';
import { reasonOf } from './influx-http.ts';
import { lineMatcher, newestLines } from './line-protocol-reading.ts';
import { linesOf, type Piece, pieces, readTail, sealPiece, withoutLines } from './sealed-pieces.ts';
import { checkedSiteTag, type SinkOpener } from './sink-opening.ts';
import type { NewestHeld, Receipt, SinkRow } from './sink.ts';
import { MONTH_STRIDE_NS, PLAIN_MANNER } from './sink.ts';

const header = (database: string): readonly string[] => [
  '# DDL',
  `CREATE DATABASE "${database.replace(/["\\]/g, '\\$&')}"`,
  '# DML',
  `# CONTEXT-DATABASE: ${database}`,
  '# CONTEXT-RETENTION-POLICY: autogen',
];

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

  /** After a failure everything is found out anew from the disk. */
  async function forget(): Promise<void> {
    const failed = file;
    file = undefined;
    await failed?.close();
  }

  /** Puts a file in place that lacks some lines and has some pieces more: at once, or not at all. */
  async function replace(
    old: AppendFile,
    unwanted: (line: string) => boolean,
    more: Iterable<Piece>,
  ): Promise<void> {
    const { sizeBytes, onDiskBytes } = old;
    async function* content(): AsyncIterable<Uint8Array> {
      yield* withoutLines(path, sizeBytes, unwanted);
      for (const { bytes } of more) yield bytes;
    }
    await replaceFile(path, content(), async () => {
      if ((await stat(path)).size !== onDiskBytes) throw new Error('a service is writing to it');
    });
    await forget();
    await open();
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
        if (!(await file.isInPlace())) throw new Error('was replaced while in use');
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
        const newest = fresh.reduce<NewestHeld | undefined>(
          (best, { leaf, sha256 }) => (leaf > (best?.leaf ?? -1) ? { leaf, sha256 } : best),
          held,
        );
        const more = fresh.length === 0 ? [] : pieces(rows, byLeaf, held, newest);
        if (gone.length > 0) await replace(file, lineMatcher(gone, tag), more);
        else {
          for (const piece of more) {
            await file.append(piece.bytes);
            held = piece.held;
          }
        }
        return refused.length === 0 ? { outcome: 'accepted' } : { outcome: 'refused', refused };
      } catch (failure) {
        await forget();
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
          if (file) await replace(file, lineMatcher(rows, tag), []);
          return { outcome: 'accepted' };
        } catch (failure) {
          await forget();
          return later(failure);
        }
      }),
    close: () => inTurn(forget),
  };
};
