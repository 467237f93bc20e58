// The node message that goes out: counters as they stand, never averages, so that a message that is lost costs the shape of
// the load between two others and no energy. (boot_id, seq) names it: seq is the time since boot and rises over restarts.
import type { ChipReadings } from './chip-reader.ts';

export interface Stamp {
  readonly timeNs: bigint;
  /** Milliseconds since boot: a new agent on the same boot goes on above the old one. */
  readonly seq: bigint;
  readonly isSynchronised: boolean;
  /** Standard uncertainty of the host's clock, ms. */
  readonly clockMs: number;
}

export interface NodeIdentity {
  readonly node: string;
  readonly bootId: string;
}

export interface Message {
  readonly seq: bigint;
  /** Of an unsynchronised clock nothing is known but that it is now: such a message is worthless later. */
  readonly isDatable: boolean;
  readonly text: string;
}

export function messageOf(
  { node, bootId }: NodeIdentity,
  stamp: Stamp,
  { counters, gauges, epochs }: ChipReadings,
): Message {
  const text = JSON.stringify({
    v: 1,
    node,
    boot_id: [bootId, ...epochs].join('+').slice(0, 128),
    seq: stamp.seq.toString(),
    time_ns: stamp.timeNs.toString(),
    sync: {
      state: stamp.isSynchronised ? 'synchronised' : 'unsynchronised',
      offset_ms: 0,
      ...(stamp.isSynchronised ? { u_ms: Math.round(stamp.clockMs * 1e3) / 1e3 } : {}),
    },
    counters: counters.map(({ source, unit, count, maxCount }) => ({
      source,
      unit,
      value: count.toString(),
      ...(maxCount === undefined ? {} : { max: maxCount.toString() }),
    })),
    gauges: gauges.map(({ source, powerW }) => ({ source, quantity: 'power_w', value: powerW })),
  });
  return { seq: stamp.seq, isDatable: stamp.isSynchronised, text };
}
