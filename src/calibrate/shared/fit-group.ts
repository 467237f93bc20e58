// From the evidence of a group of nodes behind the same meters to one model for each, that together carry the joint fit.
// It looks for what contradicts physics first, and says which gates are open: of the group, and of each node's share.
import { findClock } from '../../align/clock-search.ts';
import { firstS, lastS, sumOf } from '../../align/energy-series.ts';
import { rowsOfSeries } from '../../align/meter-rows.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import {
  type GroupClock,
  type GroupEvidence,
  meanOf,
  meansOf,
  nodeModel,
  type Untied,
} from './group-model.ts';
import { feedSummary, suspectMissingFeed, suspicionText, type Suspicion } from './missing-feed.ts';
import { modelId } from '../model-json.ts';
import { fitShared, type SharedFit } from './shared-fit.ts';
import { predictShared } from './shared-prediction.ts';
import { chipsOfW, sharedRows, someRows, type SharedRows } from './shared-rows.ts';

const ROWS_COUNT_MIN = 12;
const COVERED_S_MIN = 45;
const EVIDENCE_S_MIN = 1800;
const BIAS_RATIO_MAX = 0.01;
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

const percent = (fractionRatio: number): string => `${(100 * fractionRatio).toFixed(2)} %`;
