// One interval of one node: the sum of the points that feed it, the sum of its chip counters, and the chips corrected
// to the wall by the node's model.
import type { EnergyCurve } from '../align/energy-curve.ts';
import { applyModel } from '../calibrate/apply-model.ts';
import { ageS } from '../calibrate/corrected-rows.ts';
import { modelAt } from '../calibrate/life/model-life.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal } from '../quantity/fault.ts';
import type { PointId, Tier } from '../quantity/quality.ts';
import type { Interval } from '../quantity/time.ts';
import { since, toSeconds } from '../quantity/time.ts';
import { joules, joulesToMicrojoules, microjoules, watts } from '../quantity/units.ts';
import { type Draft, meanPowerW, WAIT, withoutEnergy, worstOf } from './draft.ts';

/** Relative standard uncertainty of a chip sensor of itself: boards of one model differ by 5 % (facts: NVML gain). */
const CHIP_SENSOR_RATIO = 0.05;

/**
 * Sum of the metered drafts that feed a node (A and B feeds). Gains of meters of one make are correlated, so systematic
 * parts add linearly; the other parts in quadrature (GUM 5.2.2).
 */
export function sumFeeds(point: PointId, feeds: readonly Draft[], interval: Interval): Draft {
  const energies = feeds.map((feed) => feed.energyUj);
  const quality = worstOf(feeds.map((feed) => feed.quality));
  const tier = feeds.reduce<Tier>((worst, feed) => (feed.tier > worst ? feed.tier : worst), 1);
  const identity = { point, kind: 'metered', tier, method: 'sum' } as const;
  if (quality === 'missing' || quality === 'refused' || energies.includes(undefined)) {
    const because = feeds.find((feed) => feed.because !== undefined)?.because;
    const word = quality === 'refused' ? 'refused' : 'missing';
    return withoutEnergy(identity, interval, word, because ?? 'settle.missing');
  }
  const energyUj = microjoules(energies.reduce<bigint>((sum, next) => sum + (next ?? 0n), 0n));
  const maxima = feeds.map((feed) => feed.powerMaxW);
  const only = feeds.length === 1 ? feeds[0] : undefined;
  return {
    ...identity,
    method: only?.method ?? 'sum',
    startNs: interval.fromNs,
    durationNs: since(interval.fromNs, interval.untilNs),
    energyUj,
    uncertainty: {
      systematicJ: joules(feeds.reduce((sum, feed) => sum + feed.uncertainty.systematicJ, 0)),
      independentJ: joules(Math.hypot(...feeds.map((feed) => feed.uncertainty.independentJ))),
      edgeJ: joules(Math.hypot(...feeds.map((feed) => feed.uncertainty.edgeJ))),
      dof: Math.min(...feeds.map((feed) => feed.uncertainty.dof)),
    },
    quality,
    powerMeanW: meanPowerW(energyUj, interval),
    // Feeds need not peak together: the sum of the peaks would be none, so it is stated for a single feed only.
    powerMaxW: only && maxima[0] !== undefined ? watts(maxima[0]) : undefined,
    because: undefined,
    coveredNs: since(interval.fromNs, interval.untilNs),
    anchors: feeds.flatMap((feed) => feed.anchors),
    flags: [...new Set(feeds.flatMap((feed) => feed.flags))].sort(),
    model: only?.model ?? '',
  };
}

/** Energy of each chip source over the interval, J; WAIT, or undefined where one of them is not known. */
export function chipEnergies(
  chips: ReadonlyMap<string, EnergyCurve>,
  interval: Interval,
  overdue: boolean,
): ReadonlyMap<string, number> | typeof WAIT | undefined {
  const energies = new Map<string, number>();
  let waiting = false;
  for (const [source, curve] of chips) {
    const from = curve.energyAt(interval.fromNs);
    const until = curve.energyAt(interval.untilNs);
    if (from && until && from.stretch === until.stretch) {
      energies.set(source, Number(until.energyUj - from.energyUj) / 1e6);
    } else if ((curve.lastAnchor()?.atNs ?? interval.fromNs) < interval.untilNs) {
      waiting = true;
    } else {
      return undefined;
    }
  }
  if (waiting) return overdue ? undefined : WAIT;
  return energies.size === 0 ? (overdue ? undefined : WAIT) : energies;
}

/** The chip statement of an interval: what the node's own sensors say, uncorrected. */
export function settleChips(
  point: PointId,
  energies: ReadonlyMap<string, number> | undefined,
  interval: Interval,
): Draft {
  const identity = { point, kind: 'chip', tier: 3, method: 'chip-counters' } as const;
  if (energies === undefined) {
    return withoutEnergy(identity, interval, 'missing', 'settle.missing');
  }
  const sumJ = [...energies.values()].reduce((sum, next) => sum + next, 0);
  const energyUj = joulesToMicrojoules(joules(sumJ));
  return {
    ...identity,
    startNs: interval.fromNs,
    durationNs: since(interval.fromNs, interval.untilNs),
    energyUj,
    uncertainty: {
      systematicJ: joules(Math.abs(sumJ) * CHIP_SENSOR_RATIO),
      independentJ: joules(0),
      edgeJ: joules(0),
      dof: Infinity,
    },
    quality: 'actual',
    powerMeanW: meanPowerW(energyUj, interval),
    powerMaxW: undefined,
    because: undefined,
    coveredNs: since(interval.fromNs, interval.untilNs),
    anchors: [],
    flags: [],
    model: '',
  };
}

/** The corrected statement: chips taken to the wall by the model; derived, never actual. */
export function settleCorrected(
  point: PointId,
  energies: ReadonlyMap<string, number> | undefined,
  adopted: CorrectionModel,
  interval: Interval,
  shapeJ?: readonly number[],
): Draft {
  const identity = { point, kind: 'corrected', tier: 3, method: 'model' } as const;
  if (energies === undefined) {
    return { ...withoutEnergy(identity, interval, 'missing', 'settle.missing'), model: adopted.id };
  }
  const model = modelAt(adopted, interval.fromNs);
  if (isRefusal(model)) {
    return { ...withoutEnergy(identity, interval, 'refused', model.code), model: adopted.id };
  }
  const durationNs = since(interval.fromNs, interval.untilNs);
  const corrected = applyModel(model, energies, toSeconds(durationNs), {
    shapeJ,
    ageS: ageS(model, interval.fromNs),
  });
  if (isRefusal(corrected)) {
    return { ...withoutEnergy(identity, interval, 'refused', corrected.code), model: model.id };
  }
  const energyUj = joulesToMicrojoules(joules(corrected.energyJ));
  return {
    ...identity,
    startNs: interval.fromNs,
    durationNs,
    energyUj,
    uncertainty: corrected.parts,
    quality: model.standing === 'provisional' ? 'provisional' : 'derived',
    powerMeanW: meanPowerW(energyUj, interval),
    powerMaxW: undefined,
    because: undefined,
    coveredNs: durationNs,
    anchors: [],
    flags: [],
    model: model.id,
  };
}
