// Objects as texts (`integer -1`, `unsigned32 7`, `text PX3`, `no-such-instance`) and PDUs of them, encoded by the letter of
// BER with big integers: it shares no code with the decoder or the transport that it tests.

export interface Bound {
  readonly oid: string;
  readonly value: string;
}

const TAGS: Readonly<Record<string, number>> = {
  integer: 0x02,
  counter32: 0x41,
  unsigned32: 0x42,
  timeticks: 0x43,
  counter64: 0x46,
};
const EMPTY: Readonly<Record<string, number>> = {
  null: 0x05,
  'no-such-object': 0x80,
  'no-such-instance': 0x81,
  'end-of-mib-view': 0x82,
};

export function tlv(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

export function berInteger(value: bigint, tag = 0x02): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(8 * bytes, value) !== value) bytes += 1;
  const hex = BigInt.asUintN(8 * bytes, value)
    .toString(16)
    .padStart(2 * bytes, '0');
  return tlv(tag, Buffer.from(hex, 'hex'));
}

export function berOid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(BigInt);
  const bytes = [first! * 40n + second!, ...rest].flatMap((arc) => {
    const septets = [Number(arc % 128n)];
    for (let left = arc / 128n; left > 0n; left /= 128n) septets.unshift(Number(left % 128n) | 128);
    return septets;
  });
  return tlv(0x06, Buffer.from(bytes));
}

export function berValue(text: string): Buffer {
  const [type = '', ...words] = text.split(' ');
  const said = words.join(' ');
  if (type === 'text') return tlv(0x04, Buffer.from(said));
  if (type === 'raw') return Buffer.from(said.replaceAll(' ', ''), 'hex');
  const empty = EMPTY[type];
  if (empty !== undefined) return tlv(empty);
  const tag = TAGS[type];
  if (tag === undefined) throw new Error(`"${text}" is no value`);
  return berInteger(BigInt(said), tag);
}

export const GET = 0xa0;
export const RESPONSE = 0xa2;
export const REPORT = 0xa8;

export const pdu = (
  tag: number,
  requestId: number,
  bound: readonly Bound[],
  errorStatus = 0,
  errorIndex = 0,
): Buffer =>
  tlv(
    tag,
    berInteger(BigInt(requestId)),
    berInteger(BigInt(errorStatus)),
    berInteger(BigInt(errorIndex)),
    tlv(0x30, ...bound.map(({ oid, value }) => tlv(0x30, berOid(oid), berValue(value)))),
  );
