// What ran on a node and when, for its fits: the windows of jobs, by the name of the work. Where two kinds of work shared the
// node nobody can say whose the power was, so such a time belongs to none.
import type { Phase } from '../../calibrate/evidence-rows.ts';
import type { InstantNs } from '../../quantity/time.ts';
import { nsOf, type Activity } from '../../serve/activity/activity.ts';

/** Phases since then, in order of time, none over another; a job without an end goes on until now. */
export function jobPhases(
  activity: Pick<Activity, 'jobsOn'>,
  node: string,
  sinceNs: InstantNs,
  nowNs: InstantNs,
): readonly Phase[] {
  const jobs = activity
    .jobsOn(node, { fromNs: sinceNs, untilNs: nowNs })
    .flatMap(({ record, end }) => {
      const fromNs = nsOf(record.at_ns);
      const untilNs = end ? nsOf(end.at_ns) : nowNs;
      return fromNs < untilNs ? [{ application: record.name, fromNs, untilNs }] : [];
    });
  const edgesNs = [...new Set(jobs.flatMap(({ fromNs, untilNs }) => [fromNs, untilNs]))].sort(
    (a, b) => (a < b ? -1 : 1),
  );
  return edgesNs.flatMap((fromNs, index) => {
    const untilNs = edgesNs[index + 1];
    if (untilNs === undefined) return [];
    const running = jobs.filter((job) => job.fromNs <= fromNs && job.untilNs >= untilNs);
    const [application, another] = new Set(running.map((job) => job.application));
    return application !== undefined && another === undefined
      ? [{ application, fromNs, untilNs }]
      : [];
  });
}
