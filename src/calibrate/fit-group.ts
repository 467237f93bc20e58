// From the evidence of a group of nodes behind the same meters to one model for each, that together carry the joint fit.
// It looks for what contradicts physics first, and says which gates are open: of the group, and of each node's share.
import { findClock } from '../align/clock-search.ts';
import { firstS, lastS, sumOf, type EnergySeries } from '../align/energy-series.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import type { CorrectionModel, LevelRule, SharedPart } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import { dayDrift } from './level.ts';
import { feedSummary, suspectMissingFeed, suspicionText, type Suspicion } from './missing-feed.ts';
import { modelId } from './model-json.ts';
import type { SharedNode } from './shared-basis.ts';
import { fitShared, type SharedFit } from './shared-fit.ts';
import { nodeUncertaintyW, predictShared, shareUncertainties } from './shared-prediction.ts';
import { chipsOfW, sharedRows, someRows, type SharedRows } from './shared-rows.ts';

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

const ROWS_COUNT_MIN = 12;
const COVERED_S_MIN = 45;
const EVIDENCE_S_MIN = 1800;
const BIAS_RATIO_MAX = 0.01;
/** A share that is not known to 5 % of the node (expanded) rests on priors more than on evidence. */
const SHARE_U_RATIO_MAX = 0.05;
const OFFSET_S_MAX = 60;

/**
 * Fits a group. Refuses `calibrate.few` and `calibrate.implausible` and `align.overlap`; a flat load is no refusal here,
 * since the sum is metered: the shares then rest on their priors, and say so.
 */
export function fitGroup(evidence: GroupEvidence): readonly CorrectionModel[] | Refusal {
  const { wall, nodes } = evidence;
  const coveredS = (wall.coveredS.at(-1) ?? 0) - (wall.coveredS[0] ?? 0);
  const blockS = coveredS < 1200 ? 5 : coveredS < 86_400 ? 10 : 60;
  const [first, ...others] = nodes.flatMap(({ chips, terms }) => {
    const inside = new Set(terms.flatMap((term) => term.less));
    return terms.flatMap((term) =>
      term.sources.flatMap((source) => (inside.has(source) ? [] : (chips.get(source) ?? []))),
    );
  });
  if (!first) {
    return refuse('align.overlap', 'the nodes have no chips', 'record the chips beside the meter');
  }
  const rangeS = Math.min(OFFSET_S_MAX, (lastS(wall) - firstS(wall)) / 8);
  const clock = findClock(rowsOfSeries(wall, Math.min(blockS, 5)), sumOf([first, ...others]), {
    rangeS,
    seekRate: false,
  });
  const offset = isRefusal(clock)
    ? { offsetS: 0, uncertaintyS: 1, aligned: false }
    : { offsetS: clock.offsetS, uncertaintyS: clock.offsetUncertaintyS, aligned: true };
  const rows = sharedRows(wall, nodes, offset.offsetS, blockS);
  if (isRefusal(rows)) return rows;
  return modelsOf(rows, evidence, offset);
}

interface GroupClock {
  readonly offsetS: number;
  readonly uncertaintyS: number;
  readonly aligned: boolean;
}

function modelsOf(
  rows: SharedRows,
  evidence: GroupEvidence,
  clock: GroupClock,
): readonly CorrectionModel[] | Refusal {
  const coveredS = rows.lengthS.reduce((sum, each) => sum + each, 0);
  if (rows.count < ROWS_COUNT_MIN || coveredS < COVERED_S_MIN) {
    return refuse(
      'calibrate.few',
      `only ${rows.count} intervals (${coveredS.toFixed(0)} s) have the meters and the chips of every node`,
      'wait for at least one minute of all of them',
    );
  }
  const chips = chipsOfW(rows);
  const terms = evidence.nodes.flatMap((node) => node.terms);
  const suspicion = suspectMissingFeed(feedSummary(rows.meterW, chips, terms));
  if (suspicion?.strength === 'impossible') {
    return refuse('calibrate.implausible', suspicion.evidence.join('; '), suspicion.remedy);
  }
  const fit = fitShared(rows, evidence.nodes, evidence.levelRule);
  const groupOpen = openOf(rows, evidence, coveredS, clock, suspicion);
  const models = evidence.nodes.map((_, index) =>
    nodeModel(index, fit, rows, evidence, clock, groupOpen),
  );
  // Siblings are known by one name for the fit: that of all their contents.
  const fitId = modelId({ ...bare(models[0]), node: models.map((each) => modelId(each)).join() });
  return models.map((model) => {
    const tied = { ...model, shared: { ...model.shared, fit: fitId } };
    return { ...tied, id: modelId(tied) };
  });
}

type Untied = Omit<CorrectionModel, 'id'> & { readonly shared: SharedPart };

function bare(model: Untied | undefined): Untied {
  if (model === undefined) throw new RangeError('a group has nodes');
  return model;
}

function openOf(
  rows: SharedRows,
  { nodes, levelRule }: GroupEvidence,
  coveredS: number,
  clock: GroupClock,
  suspicion: Suspicion | undefined,
): readonly string[] {
  const open: string[] = [];
  if (suspicion) open.push(suspicionText(suspicion));
  if (coveredS < EVIDENCE_S_MIN) {
    open.push(
      `evidence: ${(coveredS / 60).toFixed(1)} of ${EVIDENCE_S_MIN / 60} minutes with the meters and all nodes`,
    );
  }
  if (!clock.aligned) open.push('alignment: no load edge shows how the clocks differ');
  const cut = Math.floor(0.75 * rows.count);
  if (cut >= ROWS_COUNT_MIN && rows.count - cut >= 3) {
    const early = fitShared(someRows(rows, 0, cut), nodes, levelRule);
    const bias = biasOf(early, someRows(rows, cut, rows.count));
    if (Math.abs(bias) > BIAS_RATIO_MAX) {
      open.push(
        `held-back energy of the group: off by ${percent(bias)}, allowed ${percent(BIAS_RATIO_MAX)}`,
      );
    }
  } else open.push('held-back check: too little evidence to hold any back');
  return open;
}

/** (predicted - metered) / metered over rows that the fit has not seen. */
function biasOf(fit: SharedFit, rows: SharedRows): number {
  const { totalW } = predictShared(fit, meansOf(rows));
  const metered = meanOf(rows.meterW, rows.lengthS);
  return (totalW - metered) / metered;
}

const meansOf = (rows: SharedRows): number[][] =>
  rows.chipW.map((own) => own.map((column) => meanOf(column, rows.lengthS)));

function meanOf(column: Float64Array, lengthS: Float64Array): number {
  let energyJ = 0;
  let wholeS = 0;
  column.forEach((each, row) => {
    energyJ += each * (lengthS[row] ?? 0);
    wholeS += lengthS[row] ?? 0;
  });
  return wholeS > 0 ? energyJ / wholeS : 0;
}

function nodeModel(
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
    dof: Math.max(1, fit.dof),
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

function deviationOf(values: Float64Array, mean: number): number {
  let sum = 0;
  for (const each of values) sum += (each - mean) ** 2;
  return Math.sqrt(sum / Math.max(1, values.length - 1));
}

const percent = (fractionRatio: number): string => `${(100 * fractionRatio).toFixed(2)} %`;
