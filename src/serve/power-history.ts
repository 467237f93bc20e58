// The last ten minutes of each node, so that a page that opens now has a curve to show at once. Rings of fixed size: a
// service that runs for a year holds as much as one that runs for ten minutes.
import { NS_PER_MS } from '../quantity/time.ts';
import type { HistoryJson } from './api-schemas.ts';
import type { RackSnapshot } from './rack-view.ts';

/** Refreshes kept per node: ten minutes at one a second. */
export const HISTORY_REFRESHES_COUNT = 600;

interface Ring {
  readonly timeS: Float64Array;
  // NaN marks a hole inside these arrays only; it leaves them as null.
  readonly wallW: Float64Array;
  readonly chipW: Float64Array;
  readonly correctedW: Float64Array;
  readonly correctedU: Float64Array;
  count: number;
}

const emptyRing = (): Ring => ({
  timeS: new Float64Array(HISTORY_REFRESHES_COUNT),
  wallW: new Float64Array(HISTORY_REFRESHES_COUNT),
  chipW: new Float64Array(HISTORY_REFRESHES_COUNT),
  correctedW: new Float64Array(HISTORY_REFRESHES_COUNT),
  correctedU: new Float64Array(HISTORY_REFRESHES_COUNT),
  count: 0,
});

export class PowerHistory {
  readonly #rings = new Map<string, Ring>();
  #newestNs: bigint | undefined;

  /** Takes in one refresh; nodes that left the site are forgotten, a snapshot that is not newer is passed over. */
  add(snapshot: RackSnapshot): void {
    if (this.#newestNs !== undefined && snapshot.atNs <= this.#newestNs) {
      // The civil clock was set back: curves must run forward, so they start again.
      if (snapshot.atNs === this.#newestNs) return;
      this.#rings.clear();
    }
    this.#newestNs = snapshot.atNs;
    const timeS = Number(snapshot.atNs / NS_PER_MS) / 1000;
    const present = new Set<string>();
    for (const view of snapshot.nodes) {
      present.add(view.node);
      const ring = this.#rings.get(view.node) ?? emptyRing();
      this.#rings.set(view.node, ring);
      const slot = ring.count % HISTORY_REFRESHES_COUNT;
      ring.timeS[slot] = timeS;
      ring.wallW[slot] = view.wallW ?? NaN;
      ring.chipW[slot] = view.chipW ?? NaN;
      ring.correctedW[slot] = view.correctedW ?? NaN;
      ring.correctedU[slot] = view.correctedU ?? NaN;
      ring.count += 1;
    }
    for (const node of this.#rings.keys()) {
      if (!present.has(node)) this.#rings.delete(node);
    }
  }

  /** The curves of one node, oldest first; undefined where no such node was seen. */
  of(node: string): HistoryJson | undefined {
    const ring = this.#rings.get(node);
    if (ring === undefined) return undefined;
    const kept = Math.min(ring.count, HISTORY_REFRESHES_COUNT);
    const slots = Array.from(
      { length: kept },
      (_, index) => (ring.count - kept + index) % HISTORY_REFRESHES_COUNT,
    );
    const track = (readings: Float64Array): (number | null)[] =>
      slots.map((slot) => {
        const reading = readings[slot];
        return reading !== undefined && Number.isFinite(reading) ? reading : null;
      });
    return {
      node,
      time_s: slots.map((slot) => ring.timeS[slot] ?? 0),
      wall_w: track(ring.wallW),
      chip_w: track(ring.chipW),
      corrected_w: track(ring.correctedW),
      corrected_u_w: track(ring.correctedU),
    };
  }
}
