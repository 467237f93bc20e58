// One interval of a group of nodes behind the same meters: what the meters stated is split over the nodes by what their
// chips and models let expect. Parts and remainder sum exactly to the metered statements, version by version.
import type { CorrectionModel } from '../quantity/correction.ts';
import type { PointId } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import type { Interval } from '../quantity/time.ts';
import { since, toSeconds } from '../quantity/time.ts';
import type { UncertaintyParts } from '../quantity/uncertainty.ts';
import { NO_UNCERTAINTY } from '../quantity/uncertainty.ts';
import { joules, type Microjoules } from '../quantity/units.ts';
import { allocate } from './allocate.ts';
import { type Draft, meanPowerW, withoutEnergy, worstOf } from './draft.ts';
import { expectationsOf, type Expectations } from './group-expectations.ts';
import { sumFeeds } from './settle-node.ts';

export interface GroupNodePlan {
  readonly id: string;
  readonly fedBy: readonly PointId[];
}

export interface GroupEvidence {
  /** Where the remainder goes. */
  readonly account: PointId;
  readonly nodes: readonly GroupNodePlan[];
  /** The newest metered statement of every point. */
  readonly metered: ReadonlyMap<PointId, IntervalStatement>;
  /** Energy of each node's chip sources, J; undefined where its chips are not known. */
  readonly chips: ReadonlyMap<string, ReadonlyMap<string, number> | undefined>;
  /** Of one joint fit, in its order; undefined before there is any. */
  readonly models: readonly CorrectionModel[] | undefined;
}

/** From day to day a node's level moves by this much of its power, with nothing to see in the chips (fans, inlet air). */
const DAY_RATIO = 0.006;
/** Drafts of all nodes, in the order of the group, and last of the remainder. */
export function settleGroup(evidence: GroupEvidence, interval: Interval): readonly Draft[] {
  const { account, nodes, metered } = evidence;
  const total = sumFeeds(account, [...metered.values()], interval);
  const accountIs = {
    point: account,
    kind: 'allocated',
    tier: total.tier,
    method: 'remainder',
  } as const;
  if (total.energyUj === undefined) {
    const because = total.because ?? 'settle.missing';
    const quality = total.quality === 'refused' ? 'refused' : 'missing';
    return [
      ...nodes.map(({ id }) => withoutEnergy(partOf(id), interval, quality, because)),
      withoutEnergy(accountIs, interval, quality, because),
    ];
  }
  const expected = expectationsOf(
    evidence.models ?? [],
    evidence.chips,
    toSeconds(since(interval.fromNs, interval.untilNs)),
  );
  const energyOf = (point: PointId): bigint => metered.get(point)?.energyUj ?? 0n;
  const alone = (point: PointId): boolean =>
    nodes.filter(({ fedBy }) => fedBy.includes(point)).length === 1;
  const { parts, unallocatedUj } = allocate(
    total.energyUj,
    nodes.map(({ id, fedBy }) => ({
      node: id,
      expectedJ: expected.nodeJ.get(id),
      floorUj: fedBy.filter(alone).reduce((sum, point) => sum + energyOf(point), 0n),
      ceilingUj: fedBy.reduce((sum, point) => sum + energyOf(point), 0n),
    })),
  );
  const whole = { ...total, energyUj: total.energyUj };
  const partial = parts.size < nodes.length;
  const drafts = nodes.map(({ id }): Draft => {
    const energyUj = parts.get(id);
    if (energyUj === undefined) {
      const because = evidence.models ? 'settle.missing' : 'settle.no-shares';
      return withoutEnergy(partOf(id), interval, 'missing', because);
    }
    return nodePart(id, energyUj, whole, expected, partial, interval);
  });
  const remainder: Draft = {
    ...total,
    ...accountIs,
    energyUj: unallocatedUj,
    uncertainty: partial ? remainderUncertainty(whole, expected) : NO_UNCERTAINTY,
    quality: partial ? worstOf([total.quality, 'partial']) : worstOf([total.quality, 'derived']),
    powerMeanW: meanPowerW(unallocatedUj, interval),
    powerMaxW: undefined,
    because: partial ? (evidence.models ? 'settle.partial' : 'settle.no-shares') : undefined,
    anchors: [],
    model: expected.fit,
  };
  return [...drafts, remainder];
}

const partOf = (node: string): { point: PointId; kind: 'allocated'; tier: 3; method: string } => ({
  point: `node/${node}`,
  kind: 'allocated',
  tier: 3,
  method: 'share',
});

type Known = Draft & { readonly energyUj: Microjoules };

function nodePart(
  node: string,
  energyUj: Microjoules,
  total: Known,
  expected: Expectations,
  partial: boolean,
  interval: Interval,
): Draft {
  const model = expected.models.get(node);
  const flags = new Set(total.flags);
  if (!partial && offMeter(total, expected)) flags.add('shares-off-meter');
  const rule = model?.shared?.levelRule;
  return {
    ...partOf(node),
    method: rule === undefined ? 'share' : `share+level-${rule}`,
    startNs: total.startNs,
    durationNs: total.durationNs,
    energyUj,
    uncertainty: partial
      ? claimUncertainty(node, expected)
      : shareUncertainty(node, energyUj, total, expected),
    quality: worstOf([total.quality, model?.standing === 'accepted' ? 'derived' : 'provisional']),
    powerMeanW: meanPowerW(energyUj, interval),
    powerMaxW: undefined,
    because: undefined,
    coveredNs: total.coveredNs,
    anchors: [],
    flags: [...flags].sort(),
    model: model?.id ?? '',
  };
}

const metersJ = (total: Known): number => Number(total.energyUj) / 1e6;

/** The meters say otherwise than the nodes together, by more than either can be off (expanded, k = 2). */
function offMeter(total: Known, expected: Expectations): boolean {
  const { systematicJ, independentJ, edgeJ } = total.uncertainty;
  const apartJ = Math.abs(metersJ(total) - expected.totalJ);
  const dayJ = DAY_RATIO * expected.totalJ;
  const uJ = Math.hypot(
    expected.totalUncertaintyJ,
    expected.noiseJ,
    dayJ,
    systematicJ,
    independentJ,
    edgeJ,
  );
  return apartJ > 2 * uJ;
}

/**
 * Of a part of a known sum: the share is uncertain, the sum hardly. What the meters show beyond what was expected, or the
 * usual noise where that is more, arose in some node or other: in proportion to their shares s, so by s (1 - s) in variance.
 */
function shareUncertainty(
  node: string,
  energyUj: Microjoules,
  total: Known,
  expected: Expectations,
): UncertaintyParts {
  const totalJ = metersJ(total);
  const share = totalJ > 0 ? Number(energyUj) / 1e6 / totalJ : 0;
  const either = Math.sqrt(share * (1 - share));
  const unexplainedJ = Math.max(Math.abs(totalJ - expected.totalJ), expected.noiseJ);
  const shareJ = (expected.shareRatio.get(node) ?? 0) * totalJ;
  const dayJ = DAY_RATIO * totalJ * either;
  const meterJ = share * total.uncertainty.systematicJ;
  const systematicJ = Math.hypot(shareJ, dayJ, meterJ);
  const independentJ = Math.hypot(unexplainedJ * either, share * total.uncertainty.independentJ);
  const edgeJ = share * total.uncertainty.edgeJ;
  return {
    systematicJ: joules(systematicJ),
    independentJ: joules(independentJ),
    edgeJ: joules(edgeJ),
    dof: dofOf(
      systematicJ,
      (expected.fitShareRatio.get(node) ?? 0) * totalJ,
      expected.models.get(node)?.dof ?? Infinity,
    ),
  };
}

/** Of a claim that no meter bounds, since a node of the group is not known. */
function claimUncertainty(node: string, expected: Expectations): UncertaintyParts {
  const fitJ = expected.uncertaintyJ.get(node) ?? 0;
  const nodeJ = expected.nodeJ.get(node) ?? 0;
  const systematicJ = Math.hypot(fitJ, DAY_RATIO * nodeJ);
  return {
    systematicJ: joules(systematicJ),
    independentJ: joules(expected.noiseJ * Math.sqrt(nodeJ / Math.max(expected.totalJ, 1e-9))),
    edgeJ: joules(0),
    dof: dofOf(systematicJ, fitJ, expected.dof),
  };
}

/** Of a remainder: what the meters and what the claims of the others leave open. */
function remainderUncertainty(total: Known, expected: Expectations): UncertaintyParts {
  const { systematicJ, independentJ, edgeJ } = total.uncertainty;
  const claimsJ = Math.hypot(expected.totalUncertaintyJ, DAY_RATIO * expected.totalJ);
  return {
    systematicJ: joules(Math.hypot(systematicJ, claimsJ)),
    independentJ: joules(Math.hypot(independentJ, expected.noiseJ)),
    edgeJ,
    dof: dofOf(Math.hypot(systematicJ, claimsJ), expected.totalUncertaintyJ, expected.dof),
  };
}

/** Welch-Satterthwaite (GUM G.4.1) with one part whose degrees of freedom are few. */
const dofOf = (combinedJ: number, fitJ: number, dof: number): number =>
  fitJ > 0 && Number.isFinite(dof) ? Math.max(1, (combinedJ / fitJ) ** 4 * dof) : Infinity;
