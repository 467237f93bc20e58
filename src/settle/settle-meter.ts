// One interval of one meter: the difference of its curve at the two edges, with the quality that the evidence allows.
import type { EdgeEnergy, EnergyCurve } from '../align/energy-curve.ts';
import type { PowerShape } from '../align/power-shape.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { PointId, Quality, Tier } from '../quantity/quality.ts';
import type { EdgeAnchors, StatementFlag } from '../quantity/statement.ts';
import type { Interval } from '../quantity/time.ts';
import { durationNs, since } from '../quantity/time.ts';
import { joules, joulesToMicrojoules, microjoules, watts } from '../quantity/units.ts';
import { type Draft, meanPowerW, WAIT, withoutEnergy } from './draft.ts';
import type { EdgeBook } from './edge-book.ts';
import { type NodeBehind, wallOf } from './gaps/chips-behind.ts';

/** Holes longer than this are never filled by a straight line (design: linear only up to 1 h). */
const LONGEST_LINEAR_NS = 3_600_000_000_000n;

export interface MeterEvidence {
  readonly source: string;
  readonly tier: Tier;
  readonly curve: EnergyCurve;
  readonly edges: EdgeBook;
  readonly power: PowerShape | undefined;
  /** Relative standard uncertainty that is the same from interval to interval: accuracy class and CT. */
  readonly systematicRatio: number;
  /** Standard uncertainty of the clock that stamped the readings, s. */
  readonly clockS: number;
  readonly flags: readonly StatementFlag[];
  /** The nodes that it feeds, where each of them has a model; empty where one has none. */
  readonly behind?: readonly NodeBehind[] | undefined;
  /** What it feeds is one node, which has no other feed: then that node's chips can stand in for it. */
  readonly isOnlyFeed?: boolean | undefined;
  /** Why nothing of it may be settled, whatever it reads; undefined where it may. */
  readonly refused?: FaultCode | undefined;
}

/**
 * Settles one interval of a metered point.
 * @param overdue the interval has waited long enough: say what can be said.
 * @returns a draft, or WAIT.
 */
export function settleMeter(
  point: PointId,
  meter: MeterEvidence,
  interval: Interval,
  overdue: boolean,
): Draft | typeof WAIT {
  const identity = { point, kind: 'metered', tier: meter.tier, method: 'register' } as const;
  if (meter.refused !== undefined)
    return withoutEnergy(identity, interval, 'refused', meter.refused);
  const behind = meter.behind ?? [];
  const from = meter.edges.at(interval.fromNs, behind);
  const until = meter.edges.at(interval.untilNs, behind);
  const without = (quality: 'missing' | 'refused', because: FaultCode): Draft =>
    chipsAlone(point, meter, interval) ?? withoutEnergy(identity, interval, quality, because);
  if (from && until) {
    if (from.stretch !== until.stretch) {
      const because = meter.curve.breakWithin(interval.fromNs, interval.untilNs);
      return without('missing', because ?? 'settle.partial');
    }
    const isTooLong = [from, until].some((edge) => straightNs(edge) > LONGEST_LINEAR_NS);
    if (isTooLong) return without('refused', 'settle.gap-too-long');
    return draftBetween(point, meter, interval, from, until, qualityOf(from, until));
  }
  // The newest anchor lies behind the interval, so an edge that has no value never will have one.
  const lastNs = meter.curve.lastAnchor()?.atNs;
  const shapeToCome = [interval.fromNs, interval.untilNs].some((at) =>
    meter.edges.awaitsShape(at, behind),
  );
  const settledBehind = lastNs !== undefined && lastNs >= interval.untilNs && !shapeToCome;
  if (!overdue && !settledBehind) return WAIT;
  if (settledBehind) {
    const because = meter.curve.breakWithin(interval.fromNs, interval.untilNs);
    return without('missing', because ?? 'settle.partial');
  }
  const start = from ?? meter.curve.provisionalAt(interval.fromNs);
  const end = meter.curve.provisionalAt(interval.untilNs);
  if (start && end && start.stretch === end.stretch) {
    return draftBetween(point, meter, interval, start, end, 'provisional');
  }
  return without('missing', 'settle.missing');
}

/** How long a hole is that a straight line goes through at this edge, ns. */
const straightNs = (edge: EdgeEnergy): bigint =>
  edge.method === 'register+chips' ? 0n : holeNs(edge);

const qualityOf = (from: EdgeEnergy, until: EdgeEnergy): Quality => {
  const inHoles = [from, until].filter(({ hole }) => hole !== undefined);
  if (inHoles.length === 0) return 'actual';
  return inHoles.every(({ method }) => method === 'register+chips') ? 'scaled' : 'interpolated';
};

/**
 * The meter says nothing, but the chips behind it do: their energy, corrected by an accepted model, within its band. Open until
 * the register says what it really was.
 */
function chipsAlone(point: PointId, meter: MeterEvidence, interval: Interval): Draft | undefined {
  const [node] = meter.behind ?? [];
  if (!node || meter.isOnlyFeed !== true) return undefined;
  if (node.model.standing === 'provisional') return undefined;
  const wall = wallOf([node], interval, 'followed');
  if (wall === undefined || wall === WAIT) return undefined;
  const energyUj = joulesToMicrojoules(joules(wall.energyJ));
  return {
    point,
    kind: 'metered',
    tier: 3,
    method: 'chips',
    startNs: interval.fromNs,
    durationNs: since(interval.fromNs, interval.untilNs),
    energyUj,
    uncertainty: wall.parts,
    quality: 'derived',
    powerMeanW: meanPowerW(energyUj, interval),
    powerMaxW: undefined,
    because: undefined,
    coveredNs: durationNs(0n),
    anchors: [],
    flags: [],
    model: node.model.id,
  };
}

const holeNs = (edge: EdgeEnergy): bigint =>
  edge.hole ? edge.hole.untilNs - edge.hole.fromNs : 0n;

function draftBetween(
  point: PointId,
  meter: MeterEvidence,
  interval: Interval,
  from: EdgeEnergy,
  until: EdgeEnergy,
  quality: Quality,
): Draft {
  const energyUj = microjoules(until.energyUj - from.energyUj);
  const energyJ = Number(energyUj) / 1e6;
  const powerMeanW = meanPowerW(energyUj, interval);
  const clockJ = powerMeanW * meter.clockS * Math.SQRT2;
  const maxW = meter.power?.highestW(interval.fromNs, interval.untilNs);
  return {
    point,
    kind: 'metered',
    startNs: interval.fromNs,
    durationNs: since(interval.fromNs, interval.untilNs),
    energyUj,
    uncertainty: {
      systematicJ: joules(Math.abs(energyJ) * meter.systematicRatio),
      independentJ: joules(0),
      edgeJ: joules(Math.hypot(from.edgeJ, until.edgeJ, clockJ)),
      dof: Infinity,
    },
    quality,
    method: methodOf(from, until),
    tier: meter.tier,
    powerMeanW,
    powerMaxW: maxW === undefined ? undefined : watts(maxW),
    because: undefined,
    coveredNs: since(interval.fromNs, interval.untilNs),
    anchors: [anchorsOf(meter.source, 'from', from), anchorsOf(meter.source, 'until', until)],
    flags: flagsOf(meter, interval, from, until),
    model: '',
  };
}

/** That of the edge that is known the least directly. */
const methodOf = (from: EdgeEnergy, until: EdgeEnergy): string =>
  until.method === 'register' || from.method === 'register+chips' ? from.method : until.method;

const anchorsOf = (source: string, edge: 'from' | 'until', at: EdgeEnergy): EdgeAnchors => ({
  source,
  edge,
  energyUj: at.energyUj,
  before: at.before,
  after: at.after,
  ...(at.models ? { models: at.models } : {}),
});

function flagsOf(
  meter: MeterEvidence,
  interval: Interval,
  from: EdgeEnergy,
  until: EdgeEnergy,
): StatementFlag[] {
  const flags = new Set(meter.flags);
  // Design §5, promise 8: an edge that is bracketed farther than 1 % of the interval is flagged.
  const widestNs = (interval.untilNs - interval.fromNs) / 100n;
  const wide = [from, until].some((edge) => edge.after.atNs - edge.before.atNs > widestNs);
  if (wide) flags.add('edge-bracket-wide');
  if (meter.curve.holeWithin(interval.fromNs, interval.untilNs)) {
    flags.add('hole-bridged-by-register');
  }
  return [...flags].sort();
}
