// How the clocks were aligned, as a reader can check it: the residual over the offsets that were tried, and the offset
// that each run shows by its own load edges.
import type { ClockRelation } from '../../align/clock-search.ts';
import type { AlignedRuns } from '../clocks/align-runs.ts';
import type { Rows } from '../evidence-rows.ts';
import type { AlignmentFigure, ClockFigure, TraceFigure } from './fit-figures.ts';
import { evenly } from './thinning.ts';

const CLOCKS_COUNT_MAX = 400;
const TRACES_COUNT_MAX = 5;
const TRACE_POINTS_COUNT_MAX = 241;

/** `nodes` in the order in which their runs were made rows. */
export function alignmentOf(
  nodes: readonly AlignedRuns[],
  rows: Rows,
): AlignmentFigure | undefined {
  const [first] = nodes;
  if (!first) return undefined;
  const starts = startsOf(rows);
  const found = nodes
    .flatMap((node) =>
      node.runs.map((run, index) => ({ run: run.evidence.run, own: node.found[index] })),
    )
    .flatMap(({ run, own }, index) => {
      const atS = starts.get(index);
      return own && atS !== undefined ? [{ run, own, atS }] : [];
    })
    .sort((a, b) => a.atS - b.atS);
  return {
    typicalOffsetS: first.typical.offsetS,
    typicalUncertaintyS: first.typical.offsetUncertaintyS,
    alignedCount: nodes.reduce((sum, node) => sum + node.typical.alignedCount, 0),
    runsCount: nodes.reduce((sum, node) => sum + node.runs.length, 0),
    clocks: pick(found, CLOCKS_COUNT_MAX).map(({ run, own, atS }): ClockFigure => ({
      run,
      atS,
      offsetS: own.startOffsetS,
      uncertaintyS: own.relation.offsetUncertaintyS,
    })),
    traces: pick(found, TRACES_COUNT_MAX).map(({ run, own }) => traceOf(run, own.relation)),
    overTime: [],
  };
}

function traceOf(run: string, relation: ClockRelation): TraceFigure {
  // Where no window of the meter has chips, there is no residual.
  const usable = relation.trace.filter((point) => Number.isFinite(point.residualW));
  const points = pick(usable, TRACE_POINTS_COUNT_MAX);
  return {
    run,
    offsetS: points.map((point) => point.offsetS),
    residualW: points.map((point) => point.residualW),
    bestOffsetS: relation.offsetS,
    uncertaintyS: relation.offsetUncertaintyS,
  };
}

const pick = <T>(things: readonly T[], most: number): T[] =>
  evenly(things.length, most).flatMap((place) => {
    const thing = things[place];
    return thing === undefined ? [] : [thing];
  });

/** When each run's rows begin, seconds since 1970. */
function startsOf(rows: Rows): ReadonlyMap<number, number> {
  const starts = new Map<number, number>();
  for (let row = 0; row < rows.count; row++) {
    const run = rows.run[row] ?? 0;
    starts.set(run, Math.min(starts.get(run) ?? Infinity, rows.atS[row] ?? 0));
  }
  return starts;
}
