// Re-anchoring: half a minute of metering says where the level of a node stands now, which no chip can tell. The shift is
// weighed against how much the level is known to move, so that a minute on one load does not undo an hour on many.
import { firstS, sumOf, type EnergySeries } from '../align/energy-series.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import { periodOf, tidySamples, type Samples } from '../align/series-from-samples.ts';
import type { CorrectionModel, Drift } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { predictedPowerW, type Anchor } from './apply-model.ts';
import type { Condition } from './condition.ts';
import { ageS, coveredBy, type Covered, type WallWindows } from './corrected-rows.ts';
import { driftedRatio } from './level.ts';

/** A feed of a spot metering: its energy, and its raw samples where the model knows that this meter holds values. */
export interface SpotFeed {
  readonly source: string;
  readonly series: EnergySeries;
  readonly power: Samples | undefined;
}

const SPOT_S_MIN = 10;
/** Blocks in which a spot metering is compared, s: longer than what a second of misalignment can spoil. */
const BLOCK_S = 10;
/** Within one run the level of a recorded node stays within this of where 30 s of metering put it. */
const WITHIN_RUN_RATIO = 0.001;
/** Blocks whose predicted power is this close are one load: what the model errs by there, it errs by in all of them. */
const SAME_LOAD_RATIO = 0.1;
/** A shift this many standard deviations beyond what the level was known to do is a new regime. */
const REGIME_SIGMAS = 3;

/** One stretch of a spot metering, or several of like load. */
interface SpotBlock {
  readonly predictedW: number;
  readonly meteredW: number;
  readonly lengthS: number;
  /** Of its mean: noise that neighbours share, and a load edge whose instant is not known exactly, W². */
  readonly noiseW2: number;
}

/**
 * Level and gain of a node from a short metering: the model's predictions are the prior, weighed against how much level
 * and gain are known to move (Bayes with normal prior and noise, one load after the other). A minute on one load says
 * little where loads differ more than days; a mix of loads says most. Refuses `calibrate.few` below 10 s of common time
 * and `align.overlap` where a feed of the model is missing.
 */
export function anchorOn(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  feeds: readonly SpotFeed[],
  conditions?: ReadonlyMap<string, Condition>,
): Anchor | Refusal {
  const blocks = spotBlocks(model, chips, feeds, conditions);
  if (isRefusal(blocks)) return blocks;
  const atNs = spotInstant(feeds);
  const drift = model.detail?.drift ?? NO_DRIFT;
  const drifted = driftedRatio(drift, atNs === undefined ? undefined : ageS(model, atNs));
  const meanW = blocks[0]?.meteredW ?? 0;
  const seenW = model.detail?.levelW ?? model.systematicRatio * meanW;
  const loads = byLoad(blocks);
  const prior = {
    levelW2: seenW ** 2 + drifted * drift.levelW ** 2,
    gain2: drifted * drift.gainRatio ** 2,
  };
  const first = weigh(model, loads, prior);
  if (first.surpriseRatio <= REGIME_SIGMAS) return first.anchor;
  return weigh(model, loads, { ...prior, levelW2: prior.levelW2 + first.shiftW ** 2 }).anchor;
}

const NO_DRIFT: Drift = { levelW: 0, gainRatio: 0, dof: 1, relaxS: 1 };

function spotInstant(feeds: readonly SpotFeed[]): InstantNs | undefined {
  const series = feeds[0]?.series;
  return series && instantNs(series.originNs + BigInt(Math.round(firstS(series) * 1e9)));
}

function weigh(
  model: CorrectionModel,
  loads: readonly SpotBlock[],
  prior: { readonly levelW2: number; readonly gain2: number },
): { readonly anchor: Anchor; readonly surpriseRatio: number; readonly shiftW: number } {
  let levelW = 0;
  let gainRatio = 0;
  let [ll, lg, gg] = [prior.levelW2, 0, prior.gain2];
  let surpriseRatio = 0;
  let shiftW = 0;
  for (const [index, load] of loads.entries()) {
    const { predictedW } = load;
    const missW = load.meteredW - (predictedW * (1 + gainRatio) + levelW);
    const own = ll + 2 * lg * predictedW + gg * predictedW ** 2;
    const all = own + load.noiseW2 + ownErrorW2(model, load);
    const [towardsLevel, towardsGain] = [ll + lg * predictedW, lg + gg * predictedW];
    // The load that is known best speaks first, and says alone whether this is a new regime.
    if (index === 0) {
      surpriseRatio = Math.abs(missW) / Math.sqrt(all);
      shiftW = missW;
    }
    levelW += (towardsLevel / all) * missW;
    gainRatio += (towardsGain / all) * missW;
    ll -= towardsLevel ** 2 / all;
    lg -= (towardsLevel * towardsGain) / all;
    gg -= towardsGain ** 2 / all;
  }
  return { anchor: { levelW, gainRatio, covariance: [ll, lg, gg] }, surpriseRatio, shiftW };
}

/** What all blocks of one load share: the error of its application, and drift within a run, W². */
const ownErrorW2 = (model: CorrectionModel, load: SpotBlock): number =>
  (model.detail?.applicationW ?? 0) ** 2 + (WITHIN_RUN_RATIO * load.meteredW) ** 2;

/** Blocks of like load as one each, the best known first. */
function byLoad(blocks: readonly SpotBlock[]): readonly SpotBlock[] {
  const rising = [...blocks].sort((a, b) => a.predictedW - b.predictedW);
  const loads: SpotBlock[][] = [];
  for (const block of rising) {
    const last = loads.at(-1);
    const startW = last?.[0]?.predictedW ?? -Infinity;
    if (last && block.predictedW < startW * (1 + SAME_LOAD_RATIO)) last.push(block);
    else loads.push([block]);
  }
  return loads.map(meanOfBlocks).sort((a, b) => a.noiseW2 - b.noiseW2);
}

/** The mean that is known best: blocks count by how little noise they have. */
function meanOfBlocks(blocks: readonly SpotBlock[]): SpotBlock {
  const weight = blocks.reduce((sum, each) => sum + 1 / each.noiseW2, 0);
  const mean = (of: (block: SpotBlock) => number): number =>
    blocks.reduce((sum, each) => sum + of(each) / each.noiseW2, 0) / weight;
  return {
    predictedW: mean((each) => each.predictedW),
    meteredW: mean((each) => each.meteredW),
    lengthS: blocks.reduce((sum, each) => sum + each.lengthS, 0),
    noiseW2: 1 / weight,
  };
}

/** Plain feeds are summed and cut into blocks; feeds that hold their values give one block of all their windows. */
function spotBlocks(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  feeds: readonly SpotFeed[],
  conditions?: ReadonlyMap<string, Condition>,
): readonly SpotBlock[] | Refusal {
  const held = model.detail?.heldMeters ?? [];
  if (held.length === 0) {
    const [first, ...others] = feeds.map((feed) => feed.series);
    if (!first) return tooShort('the meter', 0);
    const wall = sumOf([first, ...others]);
    const periodS = Math.max(periodOf(wall.atS), 1e-3);
    const blocks = blocksOver(
      model,
      chips,
      rowsOfSeries(wall, Math.max(periodS, BLOCK_S)),
      conditions,
    );
    if (isRefusal(blocks)) return blocks;
    const lengthS = blocks.reduce((sum, each) => sum + each.lengthS, 0);
    return lengthS < SPOT_S_MIN ? tooShort('the meter', lengthS) : blocks;
  }
  let whole: SpotBlock = { predictedW: 0, meteredW: 0, lengthS: Infinity, noiseW2: 0 };
  for (const meter of held) {
    const feed = feeds.find((each) => each.source === meter.source);
    if (!feed?.power) return tooShort(meter.source, 0);
    const windows = heldWindows(feed.power, meter.delayS, meter.windowS);
    const blocks = blocksOver(model, chips, windows, conditions);
    if (isRefusal(blocks)) return blocks;
    if (blocks.length === 0) return tooShort(meter.source, 0);
    const mean = meanOfBlocks(blocks);
    whole = {
      predictedW: whole.predictedW + meter.shareRatio * mean.predictedW,
      meteredW: whole.meteredW + mean.meteredW,
      lengthS: Math.min(whole.lengthS, mean.lengthS),
      noiseW2: whole.noiseW2 + mean.noiseW2,
    };
  }
  return whole.lengthS < SPOT_S_MIN ? tooShort('the meters', whole.lengthS) : [whole];
}

const tooShort = (what: string, lengthS: number): Refusal =>
  refuse(
    'calibrate.few',
    `the spot metering of ${what} shares ${lengthS.toFixed(0)} s with the chips`,
    'meter 30 to 60 s while the chips are recorded, on the usual load',
  );

function blocksOver(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  windows: MeteredWindows,
  conditions?: ReadonlyMap<string, Condition>,
): readonly SpotBlock[] | Refusal {
  const covered = coveredBy(model, chips, windows, conditions);
  if (isRefusal(covered)) return covered;
  const { detail, intervalS } = model;
  const predictedW = windows.meanW.map((_, row) => predictedAt(model, covered, row));
  const blocks: SpotBlock[] = [];
  for (let row = 0; row < windows.meanW.length; row++) {
    if ((covered.coveredRatio[row] ?? 0) < 0.95) continue;
    const here = predictedW[row] ?? 0;
    const lengthS = (windows.untilS[row] ?? 0) - (windows.fromS[row] ?? 0);
    // An edge at either end of a block moves its mean by the step times the share of the block that it may be off.
    const stepW = Math.hypot(
      (predictedW[row - 1] ?? here) - here,
      (predictedW[row + 1] ?? here) - here,
    );
    const timingW = ((detail?.offsetUncertaintyS ?? 0.5) * stepW) / lengthS;
    const noiseW2 = ((detail?.inflationRatio ?? 5) * intervalS) / lengthS;
    blocks.push({
      predictedW: here,
      meteredW: windows.meanW[row] ?? 0,
      lengthS,
      noiseW2: noiseW2 * (detail?.noiseW ?? model.residualW) ** 2 + timingW ** 2 + 1e-6,
    });
  }
  return blocks;
}

function predictedAt(model: CorrectionModel, covered: Covered, row: number): number {
  const powersW = model.terms.map((term) => {
    let termW = 0;
    for (const source of term.sources) termW += covered.meanW.get(source)?.[row] ?? 0;
    for (const source of term.less ?? []) termW -= covered.meanW.get(source)?.[row] ?? 0;
    return termW;
  });
  const shapesW = covered.shapeW.map((column) => column[row] ?? 0);
  const effects = (model.detail?.conditions ?? []).map(
    (condition, index) => covered.effects[index]?.(row) ?? condition.effectMeanRatio,
  );
  return predictedPowerW(model, powersW, shapesW, effects);
}

type MeteredWindows = WallWindows & { readonly meanW: Float64Array };

/** Windows of the distinct values of a held meter; the age of the first is unknown, so it counts only if it is alone. */
function heldWindows(power: Samples, delayS: number, windowS: number): MeteredWindows {
  const { samples } = tidySamples(power);
  const changes: number[] = [];
  for (let index = 0; index < samples.atS.length; index++) {
    if (index === 0 || samples.reading[index] !== samples.reading[index - 1]) changes.push(index);
  }
  const kept = changes.length > 1 ? changes.slice(1) : changes;
  const untilS = Float64Array.from(kept, (index) => (samples.atS[index] ?? 0) - delayS);
  return {
    originNs: samples.originNs,
    fromS: untilS.map((instantS) => instantS - windowS),
    untilS,
    meanW: Float64Array.from(kept, (index) => samples.reading[index] ?? 0),
  };
}
