// The calibration of one node while the service runs: it gathers evidence, refits, and adopts a new model only where it
// really says something new, so that the ledger holds a history of models and not of noise.
import type { EnergyCurve } from '../align/energy-curve.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { fitNode } from './fit-node.ts';
import { NodeHistory } from './node-history.ts';

export interface CalibrationPlan {
  /** Distance of the common edges of meter and chips. */
  readonly stepNs: bigint;
  readonly keepCount: number;
  readonly seed: number;
  /** Relative standard uncertainty of the meters that feed the node, by their accuracy class. */
  readonly meterRatio: number;
}

export class NodeCalibration {
  readonly node: string;
  private readonly plan: CalibrationPlan;
  private readonly history: NodeHistory;
  private adopted: CorrectionModel | undefined;
  private waiting = 'readings of the meter and of the chips';

  constructor(node: string, plan: CalibrationPlan) {
    this.node = node;
    this.plan = plan;
    this.history = new NodeHistory(plan.stepNs, plan.keepCount);
  }

  model(): CorrectionModel | undefined {
    return this.adopted;
  }

  /** What a first model still waits for; empty when there is one. */
  waitingFor(): string {
    return this.adopted ? '' : this.waiting;
  }

  /** Says what the group waits for that the node shares its meters with. */
  waitFor(because: string): void {
    this.waiting = because;
  }

  /** Takes up a model that the ledger holds. */
  adopt(model: CorrectionModel): void {
    this.adopted = model;
  }

  extend(feeds: readonly EnergyCurve[], chips: ReadonlyMap<string, EnergyCurve>): void {
    this.history.extend(feeds, chips);
  }

  /** Fits what there is; the model where it is worth adopting, else undefined. */
  refit(nowNs: InstantNs): CorrectionModel | undefined {
    const evidence = this.history.evidence();
    if (!evidence) return undefined;
    const fitted = fitNode({
      node: this.node,
      ...evidence,
      fittedAtNs: nowNs,
      seed: this.plan.seed,
      meterRatio: this.plan.meterRatio,
    });
    if (isRefusal(fitted)) {
      this.waiting = `${fitted.because}; ${fitted.remedy}`;
      return undefined;
    }
    if (this.adopted && !saysSomethingNew(this.adopted, fitted)) return undefined;
    this.adopted = fitted;
    return fitted;
  }
}

/** A model is new by standing, by twice the evidence, or by predicting otherwise than its own band allows. */
function saysSomethingNew(old: CorrectionModel, next: CorrectionModel): boolean {
  if (old.standing === 'accepted' && next.standing === 'provisional') return false;
  if (old.standing !== next.standing) return true;
  if (next.evidence.intervalsCount >= 2 * old.evidence.intervalsCount) return true;
  const middleW = (next.holds.fromW + next.holds.untilW) / 2;
  const oldW = predictW(old, middleW);
  return Math.abs(predictW(next, middleW) - oldW) > old.systematicRatio * oldW;
}

/** Prediction at a chip power spread evenly over the terms: good enough to compare two models of one node. */
const predictW = (model: CorrectionModel, chipW: number): number =>
  model.interceptW +
  (chipW * model.terms.reduce((sum, term) => sum + term.gainRatio, 0)) /
    Math.max(1, model.terms.length);
