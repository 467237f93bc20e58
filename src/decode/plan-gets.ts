// Which objects are asked for together: as few requests as a message allows, and never a value without the objects that
// tell its scale, its unit and whether it is valid: they must be of one moment, and each record must explain itself.
import type { PartNumbers } from '../quantity/site.ts';
import type { SnmpProfile } from './snmp-profile.ts';
import { isPart, objectOf, objectsOf, partOf, placedReads } from './snmp-part.ts';

/** Every request begins with the time since the agent started (RFC 3418): it tells a reboot from a reset of a counter. */
export const UPTIME = '1.3.6.1.2.1.1.3.0';

/** What every agent must take is 484 octets (RFC 3417 §3.2), what it should take 1472: one frame of Ethernet. */
const MESSAGE_BYTES_MAX = 1472;
/** What the largest envelope adds: engine, user, codes, context (RFC 3412 §6). */
const ENVELOPE_BYTES = 160;
/** Around a name: tags and lengths of binding, name and value, and a value of up to 64 bits or a date. */
const BINDING_BYTES = 32;

/** The objects of each request, in turn. Empty where the instrument is no part of this profile. */
export function planGets(
  profile: SnmpProfile,
  part: PartNumbers | undefined,
): readonly (readonly string[])[] {
  const most = profile.limits.objects_per_get ?? Infinity;
  const gets: string[][] = [];
  for (const placed of placedReads(profile, part)) {
    const open = gets.at(-1);
    const fresh = objectsOf(placed).filter((object) => !open?.includes(object));
    const joined = [...(open ?? [UPTIME]), ...fresh];
    const fits = joined.length <= most && bytesOf(joined) <= MESSAGE_BYTES_MAX;
    if (open !== undefined && fits) gets[gets.length - 1] = joined;
    else gets.push([UPTIME, ...new Set(objectsOf(placed))]);
  }
  return gets;
}

const bytesOf = (objects: readonly string[]): number =>
  objects.reduce((sum, object) => sum + BINDING_BYTES + encodedBytes(object), ENVELOPE_BYTES);

/** Octets of an object's name: one for seven bits of each number. */
const encodedBytes = (object: string): number =>
  object
    .split('.')
    .reduce((sum, arc) => sum + Math.max(1, Math.ceil(Math.log2(Number(arc) + 1) / 7)), 0);

/** The objects that tell who the device is, one request for all. Empty where there is none. */
export function planSnmpIdentity(
  profile: SnmpProfile,
  given: PartNumbers | undefined,
): readonly string[] {
  const part = partOf(profile, given);
  if (!isPart(part)) return [];
  return profile.identify
    .filter((identity) => identity.part === undefined || identity.part === part.kind)
    .map((identity) => objectOf(identity.oid, part));
}
