// What a model says of the rows that it was fitted on: power row by row, and the uncertainty of any stretch of them as
// one span. Figures ask for no more than this, so that they need not know the form of a model.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { applyModel } from '../apply-model.ts';
import { chipTotalW, type Rows } from '../evidence-rows.ts';

export interface RowPredictions {
  /** Wall power by the model as issued, W, one per row. */
  readonly predictedW: Float64Array;
  /** Standard uncertainties of the energy of rows [from, until) as one span; undefined where the model refuses. */
  readonly partsOf: (from: number, until: number) => UncertaintyParts | undefined;
  /** The same for a span of this length at the mean power of all rows. */
  readonly partsAtMean: (durationS: number) => UncertaintyParts | undefined;
}

export function predictRows(model: CorrectionModel, rows: Rows): RowPredictions {
  const columns = rows.chipW.length === model.terms.length ? rows.chipW : [chipTotalW(rows)];
  const predictedW = new Float64Array(rows.count).fill(model.interceptW);
  model.terms.forEach((term, index) => {
    const column = columns[index];
    if (!column) return;
    for (let row = 0; row < rows.count; row++) {
      predictedW[row] = (predictedW[row] ?? 0) + term.gainRatio * (column[row] ?? 0);
    }
  });
  const meansOver = (from: number, until: number): { powersW: number[]; durationS: number } => {
    let durationS = 0;
    const energiesJ = model.terms.map(() => 0);
    for (let row = from; row < until; row++) {
      const lengthS = rows.lengthS[row] ?? 0;
      durationS += lengthS;
      columns.forEach((column, term) => {
        energiesJ[term] = (energiesJ[term] ?? 0) + lengthS * (column[row] ?? 0);
      });
    }
    return { powersW: energiesJ.map((energyJ) => energyJ / durationS), durationS };
  };
  const partsAt = (powersW: readonly number[], durationS: number): UncertaintyParts | undefined => {
    const applied = applyModel(model, energyBySource(model, powersW, durationS), durationS);
    return isRefusal(applied) ? undefined : applied.parts;
  };
  const whole = meansOver(0, rows.count).powersW;
  return {
    predictedW,
    partsOf: (from, until) => {
      const { powersW, durationS } = meansOver(from, until);
      return partsAt(powersW, durationS);
    },
    partsAtMean: (durationS) => partsAt(whole, durationS),
  };
}

/**
 * Energy by source that sums, term by term, to the energies given: the first source of a term carries it all, and what
 * `less` would take off is put on before. Terms that are taken off have no `less` of their own.
 */
function energyBySource(
  model: CorrectionModel,
  powersW: readonly number[],
  durationS: number,
): Map<string, number> {
  const bySource = new Map<string, number>();
  const add = (source: string | undefined, energyJ: number): void => {
    if (source !== undefined) bySource.set(source, (bySource.get(source) ?? 0) + energyJ);
  };
  model.terms.forEach((term, index) => {
    for (const source of [...term.sources, ...(term.less ?? [])]) add(source, 0);
    add(term.sources[0], (powersW[index] ?? 0) * durationS);
  });
  for (const term of model.terms) {
    for (const part of term.less ?? []) add(term.sources[0], bySource.get(part) ?? 0);
  }
  return bySource;
}
