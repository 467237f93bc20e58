// Runs of trackers and jobs of people, as far as they are known. Records are kept first and believed second; what they used is
// computed when somebody asks, by the newest evidence, so that a tracker is never kept waiting.
import { Value } from 'typebox/value';
import { sharesOf } from '../../calibrate/claims/share-claims.ts';
import type { Claim } from '../../quantity/claim.ts';
import { instantNs, type InstantNs } from '../../quantity/time.ts';
import {
  ActivityRecord,
  type ActivityRecordJson,
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
  private readonly seen = new Set<string>();

  /** `keep` resolves when the record is durable. */
  constructor(keep: (record: ActivityRecordJson) => Promise<void>) {
    this.keep = keep;
  }

  /** Takes up what was kept before; what is no record of ours is passed over. */
  adopt(record: unknown): void {
    if (Value.Check(ActivityRecord, record)) this.take(record);
  }

  /** Keeps, then believes. A claim whose message came before is not kept again. */
  async add(record: ActivityRecordJson): Promise<void> {
    if (record.kind === 'claim' && this.seen.has(claimKey(record))) return;
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

  allRuns(): readonly TrackerRun[] {
    return [...this.runs.values()];
  }

  private take(record: ActivityRecordJson): void {
    switch (record.kind) {
      case 'run':
        if (!this.runs.has(record.run)) this.runs.set(record.run, { record, claims: [] });
        return;
      case 'claim': {
        if (this.seen.has(claimKey(record))) return;
        this.seen.add(claimKey(record));
        this.runs.get(record.run)?.claims.push(record);
        return;
      }
      case 'job':
        if (!this.jobs.has(record.job)) {
          this.jobs.set(record.job, { record, marks: [], end: undefined });
        }
        return;
      case 'mark':
        this.jobs.get(record.job)?.marks.push(record);
        return;
      case 'end': {
        const job = this.jobs.get(record.job);
        if (job && !job.end) job.end = record;
      }
    }
  }
}

const claimKey = ({ run, id }: ClaimRecordJson): string => `${run} ${id}`;

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
