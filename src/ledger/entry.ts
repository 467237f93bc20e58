// A log entry as canonical bytes, and back. The bytes are what the log keeps and hashes; the entry is what they mean.
import { hash } from 'node:crypto';
import { formatInstant } from '../quantity/time.ts';
import { canonicalBytes, isCanonical, readObject } from './canonical.ts';
import type { LeafIndex, LogEntry, StoredEntry } from './ledger.ts';
import { Fields, UnreadableEntry, readStatement, statementJson } from './statement-entry.ts';
import { ENTRY_MAX_BYTES } from './tiles.ts';

const DOCUMENT_TYPES = [
  'model',
  'event',
  'configuration',
  'profile',
  'clock',
  'key',
  'lost',
  'settlement',
  'activity',
] as const;

/** @throws RangeError where the entry is no plain JSON, not exact, or longer than 65 535 bytes */
export function encodeEntry(entry: LogEntry): Uint8Array {
  const bytes = canonicalBytes(entryJson(entry));
  if (bytes.length > ENTRY_MAX_BYTES) {
    throw new RangeError(
      `an entry of type ${entry.type} has ${String(bytes.length)} bytes; the log takes at most ${String(ENTRY_MAX_BYTES)}`,
    );
  }
  return bytes;
}

function entryJson(entry: LogEntry): Record<string, unknown> {
  switch (entry.type) {
    case 'statement':
      return statementJson(entry.statement);
    case 'block':
      return {
        type: entry.type,
        source: entry.source,
        profile: entry.profile,
        from: entry.from,
        until: entry.until,
        records_count: entry.recordsCount,
        sha256: entry.sha256,
        sealed_at: formatInstant(entry.sealedAtNs),
      };
    case 'model':
    case 'event':
    case 'configuration':
    case 'profile':
    case 'clock':
    case 'key':
    case 'lost':
    case 'settlement':
    case 'activity':
      return { type: entry.type, at: formatInstant(entry.atNs), document: entry.document };
  }
}

/** @throws UnreadableEntry where the bytes are no entry, or not in the one canonical form */
export function decodeEntry(bytes: Uint8Array): LogEntry {
  const json = readObject(bytes);
  if (json === undefined) throw new UnreadableEntry('it is no JSON object');
  if (!isCanonical(bytes)) throw new UnreadableEntry('it is not canonical JSON');
  try {
    return readEntry(json);
  } catch (error) {
    if (!(error instanceof UnreadableEntry)) throw error;
    throw new UnreadableEntry(`its field ${error.message} is missing or wrong`);
  }
}

function readEntry(json: Record<string, unknown>): LogEntry {
  const field = new Fields(json);
  const type = field.word('type', ['statement', 'block', ...DOCUMENT_TYPES] as const);
  if (type === 'statement') return { type, statement: readStatement(json) };
  if (type === 'block') {
    const sha256 = field.text('sha256');
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new UnreadableEntry('sha256');
    return {
      type,
      source: field.text('source'),
      profile: field.text('profile'),
      from: field.whole('from'),
      until: field.whole('until'),
      recordsCount: field.whole('records_count'),
      sha256,
      sealedAtNs: field.instant('sealed_at'),
    };
  }
  return { type, atNs: field.instant('at'), document: json['document'] };
}

/** SHA-256 of an entry's bytes, hex: the name by which a later version supersedes it. */
export const entrySha256 = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');

/** @throws UnreadableEntry */
export const storedEntry = (leaf: LeafIndex, bytes: Uint8Array): StoredEntry => ({
  leaf,
  sha256: entrySha256(bytes),
  entry: decodeEntry(bytes),
});
