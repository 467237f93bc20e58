// What the efficiency class of a power supply says about its loss: loss = c0 + c1 P + c2 P², all at least 0, in units of the
// rated power. A class bounds the loss from above at its points; the best certified supply bounds it from below.
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

/**
 * The lossiest physical supply that still holds its class: coefficients of at least 0 with a loss within the limit at every
 * point of the class, and the most loss in sum. The limits themselves lie on no physical curve (Titanium asks for 96 % at
 * half load and 91 % at full), so they cannot be fitted through. Undefined for an unknown class.
 */
export function supplyLossOf(supplyClass: string): SupplyLoss | undefined {
  const points = Object.hasOwn(SUPPLY_CLASSES, supplyClass)
    ? SUPPLY_CLASSES[supplyClass]
    : undefined;
  if (!points) return undefined;
  // Loss per load, so that efficiency and not watts is bounded: c0 / load + c1 + c2 load <= 1 / efficiency - 1.
  const limits: Limit[] = Object.entries(points).map(([loadPercent, efficiencyPercent]) => {
    const load = Number(loadPercent) / 100;
    return { row: [1 / load, 1, load], most: 100 / efficiencyPercent - 1 };
  });
  const signs: Limit[] = [
    { row: [-1, 0, 0], most: 0 },
    { row: [0, -1, 0], most: 0 },
    { row: [0, 0, -1], most: 0 },
  ];
  // A linear programme of three unknowns: its best point is a corner, where three of the few limits meet.
  const all = [...limits, ...signs];
  let best: Triple | undefined;
  let bestLoss = -Infinity;
  for (const [i, one] of all.entries()) {
    for (const [j, two] of all.entries()) {
      for (const three of all.slice(j + 1)) {
        if (i >= j) continue;
        const corner = meetingOf(one, two, three);
        if (!corner || all.some(({ row, most }) => dot(row, corner) > most + 1e-9)) continue;
        const loss = limits.reduce((sum, { row }) => sum + dot(row, corner), 0);
        if (loss <= bestLoss) continue;
        best = corner;
        bestLoss = loss;
      }
    }
  }
  if (!best) return undefined;
  const [idleRatio, proportionalRatio, resistiveRatio] = best.map((each) => Math.max(0, each));
  return {
    idleRatio: idleRatio ?? 0,
    proportionalRatio: proportionalRatio ?? 0,
    resistiveRatio: resistiveRatio ?? 0,
  };
}

type Triple = readonly [number, number, number];
interface Limit {
  readonly row: Triple;
  readonly most: number;
}

const dot = (a: Triple, b: Triple): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Triple, b: Triple): Triple => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Where three planes meet, by Cramer's rule; undefined where they do not meet in one point. */
function meetingOf(one: Limit, two: Limit, three: Limit): Triple | undefined {
  const determinant = dot(one.row, cross(two.row, three.row));
  if (Math.abs(determinant) < 1e-9) return undefined;
  const first = cross(two.row, three.row);
  const second = cross(three.row, one.row);
  const third = cross(one.row, two.row);
  const along = (axis: 0 | 1 | 2): number =>
    (one.most * first[axis] + two.most * second[axis] + three.most * third[axis]) / determinant;
  return [along(0), along(1), along(2)];
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
