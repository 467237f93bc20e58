// Evidence of a group of nodes behind the same meters as rows: the mean power of the meters together, and beside it the
// mean power of every chip term of every node, over the same windows.
import {
  meansOver,
  movedEdges,
  secondsBetween,
  sumOf,
  type EnergySeries,
} from '../../align/energy-series.ts';
import { rowsOfSeries } from '../../align/meter-rows.ts';
import { refuse, isRefusal, type Refusal } from '../../quantity/fault.ts';
import type { ChipTerm } from '../chip-terms.ts';

export interface SharedRows {
  readonly count: number;
  readonly meterW: Float64Array;
  readonly lengthS: Float64Array;
  /** Per node, one column per term. */
  readonly chipW: readonly (readonly Float64Array[])[];
  /** Per node: 1 where it was on, 0 where it was off and took nothing; undefined where it was on throughout. */
  readonly onRatio: readonly (Float64Array | undefined)[];
}

/** One node of a group as the fit sees it. */
export interface SharedSource {
  readonly node: string;
  readonly terms: readonly ChipTerm[];
  readonly chips: ReadonlyMap<string, EnergySeries>;
}

/**
 * Rows of at least `blockS` on the meter's own edges; the chips' stamps are later by `offsetS`. A row that the chips of
 * any node do not cover for 95 % is left out: half a sum is no sum. Refuses `align.overlap` where a source is missing.
 */
export function sharedRows(
  wall: EnergySeries,
  nodes: readonly SharedSource[],
  offsetS: number,
  blockS: number,
): SharedRows | Refusal {
  const rows = rowsOfSeries(wall, blockS);
  const covered = new Float64Array(rows.meanW.length).fill(1);
  const columns: Float64Array[][] = [];
  for (const { node, terms, chips } of nodes) {
    const own: Float64Array[] = [];
    for (const term of terms) {
      const meanW = new Float64Array(covered.length);
      for (const [sources, sign] of [
        [term.sources, 1],
        [term.less, -1],
      ] as const) {
        if (sources.length === 0) continue;
        const series = seriesSum(node, chips, sources);
        if (isRefusal(series)) return series;
        const move = {
          shiftS: offsetS + secondsBetween(series.originNs, wall.originNs),
          rateRatio: 0,
          pivotS: 0,
        };
        const means = meansOver(
          series,
          movedEdges(rows.fromS, move),
          movedEdges(rows.untilS, move),
        );
        for (let row = 0; row < covered.length; row++) {
          meanW[row] = (meanW[row] ?? 0) + sign * (means.meanW[row] ?? 0);
          covered[row] = Math.min(covered[row] ?? 0, means.coveredRatio[row] ?? 0);
        }
      }
      own.push(meanW);
    }
    columns.push(own);
  }
  const kept = [...covered.keys()].filter((row) => (covered[row] ?? 0) >= 0.95);
  const pick = (column: Float64Array): Float64Array =>
    Float64Array.from(kept, (row) => column[row] ?? 0);
  return {
    count: kept.length,
    meterW: pick(rows.meanW),
    lengthS: Float64Array.from(kept, (row) => (rows.untilS[row] ?? 0) - (rows.fromS[row] ?? 0)),
    chipW: columns.map((own) => own.map(pick)),
    onRatio: nodes.map(() => undefined),
  };
}

function seriesSum(
  node: string,
  chips: ReadonlyMap<string, EnergySeries>,
  sources: readonly string[],
): EnergySeries | Refusal {
  const found = sources.flatMap((source) => chips.get(source) ?? []);
  const [first, ...others] = found;
  if (first === undefined || found.length < sources.length) {
    return refuse(
      'align.overlap',
      `the chips of ${node} lack one of the sources ${sources.join(', ')}`,
      'record every chip source of every node behind the meter',
    );
  }
  return sumOf([first, ...others]);
}

/** Some of the rows, by their place. */
export function someRows(rows: SharedRows, from: number, until: number): SharedRows {
  const cut = (column: Float64Array): Float64Array => column.slice(from, until);
  return {
    count: Math.max(0, Math.min(until, rows.count) - from),
    meterW: cut(rows.meterW),
    lengthS: cut(rows.lengthS),
    chipW: rows.chipW.map((own) => own.map(cut)),
    onRatio: rows.onRatio.map((column) => column && cut(column)),
  };
}

/** Chip power of one node as a whole, or of all of them. */
export function chipsOfW(rows: SharedRows, node?: number): Float64Array {
  const total = new Float64Array(rows.count);
  rows.chipW.forEach((own, index) => {
    if (node !== undefined && node !== index) return;
    for (const column of own) {
      for (let row = 0; row < rows.count; row++) {
        total[row] = (total[row] ?? 0) + (column[row] ?? 0);
      }
    }
  });
  return total;
}
