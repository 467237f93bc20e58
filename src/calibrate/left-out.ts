// What a model says about parts of its evidence that it was not fitted on: each application, and each day, predicted by
// a fit without it. Whole folds only: neighbouring rows are alike, and random rows would flatter.
import type { LeftOut } from '../quantity/correction.ts';
import { formatInstant, instantNs } from '../quantity/time.ts';
import { foldsOf, type FoldKind } from './chunks.ts';
import type { Rows } from './rows.ts';
import { predictRows, type FormColumns } from './fit-columns.ts';
import type { RowsFit } from './fit-rows.ts';
import { fitsWithout } from './resampling.ts';

export interface LeftOutCheck {
  readonly folds: readonly LeftOut[];
  /** Prediction of each row by the fit without its fold, W; NaN where the row is in no fold. */
  readonly predictedW: Float64Array;
}

/**
 * Leaves out each fold of a kind. Below `leastCount` folds there is nothing to compare: no folds come back. The level of a
 * run that is left out with its day is unknown to the others, so the middle of their levels stands in.
 */
export function leaveOut(
  rows: Rows,
  form: FormColumns,
  fit: RowsFit,
  kind: FoldKind,
  leastCount: number,
): LeftOutCheck {
  const predictedW = new Float64Array(rows.count).fill(Number.NaN);
  const { chunks } = fit.chunked;
  if (foldsOf(chunks, kind).length < leastCount) return { folds: [], predictedW };
  const whole = new Float64Array(rows.count);
  const folds: LeftOut[] = [];
  for (const [fold, parameters] of fitsWithout(fit.chunked, kind)) {
    predictRows(form.columns, parameters, whole);
    const elsewhereW = kind === 'application' ? undefined : levelElsewhere(rows, fit, kind, fold);
    let meterJ = 0;
    let errorJ = 0;
    let coveredS = 0;
    for (const chunk of chunks) {
      if (chunk[kind] !== fold) continue;
      for (let row = chunk.from; row < chunk.until; row++) {
        const levelW = elsewhereW ?? fit.runEffectsW[chunk.run] ?? 0;
        const lengthS = rows.lengthS[row] ?? 0;
        predictedW[row] = (whole[row] ?? 0) + levelW;
        errorJ += lengthS * ((predictedW[row] ?? 0) - (rows.meterW[row] ?? 0));
        meterJ += lengthS * (rows.meterW[row] ?? 0);
        coveredS += lengthS;
      }
    }
    if (meterJ <= 0) continue;
    folds.push({ name: nameOf(rows, kind, fold), biasRatio: errorJ / meterJ, coveredS });
  }
  return { folds, predictedW };
}

/** Mean level of the runs that stay. */
function levelElsewhere(rows: Rows, fit: RowsFit, kind: FoldKind, fold: number): number {
  let sum = 0;
  let lengthS = 0;
  for (const chunk of fit.chunked.chunks) {
    if (chunk[kind] === fold) continue;
    for (let row = chunk.from; row < chunk.until; row++) {
      sum += (rows.lengthS[row] ?? 0) * (fit.runEffectsW[chunk.run] ?? 0);
      lengthS += rows.lengthS[row] ?? 0;
    }
  }
  return lengthS > 0 ? sum / lengthS : 0;
}

function nameOf(rows: Rows, kind: FoldKind, fold: number): string {
  if (kind === 'application') return rows.applications[fold] ?? `application ${fold}`;
  if (kind !== 'day') return `${kind} ${fold + 1}`;
  return formatInstant(instantNs(BigInt(fold) * 86_400_000_000_000n)).slice(0, 10);
}
