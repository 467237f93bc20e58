// Power over time, kept only to give an energy curve its shape between two anchors; never a source of energy itself.
import type { InstantNs } from '../quantity/time.ts';
import type { Watts } from '../quantity/units.ts';

/** Beyond this a double no longer holds every nanosecond: 26 days, a quarter of what it could. */
const REBASE_NS = 2 ** 51;

/**
 * Samples of one gauge in time order, and their integral by trapezia. Times are whole nanoseconds in doubles, and seconds are
 * made of differences only: so an integral is the same, to the last bit, whenever the samples began to be kept.
 */
export class PowerShape {
  private base: bigint | undefined;
  /** Nanoseconds since `base`. */
  private sampledNs: number[] = [];
  private powerW: number[] = [];

  /** A sample that is not later than the last one is passed over. */
  observe(atNs: InstantNs, powerW: Watts): void {
    this.base ??= atNs;
    const sampledNs = Number(atNs - this.base);
    const last = this.sampledNs.at(-1);
    if (last !== undefined && sampledNs <= last) return;
    this.sampledNs.push(sampledNs);
    // A shape needs to be non-negative; a meter's −2 W at idle is none.
    this.powerW.push(Math.max(0, powerW));
  }

  /**
   * Integral over [fromNs, untilNs], J; the first and last sample inside are held to the ends. Undefined where samples
   * are farther apart, or from an end, than `holeS`: then power tells nothing about the shape.
   */
  integralJ(fromNs: InstantNs, untilNs: InstantNs, holeS: number): number | undefined {
    if (this.base === undefined) return undefined;
    const from = Number(fromNs - this.base);
    const until = Number(untilNs - this.base);
    let index = this.firstAfter(from);
    let before = from;
    let beforeW = this.valueAt(from, holeS);
    if (beforeW === undefined) return undefined;
    let sumJ = 0;
    for (; index < this.sampledNs.length; index += 1) {
      const at = this.sampledNs[index] ?? until;
      const powerW = this.powerW[index] ?? 0;
      if (at >= until) break;
      const lengthS = (at - before) / 1e9;
      if (lengthS > holeS) return undefined;
      sumJ += ((beforeW + powerW) / 2) * lengthS;
      before = at;
      beforeW = powerW;
    }
    const endW = this.valueAt(until, holeS);
    const lengthS = (until - before) / 1e9;
    if (endW === undefined || lengthS > holeS) return undefined;
    return sumJ + ((beforeW + endW) / 2) * lengthS;
  }

  /** Highest sample in the span, W; undefined where there is none. */
  highestW(fromNs: InstantNs, untilNs: InstantNs): number | undefined {
    if (this.base === undefined) return undefined;
    const until = Number(untilNs - this.base);
    let highest: number | undefined;
    let index = this.firstAfter(Number(fromNs - this.base));
    for (; index < this.sampledNs.length; index += 1) {
      if ((this.sampledNs[index] ?? Infinity) > until) break;
      highest = Math.max(highest ?? 0, this.powerW[index] ?? 0);
    }
    return highest;
  }

  newest(): { atNs: bigint; powerW: number } | undefined {
    const sampledNs = this.sampledNs.at(-1);
    const powerW = this.powerW.at(-1);
    if (this.base === undefined || sampledNs === undefined || powerW === undefined)
      return undefined;
    return { atNs: this.base + BigInt(sampledNs), powerW };
  }

  prune(beforeNs: InstantNs): void {
    if (this.base === undefined) return;
    const keepFrom = this.firstAfter(Number(beforeNs - this.base)) - 1;
    if (keepFrom <= 0) return;
    this.sampledNs.splice(0, keepFrom);
    this.powerW.splice(0, keepFrom);
    const first = this.sampledNs[0];
    if (first === undefined || first < REBASE_NS) return;
    this.base += BigInt(first);
    this.sampledNs = this.sampledNs.map((each) => each - first);
  }

  /** Linear between neighbours; the nearest one alone where the other is missing; undefined beyond a hole. */
  private valueAt(at: number, holeS: number): number | undefined {
    const index = this.firstAfter(at);
    const earlier = this.sampledNs[index - 1];
    const later = this.sampledNs[index];
    const earlierW = this.powerW[index - 1];
    const laterW = this.powerW[index];
    const hasEarlier = earlier !== undefined && (at - earlier) / 1e9 <= holeS;
    const hasLater = later !== undefined && (later - at) / 1e9 <= holeS;
    if (hasEarlier && hasLater && earlierW !== undefined && laterW !== undefined) {
      return earlierW + (laterW - earlierW) * ((at - earlier) / (later - earlier));
    }
    if (hasEarlier) return earlierW;
    return hasLater ? laterW : undefined;
  }

  /** Index of the first sample later than the instant. */
  private firstAfter(at: number): number {
    let low = 0;
    let high = this.sampledNs.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.sampledNs[mid] ?? Infinity) <= at) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}
