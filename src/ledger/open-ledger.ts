// Opening a data directory: take the lock, check the log, follow it with the index, recover the journal behind the last
// seal. What comes out keeps the promises of ledger.ts; what does not check stops the start.
import { resolve } from 'node:path';
import { SiteFault } from '../quantity/fault.ts';
import type { SourceId } from '../quantity/exchange.ts';
import type { InstantNs } from '../quantity/time.ts';
import { disk } from './disk.ts';
import type { FilePort } from './file-port.ts';
import { encodeEntry } from './entry.ts';
import { openIndex } from './follow-log.ts';
import { recoverJournal } from './journal-recovery.ts';
import { SegmentJournal } from './journal.ts';
import { LedgerFailure, type LogEntry, type OpenLedger } from './ledger.ts';
import type { StoredEntry } from './ledger.ts';
import { handedIn, taken } from './hand-in.ts';
import { lockFolder } from './lock.ts';
import { LogFolder } from './log-folder.ts';
import { recoverLog } from './log-recovery.ts';
import { MerkleLog } from './merkle-log.ts';
import { vkeyText } from './note.ts';

export interface LedgerOptions {
  /** Name of the log; undefined keeps the one that is there, or makes a random one. */
  readonly origin?: string | undefined;
  /** A rehearsal's origin begins with `rehearsal.`, and its directory is never taken for a real one. */
  readonly rehearsal: boolean;
  readonly nowNs: () => InstantNs;
  /** Hash of the meaning of the profile that decodes a source, for its sealed blocks; empty where unknown. */
  readonly profileOf?: (source: SourceId) => string;
  readonly files?: FilePort;
  /** A journal segment is closed when it has grown past this. */
  readonly segmentBytes?: number;
  /** Where the index lies; `:memory:` beside a file port that is no disk. */
  readonly indexPath?: string;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;

/**
 * Opens the ledger of a data directory, creating it where it is absent.
 * @throws SiteFault where the directory is in use, not writable or of another site; LedgerDamage where what is stored is
 * not what was written
 */
export async function openLedger(dataDir: string, options: LedgerOptions): Promise<OpenLedger> {
  const files = options.files ?? disk;
  const root = resolve(dataDir);
  await prepareFolders(files, root);
  const lock = await lockFolder(files, root);
  try {
    return await openLocked(files, root, options, () => lock.release());
  } catch (error) {
    // What went wrong is told; that the lock could not be removed after it is not.
    await lock.release().catch(() => undefined);
    throw error;
  }
}

async function prepareFolders(files: FilePort, root: string): Promise<void> {
  try {
    await files.makeFolder(root, 0o755);
    await files.makeFolder(`${root}/keys`, 0o700);
    for (const name of ['log', 'journal', 'staging']) {
      await files.makeFolder(`${root}/${name}`, 0o755);
    }
    await files.writeWhole(`${root}/staging/probe`, Buffer.from('writable\n'), 0o644);
  } catch (cause) {
    throw new SiteFault(
      {
        where: root,
        what: 'the data directory cannot be written',
        remedy: 'give a directory that this user may write with --data, or free space on its disk',
      },
      { cause },
    );
  }
}

async function openLocked(
  files: FilePort,
  root: string,
  options: LedgerOptions,
  release: () => Promise<void>,
): Promise<OpenLedger> {
  const folder = new LogFolder(files, `${root}/log`);
  const opened = await recoverLog(folder, root, {
    origin: options.origin,
    rehearsal: options.rehearsal,
  });

  // The first part that fails takes all others with it: nothing goes on half recorded.
  let failed: LedgerFailure | undefined;
  const fail = (failure: LedgerFailure): void => {
    if (failed) return;
    failed = failure;
    journal.fail(failure);
    log.fail(failure);
  };
  const indexFailed = (cause: unknown): never => {
    const failure = new LedgerFailure('the index cannot be written', { cause });
    fail(failure);
    throw failure;
  };
  const indexPath = options.indexPath ?? `${root}/index.db`;
  const index = await openIndex(
    files,
    indexPath,
    folder,
    opened.edge.size,
    opened.signer.name,
    indexFailed,
  );

  let sealedUntil = index.sealedUntil();
  const found = await recoverJournal(files, `${root}/journal`, sealedUntil);
  const journal = new SegmentJournal(files, `${root}/journal`, found, {
    segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
    onFailure: fail,
  });
  const log = new MerkleLog(folder, root, opened.signer, opened, (stored, bytes) => {
    index.follow(stored, bytes);
  });
  const append = async (entries: readonly LogEntry[]): Promise<readonly StoredEntry[]> => {
    if (failed) throw failed;
    try {
      return await log.append(entries);
    } catch (error) {
      if (error instanceof LedgerFailure) fail(error);
      throw error;
    }
  };

  // One seal at a time: the next block begins where the one before ended.
  let sealing: Promise<unknown> = Promise.resolve();
  const sealNow = async (entries: readonly LogEntry[]): Promise<readonly StoredEntry[]> => {
    // Wrong entries are refused before the blocks are taken: these can be taken only once.
    entries.forEach(encodeEntry);
    if (failed) throw failed;
    const from = sealedUntil;
    const { until, blocks } = journal.takeBlocks();
    await journal.flush();
    const sealedAtNs = options.nowNs();
    const sealed = blocks.map((block): LogEntry => ({
      type: 'block',
      source: block.source,
      profile: options.profileOf?.(block.source) ?? '',
      from,
      until,
      recordsCount: block.recordsCount,
      sha256: block.sha256,
      sealedAtNs,
    }));
    const stored = await append([...sealed, ...entries]);
    if (blocks.length > 0) sealedUntil = until;
    return stored;
  };

  let taking: Promise<unknown> = Promise.resolve();
  const takeHandedIn = async (): Promise<readonly StoredEntry[]> => {
    const handed = await handedIn(files, root);
    if (handed.length === 0) return [];
    const known = new Set(index.settlements().map(({ sha256 }) => sha256));
    const wanted = handed.filter(({ sha256 }) => !known.has(sha256));
    const stored = await append(wanted.map(({ entry }) => entry));
    for (const { sha256 } of handed) await taken(files, root, sha256);
    return stored;
  };

  if (found.cut) {
    const { position, sizeBytes } = found.cut;
    const detail = {
      fault: 'ledger.torn-tail',
      position: String(position),
      size_bytes: String(sizeBytes),
      acknowledged: 'no',
    };
    await journal.note({ kind: 'lost', atNs: options.nowNs(), detail });
  }
  if (opened.isNew) {
    const document = { event: 'created', vkey: vkeyText(opened.signer) };
    await append([{ type: 'key', atNs: options.nowNs(), document }]);
  }

  return {
    journal,
    log: {
      get size() {
        return log.size;
      },
      append,
      scan: (from) => log.scan(from),
    },
    statements: index,
    cursors: index.cursors,
    get sealedUntil() {
      return sealedUntil;
    },
    origin: opened.signer.name,
    vkey: vkeyText(opened.signer),
    cutBytes: found.cut?.sizeBytes ?? 0,
    positionBefore: (atNs) => index.sealedFrom(atNs),
    settlements: () => index.settlements(),
    appendHandedIn() {
      // In turns: two at once would append an entry twice.
      const turn = taking.then(takeHandedIn);
      taking = turn.catch(() => undefined);
      return turn;
    },
    seal(entries) {
      const turn = sealing.then(() => sealNow(entries));
      sealing = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      try {
        await sealing;
        await log.settled();
        await journal.close();
      } finally {
        index.close();
        await release();
      }
    },
  };
}
