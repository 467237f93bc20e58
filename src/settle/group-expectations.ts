// What the nodes behind a shared meter are expected to have used in one interval, by their chips and their joint fit, and
// how sure that is: of each node, of its share of the sum, and of the sum.
import { jointOf } from '../calibrate/shared/joint-models.ts';
import {
  nodeUncertaintyW,
  predictShared,
  shareUncertainties,
  totalUncertaintyW,
} from '../calibrate/shared/shared-prediction.ts';
import type { CorrectionModel } from '../quantity/correction.ts';

/** Outside of the power it was fitted on a gain is known to this only. */
const BEYOND_GAIN_RATIO = 0.15;

export interface Expectations {
  /** By node: expected energy and its standard uncertainty, J; nodes that are not known are absent. */
  readonly nodeJ: ReadonlyMap<string, number>;
  readonly uncertaintyJ: ReadonlyMap<string, number>;
  /** Standard uncertainty of a node's share of the sum, where all nodes are known. */
  readonly shareRatio: ReadonlyMap<string, number>;
  /** What of it the fit left open: the rest is of type B. */
  readonly fitShareRatio: ReadonlyMap<string, number>;
  readonly models: ReadonlyMap<string, CorrectionModel>;
  readonly totalJ: number;
  readonly totalUncertaintyJ: number;
  /** Standard deviation of the mean residual of the sum over the interval, as energy. */
  readonly noiseJ: number;
  readonly dof: number;
  readonly fit: string;
}

/**
 * What the joint fit lets expect of the nodes whose chips are known.
 * @param models of one fit, in its order.
 * @param chips energy of each node's sources over the interval, J; undefined where they are not known.
 */
export function expectationsOf(
  models: readonly CorrectionModel[],
  chips: ReadonlyMap<string, ReadonlyMap<string, number> | undefined>,
  durationS: number,
): Expectations {
  const known = models.flatMap((model) => {
    const energies = chips.get(model.node);
    const powerW = energies && termPowers(model, energies, durationS);
    return powerW ? [{ model, powerW }] : [];
  });
  const nodes = new Set(known.map(({ model }) => model.node));
  const prediction = predictShared(
    jointOf(models, (node) => nodes.has(node)),
    known.map(({ powerW }) => powerW),
  );
  const shares = shareUncertainties(prediction);
  const beyondW = known.map(({ model, powerW }) => beyond(model, powerW));
  const [first] = known;
  const residualW = Math.hypot(...known.map(({ model }) => model.residualW));
  const averaged = first
    ? Math.min(1, ((first.model.detail?.inflationRatio ?? 1) * first.model.intervalS) / durationS)
    : 1;
  const of = (value: (index: number) => number): Map<string, number> =>
    new Map(known.map(({ model }, index) => [model.node, value(index)]));
  return {
    nodeJ: of((index) => (prediction.nodeW[index] ?? 0) * durationS),
    uncertaintyJ: of(
      (index) => Math.hypot(nodeUncertaintyW(prediction, index), beyondW[index] ?? 0) * durationS,
    ),
    shareRatio: of((index) =>
      Math.hypot(shares[index] ?? 0, (beyondW[index] ?? 0) / Math.max(prediction.totalW, 1e-9)),
    ),
    fitShareRatio: of((index) => shares[index] ?? 0),
    models: new Map(known.map(({ model }) => [model.node, model])),
    totalJ: prediction.totalW * durationS,
    totalUncertaintyJ: Math.hypot(totalUncertaintyW(prediction), ...beyondW) * durationS,
    noiseJ: residualW * Math.sqrt(averaged) * durationS,
    dof: Math.min(Infinity, ...known.map(({ model }) => model.dof)),
    fit: first?.model.shared?.fit ?? '',
  };
}

/** Mean power of each term, W; undefined where a source is missing or says nonsense. */
function termPowers(
  model: CorrectionModel,
  energiesJ: ReadonlyMap<string, number>,
  durationS: number,
): readonly number[] | undefined {
  const powers: number[] = [];
  for (const { sources, less } of model.terms) {
    let energyJ = 0;
    for (const source of sources) energyJ += energiesJ.get(source) ?? NaN;
    for (const source of less ?? []) energyJ -= energiesJ.get(source) ?? NaN;
    if (!Number.isFinite(energyJ) || energyJ < 0) return undefined;
    powers.push(energyJ / durationS);
  }
  return powers;
}

/** Standard uncertainty for what lies outside of the fitted range, W. */
function beyond(model: CorrectionModel, powerW: readonly number[]): number {
  const chipW = powerW.reduce((sum, each) => sum + each, 0);
  const outsideW = Math.max(0, model.holds.fromW - chipW, chipW - model.holds.untilW);
  const gainRatio = model.terms.reduce((most, term) => Math.max(most, term.gainRatio), 1);
  return BEYOND_GAIN_RATIO * gainRatio * outsideW;
}
