// Stamps of trackers that are written in local time and do not say which: read in a zone that somebody names. An hour that
// comes twice in autumn is taken as the first one and said to be; one that never was in spring as an hour later.
import {
  floorDiv,
  instantNs,
  NS_PER_MS,
  NS_PER_S,
  parseInstant,
  type InstantNs,
} from '../../quantity/time.ts';

export interface LocalInstant {
  readonly atNs: InstantNs;
  /** The clocks were set back over this time: it may be an hour later. */
  readonly isDoubtful: boolean;
}

/** True where the runtime knows the zone. */
export function isZone(zone: string): boolean {
  try {
    return formatOf(zone).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** `2022-04-20T23:39:19` or with a blank, up to nanoseconds; without a zone the stamp is taken as UTC. */
export function localInstant(text: string, zone: string | undefined): LocalInstant | undefined {
  const asUtcNs = parseInstant(`${text}Z`);
  if (asUtcNs === undefined || zone === undefined) {
    return asUtcNs === undefined ? undefined : { atNs: asUtcNs, isDoubtful: false };
  }
  const format = formatOf(zone);
  const wallMs = Number(floorDiv(asUtcNs, NS_PER_S)) * 1000;
  const restNs = asUtcNs - BigInt(wallMs) * NS_PER_MS;
  // The zone's offset a day before and a day after bound every offset that this local time can have.
  const offsets = [-86_400_000, 86_400_000].map((ms) => offsetMs(format, wallMs + ms));
  const candidates = [...new Set(offsets)]
    .map((ms) => wallMs - ms)
    .filter((ms) => ms + offsetMs(format, ms) === wallMs)
    .sort((a, b) => a - b);
  const [first = wallMs - (offsets[0] ?? 0), ...others] = candidates;
  return { atNs: instantNs(BigInt(first) * NS_PER_MS + restNs), isDoubtful: others.length > 0 };
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formats.set(zone, format);
  return format;
}

/** Local minus UTC at an instant, ms. */
function offsetMs(format: Intl.DateTimeFormat, atMs: number): number {
  const field = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => field.get(name) ?? 0;
  const localMs = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return localMs - atMs;
}
