// The live rack: wall, chip and corrected power now, read off the same curves that are settled later, about once a
// second. It keeps running totals for /metrics; what it does not know it leaves out.
import type { EnergyCurve } from '../align/energy-curve.ts';
import type { InstrumentTrace } from '../align/instrument-trace.ts';
import { applyModel } from '../calibrate/apply-model.ts';
import type { NodeCalibration } from '../calibrate/life/node-calibration.ts';
import type { Standing } from '../quantity/correction.ts';
import { isRefusal } from '../quantity/fault.ts';
import { feedGroupsOf, isShared } from '../quantity/feed-groups.ts';
import type { MeteredPoint, Node, Site } from '../quantity/site.ts';
import type { InstantNs, Interval } from '../quantity/time.ts';
import { instantNs } from '../quantity/time.ts';
import { expandedJ } from '../quantity/uncertainty.ts';
import { microjoules, watts, type Watts } from '../quantity/units.ts';
import { EnergyTotal } from './energy-total.ts';
import type {
  LiveRack,
  NodeView,
  PointView,
  RackSnapshot,
  SettledRow,
  SinkView,
  WireView,
} from './rack-view.ts';

export interface LiveSources {
  readonly site: Site;
  readonly startedNs: InstantNs;
  readonly nowNs: () => InstantNs;
  readonly trace: (instrument: string) => InstrumentTrace | undefined;
  readonly chips: (node: string) => ReadonlyMap<string, EnergyCurve>;
  readonly calibration: (node: string) => NodeCalibration | undefined;
  readonly wires: () => readonly WireView[];
  readonly sinks: () => readonly SinkView[];
  readonly ledger: () => RackSnapshot['ledger'];
}

/** Chip power is a mean over this span: NVML and RAPL refresh in steps, and one second of them is noise. */
const CHIP_SPAN_NS = 5_000_000_000n;
const SHAPE_WAITS_NS = [0n, 1_000_000_000n, 2_000_000_000n] as const;
const SETTLED_COUNT = 60;

export class LiveView implements LiveRack {
  private readonly sources: LiveSources;
  private readonly listeners = new Set<(snapshot: RackSnapshot) => void>();
  private readonly totals = new Map<string, EnergyTotal>();
  private readonly correctedJ = new Map<string, { totalJ: number; untilNs: bigint }>();
  private settled: SettledRow[] = [];
  private latest: RackSnapshot;
  /** Nodes behind meters that feed others as well. */
  private readonly shared: ReadonlySet<string>;

  constructor(sources: LiveSources) {
    this.sources = sources;
    const groups = feedGroupsOf(sources.site.nodes).filter(isShared);
    this.shared = new Set(groups.flatMap(({ nodes }) => nodes));
    this.latest = this.look();
  }

  snapshot(): RackSnapshot {
    return this.latest;
  }

  onRefresh(listener: (snapshot: RackSnapshot) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Rows that have just been settled, newest last. */
  show(rows: readonly SettledRow[]): void {
    this.settled = [...this.settled, ...rows].slice(-SETTLED_COUNT);
  }

  refresh(): void {
    this.latest = this.look();
    for (const listener of this.listeners) listener(this.latest);
  }

  private look(): RackSnapshot {
    const { site, startedNs } = this.sources;
    const points = site.points.map((point) => this.pointView(point));
    return {
      site: site.name,
      rehearsal: site.rehearsal && {
        speedRatio: site.rehearsal.clock.speedRatio,
        seed: site.rehearsal.seed,
      },
      atNs: this.sources.nowNs(),
      startedNs,
      points,
      nodes: site.nodes.map((node) => this.nodeView(node, points)),
      wires: this.sources.wires(),
      sinks: this.sources.sinks(),
      settled: this.settled,
      ledger: this.sources.ledger(),
    };
  }

  private pointView({ point, meter }: MeteredPoint): PointView {
    const instrument = this.sources.site.instruments.get(meter);
    const trace = this.sources.trace(meter);
    const curve = trace?.curve();
    const goodNs = trace?.latestGoodNs();
    const ageS =
      goodNs === undefined ? undefined : Math.max(0, Number(this.sources.nowNs() - goodNs) / 1e9);
    // What settlement takes for one stretch of readings is not stale here: plugs speak seldom, fast rehearsals read late.
    const staleS = Math.max(10, (Number(instrument?.poll ?? 0n) / 1e9) * 5, trace?.holeS() ?? 0);
    const fresh = ageS !== undefined && ageS <= staleS;
    const power = trace?.gauge('power_active');
    // Energy may still come where power does not: a reading of its own age.
    const powerS = power === undefined ? Infinity : Number(this.sources.nowNs() - power.atNs) / 1e9;
    const powerW = powerS <= staleS ? power?.reading : undefined;
    const total = this.total(point);
    if (curve) total.follow(curve);
    return {
      point,
      rack: this.rackOf((rack) => rack.points.includes(point)),
      meter,
      profile: instrument?.profile ?? '',
      wallW: powerW === undefined ? undefined : watts(powerW),
      wallUj: microjoules(total.energyUj),
      quality: fresh ? 'actual' : 'missing',
      trouble: trace?.trouble() ?? (fresh ? undefined : 'settle.missing'),
      ageS,
    };
  }

  private nodeView(node: Node, points: readonly PointView[]): NodeView {
    // What nodes share is none of theirs: it is settled as allocated, not drawn as if each took it all.
    const isAlone = !this.shared.has(node.id);
    const feeds = points.filter(({ point }) => isAlone && node.fedBy.includes(point));
    const wallW = feeds.length === 0 ? undefined : sumW(feeds.map((feed) => feed.wallW));
    const chips = this.sources.chips(node.id);
    const span = recentSpan(chips);
    const energies = span && energiesOver(chips, span);
    const spanS = Number(CHIP_SPAN_NS) / 1e9;
    const chipW =
      energies && watts([...energies.values()].reduce((sum, next) => sum + next, 0) / spanS);
    const calibration = this.sources.calibration(node.id);
    const model = calibration?.model();
    const corrected =
      model && energies ? applyModel(model, energies, spanS, { ageS: 0 }) : undefined;
    const known = corrected !== undefined && !isRefusal(corrected) ? corrected : undefined;
    for (const [source, curve] of chips) this.total(`${node.id}/${source}`).follow(curve);
    return {
      node: node.id,
      rack: this.rackOf((rack) => rack.nodes.includes(node.id)),
      type: node.type,
      wallW,
      chipW,
      gapRatio:
        wallW !== undefined && chipW !== undefined && wallW > 0 ? 1 - chipW / wallW : undefined,
      correctedW: known && watts(known.energyJ / spanS),
      correctedU: known && watts(expandedJ(known.parts) / spanS),
      quality: liveQuality(wallW, known !== undefined, model?.standing),
      trouble:
        corrected && isRefusal(corrected)
          ? corrected.code
          : this.sources.trace(node.chips)?.trouble(),
      wallUj: microjoules(feeds.reduce((sum, feed) => sum + feed.wallUj, 0n)),
      chipUj: microjoules(
        [...chips.keys()].reduce((sum, c) => sum + this.total(`${node.id}/${c}`).energyUj, 0n),
      ),
      correctedJ: this.accumulate(node.id, span?.untilNs, known && known.energyJ / spanS),
      model: model && {
        id: model.id,
        standing: model.standing,
        gainText: model.terms
          .map((term) => `${term.name} × ${term.gainRatio.toFixed(3)}`)
          .concat(`+ ${model.interceptW.toFixed(0)} W`)
          .join(' '),
        open: model.open,
        checkedNs: calibration?.checkedNs() ?? model.evidence.untilNs,
      },
      waitingFor: calibration?.waitingFor() ?? '',
      alarms: calibration?.alarms(this.sources.nowNs()) ?? [],
    };
  }

  private accumulate(node: string, atNs: bigint | undefined, powerW: number | undefined): number {
    const sum = this.correctedJ.get(node) ?? { totalJ: 0, untilNs: atNs ?? 0n };
    this.correctedJ.set(node, sum);
    if (atNs === undefined || atNs <= sum.untilNs) return sum.totalJ;
    // Time without a corrected power is left out of the total, as the help text of the metric says.
    if (powerW !== undefined) sum.totalJ += (powerW * Number(atNs - sum.untilNs)) / 1e9;
    sum.untilNs = atNs;
    return sum.totalJ;
  }

  private total(key: string): EnergyTotal {
    let total = this.totals.get(key);
    if (!total) {
      total = new EnergyTotal();
      this.totals.set(key, total);
    }
    return total;
  }

  private rackOf(holds: (rack: Site['racks'][number]) => boolean): string {
    return this.sources.site.racks.find(holds)?.id ?? '';
  }
}

function liveQuality(
  wallW: Watts | undefined,
  corrected: boolean,
  standing: Standing | undefined,
): NodeView['quality'] {
  if (standing === 'provisional' && corrected) return 'provisional';
  if (corrected) return 'derived';
  return wallW === undefined ? 'missing' : 'actual';
}

/** The last whole span that every chip curve covers. */
function recentSpan(chips: ReadonlyMap<string, EnergyCurve>): Interval | undefined {
  let untilNs: InstantNs | undefined;
  for (const curve of chips.values()) {
    const lastNs = curve.lastAnchor()?.atNs;
    if (lastNs === undefined) return undefined;
    if (untilNs === undefined || lastNs < untilNs) untilNs = lastNs;
  }
  if (untilNs === undefined) return undefined;
  // Power that a board sends beside its counter names the second before: the newest energy still waits for its shape.
  for (const backNs of SHAPE_WAITS_NS) {
    const endNs = instantNs(untilNs - backNs);
    if ([...chips.values()].every((curve) => curve.energyAt(endNs) !== undefined)) {
      return { fromNs: instantNs(endNs - CHIP_SPAN_NS), untilNs: endNs };
    }
  }
  return { fromNs: instantNs(untilNs - CHIP_SPAN_NS), untilNs };
}

function energiesOver(
  chips: ReadonlyMap<string, EnergyCurve>,
  span: Interval,
): ReadonlyMap<string, number> | undefined {
  const energies = new Map<string, number>();
  for (const [source, curve] of chips) {
    const from = curve.energyAt(span.fromNs);
    const until = curve.energyAt(span.untilNs);
    if (!from || !until || from.stretch !== until.stretch) return undefined;
    energies.set(source, Number(until.energyUj - from.energyUj) / 1e6);
  }
  return energies.size === 0 ? undefined : energies;
}

/** Half a sum is no sum. */
function sumW(parts: readonly (Watts | undefined)[]): Watts | undefined {
  let sum = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    sum += part;
  }
  return watts(sum);
}
