// Stamps in local time read as UTC are off by whole quarter hours. Where nothing fits near 0 the shapes of the load are
// compared at every such shift, and one is named only if it fits far better than any other. The same search finds where
// the rest of a recording went whose stamps jumped within it.
import { clockProblem, explainedBy, scanOffsets, type ClockProblem } from './clock-problem.ts';
import { firstS, lastS, secondsBetween } from './energy-series.ts';
import { edgeRows, pickRows } from './row-selection.ts';
import { fitWindows } from './window-fit.ts';
import { residualAt } from './window-residual.ts';

/** Zones lie between UTC-12 and UTC+14, in quarter hours. */
const QUARTER_S = 900;
const QUARTERS_COUNT = 56;
/** Two hosts that keep time differ by less than this beside the zone. */
const NEAR_S = 60;
/** More than a hundred shifts are scanned: the largest edges are enough. */
const ROWS_COUNT_MAX = 2000;
const ROWS_COUNT_MIN = 60;
/** One step of a load resembles any other; a shape has several, and explains most of the meter. */
const EDGES_COUNT_MIN = 4;
const EXPLAINED_RATIO_MIN = 0.6;
/** The second best shift must leave at least this many times the squares of the best. */
const RIVAL_RATIO = 3;

/** The shift in seconds that fits uniquely, chips later than the meter; undefined where there is none, or it is 0. */
export function findZone(whole: ClockProblem): number | undefined {
  const [chips] = whole.chips;
  const problem = clockProblem(edgeRows(whole.rows, ROWS_COUNT_MAX), chips);
  const { rows } = problem;
  const lastRow = rows.untilS.length - 1;
  const chipsFromS = firstS(chips) - secondsBetween(chips.originNs, rows.originNs);
  const chipsUntilS = chipsFromS + lastS(chips) - firstS(chips);
  let best:
    { shiftS: number; leftRatio: number; offsetS: number; mostRowsCount: number } | undefined;
  let secondRatio = Infinity;
  for (let quarter = -QUARTERS_COUNT; quarter <= QUARTERS_COUNT; quarter++) {
    const shiftS = quarter * QUARTER_S;
    const commonS =
      Math.min(chipsUntilS - shiftS, rows.untilS[lastRow] ?? 0) -
      Math.max(chipsFromS - shiftS, rows.fromS[0] ?? 0);
    if (commonS < ROWS_COUNT_MIN * problem.rowS) continue;
    const scan = scanOffsets(problem, shiftS, NEAR_S);
    if (!scan.best || scan.mostRowsCount < ROWS_COUNT_MIN) continue;
    const leftRatio = 1 - explainedBy(scan.best.at);
    if (!best || leftRatio < best.leftRatio) {
      secondRatio = Math.min(secondRatio, best?.leftRatio ?? Infinity);
      best = { shiftS, leftRatio, offsetS: scan.best.offsetS, mostRowsCount: scan.mostRowsCount };
    } else secondRatio = Math.min(secondRatio, leftRatio);
  }
  if (!best || best.shiftS === 0) return undefined;
  const fit = fitWindows(problem, [best.offsetS, 0, 0], {
    reaches: [problem.rowS / 2, 0, 0],
    rowsCountMin: 0.8 * best.mostRowsCount,
  });
  const left = 1 - explainedBy(fit.residual);
  const stands =
    left <= 1 - EXPLAINED_RATIO_MIN &&
    fit.edgesCount >= EDGES_COUNT_MIN &&
    secondRatio > RIVAL_RATIO * left;
  return stands ? best.shiftS : undefined;
}

export interface ClockJump {
  /** First row that is no longer (or the first that is) where the others are. */
  readonly row: number;
  readonly atS: number;
  /** By how much the chips' stamps are later behind it than before, to a quarter hour. */
  readonly jumpS: number;
}

/** Parts of this many rows are judged as a whole: shorter ones often hold no edge. */
const PART_ROWS_COUNT = 100;
/** Chips that belong to a part explain half of it; those of another time explain nothing. */
const BELONGS_RATIO_MIN = 0.5;

/**
 * Where a head or tail of the rows fits the chips at another shift only: stamps jumped by quarter hours within the
 * recording. `trial` is what fits the others. Undefined where everything that shows edges fits, or nothing unique does.
 */
export function findJump(problem: ClockProblem, trial: readonly number[]): ClockJump | undefined {
  const { residualW } = residualAt(problem, trial);
  const count = residualW.length;
  const fits: boolean[] = [];
  for (let from = 0; from < count; from += PART_ROWS_COUNT) {
    const until = Math.min(count, from + PART_ROWS_COUNT);
    fits.push(belongs(problem.meterW.subarray(from, until), residualW.subarray(from, until)));
  }
  const firstPart = fits.indexOf(true);
  const lastPart = fits.lastIndexOf(true);
  if (firstPart < 0) return undefined;
  const [chips] = problem.chips;
  const jumpFrom = (from: number, until: number): number | undefined => {
    if (until - from < PART_ROWS_COUNT) return undefined;
    const places = Float64Array.from({ length: until - from }, (_, row) => from + row);
    return findZone(clockProblem(pickRows(problem.rows, places), chips));
  };
  const atRow = (row: number): { row: number; atS: number } => ({
    row,
    atS: problem.rows.fromS[row] ?? 0,
  });
  const tail = Math.min(count, (lastPart + 1) * PART_ROWS_COUNT);
  const tailS = jumpFrom(tail, count);
  if (tailS !== undefined) return { ...atRow(tail), jumpS: tailS };
  const head = firstPart * PART_ROWS_COUNT;
  const headS = jumpFrom(0, head);
  return headS === undefined ? undefined : { ...atRow(head), jumpS: -headS };
}

function belongs(meterW: Float64Array, residualW: Float64Array): boolean {
  let covered = 0;
  let mean = 0;
  meterW.forEach((powerW, row) => {
    if (Number.isNaN(residualW[row])) return;
    covered++;
    mean += (powerW - mean) / covered;
  });
  if (covered < meterW.length / 2) return false;
  let whole = 0;
  let left = 0;
  meterW.forEach((powerW, row) => {
    const residual = residualW[row] ?? Number.NaN;
    if (Number.isNaN(residual)) return;
    whole += (powerW - mean) ** 2;
    left += residual ** 2;
  });
  return left < (1 - BELONGS_RATIO_MIN) * whole;
}
