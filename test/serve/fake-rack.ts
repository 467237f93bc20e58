// A rack for tests of the faces: one node of each kind (accepted model, provisional, no model, nothing known), refreshed
// by hand. Its names are hostile where a face must escape them.
import type { LiveRack, NodeView, PointView, RackSnapshot } from '../../src/serve/rack-view.ts';
import { fromSeconds, instantNs, later } from '../../src/quantity/time.ts';
import { microjoules, watts } from '../../src/quantity/units.ts';

const START_NS = instantNs(1_769_853_600_000_000_000n); // 2026-01-31T10:00:00Z

export const accepted: NodeView = {
  node: 'gpu-01',
  rack: 'r7',
  type: 'dgx-a100',
  wallW: watts(3210.4),
  chipW: watts(2204.6),
  gapRatio: 0.3133,
  correctedW: watts(3198.2),
  correctedU: watts(41.3),
  quality: 'derived',
  trouble: undefined,
  wallUj: microjoules(123_456_789_012_345n),
  chipUj: microjoules(83_000_000_000_000n),
  correctedJ: 123_100_000.5,
  model: {
    id: 'c0ffee5eedc0ffee5eed',
    standing: 'accepted',
    gainText: 'gpu × 1.21 ± 0.02, cpu × 1.34 ± 0.05, + 212 W',
    open: [],
    checkedNs: instantNs(1_760_364_721_000_000_000n),
  },
  waitingFor: '',
  alarms: [],
};
const provisional: NodeView = {
  ...accepted,
  node: 'gpu-02',
  wallW: watts(812.06),
  chipW: watts(431.9),
  gapRatio: 0.4681,
  correctedW: watts(799.4),
  correctedU: watts(118.7),
  quality: 'provisional',
  model: {
    id: 'feedbead',
    standing: 'provisional',
    gainText: 'chips × 1.31 ± 0.11, + 240 W',
    open: ['less than 6 h of evidence', 'not validated on another day'],
    checkedNs: instantNs(1_760_364_721_000_000_000n),
  },
};
const waiting: NodeView = {
  ...accepted,
  node: 'cpu-03',
  type: '2u-epyc',
  wallW: watts(287.35),
  chipW: watts(164.2),
  gapRatio: 0.4286,
  correctedW: undefined,
  correctedU: undefined,
  quality: 'actual',
  correctedJ: 0,
  model: undefined,
  waitingFor: '14 of 30 intervals with both instruments',
};
export const lost: NodeView = {
  ...waiting,
  node: 'cpu-04',
  wallW: undefined,
  chipW: undefined,
  gapRatio: undefined,
  quality: 'missing',
  trouble: 'transport.timeout',
  wallUj: microjoules(0n),
  chipUj: microjoules(0n),
  waitingFor: 'readings from the wall meter',
};

/** Its level has just stepped. */
export const stepped: NodeView = {
  ...accepted,
  node: 'gpu-09',
  alarms: [
    {
      event: 'level-stepped',
      noticedNs: instantNs(1_760_364_721_000_000_000n),
      says: '−157.0 W ± 6.1 W',
    },
  ],
};

const point = (name: string, part: Partial<PointView>): PointView => ({
  point: `feed/${name}`,
  rack: 'r7',
  meter: 'm1',
  profile: 'eastron-sdm120',
  wallW: watts(1605.2),
  wallUj: microjoules(61_728_394_506_172n),
  quality: 'actual',
  trouble: undefined,
  ageS: 0.8,
  ...part,
});

/** A snapshot with everything in it; `part` replaces what a test is about. */
export const snapshotOf = (part: Partial<RackSnapshot> = {}): RackSnapshot => ({
  site: 'hall-2',
  rehearsal: { speedRatio: 10, seed: 7 },
  atNs: later(START_NS, fromSeconds(3725.25)),
  startedNs: START_NS,
  points: [
    point('a7', {}),
    point('b7', { meter: 'm2', profile: 'abb-b23', wallW: watts(1605.2) }),
    point('c7', { meter: 'm3', profile: 'shelly-gen2-switch', wallW: watts(287.35) }),
    point('d7', {
      meter: 'm4',
      wallW: undefined,
      wallUj: microjoules(0n),
      quality: 'missing',
      trouble: 'transport.timeout',
      ageS: undefined,
    }),
  ],
  nodes: [accepted, provisional, waiting, lost],
  wires: [
    {
      wire: 'bus-1',
      transport: 'modbus-tcp',
      connected: true,
      exchangesCount: 12_345,
      faultsCount: 17,
      silent: ['m4'],
      latenessP99Ms: 3.2,
      trouble: '',
    },
    {
      wire: 'broker',
      transport: 'mqtt',
      connected: true,
      exchangesCount: 4_210,
      faultsCount: 0,
      silent: [],
      latenessP99Ms: NaN,
      trouble: '',
    },
  ],
  sinks: [
    {
      sink: 'influx',
      kind: 'influxdb1',
      waitingCount: 0,
      refusedCount: 0,
      trouble: '',
    },
  ],
  settled: [
    {
      point: 'feed/a7',
      kind: 'metered',
      startNs: later(START_NS, fromSeconds(3600)),
      durationS: 60,
      energyUj: microjoules(96_312_000_000n),
      energyKwh: '0.026753333333',
      uKwh: 0.00031,
      quality: 'actual',
      version: 1,
      leaf: 1234,
    },
    {
      point: 'node/gpu-01',
      kind: 'corrected',
      startNs: later(START_NS, fromSeconds(3600)),
      durationS: 60,
      energyUj: microjoules(191_901_600_000n),
      energyKwh: '0.053306',
      uKwh: 0.00069,
      quality: 'derived',
      version: 2,
      leaf: 1235,
    },
    {
      point: 'feed/d7',
      kind: 'metered',
      startNs: later(START_NS, fromSeconds(3600)),
      durationS: 60,
      energyUj: undefined,
      energyKwh: '',
      uKwh: 0,
      quality: 'missing',
      version: 1,
      leaf: 1236,
    },
  ],
  ledger: {
    leavesCount: 1237,
    journalBytes: 48_211_933,
    origin: 'rehearsal.trueup.invalid/9f3c2a',
  },
  ...part,
});

/** A LiveRack that refreshes when told to. */
export class FakeRack implements LiveRack {
  #now: RackSnapshot;
  readonly #listeners = new Set<(snapshot: RackSnapshot) => void>();
  constructor(first: RackSnapshot = snapshotOf()) {
    this.#now = first;
  }
  get listenersCount(): number {
    return this.#listeners.size;
  }
  snapshot(): RackSnapshot {
    return this.#now;
  }
  onRefresh(listener: (snapshot: RackSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  /** Becomes this snapshot, a second later than the one before unless it says otherwise, and tells everybody. */
  refresh(part: Partial<RackSnapshot> = {}): void {
    this.#now = { ...this.#now, atNs: later(this.#now.atNs, fromSeconds(1)), ...part };
    for (const listener of this.#listeners) listener(this.#now);
  }
}
