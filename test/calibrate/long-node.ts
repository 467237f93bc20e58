// A made-up node over days whose truth is known, as the counters that a poller would have read: six chip sources on one
// poll, a meter on its own, both with jitter. It shares no code with the fit; chance comes from a seed.
import type { ChipTerm } from '../../src/calibrate/chip-terms.ts';
import type { DayCounters } from '../../src/calibrate/long/day-rows.ts';
import { instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { minimalRandom } from './synthetic-node.ts';

export interface LongTruth {
  readonly daysCount: number;
  /** Of each day. */
  readonly seconds: number;
  readonly seed: number;
  readonly interceptW: number;
  readonly gains: readonly number[];
  readonly noiseW: number;
  /** Noise that wanders over about a minute, W. */
  readonly wanderW: number;
  /** Share of seconds in which something else draws 200 W at the wall. */
  readonly outlierRatio: number;
  /** Standard deviation of the level between days, W. */
  readonly levelW: number;
  /** Chips' stamps late by this at the start, and by so much more per day, s. */
  readonly offsetS: number;
  readonly driftS: number;
}

export const LONG: LongTruth = {
  daysCount: 5,
  seconds: 4000,
  seed: 7,
  interceptW: 180,
  gains: [1.12, 1.2, 1.1, 1.05, 1.18, 1.08],
  noiseW: 6,
  wanderW: 4,
  outlierRatio: 0.02,
  levelW: 3,
  offsetS: 1.7,
  driftS: 0.9,
};

export const FIRST_DAY_NS: InstantNs = instantNs(1_735_689_600_000_000_000n);

export const SIX_TERMS: readonly ChipTerm[] = ['cpu0', 'cpu1', 'dram', 'gpu0', 'gpu1', 'gpu2'].map(
  (name) => ({
    name,
    sources: [name],
    less: [],
    prior: { lowerRatio: 0.9, meanRatio: 1.17, sdRatio: 0.12 },
  }),
);

const IDLE_W = [60, 55, 14, 50, 52, 48];
const LOAD_W = [120, 115, 18, 240, 230, 250];

export interface LongDay {
  readonly counters: DayCounters;
  /** What was truly drawn on that day beside the chips' share, W. */
  readonly levelW: number;
}

/** Days one after the other. */
export function* longDays(truth: LongTruth): Generator<LongDay, void, undefined> {
  const random = minimalRandom(truth.seed);
  for (let skipped = 0; skipped < 20; skipped++) random();
  const normal = (): number => {
    let sum = -6;
    for (let draw = 0; draw < 12; draw++) sum += random();
    return sum;
  };
  const loads = IDLE_W.map(() => random());
  let wander = 0;
  for (let day = 0; day < truth.daysCount; day++) {
    const levelW = truth.levelW * normal();
    const count = truth.seconds;
    const shared = (): Float64Array => new Float64Array(new SharedArrayBuffer(8 * (count + 1)));
    const meterAtS = shared();
    const chipsAtS = shared();
    const meterJ = shared();
    const chipsJ = IDLE_W.map(shared);
    // True power changes on whole seconds; a poll at any instant sees the energy by then.
    let wallTotalJ = 1e9 + 1e6 * day;
    const chipTotalsJ = IDLE_W.map((_, chip) => 1e6 * (chip + 1));
    const offsetS = truth.offsetS + truth.driftS * day;
    for (let second = 0; second <= count; second++) {
      meterAtS[second] = second + 0.03 * (random() - 0.5);
      chipsAtS[second] = second + 0.05 * (random() - 0.5);
      if (random() < 1 / 40) loads[Math.floor(random() * loads.length)] = random();
      wander += -wander / 60 + truth.wanderW * Math.sqrt(2 / 60) * normal();
      let wallW = truth.interceptW + levelW + wander + truth.noiseW * normal();
      if (random() < truth.outlierRatio) wallW += 200;
      const chipW = IDLE_W.map((idleW, chip) => {
        const powerW = Math.max(0, idleW + LOAD_W[chip]! * loads[chip]! + 2 * normal());
        wallW += truth.gains[chip]! * powerW;
        return powerW;
      });
      meterJ[second] = wallTotalJ + wallW * (meterAtS[second]! - second);
      chipW.forEach((powerW, chip) => {
        chipsJ[chip]![second] = chipTotalsJ[chip]! + powerW * (chipsAtS[second]! - second);
        chipTotalsJ[chip] = chipTotalsJ[chip]! + powerW;
      });
      wallTotalJ += wallW;
    }
    for (let second = 0; second <= count; second++) chipsAtS[second]! += offsetS;
    yield {
      levelW,
      counters: {
        originNs: instantNs(FIRST_DAY_NS + BigInt(day) * 86_400_000_000_000n),
        feeds: [{ atS: meterAtS, countJ: meterJ, ceilingW: 1e6 }],
        chips: chipsJ.map((countJ, chip) => ({
          counter: { atS: chipsAtS, countJ, ceilingW: 5e3 },
          addTo: [chip],
          takeFrom: [],
        })),
        termsCount: IDLE_W.length,
        clock: { offsetS, rateRatio: 0, pivotS: 0 },
        rowS: 1,
      },
    };
  }
}

export const countersOf = (truth: LongTruth): DayCounters[] =>
  [...longDays(truth)].map((day) => day.counters);
