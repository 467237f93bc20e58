// The configuration of a node that a correction depends on and no chip counter shows: what driver reads the chips, how they
// are limited, how many supplies share the load. A model remembers it, and does not outlive a change of it.

/** Every part may be unknown (undefined, or empty); what is unknown is never a difference. */
export interface ConfigFingerprint {
  readonly driver: string | undefined;
  readonly bios: string | undefined;
  readonly supplyCount: number | undefined;
  /** Power limits by chip source, W. */
  readonly powerLimitsW: ReadonlyMap<string, number>;
  /** Chip sources that are there, in order of their names. */
  readonly chips: readonly string[];
}

export const UNKNOWN_CONFIG: ConfigFingerprint = {
  driver: undefined,
  bios: undefined,
  supplyCount: undefined,
  powerLimitsW: new Map(),
  chips: [],
};

/** One key that changed, in words that a gate can say. */
export interface ConfigChange {
  readonly key: string;
  readonly from: string;
  readonly until: string;
}

/** The known parts as [key, text], in the order of the keys: the one canonical form. */
function knownParts(config: ConfigFingerprint): ReadonlyMap<string, string> {
  const parts: [string, string][] = [];
  if (config.bios !== undefined) parts.push(['bios', config.bios]);
  if (config.chips.length > 0) parts.push(['chips', [...config.chips].sort().join(' ')]);
  if (config.driver !== undefined) parts.push(['driver', config.driver]);
  for (const [source, limitW] of [...config.powerLimitsW].sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push([`power_limit ${source}`, `${String(limitW)} W`]);
  }
  if (config.supplyCount !== undefined) parts.push(['psu_count', String(config.supplyCount)]);
  return new Map(parts);
}

/** Identity of the known parts, 64 bits of FNV-1a in hex; empty where nothing is known. No proof: the parts are kept too. */
export function configHash(config: ConfigFingerprint): string {
  const parts = knownParts(config);
  return parts.size === 0 ? '' : fnv1a64(JSON.stringify([...parts]));
}

/** Keys that both know and that differ. */
export function configChanges(
  before: ConfigFingerprint,
  now: ConfigFingerprint,
): readonly ConfigChange[] {
  const after = knownParts(now);
  return [...knownParts(before)].flatMap(([key, from]) => {
    const until = after.get(key);
    return until === undefined || until === from ? [] : [{ key, from, until }];
  });
}

/** What is known by either; where both know a part, the newer one says it. */
export const mergedConfig = (
  before: ConfigFingerprint,
  now: ConfigFingerprint,
): ConfigFingerprint => ({
  driver: now.driver ?? before.driver,
  bios: now.bios ?? before.bios,
  supplyCount: now.supplyCount ?? before.supplyCount,
  powerLimitsW: new Map([...before.powerLimitsW, ...now.powerLimitsW]),
  chips: now.chips.length > 0 ? now.chips : before.chips,
});

/** 64 bits of FNV-1a over UTF-16 code units, 16 hex digits. */
export function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    hash = ((hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}
