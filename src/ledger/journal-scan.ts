// Reading the journal back as records, from a position to another, in batches.
import { FRAME_TYPES, type Frame } from './frame.ts';
import type { FilePort } from './file-port.ts';
import { UnreadableRecord, readEvent, readExchange } from './exchange-codec.ts';
import { LedgerDamage, type JournalPosition, type JournalRecord } from './ledger.ts';
import { SourceNames } from './raw-blocks.ts';
import { framesOf, listSegments, type BadFrame } from './segments.ts';

/**
 * Records in [from, until). Request and reply of an exchange are views of a larger buffer: copy what is kept for long.
 * @throws LedgerDamage at the first frame that cannot be read
 */
export async function* recordsFrom(
  files: FilePort,
  folder: string,
  from: JournalPosition,
  until: JournalPosition,
): AsyncGenerator<readonly JournalRecord[]> {
  const { segments } = await listSegments(files, folder);
  for (const segment of segments) {
    const end = Math.min(until, segment.base + segment.sizeBytes);
    if (segment.base + segment.sizeBytes <= from || segment.base >= until) continue;
    // A segment is read from its head even for a later position, since its sources are named on the way.
    const names = new SourceNames();
    const frames = framesOf(files, segment, end);
    for (;;) {
      const next = await frames.next();
      if (next.done === true) {
        if (next.value) throw damageOf(next.value);
        break;
      }
      const batch: JournalRecord[] = [];
      for (const frame of next.value) {
        const record = recordOf(frame, names, frame.position >= from, segment.path);
        if (record) batch.push(record);
      }
      if (batch.length > 0) yield batch;
    }
  }
}

function recordOf(
  frame: Frame,
  names: SourceNames,
  isWanted: boolean,
  path: string,
): JournalRecord | undefined {
  const { source, trouble } = names.of(frame);
  try {
    if (trouble !== undefined) throw new UnreadableRecord(trouble);
    if (!isWanted || source === undefined) return undefined;
    const { position } = frame;
    return frame.type === FRAME_TYPES.exchange
      ? { is: 'exchange', position, exchange: readExchange(frame.body, source) }
      : { is: 'event', position, event: readEvent(frame.body) };
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error;
    throw new LedgerDamage(
      'ledger.corrupt',
      `${path} at position ${String(frame.position)}`,
      error.message,
    );
  }
}

export const damageOf = ({ segment, position, because }: BadFrame): LedgerDamage =>
  new LedgerDamage(
    'ledger.corrupt',
    `${segment.path} at offset ${String(position - segment.base)}`,
    because,
  );
