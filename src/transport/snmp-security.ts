// How PDUs travel: in a message of version 2c that carries a community, or of version 3 with a user (snmp-usm.ts). A
// security seals what goes out and opens what comes in; it never hands out anything that is not provably meant for us.
import type { FaultCode } from '../quantity/fault.ts';
import { areEqual, element, integer, octets, TAG } from './snmp-ber.ts';
import { communityMessage, requestIdOf } from './snmp-pdu.ts';

/** What a datagram turned out to be. */
export type Opened =
  | { readonly is: 'response'; readonly messageId: number; readonly pdu: Uint8Array }
  /** The engine, or its time, has become known: the request is to be sealed and sent again. */
  | { readonly is: 'learnt'; readonly messageId: number }
  | { readonly is: 'refused'; readonly messageId: number; readonly because: string }
  | { readonly is: 'unusable'; readonly fault: FaultCode };

export interface SnmpSecurity {
  /** The datagram for a PDU; while the engine is not known yet, the one that asks for it. */
  seal(pdu: Uint8Array, messageId: number): Uint8Array;
  open(datagram: Uint8Array): Opened;
  /** What may be wrong where nothing at all comes back, for people. */
  readonly silence: string;
}

/** SNMP version 2c (RFC 1901): the community is all there is, and it travels in the clear. */
export class Community implements SnmpSecurity {
  readonly #community: Uint8Array;
  readonly silence =
    'an agent does not answer a community that it does not know: check the community, whether this host may ask, and that SNMP v2c is switched on';

  constructor(community: string) {
    this.#community = new TextEncoder().encode(community);
  }

  seal(pdu: Uint8Array): Uint8Array {
    return element(TAG.sequence, integer(1), octets(this.#community), pdu);
  }

  open(datagram: Uint8Array): Opened {
    const message = communityMessage(datagram);
    if (message === undefined) return { is: 'unusable', fault: 'transport.frame' };
    if (!areEqual(message.community, this.#community))
      return { is: 'unusable', fault: 'transport.foreign' };
    const messageId = requestIdOf(message.pdu);
    return messageId === undefined
      ? { is: 'unusable', fault: 'transport.frame' }
      : { is: 'response', messageId, pdu: message.pdu };
  }
}
