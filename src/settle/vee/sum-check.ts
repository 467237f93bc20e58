// The primary check: intervals against the meter's own register. Adjoining intervals must telescope to the microjoule, and
// their sum must lie between the differences of register counts that were read just inside and just outside of the run.
import type { EdgeAnchors } from '../../quantity/statement.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { Finding } from './interval-checks.ts';

export interface RegisterInterval {
  readonly startNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly energyUj: bigint;
  /** Of one meter: a statement that has no pair of edges is no register interval. */
  readonly from: EdgeAnchors;
  readonly until: EdgeAnchors;
}

/** Follows one meter's intervals in the order of time; names the first that does not fit. */
export class SumCheck {
  #run: { first: RegisterInterval; last: RegisterInterval; sumUj: bigint } | undefined;
  #finding: Finding | undefined;

  /** An interval without a register ends the run. */
  add(next: RegisterInterval | undefined): void {
    if (next === undefined) {
      this.#close();
      return;
    }
    if (next.until.energyUj - next.from.energyUj !== next.energyUj) {
      this.#fail(next.startNs, 'its energy is not the difference of its edges');
    }
    const run = this.#run;
    const isNext = run?.last.untilNs === next.startNs && run.last.until.source === next.from.source;
    if (run && isNext && run.last.until.energyUj === next.from.energyUj) {
      run.sumUj += next.energyUj;
      run.last = next;
      return;
    }
    if (run && isNext && isSameBracket(run.last.until, next.from)) {
      this.#fail(next.startNs, 'it begins with another count than the interval before ended with');
    }
    this.#close();
    this.#run = { first: next, last: next, sumUj: next.energyUj };
  }

  /** Undefined where every run agrees with the register. */
  finish(): Finding | undefined {
    this.#close();
    return this.#finding;
  }

  #close(): void {
    if (!this.#run) return;
    const { first, last, sumUj } = this.#run;
    this.#run = undefined;
    const leastUj = last.until.before.energyUj - first.from.after.energyUj;
    const mostUj = last.until.after.energyUj - first.from.before.energyUj;
    if (sumUj >= leastUj && sumUj <= mostUj) return;
    const says = `intervals sum to ${String(sumUj)} µJ; the register moved by ${String(leastUj)} to ${String(mostUj)}`;
    this.#fail(first.startNs, says);
  }

  #fail(startNs: InstantNs, says: string): void {
    this.#finding ??= { check: 'sum', verdict: 'fail', startNs, says };
  }
}

/** Between the same two counts the curve has one value at an edge; after a break it counts from elsewhere. */
const isSameBracket = (one: EdgeAnchors, other: EdgeAnchors): boolean =>
  one.before.atNs === other.before.atNs && one.before.energyUj === other.before.energyUj;
