// A recording with a meter as blocks for the watch: the windows, the clock and the chip terms are those of the model, so
// that what is watched is what the model would have been applied to.
import type { EnergySeries } from '../../align/energy-series.ts';
import { firstS, secondsBetween } from '../../align/energy-series.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { predictedPowerW } from '../apply-model.ts';
import type { ChipTerm } from '../chip-terms.ts';
import { rowsOfRuns, type RunEvidence } from '../evidence-rows.ts';
import { modelPrediction } from '../fit-columns.ts';
import { GAIN_PRIORS } from '../knowledge/sensor-table.ts';
import type { WatchBlock } from './watch-budget.ts';

/** Short enough to notice within a minute, long enough that stamps and load edges do not matter. */
export const WATCH_BLOCK_S = 5;

/** Predicted wall power for chip power by term and mean of each shape, without any anchor, W. */
export const predictedOf = (
  model: CorrectionModel,
  termsW: readonly number[],
  shapesW: readonly number[] = [],
): number => predictedPowerW(model, termsW, shapesW, []);

/** Blocks in order of time. Refuses `align.overlap` where the recording lacks a source of the model. */
export function watchBlocks(
  model: CorrectionModel,
  run: RunEvidence,
  blockS = WATCH_BLOCK_S,
): readonly WatchBlock[] | Refusal {
  const terms: ChipTerm[] = model.terms.map(({ name, sources, less }) => ({
    name,
    sources,
    less: less ?? [],
    prior: GAIN_PRIORS.unknown,
  }));
  const offsetS = Number(model.offsetNs) / 1e9;
  const clock = {
    offsetS,
    rateRatio: model.detail?.rateRatio ?? 0,
    pivotS: startOf(run) - offsetS,
  };
  const held = model.detail?.heldMeters ?? [];
  const rows = rowsOfRuns([{ evidence: run, clock }], terms, held, blockS);
  if (isRefusal(rows)) return rows;
  const predictedW = modelPrediction(rows, model);
  const blocks: WatchBlock[] = [];
  for (let row = 0; row < rows.count; row++) {
    const termsW = rows.chipW.map((column) => column[row] ?? 0);
    const halfS = (rows.lengthS[row] ?? 0) / 2;
    blocks.push({
      fromS: (rows.atS[row] ?? 0) - halfS,
      untilS: (rows.atS[row] ?? 0) + halfS,
      meteredW: rows.meterW[row] ?? 0,
      predictedW: predictedW[row] ?? 0,
      termsW,
    });
  }
  return blocks;
}

/** First chip stamp, seconds after the origin of the first feed: where the offset holds and the rate counts from. */
function startOf(run: RunEvidence): number {
  const originNs = run.feeds[0]?.series.originNs;
  if (originNs === undefined) return 0;
  let startS = Infinity;
  for (const series of run.chips.values()) {
    if (series.atS.length > 0) startS = Math.min(startS, startsAt(series, originNs));
  }
  return Number.isFinite(startS) ? startS : 0;
}

const startsAt = (series: EnergySeries, originNs: EnergySeries['originNs']): number =>
  secondsBetween(originNs, series.originNs) + firstS(series);
