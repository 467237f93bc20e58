// A node message becomes observations: one for every counter and gauge of every chip source, named by `component`.
import type { Exchange } from '../quantity/exchange.ts';
import { isRefusal, type FaultCode } from '../quantity/fault.ts';
import type { Channel, Observation } from '../quantity/observation.ts';
import { fromMs, type TimeWindow } from '../quantity/time.ts';
import { microjoules, type Microjoules } from '../quantity/units.ts';
import { resolutionUj } from './counter-energy.ts';
import { UNIT_UJ } from './exact.ts';
import { gaugeReading } from './gauge-reading.ts';
import { parseNodeMessage, type NodeCounter, type NodeMessage } from './node-message.ts';
import type { ChipRead, NodeMessageProfile } from './profile.ts';
import {
  isOfUnknownAge,
  reachNs,
  receivedWindow,
  stampedWindow,
  type DeviceStamp,
} from './reading-window.ts';

type ChipCounter = Extract<ChipRead, { kind: 'counter' }>;

/** Never throws. `topic` names the node that may speak here: `trueup/1/<site>/<node>/chips`. */
export function decodeNode(
  profile: NodeMessageProfile,
  exchange: Exchange,
  topic: string,
): readonly Observation[] {
  const { source } = exchange;
  const reach = reachNs({}, profile.limits);
  const gap = (
    fault: FaultCode,
    channel: Channel,
    component: string,
    window?: TimeWindow,
  ): Observation => ({
    kind: 'gap',
    channel,
    fault,
    source,
    component,
    window: window ?? receivedWindow(exchange, reach),
  });
  if (exchange.fault !== undefined) return [gap(exchange.fault, 'energy_import', '')];
  const message = parseNodeMessage(exchange.reply);
  if (isRefusal(message)) return [gap(message.code, 'energy_import', '')];
  const expected = nodeOfTopic(topic);
  if (expected !== undefined && expected !== message.node)
    return [gap('decode.unknown-node', 'energy_import', '')];
  const stamp = stampOf(message);
  const windowOf = (read: ChipRead): TimeWindow | undefined => {
    const own = reachNs(read, profile.limits);
    const stamped = stamp && stampedWindow(exchange, own, stamp);
    return stamped ?? (isOfUnknownAge(exchange) ? undefined : receivedWindow(exchange, own));
  };
  const counters = message.counters.map((counter): Observation => {
    const component = counter.source;
    const read = readFor(profile.reads, component, 'counter');
    if (read?.kind !== 'counter') return gap('decode.malformed', 'energy_import', component);
    const window = windowOf(read);
    if (window === undefined) return gap('decode.stale', read.channel, component);
    const { channel } = read;
    const counted = countChip(counter, read);
    if (counted === undefined) return gap('decode.out-of-range', channel, component, window);
    return {
      kind: 'counter',
      channel,
      ...counted,
      epoch: message.bootId,
      source,
      component,
      window,
    };
  });
  const gauges = message.gauges.map((gauge): Observation => {
    const component = gauge.source;
    const read = readFor(profile.reads, component, gauge.quantity);
    if (read?.kind !== 'gauge') return gap('decode.malformed', 'power_active', component);
    const window = windowOf(read);
    if (window === undefined) return gap('decode.stale', read.channel, component);
    const outcome = gaugeReading(gauge.reading, read);
    if ('fault' in outcome) return gap(outcome.fault, read.channel, component, window);
    return { kind: 'gauge', channel: read.channel, ...outcome, source, component, window };
  });
  return [...counters, ...gauges];
}

/** The node named by a topic `.../<node>/chips`; undefined where the topic names none (ingest by HTTP). */
function nodeOfTopic(topic: string): string | undefined {
  const levels = topic.split('/');
  return levels.length >= 2 && levels.at(-1) === 'chips' ? levels.at(-2) : undefined;
}

function readFor(
  reads: readonly ChipRead[],
  source: string,
  quantity: string,
): ChipRead | undefined {
  return reads
    .filter((read) => (read.kind === 'counter' ? 'counter' : read.quantity) === quantity)
    .filter((read) => source.startsWith(read.prefix))
    .reduce<ChipRead | undefined>(
      (longest, read) => (longest && longest.prefix.length >= read.prefix.length ? longest : read),
      undefined,
    );
}

// Only a clock that is disciplined, and knows how well, can place a reading more tightly than its arrival does.
function stampOf({ timeNs, sync }: NodeMessage): DeviceStamp | undefined {
  if (timeNs === undefined || sync.state !== 'synchronised' || sync.uMs === undefined)
    return undefined;
  return { atNs: timeNs, uncertaintyNs: fromMs(Math.abs(sync.offsetMs) + sync.uMs) };
}

interface ChipCount {
  readonly energyUj: Microjoules;
  readonly quantumUj: Microjoules;
  readonly wrapsAtUj: Microjoules | undefined;
}

function countChip(counter: NodeCounter, read: ChipCounter): ChipCount | undefined {
  const unitUj = UNIT_UJ[counter.unit];
  const energyUj = microjoules(counter.count * unitUj);
  const stepUj = maxOf(resolutionUj(read), microjoules(unitUj));
  if (read.wraps !== 'max' || counter.max === undefined || counter.max === 0n)
    return { energyUj, quantumUj: stepUj, wrapsAtUj: undefined };
  if (counter.count > counter.max) return undefined;
  const rapl = counter.unit === 'uJ' ? raplRange(counter.max) : undefined;
  if (rapl) return { energyUj, ...rapl };
  // Without knowing the hardware's own step, the smallest wrap that a largest value allows is one unit above it.
  return { energyUj, quantumUj: stepUj, wrapsAtUj: microjoules((counter.max + 1n) * unitUj) };
}

/**
 * Linux powercap: the register has 32 bits of a unit that the kernel holds in whole nJ (61 035 for 2^-14 J), so
 * max_energy_range_uj = floor((2^32 - 1) x unit). The counter starts again one unit above it: at floor(2^32 x unit).
 * (drivers/powercap/intel_rapl_common.c.) undefined where no such unit gives this range.
 */
function raplRange(
  maxUj: bigint,
): { readonly quantumUj: Microjoules; readonly wrapsAtUj: Microjoules } | undefined {
  const steps = (1n << 32n) - 1n;
  const unitNj = (maxUj * 1000n + steps - 1n) / steps;
  if (unitNj === 0n || (steps * unitNj) / 1000n !== maxUj) return undefined;
  return {
    quantumUj: microjoules((unitNj + 999n) / 1000n),
    wrapsAtUj: microjoules(((steps + 1n) * unitNj) / 1000n),
  };
}

const maxOf = (a: Microjoules, b: Microjoules): Microjoules => (a > b ? a : b);
