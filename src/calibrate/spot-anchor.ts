// Re-anchoring: half a minute of metering says where the level of a node stands now, which no chip can tell. The shift is
// weighed against how much the level is known to move, so that a minute on one load does not undo an hour on many.
import type { EnergySeries } from '../align/energy-series.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import { periodOf, tidySamples, type Samples } from '../align/series-from-samples.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import type { Anchor } from './apply-model.ts';
import { coveredBy, type WallWindows } from './corrected-rows.ts';

/** A feed of a spot metering: its energy, and its raw samples where the model knows that this meter holds values. */
export interface SpotFeed {
  readonly source: string;
  readonly series: EnergySeries;
  readonly power: Samples | undefined;
}

const SPOT_S_MIN = 10;
/** Within one run the level of a recorded node stays within this of where 30 s of metering put it. */
const DRIFT_RATIO = 0.001;

/**
 * The level from a short metering: metered minus predicted mean power over the same windows, weighed against how much
 * the level is known to move (normal prior and normal evidence). Refuses `calibrate.few`
 * below 10 s of common time and `align.overlap` where a feed of the model is missing.
 */
export function anchorOn(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  feeds: readonly SpotFeed[],
): Anchor | Refusal {
  let meteredW = 0;
  let predictedW = 0;
  let coveredS = Infinity;
  for (const feed of feeds) {
    const held = model.detail?.heldMeters.find((each) => each.source === feed.source);
    const windows =
      held && feed.power
        ? heldWindows(feed.power, held.delayS, held.windowS)
        : plainWindows(feed.series);
    const covered = coveredBy(model, chips, windows);
    if (isRefusal(covered)) return covered;
    let meterJ = 0;
    let modelJ = 0;
    let lengthS = 0;
    for (let row = 0; row < windows.meanW.length; row++) {
      if ((covered.coveredRatio[row] ?? 0) < 0.95) continue;
      const eachS = (windows.untilS[row] ?? 0) - (windows.fromS[row] ?? 0);
      meterJ += (windows.meanW[row] ?? 0) * eachS;
      modelJ += predictedAt(model, covered.meanW, row) * eachS;
      lengthS += eachS;
    }
    if (lengthS < SPOT_S_MIN) {
      return refuse(
        'calibrate.few',
        `the spot metering of ${feed.source} shares ${lengthS.toFixed(0)} s with the chips`,
        'meter 30 to 60 s while the chips are recorded, on the usual load',
      );
    }
    meteredW += meterJ / lengthS;
    predictedW += ((held?.shareRatio ?? 1 / plainCount(model, feeds)) * modelJ) / lengthS;
    coveredS = Math.min(coveredS, lengthS);
  }
  const inflation = model.detail?.inflationRatio ?? 5;
  const blocksCount = Math.max(1, coveredS / (model.intervalS * inflation));
  const spotW2 = model.residualW ** 2 / blocksCount + (DRIFT_RATIO * meteredW) ** 2;
  // A minute on one load says little where loads differ more than days: the shift counts as far as it outweighs its doubt.
  // A shift far beyond what the level was known to do is a new regime: then the level moves at least that much.
  const shiftW = meteredW - predictedW;
  const knownW2 = (model.detail?.levelW ?? model.systematicRatio * meteredW) ** 2;
  const levelW2 = Math.max(knownW2, shiftW ** 2 - spotW2);
  const trust = levelW2 / (levelW2 + spotW2);
  return {
    shiftW: trust * shiftW,
    uncertaintyW: Math.sqrt(trust * spotW2),
  };
}

/** Plain feeds of one node each see the whole prediction's share; only their sum matters. */
const plainCount = (model: CorrectionModel, feeds: readonly SpotFeed[]): number =>
  (model.detail?.heldMeters.length ?? 0) > 0 ? 1 : feeds.length;

function predictedAt(
  model: CorrectionModel,
  meanW: ReadonlyMap<string, Float64Array>,
  row: number,
): number {
  let powerW: number = model.interceptW;
  for (const term of model.terms) {
    let termW = 0;
    for (const source of term.sources) termW += meanW.get(source)?.[row] ?? 0;
    for (const source of term.less ?? []) termW -= meanW.get(source)?.[row] ?? 0;
    powerW += term.gainRatio * termW;
  }
  return powerW;
}

type MeteredWindows = WallWindows & { readonly meanW: Float64Array };

const plainWindows = (series: EnergySeries): MeteredWindows =>
  rowsOfSeries(series, Math.max(periodOf(series.atS), 1e-3));

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
