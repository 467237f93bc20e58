// A CSV file that grows by one row per statement version, in leaf order: for spreadsheets and for whoever tails a file.
// Each row ends with its leaf, so that after kill -9 the sink knows what it holds. The columns have no kind, hence the
// rows cannot be told apart well enough to be compared with the ledger; `trueup export` writes a fresh one instead.
import { open as openFile, stat } from 'node:fs/promises';
import { SiteFault } from '../quantity/fault.ts';
import { type AppendFile, openAppendFile, replaceFile, sinkFilePath } from './append-file.ts';
import { CSV_COLUMNS, CSV_HEADER, csvRow } from './csv-row.ts';
import { parseCsv } from './csv-text.ts';
import { checkedSiteTag, type SinkOpener } from './sink-opening.ts';
import { siteTag } from './energy-rows.ts';
import { reasonOf } from './influx-http.ts';
import type { NewestHeld, Receipt } from './sink.ts';
import { DAY_STRIDE_NS, PLAIN_MANNER } from './sink.ts';

/** Much longer than any row that is not yet on the disk can be: the tail that is looked at for whole rows. */
const TAIL_SIZE_BYTES = 8_000_000;
const APPEND_ONLY = 'a CSV file is only appended to: make a new one with `trueup export`';

interface Tail {
  readonly goodBytes: number;
  readonly leaf: number;
}

const leafOf = (line: string): number | undefined => {
  const record = parseCsv(line)[0];
  const leaf = record?.length === CSV_COLUMNS.length ? record.at(-1) : undefined;
  return leaf !== undefined && /^\d+$/.test(leaf) ? Number(leaf) : undefined;
};

/** Finds the last whole row; undefined where the file is not one of this sink. */
async function readTail(path: string): Promise<Tail | undefined> {
  const handle = await openFile(path, 'r');
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(size, CSV_HEADER.length));
    await handle.read(head, 0, head.length, 0);
    if (head.toString() !== CSV_HEADER) return undefined;
    const from = Math.max(CSV_HEADER.length, size - TAIL_SIZE_BYTES);
    const tail = Buffer.alloc(size - from);
    await handle.read(tail, 0, tail.length, from);
    for (let end = tail.lastIndexOf(0x0a); end !== -1;) {
      const start = end === 0 ? 0 : tail.lastIndexOf(0x0a, end - 1) + 1;
      const leaf = leafOf(tail.toString('utf8', start, end));
      if (leaf !== undefined) return { goodBytes: from + end + 1, leaf };
      end = start - 1;
    }
    return { goodBytes: CSV_HEADER.length, leaf: -1 };
  } finally {
    await handle.close();
  }
}

/** Opens the CSV sink; the file itself is made or continued by `open`. */
export const openCsvFile: SinkOpener = (config, site, { dataDir }) => {
  const where = `sinks/${config.id}`;
  checkedSiteTag(siteTag(site), where);
  const path = sinkFilePath(config.path, dataDir, site.rehearsal, `${config.id}.csv`);
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
        await replaceFile(path, [Buffer.from(CSV_HEADER)]);
      const tail = await readTail(path);
      if (tail === undefined) {
        const remedy = 'move it away or give the sink another path';
        throw new SiteFault({ where, what: `${path} is not a file of this sink`, remedy });
      }
      file = await openAppendFile(path, tail.goodBytes);
      held = tail.leaf < 0 ? undefined : { leaf: tail.leaf, sha256: undefined };
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

  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = pending.then(run, run);
    pending = turn.catch(() => undefined);
    return turn;
  }

  return {
    id: config.id,
    strideNs: DAY_STRIDE_NS,
    open: () => inTurn(open),
    newest: () => held ?? 'nothing',
    write: (entries, manner = PLAIN_MANNER) =>
      inTurn(async () => {
        if (manner.again) {
          const refused = entries.map(({ leaf }) => ({ leaf, because: APPEND_ONLY }));
          return refused.length === 0 ? { outcome: 'accepted' } : { outcome: 'refused', refused };
        }
        const opened = await open();
        if (opened.outcome !== 'accepted') return opened;
        if (!file) return later('is closed');
        const heldLeaf = held?.leaf ?? -1;
        let rows = '';
        let newest = held;
        for (const { leaf, sha256, entry } of entries) {
          if (entry.type !== 'statement' || leaf <= heldLeaf) continue;
          rows += csvRow(entry.statement, leaf);
          newest = { leaf, sha256 };
        }
        try {
          if (!(await file.isInPlace())) throw new Error('was replaced while in use');
          if (rows !== '') await file.append(Buffer.from(rows));
        } catch (failure) {
          await forget();
          return later(failure);
        }
        held = newest;
        return { outcome: 'accepted' };
      }),
    readBack: () => Promise.resolve(undefined),
    remove: (rows) =>
      Promise.resolve({
        outcome: 'refused',
        refused: rows.map(({ leaf }) => ({ leaf, because: APPEND_ONLY })),
      }),
    close: () => inTurn(forget),
  };
};
