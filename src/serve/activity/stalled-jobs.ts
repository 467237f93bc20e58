// Jobs that draw power and make no progress: their marks have stopped coming for far longer than they used to take, while the
// nodes draw well more than idle. (A meter that shows load which the chips do not is told by the watch of the model.)
import { isRefusal } from '../../quantity/fault.ts';
import { formatInstant, instantNs, type InstantNs } from '../../quantity/time.ts';
import { windowEnergy, type WindowSources } from '../window-energy.ts';
import { nsOf, type Activity, type Job } from './activity.ts';

/** A job that is late by so many of its usual steps, and by this time at least, has stalled. */
const LATE_STEPS_COUNT = 5n;
const LATE_NS = 600_000_000_000n;
/** Two distances between marks, so that there is a usual one. */
const MARKS_COUNT_MIN = 3;
/** Mean power is looked at over this time, which ended a few seconds ago. */
const LOOK_NS = 300_000_000_000n;
const SETTLING_NS = 10_000_000_000n;
/** Above idle by this share of it: what temperature and fans do is less. */
const ABOVE_IDLE_RATIO = 0.2;

export type StalledJob = {
  readonly job: string;
  readonly name: string;
  readonly node: string;
  readonly last_mark: string;
  /** How long its steps used to take, and how long there has been none. */
  readonly usual_s: number;
  readonly silent_s: number;
  /** What the node draws, and what it draws idle by its model; the evidence. */
  readonly power_w: number;
  readonly idle_w: number;
};

/** What is stalled now, with its evidence. Without a model of one gain nothing is known of idle, and nothing is said. */
export function stalledJobs(sources: WindowSources, activity: Activity): readonly StalledJob[] {
  const nowNs = sources.nowNs();
  return activity
    .allJobs()
    .filter(({ end }) => end === undefined)
    .flatMap((job) => {
      const late = lateness(job, nowNs);
      if (!late) return [];
      return job.record.nodes.flatMap((node): StalledJob[] => {
        const power = powerOf(sources, node, nowNs);
        if (!power || power.powerW < (1 + ABOVE_IDLE_RATIO) * power.idleW) return [];
        const { job: id, name } = job.record;
        const { lastNs, usualS, silentS } = late;
        return [
          {
            job: id,
            name,
            node,
            last_mark: formatInstant(lastNs),
            usual_s: usualS,
            silent_s: silentS,
            power_w: power.powerW,
            idle_w: power.idleW,
          },
        ];
      });
    });
}

function lateness(
  job: Job,
  nowNs: InstantNs,
): { readonly lastNs: InstantNs; readonly usualS: number; readonly silentS: number } | undefined {
  const times = job.marks.map((mark) => nsOf(mark.at_ns)).sort((a, b) => (a < b ? -1 : 1));
  const lastNs = times[times.length - 1];
  if (lastNs === undefined || times.length < MARKS_COUNT_MIN) return undefined;
  const steps = times
    .slice(1)
    .map((atNs, index) => atNs - (times[index] ?? atNs))
    .sort((a, b) => (a < b ? -1 : 1));
  const usualNs = steps[Math.floor(steps.length / 2)] ?? 0n;
  const silentNs = nowNs - lastNs;
  if (silentNs < LATE_NS || silentNs < LATE_STEPS_COUNT * usualNs) return undefined;
  return { lastNs, usualS: Number(usualNs) / 1e9, silentS: Number(silentNs) / 1e9 };
}

function powerOf(
  sources: WindowSources,
  node: string,
  nowNs: InstantNs,
): { readonly powerW: number; readonly idleW: number } | undefined {
  const model = sources.sight(node)?.model;
  const [term, ...others] = model?.terms ?? [];
  if (!model || !term || others.length > 0) return undefined;
  const untilNs = instantNs(nowNs - SETTLING_NS);
  const energy = windowEnergy(sources, node, { fromNs: instantNs(untilNs - LOOK_NS), untilNs });
  if (isRefusal(energy)) return undefined;
  return {
    powerW: energy.energyJ / (Number(LOOK_NS) / 1e9),
    idleW: model.interceptW + term.gainRatio * model.holds.fromW,
  };
}

/** One line for people. */
export const stalledText = (stalled: StalledJob): string =>
  `${stalled.node}: job ${stalled.name} makes no progress: no mark for ${Math.round(stalled.silent_s)} s, where ${Math.round(stalled.usual_s)} s were usual, at ${stalled.power_w.toFixed(0)} W (idle ${stalled.idle_w.toFixed(0)} W)`;
