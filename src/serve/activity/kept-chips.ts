// What the chips of a node counted while jobs shared it. Curves forget what is settled, and a job is asked for long after; so
// the energy of each chip is kept for each piece of time in which the jobs on the node were the same.
import { instantNs, type InstantNs, type Interval } from '../../quantity/time.ts';
import type { WindowSources } from '../window-energy.ts';
import { nsOf, type Activity } from './activity.ts';
import { cutAt, edgesOf } from './job-pieces.ts';

/** How much of a piece kept records must cover to stand for it. */
const COVERED_RATIO_MIN = 0.95;
/** The newest readings are final after a few seconds. */
const SETTLING_NS = 10_000_000_000n;

/** µJ by chip source; undefined where neither a curve nor the records know. */
export function chipEnergies(
  sources: WindowSources,
  activity: Activity,
  node: string,
  span: Interval,
): ReadonlyMap<string, bigint> | undefined {
  return countedOf(sources, node, span) ?? keptOf(activity, node, span);
}

function countedOf(
  sources: WindowSources,
  node: string,
  { fromNs, untilNs }: Interval,
): ReadonlyMap<string, bigint> | undefined {
  const chips = sources.sight(node)?.chips;
  if (!chips || chips.size === 0) return undefined;
  const energies = new Map<string, bigint>();
  for (const [source, curve] of chips) {
    const from = curve.energyAt(fromNs);
    const until = curve.energyAt(untilNs) ?? curve.provisionalAt(untilNs);
    if (!from || !until || from.stretch !== until.stretch) return undefined;
    energies.set(source, until.energyUj - from.energyUj);
  }
  return energies;
}

function keptOf(
  activity: Activity,
  node: string,
  { fromNs, untilNs }: Interval,
): ReadonlyMap<string, bigint> | undefined {
  const energies = new Map<string, bigint>();
  let coveredNs = 0n;
  for (const record of activity.chipsOf(node)) {
    const startNs = nsOf(record.from_ns);
    const endNs = nsOf(record.until_ns);
    const sharedNs = (endNs < untilNs ? endNs : untilNs) - (startNs > fromNs ? startNs : fromNs);
    if (sharedNs <= 0n) continue;
    coveredNs += sharedNs;
    for (const [source, energyUj] of Object.entries(record.energy_uj)) {
      const partUj = (BigInt(energyUj) * sharedNs) / (endNs - startNs);
      energies.set(source, (energies.get(source) ?? 0n) + partUj);
    }
  }
  const isCovered = Number(coveredNs) >= COVERED_RATIO_MIN * Number(untilNs - fromNs);
  return isCovered ? energies : undefined;
}

/** Keeps what is whole by now, for each node that several jobs share of which one has named its chips. */
export async function keepChips(sources: WindowSources, activity: Activity): Promise<void> {
  const nowNs = instantNs(sources.nowNs() - SETTLING_NS);
  const open = activity
    .allJobs()
    .filter(({ end }) => !end || nsOf(end.at_ns) > nowNs - 2n * sources.interval);
  for (const node of new Set(open.flatMap(({ record }) => record.nodes))) {
    const jobs = open.filter(({ record }) => record.nodes.includes(node));
    if (jobs.length < 2 || !jobs.some(({ record }) => (record.chips ?? []).length > 0)) continue;
    const window = {
      fromNs: keptUntil(activity, node, nowNs - 2n * sources.interval),
      untilNs: nowNs,
    };
    if (window.fromNs >= window.untilNs) continue;
    const edges = edgesOf(jobs, sources.interval, window);
    // The last piece is not over.
    for (const span of cutAt(window, edges).slice(0, -1)) {
      if (activity.jobsOn(node, span).length < 2) continue;
      const energies = countedOf(sources, node, span);
      if (!energies) continue;
      await activity.add({
        kind: 'chips',
        node,
        from_ns: span.fromNs.toString(),
        until_ns: span.untilNs.toString(),
        energy_uj: Object.fromEntries([...energies].map(([source, uj]) => [source, uj.toString()])),
      });
    }
  }
}

function keptUntil(activity: Activity, node: string, leastNs: bigint): InstantNs {
  const kept = activity.chipsOf(node);
  const last = kept[kept.length - 1];
  const untilNs = last ? nsOf(last.until_ns) : 0n;
  return instantNs(untilNs > leastNs ? untilNs : leastNs);
}
