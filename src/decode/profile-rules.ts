// Longer than most files, since the rules are one list and are read as one.
// House rules for profiles: what a schema cannot say. Each broken rule names the path and the remedy. The shapes here are
// what the rules look at, not the profile itself, because profile.ts calls this file.
import type { FaultNotice } from '../quantity/fault.ts';
import type { GaugeChannel } from '../quantity/observation.ts';
import { decimalFraction, over, printedFraction, times, UNIT_UJ, whole } from './exact.ts';
import type { EnergyUnit, ReadUnit, RegisterType } from './profile-words.ts';
import { REGISTER_COUNT } from './register-value.ts';
import { brokenObject, brokenSpeech, isSnmpType } from './snmp-rules.ts';
import { multipleFor } from './unit-scale.ts';

interface RuledPlace {
  readonly at?: number;
  readonly as?: string;
  readonly plus?: readonly (number | string)[];
  readonly table?: string;
  readonly suffix?: string;
  readonly prefix?: string;
  readonly quantity?: string;
  readonly part?: string;
  readonly oid?: string;
  readonly digits?: string;
  readonly scale?: { readonly by: number };
}
interface RuledCounter extends RuledPlace {
  readonly kind: 'counter';
  readonly channel: string;
  readonly unit: EnergyUnit;
  readonly means: 'total' | 'partial' | 'net';
  readonly resolution: number | 'digits';
  readonly wraps: string | { readonly at: number } | { readonly at_count: number };
  readonly epoch?: string;
}
interface RuledGauge extends RuledPlace {
  readonly kind: 'gauge';
  readonly channel: GaugeChannel;
  readonly unit: ReadUnit;
  readonly range?: readonly [number, number];
}
type RuledRead = RuledCounter | RuledGauge;

export interface RuledProfile {
  readonly accuracy: { readonly scheme: string; readonly class: string };
  readonly speaks: {
    readonly transport: string;
    readonly table?: string;
    readonly protocol?: string;
    readonly check?: string;
    readonly sends?: string;
    readonly times?: readonly { readonly suffix: string }[];
    readonly parts?: readonly string[];
  };
  readonly reads: readonly RuledRead[];
  readonly limits: {
    readonly registers_per_read?: number | 'unknown';
    readonly registers_multiple?: number;
    readonly readable?: readonly {
      readonly from: number;
      readonly until: number;
      readonly step: number;
    }[];
  };
  readonly sentinels: readonly { readonly as: string; readonly raw: string }[];
  readonly vectors: readonly {
    readonly origin: string;
    readonly firmware?: string;
    readonly expect: Readonly<Record<string, string>>;
    readonly registers?: Readonly<Record<string, string>>;
    readonly suffix?: string;
    readonly instrument?: Readonly<Record<string, number | undefined>>;
  }[];
}

/** The order in which the keys of a profile stand, so that every file reads alike. */
const KEY_ORDER = [
  'id',
  'brand',
  'model',
  'role',
  'accuracy',
  'sensors',
  'provenance',
  'speaks',
  'reads',
  'limits',
  'identify',
  'quirks',
  'sentinels',
  'vectors',
  'benches',
] as const;

/** The first broken rule, with `where` as a JSON pointer below the document, or undefined. */
export function brokenRule(
  profile: RuledProfile,
  keys: readonly string[],
): FaultNotice | undefined {
  const expected = KEY_ORDER.filter((key) => keys.includes(key));
  const misplaced = keys.findIndex((key, index) => key !== expected[index]);
  if (misplaced >= 0)
    return broken(
      `/${keys[misplaced] ?? ''}`,
      'the key is out of order',
      `order: ${KEY_ORDER.join(', ')}`,
    );
  if ((profile.accuracy.scheme === 'unknown') !== (profile.accuracy.class === 'unknown'))
    return broken('/accuracy', 'scheme and class are not known together', 'state both or neither');
  const speech = brokenSpeech(profile) ?? brokenPush(profile.speaks);
  if (speech) return speech;
  for (const [index, read] of profile.reads.entries()) {
    const fault = brokenRead(profile, read, index);
    if (fault) return { ...fault, where: `/reads/${String(index)}${fault.where}` };
  }
  for (const [index, span] of (profile.limits.readable ?? []).entries()) {
    if (span.from >= span.until || (span.until - span.from) % span.step !== 0)
      return broken(
        `/limits/readable/${String(index)}`,
        'the span is no whole number of values',
        'mend from, until or step',
      );
  }
  for (const [index, sentinel] of profile.sentinels.entries()) {
    const fault = brokenSentinel(sentinel);
    if (fault) return { ...fault, where: `/sentinels/${String(index)}` };
  }
  const suffixes = new Set(profile.reads.map((read) => read.suffix));
  for (const [index, time] of (profile.speaks.times ?? []).entries()) {
    if (!suffixes.has(time.suffix))
      return broken(
        `/speaks/times/${String(index)}/suffix`,
        'no read is on this topic',
        'use the suffix of a read',
      );
  }
  return brokenVectors(profile, suffixes);
}

const broken = (where: string, what: string, remedy: string): FaultNotice => ({
  where,
  what,
  remedy,
});

/** Which check sum a push protocol can have, and which of them can be asked. */
const PUSH_VERSIONS: Readonly<Record<string, readonly string[]>> = {
  sml: ['crc16 unasked'],
  dsmr: ['crc16 unasked', 'none unasked'],
  d0: ['bcc unasked', 'none unasked', 'bcc asked'],
};

function brokenPush(speaks: RuledProfile['speaks']): FaultNotice | undefined {
  if (speaks.protocol === undefined) return undefined;
  const versions = PUSH_VERSIONS[speaks.protocol] ?? [];
  return versions.includes(`${speaks.check ?? ''} ${speaks.sends ?? ''}`)
    ? undefined
    : broken(
        '/speaks',
        `${speaks.protocol} has no such version`,
        `write check and sends as one of: ${versions.join(', ')}`,
      );
}

function brokenRead(
  profile: RuledProfile,
  read: RuledRead,
  index: number,
): FaultNotice | undefined {
  const earlier = profile.reads.slice(0, index);
  if (earlier.some((other) => identityOf(other) === identityOf(read)))
    return broken('/channel', 'this channel is read twice', 'keep the read that is exact');
  const fault = read.kind === 'counter' ? brokenCounter(read) : brokenGauge(read);
  return (
    fault ??
    brokenObject(read) ??
    (isRegisterType(read.as) ? brokenRegisters(profile, read, read.as, earlier) : undefined)
  );
}

const identityOf = (read: RuledRead): string =>
  [read.kind, read.channel, read.suffix, read.prefix, read.quantity, read.part].join('|');

function brokenCounter(read: RuledCounter): FaultNotice | undefined {
  if ((read.means === 'partial') !== (read.channel === 'energy_import_partial'))
    return broken(
      '/means',
      'a partial counter has its own channel',
      'use energy_import_partial for it, and only for it',
    );
  if (read.resolution === 'digits') return undefined;
  const stepUj = times(printedFraction(read.resolution), whole(UNIT_UJ[read.unit]));
  if (stepUj.numerator % stepUj.denominator !== 0n)
    return broken(
      '/resolution',
      'it is no whole number of microjoules',
      'state the step as the manual does',
    );
  if (typeof read.wraps === 'object' && 'at' in read.wraps) {
    const wrapUj = times(printedFraction(read.wraps.at), whole(UNIT_UJ[read.unit]));
    if (wrapUj.numerator % wrapUj.denominator !== 0n)
      return broken(
        '/wraps/at',
        'it is no whole number of microjoules',
        'state the value as the manual does',
      );
  }
  if (read.means === 'net' && read.as?.startsWith('uint') === true)
    return broken('/as', 'a net counter may fall below 0', 'use the signed type');
  if (!isWholeType(read.as)) return undefined;
  const counts = over(printedFraction(read.resolution), printedFraction(read.scale?.by ?? 1));
  return counts.numerator % counts.denominator === 0n
    ? undefined
    : broken(
        '/resolution',
        'an integer register moves in whole counts of its scale',
        'make it a multiple of scale.by',
      );
}

/** Whether the value comes as an integer that is exact. */
const isWholeType = (type: string | undefined): boolean =>
  isSnmpType(type) || (isRegisterType(type) && !type.startsWith('float'));

function brokenGauge(read: RuledGauge): FaultNotice | undefined {
  if (multipleFor(read.channel, read.unit) === undefined)
    return broken(
      '/unit',
      `${read.unit} is no unit of ${read.channel}`,
      'use a unit of that quantity',
    );
  if (read.range && read.range[0] >= read.range[1])
    return broken('/range', 'it is empty', 'write the lower limit first');
  return undefined;
}

const isRegisterType = (type: string | undefined): type is RegisterType =>
  type !== undefined && Object.hasOwn(REGISTER_COUNT, type);

/** First registers of the values that make up a read of registers. */
const placesOf = ({ at = 0, plus = [] }: RuledPlace): readonly number[] => [
  at,
  ...plus.filter((place) => typeof place === 'number'),
];

function brokenRegisters(
  profile: RuledProfile,
  read: RuledRead,
  type: RegisterType,
  earlier: readonly RuledRead[],
): FaultNotice | undefined {
  const size = REGISTER_COUNT[type];
  const places = placesOf(read);
  const [from, until] = [Math.min(...places), Math.max(...places) + size];
  if (until > 0x10000) return broken('/at', 'it ends beyond register 65535', 'mend the address');
  const most = profile.limits.registers_per_read;
  if (typeof most === 'number' && until - from > most)
    return broken(
      '/at',
      'it needs more registers than one read may have',
      'mend limits/registers_per_read',
    );
  const multiple = profile.limits.registers_multiple ?? 1;
  if (places.some((at) => at % multiple !== 0) || size % multiple !== 0)
    return broken(
      '/at',
      'reads must begin and end at a multiple that this is not',
      'mend limits/registers_multiple',
    );
  const overlaps = earlier.some((other) => {
    if (!isRegisterType(other.as) || (other.table ?? '') !== (read.table ?? '')) return false;
    const length = REGISTER_COUNT[other.as];
    const taken = placesOf(other);
    return taken.some((at) => places.some((place) => place < at + length && at < place + size));
  });
  return overlaps
    ? broken('/at', 'its registers belong to another read too', 'mend one of the addresses')
    : undefined;
}

function brokenSentinel(sentinel: { as: string; raw: string }): FaultNotice | undefined {
  const remedy = 'write all bytes in hex (registers), or the number as it is printed (JSON)';
  if (!isRegisterType(sentinel.as))
    return decimalFraction(sentinel.raw) ? undefined : broken('', 'raw is no number', remedy);
  const hex = sentinel.raw.replaceAll(' ', '');
  return hex.length === 4 * REGISTER_COUNT[sentinel.as] && /^[0-9a-fA-F]+$/.test(hex)
    ? undefined
    : broken('', 'raw does not have the size of its type', remedy);
}

function brokenVectors(
  profile: RuledProfile,
  suffixes: ReadonlySet<string | undefined>,
): FaultNotice | undefined {
  const proven = new Set<string>();
  for (const [index, vector] of profile.vectors.entries()) {
    const where = `/vectors/${String(index)}`;
    if (vector.origin === 'captured' && vector.firmware === undefined)
      return broken(
        `${where}/firmware`,
        'captured bytes need the firmware they came from',
        'state it, or call them manual',
      );
    for (const [register, hex] of Object.entries(vector.registers ?? {})) {
      if (Number(register) > 0xffff || !/^([0-9a-fA-F]{4})( [0-9a-fA-F]{4})*$/.test(hex))
        return broken(
          `${where}/registers/${register}`,
          'these are no registers',
          'write groups of four hex digits',
        );
    }
    if (
      vector.suffix !== undefined &&
      !suffixes.has(vector.suffix) &&
      !('prefix' in (profile.reads[0] ?? {}))
    )
      return broken(`${where}/suffix`, 'no read is on this topic', 'use the suffix of a read');
    for (const name of Object.keys(vector.expect))
      proven.add(provenName(profile, vector.instrument, name.split(' ').at(-1) ?? ''));
  }
  const unproven = profile.reads.findIndex(
    ({ part, channel }) => !proven.has(`${part ?? ''} ${channel}`),
  );
  return unproven >= 0
    ? broken(
        `/reads/${String(unproven)}`,
        'no vector proves this read',
        'add one that expects its channel',
      )
    : undefined;
}

/** A channel of the part that the vector's instrument is; other profiles have no parts. */
function provenName(
  { speaks }: RuledProfile,
  instrument: Readonly<Record<string, number | undefined>> | undefined,
  channel: string,
): string {
  const named = speaks.parts?.find((part) => instrument?.[part] !== undefined);
  return `${named ?? speaks.parts?.[0] ?? ''} ${channel}`;
}
