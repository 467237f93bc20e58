// Runs of trackers and jobs of people, as far as they are known. Records are kept first and believed second; what they used is
// computed when somebody asks, by the newest evidence, so that a tracker is never kept waiting.
import { Value } from 'typebox/value';
import { sharesOf } from '../../calibrate/claims/share-claims.ts';
import type { Claim } from '../../quantity/claim.ts';
import { instantNs, type InstantNs, type Interval } from '../../quantity/time.ts';
import {
  ActivityRecord,
  type ActivityRecordJson,
  type ChipsRecordJson,
  type ClaimRecordJson,
  type EndRecordJson,
  type JobRecordJson,
  type MarkRecordJson,
  type RunRecordJson,
} from './records.ts';

export interface TrackerRun {
  readonly record: RunRecordJson;
  readonly claims: readonly ClaimRecordJson[];
}
export interface Job {
  readonly record: JobRecordJson;
  readonly marks: readonly MarkRecordJson[];
  readonly end: EndRecordJson | undefined;
}

interface OpenRun {
  readonly record: RunRecordJson;
  readonly claims: ClaimRecordJson[];
}
interface OpenJob {
  readonly record: JobRecordJson;
  readonly marks: MarkRecordJson[];
  end: EndRecordJson | undefined;
}

export class Activity {
  private readonly keep: (record: ActivityRecordJson) => Promise<void>;
  private readonly runs = new Map<string, OpenRun>();
  private readonly jobs = new Map<string, OpenJob>();
  private readonly chips = new Map<string, ChipsRecordJson[]>();
  private readonly seen = new Set<string>();

  /** `keep` resolves when the record is durable. */
  constructor(keep: (record: ActivityRecordJson) => Promise<void>) {
    this.keep = keep;
  }

  /** Takes up what was kept before; false for what is no record of ours, which is passed over. */
  adopt(record: unknown): record is ActivityRecordJson {
    if (!Value.Check(ActivityRecord, record)) return false;
    this.take(record);
    return true;
  }

  /** Keeps, then believes. What came before is not kept again. */
  async add(record: ActivityRecordJson): Promise<void> {
    if (this.seen.has(keyOf(record))) return;
    await this.keep(record);
    this.take(record);
  }

  run(id: string): TrackerRun | undefined {
    return this.runs.get(id);
  }

  /** Of one node, newest last. */
  runsOf(node: string): readonly TrackerRun[] {
    return [...this.runs.values()].filter(({ record }) => record.node === node);
  }

  job(id: string): Job | undefined {
    return this.jobs.get(id);
  }

  allJobs(): readonly Job[] {
    return [...this.jobs.values()];
  }

  /** Jobs that were on the node at any time of a span; one that has not ended is still there. */
  jobsOn(node: string, { fromNs, untilNs }: Interval): readonly Job[] {
    return this.allJobs().filter(
      ({ record, end }) =>
        record.nodes.includes(node) &&
        nsOf(record.at_ns) < untilNs &&
        (!end || nsOf(end.at_ns) > fromNs),
    );
  }

  /** What is kept of the chips of a node, in the order in which it was kept. */
  chipsOf(node: string): readonly ChipsRecordJson[] {
    return this.chips.get(node) ?? [];
  }

  allRuns(): readonly TrackerRun[] {
    return [...this.runs.values()];
  }

  private take(record: ActivityRecordJson): void {
    if (this.seen.has(keyOf(record))) return;
    this.seen.add(keyOf(record));
    switch (record.kind) {
      case 'run':
        this.runs.set(record.run, { record, claims: [] });
        return;
      case 'claim':
        this.runs.get(record.run)?.claims.push(record);
        return;
      case 'job':
        this.jobs.set(record.job, { record, marks: [], end: undefined });
        return;
      case 'mark':
        this.jobs.get(record.job)?.marks.push(record);
        return;
      case 'end': {
        const job = this.jobs.get(record.job);
        if (job) job.end = record;
        return;
      }
      case 'chips':
        this.chips.set(record.node, [...this.chipsOf(record.node), record]);
    }
  }
}

/** What makes two records the same one: whoever sends or reads it again changes nothing. */
function keyOf(record: ActivityRecordJson): string {
  switch (record.kind) {
    case 'run':
      return `run ${record.run}`;
    case 'claim':
      return `claim ${record.run} ${record.id}`;
    case 'job':
      return `job ${record.job}`;
    case 'mark':
      return `mark ${record.job} ${record.at_ns} ${record.mark}`;
    case 'end':
      return `end ${record.job}`;
    case 'chips':
      return `chips ${record.node} ${record.from_ns}`;
  }
}

export const nsOf = (text: string): InstantNs => instantNs(BigInt(text));

/** A span of somebody's on a node, for sharing: runs and jobs alike. */
export const spanClaim = (run: string, fromNs: InstantNs, untilNs: InstantNs): Claim => ({
  tracker: '',
  run,
  application: '',
  fromNs,
  untilNs,
  measured: new Map(),
  repairs: [],
});

/** Which share of each span is its owner's, where others had spans on the same node at that time. */
export function sharesAmong(own: readonly Claim[], others: readonly Claim[]): readonly number[] {
  const [first] = own;
  if (!first) return [];
  const fromNs = own.reduce(
    (least, each) => (each.fromNs < least ? each.fromNs : least),
    first.fromNs,
  );
  const untilNs = own.reduce(
    (most, each) => (each.untilNs > most ? each.untilNs : most),
    first.untilNs,
  );
  const near = others.filter(
    (each) => each.fromNs < untilNs && each.untilNs > fromNs && each.untilNs > each.fromNs,
  );
  return sharesOf([...own, ...near]).slice(0, own.length);
}
