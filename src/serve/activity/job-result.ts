// What a job used: its window on each of its nodes, shared with other jobs there, and its phases between marks. A phase that is
// shorter than four periods of the slowest sensor cannot be told from its neighbours and is refused.
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { kwhOfJoules } from '../../quantity/format.ts';
import type { Quality } from '../../quantity/quality.ts';
import { formatInstant, instantNs, type InstantNs, type Interval } from '../../quantity/time.ts';
import { expandedJ } from '../../quantity/uncertainty.ts';
import { worstOf, type WindowSources } from '../window-energy.ts';
import { nsOf, type Activity, type Job } from './activity.ts';
import { jobPart, type JobPart, type Split } from './job-part.ts';

const PERIODS_COUNT = 4;
/** The newest readings are final after a few seconds. */
const SETTLING_NS = 5_000_000_000n;

interface Energy {
  readonly energyUj: bigint;
  readonly expandedJ: number;
  readonly quality: Quality;
}
const joulesOf = ({ energyUj }: Energy): number => Number(energyUj) / 1e6;

export type PhaseJson = {
  readonly phase: string;
  readonly times_count: number;
  readonly duration_s: number;
  readonly wall_energy_kwh?: number;
  readonly u_kwh?: number;
  readonly quality: Quality;
  readonly tokens?: number;
  readonly j_per_token?: number;
  readonly inferences?: number;
  readonly j_per_inference?: number;
  readonly because?: string;
};

export type JobJson = {
  readonly job: string;
  readonly name: string;
  readonly nodes: readonly string[];
  readonly state: 'running' | 'ended';
  readonly from: string;
  readonly until: string;
  readonly duration_s: number;
  readonly wall_energy_kwh?: number;
  readonly u_kwh?: number;
  readonly quality: Quality;
  readonly because?: string;
  /** What the nodes would have drawn idle, as a share of the energy; left out where no model says. */
  readonly idle_ratio?: number;
  readonly tokens?: number;
  readonly j_per_token?: number;
  readonly inferences?: number;
  readonly j_per_inference?: number;
  readonly per_node: readonly {
    readonly node: string;
    readonly wall_energy_kwh?: number;
    readonly u_kwh?: number;
    readonly quality: Quality;
    /** µJ: those of all jobs on the node over the same time sum to it. */
    readonly energy_uj?: string;
    /** Below 1 where other jobs ran on the node at the same time, and how it was shared with them. */
    readonly share_ratio?: number;
    readonly split?: Split;
    readonly because?: string;
  }[];
  readonly phases: readonly PhaseJson[];
};

export function jobResult(sources: WindowSources, activity: Activity, job: Job): JobJson {
  const fromNs = nsOf(job.record.at_ns);
  const untilNs = job.end ? nsOf(job.end.at_ns) : newestOf(sources, job);
  const window = { fromNs, untilNs };
  const nodes = job.record.nodes.map((node) => {
    const part = jobPart(sources, activity, job, node, window);
    return { node, part };
  });
  const total = sumOf(nodes.map(({ part }) => energyOf(part)));
  const idle = idleJ(sources, nodes, window);
  const tokens = job.end?.tokens ?? sumCounts(job.marks.map((mark) => mark.tokens));
  const inferences = job.end?.inferences ?? sumCounts(job.marks.map((mark) => mark.inferences));
  return {
    job: job.record.job,
    name: job.record.name,
    nodes: job.record.nodes,
    state: job.end ? 'ended' : 'running',
    from: formatInstant(fromNs),
    until: formatInstant(untilNs),
    duration_s: seconds(window),
    ...energyFields(total),
    ...(idle === undefined || isRefusal(total)
      ? {}
      : { idle_ratio: Math.min(1, idle / joulesOf(total)) }),
    ...perCount('token', tokens, total),
    ...perCount('inference', inferences, total),
    per_node: nodes.map(({ node, part }) => ({
      node,
      ...(isRefusal(part)
        ? {}
        : {
            energy_uj: part.energyUj.toString(),
            share_ratio: part.shareRatio,
            split: part.split,
          }),
      ...energyFields(energyOf(part)),
    })),
    phases: phasesOf(sources, activity, job, window),
  };
}

const seconds = ({ fromNs, untilNs }: Interval): number => Number(untilNs - fromNs) / 1e9;

/** While a job runs: up to where every node's readings are final enough, a few seconds ago. */
function newestOf({ nowNs }: WindowSources, job: Job): InstantNs {
  const fromNs = nsOf(job.record.at_ns);
  const recentNs = instantNs(nowNs() - SETTLING_NS);
  return recentNs > fromNs ? recentNs : fromNs;
}

const energyOf = (part: JobPart | Refusal): Energy | Refusal =>
  isRefusal(part)
    ? part
    : { energyUj: part.energyUj, expandedJ: expandedJ(part.parts), quality: part.quality };

function sumOf(energies: readonly (Energy | Refusal)[]): Energy | Refusal {
  let energyUj = 0n;
  let expandedSumJ = 0;
  const qualities: Quality[] = [];
  for (const energy of energies) {
    // A job without one of its nodes would look thrifty.
    if (isRefusal(energy)) return energy;
    energyUj += energy.energyUj;
    expandedSumJ += energy.expandedJ;
    qualities.push(energy.quality);
  }
  return { energyUj, expandedJ: expandedSumJ, quality: worstOf(qualities) };
}

function energyFields(energy: Energy | Refusal): {
  wall_energy_kwh?: number;
  u_kwh?: number;
  quality: Quality;
  because?: string;
} {
  if (isRefusal(energy))
    return { quality: 'missing', because: `${energy.code}: ${energy.because}` };
  return {
    wall_energy_kwh: kwhOfJoules(joulesOf(energy)),
    u_kwh: kwhOfJoules(energy.expandedJ),
    quality: energy.quality,
  };
}

/** Idle energy by the models: what each wall draws at the lowest chip power that its model has seen. */
function idleJ(
  sources: WindowSources,
  nodes: readonly { readonly node: string; readonly part: JobPart | Refusal }[],
  window: Interval,
): number | undefined {
  let sum = 0;
  for (const { node, part } of nodes) {
    if (isRefusal(part)) return undefined;
    const model = sources.sight(node)?.model;
    const [term, ...others] = model?.terms ?? [];
    // With several gains it is not known which chip idles at what.
    if (!model || !term || others.length > 0) return undefined;
    sum +=
      (model.interceptW + term.gainRatio * model.holds.fromW) * seconds(window) * part.shareRatio;
  }
  return sum;
}

const sumCounts = (counts: readonly (number | undefined)[]): number | undefined => {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
};

function perCount(
  what: 'token' | 'inference',
  count: number | undefined,
  energy: Energy | Refusal,
): { tokens?: number; j_per_token?: number; inferences?: number; j_per_inference?: number } {
  if (count === undefined) return {};
  const each = isRefusal(energy) || count === 0 ? undefined : joulesOf(energy) / count;
  return what === 'token'
    ? { tokens: count, ...(each === undefined ? {} : { j_per_token: each }) }
    : { inferences: count, ...(each === undefined ? {} : { j_per_inference: each }) };
}

/** A mark opens a phase that lasts until the next mark; phases of one name are added up. */
function phasesOf(
  sources: WindowSources,
  activity: Activity,
  job: Job,
  window: Interval,
): readonly PhaseJson[] {
  const marks = [...job.marks].sort((a, b) => (nsOf(a.at_ns) < nsOf(b.at_ns) ? -1 : 1));
  const periodS = Math.max(...job.record.nodes.map((node) => sources.sight(node)?.periodS ?? 1));
  const phases = new Map<
    string,
    {
      energies: (Energy | Refusal)[];
      durationS: number;
      tokens: (number | undefined)[];
      inferences: (number | undefined)[];
    }
  >();
  marks.forEach((mark, index) => {
    const next = marks[index + 1];
    const span = { fromNs: nsOf(mark.at_ns), untilNs: next ? nsOf(next.at_ns) : window.untilNs };
    const phase = phases.get(mark.mark) ?? {
      energies: [],
      durationS: 0,
      tokens: [],
      inferences: [],
    };
    phases.set(mark.mark, phase);
    phase.durationS += Math.max(0, seconds(span));
    phase.tokens.push(mark.tokens);
    phase.inferences.push(mark.inferences);
    phase.energies.push(
      seconds(span) < PERIODS_COUNT * periodS
        ? tooShort(seconds(span), periodS)
        : sumOf(
            job.record.nodes.map((node) => energyOf(jobPart(sources, activity, job, node, span))),
          ),
    );
  });
  return [...phases].map(([phase, { energies, durationS, tokens, inferences }]) => {
    const total = sumOf(energies);
    return {
      phase,
      times_count: energies.length,
      duration_s: durationS,
      ...energyFields(total),
      ...perCount('token', sumCounts(tokens), total),
      ...perCount('inference', sumCounts(inferences), total),
    };
  });
}

const tooShort = (lengthS: number, periodS: number): Refusal =>
  refuse(
    'tracker.short',
    `a phase of ${lengthS.toFixed(1)} s cannot be told by sensors that read each ${periodS} s`,
    `mark phases of at least ${(PERIODS_COUNT * periodS).toFixed(0)} s`,
  );
