// A job's part of what a node used. While several jobs are on it, each gets what its own chips had of all chips, in parts that
// add up to the node to the microjoule; where nobody says whose a chip is, or nobody counted it, jobs share it alike.
import { chipKindOf } from '../../calibrate/chip-terms.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import type { Quality } from '../../quantity/quality.ts';
import type { Interval } from '../../quantity/time.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { joules, joulesToMicrojoules } from '../../quantity/units.ts';
import { splitExactly } from '../../settle/allocate.ts';
import { windowEnergy, worstOf, type WindowSources } from '../window-energy.ts';
import { nsOf, type Activity, type Job } from './activity.ts';
import { cutAt, edgesOf } from './job-pieces.ts';
import { chipEnergies } from './kept-chips.ts';

/** `alone`: nobody else was there; `chips`: by the energy of the chips that jobs named; `time`: alike, at least in part. */
export const SPLITS = ['alone', 'chips', 'time'] as const;
export type Split = (typeof SPLITS)[number];

export interface JobPart {
  readonly energyUj: bigint;
  readonly parts: UncertaintyParts;
  readonly quality: Quality;
  /** Of the node's energy over the window, 0 to 1. */
  readonly shareRatio: number;
  readonly split: Split;
}

/** Refuses what `windowEnergy` refuses. The parts of all jobs on a node over a span sum to the node exactly. */
export function jobPart(
  sources: WindowSources,
  activity: Activity,
  job: Job,
  node: string,
  window: Interval,
): JobPart | Refusal {
  const present = activity.jobsOn(node, window);
  const pieces: { readonly part: JobPart; readonly nodeUj: bigint }[] = [];
  for (const span of cutAt(window, edgesOf(present, sources.interval, window))) {
    const energy = windowEnergy(sources, node, span);
    if (isRefusal(energy)) return energy;
    const jobs = present.filter((each) => isIn(each, span));
    const mine = jobs.findIndex((each) => each.record.job === job.record.job);
    const { weights, split } = weightsOf(sources, activity, node, span, jobs);
    const nodeUj: bigint = joulesToMicrojoules(energy.energyJ);
    const energyUj = jobs.length < 2 ? nodeUj : (splitExactly(nodeUj, weights)[mine] ?? 0n);
    const shareRatio = nodeUj > 0n ? Number(energyUj) / Number(nodeUj) : 1 / jobs.length;
    const { systematicJ, independentJ, edgeJ, dof } = energy.parts;
    const parts = {
      systematicJ: joules(systematicJ * shareRatio),
      independentJ: joules(independentJ * shareRatio),
      edgeJ: joules(edgeJ * shareRatio),
      dof,
    };
    pieces.push({ nodeUj, part: { energyUj, parts, quality: energy.quality, shareRatio, split } });
  }
  return joined(pieces);
}

function joined(pieces: readonly { readonly part: JobPart; readonly nodeUj: bigint }[]): JobPart {
  const all = pieces.map(({ part }) => part);
  const energyUj = all.reduce((sum, each) => sum + each.energyUj, 0n);
  const nodeUj = pieces.reduce((sum, each) => sum + each.nodeUj, 0n);
  const [only] = all;
  // Edges between pieces of other shares do not cancel; all of them in quadrature is at least what is left.
  const parts = {
    systematicJ: joules(all.reduce((sum, { parts }) => sum + parts.systematicJ, 0)),
    independentJ: joules(Math.hypot(...all.map(({ parts }) => parts.independentJ))),
    edgeJ: joules(Math.hypot(...all.map(({ parts }) => parts.edgeJ))),
    dof: Math.min(...all.map(({ parts }) => parts.dof)),
  };
  return {
    energyUj,
    parts,
    quality: worstOf(all.map(({ quality }) => quality)),
    shareRatio: nodeUj > 0n ? Number(energyUj) / Number(nodeUj) : (only?.shareRatio ?? 1),
    split: SPLITS[Math.max(...all.map(({ split }) => SPLITS.indexOf(split)))] ?? 'alone',
  };
}

const isIn = ({ record, end }: Job, { fromNs, untilNs }: Interval): boolean =>
  nsOf(record.at_ns) < untilNs && (!end || nsOf(end.at_ns) > fromNs);

/** In the order of the jobs. */
function weightsOf(
  sources: WindowSources,
  activity: Activity,
  node: string,
  span: Interval,
  jobs: readonly Job[],
): { readonly weights: readonly bigint[]; readonly split: Split } {
  const alike = jobs.map(() => 1n);
  if (jobs.length < 2) return { weights: alike, split: 'alone' };
  const named = jobs.map(({ record }) => new Set(record.chips ?? []));
  const energies = named.some(({ size }) => size > 0)
    ? chipEnergies(sources, activity, node, span)
    : undefined;
  if (!energies) return { weights: alike, split: 'time' };
  const weights = jobs.map(() => 0n);
  for (const [source, energyUj] of energies) {
    const owners = ownersOf(source, named);
    splitExactly(
      energyUj,
      owners.map(() => 1n),
    ).forEach((partUj, index) => {
      const owner = owners[index] ?? 0;
      weights[owner] = (weights[owner] ?? 0n) + partUj;
    });
  }
  return { weights, split: 'chips' };
}

/**
 * Whose a chip is: of those that named it; else of those that named none of its kind (a job of two GPUs has said nothing of
 * the processors); else of all.
 */
function ownersOf(source: string, named: readonly ReadonlySet<string>[]): readonly number[] {
  const indices = named.map((_, index) => index);
  const own = indices.filter((index) => named[index]?.has(source) === true);
  if (own.length > 0) return own;
  const kind = chipKindOf(source);
  const silent = indices.filter(
    (index) => ![...(named[index] ?? [])].some((each) => chipKindOf(each) === kind),
  );
  return silent.length > 0 ? silent : indices;
}
