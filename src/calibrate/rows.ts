// Evidence as a table. Every later step (fit, bootstrap, held-back check) sees rows only, so no method can peek at samples
// that others do not have.
import type { ConditionKind } from '../quantity/correction.ts';
import { CANDIDATE_SHAPES, type Shape } from './shape.ts';

/** One column per quantity, one row per window: mean power in W over a length in s. */
export interface Rows {
  readonly count: number;
  readonly meterW: Float64Array;
  /** One column per term. */
  readonly chipW: readonly Float64Array[];
  /** One column per term of `sourceTerms`. */
  readonly sourceW: readonly Float64Array[];
  /** One column per candidate shape, in the order of `CANDIDATE_SHAPES`. */
  readonly shapeW: readonly Float64Array[];
  /** Effects of the conditions that every run has, by name. */
  readonly conditions: readonly ConditionColumn[];
  readonly lengthS: Float64Array;
  /** Middle of the window, seconds since 1970. */
  readonly atS: Float64Array;
  readonly run: Int32Array;
  readonly runsCount: number;
  /** Index of the application, -1 where none is known. */
  readonly application: Int32Array;
  readonly applications: readonly string[];
}

interface ConditionColumn {
  readonly source: string;
  readonly kind: ConditionKind;
  /** Mean effect over each row; the run's mean where nobody read it. */
  readonly effectRatio: Float64Array;
}

/** The rows of some runs or times only. */
export function selectRows(rows: Rows, keep: (row: number) => boolean): Rows {
  const kept = [...rows.meterW.keys()].filter(keep);
  const pick = (column: Float64Array): Float64Array =>
    Float64Array.from(kept, (row) => column[row] ?? 0);
  return {
    count: kept.length,
    meterW: pick(rows.meterW),
    chipW: rows.chipW.map(pick),
    sourceW: rows.sourceW.map(pick),
    shapeW: rows.shapeW.map(pick),
    conditions: rows.conditions.map((each) => ({ ...each, effectRatio: pick(each.effectRatio) })),
    lengthS: pick(rows.lengthS),
    atS: pick(rows.atS),
    run: Int32Array.from(kept, (row) => rows.run[row] ?? 0),
    runsCount: rows.runsCount,
    application: Int32Array.from(kept, (row) => rows.application[row] ?? -1),
    applications: rows.applications,
  };
}

/** The column of a candidate shape. */
export function shapeColumn(rows: Rows, shape: Shape): Float64Array {
  const wanted = JSON.stringify(shape);
  const index = CANDIDATE_SHAPES.findIndex((each) => JSON.stringify(each) === wanted);
  return rows.shapeW[index] ?? new Float64Array(rows.count);
}

/** Sum of the columns of all terms: chip power as a whole. */
export function chipTotalW(rows: Rows): Float64Array {
  const total = new Float64Array(rows.count);
  for (const column of rows.chipW) {
    for (let row = 0; row < rows.count; row++) total[row] = (total[row] ?? 0) + (column[row] ?? 0);
  }
  return total;
}
