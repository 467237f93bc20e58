// An SNMP v2c agent that does what a test tells it to: answer rightly, late, twice, with another's objects, or not at all.
import { createSocket, type Socket } from 'node:dgram';
import { berInteger, pdu, RESPONSE, tlv, type Bound } from './snmp-ber.ts';

export interface AskedOf {
  readonly requestId: number;
  readonly oids: readonly string[];
  /** Sends a PDU back in a message of version 2c. */
  readonly answer: (pdu: Buffer, community?: string) => void;
  readonly send: (datagram: Buffer) => void;
  /** Who asked. */
  readonly peerPort: number;
  /** The right answer: every object that the agent has. */
  readonly right: () => Buffer;
}

export const communityMessage = (community: string, inner: Buffer): Buffer =>
  tlv(0x30, berInteger(1n), tlv(0x04, Buffer.from(community)), inner);

export class ScriptedAgent {
  readonly community: string;
  /** What an object holds; undefined: it is not there. */
  valueOf: (oid: string) => string | undefined;
  script: (asked: AskedOf) => void = ({ answer, right }) => {
    answer(right());
  };
  askedCount = 0;
  #socket: Socket | undefined;

  constructor(community: string, valueOf: (oid: string) => string | undefined) {
    this.community = community;
    this.valueOf = valueOf;
  }

  /** Listens on loopback; returns the port. */
  async listen(port = 0): Promise<number> {
    const socket = createSocket('udp4');
    this.#socket = socket;
    socket.on('message', (datagram, peer) => {
      const request = readRequest(datagram);
      // A real agent says nothing to a community that it does not know.
      if (request?.community !== this.community) return;
      this.askedCount += 1;
      const send = (bytes: Buffer): void => {
        if (this.#socket === socket) socket.send(bytes, peer.port, peer.address);
      };
      this.script({
        ...request,
        send,
        peerPort: peer.port,
        answer: (inner, community = this.community) => {
          send(communityMessage(community, inner));
        },
        right: () => this.right(request.requestId, request.oids),
      });
    });
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    return socket.address().port;
  }

  right(requestId: number, oids: readonly string[]): Buffer {
    const bound: Bound[] = oids.map((oid) => ({
      oid,
      value: this.valueOf(oid) ?? 'no-such-instance',
    }));
    return pdu(RESPONSE, requestId, bound);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(resolve));
  }
}

function readRequest(
  datagram: Buffer,
): { community: string; requestId: number; oids: string[] } | undefined {
  const [message] = children(datagram);
  const [, community, inner] = children(message ?? Buffer.alloc(0));
  const asked = inner && askedIn(inner);
  return community && asked ? { community: community.toString(), ...asked } : undefined;
}

/** Id and objects of what is inside of a PDU. */
export function askedIn(inner: Buffer): { requestId: number; oids: string[] } | undefined {
  const [requestId, , , list] = children(inner);
  if (requestId === undefined || list === undefined) return undefined;
  const oids = children(list).map((binding) => dotted(children(binding)[0] ?? Buffer.alloc(0)));
  const id = BigInt.asIntN(8 * requestId.length, BigInt(`0x${requestId.toString('hex')}`));
  return { requestId: Number(id), oids };
}

/** Contents of the elements that follow each other in the bytes. */
export function children(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0;
    const extra = first < 128 ? 0 : first - 128;
    const size = extra === 0 ? first : bytes.readUIntBE(at + 2, extra);
    const from = at + 2 + extra;
    found.push(bytes.subarray(from, from + size));
    at = from + size;
  }
  return found;
}

function dotted(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 127);
    if (octet >= 128) continue;
    arcs.push(arc);
    arc = 0;
  }
  const head = arcs[0] ?? 0;
  return [Math.floor(head / 40), head % 40, ...arcs.slice(1)].join('.');
}
