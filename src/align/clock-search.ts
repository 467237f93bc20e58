// By how much the chips' clock is late against the meter's, and how much faster it runs: the offset and rate at which an
// affine of the chips explains the meter best. Only load edges carry this; without them it refuses rather than guesses.
import { refuse, type Refusal } from '../quantity/fault.ts';
import { affineResidual, goldenMinimum, type AffineResidual } from './affine-residual.ts';
import { movedEdges, secondsBetween, type EnergySeries } from './energy-series.ts';
import type { MeterRows } from './meter-rows.ts';

export interface ClockRelation {
  /** The chips' stamps are later than the meter's by this much, at the pivot. */
  readonly offsetS: number;
  /** Seconds that the chips' clock gains per second of the meter's; 0 where no rate is proven. */
  readonly rateRatio: number;
  /** Where the offset holds, seconds after the origin of the meter's rows. */
  readonly pivotS: number;
  /** Standard uncertainty of the offset from the curvature of the residual, s. */
  readonly offsetUncertaintyS: number;
  readonly rateUncertaintyRatio: number;
  /** Share of the meter's variance that the affine explains at the best offset. */
  readonly explainedRatio: number;
  /** Residual over the coarse offsets, for a plot: offsets in s, RMS in W. */
  readonly trace: readonly { readonly offsetS: number; readonly residualW: number }[];
}

export interface ClockSearchLimits {
  /** Offsets are sought from -rangeS to +rangeS. */
  readonly rangeS: number;
  readonly seekRate: boolean;
}

/** At a wrong offset the residual is mostly edge; the right one must explain at least this much of the variance. */
const EXPLAINED_RATIO_MIN = 0.25;
const OVERLAP_RATIO_MIN = 0.8;
const OFFSET_UNCERTAINTY_S_MAX = 5;

/**
 * Finds offset and clock rate of the chips against rows of the meter. Refuses `align.overlap` where fewer than 80 % of
 * the rows have chips at every offset tried that fits best, `align.flat` where the load shows no edge, the minimum is
 * too wide (over 5 s) or another offset fits as well (a periodic load).
 */
export function findClock(
  rows: MeterRows,
  chips: EnergySeries,
  limits: ClockSearchLimits = { rangeS: 60, seekRate: true },
): ClockRelation | Refusal {
  const originS = secondsBetween(chips.originNs, rows.originNs);
  const count = rows.meanW.length;
  const firstRowS = rows.fromS[0] ?? 0;
  const lastRowS = rows.untilS[count - 1] ?? 0;
  const pivotS = (firstRowS + lastRowS) / 2;
  const residualAt = (offsetS: number, rateRatio: number): AffineResidual => {
    const move = { shiftS: originS + offsetS, rateRatio, pivotS };
    const fromS = movedEdges(rows.fromS, move);
    return affineResidual(chips, fromS, movedEdges(rows.untilS, move), rows.meanW);
  };
  const stepS = coarseStepS(rows);
  const coarse: { offsetS: number; at: AffineResidual }[] = [];
  for (let step = -Math.floor(limits.rangeS / stepS); step * stepS <= limits.rangeS; step++) {
    coarse.push({ offsetS: step * stepS, at: residualAt(step * stepS, 0) });
  }
  const mostRowsCount = coarse.reduce((most, each) => Math.max(most, each.at.rowsCount), 0);
  if (mostRowsCount < 12 || mostRowsCount < 0.2 * count) {
    return refuse(
      'align.overlap',
      `only ${mostRowsCount} of ${count} windows of the meter have chip readings`,
      'give both instruments the same time span, and check that both stamps are UTC',
    );
  }
  const usable = coarse.filter((each) => each.at.rowsCount >= OVERLAP_RATIO_MIN * mostRowsCount);
  const best = usable.reduce((a, b) => (b.at.meanSquareW2 < a.at.meanSquareW2 ? b : a));
  const cost = (offsetS: number, rateRatio: number): number => {
    const at = residualAt(offsetS, rateRatio);
    return at.rowsCount >= OVERLAP_RATIO_MIN * mostRowsCount ? at.meanSquareW2 : Infinity;
  };
  let offsetS = goldenMinimum(
    (each) => cost(each, 0),
    best.offsetS - stepS,
    best.offsetS + stepS,
    1e-4,
  );
  // Windows cut by holes are covered at one offset only, and the search between two steps may find nothing there.
  if (cost(best.offsetS, 0) <= cost(offsetS, 0)) offsetS = best.offsetS;
  const flat = flatness(residualAt(offsetS, 0), usable, offsetS, stepS);
  if (flat !== undefined) return flat;

  const lengthS = lastRowS - firstRowS;
  let rateRatio = 0;
  let rateUncertaintyRatio = 0;
  if (limits.seekRate && lengthS >= 300) {
    // A tool's loop or a bad oscillator: 1 % is beyond every recorded one. Offset and rate about the middle hardly mix.
    const reachRatio = Math.min(0.01, (2 * stepS + 3) / lengthS);
    let triedOffsetS = offsetS;
    let triedRatio = 0;
    for (let round = 0; round < 8; round++) {
      const nearS = round === 0 ? stepS : stepS / 4;
      triedRatio = goldenMinimum((each) => cost(triedOffsetS, each), -reachRatio, reachRatio, 1e-7);
      triedOffsetS = goldenMinimum(
        (each) => cost(each, triedRatio),
        triedOffsetS - nearS,
        triedOffsetS + nearS,
        1e-4,
      );
    }
    rateUncertaintyRatio = curvatureUncertainty(
      (each) => cost(triedOffsetS, each),
      triedRatio,
      Math.max(0.3 / lengthS, 1e-6),
      mostRowsCount,
    );
    // Less than a fifth of a second over the run changes no mean; more must stand out from its own uncertainty.
    const proven =
      Math.abs(triedRatio) > 4 * rateUncertaintyRatio && Math.abs(triedRatio) * lengthS > 0.2;
    if (proven && cost(triedOffsetS, triedRatio) < cost(offsetS, 0)) {
      offsetS = triedOffsetS;
      rateRatio = triedRatio;
    }
  }
  const atBest = residualAt(offsetS, rateRatio);
  const offsetUncertaintyS = curvatureUncertainty(
    (each) => cost(each, rateRatio),
    offsetS,
    Math.max(0.2, stepS / 4),
    mostRowsCount,
  );
  if (offsetUncertaintyS > OFFSET_UNCERTAINTY_S_MAX) return noEdge('the best offset is not sharp');
  return {
    offsetS,
    rateRatio,
    pivotS,
    offsetUncertaintyS,
    rateUncertaintyRatio,
    explainedRatio: 1 - atBest.meanSquareW2 / atBest.meterVarianceW2,
    trace: coarse.map((each) => ({
      offsetS: each.offsetS,
      residualW: Math.sqrt(each.at.meanSquareW2),
    })),
  };
}

function coarseStepS(rows: MeterRows): number {
  const first = (rows.untilS[0] ?? 1) - (rows.fromS[0] ?? 0);
  return Math.min(5, Math.max(1, first / 2));
}

const noEdge = (because: string): Refusal =>
  refuse(
    'align.flat',
    because,
    'meter a stretch in which the load rises and falls, such as a load staircase',
  );

function flatness(
  best: AffineResidual,
  usable: readonly { offsetS: number; at: AffineResidual }[],
  offsetS: number,
  stepS: number,
): Refusal | undefined {
  if (best.gainRatio <= 0 || best.meterVarianceW2 <= 0) {
    return noEdge('the chips do not rise with the meter at any offset');
  }
  const explained = 1 - best.meanSquareW2 / best.meterVarianceW2;
  if (explained < EXPLAINED_RATIO_MIN) {
    return noEdge(`at its best the chips explain ${(100 * explained).toFixed(0)} % of the meter`);
  }
  const rivals = usable.filter((each, index) => {
    const left = usable[index - 1]?.at.meanSquareW2 ?? -Infinity;
    const right = usable[index + 1]?.at.meanSquareW2 ?? -Infinity;
    const isValley = each.at.meanSquareW2 < left && each.at.meanSquareW2 < right;
    return isValley && Math.abs(each.offsetS - offsetS) > 4 * stepS;
  });
  const sameW2 = 1.1 * best.meanSquareW2 + 0.005 * best.meterVarianceW2;
  const rival = rivals.find((each) => each.at.meanSquareW2 < sameW2);
  if (rival) {
    return noEdge(
      `an offset of ${rival.offsetS.toFixed(1)} s fits as well as ${offsetS.toFixed(1)} s (a periodic load)`,
    );
  }
  return undefined;
}

/**
 * Standard uncertainty of the argument at a least-squares minimum: sqrt(2 s² / (n S'')) with S the mean square. The rows
 * are autocorrelated; a factor of five (24 s at 1 Hz on a recorded node) on the variance stands in for it.
 */
function curvatureUncertainty(
  cost: (argument: number) => number,
  argument: number,
  step: number,
  rowsCount: number,
): number {
  const least = cost(argument);
  let near = step;
  let sides = cost(argument - near) + cost(argument + near);
  for (let halving = 0; halving < 5 && !Number.isFinite(sides); halving++) {
    near /= 2;
    sides = cost(argument - near) + cost(argument + near);
  }
  const bend = (sides - 2 * least) / (near * near);
  if (!(bend > 0) || !Number.isFinite(bend)) return Infinity;
  return Math.sqrt((2 * 5 * least) / (rowsCount * bend));
}
