// How sure a fit is: a bootstrap of runs or stretches, and of applications where they are labelled, for the covariance;
// and folds that are left out for the error on what a fit has not seen. All of it works on sums of Grams.
import {
  addGram,
  emptyGram,
  inverseSymmetric,
  solveBounded,
  type Gram,
} from './bounded-regression.ts';
import { foldKindOf, foldsOf, type Chunked, type FoldKind } from './chunks.ts';
import type { Rows } from './rows.ts';
import type { FitColumn } from './fit-columns.ts';
import { seededRandom } from './seeded-random.ts';

const REPLICATES_COUNT = 200;

export interface Covariance {
  /** Row by row, [intercept, coefficients]. */
  readonly cells: Float64Array;
  readonly dof: number;
}

/**
 * Covariance of the parameters: what the data leave open, by a bootstrap of whole runs (four or more) or chunks; what
 * applications do to it where three or more are labelled; and what the priors hide: H⁻¹ P H⁻¹ with H the curvature and P
 * the precision of the priors.
 */
export function covarianceOf(chunked: Chunked, parameters: Float64Array, seed: number): Covariance {
  const { noiseW2, ridge } = chunked;
  const size = ridge.lower.length;
  const units = unitsOf(chunked);
  const cells = bootstrapCovariance(chunked, units, seed);
  const curvature = totalOf(chunked.grams, size).zz.map((cell) => cell / noiseW2);
  for (let i = 0; i < size; i++) {
    curvature[i * size + i] = (curvature[i * size + i] ?? 0) + (ridge.precision[i] ?? 0);
  }
  const inverse = inverseSymmetric(curvature, size);
  const applicationsCount = foldsOf(chunked.chunks, 'application').length;
  if (applicationsCount >= 3) {
    addSandwich(cells, inverse, applicationScores(chunked, parameters));
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let hidden = 0;
      for (let k = 0; k < size; k++) {
        hidden +=
          (inverse[i * size + k] ?? 0) * (ridge.precision[k] ?? 0) * (inverse[k * size + j] ?? 0);
      }
      cells[i * size + j] = (cells[i * size + j] ?? 0) + hidden;
    }
  }
  const unitsDof = Math.max(1, units.length - 1);
  return { cells, dof: applicationsCount >= 3 ? Math.min(unitsDof, applicationsCount) : unitsDof };
}

function bootstrapCovariance(
  { noiseW2, ridge }: Chunked,
  units: readonly Gram[],
  seed: number,
): Float64Array {
  const size = ridge.lower.length;
  const random = seededRandom(seed);
  const draws: Float64Array[] = [];
  for (let replicate = 0; replicate < REPLICATES_COUNT; replicate++) {
    const gram = emptyGram(size);
    for (let draw = 0; draw < units.length; draw++) {
      const unit = units[Math.floor(random() * units.length)];
      if (unit) addGram(gram, unit);
    }
    draws.push(solveBounded(gram, noiseW2, ridge));
  }
  const covariance = new Float64Array(size * size);
  const mean = new Float64Array(size);
  for (const draw of draws) {
    for (let i = 0; i < size; i++) mean[i] = (mean[i] ?? 0) + (draw[i] ?? 0) / draws.length;
  }
  // Few units spread too little: the usual n / (n - 1) and one for each parameter.
  const small = units.length / Math.max(1, units.length - size);
  for (const draw of draws) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const product = ((draw[i] ?? 0) - (mean[i] ?? 0)) * ((draw[j] ?? 0) - (mean[j] ?? 0));
        covariance[i * size + j] =
          (covariance[i * size + j] ?? 0) + (small * product) / (draws.length - 1);
      }
    }
  }
  return covariance;
}

/** Whole runs where there are four or more, else chunks. */
function unitsOf({ grams, chunks }: Chunked): readonly Gram[] {
  const byRun = new Map<number, Gram>();
  grams.forEach((gram, index) => {
    const run = chunks[index]?.run ?? 0;
    const sum = byRun.get(run) ?? emptyGram(gram.size);
    addGram(sum, gram);
    byRun.set(run, sum);
  });
  return byRun.size >= 4 ? [...byRun.values()] : grams;
}

/**
 * Pull of each application's residuals on the parameters, in units of the curvature. Drawing these with random signs is
 * the wild cluster bootstrap; its covariance is known without drawing (Liang and Zeger 1986, with G / (G - 1)).
 */
function applicationScores(
  { grams, chunks, noiseW2, ridge }: Chunked,
  parameters: Float64Array,
): readonly Float64Array[] {
  const size = ridge.lower.length;
  const scores = new Map<number, Float64Array>();
  grams.forEach((gram, index) => {
    const application = chunks[index]?.application ?? -1;
    const score = scores.get(application) ?? new Float64Array(size);
    for (let i = 0; i < size; i++) {
      let pull = gram.zy[i] ?? 0;
      for (let j = 0; j < size; j++) {
        pull -= (gram.zz[i * size + j] ?? 0) * (parameters[j] ?? 0);
      }
      score[i] = (score[i] ?? 0) + pull / noiseW2;
    }
    scores.set(application, score);
  });
  const small = Math.sqrt(scores.size / Math.max(1, scores.size - 1));
  return [...scores.values()].map((score) => score.map((cell) => cell * small));
}

function addSandwich(
  cells: Float64Array,
  inverse: Float64Array,
  scores: readonly Float64Array[],
): void {
  for (const score of scores) {
    const size = score.length;
    const moved = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        moved[i] = (moved[i] ?? 0) + (inverse[i * size + j] ?? 0) * (score[j] ?? 0);
      }
    }
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        cells[i * size + j] = (cells[i * size + j] ?? 0) + (moved[i] ?? 0) * (moved[j] ?? 0);
      }
    }
  }
}

/** Parameters of the fit without each fold of a kind. */
export function fitsWithout(
  { grams, chunks, noiseW2, ridge }: Chunked,
  kind: FoldKind,
): ReadonlyMap<number, Float64Array> {
  const size = ridge.lower.length;
  const total = totalOf(grams, size);
  const fits = new Map<number, Float64Array>();
  for (const fold of foldsOf(chunks, kind)) {
    const gram = emptyGram(size);
    grams.forEach((each, index) => {
      if (chunks[index]?.[kind] === fold) addGram(gram, each);
    });
    const rest = emptyGram(size);
    addGram(rest, total);
    addGram(rest, gram, -1);
    fits.set(fold, solveBounded(rest, noiseW2, ridge));
  }
  return fits;
}

/** Share of rows by which forms are compared; the rest, load edges and outliers, says little of gains (Rousseeuw 1984). */
const KEPT_RATIO = 0.75;

/**
 * Error of rows whose fold was left out, W: the root of the least trimmed squares over three quarters of them, level of
 * the run taken off. Infinity where there is but one fold.
 */
export function crossErrorW(
  rows: Rows,
  columns: readonly FitColumn[],
  effectsW: Float64Array,
  chunked: Chunked,
): number {
  const { chunks } = chunked;
  const kind = foldKindOf(chunks);
  const fits = fitsWithout(chunked, kind);
  if (fits.size < 2) return Infinity;
  const squares = new Float64Array(rows.count);
  let count = 0;
  for (const chunk of chunks) {
    const parameters = fits.get(chunk[kind]);
    if (!parameters) continue;
    for (let row = chunk.from; row < chunk.until; row++) {
      let missW = (rows.meterW[row] ?? 0) - (effectsW[chunk.run] ?? 0) - (parameters[0] ?? 0);
      for (let place = 0; place < columns.length; place++) {
        missW -= (parameters[place + 1] ?? 0) * (columns[place]?.meanW[row] ?? 0);
      }
      squares[count++] = missW * missW;
    }
  }
  const kept = Math.max(1, Math.floor(KEPT_RATIO * count));
  const least = squares.subarray(0, count).sort();
  let sum = 0;
  for (let place = 0; place < kept; place++) sum += least[place] ?? 0;
  return Math.sqrt(sum / kept);
}

function totalOf(grams: readonly Gram[], size: number): Gram {
  const total = emptyGram(size);
  for (const gram of grams) addGram(total, gram);
  return total;
}
