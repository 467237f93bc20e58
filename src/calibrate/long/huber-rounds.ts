// A robust fit of stored days: Huber's loss, bounds and priors, a level per day. The first rounds reweigh, from near on they
// are Newton steps on the same loss; both have the same minimum, and Newton is there after a few looks at the rows.
import { addGram, emptyGram, solveBounded, type Ridge } from '../bounded-regression.ts';
import type { DayRows } from './day-cells.ts';
import {
  levelFreeGram,
  levelOfDay,
  plainSums,
  weighedSums,
  type DaySums,
  type Form,
} from './day-sums.ts';
import type { MapChunks } from './map-chunks.ts';
import { ScaleProbes } from './scale-probes.ts';
import { PART_LENGTHS, type DayRound, type DayWeighed, type Treatment } from './weigh-day.ts';

/** 95 % efficient under normal noise; Huber 1964, as in `fit-rows.ts`. */
const HUBER = 1.345;
/** Days in one chunk: long enough that handing over costs nothing, short enough that nobody waits for the last. */
const DAYS_PER_CHUNK = 3;
/** Steps below this share of the meter's mean are near enough for Newton. */
const NEAR_RATIO = 1e-3;
const ROUNDS_COUNT_MAX = 40;
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

export interface RoundsPlan {
  /** Parameters stand still where no step moves predicted power by more than this share of the meter's mean. */
  readonly stillRatio: number;
  /** A fit begins on the sample where that has at least this many rows. */
  readonly leastSampleCount: number;
}

/**
 * A hundredth of what a year of seconds leaves uncertain: noise of 1 % of the meter's mean over the root of 31.5 million.
 * What a last step of Newton's leaves is smaller still. The sample must be worth the rounds that it saves.
 */
const USUAL_PLAN: RoundsPlan = { stillRatio: 2e-8, leastSampleCount: 50_000 };
const SAMPLE_STILL_RATIO = 1e-6;

/** Fits the days. There must be rows, and the columns must be told apart: see `long-fit.ts`. */
export async function huberRounds(
  days: readonly DayRows[],
  form: Form,
  ridge: Ridge,
  mapChunks: MapChunks,
  plan: RoundsPlan = USUAL_PLAN,
): Promise<HuberFit> {
  const plain = days.map((day) => plainSums(day, form));
  const problem: Problem = {
    days,
    form,
    ridge,
    mapChunks,
    probes: new ScaleProbes(days),
    usualW: meansOf(plain),
  };
  const sampleCount = days.reduce((sum, day) => sum + (day.sampleProducts[0] ?? 0), 0);
  let start: Start = { state: startOf(plain, problem), treatments: days.map(() => 'reweigh') };
  if (sampleCount >= plan.leastSampleCount) {
    const near = await roundsOver(problem, 'sample', start, SAMPLE_STILL_RATIO);
    if (near.isStill) start = near;
  }
  const { state, sums, roundsCount, isStill, beyondRatio } = await roundsOver(
    problem,
    'all',
    start,
    plan.stillRatio,
  );
  return { ...state, sums, roundsCount, isStill, beyondRatio };
}

interface Problem {
  readonly days: readonly DayRows[];
  readonly form: Form;
  readonly ridge: Ridge;
  readonly mapChunks: MapChunks;
  readonly probes: ScaleProbes;
  /** What each parameter usually multiplies, and at the end the meter's mean, W. */
  readonly usualW: Float64Array;
}

const meterOf = ({ usualW }: Problem): number => usualW[usualW.length - 1] ?? 1;

interface Start {
  readonly state: State;
  readonly treatments: readonly Treatment[];
}

interface Finish extends Start {
  readonly sums: readonly DaySums[];
  readonly roundsCount: number;
  readonly isStill: boolean;
  readonly beyondRatio: number;
}

async function roundsOver(
  problem: Problem,
  rows: DayRound['rows'],
  start: Start,
  stillRatio: number,
): Promise<Finish> {
  let { state, treatments } = start;
  let lastStepRatio = Infinity;
  let newtonIsTrusted = true;
  for (let roundsCount = 1; ; roundsCount++) {
    const noiseW = scaleOf(problem, state);
    const rounds = dayRounds(problem, state, treatments, HUBER * noiseW, rows);
    const weighed: DayWeighed[] = [];
    for await (const some of problem.mapChunks('weigh', inChunks(rounds))) weighed.push(...some);
    const sums = rounds.flatMap((round, day) => {
      const each = weighed[day];
      return each ? [weighedSums(round, each, problem.form)] : [];
    });
    const next = solveRound(problem, sums, weighed, noiseW, state.levelW2);
    const stepRatio =
      stepBetween(state.parameters, next.parameters, problem.usualW) / meterOf(problem);
    // Newton halves its step at the least; where it does not, reweighing goes downhill for sure.
    const hasStepped = treatments.includes('newton') && Number.isFinite(lastStepRatio);
    if (hasStepped && stepRatio > 0.5 * lastStepRatio) newtonIsTrusted = false;
    const isNear = stepRatio <= NEAR_RATIO && newtonIsTrusted;
    treatments = sums.map((each, day): Treatment => {
      // A day with few rows inside the bound bends too little to step by.
      const isInside = (weighed[day]?.beyondCount ?? 0) <= 0.5 * each.rowsCount;
      return isNear && isInside ? 'newton' : 'reweigh';
    });
    state = next;
    lastStepRatio = stepRatio;
    const isStill = stepRatio <= stillRatio;
    if (!isStill && roundsCount < ROUNDS_COUNT_MAX) continue;
    const beyondCount = weighed.reduce((sum, each) => sum + each.beyondCount, 0);
    const rowsCount = sums.reduce((sum, each) => sum + each.rowsCount, 0);
    return { state, treatments, sums, roundsCount, isStill, beyondRatio: beyondCount / rowsCount };
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
function startOf(plain: readonly DaySums[], problem: Problem): State {
  const meterW = meterOf(problem);
  const guessW2 = Math.max((0.02 * meterW) ** 2, 1e-6);
  const rowsPerLevel = plain.length > 1 ? guessW2 / (0.1 * meterW) ** 2 : Infinity;
  const solved = solveLevels(plain, guessW2, rowsPerLevel, problem.ridge);
  const noiseW = Math.sqrt(guessW2);
  return {
    ...solved,
    noiseW,
    cutW: noiseW,
    inflationRatio: 1,
    ...levelSpread(solved.levelsW, plain, rowsPerLevel, guessW2),
  };
}

/** Robust standard deviation of a row; a meter that follows its chips to the last digit still has some. */
function scaleOf(problem: Problem, { parameters, levelsW }: State): number {
  const slopes = slopesOf(problem.form, parameters);
  const constantsW = levelsW.map((levelW) => (parameters[0] ?? 0) + levelW);
  return Math.max(problem.probes.scaleW(slopes, constantsW), 1e-6 * meterOf(problem), 1e-6);
}

const slopesOf = (form: Form, parameters: Float64Array): Float64Array =>
  Float64Array.from(form, (place) => parameters[place] ?? 0);

function dayRounds(
  problem: Problem,
  { parameters, levelsW }: State,
  treatments: readonly Treatment[],
  boundW: number,
  rows: DayRound['rows'],
): readonly DayRound[] {
  const slopes = slopesOf(problem.form, parameters);
  return problem.days.map((day, index) => ({
    day,
    slopes,
    constantW: (parameters[0] ?? 0) + (levelsW[index] ?? 0),
    boundW,
    treatment: treatments[index] ?? 'reweigh',
    rows,
  }));
}

function solveLevels(
  sums: readonly DaySums[],
  noiseW2: number,
  rowsPerLevel: number,
  ridge: Ridge,
): {
  readonly parameters: Float64Array;
  readonly levelsW: Float64Array;
} {
  const grams = emptyGram(ridge.lower.length);
  for (const each of sums) addGram(grams, levelFreeGram(each, rowsPerLevel));
  const parameters = solveBounded(grams, noiseW2, ridge);
  const levelsW = Float64Array.from(sums, (each) => levelOfDay(each, parameters, rowsPerLevel));
  return { parameters, levelsW };
}

function solveRound(
  problem: Problem,
  sums: readonly DaySums[],
  weighed: readonly DayWeighed[],
  noiseW: number,
  levelW2: number,
): State {
  const rowsCount = sums.reduce((sum, each) => sum + each.rowsCount, 0);
  const cutW2 = weighed.reduce((sum, each) => sum + each.cutW2, 0) / rowsCount;
  const inflationRatio = inflationOf(weighed, cutW2);
  const noiseW2 = noiseW * noiseW * inflationRatio;
  const rowsPerLevel = levelW2 > 0 ? noiseW2 / levelW2 : Infinity;
  const solved = solveLevels(sums, noiseW2, rowsPerLevel, problem.ridge);
  return {
    ...solved,
    noiseW,
    cutW: Math.sqrt(cutW2),
    inflationRatio,
    ...levelSpread(solved.levelsW, sums, rowsPerLevel, noiseW2),
  };
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

export function inChunks<Each>(all: readonly Each[]): readonly (readonly Each[])[] {
  const chunks: Each[][] = [];
  for (let from = 0; from < all.length; from += DAYS_PER_CHUNK) {
    chunks.push(all.slice(from, from + DAYS_PER_CHUNK));
  }
  return chunks;
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
