// The message of SNMP version 3 with its security parameters (RFC 3412 §6, RFC 3414 §2.4): put together and taken apart,
// without judging who sent it.
import {
  contentOf,
  element,
  elementsIn,
  integer,
  integerIn,
  octets,
  octetsIn,
  TAG,
} from './snmp-ber.ts';
import type { EngineTime } from './snmp-keys.ts';

/** What we can take: the largest datagram of IPv4. */
const MESSAGE_BYTES_MAX = 65_507;
const USM_MODEL = 3;
const NONE = new Uint8Array(0);
/** RFC 3414 §2.2: both end there. */
const LATCHED_COUNT = 0x7fff_ffff;

/** A message taken apart. */
export interface Envelope {
  readonly messageId: number;
  readonly flagBits: number;
  readonly engineId: Uint8Array;
  readonly time: EngineTime;
  readonly user: Uint8Array;
  readonly mac: Uint8Array;
  readonly salt: Uint8Array;
  /** The scoped PDU, encrypted where the flags say so. */
  readonly data: Uint8Array;
}

/** `data` is the scoped PDU, as it is or encrypted in an octet string. */
export function messageOf(
  messageId: number,
  flags: number,
  engineId: Uint8Array,
  time: EngineTime,
  user: Uint8Array,
  mac: Uint8Array,
  salt: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const header = element(
    TAG.sequence,
    integer(messageId),
    integer(MESSAGE_BYTES_MAX),
    octets(Uint8Array.of(flags)),
    integer(USM_MODEL),
  );
  const parameters = element(
    TAG.sequence,
    octets(engineId),
    integer(time.bootsCount),
    integer(time.timeS),
    octets(user),
    octets(mac),
    octets(salt),
  );
  return element(TAG.sequence, integer(3), header, octets(parameters), data);
}

/** undefined where the datagram is no such message. */
export function envelopeOf(datagram: Uint8Array): Envelope | undefined {
  const [version, header, parameters, data, ...surplus] =
    elementsIn(contentOf(datagram, TAG.sequence) ?? NONE) ?? [];
  if (integerIn(version) !== 3 || header?.tagCode !== TAG.sequence || data === undefined)
    return undefined;
  if (surplus.length > 0) return undefined;
  const [id, , flagged, model] = elementsIn(header.content) ?? [];
  const messageId = integerIn(id);
  const flags = octetsIn(flagged)?.[0];
  if (messageId === undefined || flags === undefined || integerIn(model) !== USM_MODEL)
    return undefined;
  const inner = contentOf(octetsIn(parameters) ?? NONE, TAG.sequence);
  const [engine, boots, time, name, code, salted] = elementsIn(inner ?? NONE) ?? [];
  const engineId = octetsIn(engine);
  const bootsCount = integerIn(boots);
  const timeS = integerIn(time);
  const user = octetsIn(name);
  const mac = octetsIn(code);
  const salt = octetsIn(salted);
  if (engineId === undefined || bootsCount === undefined || timeS === undefined) return undefined;
  if (user === undefined || mac === undefined || salt === undefined) return undefined;
  if (bootsCount < 0 || timeS < 0 || bootsCount > LATCHED_COUNT || timeS > LATCHED_COUNT)
    return undefined;
  return {
    messageId,
    flagBits: flags,
    engineId,
    time: { bootsCount, timeS },
    user,
    mac,
    salt,
    data: data.whole,
  };
}
