// A run as its acquisitions: where a tool started anew within one file, or a clock was set, each part has an offset of its
// own, and is aligned against those rows of the meter that it may have seen.
import { firstS, lastS, secondsBetween, type EnergySeries } from '../../align/energy-series.ts';
import { rowsOfSeries, type MeterRows } from '../../align/meter-rows.ts';
import { pickRows } from '../../align/row-selection.ts';
import { periodOf } from '../../align/series-from-samples.ts';
import { partOf, stampHabitOf, type StampHabit } from '../../align/stamp-habit.ts';

export interface AcquisitionRows {
  readonly run: string;
  readonly number: number;
  readonly habit: StampHabit;
  readonly rows: MeterRows;
  readonly chips: EnergySeries;
  /** From when its clock holds, and its first stamp, seconds after the origin of the meter. */
  readonly fromS: number;
  readonly startS: number;
  readonly lengthS: number;
}

/** Rows of the meter this far outside of the chips may still belong to them: the search reaches as far. */
const BESIDE_S = 60;
/** Rows shorter than a second show nothing more of a node's clock, and cost more. */
const ROW_S_MIN = 1;

export function acquisitionsOf(
  run: string,
  wall: EnergySeries,
  total: EnergySeries,
): readonly AcquisitionRows[] {
  const habit = stampHabitOf(total);
  const rows = rowsOfSeries(wall, Math.max(ROW_S_MIN, periodOf(wall.atS)));
  const shiftS = secondsBetween(wall.originNs, total.originNs);
  const single = habit.acquisitions.length < 2;
  return habit.acquisitions.map((each, number) => {
    const chips = single ? total : partOf(total, each);
    const startS = firstS(chips) + shiftS;
    const beforeS = (habit.acquisitions[number - 1]?.untilS ?? -Infinity) + shiftS;
    const own = single
      ? rows
      : rowsWithin(rows, startS - BESIDE_S, lastS(chips) + shiftS + BESIDE_S);
    return {
      run,
      number,
      habit,
      rows: own,
      chips,
      fromS: number === 0 ? -Infinity : (beforeS + startS) / 2,
      startS,
      lengthS: each.untilS - each.fromS,
    };
  });
}

function rowsWithin(rows: MeterRows, fromS: number, untilS: number): MeterRows {
  const places = Float64Array.from(rows.fromS.keys()).filter(
    (row) => (rows.fromS[row] ?? 0) >= fromS && (rows.untilS[row] ?? 0) <= untilS,
  );
  return pickRows(rows, places);
}

/** Two parts of one acquisition, before and behind the instant at which a clock was set. */
export function partedAt(whole: AcquisitionRows, atS: number): readonly AcquisitionRows[] {
  const lastS = whole.rows.untilS[whole.rows.untilS.length - 1] ?? atS;
  return [
    { ...whole, rows: rowsWithin(whole.rows, -Infinity, atS), lengthS: atS - whole.startS },
    {
      ...whole,
      number: whole.number + 1,
      rows: rowsWithin(whole.rows, atS, Infinity),
      fromS: atS,
      startS: atS,
      lengthS: lastS - atS,
    },
  ];
}
