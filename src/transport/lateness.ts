// How late requests went out: the last 4096, as a ring, so that it costs nothing to keep.
const KEPT_COUNT = 4096;

export class Lateness {
  readonly #ringMs = new Float64Array(KEPT_COUNT);
  #seenCount = 0;

  add(lateMs: number): void {
    this.#ringMs[this.#seenCount % KEPT_COUNT] = lateMs;
    this.#seenCount++;
  }

  /** The last ones, in no order. */
  recentMs(): Float64Array {
    return this.#ringMs.slice(0, Math.min(this.#seenCount, KEPT_COUNT));
  }

  /** All three are 0 before the first. */
  quantilesMs(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const sorted = this.recentMs().sort();
    const at = (fraction: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? 0;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}
