// Which part of a device an instrument is, and the objects that this makes of a profile's patterns.
import type { PartNumbers } from '../quantity/site.ts';
import type { PartKind } from './profile-words.ts';
import type { SnmpProfile, SnmpRead } from './snmp-profile.ts';

export interface DevicePart {
  readonly kind: PartKind;
  /** Numbers for the places that patterns leave open. */
  readonly numbers: PartNumbers;
}

/** Why the numbers of an instrument fit no part of the profile: for people. */
export interface NoPart {
  readonly what: string;
  readonly remedy: string;
}

const NUMBERED = ['inlet', 'outlet', 'phase'] as const;

/** A part that is not named is number 1; the unit is the first of its chain. */
export function partOf(
  { id, speaks }: SnmpProfile,
  given: PartNumbers | undefined,
): DevicePart | NoPart {
  const named = NUMBERED.filter((name) => given?.[name] !== undefined);
  const [kind = speaks.parts[0] ?? 'unit', second] = named;
  if (second !== undefined)
    return {
      what: `one instrument is not ${kind} and ${second} at once`,
      remedy: 'make an instrument of each',
    };
  if (!speaks.parts.includes(kind))
    return {
      what: `profile ${id} reads no ${kind}`,
      remedy: `name one of: ${speaks.parts.join(', ')}`,
    };
  return { kind, numbers: { pdu: speaks.chain_from ?? 1, [kind]: 1, ...given } };
}

export const isPart = (part: DevicePart | NoPart): part is DevicePart => 'kind' in part;

/** The pattern with its numbers: `...{pdu}.{outlet}.8` becomes `...1.7.8`. */
export const objectOf = (pattern: string, { numbers }: DevicePart): string =>
  pattern
    .replaceAll('{pdu}', String(numbers.pdu))
    .replaceAll('{inlet}', String(numbers.inlet))
    .replaceAll('{outlet}', String(numbers.outlet))
    .replaceAll('{phase}', String(numbers.phase));

/** One read of an instrument, with its objects. */
export interface PlacedRead {
  readonly read: SnmpRead;
  readonly oid: string;
  readonly digits: string | undefined;
  readonly valid: string | undefined;
  readonly unitIs: string | undefined;
  readonly epoch: string | undefined;
}

/** The reads of the part, in the order of the profile. Worked out once for each instrument. */
export function placedReads(
  profile: SnmpProfile,
  given: PartNumbers | undefined,
): readonly PlacedRead[] {
  const key = JSON.stringify(given ?? {});
  let byPart = known.get(profile);
  if (byPart === undefined) {
    byPart = new Map();
    known.set(profile, byPart);
  }
  let placed = byPart.get(key);
  if (placed === undefined) {
    placed = place(profile, given);
    byPart.set(key, placed);
  }
  return placed;
}

const known = new WeakMap<SnmpProfile, Map<string, readonly PlacedRead[]>>();

function place(profile: SnmpProfile, given: PartNumbers | undefined): readonly PlacedRead[] {
  const part = partOf(profile, given);
  if (!isPart(part)) return [];
  const filled = (pattern: string | undefined): string | undefined =>
    pattern === undefined ? undefined : objectOf(pattern, part);
  return profile.reads
    .filter((read) => read.part === part.kind)
    .map((read) => ({
      read,
      oid: objectOf(read.oid, part),
      digits: filled(read.digits),
      valid: filled(read.valid?.oid),
      unitIs: filled(read.unit_is?.oid),
      epoch: read.kind === 'counter' ? filled(read.epoch) : undefined,
    }));
}

/** All objects that a read needs. */
export const objectsOf = (placed: PlacedRead): readonly string[] =>
  [placed.oid, placed.digits, placed.valid, placed.unitIs, placed.epoch].filter(
    (object) => object !== undefined,
  );
