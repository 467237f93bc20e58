// Checks the journal against the blocks that the log has sealed, record by record, and names the first thing that is
// wrong with file and offset.
import { UnreadableRecord, readEvent, readExchange } from './exchange-codec.ts';
import type { FilePort } from './file-port.ts';
import { FRAME_TYPES, type Frame } from './frame.ts';
import { checkChain, isTorn } from './journal-recovery.ts';
import { damageOf } from './journal-scan.ts';
import { LedgerDamage } from './ledger.ts';
import { RawBlocks, SourceNames } from './raw-blocks.ts';
import { framesOf, listSegments } from './segments.ts';
import type { SealedBlock } from './verify-log.ts';

export interface JournalAudit {
  readonly recordsCount: number;
  readonly sizeBytes: number;
  /** Bytes behind the last whole record: a write that a crash cut off, never acknowledged. */
  readonly tornBytes: number;
  /** Position up to which records are sealed in the log. */
  readonly sealedUntil: number;
}

/** Blocks that were sealed together. */
interface Seal {
  readonly from: number;
  readonly until: number;
  readonly blocks: readonly SealedBlock[];
}

/** @throws LedgerDamage where the seals do not follow each other without a hole */
function sealsOf(blocks: readonly SealedBlock[], where: string): readonly Seal[] {
  const seals: { from: number; until: number; blocks: SealedBlock[] }[] = [];
  for (const sealed of blocks) {
    const { from, until } = sealed.block;
    const last = seals.at(-1);
    if (last?.from === from && last.until === until) {
      last.blocks.push(sealed);
      continue;
    }
    if (from !== (last?.until ?? 0) || until <= from) {
      throw new LedgerDamage(
        'ledger.block-mismatch',
        `${where}, leaf ${String(sealed.leaf)}`,
        `the block begins at position ${String(from)}, but the one before it ended at ${String(last?.until ?? 0)}`,
      );
    }
    seals.push({ from, until, blocks: [sealed] });
  }
  return seals;
}

/** @throws LedgerDamage at the first record or block that does not check */
export async function verifyJournal(
  files: FilePort,
  folder: string,
  logFolder: string,
  blocks: readonly SealedBlock[],
  onProgress: (doneBytes: number, ofBytes: number) => void,
): Promise<JournalAudit> {
  const seals = sealsOf(blocks, `${logFolder}/tile/entries`);
  const sealedUntil = seals.at(-1)?.until ?? 0;
  const { segments, strays } = await listSegments(files, folder);
  const [stray] = strays;
  if (stray !== undefined) {
    throw new LedgerDamage(
      'ledger.leftover',
      `${folder}/${stray}`,
      'it is no segment of a journal',
    );
  }
  checkChain(segments, folder);
  const last = segments.at(-1);
  const sizeBytes = last === undefined ? 0 : last.base + last.sizeBytes;
  let end = sizeBytes;
  let recordsCount = 0;
  let next = 0;
  const open = new RawBlocks();
  const closeSealsBefore = (position: number): void => {
    for (let seal = seals[next]; seal !== undefined && position >= seal.until; seal = seals[next]) {
      compare(seal, open, folder);
      next++;
    }
  };

  for (const segment of segments) {
    const names = new SourceNames();
    const frames = framesOf(files, segment);
    for (;;) {
      const step = await frames.next();
      if (step.done === true) {
        const bad = step.value;
        if (bad === undefined) break;
        // A process that dies leaves the beginning of what it wrote; anything else is damage.
        if (segment !== last || !bad.short || !(await isTorn(files, bad, sealedUntil))) {
          throw damageOf(bad);
        }
        end = bad.position;
        break;
      }
      for (const frame of step.value) {
        closeSealsBefore(frame.position);
        const source = checkFrame(frame, names, segment.path, segment.base);
        if (source === undefined) continue;
        recordsCount++;
        if (frame.position < sealedUntil) open.add(source, frame.bytes);
      }
      const done = step.value.at(-1);
      if (done) onProgress(done.position + done.lengthBytes, sizeBytes);
    }
  }
  if (end < sealedUntil) {
    throw new LedgerDamage(
      'ledger.missing',
      folder,
      `the journal ends at position ${String(end)}, but its records were sealed up to ${String(sealedUntil)}`,
    );
  }
  closeSealsBefore(end);
  return { recordsCount, sizeBytes: end, tornBytes: sizeBytes - end, sealedUntil };
}

/** The source to which a frame counts, after its content was read. @throws LedgerDamage */
function checkFrame(
  frame: Frame,
  names: SourceNames,
  path: string,
  base: number,
): string | undefined {
  const { source, trouble } = names.of(frame);
  try {
    if (trouble !== undefined) throw new UnreadableRecord(trouble);
    if (source !== undefined && frame.type === FRAME_TYPES.exchange)
      readExchange(frame.body, source);
    if (frame.type === FRAME_TYPES.event) readEvent(frame.body);
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error;
    const where = `${path} at offset ${String(frame.position - base)}`;
    throw new LedgerDamage('ledger.corrupt', where, error.message);
  }
  return source;
}

function compare(seal: Seal, open: RawBlocks, folder: string): void {
  const found = new Map(open.take().map((block) => [block.source, block]));
  const where = `${folder}, positions ${String(seal.from)} to ${String(seal.until)}`;
  for (const { leaf, block } of seal.blocks) {
    const raw = found.get(block.source);
    found.delete(block.source);
    if (raw?.recordsCount !== block.recordsCount) {
      throw new LedgerDamage(
        'ledger.block-mismatch',
        where,
        `leaf ${String(leaf)} seals ${String(block.recordsCount)} records of ${block.source}, the journal has ${String(raw?.recordsCount ?? 0)}`,
      );
    }
    if (raw.sha256 !== block.sha256) {
      throw new LedgerDamage(
        'ledger.block-mismatch',
        where,
        `the records of ${block.source} are not those that leaf ${String(leaf)} seals`,
      );
    }
  }
  const [unsealed] = found.keys();
  if (unsealed !== undefined) {
    throw new LedgerDamage(
      'ledger.block-mismatch',
      where,
      `the journal has records of ${unsealed} that no block seals`,
    );
  }
}
