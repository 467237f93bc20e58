// Power over time, kept only to give an energy curve its shape between two anchors; never a source of energy itself.
import type { InstantNs } from '../quantity/time.ts';
import type { Watts } from '../quantity/units.ts';

/** Samples of one gauge in time order, and their integral by trapezia. */
export class PowerShape {
  private base: bigint | undefined;
  private atS: number[] = [];
  private powerW: number[] = [];

  /** A sample that is not later than the last one is passed over. */
  observe(atNs: InstantNs, powerW: Watts): void {
    this.base ??= atNs;
    const atS = Number(atNs - this.base) / 1e9;
    const last = this.atS.at(-1);
    if (last !== undefined && atS <= last) return;
    this.atS.push(atS);
    // A shape needs to be non-negative; a meter's −2 W at idle is none.
    this.powerW.push(Math.max(0, powerW));
  }

  /**
   * Integral over [fromNs, untilNs], J; the first and last sample inside are held to the ends. Undefined where samples
   * are farther apart, or from an end, than `holeS`: then power tells nothing about the shape.
   */
  integralJ(fromNs: InstantNs, untilNs: InstantNs, holeS: number): number | undefined {
    if (this.base === undefined) return undefined;
    const fromS = Number(fromNs - this.base) / 1e9;
    const untilS = Number(untilNs - this.base) / 1e9;
    let index = this.firstAfter(fromS);
    let beforeS = fromS;
    let beforeW = this.valueAt(fromS, holeS);
    if (beforeW === undefined) return undefined;
    let sumJ = 0;
    for (; index < this.atS.length; index += 1) {
      const atS = this.atS[index] ?? untilS;
      const powerW = this.powerW[index] ?? 0;
      if (atS >= untilS) break;
      if (atS - beforeS > holeS) return undefined;
      sumJ += ((beforeW + powerW) / 2) * (atS - beforeS);
      beforeS = atS;
      beforeW = powerW;
    }
    const endW = this.valueAt(untilS, holeS);
    if (endW === undefined || untilS - beforeS > holeS) return undefined;
    return sumJ + ((beforeW + endW) / 2) * (untilS - beforeS);
  }

  /** Highest sample in the span, W; undefined where there is none. */
  highestW(fromNs: InstantNs, untilNs: InstantNs): number | undefined {
    if (this.base === undefined) return undefined;
    const untilS = Number(untilNs - this.base) / 1e9;
    let highest: number | undefined;
    for (let i = this.firstAfter(Number(fromNs - this.base) / 1e9); i < this.atS.length; i += 1) {
      if ((this.atS[i] ?? Infinity) > untilS) break;
      highest = Math.max(highest ?? 0, this.powerW[i] ?? 0);
    }
    return highest;
  }

  newest(): { atNs: bigint; powerW: number } | undefined {
    const atS = this.atS.at(-1);
    const powerW = this.powerW.at(-1);
    if (this.base === undefined || atS === undefined || powerW === undefined) return undefined;
    return { atNs: this.base + BigInt(Math.round(atS * 1e9)), powerW };
  }

  prune(beforeNs: InstantNs): void {
    if (this.base === undefined) return;
    const keepFrom = this.firstAfter(Number(beforeNs - this.base) / 1e9) - 1;
    if (keepFrom <= 0) return;
    this.atS.splice(0, keepFrom);
    this.powerW.splice(0, keepFrom);
  }

  /** Linear between neighbours; the nearest one alone where the other is missing; undefined beyond a hole. */
  private valueAt(atS: number, holeS: number): number | undefined {
    const index = this.firstAfter(atS);
    const earlierS = this.atS[index - 1];
    const laterS = this.atS[index];
    const earlierW = this.powerW[index - 1];
    const laterW = this.powerW[index];
    const hasEarlier = earlierS !== undefined && atS - earlierS <= holeS;
    const hasLater = laterS !== undefined && laterS - atS <= holeS;
    if (hasEarlier && hasLater && earlierW !== undefined && laterW !== undefined) {
      const share = laterS === earlierS ? 0 : (atS - earlierS) / (laterS - earlierS);
      return earlierW + (laterW - earlierW) * share;
    }
    if (hasEarlier) return earlierW;
    return hasLater ? laterW : undefined;
  }

  /** Index of the first sample later than `atS`. */
  private firstAfter(atS: number): number {
    let low = 0;
    let high = this.atS.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.atS[mid] ?? Infinity) <= atS) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}
