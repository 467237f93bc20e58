// Rows gathered into spans of one run (and one application), and what was metered and predicted over one span or many:
// systematic parts of U add linearly, independent ones and edges in quadrature, as they do for settled energy.
import {
  combinedJ,
  effectiveDof,
  expandedJ,
  type UncertaintyParts,
} from '../../quantity/uncertainty.ts';
import { joules } from '../../quantity/units.ts';
import type { Rows } from '../rows.ts';
import type { RowPredictions } from './row-predictions.ts';

/** Rows [from, until) of one run. */
export interface Span {
  readonly from: number;
  readonly until: number;
  readonly run: number;
}

/** Spans of at most about `limitS` that never cross a run; with `byApplication` they do not cross one of those either. */
export function spansOf(rows: Rows, limitS: number, byApplication = false): Span[] {
  const spans: Span[] = [];
  let from = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    lengthS += rows.lengthS[row] ?? 0;
    const ends =
      row + 1 === rows.count ||
      rows.run[row + 1] !== rows.run[row] ||
      (byApplication && rows.application[row + 1] !== rows.application[row]);
    if (!ends && lengthS < limitS * (1 - 1e-6)) continue;
    spans.push({ from, until: row + 1, run: rows.run[row] ?? 0 });
    from = row + 1;
    lengthS = 0;
  }
  return spans;
}

/** Metered and predicted energy over some spans together. */
export interface SpanSum {
  readonly coveredS: number;
  readonly meteredJ: number;
  readonly predictedJ: number;
  /** Undefined where the model states none for one of the spans. */
  readonly parts: UncertaintyParts | undefined;
}

export function sumOver(
  rows: Rows,
  spans: readonly Span[],
  predictedW: Float64Array,
  partsOf?: RowPredictions['partsOf'],
): SpanSum {
  let coveredS = 0;
  let meteredJ = 0;
  let predictedJ = 0;
  for (const { from, until } of spans) {
    for (let row = from; row < until; row++) {
      const lengthS = rows.lengthS[row] ?? 0;
      coveredS += lengthS;
      meteredJ += lengthS * (rows.meterW[row] ?? 0);
      predictedJ += lengthS * (predictedW[row] ?? 0);
    }
  }
  return { coveredS, meteredJ, predictedJ, parts: partsOf && partsOver(spans, partsOf) };
}

function partsOver(
  spans: readonly Span[],
  partsOf: RowPredictions['partsOf'],
): UncertaintyParts | undefined {
  let systematicJ = 0;
  let independentJ = 0;
  let edgeJ = 0;
  let dof = Infinity;
  for (const { from, until } of spans) {
    const parts = partsOf(from, until);
    if (!parts) return undefined;
    systematicJ += parts.systematicJ;
    independentJ = Math.hypot(independentJ, parts.independentJ);
    edgeJ = Math.hypot(edgeJ, parts.edgeJ);
    // The same systematic parts stand in every span, so the least sure of them bounds the whole.
    dof = Math.min(dof, parts.dof);
  }
  return {
    systematicJ: joules(systematicJ),
    independentJ: joules(independentJ),
    edgeJ: joules(edgeJ),
    dof,
  };
}

export const errorRatioOf = (sum: SpanSum): number =>
  (sum.predictedJ - sum.meteredJ) / sum.meteredJ;

/** U relative to what was metered. */
export const expandedRatioOf = (sum: SpanSum): number | undefined =>
  sum.parts && expandedJ(sum.parts) / sum.meteredJ;

/** How many standard uncertainties the error is, and their degrees of freedom; undefined where U is 0 or not stated. */
export function standardizedOf(sum: SpanSum): { sigmaRatio: number; dof: number } | undefined {
  if (!sum.parts) return undefined;
  const standardJ = combinedJ(sum.parts);
  if (!(standardJ > 0)) return undefined;
  return {
    sigmaRatio: Math.abs(sum.predictedJ - sum.meteredJ) / standardJ,
    dof: effectiveDof(sum.parts),
  };
}
