// Pieces of time on a node in which the jobs there are the same: what is shared is shared piece by piece.
import {
  alignedInterval,
  instantNs,
  type DurationNs,
  type InstantNs,
  type Interval,
} from '../../quantity/time.ts';
import { nsOf, type Job } from './activity.ts';

/** Where jobs come and go, and, while several are there, the edges of intervals: up to there chips are kept. */
export function edgesOf(
  jobs: readonly Job[],
  interval: DurationNs,
  { fromNs, untilNs }: Interval,
): readonly InstantNs[] {
  if (jobs.length < 2) return [];
  const edges = jobs.flatMap(({ record, end }) => [
    nsOf(record.at_ns),
    ...(end ? [nsOf(end.at_ns)] : []),
  ]);
  let edgeNs = alignedInterval(fromNs, interval).untilNs;
  for (; edgeNs < untilNs; edgeNs = instantNs(edgeNs + interval)) edges.push(edgeNs);
  return [...new Set(edges)]
    .filter((atNs) => atNs > fromNs && atNs < untilNs)
    .sort((a, b) => (a < b ? -1 : 1));
}

export const cutAt = (window: Interval, edges: readonly InstantNs[]): readonly Interval[] => {
  const all = [window.fromNs, ...edges, window.untilNs];
  return all.slice(1).map((untilNs, index) => ({ fromNs: all[index] ?? untilNs, untilNs }));
};
