// The inside of a rehearsed meter: it integrates the truth with the gain error of its class, and shows register and
// power as they stood at its last refresh. What a client reads is therefore old by up to one refresh, as in the field.
import type { InstantNs } from '../quantity/time.ts';
import { instantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';
import type { Dice } from './dice.ts';

export interface MeterBuild {
  /** What the register counted before the rehearsal, in quanta. */
  readonly startCount: bigint;
  readonly quantumUj: bigint;
  /** Error of the meter, parts per million; 0 when a recording is replayed, which has its own meter's error in it. */
  readonly gainPpm: number;
  readonly refreshNs: bigint;
  readonly averagingNs: bigint;
  /** Refreshes are not in step with the second, nor with each other. */
  readonly phaseNs: bigint;
  /** Standard deviation of the power reading, relative; energy has none of it. */
  readonly powerNoiseRatio: number;
  /** Below this the meter shows 0 W and does not count: its starting power. */
  readonly startingW: number;
}

/** What the meter shows until its next refresh. */
export interface Display {
  readonly atNs: InstantNs;
  /** Register count x quantum, exact. */
  readonly registerUj: Microjoules;
  readonly powerW: number;
  readonly voltageV: number;
  readonly frequencyHz: number;
  readonly powerFactorRatio: number;
  /** Counts refreshes. */
  readonly refreshIndex: number;
}

export interface MeterWorks {
  readonly display: Display;
  readonly quantumUj: bigint;
  /** What the register showed when the rehearsal began. */
  readonly firstRegisterUj: Microjoules;
  /** Tells the meter the energy that has gone through it up to the instant; called once per step, in order. */
  step(nowNs: InstantNs, trueUj: Microjoules): void;
}

/** Builds one meter. Energy is exact integers throughout: count = floor(energy / quantum). */
export function meterWorks(build: MeterBuild, dice: Dice, startNs: InstantNs): MeterWorks {
  const startUj = build.startCount * build.quantumUj;
  const gainPpm = BigInt(Math.round(build.gainPpm));
  const firstRegisterUj = microjoules(startUj);
  let countedUj = 0n;
  let lastTrueUj = 0n;
  let remainder = 0n;
  let averageFromNs: bigint = startNs;
  let averageFromUj = 0n;
  let nextRefreshNs = startNs + build.phaseNs;
  let lastStepNs: bigint = startNs;
  let powerW = 0;
  let display: Display = {
    atNs: startNs,
    registerUj: firstRegisterUj,
    powerW: 0,
    voltageV: 230,
    frequencyHz: 50,
    powerFactorRatio: 1,
    refreshIndex: 0,
  };

  const count = (stepUj: bigint): void => {
    // The remainder of the division is kept, so that no gain error is ever lost to rounding.
    const scaled = stepUj * (1_000_000n + gainPpm) + remainder;
    countedUj += scaled / 1_000_000n;
    remainder = scaled % 1_000_000n;
  };

  return {
    quantumUj: build.quantumUj,
    firstRegisterUj,
    get display() {
      return display;
    },
    step(nowNs, trueUj) {
      const stepUj = trueUj - lastTrueUj;
      const stepNs = nowNs - lastStepNs;
      lastTrueUj = trueUj;
      lastStepNs = nowNs;
      const stepW = stepNs > 0n ? (Number(stepUj) * 1e3) / Number(stepNs) : 0;
      if (stepW >= build.startingW) count(stepUj);
      if (nowNs - averageFromNs >= build.averagingNs) {
        powerW = (Number(countedUj - averageFromUj) * 1e3) / Number(nowNs - averageFromNs);
        averageFromNs = nowNs;
        averageFromUj = countedUj;
      }
      if (nowNs < nextRefreshNs) return;
      while (nextRefreshNs <= nowNs) nextRefreshNs += build.refreshNs;
      const shownW =
        build.powerNoiseRatio === 0 ? powerW : powerW * dice.normal(1, build.powerNoiseRatio);
      display = {
        atNs: instantNs(nowNs),
        registerUj: microjoules(((startUj + countedUj) / build.quantumUj) * build.quantumUj),
        powerW: shownW,
        voltageV: dice.normal(231.5, 0.4),
        frequencyHz: dice.normal(50, 0.008),
        // Supplies correct their power factor better the more they are loaded.
        powerFactorRatio:
          shownW < 1 ? 1 : Math.min(0.995, 0.9 + 0.09 * (1 - Math.exp(-shownW / 150))),
        refreshIndex: display.refreshIndex + 1,
      };
    },
  };
}
