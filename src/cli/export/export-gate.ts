// Whether the intervals of a period are complete enough to be handed out: the same 99 % that a settlement asks for. A hole in
// what a point has counts, and so does what is still provisional.
import type { StoredStatement } from '../../ledger/ledger.ts';
import { type Refusal, refuse } from '../../quantity/fault.ts';
import type { Quality } from '../../quantity/quality.ts';
import type { Interval } from '../../quantity/time.ts';

const COMPLETE_PERCENT = 99;
const OPEN: readonly Quality[] = ['provisional', 'missing', 'refused', 'partial'];

interface Row {
  finalCount: number;
  /** The first start, and the end of the last. */
  fromNs: bigint;
  untilNs: bigint;
  durationNs: bigint;
}

export class ExportGate {
  readonly #period: Interval;
  readonly #isOpenEnded: boolean;
  readonly #rows = new Map<string, Row>();

  /** `isOpenEnded`: no end was asked for, so each point ends with its last interval. */
  constructor(period: Interval, isOpenEnded: boolean) {
    this.#period = period;
    this.#isOpenEnded = isOpenEnded;
  }

  add({ statement }: StoredStatement): void {
    const { point, kind, startNs, durationNs, quality } = statement;
    const key = `${point} (${kind})`;
    const untilNs = startNs + durationNs;
    const row = this.#rows.get(key) ?? { finalCount: 0, fromNs: startNs, untilNs, durationNs };
    this.#rows.set(key, row);
    if (untilNs > row.untilNs) row.untilNs = untilNs;
    if (!OPEN.includes(quality)) row.finalCount += 1;
  }

  /** The point that lacks most, or undefined where all are complete. */
  refusal(): Refusal | undefined {
    let worst: { key: string; finalCount: number; expectedCount: number } | undefined;
    for (const [key, row] of this.#rows) {
      const untilNs = this.#isOpenEnded ? row.untilNs : this.#period.untilNs;
      const expectedCount = Number((untilNs - row.fromNs) / row.durationNs);
      const { finalCount } = row;
      if (finalCount * 100 >= COMPLETE_PERCENT * expectedCount) continue;
      const isWorse =
        worst === undefined || finalCount * worst.expectedCount < worst.finalCount * expectedCount;
      if (isWorse) worst = { key, finalCount, expectedCount };
    }
    if (worst === undefined) return undefined;
    const { key, finalCount, expectedCount } = worst;
    return refuse(
      'settle.incomplete',
      `${key} has ${String(finalCount)} of ${String(expectedCount)} final intervals, less than ${String(COMPLETE_PERCENT)} %`,
      'wait for late readings, or say --provisional',
    );
  }
}
