// What the HTTP face is given so that it can answer for nodes, trackers and jobs: what is known of each node now, and the
// book in which runs, claims and jobs are kept.
import { join } from 'node:path';
import type { EnergyCurve } from '../../align/energy-curve.ts';
import type { StatementIndex } from '../../ledger/ledger.ts';
import type { Clock } from '../../quantity/clock.ts';
import { feedGroupsOf, isShared } from '../../quantity/feed-groups.ts';
import type { Site } from '../../quantity/site.ts';
import { Activity } from '../../serve/activity/activity.ts';
import { keepChips } from '../../serve/activity/kept-chips.ts';
import { stalledJobs, stalledText } from '../../serve/activity/stalled-jobs.ts';
import type { NodeSight, WindowSources } from '../../serve/window-energy.ts';
import type { Calibrations } from './calibrations.ts';
import { openActivityLog, type ActivityLog } from './activity-log.ts';
import { openRecordBook } from './record-book.ts';
import type { Seat } from './seats.ts';

export interface NodeSources {
  readonly site: Site;
  readonly seats: ReadonlyMap<string, Seat>;
  readonly chips: (node: string) => ReadonlyMap<string, EnergyCurve>;
  readonly calibrations: Calibrations;
  readonly statements: Pick<StatementIndex, 'between'>;
  readonly clock: Pick<Clock, 'nowNs'>;
}

/** Chips are read once a second, and NVML power is a mean of one. */
const CHIP_PERIOD_S = 1;

export function windowSourcesOf(sources: NodeSources): WindowSources {
  const { site, seats, calibrations } = sources;
  const meterOf = new Map(site.points.map(({ point, meter }) => [point, meter] as const));
  const shared = new Set(
    feedGroupsOf(site.nodes)
      .filter(isShared)
      .flatMap(({ nodes }) => nodes),
  );
  const sight = (id: string): NodeSight | undefined => {
    const node = site.nodes.find((each) => each.id === id);
    if (!node) return undefined;
    const meters = node.fedBy.flatMap((point) => seats.get(meterOf.get(point) ?? '') ?? []);
    const feeds = meters.flatMap(({ trace, systematicRatio }) => {
      const curve = trace.curve();
      return curve ? [{ curve, systematicRatio }] : [];
    });
    // A feed that has not been heard makes the wall unknown, not smaller.
    const isWhole = feeds.length === node.fedBy.length && !shared.has(id);
    const calibration = calibrations.of.get(id);
    const pollsS = meters.map(({ instrument }) => Number(instrument.poll) / 1e9);
    return {
      feeds: isWhole ? feeds : [],
      chips: sources.chips(id),
      model: calibration?.model(),
      waitingFor: calibration?.waitingFor() ?? 'a meter: this node has none',
      periodS: Math.max(CHIP_PERIOD_S, ...pollsS),
    };
  };
  return {
    interval: site.interval,
    statements: sources.statements,
    nowNs: () => sources.clock.nowNs(),
    sight,
  };
}

export interface OpenActivity {
  readonly activity: Activity;
  /** What of it is in the log, and what waits for the next close of an interval. */
  readonly log: ActivityLog;
  /** Keeps what jobs at once on a node are told apart by, before curves forget it. */
  keepChips(sources: WindowSources): Promise<void>;
  /** What is worth a line since the last time: jobs that have begun to draw power without progress. */
  watch(sources: WindowSources): readonly string[];
  close(): Promise<void>;
}

/** Opens the book below the data directory and takes up what it holds. */
export async function openActivity(dataDir: string): Promise<OpenActivity> {
  const kept: unknown[] = [];
  const book = await openRecordBook(join(dataDir, 'activity', 'records.jsonl'), (record) => {
    kept.push(record);
  });
  const log = await openActivityLog(dataDir);
  const activity = new Activity(async (record) => {
    await book.append(record);
    log.kept(record);
  });
  for (const record of kept) if (activity.adopt(record)) log.kept(record);
  const told = new Set<string>();
  return {
    activity,
    log,
    keepChips: (sources) => keepChips(sources, activity),
    watch: (sources) => {
      const stalled = stalledJobs(sources, activity);
      const keys = new Set(stalled.map(({ job, node }) => `${job} ${node}`));
      for (const key of told) if (!keys.has(key)) told.delete(key);
      return stalled.flatMap((each) => {
        const key = `${each.job} ${each.node}`;
        if (told.has(key)) return [];
        told.add(key);
        return [stalledText(each)];
      });
    },
    close: async () => {
      await book.close();
      await log.close();
    },
  };
}
