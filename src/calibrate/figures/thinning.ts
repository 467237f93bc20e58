// Fewer of many, by rules that are the same each time, so that a report of the same fit is the same report.

/** Indices of at most `most` of `count` things, even over their order, the first and the last among them. */
export function evenly(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, index) => index);
  if (most < 2) return most === 1 ? [0] : [];
  return Array.from({ length: most }, (_, index) => Math.round((index * (count - 1)) / (most - 1)));
}

/** At most `most` things in their order: the half that is most striking, and the rest evenly from all others. */
export function mostStriking<T>(
  things: readonly T[],
  most: number,
  strikingRatio: (thing: T) => number,
): readonly T[] {
  if (things.length <= most) return things;
  const ranked = things
    .map((thing, index) => ({ index, strikes: strikingRatio(thing) }))
    .sort((a, b) => b.strikes - a.strikes || a.index - b.index);
  const kept = new Set(ranked.slice(0, Math.ceil(most / 2)).map(({ index }) => index));
  const others = things.map((_, index) => index).filter((index) => !kept.has(index));
  for (const place of evenly(others.length, most - kept.size)) kept.add(others[place] ?? 0);
  return things.filter((_, index) => kept.has(index));
}
