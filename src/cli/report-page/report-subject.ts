// What a report is about: one model, the figures of its fit where the file has them, and the models of its nodes where it
// is one of a type.
import type { FitFigures } from '../../calibrate/figures/fit-figures.ts';
import type { ModelSet } from '../../calibrate/model-set.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';

export interface ReportSubject {
  readonly model: CorrectionModel;
  readonly figures: FitFigures | undefined;
  /** Empty for a model of one node. */
  readonly nodes: readonly CorrectionModel[];
}

/** Models that are drawn in full; a file may hold thousands, and a page of them would help nobody. */
const SUBJECTS_COUNT_MAX = 12;

/** The type with its nodes where there is one, else each model for itself, as many as a page can bear. */
export function subjectsOf(
  set: ModelSet,
  figures: readonly FitFigures[],
): { subjects: readonly ReportSubject[]; leftOutCount: number } {
  const figuresFor = (model: CorrectionModel): FitFigures | undefined =>
    figures.find((each) => each.modelId === model.id);
  if (set.unmetered) {
    const { unmetered, models } = set;
    return {
      subjects: [{ model: unmetered, figures: figuresFor(unmetered), nodes: models }],
      leftOutCount: 0,
    };
  }
  const drawn = set.models.slice(0, SUBJECTS_COUNT_MAX);
  return {
    subjects: drawn.map((model) => ({ model, figures: figuresFor(model), nodes: [] })),
    leftOutCount: set.models.length - drawn.length,
  };
}
