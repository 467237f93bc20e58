// The part of ASN.1's Basic Encoding Rules that SNMP uses (RFC 3417 §8): definite lengths, small tags. Reading is strict:
// what does not fit into the bytes given is nothing.

export const TAG = {
  integer: 0x02,
  octets: 0x04,
  nothing: 0x05,
  objectId: 0x06,
  sequence: 0x30,
  getRequest: 0xa0,
  response: 0xa2,
  report: 0xa8,
} as const;

/** A value with its tag: what it holds, and all of it with tag and length. */
export interface Element {
  readonly tagCode: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

/** The element that begins there, or undefined where none does. */
export function elementAt(bytes: Uint8Array, at: number): Element | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let from = at + 2;
  let size = first;
  if (first >= 0x80) {
    // 0x80 would be an indefinite length; more than four octets never fit into a datagram.
    const octetsCount = first & 0x7f;
    if (octetsCount < 1 || octetsCount > 4 || from + octetsCount > bytes.length) return undefined;
    size = 0;
    for (let n = 0; n < octetsCount; n++) size = size * 256 + (bytes[from + n] ?? 0);
    from += octetsCount;
  }
  if (from + size > bytes.length) return undefined;
  return {
    tagCode: tag,
    content: bytes.subarray(from, from + size),
    whole: bytes.subarray(at, from + size),
  };
}

/** The elements that follow each other and fill the bytes; undefined where they do not. */
export function elementsIn(bytes: Uint8Array): readonly Element[] | undefined {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const element = elementAt(bytes, at);
    if (element === undefined) return undefined;
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** What the bytes hold where they are one element of that tag and nothing else. */
export function contentOf(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const element = elementAt(bytes, 0);
  return element?.tagCode === tag && element.whole.length === bytes.length
    ? element.content
    : undefined;
}

/** A signed integer of at most five octets; undefined for anything else. */
export function integerIn(element: Element | undefined): number | undefined {
  if (element?.tagCode !== TAG.integer) return undefined;
  const { content } = element;
  if (content.length < 1 || content.length > 5) return undefined;
  let number = (content[0] ?? 0) >= 0x80 ? -1 : 0;
  for (const octet of content) number = number * 256 + octet;
  return number;
}

export const octetsIn = (element: Element | undefined): Uint8Array | undefined =>
  element?.tagCode === TAG.octets ? element.content : undefined;

/** Tag, length and the parts one after another. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const head =
    size < 0x80
      ? [tag, size]
      : size < 0x100
        ? [tag, 0x81, size]
        : [tag, 0x82, size >> 8, size & 0xff];
  const whole = new Uint8Array(head.length + size);
  whole.set(head);
  let at = head.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** An integer from 0 to 2^31 - 1. */
export function integer(number: number): Uint8Array {
  const octets = [number & 0xff];
  for (let rest = Math.floor(number / 256); rest > 0; rest = Math.floor(rest / 256))
    octets.unshift(rest & 0xff);
  if ((octets[0] ?? 0) >= 0x80) octets.unshift(0);
  return element(TAG.integer, Uint8Array.from(octets));
}

export const octets = (bytes: Uint8Array): Uint8Array => element(TAG.octets, bytes);

/** An object identifier from dotted numbers such as `1.3.6.1.2.1.1.3.0`. */
export function objectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [40 * first + second, ...rest].flatMap((arc) => {
    const septets = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left % 128) + 128);
    return septets;
  });
  return element(TAG.objectId, Uint8Array.from(bytes));
}

export const areEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, n) => byte === other[n]);
