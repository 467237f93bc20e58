// Which nodes a rehearsed rack has, on which meters they hang, and on which wire each meter is read: a table, so that
// the rack that everybody meets first can be read at a glance.
import { isModbus, type Profile } from '../decode/profile.ts';
import type { PointId } from '../quantity/quality.ts';
import type { NodeType } from './node-physics.ts';
import type { Replay } from './replay-machine.ts';
import { quantumUj } from './shown-quantity.ts';

/** `pdu`: Modbus TCP; `bus`: RTU on a serial line; `gateway`: RTU over TCP; `broker`: MQTT. */
export const RACK_WIRES = ['pdu', 'bus', 'gateway', 'broker'] as const;
export type RackWire = (typeof RACK_WIRES)[number];

export interface PlannedMeter {
  readonly id: string;
  readonly profile: string;
  readonly wire: RackWire;
  /** Modbus unit; 1 on the broker, where it means nothing. */
  readonly unit: number;
  /** What the device's topics begin with, on the broker; else empty. */
  readonly topic: string;
  readonly point: PointId;
}

export interface PlannedNode {
  readonly id: string;
  readonly type: string;
  /** One per feed, in order. */
  readonly meters: readonly PlannedMeter[];
  /** Chip sources to add up; empty: all that the node sends. */
  readonly chipSources: readonly string[];
}

interface PhysicalNode extends PlannedNode {
  readonly type: NodeType;
}

const modbus = (
  id: string,
  profile: string,
  wire: RackWire,
  unit: number,
  point: PointId,
): PlannedMeter => ({ id, profile, wire, unit, topic: '', point });
const pushed = (id: string, profile: string, topic: string, point: PointId): PlannedMeter => ({
  id,
  profile,
  wire: 'broker',
  unit: 1,
  topic,
  point,
});

/** Five nodes of two types: A and B feed, a serial bus, two plugs, and a meter behind a gateway. */
export const DEFAULT_RACK: readonly PhysicalNode[] = [
  {
    id: 'node1',
    type: 'rehearsed-8gpu',
    meters: [
      modbus('m1', 'schneider-iem3155', 'pdu', 1, 'feed/a1'),
      modbus('m2', 'eastron-sdm630', 'pdu', 2, 'feed/b1'),
    ],
    chipSources: [],
  },
  {
    id: 'node2',
    type: 'rehearsed-2cpu',
    meters: [modbus('m3', 'abb-b23', 'bus', 3, 'feed/a2')],
    chipSources: [],
  },
  {
    id: 'node3',
    type: 'rehearsed-2cpu',
    meters: [pushed('plug3', 'shelly-gen2-switch', 'rehearsal-plug3', 'outlet/plug3')],
    chipSources: [],
  },
  {
    id: 'node4',
    type: 'rehearsed-2cpu',
    meters: [pushed('plug4', 'tasmota-energy', 'tele/rehearsal-plug4', 'outlet/plug4')],
    chipSources: [],
  },
  {
    id: 'node5',
    type: 'rehearsed-8gpu',
    meters: [modbus('m5', 'janitza-umg604', 'gateway', 5, 'feed/a5')],
    chipSources: [],
  },
];

/** The plan of a replay: one Modbus TCP meter per recorded wall source, of the profile with the finest register. */
export function replayPlan(
  replay: Replay,
  profiles: ReadonlyMap<string, Profile>,
): readonly PlannedNode[] {
  const profile = finestProfile(profiles);
  let unit = 0;
  return replay.machines.map((machine, index) => {
    const id = nameOf(machine.name) || `node${index + 1}`;
    return {
      id,
      type: 'replayed',
      meters: machine.meterSources.map((source) => {
        unit += 1;
        const name = replay.machines.length > 1 ? `${id}-${nameOf(source)}` : nameOf(source);
        return modbus(`m-${name}`, profile, 'pdu', unit, `feed/${name}`);
      }),
      chipSources: machine.sumSources,
    };
  });
}

const nameOf = (source: string): string => source.replace(/[^A-Za-z0-9._-]+/g, '-');

/** The reference meter whose import register has the smallest step, floats of 32 bits aside; ties by name. */
function finestProfile(profiles: ReadonlyMap<string, Profile>): string {
  const candidates = [...profiles.values()].flatMap((profile) => {
    if (!isModbus(profile) || profile.role !== 'reference') return [];
    const read = profile.reads.find((each) => each.channel === 'energy_import');
    if (read?.kind !== 'counter' || read.as === 'float32') return [];
    return [{ id: profile.id, stepUj: quantumUj(read) }];
  });
  candidates.sort((a, b) =>
    a.stepUj === b.stepUj ? (a.id < b.id ? -1 : 1) : a.stepUj < b.stepUj ? -1 : 1,
  );
  return candidates[0]?.id ?? 'schneider-iem3155';
}
