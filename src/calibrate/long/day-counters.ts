// One day of one energy counter, judged step by step before it is interpolated: which steps are known, which are not.
// The rules are those of every counter here: a fall or a leap is unknown until the wrap of the counter proves it.
import { tidySamples, type SampleFlaws } from '../../align/series-from-samples.ts';
import type { InstantNs } from '../../quantity/time.ts';

/** Readings of one counter, as they came; nothing is assumed of their order. */
export interface DayCounter {
  /** Seconds after the origin of the day. Sources that are polled together may share one array. */
  readonly atS: Float64Array;
  readonly countJ: Float64Array;
  /** Where the counter starts again at 0; undefined where nobody knows. */
  readonly wrapsAtJ?: number;
  /** 1 where it is known that nothing is known of the step to a reading; then readings must be in order of time. */
  readonly isHole?: Uint8Array;
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
const PROBE_COUNT = 201;

const NO_FLAWS: SampleFlaws = {
  unsortedCount: 0,
  duplicateCount: 0,
  negativeCount: 0,
  notFiniteCount: 0,
  unknownStepCount: 0,
};

/** What one look at the stamps of a poll tells; sources that share them share it. */
export interface StampLook {
  /** Usual distance, s; 0 where there are fewer than two. */
  readonly periodS: number;
  readonly shortestS: number;
  readonly longestS: number;
}

/** NaN and stamps that do not rise leave a shortest distance that is not above 0. */
export function lookAtStamps(atS: Float64Array): StampLook {
  const { shortestS, longestS } = stepRange(atS);
  return { periodS: usualStepS(atS, atS.length), shortestS, longestS };
}

/** Judges a day of readings. What is late, twice or no number is left out and counted. */
export function judgeCounter(
  counter: DayCounter,
  originNs: InstantNs,
  look: StampLook = lookAtStamps(counter.atS),
): JudgedCounter {
  if (isPlain(counter, look)) {
    const { atS, countJ } = counter;
    return { atS, countJ, unknownCounts: undefined, flaws: NO_FLAWS, periodS: look.periodS };
  }
  const judged = judgeSteps({ ...counter, flaws: NO_FLAWS });
  if (judged !== undefined) return judged;
  const { samples, flaws } = tidySamples({
    originNs,
    atS: counter.atS,
    reading: counter.countJ,
  });
  const tidy = { ...counter, atS: samples.atS, countJ: samples.reading, flaws };
  return judgeSteps(tidy) ?? { ...tidy, unknownCounts: undefined, periodS: 0 };
}

/** Most days of most counters rise evenly without a hole, and one look tells. */
function isPlain({ atS, countJ, ceilingW, isHole }: DayCounter, look: StampLook): boolean {
  return (
    atS.length === countJ.length &&
    isHole === undefined &&
    look.shortestS > 0 &&
    look.longestS <= HOLE_PERIOD_COUNT * look.periodS &&
    (countJ[0] ?? -1) >= 0 &&
    risesPlainly(countJ, ceilingW * look.shortestS)
  );
}

/** Whether no step falls or is larger than `mostJ`; NaN and Infinity fail both. */
function risesPlainly(countJ: Float64Array, mostJ: number): boolean {
  let beforeJ = countJ[0] ?? 0;
  for (let index = 1; index < countJ.length; index++) {
    const readingJ = countJ[index] ?? 0;
    const stepJ = readingJ - beforeJ;
    if (!(stepJ >= 0 && stepJ <= mostJ)) return false;
    beforeJ = readingJ;
  }
  return true;
}

function stepRange(atS: Float64Array): { readonly shortestS: number; readonly longestS: number } {
  let shortestS = Infinity;
  let longestS = 0;
  let beforeS = atS[0] ?? 0;
  for (let index = 1; index < atS.length; index++) {
    const instantS = atS[index] ?? 0;
    const lengthS = instantS - beforeS;
    if (!(lengthS >= shortestS)) shortestS = lengthS;
    if (lengthS > longestS) longestS = lengthS;
    if (!(lengthS > 0)) break;
    beforeS = instantS;
  }
  return { shortestS, longestS };
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
  if (count > 0 && !((countJ[0] ?? 0) >= 0 && Number.isFinite(atS[0]))) return undefined;
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
    } else if (lengthS > holeS || counter.isHole?.[index] === 1) unknownCount++;
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
  const strideCount = Math.max(1, Math.floor(count / PROBE_COUNT));
  const steps: number[] = [];
  for (let index = 1; index < count; index += strideCount) {
    const step = at(index);
    if (step > 0 && step < Infinity) steps.push(step);
  }
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 0;
}
