// What a start finds in the journal. A torn tail, the bytes of a batch that was never acknowledged, is cut off; any other
// damage stops the start, since cutting there would lose records that somebody was told are kept.
import type { FilePort } from './file-port.ts';
import { FRAME_TYPES, hasSyncedAfter, type Frame } from './frame.ts';
import { UnreadableRecord, readExchange } from './exchange-codec.ts';
import { damageOf } from './journal-scan.ts';
import { LedgerDamage } from './ledger.ts';
import { RawBlocks, SourceNames } from './raw-blocks.ts';
import { RedeliveryMemory } from './redelivery.ts';
import { bytesFrom, framesOf, listSegments, type BadFrame, type Segment } from './segments.ts';

export interface Recovered {
  readonly end: number;
  /** Base of the segment that is still open; undefined in an empty journal. */
  readonly segmentBase: number | undefined;
  /** The sources that this segment has named, in order. */
  readonly sourceNames: readonly string[];
  /** Over what lies behind the last seal. */
  readonly blocks: RawBlocks;
  readonly memory: RedeliveryMemory;
  /** Bytes cut off the tail; none of them had been acknowledged. */
  readonly cut: { readonly position: number; readonly sizeBytes: number } | undefined;
}

/** How much of the tail is read at a start to remember messages that may be delivered again. */
const TAIL_BYTES = 8 * 1024 * 1024;

/**
 * Reads the journal from the last seal (and at least its tail) to its end, and cuts a torn tail.
 * @throws LedgerDamage where acknowledged records are damaged or missing
 */
export async function recoverJournal(
  files: FilePort,
  folder: string,
  sealedUntil: number,
): Promise<Recovered> {
  const { segments } = await listSegments(files, folder);
  checkChain(segments, folder);
  const last = segments.at(-1);
  let end = last === undefined ? 0 : last.base + last.sizeBytes;
  const startAt = Math.max(0, Math.min(sealedUntil, end - TAIL_BYTES));
  const blocks = new RawBlocks();
  const memory = new RedeliveryMemory();
  let names = new SourceNames();
  let segmentBase = last?.base;
  let cut: Recovered['cut'];

  for (const segment of segments) {
    if (segment.base + segment.sizeBytes <= startAt && segment !== last) continue;
    names = new SourceNames();
    const frames = framesOf(files, segment);
    for (;;) {
      const next = await frames.next();
      if (next.done !== true) {
        for (const frame of next.value) {
          takeIn(frame, segment, names, memory, frame.position >= sealedUntil ? blocks : undefined);
        }
        continue;
      }
      const bad = next.value;
      if (bad === undefined) break;
      if (segment !== last || !(await isTorn(files, bad, sealedUntil))) throw damageOf(bad);
      cut = { position: bad.position, sizeBytes: end - bad.position };
      end = bad.position;
      if (bad.position === segment.base) {
        // Not even its head was whole: the segment begins anew when something is appended.
        await files.remove(segment.path);
        await files.syncFolder(folder);
        segmentBase = undefined;
      } else {
        await files.truncate(segment.path, bad.position - segment.base);
      }
      break;
    }
  }
  if (end < sealedUntil) {
    throw new LedgerDamage(
      'ledger.missing',
      folder,
      `the journal ends at position ${String(end)}, but its records were sealed up to ${String(sealedUntil)}`,
    );
  }
  const sourceNames = segmentBase === undefined ? [] : names.names;
  return { end, segmentBase, sourceNames, blocks, memory, cut };
}

function takeIn(
  frame: Frame,
  segment: Segment,
  names: SourceNames,
  memory: RedeliveryMemory,
  blocks: RawBlocks | undefined,
): void {
  const { source, trouble } = names.of(frame);
  const where = `${segment.path} at offset ${String(frame.position - segment.base)}`;
  if (trouble !== undefined) throw new LedgerDamage('ledger.corrupt', where, trouble);
  if (source === undefined) return;
  blocks?.add(source, frame.bytes);
  if (frame.type !== FRAME_TYPES.exchange) return;
  try {
    memory.remember(readExchange(frame.body, source), frame.position);
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error;
    throw new LedgerDamage('ledger.corrupt', where, error.message);
  }
}

/** Whether bad bytes can be the rest of a batch that was being written: behind every seal and every mark. */
export async function isTorn(
  files: FilePort,
  bad: BadFrame,
  sealedUntil: number,
): Promise<boolean> {
  if (bad.position < sealedUntil) return false;
  const rest = await bytesFrom(files, bad.segment, bad.position);
  return !hasSyncedAfter(rest, 1, bad.position);
}

/** Segments must follow each other without a hole, from position 0. @throws LedgerDamage */
export function checkChain(segments: readonly Segment[], folder: string): void {
  let expected = 0;
  for (const segment of segments) {
    if (segment.base !== expected) {
      throw new LedgerDamage(
        'ledger.missing',
        folder,
        `a segment should begin at position ${String(expected)}, but the next one begins at ${String(segment.base)}`,
      );
    }
    expected = segment.base + segment.sizeBytes;
  }
}
