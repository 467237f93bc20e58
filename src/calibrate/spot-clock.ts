// The clock of one recording from a short metering: a tool that cuts its start to the second has another offset each time,
// which a minute with a load edge shows. It is weighed against what the model's recordings had, like the level.
import { findClock } from '../align/clock-search.ts';
import { firstS, secondsBetween, sumOf, type EnergySeries } from '../align/energy-series.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import { shrunk } from '../align/offset-law.ts';
import { periodOf } from '../align/series-from-samples.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal } from '../quantity/fault.ts';
import { chipTotalOf } from './evidence-rows.ts';
import type { SpotFeed } from './spot-anchor.ts';

/** Offsets are sought as far as recordings of the kind may lie apart: four of their standard deviations. */
const REACH_SIGMAS = 4;
/** Rows shorter than a second show nothing more of a node's clock. */
const ROW_S_MIN = 1;
/** A model that knows its clocks this well learns nothing from a minute. */
const KNOWN_S = 0.02;

/**
 * The model on the clock of this recording, where the spot metering shows an edge of the load; else the model as it is. The
 * offset holds at the first chip stamp, s later than the meter. Meters that hold their values show no clock in a minute.
 */
export function onSpotClock(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  feeds: readonly SpotFeed[],
): CorrectionModel {
  const { detail } = model;
  const [first, ...others] = feeds.map((feed) => feed.series);
  if (!detail || detail.heldMeters.length > 0 || !first) return model;
  const total = chipTotalOf(chips, model.terms);
  if (isRefusal(total) || !(detail.offsetUncertaintyS > KNOWN_S)) return model;
  const wall = sumOf([first, ...others]);
  const offsetS = Number(model.offsetNs) / 1e9;
  const { rateRatio } = detail;
  const startS = firstS(total) + secondsBetween(wall.originNs, total.originNs);
  const middleS = (firstS(wall) + (wall.atS.at(-1) ?? 0)) / 2;
  const rangeS = REACH_SIGMAS * detail.offsetUncertaintyS;
  const centreS = offsetS + rateRatio * (middleS - startS);
  const rows = rowsOfSeries(wall, Math.max(ROW_S_MIN, periodOf(wall.atS)));
  const found = findClock(rows, total, { rangeS, centreS, seekRate: false, rateRatio });
  // A valley that slopes out of reach is none: these stamps are of another kind, or the spot is of another run.
  if (isRefusal(found) || Math.abs(found.offsetS - centreS) > rangeS) return model;
  const drawn = shrunk(
    {
      value: found.offsetS + rateRatio * (startS - found.pivotS),
      uncertainty: found.offsetUncertaintyS,
    },
    offsetS,
    detail.offsetUncertaintyS,
  );
  return {
    ...model,
    offsetNs: BigInt(Math.round(drawn.value * 1e9)),
    detail: { ...detail, offsetUncertaintyS: drawn.uncertainty },
  };
}
