// How far a profile may be believed, computed from the evidence inside it and never claimed.
import type { Profile } from './profile.ts';

/** drafted: vectors we derived; documented: from a manual; captured: bytes of a real unit; benched: a reference beside it. */
export type QualityTier = 'drafted' | 'documented' | 'captured' | 'benched';

/** Each tier needs the evidence of its own: a bench without a capture is no better than a manual. */
export function qualityTierOf(profile: Profile): QualityTier {
  const captured = profile.vectors.some(
    // Without the firmware version nobody can tell whether their unit is like the one that was captured.
    (vector) => vector.origin === 'captured' && vector.firmware !== undefined,
  );
  if (captured) return (profile.benches ?? []).length > 0 ? 'benched' : 'captured';
  const documented = profile.vectors.some(
    ({ origin }) => origin === 'manual' || origin === 'captured',
  );
  return documented ? 'documented' : 'drafted';
}
