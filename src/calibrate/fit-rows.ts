// The fit of one form of model to rows: bounded, pulled to physics, robust (Huber), with a level that may differ from
// run to run, and with an uncertainty from a block bootstrap, since neighbouring rows err alike.
import { emptyGram, solveBounded, type Ridge } from './bounded-regression.ts';
import { addRows, chunksOf, runsWithRows, type Chunk, type Chunked } from './chunks.ts';
import { chipTotalW, type Rows } from './rows.ts';
import { predictRows, type FormColumns } from './fit-columns.ts';
import { crossErrorW } from './resampling.ts';

export interface RowsFit {
  /** [intercept W, then one coefficient per column]. */
  readonly parameters: Float64Array;
  /** Chunks that the bootstrap drew from, less the parameters. */
  readonly dof: number;
  /** Standard deviation of one row's residual within its run, W. */
  readonly residualW: number;
  /** Robust standard deviation of the same (from the median), W. */
  readonly noiseW: number;
  /** Variance of a long mean of residuals over that of independent rows of `noiseW`. */
  readonly inflationRatio: number;
  /** Standard deviation of the level between runs, W; undefined where there is one run. */
  readonly betweenRunsW: number | undefined;
  readonly runEffectsW: Float64Array;
  /** Meter minus prediction, level of the run taken off, W. */
  readonly residuals: Float64Array;
  /** Error on folds left out (application, day, run or stretch of time), load edges aside, W. */
  readonly crossW: number;
  /** What the bootstrap and the validation need. */
  readonly chunked: Chunked;
}

const HUBER = 1.345;
const ROUNDS_COUNT = 10;

/** Fits the columns of one form to all rows. */
export function fitRows(rows: Rows, form: FormColumns): RowsFit {
  const { columns } = form;
  const size = columns.length + 1;
  const ridge = ridgeOf(form, rows);
  const chunks = chunksOf(rows);
  const weights = new Float64Array(rows.count).fill(1);
  const effectsW = startingEffects(rows, chipTotalW(rows));
  const residuals = new Float64Array(rows.count);
  let noiseW2 = initialNoise(rows);
  let inflationRatio = 1;
  let sharedRatio = 1;
  let betweenW2 = 0;
  let parameters = new Float64Array(size);
  for (let round = 0; round < ROUNDS_COUNT; round++) {
    const gram = emptyGram(size);
    for (const chunk of chunks) addRows(gram, rows, columns, weights, effectsW, chunk);
    parameters = Float64Array.from(
      solveBounded(gram, noiseW2 * Math.max(inflationRatio, sharedRatio), ridge),
    );
    predictRows(columns, parameters, residuals);
    for (let row = 0; row < rows.count; row++) {
      residuals[row] = (rows.meterW[row] ?? 0) - (residuals[row] ?? 0);
    }
    betweenW2 = updateEffects(rows, residuals, weights, effectsW, noiseW2 * inflationRatio);
    for (let row = 0; row < rows.count; row++) {
      residuals[row] = (residuals[row] ?? 0) - (effectsW[rows.run[row] ?? 0] ?? 0);
    }
    const scaleW = Math.max(medianMagnitude(residuals) * 1.4826, 1e-6 * meanOf(rows.meterW), 1e-6);
    noiseW2 = scaleW * scaleW;
    for (let row = 0; row < rows.count; row++) {
      const magnitude = Math.abs(residuals[row] ?? 0);
      weights[row] = magnitude <= HUBER * scaleW ? 1 : (HUBER * scaleW) / magnitude;
    }
    inflationRatio = inflationOf(residuals, chunks, noiseW2);
    sharedRatio = applicationInflation(rows, residuals, noiseW2);
  }
  const grams = chunks.map((chunk) => {
    const gram = emptyGram(size);
    addRows(gram, rows, columns, weights, effectsW, chunk);
    return gram;
  });
  const chunked = {
    grams,
    chunks,
    noiseW2: noiseW2 * Math.max(inflationRatio, sharedRatio),
    ridge,
  };
  let meanSquare = 0;
  for (const residual of residuals) meanSquare += residual * residual;
  return {
    parameters,
    dof: Math.max(1, chunks.length - size),
    residualW: Math.sqrt(meanSquare / Math.max(1, rows.count - size)),
    noiseW: Math.sqrt(noiseW2),
    inflationRatio,
    betweenRunsW: runsWithRows(rows) > 1 ? Math.sqrt(betweenW2) : undefined,
    runEffectsW: effectsW,
    residuals,
    crossW: crossErrorW(rows, columns, effectsW, chunked),
    chunked,
  };
}

function ridgeOf(form: FormColumns, rows: Rows): Ridge {
  // How high the level at 0 W of chips is, the evidence says alone.
  const levelW = Math.max(meanOf(rows.meterW), 1);
  const priors = form.columns.map((column) => column.prior);
  return {
    lower: Float64Array.of(0, ...priors.map((prior) => prior.lowerRatio)),
    centre: Float64Array.of(levelW / 3, ...priors.map((prior) => prior.meanRatio)),
    precision: Float64Array.of(
      1 / (10 * levelW) ** 2,
      ...priors.map((prior) => 1 / prior.sdRatio ** 2),
    ),
  };
}

/** Level of each run at the gain seen within runs: where levels differ, a pooled start would tilt the gain. */
function startingEffects(rows: Rows, chipsW: Float64Array): Float64Array {
  const effectsW = new Float64Array(rows.runsCount);
  if (runsWithRows(rows) < 2) return effectsW;
  const sums = Array.from({ length: rows.runsCount }, () => ({ count: 0, x: 0, y: 0 }));
  for (let row = 0; row < rows.count; row++) {
    const sum = sums[rows.run[row] ?? 0];
    if (!sum) continue;
    sum.count++;
    sum.x += chipsW[row] ?? 0;
    sum.y += rows.meterW[row] ?? 0;
  }
  let xx = 0;
  let xy = 0;
  for (let row = 0; row < rows.count; row++) {
    const sum = sums[rows.run[row] ?? 0];
    if (!sum) continue;
    const offX = (chipsW[row] ?? 0) - sum.x / sum.count;
    xx += offX * offX;
    xy += offX * ((rows.meterW[row] ?? 0) - sum.y / sum.count);
  }
  const gain = xx > 0 ? Math.max(0, xy / xx) : 1;
  const levels = sums.map((sum) =>
    sum.count > 0 ? (sum.y - gain * sum.x) / sum.count : undefined,
  );
  const present = levels.filter((level) => level !== undefined);
  const middle = present.reduce((sum, level) => sum + level, 0) / Math.max(1, present.length);
  levels.forEach((level, run) => {
    effectsW[run] = level === undefined ? 0 : level - middle;
  });
  return effectsW;
}

/** Shrunken run levels (random effects); gives their variance, W². */
function updateEffects(
  rows: Rows,
  residuals: Float64Array,
  weights: Float64Array,
  effectsW: Float64Array,
  noiseW2: number,
): number {
  const weight = new Float64Array(rows.runsCount);
  const sum = new Float64Array(rows.runsCount);
  for (let row = 0; row < rows.count; row++) {
    const run = rows.run[row] ?? 0;
    const each = weights[row] ?? 0;
    weight[run] = (weight[run] ?? 0) + each;
    sum[run] = (sum[run] ?? 0) + each * (residuals[row] ?? 0);
  }
  const present = [...weight.keys()].filter((run) => (weight[run] ?? 0) > 0);
  if (present.length < 2) return 0;
  const means = present.map((run) => (sum[run] ?? 0) / (weight[run] ?? 1));
  const middle = means.reduce((total, mean) => total + mean, 0) / means.length;
  let spreadW2 = 0;
  let ownW2 = 0;
  present.forEach((run, index) => {
    spreadW2 += ((means[index] ?? 0) - middle) ** 2 / (means.length - 1);
    ownW2 += noiseW2 / (weight[run] ?? 1) / means.length;
  });
  const betweenW2 = Math.max(0, spreadW2 - ownW2);
  present.forEach((run, index) => {
    const ownRunW2 = noiseW2 / (weight[run] ?? 1);
    const shrink = betweenW2 > 0 ? betweenW2 / (betweenW2 + ownRunW2) : 0;
    effectsW[run] = shrink * ((means[index] ?? 0) - middle);
  });
  return betweenW2;
}

function inflationOf(residuals: Float64Array, chunks: readonly Chunk[], noiseW2: number): number {
  let sum = 0;
  let count = 0;
  let rowsCount = 0;
  for (const chunk of chunks) {
    const length = chunk.until - chunk.from;
    let mean = 0;
    for (let row = chunk.from; row < chunk.until; row++) mean += (residuals[row] ?? 0) / length;
    sum += mean * mean * length;
    rowsCount += length;
    count++;
  }
  const most = Math.max(1, rowsCount / Math.max(1, count));
  return Math.min(most, Math.max(1, sum / Math.max(1, count) / noiseW2));
}

/**
 * The same for rows of one application, which err alike as far as the chips do not see what it does: a hundred rows of it are
 * then hardly more than one against what physics expects. 1 below three applications, where nothing is known of it.
 */
function applicationInflation(rows: Rows, residuals: Float64Array, noiseW2: number): number {
  const sums = rows.applications.map(() => ({ count: 0, sumW: 0 }));
  for (let row = 0; row < rows.count; row++) {
    const sum = sums[rows.application[row] ?? -1];
    if (!sum) continue;
    sum.count++;
    sum.sumW += residuals[row] ?? 0;
  }
  const present = sums.filter((sum) => sum.count > 0);
  if (present.length < 3) return 1;
  const mean = present.reduce((sum, { count, sumW }) => sum + sumW ** 2 / count, 0);
  return Math.max(1, mean / present.length / noiseW2);
}

function initialNoise(rows: Rows): number {
  const mean = meanOf(rows.meterW);
  return Math.max((0.02 * mean) ** 2, 1e-6);
}

export function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length > 0 ? sum / values.length : 0;
}

function medianMagnitude(values: Float64Array): number {
  const magnitudes = values.map(Math.abs).sort();
  return magnitudes[magnitudes.length >> 1] ?? 0;
}
