// What a residual may do without anything having happened: the level, application, fit and residual parts that the model
// itself states. The thresholds of the watch come from here, so a model that knows little is watched with patience.
import { varianceAt } from '../bounded-regression.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { coverageFactor } from '../../quantity/uncertainty.ts';

/** One block of metering beside the chips, against the model without any anchor. */
export interface WatchBlock {
  readonly fromS: number;
  readonly untilS: number;
  readonly meteredW: number;
  readonly predictedW: number;
  /** Chip power of each term of the model, in its order. */
  readonly termsW: readonly number[];
}

/**
 * A level that is off by more than this is a change by definition, whatever the scatter of levels in the evidence: it is
 * the gate for energy (NMBE 1 %). So the level part is what the model states, up to here.
 */
export const GATE_RATIO = 0.01;
/**
 * Gain of an application that the evidence had not: one board reads 5 % otherwise than the next and one load otherwise
 * than another (sensor gains over 17 GPU models: standard deviation 0.053; calibration/sensors.yaml).
 */
const APPLICATION_GAIN_RATIO = 0.05;
/** Student's factor of few observations over the 2 of many. */
const widening = (dof: number): number => coverageFactor(dof) / 2;

/** Beyond the fitted range supplies bend and fans rise with the cube: as in apply-model. */
const BEYOND_GAIN_RATIO = 0.15;
/** A chip reading this long on one load errs one way: an application lasts about ten minutes. */
const APPLICATION_S = 600;

export class WatchBudget {
  readonly #model: CorrectionModel;

  constructor(model: CorrectionModel) {
    this.#model = model;
  }

  /** Standard deviation of a level between runs and days that is no change, W. */
  levelW(powerW: number): number {
    const gateW = GATE_RATIO * powerW;
    return Math.min(gateW, this.firstLevelW(powerW));
  }

  /** Standard deviation of the level as the model states it, regimes and all: what a watch begins with, W. */
  firstLevelW(powerW: number): number {
    const { detail, life, systematicRatio, dof } = this.#model;
    if (life?.because === 'configuration-changed') return systematicRatio * powerW;
    const { anchor } = life ?? {};
    // A scatter that few days showed is known poorly: Student's factor over that of many.
    if (anchor) return anchor.fitLevelW * widening(anchor.fitLevelDof);
    return detail
      ? detail.levelW * widening(detail.levelDof)
      : systematicRatio * powerW * widening(dof);
  }

  /** A load in the middle of what the model was fitted on, spread over its terms as this one is. */
  middleLoad(termsW: readonly number[]): readonly number[] {
    const { fromW, untilW } = this.#model.holds;
    const chipW = termsW.reduce((sum, each) => sum + each, 0);
    return chipW > 0 ? termsW.map((each) => (each * (fromW + untilW)) / 2 / chipW) : termsW;
  }

  /** Standard uncertainty of the change of the prediction between two loads: applications, fit, reach, W. */
  loadW(termsW: readonly number[], referenceW: readonly number[]): number {
    const { terms, holds, detail } = this.#model;
    const moves = terms.map((_, term) => (termsW[term] ?? 0) - (referenceW[term] ?? 0));
    let sumW2 = (detail?.applicationW ?? 0) ** 2;
    terms.forEach((term, index) => {
      sumW2 += (APPLICATION_GAIN_RATIO * term.gainRatio * (moves[index] ?? 0)) ** 2;
    });
    sumW2 += this.#fitW2(moves);
    const chipW = termsW.reduce((sum, each) => sum + each, 0);
    const beyondW = Math.max(0, holds.fromW - chipW, chipW - holds.untilW);
    return Math.sqrt(sumW2 + (BEYOND_GAIN_RATIO * beyondW) ** 2);
  }

  /** What a level that is metered on one load may be off by on the others, W. */
  otherLoadsW(): number {
    const { detail, terms } = this.#model;
    if (detail && detail.applicationW > 0) return detail.applicationW;
    const gainRatio = terms.reduce((most, term) => Math.max(most, term.gainRatio), 0);
    return APPLICATION_GAIN_RATIO * gainRatio * (detail?.swingW ?? 0);
  }

  /** Variance of a mean of residuals times its length, W² s: neighbours err alike, so it is that of long means. */
  noiseW2S(): number {
    const { residualW, intervalS, detail } = this.#model;
    const longW2 = detail ? detail.inflationRatio * detail.noiseW ** 2 : 5 * residualW ** 2;
    return Math.max(1e-6, intervalS * Math.max(longW2, residualW ** 2));
  }

  /** As `noiseW2S`, with the errors of one application after another, that a long mean sees. */
  longNoiseW2S(loadW: number): number {
    return this.noiseW2S() + loadW ** 2 * APPLICATION_S;
  }

  /** Δ' C Δ over the gains; without a covariance the gains are taken to err together. */
  #fitW2(moves: readonly number[]): number {
    const { terms, detail } = this.#model;
    if (!detail) {
      const sumW = terms.reduce(
        (sum, term, index) => sum + term.gainUncertaintyRatio * Math.abs(moves[index] ?? 0),
        0,
      );
      return sumW ** 2;
    }
    const others = detail.shapes.length + detail.conditions.length;
    return varianceAt(detail.covariance, [0, ...moves, ...new Array<number>(others).fill(0)]);
  }
}
