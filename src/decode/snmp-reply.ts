// Judges an SNMP exchange once more, from its stored bytes alone: whoever decodes the journal later, with other code, must
// not have to trust that a transport judged well. PDUs: RFC 3416 §3; values: RFC 2578 §7.1, RFC 3417 §8 (BER). Encodings
// that BER forbids but agents use (a Gauge32 without its leading zero octet) are read as what they can only mean.
import type { FaultCode } from '../quantity/fault.ts';
import type { SnmpType } from './profile-words.ts';

/** What an object holds. */
export type SnmpValue =
  | { readonly is: 'number'; readonly type: SnmpType | 'timeticks'; readonly integer: bigint }
  | { readonly is: 'octets'; readonly octets: Uint8Array }
  /** noSuchObject, noSuchInstance, endOfMibView: the agent has nothing there. */
  | { readonly is: 'absent' }
  | { readonly is: 'other' };

export type JudgedObjects =
  | { readonly ok: true; readonly values: ReadonlyMap<string, SnmpValue> }
  | { readonly ok: false; readonly fault: FaultCode };

const GET_REQUEST = 0xa0;
const RESPONSE = 0xa2;
const INTEGER = 0x02;
const OBJECT_ID = 0x06;
const SEQUENCE = 0x30;
const ABSENT_TAGS: readonly number[] = [0x80, 0x81, 0x82];
const TOO_BIG = 1;
const RESOURCE_UNAVAILABLE = 13;

const NUMBERS: Readonly<Record<number, { type: SnmpType | 'timeticks'; bits: 32 | 64 }>> = {
  0x02: { type: 'integer', bits: 32 },
  0x41: { type: 'counter32', bits: 32 },
  0x42: { type: 'unsigned32', bits: 32 },
  0x43: { type: 'timeticks', bits: 32 },
  0x46: { type: 'counter64', bits: 64 },
};

interface Part {
  readonly tag: number;
  readonly content: Uint8Array;
}

interface Pdu {
  readonly tag: number;
  readonly requestId: bigint;
  readonly errorStatus: bigint;
  readonly bindings: readonly { readonly name: string; readonly value: Part }[];
}

/** The objects that a request asks for, as dotted numbers, or undefined where the bytes are no such request. */
export function askedObjects(request: Uint8Array): readonly string[] | undefined {
  const pdu = pduOf(request);
  return pdu?.tag === GET_REQUEST ? pdu.bindings.map(({ name }) => name) : undefined;
}

/** The values of a reply by object, or why it does not answer the request. Never throws. */
export function judgeObjects(request: Uint8Array, reply: Uint8Array): JudgedObjects {
  const asked = pduOf(request);
  const came = pduOf(reply);
  if (asked?.tag !== GET_REQUEST) return { ok: false, fault: 'decode.malformed' };
  if (came === undefined) return { ok: false, fault: 'transport.frame' };
  if (came.tag !== RESPONSE || came.requestId !== asked.requestId)
    return { ok: false, fault: 'transport.foreign' };
  if (came.errorStatus !== 0n) return { ok: false, fault: refusalOf(came.errorStatus) };
  const isSame =
    came.bindings.length === asked.bindings.length &&
    came.bindings.every(({ name }, n) => name === asked.bindings[n]?.name);
  if (!isSame) return { ok: false, fault: 'transport.foreign' };
  const values = new Map<string, SnmpValue>();
  for (const { name, value } of came.bindings) {
    const read = valueOf(value);
    if (read === undefined) return { ok: false, fault: 'transport.frame' };
    values.set(name, read);
  }
  return { ok: true, values };
}

function refusalOf(errorStatus: bigint): FaultCode {
  if (errorStatus === BigInt(TOO_BIG)) return 'transport.too-big';
  return errorStatus === BigInt(RESOURCE_UNAVAILABLE) ? 'transport.busy' : 'transport.exception';
}

function valueOf({ tag, content }: Part): SnmpValue | undefined {
  const number = NUMBERS[tag];
  if (number !== undefined) {
    const integer = number.type === 'integer' ? signed(content) : unsigned(content, number.bits);
    return integer === undefined ? undefined : { is: 'number', type: number.type, integer };
  }
  if (tag === 0x04) return { is: 'octets', octets: content };
  return ABSENT_TAGS.includes(tag) ? { is: 'absent' } : { is: 'other' };
}

/** Two's complement of at most 32 bits. */
function signed(content: Uint8Array): bigint | undefined {
  if (content.length < 1 || content.length > 4) return undefined;
  return BigInt.asIntN(8 * content.length, magnitude(content));
}

function unsigned(content: Uint8Array, bits: 32 | 64): bigint | undefined {
  const most = bits / 8 + 1;
  if (content.length < 1 || content.length > most) return undefined;
  if (content.length === most && content[0] !== 0) return undefined;
  return magnitude(content);
}

const magnitude = (content: Uint8Array): bigint =>
  content.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

function pduOf(bytes: Uint8Array): Pdu | undefined {
  const [whole, ...outside] = partsIn(bytes) ?? [];
  if (whole === undefined || outside.length > 0) return undefined;
  const [id, status, index, list, ...surplus] = partsIn(whole.content) ?? [];
  if (id?.tag !== INTEGER || status?.tag !== INTEGER || index?.tag !== INTEGER) return undefined;
  if (list?.tag !== SEQUENCE || surplus.length > 0) return undefined;
  const requestId = signed(id.content);
  const errorStatus = signed(status.content);
  const entries = partsIn(list.content);
  if (requestId === undefined || errorStatus === undefined || entries === undefined)
    return undefined;
  const bindings: { name: string; value: Part }[] = [];
  for (const entry of entries) {
    const [name, value, ...more] = partsIn(entry.content) ?? [];
    if (entry.tag !== SEQUENCE || name?.tag !== OBJECT_ID) return undefined;
    if (value === undefined || more.length > 0) return undefined;
    const dotted = dottedOf(name.content);
    if (dotted === undefined) return undefined;
    bindings.push({ name: dotted, value });
  }
  return { tag: whole.tag, requestId, errorStatus, bindings };
}

/** The parts that follow each other and fill the bytes; undefined where they do not. Lengths are definite. */
function partsIn(bytes: Uint8Array): readonly Part[] | undefined {
  const parts: Part[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1];
    if (first === undefined) return undefined;
    let from = at + 2;
    let size = first;
    if (first > 0x7f) {
      const octetsCount = first - 0x80;
      if (octetsCount < 1 || octetsCount > 4) return undefined;
      size = Number(magnitude(bytes.subarray(from, from + octetsCount)));
      from += octetsCount;
    }
    if (from + size > bytes.length) return undefined;
    parts.push({ tag, content: bytes.subarray(from, from + size) });
    at = from + size;
  }
  return parts;
}

/** `1.3.6.1...`; undefined where a number is cut short or does not fit 32 bits. */
function dottedOf(content: Uint8Array): string | undefined {
  const arcs: number[] = [];
  let arc = 0;
  for (const [at, octet] of content.entries()) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > 0xffff_ffff) return undefined;
    if (octet >= 0x80) {
      if (at === content.length - 1) return undefined;
      continue;
    }
    arcs.push(arc);
    arc = 0;
  }
  const [head, ...rest] = arcs;
  if (head === undefined) return undefined;
  const first = Math.min(Math.floor(head / 40), 2);
  return [first, head - 40 * first, ...rest].join('.');
}
