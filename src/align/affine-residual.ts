// The yardstick of alignment: how well an affine of the chips' mean power explains the meter's, over the windows that
// both cover. One pass, centred sums, no allocation beyond the means.
import { meansOver, type EnergySeries } from './energy-series.ts';

export interface AffineResidual {
  readonly rowsCount: number;
  /** Mean squared residual, W²; Infinity where fewer than three rows are covered. */
  readonly meanSquareW2: number;
  /** Variance of the meter over the same rows, W². */
  readonly meterVarianceW2: number;
  readonly gainRatio: number;
  /** Variance of the chips over the same rows, W². */
  readonly chipVarianceW2: number;
}

/** Ascending windows on the chips' own origin against the meter's means. Rows covered less than 95 % do not count. */
export function affineResidual(
  chips: EnergySeries,
  fromS: Float64Array,
  untilS: Float64Array,
  meterW: Float64Array,
): AffineResidual {
  const { meanW, coveredRatio } = meansOver(chips, fromS, untilS);
  let count = 0;
  let meanX = 0;
  let meanY = 0;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let row = 0; row < meanW.length; row++) {
    if ((coveredRatio[row] ?? 0) < 0.95) continue;
    const x = meanW[row] ?? 0;
    const y = meterW[row] ?? 0;
    count++;
    const offX = x - meanX;
    const offY = y - meanY;
    meanX += offX / count;
    meanY += offY / count;
    xx += offX * (x - meanX);
    yy += offY * (y - meanY);
    xy += offX * (y - meanY);
  }
  if (count < 3) {
    return {
      rowsCount: count,
      meanSquareW2: Infinity,
      meterVarianceW2: 0,
      gainRatio: 0,
      chipVarianceW2: 0,
    };
  }
  // More chip power never means less at the wall: a falling line is no fit.
  const gainRatio = xx > 0 && xy > 0 ? xy / xx : 0;
  return {
    rowsCount: count,
    meanSquareW2: Math.max(0, yy - gainRatio * xy) / count,
    meterVarianceW2: yy / count,
    gainRatio,
    chipVarianceW2: xx / count,
  };
}

/**
 * Golden-section search for the minimum of a function that has one between the bounds; gives the argument. Kiefer 1953.
 */
export function goldenMinimum(
  cost: (argument: number) => number,
  low: number,
  high: number,
  tolerance: number,
): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let left = low;
  let right = high;
  let inner = right - ratio * (right - left);
  let outer = left + ratio * (right - left);
  let innerCost = cost(inner);
  let outerCost = cost(outer);
  while (right - left > tolerance) {
    if (innerCost <= outerCost) {
      right = outer;
      outer = inner;
      outerCost = innerCost;
      inner = right - ratio * (right - left);
      innerCost = cost(inner);
    } else {
      left = inner;
      inner = outer;
      innerCost = outerCost;
      outer = left + ratio * (right - left);
      outerCost = cost(outer);
    }
  }
  return (left + right) / 2;
}
