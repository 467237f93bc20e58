// What a joint fit says of the nodes and of their sum at given chip powers, with the covariance between the nodes: errors
// that the common meter ties together cancel in the sum and in every share of it.
export interface JointParameters {
  readonly nodes: readonly { readonly levelW: number; readonly gains: readonly number[] }[];
  /** Covariance of [level, gains] of the nodes in their order, row by row. */
  readonly covariance: ArrayLike<number>;
  readonly levelAt: readonly number[];
}

export interface JointPrediction {
  readonly nodeW: readonly number[];
  readonly totalW: number;
  /** Between the nodes, W², row by row. */
  readonly covarianceW2: Float64Array;
}

/** `powerW`: per node the power of each term. */
export function predictShared(
  fit: JointParameters,
  powerW: readonly (readonly number[])[],
): JointPrediction {
  const size = Math.round(Math.sqrt(fit.covariance.length));
  const count = fit.nodes.length;
  const designs = powerW.map((own) => [1, ...own]);
  const nodeW = fit.nodes.map(({ levelW, gains }, node) =>
    gains.reduce((sum, gain, term) => sum + gain * (powerW[node]?.[term] ?? 0), levelW),
  );
  const covarianceW2 = new Float64Array(count * count);
  for (let one = 0; one < count; one++) {
    for (let other = 0; other < count; other++) {
      let sum = 0;
      designs[one]?.forEach((x, i) => {
        designs[other]?.forEach((y, j) => {
          const row = (fit.levelAt[one] ?? 0) + i;
          sum += x * y * (fit.covariance[row * size + (fit.levelAt[other] ?? 0) + j] ?? 0);
        });
      });
      covarianceW2[one * count + other] = sum;
    }
  }
  return { nodeW, totalW: nodeW.reduce((sum, each) => sum + each, 0), covarianceW2 };
}

/** Standard uncertainty of one node, W. */
export const nodeUncertaintyW = ({ nodeW, covarianceW2 }: JointPrediction, node: number): number =>
  Math.sqrt(Math.max(0, covarianceW2[node * (nodeW.length + 1)] ?? 0));

/** Standard uncertainty of the sum of all nodes, W. */
export const totalUncertaintyW = ({ covarianceW2 }: JointPrediction): number =>
  Math.sqrt(
    Math.max(
      0,
      covarianceW2.reduce((sum, each) => sum + each, 0),
    ),
  );

/** Standard uncertainty of each node's share of the sum (first order: δs = (δp - s δP) / P). */
export function shareUncertainties(prediction: JointPrediction): readonly number[] {
  const { nodeW, totalW, covarianceW2 } = prediction;
  const count = nodeW.length;
  const totalW2 = totalUncertaintyW(prediction) ** 2;
  return nodeW.map((each, node) => {
    if (!(totalW > 0)) return 0;
    const share = each / totalW;
    let withTotalW2 = 0;
    for (let other = 0; other < count; other++) {
      withTotalW2 += covarianceW2[node * count + other] ?? 0;
    }
    const ownW2 = covarianceW2[node * (count + 1)] ?? 0;
    const variance = ownW2 - 2 * share * withTotalW2 + share ** 2 * totalW2;
    return Math.sqrt(Math.max(0, variance)) / totalW;
  });
}
