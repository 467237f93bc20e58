// The scale of residuals from a part of the rows that is kept at hand: the median of some hundred thousand magnitudes, so a
// round knows its bound before it looks at all rows.
import type { DayRows } from './day-cells.ts';
import { middleOf } from '../middle.ts';
import { BLOCK_ROWS, residualsOf } from './row-loops.ts';
import { constantOn } from './weigh-day.ts';

/** At most about this many rows, spread evenly; the scale is then good to 0.2 % of itself, and exact below. */
const PROBES_COUNT = 262_144;
/** The standard deviation of normal noise over the median of its magnitude. */
const DEVIATION_PER_MEDIAN = 1.4826;

export class ScaleProbes {
  readonly #days: readonly DayRows[];
  readonly #cells: readonly Float32Array[];
  readonly #magnitudesW: Float64Array;

  constructor(days: readonly DayRows[]) {
    const rowsCount = days.reduce((sum, day) => sum + day.count, 0);
    const every = Math.max(1, Math.ceil(rowsCount / PROBES_COUNT));
    this.#days = days;
    this.#cells = days.map((day) => probesOf(day, every));
    const count = days.reduce((sum, day) => sum + Math.ceil(day.count / every), 0);
    this.#magnitudesW = new Float64Array(count);
  }

  /** Robust standard deviation of a row about these parameters, W; `constantsW` has one for each day. */
  scaleW(slopes: Float64Array, constantsW: Float64Array): number {
    const residuals = new Float64Array(BLOCK_ROWS);
    let filled = 0;
    this.#days.forEach((day, index) => {
      const cells = this.#cells[index] ?? new Float32Array(0);
      const count = cells.length / day.levelsW.length;
      const constant = constantOn(day, slopes, constantsW[index] ?? 0);
      for (let from = 0; from < count; from += BLOCK_ROWS) {
        const rowsCount = Math.min(BLOCK_ROWS, count - from);
        residualsOf(cells, count, from, rowsCount, slopes, constant, residuals);
        putMagnitudes(residuals, rowsCount, this.#magnitudesW, filled);
        filled += rowsCount;
      }
    });
    return DEVIATION_PER_MEDIAN * middleOf(this.#magnitudesW);
  }
}

/** Every so-manieth row of a day, column by column. */
function probesOf(day: DayRows, every: number): Float32Array {
  const count = Math.ceil(day.count / every);
  const probes = new Float32Array(count * day.levelsW.length);
  for (let column = 0; column < day.levelsW.length; column++) {
    for (let probe = 0; probe < count; probe++) {
      probes[column * count + probe] = day.cells[column * day.strideCount + probe * every] ?? 0;
    }
  }
  return probes;
}

function putMagnitudes(
  residuals: Float64Array,
  rowsCount: number,
  into: Float64Array,
  at: number,
): void {
  for (let row = 0; row < rowsCount; row++) into[at + row] = Math.abs(residuals[row] ?? 0);
}
