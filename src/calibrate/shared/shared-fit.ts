// Several nodes behind the same meters, fitted together: y = Σ_n (a_n + Σ_k g_nk x_nk), bounded by physics, robust, with
// the covariance of all parameters at once. The sum is known far better than its parts, and only the covariance says so.
import type { GainEvidence, LevelEvidence, LevelRule } from '../../quantity/correction.ts';
import { emptyGram, solveBounded, type Gram, type Ridge } from '../bounded-regression.ts';
import { basisOf, type Basis, type SharedNode } from './shared-basis.ts';
import { evidenceOf, fromNoise, onParameters, posteriorOf } from './shared-posterior.ts';
import { chipsOfW, type SharedRows } from './shared-rows.ts';

export interface SharedNodeFit {
  readonly node: string;
  readonly levelW: number;
  readonly gains: readonly number[];
  readonly levelEvidence: LevelEvidence;
  readonly gainEvidence: readonly GainEvidence[];
}

export interface SharedFit {
  readonly nodes: readonly SharedNodeFit[];
  readonly levelRule: LevelRule;
  /** Covariance of [level, gains] of the nodes in their order, row by row; W², W and 1. */
  readonly covariance: Float64Array;
  /** What of it comes from the noise of the rows; the rest is the priors', and of type B. */
  readonly noiseCovariance: Float64Array;
  readonly levelAt: readonly number[];
  /** Standard deviation of one row's residual, W, and the variance of a long mean over that of independent rows. */
  readonly residualW: number;
  readonly inflationRatio: number;
  readonly dof: number;
}

const HUBER = 1.345;
const ROUNDS_COUNT = 12;
const CHUNK_S = 60;

/**
 * Fits the nodes of a group. `rows` must hold evidence (at least a dozen rows); loads that go together are no fault: what
 * they leave open stays at its prior, with the prior's uncertainty, and is named.
 */
export function fitShared(
  rows: SharedRows,
  nodes: readonly SharedNode[],
  levelRule: LevelRule,
): SharedFit {
  const columns = columnsOf(rows);
  const meanW = Math.max(meanOf(rows.meterW), 1);
  let levelW = Math.max(meanW - 1.17 * meanOf(chipsOfW(rows)), 0.05 * meanW);
  const state = {
    weights: new Float64Array(rows.count).fill(1),
    residuals: new Float64Array(rows.count),
    noiseW2: Math.max((0.02 * meanW) ** 2, 1e-6),
    inflationRatio: 1,
  };
  let basis = basisOf(nodes, levelRule, levelW, 10 * meanW);
  let solution = Float64Array.from(basis.pieces, (piece) => piece.centre);
  let gram = emptyGram(basis.pieces.length);
  for (let round = 0; round < ROUNDS_COUNT; round++) {
    gram = onPieces(gramOf(rows.meterW, columns, state.weights), basis);
    const noiseW2 = state.noiseW2 * state.inflationRatio;
    solution = Float64Array.from(solveBounded(gram, noiseW2, ridgeOf(basis, solution)));
    judge(rows, columns, parametersOf(basis, solution), state);
    levelW = Math.max(solution[0] ?? 0, 1e-3 * meanW);
    basis = basisOf(nodes, levelRule, levelW, 10 * meanW);
  }
  const posterior = posteriorOf(gram, state.noiseW2 * state.inflationRatio, basis);
  const covariance = onParameters(posterior, basis);
  const noise = fromNoise(posterior, gram, state.noiseW2 * state.inflationRatio);
  const size = basis.parametersCount;
  let fittedCount = 0;
  basis.pieces.forEach((piece, index) => {
    const variance = posterior[index * (basis.pieces.length + 1)] ?? 0;
    fittedCount += Math.max(0, 1 - variance / piece.spread ** 2);
  });
  const parameters = parametersOf(basis, solution);
  const told = evidenceOf(nodes, basis, posterior, covariance);
  return {
    nodes: nodes.map(({ node, terms }, index) => {
      const at = basis.levelAt[index] ?? 0;
      return {
        node,
        levelW: Math.max(0, parameters[at] ?? 0),
        gains: terms.map((term, place) =>
          Math.max(term.prior.lowerRatio, parameters[at + 1 + place] ?? 0),
        ),
        levelEvidence: told.levels[index] ?? 'sum',
        gainEvidence: told.gains[index] ?? [],
      };
    }),
    levelRule,
    covariance,
    noiseCovariance: onParameters(noise, basis),
    levelAt: basis.levelAt,
    residualW: Math.sqrt(
      state.residuals.reduce((sum, each) => sum + each * each, 0) /
        Math.max(1, rows.count - Math.min(size, fittedCount)),
    ),
    inflationRatio: state.inflationRatio,
    dof: freedomOf(rows, fittedCount),
  };
}

/** Columns in the order of the parameters: of each node whether it was on, then the power of its terms. */
function columnsOf(rows: SharedRows): readonly Float64Array[] {
  const ones = new Float64Array(rows.count).fill(1);
  return rows.chipW.flatMap((own, node) => [rows.onRatio[node] ?? ones, ...own]);
}

function gramOf(
  meterW: Float64Array,
  columns: readonly Float64Array[],
  weights: Float64Array,
): Gram {
  const size = columns.length;
  const gram = emptyGram(size);
  const row = new Float64Array(size);
  for (let at = 0; at < meterW.length; at++) {
    const weight = weights[at] ?? 0;
    const y = meterW[at] ?? 0;
    for (let i = 0; i < size; i++) row[i] = columns[i]?.[at] ?? 0;
    for (let i = 0; i < size; i++) {
      const weighted = weight * (row[i] ?? 0);
      gram.zy[i] = (gram.zy[i] ?? 0) + weighted * y;
      for (let j = 0; j <= i; j++) {
        gram.zz[i * size + j] = (gram.zz[i * size + j] ?? 0) + weighted * (row[j] ?? 0);
      }
    }
    gram.yy += weight * y * y;
    gram.weight += weight;
    gram.rowsCount++;
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) gram.zz[j * size + i] = gram.zz[i * size + j] ?? 0;
  }
  return gram;
}

/** The same sums, of the pieces: what enters several parameters sees the sum of their columns. */
function onPieces(gram: Gram, { pieces }: Basis): Gram {
  const onto = emptyGram(pieces.length);
  pieces.forEach((one, i) => {
    for (const [parameter, times] of one.enters) {
      onto.zy[i] = (onto.zy[i] ?? 0) + times * (gram.zy[parameter] ?? 0);
    }
    pieces.forEach((other, j) => {
      let sum = 0;
      for (const [a, timesA] of one.enters) {
        for (const [b, timesB] of other.enters) {
          sum += timesA * timesB * (gram.zz[a * gram.size + b] ?? 0);
        }
      }
      onto.zz[i * pieces.length + j] = sum;
    });
  });
  onto.yy = gram.yy;
  onto.weight = gram.weight;
  onto.rowsCount = gram.rowsCount;
  return onto;
}

const ridgeOf = ({ pieces }: Basis, before: Float64Array): Ridge => ({
  lower: Float64Array.from(pieces, (piece) => piece.lower(before)),
  centre: Float64Array.from(pieces, (piece) => piece.centre),
  precision: Float64Array.from(pieces, (piece) => 1 / piece.spread ** 2),
});

function parametersOf({ pieces, parametersCount }: Basis, solution: Float64Array): Float64Array {
  const parameters = new Float64Array(parametersCount);
  pieces.forEach((piece, index) => {
    for (const [parameter, times] of piece.enters) {
      parameters[parameter] = (parameters[parameter] ?? 0) + times * (solution[index] ?? 0);
    }
  });
  return parameters;
}

interface Judgement {
  readonly weights: Float64Array;
  readonly residuals: Float64Array;
  noiseW2: number;
  inflationRatio: number;
}

/** Residuals, the noise that they show, how alike neighbours are, and what each row then weighs (Huber). */
function judge(
  rows: SharedRows,
  columns: readonly Float64Array[],
  parameters: Float64Array,
  state: Judgement,
): void {
  const { weights, residuals } = state;
  for (let row = 0; row < rows.count; row++) {
    let powerW = 0;
    for (let at = 0; at < columns.length; at++) {
      powerW += (parameters[at] ?? 0) * (columns[at]?.[row] ?? 0);
    }
    residuals[row] = (rows.meterW[row] ?? 0) - powerW;
  }
  const magnitudes = residuals.map(Math.abs).sort();
  const middle = magnitudes[magnitudes.length >> 1] ?? 0;
  const scaleW = Math.max(middle * 1.4826, 1e-6 * meanOf(rows.meterW), 1e-6);
  let squares = 0;
  let weight = 0;
  for (let row = 0; row < rows.count; row++) {
    const magnitude = Math.abs(residuals[row] ?? 0);
    weights[row] = magnitude <= HUBER * scaleW ? 1 : (HUBER * scaleW) / magnitude;
    squares += (weights[row] ?? 0) * magnitude * magnitude;
    weight += weights[row] ?? 0;
  }
  state.noiseW2 = Math.max(scaleW ** 2, squares / Math.max(weight, 1e-9));
  const totalS = rows.lengthS.reduce((sum, each) => sum + each, 0);
  state.inflationRatio = Math.max(
    inflationOf(rows, residuals, state.noiseW2, Math.min(CHUNK_S, totalS / 12)),
    inflationOf(rows, residuals, state.noiseW2, totalS / 24),
  );
}

/**
 * Degrees of freedom of the noise: stretches long enough to be independent, less what was fitted. Priors hold the fit where
 * there is more to fit than stretches, so at least half of them count.
 */
function freedomOf(rows: SharedRows, fittedCount: number): number {
  const totalS = rows.lengthS.reduce((sum, each) => sum + each, 0);
  const chunksCount = totalS / Math.min(CHUNK_S, totalS / 12);
  return Math.max(chunksCount / 2, chunksCount - fittedCount);
}

/** Variance of means of stretches of `chunkS`, over that of independent rows; at least 1. */
function inflationOf(
  rows: SharedRows,
  residuals: Float64Array,
  noiseW2: number,
  chunkS: number,
): number {
  let squares = 0;
  let chunksCount = 0;
  let sum = 0;
  let count = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    sum += residuals[row] ?? 0;
    count++;
    lengthS += rows.lengthS[row] ?? 0;
    if (lengthS < chunkS * (1 - 1e-6) && row + 1 < rows.count) continue;
    squares += (sum * sum) / count;
    chunksCount++;
    sum = 0;
    count = 0;
    lengthS = 0;
  }
  return Math.max(1, squares / Math.max(1, chunksCount) / noiseW2);
}

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const each of values) sum += each;
  return values.length > 0 ? sum / values.length : 0;
}
