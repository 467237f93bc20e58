// Nodes of one type, fitted with partial pooling: one shape for the type, one factor for each node, shrunk towards the
// type by how little its own evidence says. A node that was never metered gets the type's, with the nodes' scatter.
import type { CorrectionDetail, CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, type Refusal } from '../quantity/fault.ts';
import { watts } from '../quantity/units.ts';
import type { ChipTerm } from './chip-terms.ts';
import { rowsOfRuns, type RunOnClock } from './evidence-rows.ts';
import { selectRows, type Rows } from './rows.ts';
import { modelPrediction } from './fit-columns.ts';
import { fitModel, type FitFrame } from './fit-model.ts';
import { modelId } from './model-json.ts';

export interface NodeRuns {
  readonly node: string;
  readonly runs: readonly RunOnClock[];
}

export interface TypeFit {
  /** Stands in for nodes of the type that were never metered. */
  readonly unmetered: CorrectionModel;
  readonly nodes: readonly CorrectionModel[];
  /** What the type was fitted on: without the recordings that were set aside. */
  readonly rows: Rows;
  /** Recordings that were set aside for at least one node: there meter and chips did not see the same load. */
  readonly tornRuns: readonly string[];
}

/** Ratio of metered to predicted energy of one run of one node. */
interface RunRatio {
  readonly node: number;
  readonly ratio: number;
  readonly weight: number;
  readonly run: number;
  /** RMS residual about the run's own ratio, over its power. */
  readonly roughRatio: number;
}

/** Factors of recorded nodes of one type scatter by 0.2 %, and move together by up to 1 % from campaign to campaign. */
const NODES_PRIOR_RATIO = 0.01;

/** Fits a type over its nodes. Refusals are those of fitModel on all rows together. */
export function fitType(
  nodes: readonly NodeRuns[],
  terms: readonly ChipTerm[],
  blockS: number,
  frame: Omit<FitFrame, 'node'>,
  typeName: string,
): TypeFit | Refusal {
  const all = nodes.flatMap((each) => each.runs);
  const rows = rowsOfRuns(all, terms, frame.heldMeters, blockS);
  if (isRefusal(rows)) return rows;
  const first = fitModel(rows, terms, { ...frame, node: typeName });
  if (isRefusal(first)) return first;
  const nodeOfRun = nodes.flatMap((each, index) => each.runs.map(() => index));
  const torn = tornRuns(ratiosOf(rows, nodeOfRun, first));
  const whole = torn.size > 0 ? selectRows(rows, (row) => !torn.has(rows.run[row] ?? -1)) : rows;
  const type = torn.size > 0 ? fitModel(whole, terms, { ...frame, node: typeName }) : first;
  if (isRefusal(type)) return type;
  const ratios = ratiosOf(whole, nodeOfRun, type);
  const spread = spreadOf(ratios, nodes.length);
  const unmetered = withFactor(type, typeName, 1, spread.nodesRatio, {
    runsRatio: spread.runsRatio,
    nodesCount: nodes.length,
    betweenNodesRatio: spread.nodesRatio,
    metered: false,
  });
  let firstRun = 0;
  const models = nodes.map((each, index) => {
    const own = spread.nodes[index] ?? { ratio: 1, weight: 0 };
    const ownVariance = own.weight > 0 ? spread.runsRatio ** 2 / own.weight : Infinity;
    const nodesVariance = spread.nodesRatio ** 2;
    const trust = nodesVariance > 0 ? nodesVariance / (nodesVariance + ownVariance) : 0;
    const left = Math.sqrt(nodesVariance * (1 - trust));
    const model = withFactor(type, each.node, 1 + trust * (own.ratio - 1), left, {
      runsRatio: spread.runsRatio,
      nodesCount: nodes.length,
      betweenNodesRatio: spread.nodesRatio,
      metered: true,
    });
    const lastRun = firstRun + each.runs.length;
    const ownRows = selectRows(rows, (row) => {
      const run = rows.run[row] ?? -1;
      return run >= firstRun && run < lastRun;
    });
    firstRun = lastRun;
    return withOwnGap(model, ownRows);
  });
  const tornNames = all.filter((_, run) => torn.has(run)).map((each) => each.evidence.run);
  return { unmetered, nodes: models, rows: whole, tornRuns: [...new Set(tornNames)] };
}

/** A run this many times as rough as half of all recorded time was not metered and read together. */
const TORN_RATIO = 5;

/** Runs whose meter and chips did not see the same load: no model of the node can be learnt or judged there. */
function tornRuns(ratios: readonly RunRatio[]): ReadonlySet<number> {
  const usual = weightedMedian(ratios.map((each) => ({ ...each, ratio: each.roughRatio })));
  const torn = ratios.filter((each) => each.roughRatio > TORN_RATIO * usual);
  return new Set(torn.map((each) => each.run));
}

/** Metered over predicted energy of each run that has rows. */
function ratiosOf(
  rows: Rows,
  nodeOfRun: readonly number[],
  type: CorrectionModel,
): readonly RunRatio[] {
  const predictedW = modelPrediction(rows, type);
  const sums = nodeOfRun.map(() => ({ metered: 0, predicted: 0, lengthS: 0, squares: 0 }));
  for (let row = 0; row < rows.count; row++) {
    const sum = sums[rows.run[row] ?? 0];
    if (!sum) continue;
    const lengthS = rows.lengthS[row] ?? 0;
    sum.metered += lengthS * (rows.meterW[row] ?? 0);
    sum.predicted += lengthS * (predictedW[row] ?? 0);
    sum.lengthS += lengthS;
  }
  for (let row = 0; row < rows.count; row++) {
    const sum = sums[rows.run[row] ?? 0];
    if (!sum || sum.predicted <= 0) continue;
    const missW = (rows.meterW[row] ?? 0) - (sum.metered / sum.predicted) * (predictedW[row] ?? 0);
    sum.squares += (rows.lengthS[row] ?? 0) * missW * missW;
  }
  return sums.flatMap(({ metered, predicted, lengthS, squares }, run) => {
    if (predicted <= 0 || metered <= 0) return [];
    const roughRatio = Math.sqrt(squares * lengthS) / metered;
    const node = nodeOfRun[run] ?? 0;
    return [{ node, run, ratio: metered / predicted, weight: lengthS, roughRatio }];
  });
}

interface Spread {
  readonly runsRatio: number;
  readonly nodesRatio: number;
  readonly nodes: readonly { readonly ratio: number; readonly weight: number }[];
}

/**
 * One-way random effects: scatter of runs within a node and of nodes about the type. Robust, since a run whose meter and
 * chips were not read together says nothing of its node: medians for the nodes, and for the runs the scatter that a normal
 * one would need to hold nine tenths of them. A run of mean length counts one.
 */
function spreadOf(ratios: readonly RunRatio[], nodesCount: number): Spread {
  const meanWeight =
    ratios.reduce((sum, each) => sum + each.weight, 0) / Math.max(1, ratios.length);
  const nodes = Array.from({ length: nodesCount }, (_, node) => {
    const own = ratios.filter((each) => each.node === node);
    return {
      ratio: own.length > 0 ? weightedMedian(own) : 1,
      weight: own.reduce((sum, each) => sum + each.weight, 0) / Math.max(meanWeight, 1e-9),
      count: own.length,
    };
  });
  const seen = nodes.filter((node) => node.count > 0);
  const repeated = ratios.filter((each) => (nodes[each.node]?.count ?? 0) > 1);
  const off = repeated
    .map((each) => Math.abs(each.ratio - (nodes[each.node]?.ratio ?? 1)))
    .sort((a, b) => a - b);
  // Without repeats of any node, scatter of runs and of nodes cannot be told apart: all of it counts as the nodes'.
  const runsRatio = (off[Math.ceil(0.9 * off.length) - 1] ?? 0) / NINE_TENTHS_SIGMAS;
  const middle = seen.reduce((sum, node) => sum + node.ratio, 0) / Math.max(1, seen.length);
  let between = 0;
  let own = 0;
  for (const node of seen) {
    between += (node.ratio - middle) ** 2 / Math.max(1, seen.length - 1);
    // The median of many runs is known to 1.25 times what their mean would be.
    own += (1.57 * runsRatio ** 2) / node.weight / seen.length;
  }
  const nodesVariance = seen.length > 1 ? Math.max(0, between - own) : 0;
  // One prior node's worth of belief keeps two nodes that happen to agree from promising that all do.
  const pooled =
    (NODES_PRIOR_RATIO ** 2 + (seen.length - 1) * nodesVariance) / Math.max(1, seen.length);
  return { runsRatio, nodesRatio: Math.sqrt(pooled), nodes };
}

/** Standard deviations within which a normal distribution has nine tenths. */
const NINE_TENTHS_SIGMAS = 1.645;

function weightedMedian(ratios: readonly RunRatio[]): number {
  const rising = [...ratios].sort((a, b) => a.ratio - b.ratio);
  const half = rising.reduce((sum, each) => sum + each.weight, 0) / 2;
  let sum = 0;
  for (const each of rising) {
    sum += each.weight;
    if (sum >= half) return each.ratio;
  }
  return 1;
}

function withFactor(
  type: CorrectionModel,
  node: string,
  factor: number,
  nodeRatio: number,
  pooled: {
    runsRatio: number;
    nodesCount: number;
    betweenNodesRatio: number;
    metered: boolean;
  },
): CorrectionModel {
  const { detail } = type;
  const { runsRatio, ...noted } = pooled;
  const scaleRatio = Math.hypot(detail?.scaleRatio ?? 0, nodeRatio, runsRatio);
  const scaled: CorrectionDetail | undefined = detail && {
    ...detail,
    covariance: detail.covariance.map((cell) => cell * factor * factor),
    shapes: detail.shapes.map((shape) => ({ ...shape, gainRatio: shape.gainRatio * factor })),
    conditions: detail.conditions.map((each) => ({ ...each, gainW: each.gainW * factor })),
    // The scatter of runs is in the scale here: power levels of nodes and jobs differ too much for watts.
    levelW: Math.min(detail.levelW, 0.006 * ((type.holds.fromW + type.holds.untilW) / 2)),
    scaleRatio,
    pooled: noted,
  };
  const model: Omit<CorrectionModel, 'id'> = {
    ...type,
    node,
    interceptW: watts(type.interceptW * factor),
    terms: type.terms.map((term) => ({ ...term, gainRatio: term.gainRatio * factor })),
    systematicRatio: Math.hypot(type.systematicRatio, nodeRatio),
    ...(scaled ? { detail: scaled } : {}),
  };
  return { ...model, id: modelId(model) };
}

/** Gap and evidence of the node itself; the range in which the model holds is the type's. */
function withOwnGap(model: CorrectionModel, rows: Rows): CorrectionModel {
  let meterJ = 0;
  let chipJ = 0;
  for (let row = 0; row < rows.count; row++) {
    const lengthS = rows.lengthS[row] ?? 0;
    meterJ += lengthS * (rows.meterW[row] ?? 0);
    for (const column of rows.chipW) chipJ += lengthS * (column[row] ?? 0);
  }
  if (meterJ <= 0) return model;
  const own: Omit<CorrectionModel, 'id'> = {
    ...model,
    gapRatio: 1 - chipJ / meterJ,
    evidence: { ...model.evidence, intervalsCount: rows.count },
  };
  return { ...own, id: modelId(own) };
}
