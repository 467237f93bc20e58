// A robust fit of stored days: Huber's loss, bounds and priors, a level per day. The first rounds reweigh, from near on they
// are Newton steps on the same loss; both have the same minimum, and Newton is there after a few looks at the rows.
import {
  addGram,
  emptyGram,
  solveBounded,
  squaredError,
  type Gram,
  type Ridge,
} from './bounded-regression.ts';
import type { DayRows } from './day-rows.ts';
import {
  levelFreeGram,
  levelOfDay,
  plainSums,
  weighedSums,
  type DaySums,
  type Form,
} from './day-sums.ts';
import type { MapChunks } from './map-chunks.ts';
import { middleOf } from './middle.ts';
import { PART_LENGTHS, type DayRound, type DayWeighed, type Treatment } from './weigh-day.ts';

/** 95 % efficient under normal noise; Huber 1964, as in `fit-rows.ts`. */
const HUBER = 1.345;
/** The scale is the median residual of at most about this many rows, spread evenly: 0.2 % of itself at 1σ. */
const PROBES_COUNT = 262_144;
/** Days in one chunk: long enough that handing over costs nothing, short enough that nobody waits for the last. */
const DAYS_PER_CHUNK = 3;
const REWEIGHED_ROUNDS_COUNT = 2;
const ROUNDS_COUNT_MAX = 40;
/** Parameters stand still: no step in predicted power is larger than this share of the meter's mean. */
const STILL_RATIO = 1e-10;
/** A part length is asked how alike residuals stay only where there are this many parts. */
const PARTS_COUNT_MIN = 30;

export interface HuberFit {
  /** [intercept W, gains]. */
  readonly parameters: Float64Array;
  /** Of each day, W. */
  readonly levelsW: Float64Array;
  /** Variance of the levels, W². */
  readonly levelW2: number;
  /** Robust standard deviation of a row, W. */
  readonly noiseW: number;
  /** Root mean square of residuals cut at Huber's bound, W. */
  readonly cutW: number;
  /** Variance of a long mean of residuals over that of independent rows. */
  readonly inflationRatio: number;
  /** Of each day, about the parameters. */
  readonly sums: readonly DaySums[];
  readonly rowsPerLevel: number;
  readonly roundsCount: number;
  /** False where the rounds ended before the parameters stood still. */
  readonly isStill: boolean;
  readonly beyondRatio: number;
}

/** Fits the days. There must be rows, and the columns must be told apart: see `long-fit.ts`. */
export async function huberRounds(
  days: readonly DayRows[],
  form: Form,
  ridge: Ridge,
  mapChunks: MapChunks,
): Promise<HuberFit> {
  const rowsCount = days.reduce((sum, day) => sum + day.count, 0);
  const probeStride = Math.max(1, Math.ceil(rowsCount / PROBES_COUNT));
  const plain = days.map((day) => plainSums(day, form));
  const usualW = meansOf(plain);
  const meterW = usualW[usualW.length - 1] ?? 1;
  let state = startOf(plain, ridge, rowsCount, meterW);
  let lastStepRatio = Infinity;
  let newtonIsTrusted = true;
  let treatments: Treatment[] = days.map(() => 'reweigh');
  for (let round = 1; ; round++) {
    const boundW = HUBER * state.noiseW;
    const weighed = await weighAll(days, form, state, boundW, treatments, probeStride, mapChunks);
    const sums = days.map((day, index) => {
      const each = weighed[index];
      const treatment = treatments[index] ?? 'reweigh';
      return each ? weighedSums(day, each, treatment, boundW, form) : plainSums(day, form);
    });
    const next = solveRound(sums, weighed, state, ridge, rowsCount, meterW);
    const stepRatio = stepBetween(state.parameters, next.parameters, usualW) / meterW;
    const isStill = stepRatio <= STILL_RATIO;
    if (isStill || round === ROUNDS_COUNT_MAX) {
      const beyondCount = weighed.reduce((sum, each) => sum + each.beyondCount, 0);
      return {
        ...next,
        sums,
        roundsCount: round,
        isStill,
        beyondRatio: beyondCount / rowsCount,
      };
    }
    // Newton halves its step at the least; where it does not, reweighing goes downhill for sure.
    if (round > REWEIGHED_ROUNDS_COUNT + 1 && stepRatio > 0.5 * lastStepRatio) {
      newtonIsTrusted = false;
    }
    const isNear = round >= REWEIGHED_ROUNDS_COUNT && newtonIsTrusted;
    treatments = days.map((day, index) => {
      const beyondCount = weighed[index]?.beyondCount ?? day.count;
      // A day with few rows inside the bound bends too little to step by.
      return isNear && beyondCount <= 0.5 * day.count ? 'newton' : 'reweigh';
    });
    lastStepRatio = stepRatio;
    state = next;
  }
}

interface State {
  readonly parameters: Float64Array;
  readonly levelsW: Float64Array;
  readonly levelW2: number;
  readonly noiseW: number;
  readonly cutW: number;
  readonly inflationRatio: number;
  readonly rowsPerLevel: number;
}

/** All rows alike, levels free: where days differ, a pooled start would tilt the gains. */
function startOf(
  plain: readonly DaySums[],
  ridge: Ridge,
  rowsCount: number,
  meterW: number,
): State {
  const guessW2 = Math.max((0.02 * meterW) ** 2, 1e-6);
  const rowsPerLevel = plain.length > 1 ? guessW2 / (0.1 * meterW) ** 2 : Infinity;
  const { parameters, levelsW, grams } = solveLevels(plain, guessW2, rowsPerLevel, ridge);
  const noiseW = Math.max(
    Math.sqrt(squaredError(grams, parameters) / rowsCount),
    leastNoiseW(meterW),
  );
  const start = { parameters, levelsW, noiseW, cutW: noiseW, inflationRatio: 1 };
  return { ...start, ...levelSpread(levelsW, plain, rowsPerLevel, guessW2) };
}

const leastNoiseW = (meterW: number): number => Math.max(1e-6 * meterW, 1e-6);

function solveLevels(
  sums: readonly DaySums[],
  noiseW2: number,
  rowsPerLevel: number,
  ridge: Ridge,
): {
  readonly parameters: Float64Array;
  readonly levelsW: Float64Array;
  readonly grams: Gram;
} {
  const grams = emptyGram(ridge.lower.length);
  for (const each of sums) addGram(grams, levelFreeGram(each, rowsPerLevel));
  const parameters = solveBounded(grams, noiseW2, ridge);
  const levelsW = Float64Array.from(sums, (each) => levelOfDay(each, parameters, rowsPerLevel));
  return { parameters, levelsW, grams };
}

function solveRound(
  sums: readonly DaySums[],
  weighed: readonly DayWeighed[],
  state: State,
  ridge: Ridge,
  rowsCount: number,
  meterW: number,
): State {
  const cutW2 = weighed.reduce((sum, each) => sum + each.cutW2, 0) / rowsCount;
  const noiseW = Math.max(scaleOf(weighed), leastNoiseW(meterW));
  const inflationRatio = inflationOf(weighed, cutW2);
  const noiseW2 = noiseW * noiseW * inflationRatio;
  const rowsPerLevel = state.levelW2 > 0 ? noiseW2 / state.levelW2 : Infinity;
  const { parameters, levelsW } = solveLevels(sums, noiseW2, rowsPerLevel, ridge);
  const next = { parameters, levelsW, noiseW, cutW: Math.sqrt(cutW2), inflationRatio };
  return { ...next, ...levelSpread(levelsW, sums, rowsPerLevel, noiseW2) };
}

/** Variance between days: that of the levels as they were seen, less what noise alone would show. */
function levelSpread(
  levelsW: Float64Array,
  sums: readonly DaySums[],
  rowsPerLevel: number,
  noiseW2: number,
): { readonly levelW2: number; readonly rowsPerLevel: number } {
  if (rowsPerLevel === Infinity || sums.length < 2) return { levelW2: 0, rowsPerLevel: Infinity };
  const seenW = levelsW.map((levelW, day) => levelW * (1 + rowsPerLevel / rowsOf(sums, day)));
  const middleW = seenW.reduce((sum, each) => sum + each, 0) / seenW.length;
  let spreadW2 = 0;
  let ownW2 = 0;
  seenW.forEach((each, day) => {
    spreadW2 += (each - middleW) ** 2 / (seenW.length - 1);
    ownW2 += noiseW2 / rowsOf(sums, day) / seenW.length;
  });
  return { levelW2: Math.max(0, spreadW2 - ownW2), rowsPerLevel };
}

const rowsOf = (sums: readonly DaySums[], day: number): number =>
  Math.max(1, sums[day]?.rowsCount ?? 1);

async function weighAll(
  days: readonly DayRows[],
  form: Form,
  state: State,
  boundW: number,
  treatments: readonly Treatment[],
  probeStride: number,
  mapChunks: MapChunks,
): Promise<readonly DayWeighed[]> {
  const slopes = Float64Array.from(form, (place) => state.parameters[place] ?? 0);
  const rounds = days.map((day, index): DayRound => ({
    day,
    slopes,
    constantW: (state.parameters[0] ?? 0) + (state.levelsW[index] ?? 0),
    boundW,
    treatment: treatments[index] ?? 'reweigh',
    probeStride,
  }));
  const weighed: DayWeighed[] = [];
  for await (const some of mapChunks('weigh', inChunks(rounds))) weighed.push(...some);
  return weighed;
}

export function inChunks<Each>(all: readonly Each[]): readonly (readonly Each[])[] {
  const chunks: Each[][] = [];
  for (let from = 0; from < all.length; from += DAYS_PER_CHUNK) {
    chunks.push(all.slice(from, from + DAYS_PER_CHUNK));
  }
  return chunks;
}

/** 1.4826 times the median magnitude: the standard deviation of normal noise, whatever a few rows say. */
function scaleOf(weighed: readonly DayWeighed[]): number {
  const count = weighed.reduce((sum, each) => sum + each.probesW.length, 0);
  const probesW = new Float64Array(count);
  let filled = 0;
  for (const each of weighed) {
    probesW.set(each.probesW, filled);
    filled += each.probesW.length;
  }
  return 1.4826 * middleOf(probesW);
}

/** The largest over part lengths that there are enough of: slow wandering shows in long parts only. */
function inflationOf(weighed: readonly DayWeighed[], cutW2: number): number {
  let most = 1;
  PART_LENGTHS.forEach((_, which) => {
    let squares = 0;
    let count = 0;
    for (const each of weighed) {
      squares += each.partsW2[which] ?? 0;
      count += each.partsCount[which] ?? 0;
    }
    if (count >= PARTS_COUNT_MIN && cutW2 > 0) most = Math.max(most, squares / count / cutW2);
  });
  return most;
}

/** Mean over all rows of what each parameter multiplies, and of the meter, W; 1 for the intercept. */
function meansOf(plain: readonly DaySums[]): Float64Array {
  const size = plain[0]?.size ?? 0;
  const sumW = new Float64Array(size);
  let rowsCount = 0;
  for (const { products, levelsW, rowsCount: count } of plain) {
    rowsCount += count;
    for (let place = 1; place < size; place++) {
      sumW[place] = (sumW[place] ?? 0) + (products[place] ?? 0) + count * (levelsW[place] ?? 0);
    }
  }
  return sumW.map((each, place) => (place === 0 ? 1 : Math.abs(each) / Math.max(1, rowsCount)));
}

/** How far a step of the parameters moves predicted power where the chips usually are, W. */
function stepBetween(before: Float64Array, after: Float64Array, usualW: Float64Array): number {
  return after.reduce(
    (most, each, place) =>
      Math.max(most, Math.abs(each - (before[place] ?? 0)) * (usualW[place] ?? 0)),
    0,
  );
}
