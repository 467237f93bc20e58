// The one file that knows real clocks and timers; everybody else is given them (quantity/clock.ts).
import type { Clock, Timer, Timers } from '../quantity/clock.ts';
import type { RehearsalClock } from '../quantity/site.ts';
import type { DurationNs } from '../quantity/time.ts';
import { durationNs, instantNs } from '../quantity/time.ts';

/** A difference between the host's civil clock and ours beyond this is a step, not a slew. */
const STEP_NS = 100_000_000n;

/**
 * The host's civil time with the resolution of the monotonic clock. It follows slewing within milliseconds, never goes
 * back for it, and reports a step (the clock was set) once, after adopting it.
 */
export function systemClock(onStep: (by: DurationNs) => void = () => undefined): Clock {
  let anchorCivilNs = BigInt(Date.now()) * 1_000_000n;
  let anchorMonotonicNs = process.hrtime.bigint();
  let latestNs = anchorCivilNs;
  return {
    speedRatio: 1,
    monotonicNs: () => process.hrtime.bigint(),
    nowNs: () => {
      const monotonicNs = process.hrtime.bigint();
      const hostNs = BigInt(Date.now()) * 1_000_000n;
      let nowNs = anchorCivilNs + (monotonicNs - anchorMonotonicNs);
      const aheadNs = hostNs - nowNs;
      if (aheadNs > STEP_NS || aheadNs < -STEP_NS) {
        anchorCivilNs = hostNs;
        anchorMonotonicNs = monotonicNs;
        latestNs = hostNs;
        onStep(durationNs(aheadNs));
        return instantNs(hostNs);
      }
      // Date.now() is floored to the millisecond: only beyond that do the two really disagree.
      if (aheadNs > 2_000_000n || aheadNs < -2_000_000n) {
        anchorCivilNs = hostNs;
        anchorMonotonicNs = monotonicNs;
        nowNs = hostNs;
      }
      if (nowNs > latestNs) latestNs = nowNs;
      return instantNs(latestNs);
    },
  };
}

/** The affine clock of a rehearsal: the same in every process of this host, since monotonic time is. */
export function rehearsalClock(anchor: RehearsalClock): Clock {
  // A factor of a million keeps the ratio exact enough: 1e-6 of an hour is 4 ms.
  const speedPpm = BigInt(Math.round(anchor.speedRatio * 1e6));
  return {
    speedRatio: anchor.speedRatio,
    monotonicNs: () => process.hrtime.bigint(),
    nowNs: () =>
      instantNs(
        anchor.civilNs + ((process.hrtime.bigint() - anchor.monotonicNs) * speedPpm) / 1_000_000n,
      ),
  };
}

/** Starts a rehearsal's clock now. */
export const startRehearsalClock = (
  civilNs: RehearsalClock['civilNs'],
  speedRatio: number,
): RehearsalClock => ({ civilNs, monotonicNs: process.hrtime.bigint(), speedRatio });

export const systemTimers: Timers = {
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    } satisfies Timer;
  },
  every(periodMs, run) {
    const handle = setInterval(run, periodMs);
    return {
      cancel: () => {
        clearInterval(handle);
      },
    } satisfies Timer;
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
};
