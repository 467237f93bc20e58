// What the status page, the live stream, /metrics and the terminal table show: one snapshot of the rack, as plain data.
// main.ts makes it from the live curves; nobody here computes energy.
import type { LifeAlarm } from '../calibrate/life/life-event.ts';
import type { Standing } from '../quantity/correction.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { PointId, Quality } from '../quantity/quality.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Microjoules, Watts } from '../quantity/units.ts';

export interface PointView {
  readonly point: PointId;
  readonly rack: string;
  readonly meter: string;
  readonly profile: string;
  /** undefined: not known now; `trouble` says why. */
  readonly wallW: Watts | undefined;
  /** Energy since the service started, as the register counted it. */
  readonly wallUj: Microjoules;
  readonly quality: Quality;
  readonly trouble: FaultCode | undefined;
  /** Age of the last good reading, seconds. */
  readonly ageS: number | undefined;
}

export interface NodeView {
  readonly node: string;
  readonly rack: string;
  readonly type: string;
  readonly wallW: Watts | undefined;
  readonly chipW: Watts | undefined;
  /** 1 - chip / wall. */
  readonly gapRatio: number | undefined;
  readonly correctedW: Watts | undefined;
  /** Expanded uncertainty of correctedW, 95.45 %. */
  readonly correctedU: Watts | undefined;
  readonly quality: Quality;
  readonly trouble: FaultCode | undefined;
  /** Running totals since the service started, for /metrics. */
  readonly wallUj: Microjoules;
  readonly chipUj: Microjoules;
  readonly correctedJ: number;
  readonly model:
    | {
        readonly id: string;
        readonly standing: Standing;
        readonly gainText: string;
        readonly open: readonly string[];
        /** When the meter was last compared with it. */
        readonly checkedNs: InstantNs;
      }
    | undefined;
  /** Why there is no model yet. */
  readonly waitingFor: string;
  /** What happened to the model within the last hour and wants a look. */
  readonly alarms: readonly LifeAlarm[];
}

export interface WireView {
  readonly wire: string;
  readonly transport: string;
  readonly connected: boolean;
  readonly exchangesCount: number;
  readonly faultsCount: number;
  readonly silent: readonly string[];
  readonly latenessP99Ms: number;
  readonly trouble: string;
}

export interface SinkView {
  readonly sink: string;
  readonly kind: string;
  /** Leaves of the log that wait for this sink. */
  readonly waitingCount: number;
  readonly refusedCount: number;
  readonly trouble: string;
}

export interface SettledRow {
  readonly point: PointId;
  readonly kind: string;
  readonly startNs: InstantNs;
  readonly durationS: number;
  readonly energyUj: Microjoules | undefined;
  /** Exact decimal; empty where there is no energy. */
  readonly energyKwh: string;
  readonly uKwh: number;
  readonly quality: Quality;
  readonly version: number;
  readonly leaf: number;
}

export interface RackSnapshot {
  readonly site: string;
  /** Set in a rehearsal: every face shows it. */
  readonly rehearsal: { readonly speedRatio: number; readonly seed: number } | undefined;
  readonly atNs: InstantNs;
  readonly startedNs: InstantNs;
  readonly points: readonly PointView[];
  readonly nodes: readonly NodeView[];
  readonly wires: readonly WireView[];
  readonly sinks: readonly SinkView[];
  readonly settled: readonly SettledRow[];
  readonly ledger: {
    readonly leavesCount: number;
    readonly journalBytes: number;
    readonly origin: string;
  };
}

/** The live rack as serve sees it. */
export interface LiveRack {
  snapshot(): RackSnapshot;
  /** Called after each refresh (about once a second, real time). Returns the way to stop. */
  onRefresh(listener: (snapshot: RackSnapshot) => void): () => void;
}
