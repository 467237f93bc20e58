// The model of one node out of a joint fit: what the fit found of it, how far its share of the sum is known, and which gates
// that leaves open.
import { firstS, lastS, type EnergySeries } from '../../align/energy-series.ts';
import type { CorrectionModel, LevelRule, SharedPart } from '../../quantity/correction.ts';
import { instantNs, type InstantNs } from '../../quantity/time.ts';
import { watts } from '../../quantity/units.ts';
import { dayDrift } from '../level.ts';
import type { SharedNode } from './shared-basis.ts';
import type { SharedFit } from './shared-fit.ts';
import { nodeUncertaintyW, predictShared, shareUncertainties } from './shared-prediction.ts';
import { chipsOfW, type SharedRows } from './shared-rows.ts';

export interface GroupNode extends SharedNode {
  readonly chips: ReadonlyMap<string, EnergySeries>;
}

export interface GroupEvidence {
  readonly group: string;
  /** The meters of the group, summed. */
  readonly wall: EnergySeries;
  readonly nodes: readonly GroupNode[];
  readonly levelRule: LevelRule;
  readonly fittedAtNs: InstantNs;
}

/** How the chips' clocks stand against the meters'. */
export interface GroupClock {
  readonly offsetS: number;
  readonly uncertaintyS: number;
  readonly aligned: boolean;
}

/** A share that is not known to 5 % of the node (expanded) rests on priors more than on evidence. */
const SHARE_U_RATIO_MAX = 0.05;
/** A model whose fit has no name yet. */
export type Untied = Omit<CorrectionModel, 'id'> & { readonly shared: SharedPart };

/** The model of one node, in which the rows of the joint covariance that are its own; its siblings carry the rest. */
export function nodeModel(
  index: number,
  fit: SharedFit,
  rows: SharedRows,
  evidence: GroupEvidence,
  clock: GroupClock,
  groupOpen: readonly string[],
): Untied {
  const node = evidence.nodes[index];
  const own = fit.nodes[index];
  if (!node || !own) throw new RangeError('a node of the fit is a node of the group');
  const prediction = predictShared(fit, meansOf(rows));
  const meanW = prediction.nodeW[index] ?? 0;
  const fitW = nodeUncertaintyW(prediction, index);
  const shareRatio = meanW / prediction.totalW;
  const noise = shareUncertainties(
    predictShared({ ...fit, covariance: fit.noiseCovariance }, meansOf(rows)),
  );
  const shareU = (2 * (shareUncertainties(prediction)[index] ?? 0)) / Math.max(shareRatio, 1e-9);
  const open = [...groupOpen];
  if (shareU > SHARE_U_RATIO_MAX) {
    const resting = node.terms.flatMap((term, place) =>
      own.gainEvidence[place] === 'prior' ? [`the gain of ${term.name}`] : [],
    );
    if (own.levelEvidence === 'sum') resting.push('the level (known in the sum only)');
    open.push(
      `share: known to ± ${percent(shareU)}, allowed ${percent(SHARE_U_RATIO_MAX)}; at its prior: ${resting.join(', ')}`,
    );
  }
  const chipW = chipsOfW(rows, index);
  const chipMeanW = meanOf(chipW, rows.lengthS);
  const size = node.terms.length + 1;
  const width = Math.round(Math.sqrt(fit.covariance.length));
  const at = fit.levelAt[index] ?? 0;
  const rowsOf = (width0: number, from: number): number[] =>
    Array.from({ length: size * width0 }, (_, cell) => {
      const row = at + Math.floor(cell / width0);
      return fit.covariance[row * width + from + (cell % width0)] ?? 0;
    });
  const covariance = rowsOf(size, at);
  const intervalS = meanOf(rows.lengthS, rows.lengthS);
  const drift = dayDrift(meanW);
  const { wall } = evidence;
  const atNs = (instantS: number): InstantNs =>
    instantNs(wall.originNs + BigInt(Math.round(instantS * 1e3)) * 1_000_000n);
  return {
    node: node.node,
    fittedAtNs: evidence.fittedAtNs,
    evidence: {
      fromNs: atNs(firstS(wall)),
      untilNs: atNs(lastS(wall)),
      intervalsCount: rows.count,
    },
    interceptW: watts(own.levelW),
    terms: node.terms.map((term, place) => ({
      name: term.name,
      sources: term.sources,
      gainRatio: own.gains[place] ?? 0,
      gainUncertaintyRatio: Math.sqrt(Math.max(0, covariance[(place + 1) * (size + 1)] ?? 0)),
      ...(term.less.length > 0 ? { less: term.less } : {}),
    })),
    holds: {
      fromW: watts(chipW.reduce((least, each) => Math.min(least, each), Infinity)),
      untilW: watts(chipW.reduce((most, each) => Math.max(most, each), 0)),
    },
    offsetNs: BigInt(Math.round(clock.offsetS * 1e9)),
    // Noise is seen of the sum only; a node has its share of the variance.
    residualW: watts(fit.residualW * Math.sqrt(shareRatio)),
    intervalS,
    systematicRatio: Math.hypot(fitW / meanW, drift.levelW / meanW, drift.gainRatio),
    dof: dofOf(noise[index] ?? 0, shareUncertainties(prediction)[index] ?? 0, fit.dof),
    // Nobody leaves out applications of a group: good for use, not for audit.
    standing: open.length === 0 ? 'accepted' : 'provisional',
    open,
    gapRatio: 1 - chipMeanW / meanW,
    detail: {
      form: node.terms.length === 1 ? 'affine' : 'components',
      shapes: [],
      conditions: [],
      covariance,
      covarianceDof: Math.max(1, fit.dof),
      levelW: 0,
      levelDof: Infinity,
      drift,
      applicationW: 0,
      scaleRatio: 0,
      noiseW: fit.residualW * Math.sqrt(shareRatio),
      inflationRatio: fit.inflationRatio,
      swingW: deviationOf(chipW, chipMeanW),
      rateRatio: 0,
      offsetUncertaintyS: clock.uncertaintyS,
      meterSources: [],
      heldMeters: [],
      chipStamp: 'end',
      leftOut: { byApplication: [], byDay: [] },
    },
    shared: {
      group: evidence.group,
      fit: '',
      nodes: fit.nodes.map((each) => each.node),
      covariance: rowsOf(width, 0),
      levelRule: fit.levelRule,
      levelEvidence: own.levelEvidence,
      gainEvidence: own.gainEvidence,
    },
  };
}

/** Welch-Satterthwaite (GUM G.4.1): the noise has its degrees of freedom, the priors are of type B. */
function dofOf(noise: number, whole: number, dof: number): number {
  const most = 1e6;
  return noise > 0 ? Math.min(most, Math.max(1, dof) * Math.max(1, whole / noise) ** 4) : most;
}

function deviationOf(values: Float64Array, mean: number): number {
  let sum = 0;
  for (const each of values) sum += (each - mean) ** 2;
  return Math.sqrt(sum / Math.max(1, values.length - 1));
}

export const meansOf = (rows: SharedRows): number[][] =>
  rows.chipW.map((own) => own.map((column) => meanOf(column, rows.lengthS)));

export function meanOf(column: Float64Array, lengthS: Float64Array): number {
  let energyJ = 0;
  let wholeS = 0;
  column.forEach((each, row) => {
    energyJ += each * (lengthS[row] ?? 0);
    wholeS += lengthS[row] ?? 0;
  });
  return wholeS > 0 ? energyJ / wholeS : 0;
}

const percent = (fractionRatio: number): string => `${(100 * fractionRatio).toFixed(2)} %`;
