// The gates between a fit and an accepted model: enough evidence, aligned clocks, and a held-back part of the data that
// is predicted within limits far tighter than ASHRAE Guideline 14 (NMBE 5 %, CV 15 % monthly), which every affine passes.
import type { Rows } from './evidence-rows.ts';

export interface HeldBackCheck {
  /** (predicted - metered) / metered over the held-back part; NMBE of ASHRAE Guideline 14 with the sign kept. */
  readonly biasRatio: number;
  /** RMS error of blocks over mean power; CV(RMSE). */
  readonly cvRatio: number;
  readonly blockS: number;
  readonly blocksCount: number;
}

const BIAS_RATIO_MAX = 0.01;
const CV_RATIO_MAX = 0.02;
/** Half an hour: thirty blocks of a minute. */
const EVIDENCE_S_MIN = 1800;
const BLOCK_S = 60;

/** Error of parameters on rows that they were not fitted on, in blocks of about a minute within one run. */
export function checkHeldBack(
  rows: Rows,
  columns: readonly Float64Array[],
  parameters: Float64Array,
): HeldBackCheck {
  let meteredJ = 0;
  let errorJ = 0;
  let squares = 0;
  let blocksCount = 0;
  let blockErrorJ = 0;
  let blockS = 0;
  let totalS = 0;
  for (let row = 0; row < rows.count; row++) {
    let predictedW = parameters[0] ?? 0;
    columns.forEach((column, term) => {
      predictedW += (parameters[term + 1] ?? 0) * (column[row] ?? 0);
    });
    const lengthS = rows.lengthS[row] ?? 0;
    const meterW = rows.meterW[row] ?? 0;
    meteredJ += meterW * lengthS;
    errorJ += (predictedW - meterW) * lengthS;
    blockErrorJ += (predictedW - meterW) * lengthS;
    blockS += lengthS;
    totalS += lengthS;
    const ends = row + 1 === rows.count || rows.run[row + 1] !== rows.run[row];
    if (blockS < BLOCK_S * (1 - 1e-6) && !ends) continue;
    squares += (blockErrorJ / blockS) ** 2;
    blocksCount++;
    blockErrorJ = 0;
    blockS = 0;
  }
  const meanW = meteredJ / totalS;
  return {
    biasRatio: errorJ / meteredJ,
    cvRatio: Math.sqrt(squares / Math.max(1, blocksCount)) / meanW,
    blockS: BLOCK_S,
    blocksCount,
  };
}

/** The gates that a model has not passed, in words for people. */
export function openGates(
  rows: Rows,
  held: HeldBackCheck | undefined,
  aligned: boolean,
): readonly string[] {
  const open: string[] = [];
  let coveredS = 0;
  for (const lengthS of rows.lengthS) coveredS += lengthS;
  if (coveredS < EVIDENCE_S_MIN) {
    open.push(
      `evidence: ${(coveredS / 60).toFixed(1)} of ${EVIDENCE_S_MIN / 60} minutes with both instruments`,
    );
  }
  if (!aligned) open.push('alignment: no load edge shows how the clocks differ');
  if (!held) {
    open.push('held-back check: too little evidence to hold any back');
    return open;
  }
  if (Math.abs(held.biasRatio) > BIAS_RATIO_MAX) {
    open.push(
      `held-back energy: off by ${percent(held.biasRatio)}, allowed ${percent(BIAS_RATIO_MAX)}`,
    );
  }
  if (held.cvRatio > CV_RATIO_MAX) {
    open.push(
      `held-back minutes: RMS error ${percent(held.cvRatio)}, allowed ${percent(CV_RATIO_MAX)}`,
    );
  }
  return open;
}

const percent = (fractionRatio: number): string => `${(100 * fractionRatio).toFixed(2)} %`;
