// What a profile means, as one canonical text: two profiles with the same text decode every byte the same. Its hash is
// recorded with every sealed block, so vectors, provenance and quirks, which change no number, stay out of it.
import type { Profile } from './profile.ts';

const WITHOUT_MEANING: ReadonlySet<string> = new Set([
  'provenance',
  'quirks',
  'vectors',
  'benches',
  'brand',
  'model',
  'because',
]);

/** JSON with sorted keys and no white space; numbers as ECMAScript prints them. Hash its UTF-8 bytes. */
export function meaningOf(profile: Profile): string {
  return canonical(profile);
}

function canonical(part: unknown): string {
  if (Array.isArray(part)) return `[${part.map(canonical).join(',')}]`;
  if (typeof part === 'object' && part !== null) {
    const entries = Object.entries(part)
      .filter(([key, inner]) => !WITHOUT_MEANING.has(key) && inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`);
    return `{${entries.join(',')}}`;
  }
  return JSON.stringify(part);
}
