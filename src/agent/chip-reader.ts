// The contract of a chip reader. `open` looks once for what is there and says what cannot be read, with what would allow
// it; nothing that is missing is an error, since a node may have any of it. `read` appends what the counters say now. It
// waits for nothing but a peer that it asks, a few seconds at most, never throws for a device that fails, and leaves out what
// it could not read: a hole is honest, an old value is not. A device that failed is tried again at the next read. `close` may
// be called twice.

/** A counter of the node message: a whole number in its unit, never a power times a time. */
export interface ChipCounter {
  readonly source: string;
  readonly unit: 'uJ' | 'mJ';
  readonly count: bigint;
  /** Largest count before it starts anew, where the kernel says it. */
  readonly maxCount: bigint | undefined;
}

export interface ChipGauge {
  readonly source: string;
  readonly powerW: number;
}

export interface ChipReadings {
  readonly counters: ChipCounter[];
  readonly gauges: ChipGauge[];
  /** Names of what, when it changes, makes counters begin anew although this node did not: another node's boot. */
  readonly epochs: string[];
}

export const noReadings = (): ChipReadings => ({ counters: [], gauges: [], epochs: [] });

/** What cannot be read, and how to allow it. */
export interface Obstacle {
  readonly what: string;
  readonly remedy: string;
}

export interface ChipReader {
  /** Names of what it reads, for people. */
  readonly sources: readonly string[];
  readonly obstacles: readonly Obstacle[];
  read(into: ChipReadings): void | Promise<void>;
  close(): void;
}

/** Says something once per text, so that a device that stays dead does not fill a log. */
export type Say = (line: string) => void;
