// Nodes of one type, fitted with partial pooling: one shape for the type, one factor for each node, shrunk towards the
// type by how little its own evidence says. A node that was never metered gets the type's, with the nodes' scatter.
import type { CorrectionDetail, CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, type Refusal } from '../quantity/fault.ts';
import { watts } from '../quantity/units.ts';
import type { ChipTerm } from './chip-terms.ts';
import { rowsOfRuns, selectRows, type Rows, type RunOnClock } from './evidence-rows.ts';
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
}

/** Ratio of metered to predicted energy of one run of one node. */
interface RunRatio {
  readonly node: number;
  readonly ratio: number;
  readonly weight: number;
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
  const type = fitModel(rows, terms, { ...frame, node: typeName });
  if (isRefusal(type)) return type;
  const ratios = ratiosOf(rows, nodes, type);
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
  return { unmetered, nodes: models };
}

function ratiosOf(rows: Rows, nodes: readonly NodeRuns[], type: CorrectionModel): RunRatio[] {
  const nodeOfRun = nodes.flatMap((each, index) => each.runs.map(() => index));
  const metered = new Float64Array(rows.runsCount);
  const predicted = new Float64Array(rows.runsCount);
  const lengthS = new Float64Array(rows.runsCount);
  const affine = type.detail?.form === 'affine';
  for (let row = 0; row < rows.count; row++) {
    const run = rows.run[row] ?? 0;
    const eachS = rows.lengthS[row] ?? 0;
    let powerW: number = type.interceptW;
    rows.chipW.forEach((column, term) => {
      const gain = type.terms[affine ? 0 : term]?.gainRatio ?? 0;
      powerW += gain * (column[row] ?? 0);
    });
    metered[run] = (metered[run] ?? 0) + eachS * (rows.meterW[row] ?? 0);
    predicted[run] = (predicted[run] ?? 0) + eachS * powerW;
    lengthS[run] = (lengthS[run] ?? 0) + eachS;
  }
  return nodeOfRun.flatMap((node, run) => {
    const predictedJ = predicted[run] ?? 0;
    if (predictedJ <= 0) return [];
    return [{ node, ratio: (metered[run] ?? 0) / predictedJ, weight: lengthS[run] ?? 0 }];
  });
}

/**
 * One-way random effects by moments, weighted by length: scatter of runs within a node and of nodes about the type.
 * A run of mean length counts one.
 */
function spreadOf(
  ratios: readonly RunRatio[],
  nodesCount: number,
): {
  runsRatio: number;
  nodesRatio: number;
  nodes: readonly { ratio: number; weight: number }[];
} {
  const meanWeight =
    ratios.reduce((sum, each) => sum + each.weight, 0) / Math.max(1, ratios.length);
  const nodes = Array.from({ length: nodesCount }, () => ({ weight: 0, sum: 0, count: 0 }));
  for (const each of ratios) {
    const node = nodes[each.node];
    if (!node) continue;
    const weight = each.weight / meanWeight;
    node.weight += weight;
    node.sum += weight * each.ratio;
    node.count++;
  }
  const means = nodes.map((node) => (node.weight > 0 ? node.sum / node.weight : 1));
  let within = 0;
  let withinDof = 0;
  for (const each of ratios) {
    within += (each.weight / meanWeight) * (each.ratio - (means[each.node] ?? 1)) ** 2;
  }
  for (const node of nodes) withinDof += Math.max(0, node.count - 1);
  const seen = nodes.filter((node) => node.count > 0);
  const weights = seen.map((node) => node.weight);
  const total = weights.reduce((sum, each) => sum + each, 0);
  const grand = seen.reduce((sum, node) => sum + node.sum, 0) / Math.max(total, 1e-9);
  const between = seen.reduce((sum, node) => {
    return sum + node.weight * (node.sum / node.weight - grand) ** 2;
  }, 0);
  // Without repeats of any node, scatter of runs and of nodes cannot be told apart: all of it counts as the nodes'.
  const runsVariance = withinDof > 0 ? within / withinDof : 0;
  const effective =
    total - weights.reduce((sum, each) => sum + each * each, 0) / Math.max(total, 1e-9);
  const nodesVariance =
    effective > 0 ? Math.max(0, between - (seen.length - 1) * runsVariance) / effective : 0;
  // One prior node's worth of belief keeps two nodes that happen to agree from promising that all do.
  const pooled =
    (NODES_PRIOR_RATIO ** 2 + (seen.length - 1) * nodesVariance) / Math.max(1, seen.length);
  return {
    runsRatio: Math.sqrt(runsVariance),
    nodesRatio: Math.sqrt(pooled),
    nodes: nodes.map((node, index) => ({ ratio: means[index] ?? 1, weight: node.weight })),
  };
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
