// How late requests went out: the last 1024, as a ring that is made once, so that a wire costs 4 kB for it for good. A
// float of 32 bits tells milliseconds to a ten-millionth.
const KEPT_COUNT = 1024;

export class Lateness {
  readonly #ringMs = new Float32Array(KEPT_COUNT);
  #seenCount = 0;

  add(lateMs: number): void {
    this.#ringMs[this.#seenCount % KEPT_COUNT] = lateMs;
    this.#seenCount++;
  }

  /** The last ones, in no order. */
  recentMs(): Float32Array {
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
