// How a level moves while nobody looks, and how a movement too slow for any minute to show is noticed: by the mean of each
// metered day against the level that was last anchored.
import { BETWEEN_FALSE_S, decisionJ, TwoSidedSum, type Excursion } from './excursion.ts';
import { GATE_RATIO } from './watch-budget.ts';

/**
 * From one day to the next a node's level moves by 0.3 to 1 % of its power with nothing to see in the chips (fans, inlet
 * air). It is a random walk that turns back: inlet air and fans have bounds, and inside one regime recorded nodes kept to
 * about the gate for ten months.
 */
export const DAY_RATIO = 0.006;
const DAY_S = 86_400;

/**
 * Standard uncertainty, W, that the level of a node at `powerW` gains in `ageS` since it was last metered: an
 * Ornstein-Uhlenbeck process with DAY_RATIO per root of a day at first and GATE_RATIO in the end.
 */
export function levelDriftW(powerW: number, ageS: number): number {
  const mostW2 = (GATE_RATIO * powerW) ** 2;
  const perDay = (DAY_RATIO / GATE_RATIO) ** 2;
  return Math.sqrt(mostW2 * -Math.expm1((-perDay * Math.max(0, ageS)) / DAY_S));
}

/** Less metering than this says nothing about a day. */
const DAY_COVERED_S_MIN = 60;

/** What a day's mean is judged by. */
export interface DayRule {
  readonly powerW: number;
  /** Variance of one day's mean, W², for the seconds that were metered of it. */
  readonly dayW2: (coveredS: number) => number;
}

export class DayDrift {
  readonly #sum = new TwoSidedSum();
  #homeW = 0;
  #day: { readonly index: number; energyJ: number; coveredS: number } | undefined;

  /** The level that days are held against, as it was anchored. */
  get homeW(): number {
    return this.#homeW;
  }

  /** A new anchor: what was summed before has been answered by it. */
  settle(homeW: number): void {
    this.#homeW = homeW;
    this.#sum.reset();
    this.#day = undefined;
  }

  /**
   * Adds a residual mean over a block. When the first block of another day comes the day before is judged: an excursion
   * of more than half the gate that lasted too long for chance comes back.
   */
  add(fromS: number, lengthS: number, residualW: number, rule: DayRule): Excursion | undefined {
    const index = Math.floor(fromS / DAY_S);
    let found: Excursion | undefined;
    if (this.#day && this.#day.index !== index) {
      found = this.#judge(this.#day, rule);
      this.#day = undefined;
    }
    this.#day ??= { index, energyJ: 0, coveredS: 0 };
    this.#day.energyJ += residualW * lengthS;
    this.#day.coveredS += lengthS;
    return found;
  }

  #judge(
    day: { readonly index: number; readonly energyJ: number; readonly coveredS: number },
    { powerW, dayW2 }: DayRule,
  ): Excursion | undefined {
    if (day.coveredS < DAY_COVERED_S_MIN) return undefined;
    const allowanceW = (GATE_RATIO / 2) * powerW;
    const decision = decisionJ(dayW2(day.coveredS) * DAY_S, allowanceW, BETWEEN_FALSE_S);
    return this.#sum.add(day.index * DAY_S, DAY_S, day.energyJ / day.coveredS - this.#homeW, {
      allowanceW,
      decisionJ: decision,
      mostJ: decision / 2,
    });
  }
}
