// The site file of a rehearsed rack, as the service reads any site file: nothing in it is known to the rack alone.
import { stringify } from 'yaml';
import type { RehearsalClock } from '../quantity/site.ts';
import { chipsTopic } from './node-agent.ts';
import type { PlannedNode, RackWire } from './rack-plan.ts';

export type WireEntry = Readonly<Record<string, string | number>>;

export interface SiteParts {
  readonly siteName: string;
  readonly seed: number;
  readonly clock: RehearsalClock;
  readonly listen: string;
  readonly wires: ReadonlyMap<RackWire, WireEntry>;
  readonly nodes: readonly PlannedNode[];
  /** Civil time between two polls, s. */
  readonly pollS: number;
  /** Profile of each node's messages, in the order of the nodes. */
  readonly nodeProfiles: readonly string[];
}

const LABEL = [
  ' A rehearsal: this rack does not exist. Wires and protocols are real, what they carry is made up or replayed.',
  ' Nothing that comes of it may be billed or cited.',
].join('\n');

/** YAML that `trueup run --site` reads. */
export function siteText(parts: SiteParts): string {
  const instruments: Record<string, object> = {};
  const points: Record<string, object> = {};
  const nodes: Record<string, object> = {};
  parts.nodes.forEach((node, index) => {
    for (const meter of node.meters) {
      instruments[meter.id] =
        meter.wire === 'broker'
          ? { profile: meter.profile, wire: meter.wire, topic: meter.topic }
          : {
              profile: meter.profile,
              wire: meter.wire,
              unit: meter.unit,
              poll: `${parts.pollS}s`,
            };
      points[meter.point] = { meter: meter.id };
    }
    const chips = `chips-${node.id}`;
    instruments[chips] = {
      profile: parts.nodeProfiles[index] ?? '',
      wire: 'broker',
      topic: chipsTopic(parts.siteName, node.id),
    };
    nodes[node.id] = {
      type: node.type,
      fed_by: node.meters.map((meter) => meter.point),
      chips,
      ...(node.chipSources.length > 0 ? { chip_sources: [...node.chipSources] } : {}),
    };
  });
  const document = {
    site: parts.siteName,
    rehearsal: {
      seed: parts.seed,
      clock: {
        civil_ns: String(parts.clock.civilNs),
        monotonic_ns: String(parts.clock.monotonicNs),
        speed: parts.clock.speedRatio,
      },
    },
    interval: '1min',
    settle_after: '90s',
    listen: parts.listen,
    wires: Object.fromEntries(parts.wires),
    instruments,
    points,
    nodes,
    racks: { rack1: { points: Object.keys(points), nodes: Object.keys(nodes) } },
    sinks: { file: { kind: 'line-protocol-file' } },
  };
  // Instants are strings and so come out quoted: as YAML numbers many readers would round them.
  return `#${LABEL.replaceAll('\n', '\n#')}\n${stringify(document, { lineWidth: 100 })}`;
}
