// Several trackers or ranks on one node each claim the whole of it. While n runs claim at once, each is given an n-th of what
// it says, so that the shares add up to the node once. Spans of one run may lie within each other and count for themselves.
import type { Claim } from '../../quantity/claim.ts';

/** Share of its own span that each claim keeps, 0 to 1, in the order given. */
export function sharesOf(claims: readonly Claim[]): readonly number[] {
  const edges = claims
    .flatMap((claim) => [
      { atNs: claim.fromNs, run: claim.run, step: 1 },
      { atNs: claim.untilNs, run: claim.run, step: -1 },
    ])
    .sort((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : a.step - b.step));
  const open = new Map<string, number>();
  const shareS = new Map<bigint, number>();
  let lastNs = edges[0]?.atNs ?? 0n;
  let sharedS = 0;
  for (const { atNs, run, step } of edges) {
    if (open.size > 0) sharedS += Number(atNs - lastNs) / 1e9 / open.size;
    lastNs = atNs;
    shareS.set(atNs, sharedS);
    const count = (open.get(run) ?? 0) + step;
    if (count > 0) open.set(run, count);
    else open.delete(run);
  }
  return claims.map(({ fromNs, untilNs }) => {
    const lengthS = Number(untilNs - fromNs) / 1e9;
    return ((shareS.get(untilNs) ?? 0) - (shareS.get(fromNs) ?? 0)) / lengthS;
  });
}
