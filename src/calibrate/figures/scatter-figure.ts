// Wall power against chip power, thinned evenly over the range of chip power rather than over time: a load that was rare
// is as much a part of where a model holds as one that ran all night.
import { chipTotalW, type Rows } from '../rows.ts';
import type { ScatterFigure } from './fit-figures.ts';
import { evenly } from './thinning.ts';

const STEPS_COUNT = 60;
/** One gain for all chips makes a straight line; of several, the mix within a step is drawn smoother in wider steps. */
const MIXED_STEPS_COUNT = 15;
const POINTS_PER_STEP_COUNT = 10;

export function scatterOf(rows: Rows, predictedW: Float64Array, termsCount: number): ScatterFigure {
  const chipW = chipTotalW(rows);
  let leastW = Infinity;
  let mostW = -Infinity;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    leastW = Math.min(leastW, chipW[row] ?? 0);
    mostW = Math.max(mostW, chipW[row] ?? 0);
    lengthS += rows.lengthS[row] ?? 0;
  }
  const members = stepsOf(chipW, leastW, mostW, STEPS_COUNT);
  const lineSteps = termsCount > 1 ? stepsOf(chipW, leastW, mostW, MIXED_STEPS_COUNT) : members;
  const kept = members.flatMap((step) =>
    evenly(step.length, POINTS_PER_STEP_COUNT).map((place) => step[place] ?? 0),
  );
  const line = lineSteps
    .filter((step) => step.length > 0)
    .map((step) => ({ chipW: meanAt(chipW, step), predictedW: meanAt(predictedW, step) }));
  return {
    rowsCount: rows.count,
    rowS: lengthS / Math.max(1, rows.count),
    chipW: kept.map((row) => chipW[row] ?? 0),
    meterW: kept.map((row) => rows.meterW[row] ?? 0),
    predictedW: kept.map((row) => predictedW[row] ?? 0),
    application: kept.map((row) => rows.application[row] ?? -1),
    line: {
      chipW: line.map((point) => point.chipW),
      predictedW: line.map((point) => point.predictedW),
    },
  };
}

/** Rows in equal steps of chip power. */
function stepsOf(
  chipW: Float64Array,
  leastW: number,
  mostW: number,
  stepsCount: number,
): number[][] {
  const members: number[][] = Array.from({ length: stepsCount }, () => []);
  const spanW = mostW - leastW;
  chipW.forEach((each, row) => {
    const place = spanW > 0 ? (each - leastW) / spanW : 0;
    members[Math.min(stepsCount - 1, Math.floor(place * stepsCount))]?.push(row);
  });
  return members;
}

const meanAt = (column: Float64Array, rows: readonly number[]): number =>
  rows.reduce((sum, row) => sum + (column[row] ?? 0), 0) / rows.length;
