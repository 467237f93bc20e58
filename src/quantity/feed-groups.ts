// Which points feed which nodes, as groups that hang together: a meter before several nodes makes one group of them, and
// so do an A and a B feed. Energy is conserved in a group as a whole; in a group of one node it is that node's.
import type { PointId } from './quality.ts';
import type { Node, NodeId } from './site.ts';

export interface FeedGroup {
  /** After the first of its points by name: `feed-a7`. */
  readonly id: string;
  /** Points and nodes in the order of their names, so that nothing hangs on the order of the site file. */
  readonly points: readonly PointId[];
  readonly nodes: readonly NodeId[];
}

/** The groups of a site: connected parts of the graph of points and the nodes that they feed. */
export function feedGroupsOf(nodes: readonly Pick<Node, 'id' | 'fedBy'>[]): readonly FeedGroup[] {
  const groups: { points: Set<PointId>; nodes: Set<NodeId> }[] = [];
  for (const { id, fedBy } of nodes) {
    if (fedBy.length === 0) continue;
    const joined = { points: new Set(fedBy), nodes: new Set([id]) };
    for (const group of groups.filter(({ points }) => fedBy.some((point) => points.has(point)))) {
      for (const point of group.points) joined.points.add(point);
      for (const node of group.nodes) joined.nodes.add(node);
      groups.splice(groups.indexOf(group), 1);
    }
    groups.push(joined);
  }
  return groups
    .map((group) => {
      const points = [...group.points].sort();
      return { id: (points[0] ?? '').replace('/', '-'), points, nodes: [...group.nodes].sort() };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Several nodes behind the same meters: what each of them used is not measured, but allocated. */
export const isShared = (group: FeedGroup): boolean => group.nodes.length > 1;

/** Where the energy of a group goes that no node can be shown to have used. */
export const unallocatedPoint = (group: Pick<FeedGroup, 'id'>): PointId =>
  `account/unallocated-${group.id}`;
