// What a joint fit leaves open: the covariance of its pieces and of the nodes' parameters, how much of it the noise of the
// rows brought in and how much the priors left, and in words what each parameter rests on.
import type { GainEvidence, LevelEvidence } from '../../quantity/correction.ts';
import { inverseSymmetric, type Gram } from '../bounded-regression.ts';
import { gainEvidence, levelEvidence } from './identifiability.ts';
import { weightsOf, type Basis, type SharedNode } from './shared-basis.ts';

/** Covariance of the pieces: the inverse of what data and priors curve together. */
export function posteriorOf(gram: Gram, noiseW2: number, { pieces }: Basis): Float64Array {
  const size = pieces.length;
  const curvature = gram.zz.map((cell) => cell / noiseW2);
  pieces.forEach((piece, index) => {
    const at = index * (size + 1);
    curvature[at] = (curvature[at] ?? 0) + 1 / piece.spread ** 2;
  });
  return inverseSymmetric(curvature, size);
}

/** C G C: how far the noise of the rows alone moves the solution, C being the posterior and G the curvature of the data. */
export function fromNoise(posterior: Float64Array, gram: Gram, noiseW2: number): Float64Array {
  const { size } = gram;
  const product = (one: Float64Array, other: Float64Array): Float64Array => {
    const into = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < size; k++) {
        const cell = one[i * size + k] ?? 0;
        for (let j = 0; j < size; j++) {
          into[i * size + j] = (into[i * size + j] ?? 0) + cell * (other[k * size + j] ?? 0);
        }
      }
    }
    return into;
  };
  const curvature = gram.zz.map((cell) => cell / noiseW2);
  return product(product(posterior, curvature), posterior);
}

/** Covariance of the parameters, from one of the pieces. */
export function onParameters(pieceCovariance: Float64Array, basis: Basis): Float64Array {
  const { pieces, parametersCount: size } = basis;
  const covariance = new Float64Array(size * size);
  pieces.forEach((one, i) => {
    pieces.forEach((other, j) => {
      const cell = pieceCovariance[i * pieces.length + j] ?? 0;
      for (const [a, timesA] of one.enters) {
        for (const [b, timesB] of other.enters) {
          const at = a * size + b;
          covariance[at] = (covariance[at] ?? 0) + timesA * timesB * cell;
        }
      }
    });
  });
  return covariance;
}

/** In words, per node: what its level and each of its gains rest on. */
export function evidenceOf(
  nodes: readonly SharedNode[],
  basis: Basis,
  posterior: Float64Array,
  covariance: Float64Array,
): { levels: LevelEvidence[]; gains: GainEvidence[][] } {
  const { pieces, levelAt, parametersCount: size } = basis;
  const prior = onParameters(
    Float64Array.from({ length: pieces.length ** 2 }, (_, cell) => {
      const row = Math.floor(cell / pieces.length);
      return cell % (pieces.length + 1) === 0 ? (pieces[row]?.spread ?? 0) ** 2 : 0;
    }),
    basis,
  );
  const own = new Map<number, { prior: number; posterior: number }>();
  pieces.forEach((piece, index) => {
    const parameter = piece.enters[0]?.[0];
    if (piece.is === 'own-gain' && parameter !== undefined) {
      const variance = posterior[index * (pieces.length + 1)] ?? 0;
      own.set(parameter, { prior: piece.spread ** 2, posterior: variance });
    }
  });
  const diagonal = (of: Float64Array, at: number): number => of[at * (size + 1)] ?? 0;
  // What the levels would spread by if their sum were known exactly: less than that is knowledge of a level's own.
  const weights = weightsOf(nodes);
  const owns = pieces.filter(({ is }) => is === 'own-level').map(({ spread }) => spread ** 2);
  const spread = owns.reduce((sum, each) => sum + each, 0);
  return {
    levels: nodes.map((_, index) => {
      if (nodes.length < 2) return 'own';
      const weight = weights[index] ?? 0;
      const free = (owns[index] ?? 0) * (1 - 2 * weight) + weight ** 2 * spread;
      return levelEvidence(free, diagonal(covariance, levelAt[index] ?? 0));
    }),
    gains: nodes.map(({ terms }, index) =>
      terms.map((_, place) => {
        const at = (levelAt[index] ?? 0) + 1 + place;
        const gain = { prior: diagonal(prior, at), posterior: diagonal(covariance, at) };
        return gainEvidence({ gain, own: own.get(at) });
      }),
    ),
  };
}
