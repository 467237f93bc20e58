// Counters at common edges: each source's energy at ascending instants, by one walk over both. Sources that were polled
// together share the walk, since where an edge lies between two readings is the same for all of them.
import type { JudgedCounter } from './day-counters.ts';
import { BLOCK_ROWS } from './row-loops.ts';

export interface Source {
  readonly counter: JudgedCounter;
  readonly addTo: readonly number[];
  readonly takeFrom: readonly number[];
  /** Energy at the edges of the block. */
  readonly edgesJ: Float64Array;
}

/** Sources that were read together: where an edge lies between their readings is found once for all of them. */
export interface Poll {
  readonly atS: Float64Array;
  readonly sources: Source[];
  readonly moved: boolean;
  /** The reading at or after an edge, -1 outside of the day's readings. */
  readonly after: Int32Array;
  readonly share: Float64Array;
  reached: number;
}

export const sourceOf = (
  counter: JudgedCounter,
  addTo: readonly number[],
  takeFrom: readonly number[],
): Source => ({ counter, addTo, takeFrom, edgesJ: new Float64Array(BLOCK_ROWS + 1) });

export function pollsOf(sources: readonly Source[], feedsCount: number): readonly Poll[] {
  const polls: Poll[] = [];
  sources.forEach((source, index) => {
    const moved = index >= feedsCount;
    const { atS } = source.counter;
    const known = polls.find((poll) => poll.atS === atS && poll.moved === moved);
    if (known) known.sources.push(source);
    else {
      const after = new Int32Array(BLOCK_ROWS + 1);
      const share = new Float64Array(BLOCK_ROWS + 1);
      polls.push({ atS, sources: [source], moved, after, share, reached: 1 });
    }
  });
  return polls;
}

/** Where ascending edges lie between the readings of a poll: one walk over both through the day. */
export function findEdges(poll: Poll, edgesS: Float64Array, edgesCount: number): void {
  const { atS, after, share } = poll;
  const count = atS.length;
  let reading = poll.reached;
  for (let edge = 0; edge < edgesCount; edge++) {
    const instantS = edgesS[edge] ?? 0;
    while (reading < count && (atS[reading] ?? 0) < instantS) reading++;
    const beforeS = atS[reading - 1] ?? 0;
    if (reading >= count || instantS < beforeS) {
      after[edge] = -1;
      continue;
    }
    after[edge] = reading;
    share[edge] = (instantS - beforeS) / ((atS[reading] ?? 0) - beforeS);
  }
  poll.reached = reading;
}

export function energyAtEdges(
  countJ: Float64Array,
  poll: Poll,
  edgesJ: Float64Array,
  edgesCount: number,
): void {
  const { after, share } = poll;
  for (let edge = 0; edge < edgesCount; edge++) {
    const reading = Math.max(1, after[edge] ?? 1);
    const beforeJ = countJ[reading - 1] ?? 0;
    edgesJ[edge] = beforeJ + (share[edge] ?? 0) * ((countJ[reading] ?? 0) - beforeJ);
  }
}

/** Adds mean power between neighbouring edges to rows from `at` on. */
export function addPower(
  edgesJ: Float64Array,
  perS: Float64Array,
  into: Float64Array,
  at: number,
  rowsCount: number,
  sign: number,
): void {
  let beforeJ = edgesJ[0] ?? 0;
  for (let row = 0; row < rowsCount; row++) {
    const afterJ = edgesJ[row + 1] ?? 0;
    into[at + row] = (into[at + row] ?? 0) + sign * (afterJ - beforeJ) * (perS[row] ?? 0);
    beforeJ = afterJ;
  }
}

/** A row is unknown where an edge lies outside of the readings or a step between its edges is unknown. */
export function markUnknown(
  after: Int32Array,
  unknownCounts: Int32Array | undefined,
  isKnown: Uint8Array,
  rowsCount: number,
): void {
  for (let row = 0; row < rowsCount; row++) {
    const from = after[row] ?? -1;
    const until = after[row + 1] ?? -1;
    if (from < 0 || until < 0) isKnown[row] = 0;
    else if (unknownCounts && unknownCounts[until] !== unknownCounts[from - 1]) isKnown[row] = 0;
  }
}
