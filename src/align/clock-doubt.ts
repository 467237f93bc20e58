// What speaks against an offset before it is stated: too little common time, a load without edges, or another offset that
// fits as well because the load repeats itself.
import { refuse, type Refusal } from '../quantity/fault.ts';
import { explainedBy, OFFSET, type ClockProblem, type OffsetScan } from './clock-problem.ts';
import { residualAt } from './window-residual.ts';

/** At a wrong offset the residual is mostly edge; the right one must explain at least this much of the variance. */
const EXPLAINED_RATIO_MIN = 0.25;
const ROWS_COUNT_MIN = 12;
const ROWS_RATIO_MIN = 0.2;

export const noEdge = (because: string): Refusal =>
  refuse(
    'align.flat',
    because,
    'meter a stretch in which the load rises and falls, such as a load staircase',
  );

/** Why the start of the search is not to be trusted; undefined where nothing speaks against it. */
export function doubtOf(
  problem: ClockProblem,
  scan: OffsetScan,
  start: readonly number[],
): Refusal | undefined {
  const count = problem.meterW.length;
  if (scan.mostRowsCount < ROWS_COUNT_MIN || scan.mostRowsCount < ROWS_RATIO_MIN * count) {
    return refuse(
      'align.overlap',
      `only ${scan.mostRowsCount} of ${count} windows of the meter have chip readings`,
      'give both instruments the same time span, and check that both stamps are UTC',
    );
  }
  const best = residualAt(problem, start);
  if (best.meterVarianceW2 <= 0 || best.gainRatios.every((gain) => gain <= 0)) {
    return noEdge('the chips do not rise with the meter at any offset');
  }
  const explained = explainedBy(best);
  if (explained < EXPLAINED_RATIO_MIN) {
    return noEdge(`at its best the chips explain ${(100 * explained).toFixed(0)} % of the meter`);
  }
  const offsetS = start[OFFSET] ?? 0;
  const sameW2 = 1.1 * best.meanSquareW2 + 0.005 * best.meterVarianceW2;
  const rival = scan.usable.find((each, index) => {
    const left = scan.usable[index - 1]?.at.meanSquareW2 ?? -Infinity;
    const right = scan.usable[index + 1]?.at.meanSquareW2 ?? -Infinity;
    const isValley = each.at.meanSquareW2 < left && each.at.meanSquareW2 < right;
    return (
      isValley && Math.abs(each.offsetS - offsetS) > 4 * scan.stepS && each.at.meanSquareW2 < sameW2
    );
  });
  if (!rival) return undefined;
  return noEdge(
    `an offset of ${rival.offsetS.toFixed(1)} s fits as well as ${offsetS.toFixed(1)} s (a periodic load)`,
  );
}
