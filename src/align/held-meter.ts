// PDUs hold a value for half a minute, and it is the mean of a window that ended some time before. Window and delay are
// found like an offset: those at which an affine of the chips, averaged the same way, explains the meter best.
import { refuse, type Refusal } from '../quantity/fault.ts';
import { affineResidual, type AffineResidual } from './affine-residual.ts';
import { secondsBetween, type EnergySeries } from './energy-series.ts';
import type { HeldReadings } from './meter-rows.ts';

export interface MeterWindow {
  /** From the end of the averaging window, on the chips' clock, to the first poll that shows its mean. */
  readonly delayS: number;
  readonly windowS: number;
  /** Gain of the affine: the share of the node that this feed carries, times the gap. */
  readonly gainRatio: number;
  readonly explainedRatio: number;
  readonly residualW: number;
}

const EXPLAINED_RATIO_MIN = 0.5;
const DELAY_S_MAX = 120;

/**
 * Window and delay of a held meter, coarse to fine: delays from -60 to 120 s, windows from a quarter to four times the
 * hold, then a pattern search to 0.05 s. Refuses `align.overlap` below 12 covered readings and `align.flat` where even
 * the best explains less than half of the meter's variance.
 */
export function findMeterWindow(held: HeldReadings, chips: EnergySeries): MeterWindow | Refusal {
  const originS = secondsBetween(chips.originNs, held.originNs);
  const at = (delayS: number, windowS: number): AffineResidual => {
    const untilS = held.atS.map((atS) => atS + originS - delayS);
    return affineResidual(
      chips,
      untilS.map((atS) => atS - windowS),
      untilS,
      held.meanW,
    );
  };
  const mostRowsCount = at(0, held.holdS).rowsCount;
  if (mostRowsCount < 12) {
    return refuse(
      'align.overlap',
      `only ${mostRowsCount} values of the held meter have chip readings`,
      'record both for at least ten minutes',
    );
  }
  const cost = (delayS: number, windowS: number): number => {
    const each = at(delayS, windowS);
    return each.rowsCount >= 0.8 * mostRowsCount ? each.meanSquareW2 : Infinity;
  };
  let best = { delayS: 0, windowS: held.holdS, cost: Infinity };
  const coarseS = Math.max(1, held.periodS / 2);
  for (let quarter = 1; quarter <= 16; quarter++) {
    const windowS = (held.holdS * quarter) / 4;
    for (let delayS = -60; delayS <= DELAY_S_MAX; delayS += coarseS) {
      const each = cost(delayS, windowS);
      if (each < best.cost) best = { delayS, windowS, cost: each };
    }
  }
  for (let stepS = coarseS; stepS >= 0.05;) {
    const windowStepS = 2 * stepS;
    const around = [
      [stepS, 0],
      [-stepS, 0],
      [0, windowStepS],
      [0, -windowStepS],
      // A longer window that keeps its middle: the two parameters trade along this line.
      [-stepS, windowStepS],
      [stepS, -windowStepS],
    ] as const;
    let moved = false;
    for (const [delayStepS, lengthStepS] of around) {
      const delayS = best.delayS + delayStepS;
      const windowS = best.windowS + lengthStepS;
      if (windowS < held.periodS / 2) continue;
      const each = cost(delayS, windowS);
      if (each >= best.cost) continue;
      best = { delayS, windowS, cost: each };
      moved = true;
    }
    if (!moved) stepS /= 2;
  }
  const found = at(best.delayS, best.windowS);
  const explainedRatio = 1 - found.meanSquareW2 / found.meterVarianceW2;
  if (!(explainedRatio >= EXPLAINED_RATIO_MIN)) {
    return refuse(
      'align.flat',
      'no window and delay make the chips explain this held meter',
      'meter a stretch in which the load rises and falls for longer than the meter averages',
    );
  }
  return {
    delayS: best.delayS,
    windowS: best.windowS,
    gainRatio: found.gainRatio,
    explainedRatio,
    residualW: Math.sqrt(found.meanSquareW2),
  };
}
