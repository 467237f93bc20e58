// How sure the parameters of a long fit are: days are drawn anew, each with all its rows, so that whatever makes the rows
// of a day err alike is in the spread. Each draw is one Newton step on sums that are there already.
import {
  addGram,
  emptyGram,
  inverseSymmetric,
  solveBounded,
  type Ridge,
} from '../bounded-regression.ts';
import { levelFreeGram, type DaySums } from './day-sums.ts';
import { seededRandom } from '../seeded-random.ts';

const REPLICATES_COUNT = 400;
/** With fewer days per parameter a bootstrap sees too little; then the curvature stands in, with the noise inflated. */
const DAYS_PER_PARAMETER = 3;

export interface Spread {
  /** Row by row. */
  readonly covariance: Float64Array;
  readonly dof: number;
}

/** `noiseW2` is the variance of one row times its autocorrelation. */
export function spreadOfDays(
  sums: readonly DaySums[],
  rowsPerLevel: number,
  noiseW2: number,
  ridge: Ridge,
  seed: number,
): Spread {
  const size = ridge.lower.length;
  const grams = sums.map((each) => levelFreeGram(each, rowsPerLevel));
  const total = emptyGram(size);
  for (const gram of grams) addGram(total, gram);
  const curvature = total.zz.map((sum) => sum / noiseW2);
  for (let i = 0; i < size; i++) {
    curvature[i * size + i] = (curvature[i * size + i] ?? 0) + (ridge.precision[i] ?? 0);
  }
  const inverse = inverseSymmetric(curvature, size);
  if (grams.length < DAYS_PER_PARAMETER * size) {
    return { covariance: inverse, dof: Math.max(1, grams.length - 1) };
  }
  const random = seededRandom(seed);
  const draws: Float64Array[] = [];
  for (let replicate = 0; replicate < REPLICATES_COUNT; replicate++) {
    const gram = emptyGram(size);
    for (let draw = 0; draw < grams.length; draw++) {
      const day = grams[Math.floor(random() * grams.length)];
      if (day) addGram(gram, day);
    }
    draws.push(solveBounded(gram, noiseW2, ridge));
  }
  // Few days spread too little: the usual n / (n - 1), and one for each parameter.
  const smallRatio = grams.length / (grams.length - size);
  const covariance = covarianceOfDraws(draws, size).map((each) => smallRatio * each);
  addWhatPriorsHide(covariance, inverse, ridge);
  return { covariance, dof: grams.length - size };
}

function covarianceOfDraws(draws: readonly Float64Array[], size: number): Float64Array {
  const mean = new Float64Array(size);
  for (const draw of draws) {
    for (let i = 0; i < size; i++) mean[i] = (mean[i] ?? 0) + (draw[i] ?? 0) / draws.length;
  }
  const covariance = new Float64Array(size * size);
  for (const draw of draws) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const product = ((draw[i] ?? 0) - (mean[i] ?? 0)) * ((draw[j] ?? 0) - (mean[j] ?? 0));
        covariance[i * size + j] = (covariance[i * size + j] ?? 0) + product / (draws.length - 1);
      }
    }
  }
  return covariance;
}

/** Priors hold every draw in the same place: H⁻¹ P H⁻¹ is what they hide, as in `resampling.ts`. */
function addWhatPriorsHide(covariance: Float64Array, inverse: Float64Array, ridge: Ridge): void {
  const size = ridge.lower.length;
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
}
