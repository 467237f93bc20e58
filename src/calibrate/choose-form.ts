// Which form of model the evidence supports: one gain or one per component, and which shapes beside them. Simple wins
// unless the richer form is better on what was left out; fits that only look better on their own data earn nothing.
import { sourceTerms, type ChipTerm } from './chip-terms.ts';
import type { Rows } from './rows.ts';
import { columnsOf, type Form, type FormColumns } from './fit-columns.ts';
import { fitRows, type RowsFit } from './fit-rows.ts';
import { CANDIDATE_SHAPES, type Shape } from './shape.ts';

export interface ChosenFit extends FormColumns {
  readonly fit: RowsFit;
}

/** A richer form must lower the left-out error by this much: parts must earn their place. */
const EARNS_RATIO = 0.98;

/**
 * Tries one gain, one per component, each with a late state, and a square; keeps what lowers the left-out error. Parts of a
 * modelled reading (AMD cores and the rest) are two models of two things and never share a gain.
 */
export function chooseForm(rows: Rows, terms: readonly ChipTerm[]): ChosenFit {
  const fitted = (form: Form): ChosenFit => {
    const columns = columnsOf(rows, terms, form);
    return { ...columns, fit: fitRows(rows, columns) };
  };
  const single = terms.length === 1;
  const apart = !single && terms.every((term) => term.prior.lowerRatio === 0);
  let best = fitted({ gains: apart ? 'components' : 'affine', shapes: [], conditions: [] });
  const consider = (next: ChosenFit): void => {
    if (next.fit.crossW < EARNS_RATIO * best.fit.crossW) best = next;
  };
  if (!single && !apart) consider(fitted({ gains: 'components', shapes: [], conditions: [] }));
  const split = sourceTerms(terms).length > terms.length;
  if (split) consider(fitted({ gains: 'sources', shapes: [], conditions: [] }));
  for (const kinds of [['slow', 'warm'], ['square']] as const) {
    const kept = best.form.shapes;
    const tried = CANDIDATE_SHAPES.flatMap((shape, index) =>
      kinds.some((kind) => kind === shape.kind) && isVisible(rows, shape)
        ? [fitted({ ...best.form, shapes: [...kept, index] })]
        : [],
    );
    const least = tried.reduce((a, b) => (b.fit.crossW < a.fit.crossW ? b : a), tried[0] ?? best);
    consider(least);
    if (best !== least || single || apart) continue;
    // With the shape in place the choice of gains may turn: a slow wall can look like a component.
    const other = best.form.gains === 'affine' ? 'components' : 'affine';
    const turned = fitted({ ...best.form, gains: other });
    const simpler = other === 'affine' && turned.fit.crossW * EARNS_RATIO <= best.fit.crossW;
    if (simpler) best = turned;
    else consider(turned);
  }
  // Fan speed and inlet air last: what they explain beside the load, a late state cannot.
  for (const index of rows.conditions.keys()) {
    consider(fitted({ ...best.form, conditions: [...best.form.conditions, index] }));
  }
  return best;
}

/**
 * A slow state shows only in rows that follow each other and are at most half as long as it is slow; a faster one would
 * mend the alignment of load edges and mean nothing.
 */
function isVisible(rows: Rows, shape: Shape): boolean {
  if (shape.kind === 'square') return true;
  const lengthS = medianOf(rows.lengthS);
  if (shape.tauS < 2 * lengthS) return false;
  const steps = new Float64Array(Math.max(0, rows.count - 1));
  for (let row = 1; row < rows.count; row++) {
    steps[row - 1] = (rows.atS[row] ?? 0) - (rows.atS[row - 1] ?? 0);
  }
  return medianOf(steps) < 1.5 * lengthS;
}

function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[sorted.length >> 1] ?? 0;
}
