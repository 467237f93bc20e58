// Seconds since 1970 as trackers print them, exactly: a double of today's seconds keeps a quarter of a microsecond, its
// digits keep all.
import { instantNs, type InstantNs } from '../../quantity/time.ts';

/** `1650485235.871748`, up to nanoseconds; undefined where it is no such number, or before 2000 or after 2100. */
export function epochInstant(text: string): InstantNs | undefined {
  const match = /^(\d{9,10})(?:\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const seconds = BigInt(match[1] ?? '0');
  if (seconds < 946_684_800n || seconds > 4_102_444_800n) return undefined;
  return instantNs(seconds * 1_000_000_000n + BigInt((match[2] ?? '').slice(0, 9).padEnd(9, '0')));
}
