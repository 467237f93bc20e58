// The picture of the moment for sinks that draw it: power of points and nodes, health of meters. Sent once a second, never
// kept: a sink that is slow or down misses some, and the record does not care.
import type { LiveRow } from '../../publish/live-rows.ts';
import type { Sink } from '../../publish/sink.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { RecentRun } from '../../serve/activity/run-metrics.ts';
import type { RackSnapshot } from '../../serve/rack-view.ts';
import type { Seat } from './seats.ts';

/** Sends a snapshot to every sink that takes live rows and has taken the last ones. */
export function liveRowSender(
  sinks: readonly Sink[],
  seats: ReadonlyMap<string, Seat>,
): (snapshot: RackSnapshot) => void {
  const send = senderOf(sinks);
  return (snapshot) => {
    send(rowsOf(snapshot, seats));
  };
}

/** Sends runs of trackers the same way. */
export function runRowSender(sinks: readonly Sink[]): (runs: readonly RecentRun[]) => void {
  const send = senderOf(sinks);
  return (runs) => {
    send(runs.map(runRow));
  };
}

const runRow = ({ untilNs, energy }: RecentRun): LiveRow => ({
  row: 'run',
  node: energy.node,
  tracker: energy.tracker,
  run: energy.run,
  project: energy.project,
  claimedKwh: energy.claimed_kwh,
  wallKwh: energy.wall_energy_kwh,
  expandedKwh: energy.u_kwh,
  quality: energy.quality,
  atNs: untilNs,
});

function senderOf(sinks: readonly Sink[]): (rows: readonly LiveRow[]) => void {
  const busy = new Set<Sink>();
  return (rows) => {
    if (rows.length === 0) return;
    for (const sink of sinks) {
      if (!sink.writeLive || busy.has(sink)) continue;
      busy.add(sink);
      const done = (): void => {
        busy.delete(sink);
      };
      sink.writeLive(rows).then(done, done);
    }
  };
}

function rowsOf(snapshot: RackSnapshot, seats: ReadonlyMap<string, Seat>): LiveRow[] {
  const { atNs } = snapshot;
  const rows: LiveRow[] = [];
  for (const { point, rack, wallW, quality } of snapshot.points) {
    rows.push({
      row: 'power',
      point,
      kind: 'metered',
      rack,
      powerW: wallW,
      uncertaintyW: undefined,
      quality,
      atNs,
    });
  }
  for (const node of snapshot.nodes) {
    const point = `node/${node.node}` as const;
    const head = { row: 'power', point, rack: node.rack, atNs } as const;
    const { wallW, chipW, correctedW, correctedU, quality } = node;
    const known = (powerW: number | undefined): 'actual' | 'missing' =>
      powerW === undefined ? 'missing' : 'actual';
    rows.push(
      { ...head, kind: 'metered', powerW: wallW, uncertaintyW: undefined, quality: known(wallW) },
      { ...head, kind: 'chip', powerW: chipW, uncertaintyW: undefined, quality: known(chipW) },
      { ...head, kind: 'corrected', powerW: correctedW, uncertaintyW: correctedU, quality },
    );
  }
  return [...rows, ...healthRows(atNs, seats)];
}

const healthRows = (atNs: InstantNs, seats: ReadonlyMap<string, Seat>): LiveRow[] =>
  [...seats.values()].map(({ instrument, trace, counts }) => {
    const goodNs = trace.latestGoodNs();
    return {
      row: 'meter_health',
      source: instrument.id,
      exchangesCount: counts.exchangesCount,
      faultsCount: counts.faultsCount,
      ageS: goodNs === undefined ? undefined : Math.max(0, Number(atNs - goodNs) / 1e9),
      trouble: trace.trouble(),
      atNs,
    };
  });
