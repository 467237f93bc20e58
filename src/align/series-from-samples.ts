// From the samples of a file or a wire to an energy series: sorts, drops what cannot be (and counts it), then gives each
// power sample the time that its stamp means, or unwraps a counter by evidence. What is not covered stays a hole.
import type { InstantNs } from '../quantity/time.ts';
import type { EnergySeries } from './energy-series.ts';

/** What the stamp of a power sample names; `instant` is a snapshot, `floored` the end cut to a whole second. */
export const STAMP_MEANINGS = ['start', 'end', 'middle', 'instant', 'floored'] as const;
export type StampMeaning = (typeof STAMP_MEANINGS)[number];

export interface Samples {
  readonly originNs: InstantNs;
  readonly atS: Float64Array;
  /** W of a gauge, J of a counter. */
  readonly reading: Float64Array;
}

/** What was wrong with samples and left out; shown, never silently mended. */
export interface SampleFlaws {
  readonly unsortedCount: number;
  readonly duplicateCount: number;
  readonly negativeCount: number;
  readonly notFiniteCount: number;
  /** Counter steps that fell or ran too fast without evidence of a wrap. */
  readonly unknownStepCount: number;
}

const NO_FLAWS: SampleFlaws = {
  unsortedCount: 0,
  duplicateCount: 0,
  negativeCount: 0,
  notFiniteCount: 0,
  unknownStepCount: 0,
};

export interface SeriesWithFlaws {
  readonly series: EnergySeries;
  readonly flaws: SampleFlaws;
  /** Median distance of two stamps, s; 0 where there are fewer than two. */
  readonly periodS: number;
}

/**
 * Sorts by stamp and keeps one sample per stamp (the first that came). Readings below 0 and such that are not finite are
 * dropped: a meter says -1 for "changing range", and no node feeds its supply.
 */
export function tidySamples(samples: Samples): { samples: Samples; flaws: SampleFlaws } {
  const count = Math.min(samples.atS.length, samples.reading.length);
  let unsortedCount = 0;
  for (let index = 1; index < count; index++) {
    if ((samples.atS[index] ?? 0) < (samples.atS[index - 1] ?? 0)) unsortedCount++;
  }
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  if (unsortedCount > 0) {
    order.sort((a, b) => (samples.atS[a] ?? 0) - (samples.atS[b] ?? 0) || a - b);
  }
  const atS = new Float64Array(count);
  const reading = new Float64Array(count);
  let kept = 0;
  let duplicateCount = 0;
  let negativeCount = 0;
  let notFiniteCount = 0;
  for (const index of order) {
    const instantS = samples.atS[index] ?? Number.NaN;
    const value = samples.reading[index] ?? Number.NaN;
    if (!Number.isFinite(instantS) || !Number.isFinite(value)) notFiniteCount++;
    else if (value < 0) negativeCount++;
    else if (kept > 0 && instantS <= (atS[kept - 1] ?? 0)) duplicateCount++;
    else {
      atS[kept] = instantS;
      reading[kept++] = value;
    }
  }
  return {
    samples: {
      originNs: samples.originNs,
      atS: atS.slice(0, kept),
      reading: reading.slice(0, kept),
    },
    flaws: { ...NO_FLAWS, unsortedCount, duplicateCount, negativeCount, notFiniteCount },
  };
}

/** Median distance of neighbouring stamps, s; 0 where there are fewer than two. */
export function periodOf(atS: Float64Array): number {
  if (atS.length < 2) return 0;
  const steps = new Float64Array(atS.length - 1);
  for (let index = 1; index < atS.length; index++) {
    steps[index - 1] = (atS[index] ?? 0) - (atS[index - 1] ?? 0);
  }
  steps.sort();
  return steps[steps.length >> 1] ?? 0;
}

/** A longer distance than this many periods is a hole: one lost sample is bridged, two are not. */
const HOLE_PERIOD_COUNT = 2.5;

/**
 * Power samples as energy. Each sample holds for the time that its stamp means; across a hole it holds for one period.
 * `windowS` is the length of the window where that is known to be shorter than the distance of the stamps.
 */
export function energyFromPower(
  raw: Samples,
  meaning: StampMeaning,
  windowS?: number,
): SeriesWithFlaws {
  const { samples, flaws } = tidySamples(raw);
  const { atS, reading } = samples;
  const periodS = periodOf(atS);
  const knots = new KnotBuilder(samples.originNs, 2 * atS.length + 2);
  const reachS = (distanceS: number): number => {
    if (windowS !== undefined && windowS < distanceS) return windowS;
    return distanceS <= HOLE_PERIOD_COUNT * periodS ? distanceS : periodS;
  };
  for (let index = 0; index < atS.length; index++) {
    const instantS = atS[index] ?? 0;
    const powerW = reading[index] ?? 0;
    const beforeS = index === 0 ? periodS : instantS - (atS[index - 1] ?? 0);
    const afterS = index === atS.length - 1 ? periodS : (atS[index + 1] ?? 0) - instantS;
    switch (meaning) {
      case 'end':
      case 'floored':
        knots.step(instantS - reachS(beforeS), instantS, powerW);
        break;
      case 'start':
        knots.step(instantS, instantS + reachS(afterS), powerW);
        break;
      case 'middle':
        knots.step(instantS - reachS(beforeS) / 2, instantS + reachS(afterS) / 2, powerW);
        break;
      case 'instant':
        if (index > 0 && beforeS <= HOLE_PERIOD_COUNT * periodS) {
          const meanW = (powerW + (reading[index - 1] ?? 0)) / 2;
          knots.step(instantS - beforeS, instantS, meanW);
        }
        break;
    }
  }
  return { series: knots.build(), flaws, periodS };
}

export interface CounterEvidence {
  /** Where the counter starts again at 0; undefined where nobody knows: then a fall is a hole. */
  readonly wrapsAtJ?: number;
  /** More than this is no power of one node. */
  readonly ceilingW?: number;
}

const CEILING_W = 1e6;

/**
 * Counter samples as energy. A counter that falls is a hole unless `wrapsAtJ` is known and the step through it is at most
 * four times the median power of the series; a step above the ceiling is a hole too. Nothing is ever counted twice.
 */
export function energyFromCounter(raw: Samples, evidence: CounterEvidence = {}): SeriesWithFlaws {
  const { samples, flaws } = tidySamples(raw);
  const { atS, reading } = samples;
  const periodS = periodOf(atS);
  const holeS = Math.max(HOLE_PERIOD_COUNT * periodS, 10);
  const knots = new KnotBuilder(samples.originNs, 2 * atS.length + 2);
  const usualW = medianRate(atS, reading);
  let unknownStepCount = 0;
  for (let index = 1; index < atS.length; index++) {
    const fromS = atS[index - 1] ?? 0;
    const untilS = atS[index] ?? 0;
    const lengthS = untilS - fromS;
    let stepJ = (reading[index] ?? 0) - (reading[index - 1] ?? 0);
    if (stepJ < 0 && evidence.wrapsAtJ !== undefined) {
      const throughJ = stepJ + evidence.wrapsAtJ;
      if (throughJ >= 0 && throughJ / lengthS <= 4 * usualW) stepJ = throughJ;
    }
    if (stepJ < 0 || stepJ / lengthS > (evidence.ceilingW ?? CEILING_W)) unknownStepCount++;
    else if (lengthS <= holeS) knots.step(fromS, untilS, stepJ / lengthS);
  }
  return { series: knots.build(), flaws: { ...flaws, unknownStepCount }, periodS };
}

function medianRate(atS: Float64Array, countJ: Float64Array): number {
  const rates: number[] = [];
  for (let index = 1; index < atS.length; index++) {
    const stepJ = (countJ[index] ?? 0) - (countJ[index - 1] ?? 0);
    if (stepJ >= 0) rates.push(stepJ / ((atS[index] ?? 0) - (atS[index - 1] ?? 0)));
  }
  rates.sort((a, b) => a - b);
  return rates[rates.length >> 1] ?? 0;
}

/** Collects spans of even power in ascending order; time between two spans becomes a hole. */
class KnotBuilder {
  readonly #originNs: InstantNs;
  readonly #atS: Float64Array;
  readonly #energyJ: Float64Array;
  readonly #coveredS: Float64Array;
  #count = 0;

  constructor(originNs: InstantNs, capacityCount: number) {
    this.#originNs = originNs;
    this.#atS = new Float64Array(capacityCount);
    this.#energyJ = new Float64Array(capacityCount);
    this.#coveredS = new Float64Array(capacityCount);
  }

  step(fromS: number, untilS: number, powerW: number): void {
    const lastS = this.#count === 0 ? -Infinity : (this.#atS[this.#count - 1] ?? 0);
    const startS = Math.max(fromS, lastS);
    if (untilS - startS <= 1e-9) return;
    // Rounding may leave a slit of a nanosecond between two spans that touch; it is no hole.
    if (startS - lastS > 1e-6) this.#push(startS, 0, 0);
    const lengthS = untilS - (this.#atS[this.#count - 1] ?? 0);
    this.#push(untilS, powerW * lengthS, lengthS);
  }

  #push(atS: number, addJ: number, addCoveredS: number): void {
    const before = this.#count - 1;
    this.#atS[this.#count] = atS;
    this.#energyJ[this.#count] = (before < 0 ? 0 : (this.#energyJ[before] ?? 0)) + addJ;
    this.#coveredS[this.#count] = (before < 0 ? 0 : (this.#coveredS[before] ?? 0)) + addCoveredS;
    this.#count++;
  }

  build(): EnergySeries {
    return {
      originNs: this.#originNs,
      atS: this.#atS.slice(0, this.#count),
      energyJ: this.#energyJ.slice(0, this.#count),
      coveredS: this.#coveredS.slice(0, this.#count),
    };
  }
}
