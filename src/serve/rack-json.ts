// A snapshot of the rack as the JSON that the page, the live stream and programs read: snake_case with units, bigints as
// decimal strings, unknown numbers left out. A number that is not finite is not known either.
import { formatInstant } from '../quantity/time.ts';
import { troubleOf, type RackJson } from './api-schemas.ts';
import type { NodeView, PointView, RackSnapshot, SettledRow, WireView } from './rack-view.ts';

/** The number where it is one that JSON can say, else undefined. */
export const finite = (reading: number | undefined): number | undefined =>
  reading !== undefined && Number.isFinite(reading) ? reading : undefined;

/** The JSON of one snapshot, as RackSchema describes it. */
export const rackJson = (snapshot: RackSnapshot): RackJson => ({
  site: snapshot.site,
  ...(snapshot.rehearsal === undefined
    ? {}
    : {
        rehearsal: {
          speed_ratio: snapshot.rehearsal.speedRatio,
          seed: snapshot.rehearsal.seed,
        },
      }),
  at: formatInstant(snapshot.atNs),
  at_ns: snapshot.atNs.toString(),
  started: formatInstant(snapshot.startedNs),
  started_ns: snapshot.startedNs.toString(),
  points: snapshot.points.map(pointJson),
  nodes: snapshot.nodes.map(nodeJson),
  wires: snapshot.wires.map(wireJson),
  sinks: snapshot.sinks.map((sink) => ({
    sink: sink.sink,
    kind: sink.kind,
    waiting_count: sink.waitingCount,
    refused_count: sink.refusedCount,
    trouble: sink.trouble,
  })),
  settled: snapshot.settled.map(settledJson),
  ledger: {
    leaves_count: snapshot.ledger.leavesCount,
    journal_bytes: snapshot.ledger.journalBytes,
    origin: snapshot.ledger.origin,
  },
});

function pointJson(view: PointView): RackJson['points'][number] {
  const wallW = finite(view.wallW);
  const ageS = finite(view.ageS);
  return {
    point: view.point,
    rack: view.rack,
    meter: view.meter,
    profile: view.profile,
    ...(wallW === undefined ? {} : { wall_w: wallW }),
    wall_uj: view.wallUj.toString(),
    quality: view.quality,
    ...(view.trouble === undefined ? {} : { trouble: troubleOf(view.trouble) }),
    ...(ageS === undefined ? {} : { age_s: ageS }),
  };
}

function nodeJson(view: NodeView): RackJson['nodes'][number] {
  const wallW = finite(view.wallW);
  const chipW = finite(view.chipW);
  const gapRatio = finite(view.gapRatio);
  const correctedW = finite(view.correctedW);
  const correctedU = finite(view.correctedU);
  return {
    node: view.node,
    rack: view.rack,
    type: view.type,
    ...(wallW === undefined ? {} : { wall_w: wallW }),
    ...(chipW === undefined ? {} : { chip_w: chipW }),
    ...(gapRatio === undefined ? {} : { gap_ratio: gapRatio }),
    ...(correctedW === undefined ? {} : { corrected_w: correctedW }),
    ...(correctedU === undefined ? {} : { corrected_u_w: correctedU }),
    quality: view.quality,
    ...(view.trouble === undefined ? {} : { trouble: troubleOf(view.trouble) }),
    wall_uj: view.wallUj.toString(),
    chip_uj: view.chipUj.toString(),
    corrected_j: finite(view.correctedJ) ?? 0,
    ...(view.model === undefined
      ? {}
      : {
          model: {
            id: view.model.id,
            standing: view.model.standing,
            gain_text: view.model.gainText,
            open: [...view.model.open],
            checked: formatInstant(view.model.checkedNs),
          },
        }),
    waiting_for: view.waitingFor,
    alarms: view.alarms.map(({ event, noticedNs, says }) => ({
      event,
      noticed: formatInstant(noticedNs),
      says,
    })),
  };
}

function wireJson(view: WireView): RackJson['wires'][number] {
  const latenessMs = finite(view.latenessP99Ms);
  return {
    wire: view.wire,
    transport: view.transport,
    connected: view.connected,
    exchanges_count: view.exchangesCount,
    faults_count: view.faultsCount,
    silent: [...view.silent],
    ...(latenessMs === undefined ? {} : { lateness_p99_ms: latenessMs }),
    trouble: view.trouble,
  };
}

function settledJson(row: SettledRow): RackJson['settled'][number] {
  const { energyUj } = row;
  const uKwh = energyUj === undefined ? undefined : finite(row.uKwh);
  return {
    point: row.point,
    kind: row.kind,
    start: formatInstant(row.startNs),
    start_ns: row.startNs.toString(),
    duration_s: row.durationS,
    ...(energyUj === undefined
      ? {}
      : { energy_uj: energyUj.toString(), energy_kwh: row.energyKwh }),
    ...(uKwh === undefined ? {} : { u_kwh: uKwh }),
    quality: row.quality,
    version: row.version,
    leaf: row.leaf,
  };
}
