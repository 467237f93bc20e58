// The joint fit of a group, put together again from its nodes' models: each carries the rows of the covariance that are its
// own, so that none of them is whole without its siblings.
import type { CorrectionModel } from '../../quantity/correction.ts';
import type { JointParameters } from './shared-prediction.ts';

/**
 * Parameters of some of the nodes of a fit, in the order of `all`.
 * @param all the models of all nodes of the fit, in its order.
 */
export function jointOf(
  all: readonly CorrectionModel[],
  wanted: (node: string) => boolean,
): JointParameters {
  let width = 0;
  const starts = all.map((model) => {
    const start = width;
    width += model.terms.length + 1;
    return start;
  });
  const some = all.flatMap((model, index) =>
    wanted(model.node) ? [{ model, start: starts[index] ?? 0 }] : [],
  );
  let size = 0;
  const levelAt = some.map(({ model }) => {
    const at = size;
    size += model.terms.length + 1;
    return at;
  });
  const covariance = new Float64Array(size * size);
  some.forEach(({ model }, one) => {
    some.forEach(({ model: other, start }, index) => {
      for (let i = 0; i <= model.terms.length; i++) {
        for (let j = 0; j <= other.terms.length; j++) {
          const at = ((levelAt[one] ?? 0) + i) * size + (levelAt[index] ?? 0) + j;
          covariance[at] = model.shared?.covariance[i * width + start + j] ?? 0;
        }
      }
    });
  });
  return {
    nodes: some.map(({ model }) => ({
      levelW: model.interceptW,
      gains: model.terms.map((term) => term.gainRatio),
    })),
    covariance,
    levelAt,
  };
}
