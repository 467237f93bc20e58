// What the data leave open, by taking them apart again: a bootstrap of chunks or runs for the covariance, and folds that
// are left out for the error on what a fit has not seen. Both work on sums of Grams.
import {
  addGram,
  emptyGram,
  inverseSymmetric,
  solveBounded,
  squaredError,
  type Gram,
} from './bounded-regression.ts';
import type { Chunk, Chunked } from './chunks.ts';
import { seededRandom } from './seeded-random.ts';

const REPLICATES_COUNT = 200;

/**
 * Covariance of the parameters: what the data leave open, by a bootstrap of whole runs (four or more) or chunks, plus
 * what the priors hide: H⁻¹ P H⁻¹ with H the curvature and P the precision of the priors.
 */
export function covarianceOf(chunked: Chunked, seed: number): Float64Array {
  const { grams, chunks, noiseW2, ridge } = chunked;
  const size = ridge.lower.length;
  const units = unitsOf(grams, chunks);
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
  const total = emptyGram(size);
  for (const gram of grams) addGram(total, gram);
  const curvature = total.zz.map((cell) => cell / noiseW2);
  for (let i = 0; i < size; i++) {
    curvature[i * size + i] = (curvature[i * size + i] ?? 0) + (ridge.precision[i] ?? 0);
  }
  const inverse = inverseSymmetric(curvature, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let hidden = 0;
      for (let k = 0; k < size; k++) {
        hidden +=
          (inverse[i * size + k] ?? 0) * (ridge.precision[k] ?? 0) * (inverse[k * size + j] ?? 0);
      }
      covariance[i * size + j] = (covariance[i * size + j] ?? 0) + hidden;
    }
  }
  return covariance;
}

function unitsOf(grams: readonly Gram[], chunks: readonly Chunk[]): readonly Gram[] {
  const byRun = new Map<number, Gram>();
  grams.forEach((gram, index) => {
    const run = chunks[index]?.run ?? 0;
    const sum = byRun.get(run) ?? emptyGram(gram.size);
    addGram(sum, gram);
    byRun.set(run, sum);
  });
  return byRun.size >= 4 ? [...byRun.values()] : grams;
}

export function crossValidated({ grams, chunks, noiseW2, ridge }: Chunked): {
  rootW: number;
  biasW: number;
} {
  const size = ridge.lower.length;
  const total = emptyGram(size);
  const folds = new Map<number, Gram>();
  grams.forEach((gram, index) => {
    const fold = chunks[index]?.fold ?? 0;
    const sum = folds.get(fold) ?? emptyGram(size);
    addGram(sum, gram);
    folds.set(fold, sum);
    addGram(total, gram);
  });
  let error = 0;
  let weight = 0;
  let biasSquares = 0;
  let foldsCount = 0;
  for (const [fold, gram] of folds) {
    // Rows between applications belong to none: they train every fold and are scored in none.
    if (fold < 0 || folds.size < 2) continue;
    const rest = emptyGram(size);
    addGram(rest, total);
    addGram(rest, gram, -1);
    const parameters = solveBounded(rest, noiseW2, ridge);
    error += squaredError(gram, parameters);
    weight += gram.weight;
    // The first row of the Gram sums what an intercept sees: its gradient is the summed error.
    let sum = gram.zy[0] ?? 0;
    parameters.forEach((each, column) => (sum -= each * (gram.zz[column] ?? 0)));
    biasSquares += (sum / Math.max(gram.weight, 1e-9)) ** 2;
    foldsCount++;
  }
  return {
    rootW: weight > 0 ? Math.sqrt(error / weight) : Infinity,
    biasW: foldsCount > 0 ? Math.sqrt(biasSquares / foldsCount) : 0,
  };
}
