// Counters at common edges: each source's energy at ascending instants, by one walk over both. Sources that were polled
// together share the walk, since where an edge lies between two readings is the same for all of them.
import type { JudgedCounter } from './day-counters.ts';
import { BLOCK_ROWS } from './row-loops.ts';

export interface Source {
  readonly counter: JudgedCounter;
  readonly addTo: readonly number[];
  readonly takeFrom: readonly number[];
}

/** Sources that were read together: where an edge lies between their readings is found once for all of them. */
export interface Poll {
  readonly atS: Float64Array;
  readonly sources: Source[];
  readonly moved: boolean;
  /** The reading at or after an edge, from 1 on. */
  readonly after: Int32Array;
  /** How far an edge lies between the reading before and that; NaN outside of the day's readings. */
  readonly share: Float64Array;
  reachedCount: number;
}

export const sourceOf = (
  counter: JudgedCounter,
  addTo: readonly number[],
  takeFrom: readonly number[],
): Source => ({ counter, addTo, takeFrom });

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
      polls.push({ atS, sources: [source], moved, after, share, reachedCount: 1 });
    }
  });
  return polls;
}

/** Where ascending edges lie between the readings of a poll: one walk over both through the day. */
export function findEdges(poll: Poll, edgesS: Float64Array, edgesCount: number): void {
  const { atS, after, share } = poll;
  const last = atS.length - 1;
  let reading = poll.reachedCount;
  for (let edge = 0; edge < edgesCount; edge++) {
    const instantS = edgesS[edge] ?? 0;
    while (reading < last && (atS[reading] ?? 0) < instantS) reading++;
    const beforeS = atS[reading - 1] ?? 0;
    const afterS = atS[reading] ?? 0;
    after[edge] = reading;
    share[edge] =
      instantS >= beforeS && instantS <= afterS ? (instantS - beforeS) / (afterS - beforeS) : NaN;
  }
  // The last edge of a block is the first of the next.
  poll.reachedCount = reading;
}

/** The same for edges that are the readings of the poll themselves, `from` on. */
export function findOwnEdges({ after, share }: Poll, from: number, edgesCount: number): void {
  for (let edge = 0; edge < edgesCount; edge++) {
    after[edge] = from + edge;
    share[edge] = 1;
  }
  if (from > 0) return;
  after[0] = 1;
  share[0] = 0;
}

/** Adds a source's mean power between neighbouring edges, times `sign`, to rows from `at` on. */
export function addPower(
  countJ: Float64Array,
  { after, share }: Poll,
  perS: Float64Array,
  into: Float64Array,
  at: number,
  rowsCount: number,
  sign: number,
): void {
  let beforeJ = energyAt(countJ, after[0] ?? 0, share[0] ?? 0);
  for (let row = 0; row < rowsCount; row++) {
    const afterJ = energyAt(countJ, after[row + 1] ?? 0, share[row + 1] ?? 0);
    into[at + row] = (into[at + row] ?? 0) + sign * (afterJ - beforeJ) * (perS[row] ?? 0);
    beforeJ = afterJ;
  }
}

/** No number outside of the readings. */
function energyAt(countJ: Float64Array, after: number, share: number): number {
  const leftJ = countJ[after - 1] ?? 0;
  return leftJ + share * ((countJ[after] ?? 0) - leftJ);
}

/** A row with an edge outside of the readings is unknown. */
export function markOutside({ share }: Poll, isKnown: Uint8Array, rowsCount: number): void {
  for (let row = 0; row < rowsCount; row++) {
    if (!((share[row] ?? 0) + (share[row + 1] ?? 0) >= 0)) isKnown[row] = 0;
  }
}

/** A row is unknown where a step of the source between its edges is. */
export function markUnknown(
  poll: Poll,
  unknownCounts: Int32Array,
  isKnown: Uint8Array,
  rowsCount: number,
): void {
  const { after, share } = poll;
  for (let row = 0; row < rowsCount; row++) {
    // A row that begins on a reading does not touch the step to that reading.
    const from = (after[row] ?? 1) - (share[row] === 1 ? 0 : 1);
    if (unknownCounts[after[row + 1] ?? 0] !== unknownCounts[from]) isKnown[row] = 0;
  }
}
