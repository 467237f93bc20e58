// SNMP version 3 with the User-based Security Model (RFC 3412, RFC 3414): who the agent's engine is and what time it has
// is found out by asking; from then on a message counts only if it has the level of security that we ask for, comes from
// that engine and user, is authentic and of now. An answer below that level is nobody's.
import { randomBytes } from 'node:crypto';
import type { SnmpAccess } from '../quantity/site.ts';
import {
  areEqual,
  contentOf,
  element,
  elementAt,
  elementsIn,
  octets,
  objectId,
  TAG,
} from './snmp-ber.ts';
import { envelopeOf, messageOf, type Envelope } from './snmp-envelope.ts';
import {
  cipherKey,
  decrypted,
  encrypted,
  isSameMac,
  localisedKey,
  MAC_BYTES,
  macOf,
  type EngineTime,
} from './snmp-keys.ts';
import { getRequest, namesIn } from './snmp-pdu.ts';
import type { Opened, SnmpSecurity } from './snmp-security.ts';

type UserAccess = Extract<SnmpAccess, { version: '3' }>;

const FLAG_AUTH = 1;
const FLAG_PRIV = 2;
const FLAG_REPORTABLE = 4;
/** RFC 3414 §2.2.3. */
const WINDOW_S = 150;
const LATCHED_COUNT = 0x7fff_ffff;
const NONE = new Uint8Array(0);

/** usmStats (RFC 3414 §5), as agents report them, and what to do about each. */
const STATS = {
  unsupportedLevel: 1,
  notInTimeWindow: 2,
  unknownUser: 3,
  unknownEngine: 4,
  wrongDigest: 5,
  decryption: 6,
} as const;
const REMEDIES: readonly (readonly [number, string])[] = [
  [STATS.unsupportedLevel, 'the agent does not allow this user that level of security'],
  [STATS.unknownUser, 'the agent does not know this user'],
  [
    STATS.wrongDigest,
    'the agent does not accept the authentication key: check auth_protocol and the password',
  ],
  [STATS.decryption, 'the agent cannot decrypt: check priv_protocol and the password'],
];
const statName = (stat: number): Uint8Array =>
  objectId(`1.3.6.1.6.3.15.1.1.${String(stat)}.0`).subarray(2);

interface Engine {
  readonly id: Uint8Array;
  readonly authKey: Uint8Array;
  readonly privKey: Uint8Array;
  bootsCount: number;
  timeS: number;
  /** When that was so, monotonic ns. */
  atNs: bigint;
  /** Boots and time come from an authentic message; before, they are what a stranger said. */
  isAuthentic: boolean;
}

export class UserSecurity implements SnmpSecurity {
  readonly #access: UserAccess;
  readonly #user: Uint8Array;
  readonly #context: Uint8Array;
  readonly #flags: number;
  readonly #monotonicNs: () => bigint;
  #salt = randomBytes(8).readBigUInt64BE();
  #engine: Engine | undefined;
  readonly silence =
    'the agent does not even tell its engine: check that SNMP v3 is switched on and that this host may ask';

  constructor(access: UserAccess, monotonicNs: () => bigint) {
    this.#access = access;
    this.#user = new TextEncoder().encode(access.user);
    this.#context = new TextEncoder().encode(access.context);
    this.#flags = (access.auth ? FLAG_AUTH : 0) | (access.priv ? FLAG_PRIV : 0);
    this.#monotonicNs = monotonicNs;
  }

  seal(pdu: Uint8Array, messageId: number): Uint8Array {
    const engine = this.#engine;
    // RFC 3414 §4: a request that names no engine is answered by a report that does.
    if (engine === undefined) {
      const scoped = element(TAG.sequence, octets(NONE), octets(NONE), getRequest(messageId, []));
      return messageOf(
        messageId,
        FLAG_REPORTABLE,
        NONE,
        { bootsCount: 0, timeS: 0 },
        NONE,
        NONE,
        NONE,
        scoped,
      );
    }
    const { auth, priv } = this.#access;
    const scoped = element(TAG.sequence, octets(engine.id), octets(this.#context), pdu);
    const time = this.#timeOf(engine);
    const salt = priv ? this.#nextSalt() : NONE;
    const data =
      auth && priv ? octets(encrypted(priv.protocol, engine.privKey, time, salt, scoped)) : scoped;
    const flags = this.#flags | FLAG_REPORTABLE;
    const sealed = (mac: Uint8Array): Uint8Array =>
      messageOf(messageId, flags, engine.id, time, this.#user, mac, salt, data);
    if (auth === undefined) return sealed(NONE);
    // The code is computed over the message in which it is all zeros (RFC 3414 §6.3.1).
    const blank = sealed(new Uint8Array(MAC_BYTES[auth.protocol]));
    return sealed(macOf(auth.protocol, engine.authKey, blank));
  }

  open(datagram: Uint8Array): Opened {
    const envelope = envelopeOf(datagram);
    if (envelope === undefined) return { is: 'unusable', fault: 'transport.frame' };
    const isAuthentic = this.#isAuthentic(datagram, envelope);
    const hasPrivacy = (envelope.flagBits & FLAG_PRIV) !== 0;
    if (hasPrivacy && !isAuthentic) return FOREIGN;
    const scoped = hasPrivacy ? this.#decrypt(envelope) : envelope.data;
    const [, , pdu, ...surplus] =
      elementsIn((scoped && contentOf(scoped, TAG.sequence)) ?? NONE) ?? [];
    if (pdu === undefined || surplus.length > 0)
      return { is: 'unusable', fault: 'transport.frame' };
    if (pdu.tagCode === TAG.report) return this.#reported(envelope, isAuthentic, pdu.whole);
    const { messageId, flagBits } = envelope;
    const engine = this.#engine;
    if (engine === undefined || !areEqual(envelope.engineId, engine.id)) return FOREIGN;
    if (!areEqual(envelope.user, this.#user)) return FOREIGN;
    if ((flagBits & (FLAG_AUTH | FLAG_PRIV)) !== this.#flags) return FOREIGN;
    if (this.#access.auth && !(isAuthentic && this.#isOfNow(engine, envelope.time))) return FOREIGN;
    return { is: 'response', messageId, pdu: pdu.whole };
  }

  #reported(envelope: Envelope, isAuthentic: boolean, report: Uint8Array): Opened {
    const { messageId } = envelope;
    const names = namesIn(report);
    const tells = (stat: number): boolean => names.some((name) => areEqual(name, statName(stat)));
    if (tells(STATS.unknownEngine) && envelope.engineId.length > 0) {
      this.#meet(envelope.engineId, envelope.time);
      return { is: 'learnt', messageId };
    }
    const engine = this.#engine;
    if (tells(STATS.notInTimeWindow) && engine !== undefined) {
      // Only the engine itself may set our idea of its time.
      if (!isAuthentic) return FOREIGN;
      this.#setTime(engine, envelope.time);
      return { is: 'learnt', messageId };
    }
    const known = REMEDIES.find(([stat]) => tells(stat));
    const because = known?.[1] ?? 'the agent reports what we do not know';
    return { is: 'refused', messageId, because };
  }

  /** The keys belong to one engine: another one needs keys of its own. */
  #meet(engineId: Uint8Array, time: EngineTime): void {
    const { auth, priv } = this.#access;
    const password = (text: string): Uint8Array => new TextEncoder().encode(text);
    const before = this.#engine;
    if (before !== undefined && areEqual(before.id, engineId)) return;
    const id = Uint8Array.from(engineId);
    this.#engine = {
      id,
      authKey: auth ? localisedKey(auth.protocol, password(auth.password), id) : NONE,
      privKey:
        auth && priv ? cipherKey(auth.protocol, priv.protocol, password(priv.password), id) : NONE,
      ...time,
      atNs: this.#monotonicNs(),
      isAuthentic: false,
    };
  }

  #setTime(engine: Engine, { bootsCount, timeS }: EngineTime): void {
    engine.bootsCount = bootsCount;
    engine.timeS = timeS;
    engine.atNs = this.#monotonicNs();
    engine.isAuthentic = true;
  }

  #timeOf({ bootsCount, timeS, atNs }: Engine): EngineTime {
    const elapsedS = Number((this.#monotonicNs() - atNs) / 1_000_000_000n);
    return { bootsCount, timeS: Math.min(timeS + elapsedS, LATCHED_COUNT) };
  }

  /** RFC 3414 §3.2 step 7b: a message that is ahead moves our idea of the engine's time, one that is behind is old. */
  #isOfNow(engine: Engine, time: EngineTime): boolean {
    const ours = this.#timeOf(engine);
    const isAhead =
      time.bootsCount > engine.bootsCount ||
      (time.bootsCount === engine.bootsCount && time.timeS > engine.timeS);
    if (!engine.isAuthentic || isAhead) {
      this.#setTime(engine, time);
      return time.bootsCount !== LATCHED_COUNT;
    }
    return (
      time.bootsCount === ours.bootsCount &&
      time.bootsCount !== LATCHED_COUNT &&
      time.timeS >= ours.timeS - WINDOW_S
    );
  }

  #isAuthentic(datagram: Uint8Array, envelope: Envelope): boolean {
    const { auth } = this.#access;
    const engine = this.#engine;
    if (auth === undefined || engine === undefined || (envelope.flagBits & FLAG_AUTH) === 0)
      return false;
    if (envelope.mac.length !== MAC_BYTES[auth.protocol]) return false;
    if (!areEqual(envelope.engineId, engine.id)) return false;
    const blank = Uint8Array.from(datagram);
    blank.fill(
      0,
      envelope.mac.byteOffset - datagram.byteOffset,
      envelope.mac.byteOffset - datagram.byteOffset + envelope.mac.length,
    );
    return isSameMac(macOf(auth.protocol, engine.authKey, blank), envelope.mac);
  }

  #decrypt({ data, time, salt }: Envelope): Uint8Array | undefined {
    const { priv } = this.#access;
    const secret = contentOf(data, TAG.octets);
    if (priv === undefined || this.#engine === undefined || secret === undefined) return undefined;
    if (salt.length !== 8) return undefined;
    const plain = decrypted(priv.protocol, this.#engine.privKey, time, salt, secret);
    // Some agents pad: what follows the scoped PDU is not ours.
    return elementAt(plain, 0)?.whole;
  }

  #nextSalt(): Uint8Array {
    this.#salt = BigInt.asUintN(64, this.#salt + 1n);
    const salt = Buffer.alloc(8);
    salt.writeBigUInt64BE(this.#salt);
    return salt;
  }
}

const FOREIGN: Opened = { is: 'unusable', fault: 'transport.foreign' };
