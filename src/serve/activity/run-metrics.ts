// Runs of trackers in /metrics: what they claimed and what they used at the wall, while they send and for an hour after; and jobs
// that draw power without progress.
import type { Family, Series } from '../exposition.ts';
import type { ActivityDoor } from './activity-door.ts';
import { nsOf } from './activity.ts';
import type { InstantNs } from '../../quantity/time.ts';
import { runEnergy, type RunEnergyJson } from './run-energy.ts';
import { stalledJobs } from './stalled-jobs.ts';

/** As many as a scrape shall compute; the newest count. */
const RUNS_COUNT_MAX = 50;
const RECENT_NS = 3_600_000_000_000n;

type Door = Pick<ActivityDoor, 'sources' | 'activity'>;

export interface RecentRun {
  /** End of its newest span. */
  readonly untilNs: InstantNs;
  readonly energy: RunEnergyJson;
}

/** Runs that sent within the hour, with what they used by the evidence of now. */
export function recentRuns({ sources, activity }: Door): readonly RecentRun[] {
  const nowNs = sources.nowNs();
  return activity
    .allRuns()
    .flatMap((run) => {
      const last = run.claims[run.claims.length - 1];
      const untilNs = last && nsOf(last.until_ns);
      return untilNs !== undefined && nowNs - untilNs < RECENT_NS ? [{ run, untilNs }] : [];
    })
    .slice(-RUNS_COUNT_MAX)
    .map(({ run, untilNs }) => ({ untilNs, energy: runEnergy(sources, activity, run) }));
}

export function runFamilies({ sources, activity }: Door): Family[] {
  const runs = recentRuns({ sources, activity }).map(({ energy }) => energy);
  const family = (
    name: string,
    help: string,
    reading: (run: RunEnergyJson) => number | undefined,
  ): Family => ({
    name,
    type: 'gauge',
    help,
    series: runs.flatMap((run): Series[] => {
      const kwh = reading(run);
      const { node, tracker, project } = run;
      return kwh === undefined
        ? []
        : [{ labels: { node, tracker, project, run: run.run }, reading: kwh * 3.6e6 }];
    }),
  });
  return [
    {
      name: 'trueup_job_stalled_watts',
      type: 'gauge',
      help: 'What a node draws for a job that makes no progress: its marks have stopped coming.',
      series: stalledJobs(sources, activity).map(({ job, name, node, power_w }) => ({
        labels: { node, job, name },
        reading: power_w,
      })),
    },
    family(
      'trueup_run_claimed_joules',
      'What a tracker claims for a run so far: CPU and GPU, its made-up RAM left out.',
      (run) => run.claimed_kwh,
    ),
    family(
      'trueup_run_wall_joules',
      'What the run used at the wall so far; restated as better evidence comes.',
      (run) => run.wall_energy_kwh,
    ),
    family(
      'trueup_run_wall_uncertainty_joules',
      'Expanded uncertainty of trueup_run_wall_joules, 95 %.',
      (run) => run.u_kwh,
    ),
  ];
}
