// A recording of chips turned into rows of wall energy: the windows are on the wall's clock, the chips are read where
// their own clock stands then, and what they do not cover is left out of the row's duration rather than filled.
import {
  firstS,
  lastS,
  meansOver,
  movedEdges,
  secondsBetween,
  type EnergySeries,
  type WindowMeans,
} from '../align/energy-series.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { applyModel, type Anchor, type CorrectedEnergy } from './apply-model.ts';
import type { Condition } from './condition.ts';
import { chipTotalOf } from './evidence-rows.ts';
import { shapedSeries, shapeOf } from './shape.ts';

export interface CorrectedRow {
  readonly startNs: InstantNs;
  /** Seconds that the chips cover, up to the whole window. */
  readonly durationS: number;
  readonly quality: 'derived' | 'partial' | 'refused';
  readonly corrected: CorrectedEnergy | Refusal;
}

/** Windows on the wall's clock, seconds after an origin; starts and ends ascend. */
export interface WallWindows {
  readonly originNs: InstantNs;
  readonly fromS: Float64Array;
  readonly untilS: Float64Array;
}

/** Less than this share of a window uncovered is rounding of stamps, not a hole. */
const WHOLE_RATIO = 0.9995;
const COVERED_S_MIN = 1e-3;

/** First chip stamp of a recording: where the offset of a model holds and its rate counts from. */
function startNsOf(chips: ReadonlyMap<string, EnergySeries>): InstantNs | undefined {
  let first: bigint | undefined;
  for (const series of chips.values()) {
    if (series.atS.length === 0) continue;
    const atNs = series.originNs + BigInt(Math.round(firstS(series) * 1e9));
    if (first === undefined || atNs < first) first = atNs;
  }
  return first === undefined ? undefined : instantNs(first);
}

/** How windows of the wall move onto the clock of a chip series. */
function moveOnto(
  model: CorrectionModel,
  series: EnergySeries,
  windows: WallWindows,
  startNs: InstantNs,
): { shiftS: number; rateRatio: number; pivotS: number } {
  const offsetS = Number(model.offsetNs) / 1e9;
  return {
    shiftS: secondsBetween(series.originNs, windows.originNs) + offsetS,
    rateRatio: model.detail?.rateRatio ?? 0,
    pivotS: secondsBetween(windows.originNs, startNs) - offsetS,
  };
}

export interface Covered {
  /** Mean chip power by source over the covered part of each window. */
  readonly meanW: ReadonlyMap<string, Float64Array>;
  /** Mean of each shape of the model, in their order. */
  readonly shapeW: readonly Float64Array[];
  /** Mean effect of each condition of the model, in their order; undefined where nobody read it. */
  readonly effects: readonly ((row: number) => number | undefined)[];
  /** How far apart chip power is at the two ends of each window, W. */
  readonly edgeStepW: Float64Array;
  readonly coveredRatio: Float64Array;
}

export function coveredBy(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  windows: WallWindows,
  conditions?: ReadonlyMap<string, Condition>,
): Covered | Refusal {
  const startNs = startNsOf(chips);
  const names = new Set(model.terms.flatMap((term) => [...term.sources, ...(term.less ?? [])]));
  const meanW = new Map<string, Float64Array>();
  const coveredRatio = new Float64Array(windows.fromS.length).fill(1);
  const meansOnChips = (series: EnergySeries, beginNs: InstantNs): WindowMeans => {
    const move = moveOnto(model, series, windows, beginNs);
    return meansOver(series, movedEdges(windows.fromS, move), movedEdges(windows.untilS, move));
  };
  for (const name of names) {
    const series = chips.get(name);
    if (!series || startNs === undefined) {
      return refuse(
        'align.overlap',
        `the chips lack the source ${name}, which the model of ${model.node} needs`,
        'record every source that the model was fitted on',
      );
    }
    const means = meansOnChips(series, startNs);
    meanW.set(name, means.meanW);
    for (let row = 0; row < coveredRatio.length; row++) {
      coveredRatio[row] = Math.min(coveredRatio[row] ?? 0, means.coveredRatio[row] ?? 0);
    }
  }
  const total = chipTotalOf(chips, model.terms);
  if (isRefusal(total) || startNs === undefined) {
    return isRefusal(total)
      ? total
      : { meanW, shapeW: [], effects: [], edgeStepW: coveredRatio, coveredRatio };
  }
  const shapeW = (model.detail?.shapes ?? []).map(
    (shape) => meansOnChips(shapedSeries(total, shapeOf(shape)), startNs).meanW,
  );
  const edgeStepW = edgeSteps(total, windows, moveOnto(model, total, windows, startNs), model);
  const effects = (model.detail?.conditions ?? []).map(({ source, kind }) => {
    const series = conditions?.get(`${source} ${kind}`)?.series;
    const means = series && meansOnChips(series, startNs);
    return (row: number): number | undefined =>
      means && (means.coveredRatio[row] ?? 0) >= 0.5 ? means.meanW[row] : undefined;
  });
  return { meanW, shapeW, effects, edgeStepW, coveredRatio };
}

/**
 * Chip power just around both ends of each window: how far the two are apart, and how much it moves at either of them, since
 * an edge of the load may lie on this side or on that.
 */
function edgeSteps(
  total: EnergySeries,
  windows: WallWindows,
  move: Parameters<typeof movedEdges>[1],
  model: CorrectionModel,
): Float64Array {
  const reachS = Math.max(1, 2 * (model.detail?.offsetUncertaintyS ?? 0));
  const around = (edgesS: Float64Array): readonly [Float64Array, Float64Array] => {
    const atS = movedEdges(edgesS, move);
    const before = meansOver(
      total,
      atS.map((each) => each - reachS),
      atS,
    );
    const after = meansOver(
      total,
      atS,
      atS.map((each) => each + reachS),
    );
    return [before.meanW, after.meanW];
  };
  const [startBefore, startAfter] = around(windows.fromS);
  const [endBefore, endAfter] = around(windows.untilS);
  return windows.fromS.map((_, row) => {
    const [sb, sa] = [startBefore[row] ?? 0, startAfter[row] ?? 0];
    const [eb, ea] = [endBefore[row] ?? 0, endAfter[row] ?? 0];
    return Math.hypot((eb + ea - sb - sa) / 2, (sa - sb) / 2, (ea - eb) / 2);
  });
}

/** Rows for windows; a window that chips do not cover at all has no row. Refuses where a source is missing. */
export function correctedRows(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  windows: WallWindows,
  anchor?: Anchor,
  conditions?: ReadonlyMap<string, Condition>,
): readonly CorrectedRow[] | Refusal {
  const covered = coveredBy(model, chips, windows, conditions);
  if (isRefusal(covered)) return covered;
  const rows: CorrectedRow[] = [];
  for (let row = 0; row < windows.fromS.length; row++) {
    const fromS = windows.fromS[row] ?? 0;
    const lengthS = (windows.untilS[row] ?? 0) - fromS;
    const ratio = covered.coveredRatio[row] ?? 0;
    const whole = ratio >= WHOLE_RATIO;
    const durationS = whole ? lengthS : ratio * lengthS;
    if (durationS < COVERED_S_MIN) continue;
    const energies = new Map<string, number>();
    for (const [name, meanW] of covered.meanW) energies.set(name, (meanW[row] ?? 0) * durationS);
    const atNs = windows.originNs + BigInt(Math.round((fromS + lengthS / 2) * 1e9));
    const corrected = applyModel(model, energies, durationS, {
      anchor,
      ageS: anchor ? 0 : ageS(model, instantNs(atNs)),
      shapeJ: covered.shapeW.map((meanW) => (meanW[row] ?? 0) * durationS),
      effectRatio: covered.effects.map((of) => of(row)),
      edgeStepW: covered.edgeStepW[row],
    });
    rows.push({
      startNs: instantNs(windows.originNs + BigInt(Math.round(fromS * 1e9))),
      durationS,
      quality: isRefusal(corrected) ? 'refused' : whole ? 'derived' : 'partial',
      corrected,
    });
  }
  return rows;
}

/** Seconds between an instant and the evidence of a model; 0 within it. */
export function ageS(model: CorrectionModel, atNs: InstantNs): number {
  const { fromNs, untilNs } = model.evidence;
  if (atNs < fromNs) return Number(fromNs - atNs) / 1e9;
  return atNs > untilNs ? Number(atNs - untilNs) / 1e9 : 0;
}

/** Where a recording lies on the wall's clock; undefined where it holds nothing. */
export function wallSpan(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
): { fromNs: InstantNs; untilNs: InstantNs } | undefined {
  const startNs = startNsOf(chips);
  if (startNs === undefined) return undefined;
  let endNs: bigint = startNs;
  for (const series of chips.values()) {
    const atNs = series.originNs + BigInt(Math.round(lastS(series) * 1e9));
    if (atNs > endNs) endNs = atNs;
  }
  const lengthS = secondsBetween(startNs, instantNs(endNs)) / (1 + (model.detail?.rateRatio ?? 0));
  const fromNs = instantNs(startNs - model.offsetNs);
  return { fromNs, untilNs: instantNs(fromNs + BigInt(Math.round(lengthS * 1e9))) };
}

/** The chips' own windows, moved onto the wall's clock: one row each. */
export function nativeWindows(model: CorrectionModel, series: EnergySeries): WallWindows {
  const offsetS = Number(model.offsetNs) / 1e9;
  const rateRatio = model.detail?.rateRatio ?? 0;
  const startS = firstS(series);
  const onWall = (atS: number): number => startS - offsetS + (atS - startS) / (1 + rateRatio);
  const from: number[] = [];
  const until: number[] = [];
  for (let knot = 1; knot < series.atS.length; knot++) {
    const coveredS = (series.coveredS[knot] ?? 0) - (series.coveredS[knot - 1] ?? 0);
    if (coveredS <= 0) continue;
    from.push(onWall(series.atS[knot - 1] ?? 0));
    until.push(onWall(series.atS[knot] ?? 0));
  }
  return {
    originNs: series.originNs,
    fromS: Float64Array.from(from),
    untilS: Float64Array.from(until),
  };
}
