// Which number may take the place of which: measured before estimated, and a worse estimate never replaces a better one.
import type { Quality } from '../../quantity/quality.ts';

/** Best first. What is open (provisional, partial) or no number gives way to everything. */
const RANK: readonly Quality[] = [
  'actual',
  'verified',
  'scaled',
  'interpolated',
  'derived',
  'like-day',
];

/** Whether a new version with this quality may supersede one with that; an equal rank may correct itself. */
export function mayReplace(before: Quality, after: Quality): boolean {
  const [old, next] = [RANK.indexOf(before), RANK.indexOf(after)];
  if (old < 0) return true;
  return next >= 0 && next <= old;
}
