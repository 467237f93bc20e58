// One day of one energy counter, judged step by step before it is interpolated: which steps are known, which are not.
// The rules are those of every counter here: a fall or a leap is unknown until the wrap of the counter proves it.
import { tidySamples, type SampleFlaws } from '../align/series-from-samples.ts';
import type { InstantNs } from '../quantity/time.ts';

/** Readings of one counter, as they came; nothing is assumed of their order. */
export interface DayCounter {
  /** Seconds after the origin of the day. Sources that are polled together may share one array. */
  readonly atS: Float64Array;
  readonly countJ: Float64Array;
  /** Where the counter starts again at 0; undefined where nobody knows. */
  readonly wrapsAtJ?: number;
  /** More than this is no power of this source. */
  readonly ceilingW: number;
}

/** A counter whose steps were judged. */
export interface JudgedCounter {
  readonly atS: Float64Array;
  /** Unwrapped where wraps are proven; across an unknown step it says nothing. */
  readonly countJ: Float64Array;
  /** How many of the steps up to this reading are unknown; undefined where all are known. */
  readonly unknownCounts: Int32Array | undefined;
  readonly flaws: SampleFlaws;
  /** Usual distance of two readings, s; 0 where there are fewer than two. */
  readonly periodS: number;
}

/** One lost reading is bridged, two are not: over a longer step nobody knows when the energy was used. */
const HOLE_PERIOD_COUNT = 2.5;
/** A step through a wrap may be this many times the usual power, as in `energyFromCounter`. */
const WRAP_POWER_RATIO = 4;
/** The usual distance and power are read off about this many steps, evenly over the day. */
const PROBE_COUNT = 1001;

const NO_FLAWS: SampleFlaws = {
  unsortedCount: 0,
  duplicateCount: 0,
  negativeCount: 0,
  notFiniteCount: 0,
  unknownStepCount: 0,
};

/** Judges a day of readings. What is late, twice or no number is left out and counted. */
export function judgeCounter(counter: DayCounter, originNs: InstantNs): JudgedCounter {
  const asItCame = { ...counter, flaws: NO_FLAWS };
  const judged = judgeSteps(asItCame);
  if (judged !== undefined) return judged;
  const { samples, flaws } = tidySamples({
    originNs,
    atS: counter.atS,
    reading: counter.countJ,
  });
  const tidy = { ...counter, atS: samples.atS, countJ: samples.reading, flaws };
  return judgeSteps(tidy) ?? { ...tidy, unknownCounts: undefined, periodS: 0 };
}

/** Undefined where readings are out of order, negative or no numbers: then they must be tidied first. */
function judgeSteps(
  counter: DayCounter & { readonly flaws: SampleFlaws },
): JudgedCounter | undefined {
  const { atS, flaws } = counter;
  const count = Math.min(atS.length, counter.countJ.length);
  const periodS = usualStepS(atS, count);
  const holeS = HOLE_PERIOD_COUNT * periodS;
  let { countJ } = counter;
  // Most days of most counters are whole, and one look tells.
  const firstDoubtful = doubtfulStep(atS, countJ, 1, count, holeS, counter.ceilingW);
  const first = countJ[0] ?? 0;
  if (!(first >= 0) || !Number.isFinite(atS[0] ?? 0)) return undefined;
  if (firstDoubtful === count || count < 2) {
    return { atS, countJ, unknownCounts: undefined, flaws, periodS };
  }
  const unknownCounts = new Int32Array(count);
  const usualW = usualPowerW(atS, countJ, count);
  let unknownStepCount = 0;
  let unknownCount = 0;
  let addedJ = 0;
  for (let index = 1; index < count; index++) {
    const lengthS = (atS[index] ?? 0) - (atS[index - 1] ?? 0);
    const readingJ = counter.countJ[index] ?? 0;
    const stepJ = readingJ - (counter.countJ[index - 1] ?? 0);
    if (!(lengthS > 0) || !(readingJ >= 0) || readingJ === Infinity) return undefined;
    if (stepJ < 0 && provesWrap(stepJ, lengthS, usualW, counter.wrapsAtJ)) {
      if (addedJ === 0) countJ = countJ.slice(0, count);
      addedJ += counter.wrapsAtJ ?? 0;
    } else if (stepJ < 0 || stepJ > counter.ceilingW * lengthS) {
      unknownStepCount++;
      unknownCount++;
    } else if (lengthS > holeS) unknownCount++;
    if (addedJ !== 0) countJ[index] = readingJ + addedJ;
    unknownCounts[index] = unknownCount;
  }
  return {
    atS,
    countJ,
    unknownCounts: unknownCount > 0 ? unknownCounts : undefined,
    flaws: { ...flaws, unknownStepCount },
    periodS,
  };
}

/** The first step that is not plainly an advance, or `until`; NaN makes a step doubtful. */
function doubtfulStep(
  atS: Float64Array,
  countJ: Float64Array,
  from: number,
  until: number,
  holeS: number,
  ceilingW: number,
): number {
  let beforeS = atS[from - 1] ?? 0;
  let beforeJ = countJ[from - 1] ?? 0;
  for (let index = from; index < until; index++) {
    const instantS = atS[index] ?? 0;
    const readingJ = countJ[index] ?? 0;
    const lengthS = instantS - beforeS;
    const stepJ = readingJ - beforeJ;
    if (!(lengthS > 0 && lengthS <= holeS && stepJ >= 0 && stepJ <= ceilingW * lengthS)) {
      return index;
    }
    beforeS = instantS;
    beforeJ = readingJ;
  }
  return until;
}

function provesWrap(
  stepJ: number,
  lengthS: number,
  usualW: number,
  wrapsAtJ: number | undefined,
): boolean {
  if (wrapsAtJ === undefined) return false;
  const throughJ = stepJ + wrapsAtJ;
  return throughJ >= 0 && throughJ <= WRAP_POWER_RATIO * usualW * lengthS;
}

function usualStepS(atS: Float64Array, count: number): number {
  return medianOfSteps(count, (index) => (atS[index] ?? 0) - (atS[index - 1] ?? 0));
}

function usualPowerW(atS: Float64Array, countJ: Float64Array, count: number): number {
  return medianOfSteps(count, (index) => {
    const lengthS = (atS[index] ?? 0) - (atS[index - 1] ?? 0);
    return ((countJ[index] ?? 0) - (countJ[index - 1] ?? 0)) / lengthS;
  });
}

/** Median over steps spread evenly, of those above 0; 0 where there are none. */
function medianOfSteps(count: number, at: (index: number) => number): number {
  const stride = Math.max(1, Math.floor(count / PROBE_COUNT));
  const steps: number[] = [];
  for (let index = 1; index < count; index += stride) {
    const step = at(index);
    if (step > 0 && step < Infinity) steps.push(step);
  }
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 0;
}
