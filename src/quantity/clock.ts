// The clock is a dependency. Rooms are given these ports; only cli/system-clock.ts implements them with the real thing.
import type { InstantNs } from './time.ts';

export interface Clock {
  /**
   * Civil time, UTC. In a rehearsal it is affine: it runs `speedRatio` times as fast as real time. Use it for stamps
   * and schedules of meters. It may step when the host's clock is set.
   */
  nowNs(): InstantNs;
  /** Real nanoseconds from an arbitrary start; never steps, never scaled. Use it for waiting and measuring. */
  monotonicNs(): bigint;
  /** Civil seconds per real second: 1 but in a rehearsal. */
  readonly speedRatio: number;
}

export interface Timer {
  cancel(): void;
}

/** Real time, never scaled: socket deadlines and bus silence are real in a rehearsal too. */
export interface Timers {
  after(delayMs: number, run: () => void): Timer;
  every(periodMs: number, run: () => void): Timer;
  sleep(delayMs: number): Promise<void>;
}
