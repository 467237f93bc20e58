// /metrics: the rack for Prometheus, in base units. Totals accumulate live energy since the service started and are
// never restated; what is not known has no series, so that an alert on absence works and nobody averages a false 0.
import { J_UJ, type Microjoules } from '../quantity/units.ts';
import { expositionText, type Family, type Series } from './exposition.ts';
import { finite } from './rack-json.ts';
import type { NodeView, PointView, RackSnapshot } from './rack-view.ts';

const LIVE_ONLY =
  'Live energy since the service started: never restated, so not for billing; settled energy is in InfluxDB and /v1/intervals.';

/** What the server knows about itself. */
export interface ServerCounts {
  readonly version: string;
  readonly watchersCount: number;
  readonly droppedCount: number;
}

/** Exact decimal joules of whole microjoules. */
export function joulesText(energyUj: Microjoules): string {
  const energy: bigint = energyUj;
  const magnitude = energy < 0n ? -energy : energy;
  const fraction = (magnitude % J_UJ).toString().padStart(6, '0').replace(/0+$/, '');
  return `${energy < 0n ? '-' : ''}${(magnitude / J_UJ).toString()}${fraction && `.${fraction}`}`;
}

/** The text of one scrape. */
export const metricsText = (
  snapshot: RackSnapshot,
  counts: ServerCounts,
  others: readonly Family[] = [],
): string =>
  expositionText([
    ...siteFamilies(snapshot, counts),
    ...nodeFamilies(snapshot.nodes),
    ...pointFamilies(snapshot.points),
    ...wireFamilies(snapshot),
    ...sinkFamilies(snapshot),
    ...others,
  ]);

const gauge = (name: string, help: string, series: readonly Series[]): Family => ({
  name,
  type: 'gauge',
  help,
  series,
});
const counter = (name: string, help: string, series: readonly Series[]): Family => ({
  name,
  type: 'counter',
  help,
  series,
});

function siteFamilies(snapshot: RackSnapshot, counts: ServerCounts): Family[] {
  const { rehearsal, ledger } = snapshot;
  const one = (reading: number): Series[] => [{ labels: {}, reading }];
  return [
    gauge('trueup_build_info', 'Which Trueup this is; always 1.', [
      { labels: { version: counts.version }, reading: 1 },
    ]),
    gauge('trueup_site_info', 'Which site and which ledger this is; always 1.', [
      { labels: { site: snapshot.site, origin: ledger.origin }, reading: 1 },
    ]),
    gauge(
      'trueup_rehearsal',
      'Whether the rack is rehearsed: 1 where the numbers are of no real rack, else 0.',
      one(rehearsal === undefined ? 0 : 1),
    ),
    gauge(
      'trueup_rehearsal_speed_ratio',
      'Civil seconds per real second of a rehearsal.',
      rehearsal === undefined ? [] : one(rehearsal.speedRatio),
    ),
    gauge(
      'trueup_start_timestamp_seconds',
      'Civil time at which the service started; totals begin here.',
      one(Number(snapshot.startedNs) / 1e9),
    ),
    gauge(
      'trueup_refresh_timestamp_seconds',
      'Civil time of the refresh that these numbers are of.',
      one(Number(snapshot.atNs) / 1e9),
    ),
    gauge('trueup_ledger_leaves', 'Leaves of the Merkle log.', one(ledger.leavesCount)),
    gauge('trueup_ledger_journal_bytes', 'Size of the raw journal.', one(ledger.journalBytes)),
    gauge('trueup_live_watchers', 'Open live streams.', one(counts.watchersCount)),
    counter(
      'trueup_live_watchers_dropped_total',
      'Live streams dropped because nobody read them.',
      one(counts.droppedCount),
    ),
  ];
}

function nodeFamilies(nodes: readonly NodeView[]): Family[] {
  const labels = (view: NodeView): Record<string, string> => ({ node: view.node, rack: view.rack });
  const power = (name: string, help: string, of: (view: NodeView) => number | undefined): Family =>
    gauge(name, help, known(nodes, labels, of));
  return [
    counter(
      'trueup_node_wall_joules_total',
      `Energy of the node at its wall meters. ${LIVE_ONLY}`,
      nodes.flatMap((view) => energySeries(labels(view), view.wallUj, view.wallW !== undefined)),
    ),
    counter(
      'trueup_node_chip_joules_total',
      `Energy that the chips of the node report. ${LIVE_ONLY}`,
      nodes.flatMap((view) => energySeries(labels(view), view.chipUj, view.chipW !== undefined)),
    ),
    counter(
      'trueup_node_corrected_joules_total',
      `Chip energy corrected to the wall by the fitted model of the node. ${LIVE_ONLY}`,
      known(nodes, labels, (view) =>
        view.correctedJ > 0 || view.correctedW !== undefined ? view.correctedJ : undefined,
      ),
    ),
    power('trueup_node_wall_watts', 'Power of the node at its wall meters.', (v) => v.wallW),
    power('trueup_node_chip_watts', 'Power that the chips of the node report.', (v) => v.chipW),
    power(
      'trueup_node_corrected_watts',
      'Chip power corrected to the wall by the fitted model of the node.',
      (v) => v.correctedW,
    ),
    power(
      'trueup_node_corrected_uncertainty_watts',
      'Expanded uncertainty (95.45 %) of trueup_node_corrected_watts.',
      (v) => v.correctedU,
    ),
    power(
      'trueup_node_gap_ratio',
      'What the chips do not see: 1 - chip power / wall power.',
      (v) => v.gapRatio,
    ),
    gauge(
      'trueup_model_alarm',
      'Something happened to the correction model of the node within the last hour, by what it was; always 1.',
      nodes.flatMap((view) =>
        view.alarms.map(({ event }) => ({ labels: { ...labels(view), event }, reading: 1 })),
      ),
    ),
    gauge(
      'trueup_model_accepted',
      'Whether the correction model of the node has passed its gates: 0 while it is provisional.',
      known(nodes, labels, (view) => view.model && (view.model.standing === 'accepted' ? 1 : 0)),
    ),
    gauge(
      'trueup_model_checked_timestamp_seconds',
      'When the correction model of the node was last compared with a meter.',
      known(nodes, labels, (view) => view.model && Number(view.model.checkedNs) / 1e9),
    ),
    gauge(
      'trueup_node_quality_info',
      'Quality word of the corrected power of the node; always 1.',
      nodes.map((view) => ({ labels: { ...labels(view), quality: view.quality }, reading: 1 })),
    ),
  ];
}

function pointFamilies(points: readonly PointView[]): Family[] {
  const labels = (view: PointView): Record<string, string> => ({
    point: view.point,
    rack: view.rack,
    meter: view.meter,
  });
  return [
    counter(
      'trueup_point_wall_joules_total',
      `Energy of the metered point, as its register counted it. ${LIVE_ONLY}`,
      points.flatMap((view) => energySeries(labels(view), view.wallUj, view.ageS !== undefined)),
    ),
    gauge(
      'trueup_point_wall_watts',
      'Power of the metered point.',
      known(points, labels, (view) => view.wallW),
    ),
    gauge(
      'trueup_point_reading_age_seconds',
      'Age of the last good reading of the point.',
      known(points, labels, (view) => view.ageS),
    ),
    gauge(
      'trueup_point_quality_info',
      'Quality word of the metered point; always 1.',
      points.map((view) => ({ labels: { ...labels(view), quality: view.quality }, reading: 1 })),
    ),
  ];
}

function wireFamilies({ wires }: RackSnapshot): Family[] {
  const labels = (view: (typeof wires)[number]): Record<string, string> => ({
    wire: view.wire,
    transport: view.transport,
  });
  return [
    gauge(
      'trueup_wire_up',
      'Whether the wire is connected.',
      known(wires, labels, (view) => (view.connected ? 1 : 0)),
    ),
    counter(
      'trueup_wire_exchanges_total',
      'Requests sent or messages received on the wire since it was opened.',
      known(wires, labels, (view) => view.exchangesCount),
    ),
    counter(
      'trueup_wire_faults_total',
      'Exchanges of the wire that brought no usable reply.',
      known(wires, labels, (view) => view.faultsCount),
    ),
    gauge(
      'trueup_wire_silent_instruments',
      'Instruments of the wire that do not answer at present.',
      known(wires, labels, (view) => view.silent.length),
    ),
    gauge(
      'trueup_wire_lateness_p99_seconds',
      'How late requests leave, 99th percentile of the last ones.',
      known(wires, labels, (view) => view.latenessP99Ms / 1000),
    ),
  ];
}

function sinkFamilies({ sinks }: RackSnapshot): Family[] {
  const labels = (view: (typeof sinks)[number]): Record<string, string> => ({
    sink: view.sink,
    kind: view.kind,
  });
  return [
    gauge(
      'trueup_sink_up',
      'Whether the sink takes rows: 0 while it is in trouble.',
      known(sinks, labels, (view) => (view.trouble === '' ? 1 : 0)),
    ),
    gauge(
      'trueup_sink_waiting_rows',
      'Leaves of the log that wait for the sink.',
      known(sinks, labels, (view) => view.waitingCount),
    ),
    gauge(
      'trueup_sink_refused_rows',
      'Rows that the sink refused for good.',
      known(sinks, labels, (view) => view.refusedCount),
    ),
  ];
}

/** One series per view whose reading is known. */
function known<View>(
  views: readonly View[],
  labels: (view: View) => Record<string, string>,
  of: (view: View) => number | undefined,
): Series[] {
  return views.flatMap((view) => {
    const reading = finite(of(view));
    return reading === undefined ? [] : [{ labels: labels(view), reading }];
  });
}

/** A total of 0 is a number only where something was read; else nothing was counted and nothing is known. */
const energySeries = (
  labels: Record<string, string>,
  energyUj: Microjoules,
  isRead: boolean,
): Series[] => (energyUj === 0n && !isRead ? [] : [{ labels, reading: joulesText(energyUj) }]);
