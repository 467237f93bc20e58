// One amount of energy in exact parts: what a shared meter counted, split over its nodes so that the parts sum to the
// microjoule. No part is negative, none is more than the meters that feed the node counted, and the order of the nodes
// changes nothing.
import { joules, joulesToMicrojoules, type Microjoules, microjoules } from '../quantity/units.ts';

export interface Claim {
  readonly node: string;
  /** What its chips and its model let expect, J; undefined where nobody knows. Only the proportions of all count. */
  readonly expectedJ: number | undefined;
  /** What meters counted that feed this node alone: at least this is its own. */
  readonly floorUj: bigint;
  /** What all meters counted that feed it: more it cannot have used. */
  readonly ceilingUj: bigint;
}

export interface Allocation {
  readonly parts: ReadonlyMap<string, Microjoules>;
  /** What no node can be shown to have used. */
  readonly unallocatedUj: Microjoules;
}

interface Share {
  readonly node: string;
  readonly wantUj: bigint;
  readonly floorUj: bigint;
  readonly roomUj: bigint;
}

/**
 * Splits `totalUj`. Where every node has a claim, all of it is split in proportion to them; where one has none, the others
 * get what they claim and the rest stays unallocated. Nodes without a claim have no part. The total is not negative.
 */
export function allocate(totalUj: bigint, claims: readonly Claim[]): Allocation {
  if (totalUj < 0n) throw new RangeError('a meter counts no negative energy');
  const shares = claims
    .flatMap(({ node, expectedJ, floorUj, ceilingUj }): Share[] => {
      if (expectedJ === undefined || !Number.isFinite(expectedJ) || expectedJ < 0) return [];
      const expectedUj: bigint = joulesToMicrojoules(joules(expectedJ));
      const wantUj = expectedUj > floorUj ? expectedUj - floorUj : 0n;
      return [{ node, wantUj, floorUj, roomUj: ceilingUj - floorUj }];
    })
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  const sum = (of: (share: Share) => bigint): bigint =>
    shares.reduce((total, share) => total + of(share), 0n);
  // What meters of their own say of nodes without a claim is not for the others to take.
  const strangersUj =
    claims.reduce((total, { floorUj }) => total + floorUj, 0n) - sum((s) => s.floorUj);
  const freeUj = totalUj - strangersUj - sum((share) => share.floorUj);
  const modestUj = sum((share) => least(share.wantUj, share.roomUj));
  const everyone = shares.length === claims.length;
  const parts =
    everyone || modestUj > freeUj
      ? split(freeUj, shares)
      : new Map(shares.map((share) => [share.node, least(share.wantUj, share.roomUj)]));
  let allocatedUj = 0n;
  const exact = new Map<string, Microjoules>();
  for (const { node, floorUj } of shares) {
    const partUj = floorUj + (parts.get(node) ?? 0n);
    exact.set(node, microjoules(partUj));
    allocatedUj += partUj;
  }
  return { parts: exact, unallocatedUj: microjoules(totalUj - allocatedUj) };
}

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);

/** Split in proportion to the wants; who would get more than there is room for gets that, and the others the rest. */
function split(amountUj: bigint, shares: readonly Share[]): Map<string, bigint> {
  const parts = new Map<string, bigint>();
  let open = [...shares];
  let restUj = amountUj;
  while (open.length > 0) {
    const tentative = splitExactly(
      restUj,
      open.map((share) => share.wantUj),
    );
    const full = open.filter((share, index) => (tentative[index] ?? 0n) > share.roomUj);
    if (full.length === 0) {
      open.forEach((share, index) => parts.set(share.node, tentative[index] ?? 0n));
      break;
    }
    for (const share of full) {
      parts.set(share.node, share.roomUj);
      restUj -= share.roomUj;
    }
    open = open.filter((share) => !full.includes(share));
  }
  return parts;
}

/**
 * Largest remainders (Hamilton): each gets the whole part of its quota, and what is left over, fewer than one each, goes to
 * the largest fractions; equal ones in the order given. Equal parts where nobody wants anything.
 */
export function splitExactly(amountUj: bigint, wants: readonly bigint[]): readonly bigint[] {
  const wholeWant = wants.reduce((sum, want) => sum + want, 0n);
  const weights = wholeWant > 0n ? wants : wants.map(() => 1n);
  const whole = wholeWant > 0n ? wholeWant : BigInt(wants.length);
  const parts = weights.map((weight) => (amountUj * weight) / whole);
  const left = amountUj - parts.reduce((sum, part) => sum + part, 0n);
  const byFraction = weights
    .map((weight, index) => ({ index, fraction: (amountUj * weight) % whole }))
    .sort((a, b) =>
      a.fraction === b.fraction ? a.index - b.index : a.fraction > b.fraction ? -1 : 1,
    );
  for (const { index } of byFraction.slice(0, Number(left))) {
    parts[index] = (parts[index] ?? 0n) + 1n;
  }
  return parts;
}
