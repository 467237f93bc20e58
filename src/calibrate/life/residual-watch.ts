// The live watch over one model: metered minus predicted power, block by block, in a few numbers of memory. It reports a
// level that stepped within a minute, a level that crept over weeks, and knows a level again that it has seen before.
import { coverageFactor } from '../../quantity/uncertainty.ts';
import { BETWEEN_FALSE_S, decisionJ, TwoSidedSum, type Excursion } from './excursion.ts';
import { DAY_RATIO, DayDrift, levelDriftW } from './level-drift.ts';
import { RegimeBook, type Regime } from './regime-book.ts';
import { GATE_RATIO, type WatchBlock, type WatchBudget } from './watch-budget.ts';

/** The level left what the model says it may do, at once or over weeks. */
export interface LevelChange {
  readonly kind: 'step' | 'drift';
  /** Begin of the excursion, and the end of the block in which it was decided; seconds since 1970. */
  readonly changedS: number;
  readonly noticedS: number;
  /** Metered time from the change to its notice. */
  readonly meteredS: number;
  /** W above the model as it was fitted. */
  readonly fromLevelW: number;
  readonly toLevelW: number;
  /** Expanded uncertainty of their difference (95.45 %). */
  readonly expandedW: number;
  /** Number of the regime where this level is one that was seen before. */
  readonly regime: number | undefined;
}

/** The level after a step, or at the begin, is known well enough to correct by. */
export interface LevelAnchored {
  readonly kind: 'anchored';
  readonly fromS: number;
  readonly noticedS: number;
  readonly meteredS: number;
  readonly levelW: number;
  readonly expandedW: number;
  readonly regime: number | undefined;
}

export type WatchEvent = LevelChange | LevelAnchored;

/** The level as the watch knows it. */
export interface WatchedLevel {
  /** W above the model as it was fitted, and its standard uncertainty. */
  readonly levelW: number;
  readonly uncertaintyW: number;
  /** End of the last block that was metered, seconds since 1970; -Infinity before the first. */
  readonly checkedS: number;
  readonly anchored: boolean;
}

/** Allowance in standard deviations: 6 in 100 000 of a normal error lie outside of it. */
const SIGMA_COUNT = 4;
/** Timing of clocks and load edges spoils single blocks: a step lasts at least this long. */
const STEP_S_MIN = 20;
/** A level counts as known when a minute of it has been metered. */
const ANCHOR_S = 60;
/** Within one run a level keeps to this of where half a minute of metering put it (as spot-anchor has it). */
const RUN_RATIO = 0.001;

export class ResidualWatch {
  #budget: WatchBudget;
  readonly #fresh: boolean;
  readonly #fast = new TwoSidedSum();
  readonly #days = new DayDrift();
  readonly #regimes = new RegimeBook();
  #regime: Regime | undefined;
  #levelW = 0;
  #varianceW2 = 0;
  /** Chip power of each term at which the level was learned. */
  #reference: readonly number[] | undefined;
  #anchoredS = 0;
  #sinceS = 0;
  #checkedS = -Infinity;
  /** While the first minute is not full and the level may be any that the evidence had: their scatter. */
  #startsW: number | undefined;

  /** `fresh`: the evidence of the model reaches to now and is of one regime, so its level is the one there is. */
  constructor(budget: WatchBudget, fresh = false) {
    this.#budget = budget;
    this.#fresh = fresh;
  }

  level(): WatchedLevel {
    return {
      levelW: this.#levelW,
      uncertaintyW: Math.sqrt(this.#varianceW2),
      checkedS: this.#checkedS,
      anchored: this.#anchoredS >= ANCHOR_S,
    };
  }

  /** Whether something is under way that a fit should not take up yet: an excursion, or a level that is being anchored. */
  unsettled(): boolean {
    return this.#anchoredS < ANCHOR_S || this.#fast.underWay();
  }

  /** The model was moved to the level of the watch: the same watch, told against it. */
  rebase(budget: WatchBudget): void {
    this.#budget = budget;
    this.#regimes.shift(-this.#levelW);
    this.#levelW = 0;
    this.#days.settle(0);
  }

  /** A watch over another fit of the same node, which predicts `higherW` more at the present load; it knows the regimes. */
  successor(budget: WatchBudget, higherW: number): ResidualWatch {
    const next = new ResidualWatch(budget, true);
    next.#regimes.takeOver(this.#regimes, -higherW);
    next.#checkedS = this.#checkedS;
    return next;
  }

  /** Takes the next block. Blocks come in order of time; one that lies before the last, or is no number, is passed over. */
  take(block: WatchBlock): readonly WatchEvent[] {
    const lengthS = block.untilS - block.fromS;
    const rawW = block.meteredW - block.predictedW;
    if (!(lengthS > 0) || block.fromS < this.#checkedS - 1e-6) return [];
    if (!Number.isFinite(rawW) || !block.termsW.every(Number.isFinite)) return [];
    const powerW = Math.max(Math.abs(block.meteredW), 1);
    const reference = this.#reference ?? this.#begin(block, powerW);
    if (this.#checkedS > -Infinity) this.#age(block.fromS - this.#checkedS, powerW);
    this.#checkedS = block.untilS;
    const loadW = this.#budget.loadW(block.termsW, reference);
    const events: WatchEvent[] = [];
    const excursion = this.#look(block, rawW, powerW, loadW);
    if (excursion) this.#step(excursion, block, powerW, loadW, events);
    // What may be a step teaches nothing until it is known to be none.
    else if (!this.#fast.underWay()) this.#learn(block, rawW, powerW, loadW, events);
    const drift = this.#days.add(block.fromS, lengthS, rawW, {
      powerW,
      dayW2: (coveredS) =>
        this.#budget.levelW(powerW) ** 2 +
        (DAY_RATIO * powerW) ** 2 +
        this.#budget.longNoiseW2S(loadW) / coveredS,
    });
    if (drift && !excursion) events.push(this.#crept(drift, block.untilS, loadW));
    return events;
  }

  /**
   * A model of one regime says where the level is, so it is watched from the first block on. One whose evidence had levels
   * that differ by more than the gate does not: the first minute says which of them it is, if it is one of them.
   */
  #begin(block: WatchBlock, powerW: number): readonly number[] {
    this.#sinceS = block.fromS;
    this.#reference = this.#budget.middleLoad(block.termsW);
    const firstW = this.#budget.firstLevelW(powerW);
    this.#varianceW2 = firstW ** 2;
    if (this.#fresh || firstW <= GATE_RATIO * powerW) {
      this.#anchoredS = ANCHOR_S;
      this.#varianceW2 = Math.min(firstW, GATE_RATIO * powerW) ** 2;
    } else this.#startsW = firstW;
    return this.#reference;
  }

  /** A level that was not looked at may have moved. */
  #age(gapS: number, powerW: number): void {
    this.#varianceW2 += levelDriftW(powerW, gapS) ** 2;
  }

  #look(block: WatchBlock, rawW: number, powerW: number, loadW: number): Excursion | undefined {
    const lengthS = block.untilS - block.fromS;
    const allowanceW = this.#allowanceW(powerW, loadW);
    const decision = Math.max(
      decisionJ(this.#budget.noiseW2S(), allowanceW, BETWEEN_FALSE_S),
      allowanceW * STEP_S_MIN,
    );
    const levelW = this.#startsW === undefined ? this.#levelW : 0;
    return this.#fast.add(block.fromS, lengthS, rawW - levelW, {
      allowanceW,
      // Four full blocks are enough; rounding of their lengths must not ask for a fifth.
      decisionJ: decision * (1 - 1e-9),
      // One block alone proves nothing, however wild.
      mostJ: Math.min(allowanceW * lengthS, decision / 2),
    });
  }

  /** What a residual may be off by for long without a step. A level within the gate is no step but a drift. */
  #allowanceW(powerW: number, loadW: number): number {
    const gateW = GATE_RATIO * powerW;
    const knownW = Math.hypot(this.#budget.levelW(powerW), Math.sqrt(this.#varianceW2));
    const levelW = this.#startsW ?? Math.min(gateW, knownW);
    return Math.max(gateW, SIGMA_COUNT * Math.hypot(levelW, loadW));
  }

  #step(
    excursion: Excursion,
    block: WatchBlock,
    powerW: number,
    loadW: number,
    events: WatchEvent[],
  ): void {
    const { coveredS } = excursion;
    const fromLevelW = this.#startsW === undefined ? this.#levelW : 0;
    const beforeW2 = this.#varianceW2 + loadW ** 2;
    if (this.#startsW === undefined && !this.#regime) {
      this.#regimes.remember(fromLevelW, this.#varianceW2, excursion.sinceS);
    }
    const toLevelW = fromLevelW + excursion.meanW;
    const measuredW2 = this.#measuredW2(coveredS, powerW);
    const known = this.#recognise(toLevelW, measuredW2, powerW);
    events.push({
      kind: 'step',
      changedS: excursion.sinceS,
      noticedS: block.untilS,
      meteredS: coveredS,
      fromLevelW,
      toLevelW,
      expandedW: coverageFactor(Infinity) * Math.sqrt(beforeW2 + measuredW2),
      regime: known?.number,
    });
    this.#startsW = undefined;
    this.#levelW = toLevelW;
    this.#varianceW2 = measuredW2;
    this.#reference = block.termsW;
    this.#anchoredS = coveredS;
    this.#sinceS = excursion.sinceS;
    this.#regime = known;
    this.#fast.reset();
    if (known) {
      // What was known of this regime counts as far as days let it: it need not be metered for a whole minute again.
      const knownW2 = known.varianceW2 + this.#budget.levelW(powerW) ** 2;
      this.#levelW += (measuredW2 / (measuredW2 + knownW2)) * (known.levelW - toLevelW);
      this.#varianceW2 = (measuredW2 * knownW2) / (measuredW2 + knownW2);
      this.#anchoredS = Math.max(ANCHOR_S, coveredS);
      events.push(this.#anchored(block.untilS, coveredS));
    }
    this.#days.settle(this.#levelW);
  }

  #learn(
    block: WatchBlock,
    rawW: number,
    powerW: number,
    loadW: number,
    events: WatchEvent[],
  ): void {
    const lengthS = block.untilS - block.fromS;
    if (this.#anchoredS >= ANCHOR_S) {
      this.#track(block, rawW, powerW, loadW);
      return;
    }
    this.#anchoredS += lengthS;
    this.#move(block, lengthS / this.#anchoredS, rawW - this.#levelW);
    if (this.#startsW === undefined || this.#anchoredS >= ANCHOR_S) {
      this.#varianceW2 = this.#measuredW2(this.#anchoredS, powerW);
    }
    this.#days.settle(this.#levelW);
    if (this.#anchoredS < ANCHOR_S) return;
    if (this.#startsW !== undefined) {
      // Where the levels of the evidence differ less than its loads do, a minute of one load does not undo them.
      this.#levelW *= this.#startsW ** 2 / (this.#startsW ** 2 + this.#varianceW2);
      this.#startsW = undefined;
    }
    this.#fast.reset();
    this.#regime ??= this.#recognise(this.#levelW, this.#varianceW2, powerW);
    events.push(this.#anchored(block.untilS, this.#anchoredS));
  }

  /** Follows the level within a regime: a scalar Kalman filter, slow where applications err. */
  #track(block: WatchBlock, rawW: number, powerW: number, loadW: number): void {
    const lengthS = block.untilS - block.fromS;
    const noiseW2 = this.#budget.longNoiseW2S(loadW) / lengthS;
    this.#varianceW2 += levelDriftW(powerW, lengthS) ** 2;
    const gainRatio = this.#varianceW2 / (this.#varianceW2 + noiseW2);
    this.#varianceW2 *= 1 - gainRatio;
    this.#move(block, gainRatio, rawW - this.#levelW);
    if (!this.#regime) return;
    this.#regime.levelW = this.#levelW;
    this.#regime.varianceW2 = this.#varianceW2;
    this.#regime.seenS = block.untilS;
  }

  #move(block: WatchBlock, gainRatio: number, offW: number): void {
    this.#levelW += gainRatio * offW;
    this.#reference = this.#reference?.map(
      (eachW, term) => eachW + gainRatio * ((block.termsW[term] ?? 0) - eachW),
    );
  }

  #anchored(noticedS: number, meteredS: number): LevelAnchored {
    return {
      kind: 'anchored',
      fromS: this.#sinceS,
      noticedS,
      meteredS,
      levelW: this.#levelW,
      expandedW: coverageFactor(Infinity) * Math.sqrt(this.#varianceW2),
      regime: this.#regime?.number,
    };
  }

  #crept(found: Excursion, noticedS: number, loadW: number): LevelChange {
    const fromLevelW = this.#days.homeW;
    this.#days.settle(this.#levelW);
    return {
      kind: 'drift',
      changedS: found.sinceS,
      noticedS,
      meteredS: found.coveredS,
      fromLevelW,
      toLevelW: this.#levelW,
      expandedW: coverageFactor(Infinity) * Math.sqrt(this.#varianceW2 + loadW ** 2),
      regime: undefined,
    };
  }

  #measuredW2(coveredS: number, powerW: number): number {
    const runW2 = (RUN_RATIO * powerW) ** 2 + this.#budget.otherLoadsW() ** 2;
    return this.#budget.noiseW2S() / Math.max(coveredS, 1) + runW2;
  }

  #recognise(levelW: number, varianceW2: number, powerW: number): Regime | undefined {
    const spreadW2 = varianceW2 + this.#budget.levelW(powerW) ** 2;
    return this.#regimes.recognise(levelW, spreadW2, SIGMA_COUNT);
  }
}
