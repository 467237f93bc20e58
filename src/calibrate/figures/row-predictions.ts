// What a model says of the rows that it was fitted on: power row by row, and the uncertainty of any stretch of them as
// one span. Figures ask for no more than this, so that they need not know the form of a model.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { applyModel } from '../apply-model.ts';
import { chipTotalW, shapeColumn, type Rows } from '../evidence-rows.ts';
import { modelPrediction } from '../fit-columns.ts';
import { shapeOf } from '../shape.ts';

export interface RowPredictions {
  /** Wall power by the model as issued, W, one per row. */
  readonly predictedW: Float64Array;
  /** Standard uncertainties of the energy of rows [from, until) as one span; undefined where the model refuses. */
  readonly partsOf: (from: number, until: number) => UncertaintyParts | undefined;
  /** The same for a span of this length at the mean power of all rows, days after the last metering. */
  readonly partsAtMean: (durationS: number) => UncertaintyParts | undefined;
}

export function predictRows(model: CorrectionModel, rows: Rows): RowPredictions {
  const gains = rows.chipW.length === model.terms.length ? rows.chipW : [chipTotalW(rows)];
  const shapes = (model.detail?.shapes ?? []).map((shape) => shapeColumn(rows, shapeOf(shape)));
  const effects = (model.detail?.conditions ?? []).map(({ source, kind }) => {
    return rows.conditions.find((each) => each.source === source && each.kind === kind);
  });
  const total = chipTotalW(rows);
  const meanOf = (column: Float64Array | undefined, from: number, until: number): number => {
    let energyJ = 0;
    let durationS = 0;
    for (let row = from; row < until; row++) {
      energyJ += (rows.lengthS[row] ?? 0) * (column?.[row] ?? 0);
      durationS += rows.lengthS[row] ?? 0;
    }
    return durationS > 0 ? energyJ / durationS : 0;
  };
  const partsAt = (
    [from, until]: readonly [number, number],
    durationS: number,
    edgeStepW: number | undefined,
    ageS: number | undefined,
  ): UncertaintyParts | undefined => {
    const powersW = gains.map((column) => meanOf(column, from, until));
    const applied = applyModel(model, energyBySource(model, powersW, durationS), durationS, {
      ageS,
      shapeJ: shapes.map((column) => meanOf(column, from, until) * durationS),
      effectRatio: effects.map((column) => meanOf(column?.effectRatio, from, until)),
      edgeStepW,
    });
    return isRefusal(applied) ? undefined : applied.parts;
  };
  return {
    predictedW: modelPrediction(rows, model),
    partsOf: (from, until) => {
      let durationS = 0;
      for (let row = from; row < until; row++) durationS += rows.lengthS[row] ?? 0;
      const edgeStepW = Math.abs((total[until - 1] ?? 0) - (total[from] ?? 0));
      return partsAt([from, until], durationS, edgeStepW, 0);
    },
    partsAtMean: (durationS) => partsAt([0, rows.count], durationS, undefined, undefined),
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
