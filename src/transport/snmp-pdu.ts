// The PDUs that are asked and answered (RFC 3416 §3, §4.2.1): one GetRequest for some objects, and whether what came is
// the response to it. Values are not looked at here: decode does that, from the same bytes.
import type { FaultCode } from '../quantity/fault.ts';
import {
  areEqual,
  element,
  elementsIn,
  contentOf,
  elementAt,
  integer,
  integerIn,
  objectId,
  TAG,
} from './snmp-ber.ts';

/** Request ids are integers of 31 bits. */
export const REQUEST_ID_MAX = 0x7fff_ffff;

export function getRequest(requestId: number, objects: readonly string[]): Uint8Array {
  const nothing = element(TAG.nothing);
  const bindings = objects.map((object) => element(TAG.sequence, objectId(object), nothing));
  return element(
    TAG.getRequest,
    integer(requestId),
    integer(0),
    integer(0),
    element(TAG.sequence, ...bindings),
  );
}

/** How a response ends the request it names. `tooBig` and the like are answers too: the agent is there. */
export type Judged =
  | { readonly is: 'answer' }
  | { readonly is: 'refusal'; readonly fault: FaultCode }
  | { readonly is: 'wrong'; readonly fault: FaultCode };

interface Bound {
  readonly requestId: number;
  readonly errorStatus: number;
  readonly names: readonly Uint8Array[];
}

/** Id of the request that a PDU asks or answers; undefined where the bytes are no PDU of the kinds we use. */
export const requestIdOf = (pdu: Uint8Array): number | undefined => boundIn(pdu)?.requestId;

/** RFC 3416 §3: error-status values that say more than "refused". */
const TOO_BIG = 1;
const RESOURCE_UNAVAILABLE = 13;

export function judge(request: Uint8Array, reply: Uint8Array): Judged {
  if (reply[0] !== TAG.response) return { is: 'wrong', fault: 'transport.foreign' };
  const asked = boundIn(request);
  const came = boundIn(reply);
  if (asked === undefined || came === undefined) return { is: 'wrong', fault: 'transport.frame' };
  if (came.requestId !== asked.requestId) return { is: 'wrong', fault: 'transport.foreign' };
  switch (came.errorStatus) {
    case 0:
      // "Each variable binding of the response has the same name": a reply for other objects is nobody's.
      return came.names.length === asked.names.length &&
        came.names.every((name, n) => areEqual(name, asked.names[n] ?? NOTHING))
        ? { is: 'answer' }
        : { is: 'wrong', fault: 'transport.foreign' };
    case TOO_BIG:
      return { is: 'refusal', fault: 'transport.too-big' };
    case RESOURCE_UNAVAILABLE:
      return { is: 'refusal', fault: 'transport.busy' };
    default:
      return { is: 'refusal', fault: 'transport.exception' };
  }
}

const NOTHING = new Uint8Array(0);

function boundIn(pdu: Uint8Array): Bound | undefined {
  const whole = elementAt(pdu, 0);
  if (whole?.whole.length !== pdu.length) return undefined;
  const [requestId, errorStatus, errorIndex, list, ...surplus] = elementsIn(whole.content) ?? [];
  const id = integerIn(requestId);
  const status = integerIn(errorStatus);
  if (id === undefined || status === undefined || integerIn(errorIndex) === undefined)
    return undefined;
  if (list?.tagCode !== TAG.sequence || surplus.length > 0) return undefined;
  const bindings = elementsIn(list.content);
  if (bindings === undefined) return undefined;
  const names: Uint8Array[] = [];
  for (const binding of bindings) {
    const [name, value, ...more] = elementsIn(binding.content) ?? [];
    if (binding.tagCode !== TAG.sequence || name?.tagCode !== TAG.objectId) return undefined;
    if (value === undefined || more.length > 0) return undefined;
    names.push(name.content);
  }
  return { requestId: id, errorStatus: status, names };
}

/** Names of the objects of a Report (RFC 3416 §4.2.8), encoded. */
export const namesIn = (pdu: Uint8Array): readonly Uint8Array[] => boundIn(pdu)?.names ?? [];

/** The PDU of a community message (RFC 1901 §3) and its community; undefined where the bytes are none of version 2c. */
export function communityMessage(
  bytes: Uint8Array,
): { readonly community: Uint8Array; readonly pdu: Uint8Array } | undefined {
  const [version, community, pdu, ...surplus] =
    elementsIn(contentOf(bytes, TAG.sequence) ?? NOTHING) ?? [];
  if (integerIn(version) !== 1 || community?.tagCode !== TAG.octets) return undefined;
  return pdu === undefined || surplus.length > 0
    ? undefined
    : { community: community.content, pdu: pdu.whole };
}
