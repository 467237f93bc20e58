// What the efficiency class of a power supply says about its loss: loss = c0 + c1 P + c2 P², all at least 0, in units of the
// rated power. A class bounds the loss from above at its points; the best certified supply bounds it from below.
import { solveBounded } from './bounded-regression.ts';
import { gramOfColumns } from './gram-of-columns.ts';
import { BEST_EFFICIENCY_PERCENT, SUPPLY_CLASSES } from './supply-table.ts';

/** The loss of a supply as shares of its rated power, over the load as a share of it. */
export interface SupplyLoss {
  /** c0 / rated: drawn with the output open. */
  readonly idleRatio: number;
  /** c1: per watt delivered. */
  readonly proportionalRatio: number;
  /** c2 · rated: at full load, by resistance. */
  readonly resistiveRatio: number;
}

/** The most that supplies of a class may lose, fitted through the points of the class; undefined for an unknown class. */
export function supplyLossOf(supplyClass: string): SupplyLoss | undefined {
  const points = SUPPLY_CLASSES[supplyClass];
  if (!points) return undefined;
  const loads = Object.keys(points).map((loadPercent) => Number(loadPercent) / 100);
  // Divided by the load, so that efficiency, not watts, is met at every point.
  const columns = [loads.map((load) => 1 / load), loads.map(() => 1), loads];
  const lossPerLoad = Object.values(points).map((efficiencyPercent) => 100 / efficiencyPercent - 1);
  const parameters = solveBounded(gramOfColumns(columns, lossPerLoad), 1e-6, {
    lower: new Float64Array(3),
    centre: new Float64Array(3),
    precision: new Float64Array(3).fill(1e-6),
  });
  return {
    idleRatio: parameters[0] ?? 0,
    proportionalRatio: parameters[1] ?? 0,
    resistiveRatio: parameters[2] ?? 0,
  };
}

/** Output over input at a load. */
export function efficiencyRatio(loss: SupplyLoss, loadRatio: number): number {
  const lossRatio =
    loss.idleRatio + loss.proportionalRatio * loadRatio + loss.resistiveRatio * loadRatio ** 2;
  return loadRatio / (loadRatio + lossRatio);
}

/** Watts at the wall for one more watt delivered at a load: what a gain per component contains of the supply. */
export const marginalGainRatio = (loss: SupplyLoss, loadRatio: number): number =>
  1 + loss.proportionalRatio + 2 * loss.resistiveRatio * loadRatio;

/**
 * The least gain that physics allows for a sensor: 1 / (best supply efficiency x the largest gain the sensor is known
 * for), rounded down to a hundredth; 0 where nothing bounds the sensor.
 */
export function leastGainRatio(largestKnownGainRatio: number): number {
  if (largestKnownGainRatio <= 0) return 0;
  return Math.floor(100 / ((BEST_EFFICIENCY_PERCENT / 100) * largestKnownGainRatio)) / 100;
}
