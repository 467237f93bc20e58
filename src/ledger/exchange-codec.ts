// The packed bytes of an exchange and of an event in the journal (docs/ledger-format.md). Little-endian throughout.
import { FAULT_CODES, type FaultCode } from '../quantity/fault.ts';
import { EXCHANGE_FORMS, type Exchange } from '../quantity/exchange.ts';
import { formatInstant, instantNs, parseInstant } from '../quantity/time.ts';
import { canonicalBytes, readObject, textOf } from './canonical.ts';
import type { JournalEvent } from './ledger.ts';

/** Bytes of an exchange in front of its fault, request and reply. */
export const EXCHANGE_FIXED_BYTES = 35;
const RETAINED = 1;
const REDELIVERED = 2;

/** Stored bytes that mean nothing: damage, or a later format. */
export class UnreadableRecord extends Error {}

const isFaultCode = (text: string): text is FaultCode => Object.hasOwn(FAULT_CODES, text);

/** Bytes that `writeExchange` needs. */
export const exchangeBytes = (exchange: Exchange): number =>
  EXCHANGE_FIXED_BYTES +
  (exchange.fault?.length ?? 0) +
  exchange.request.length +
  exchange.reply.length;

/**
 * Writes an exchange of the source with this index; returns the offset behind it.
 * 0 u16 source index, 2 u8 form, 3 u8 flags, 4 u16 packet id, 6 i64 sent, 14 i64 first byte, 22 i64 last byte,
 * 30 u8 length of the fault code, 31 u32 length of the request, 35 fault code, request, reply.
 */
export function writeExchange(
  into: Buffer,
  at: number,
  sourceIndex: number,
  exchange: Exchange,
): number {
  const { flags, fault, request, reply } = exchange;
  into.writeUInt16LE(sourceIndex, at);
  into[at + 2] = EXCHANGE_FORMS.indexOf(exchange.form);
  into[at + 3] = (flags.retained ? RETAINED : 0) | (flags.redelivered ? REDELIVERED : 0);
  into.writeUInt16LE(flags.packetId, at + 4);
  into.writeBigInt64LE(exchange.sentNs, at + 6);
  into.writeBigInt64LE(exchange.firstByteNs, at + 14);
  into.writeBigInt64LE(exchange.lastByteNs, at + 22);
  into[at + 30] = fault?.length ?? 0;
  into.writeUInt32LE(request.length, at + 31);
  let end = at + EXCHANGE_FIXED_BYTES;
  if (fault !== undefined) end += into.write(fault, end, 'latin1');
  into.set(request, end);
  into.set(reply, end + request.length);
  return end + request.length + reply.length;
}

/** Reads what `writeExchange` wrote. Request and reply are views of `body`. @throws UnreadableRecord */
export function readExchange(body: Uint8Array, source: string): Exchange {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes.length < EXCHANGE_FIXED_BYTES) throw new UnreadableRecord('the exchange is too short');
  const form = EXCHANGE_FORMS[bytes[2] ?? -1];
  const flags = bytes[3] ?? 0;
  const requestAt = EXCHANGE_FIXED_BYTES + (bytes[30] ?? 0);
  const replyAt = requestAt + bytes.readUInt32LE(31);
  if (form === undefined) throw new UnreadableRecord('the exchange is of no form we know');
  if (flags > (RETAINED | REDELIVERED))
    throw new UnreadableRecord('the exchange has unknown flags');
  if (replyAt > bytes.length) throw new UnreadableRecord('the lengths in the exchange do not fit');
  let fault: FaultCode | undefined;
  if (requestAt > EXCHANGE_FIXED_BYTES) {
    const code = bytes.toString('latin1', EXCHANGE_FIXED_BYTES, requestAt);
    if (!isFaultCode(code)) throw new UnreadableRecord(`"${code}" is no fault code`);
    fault = code;
  }
  return {
    source,
    form,
    request: bytes.subarray(requestAt, replyAt),
    reply: bytes.subarray(replyAt),
    sentNs: instantNs(bytes.readBigInt64LE(6)),
    firstByteNs: instantNs(bytes.readBigInt64LE(14)),
    lastByteNs: instantNs(bytes.readBigInt64LE(22)),
    fault,
    flags: {
      retained: (flags & RETAINED) !== 0,
      redelivered: (flags & REDELIVERED) !== 0,
      packetId: bytes.readUInt16LE(4),
    },
  };
}

const EVENT_KINDS: readonly JournalEvent['kind'][] = ['start', 'clock', 'lost', 'stop'];

/** An event is canonical JSON: `{"at":...,"detail":{...},"kind":...}`. */
export const eventBytes = (event: JournalEvent): Uint8Array =>
  canonicalBytes({ kind: event.kind, at: formatInstant(event.atNs), detail: event.detail });

/** @throws UnreadableRecord */
export function readEvent(body: Uint8Array): JournalEvent {
  const object = readObject(body);
  const kind = EVENT_KINDS.find((known) => known === object?.['kind']);
  const atNs = parseInstant(textOf(object?.['at']));
  const detail = object?.['detail'];
  if (kind === undefined || atNs === undefined || typeof detail !== 'object' || detail === null) {
    throw new UnreadableRecord('the event is not what an event is');
  }
  return {
    kind,
    atNs,
    detail: Object.fromEntries(Object.entries(detail).map(([name, text]) => [name, textOf(text)])),
  };
}
