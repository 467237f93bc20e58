// How the clocks were aligned, as a reader can check it: the residual over the offsets that were tried, the offset that
// each recording got, and how it moved within.
import type { ClockRelation } from '../../align/clock-search.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { AlignedAcquisition, AlignedRuns } from '../clocks/align-runs.ts';
import type { AlignmentFigure, ClockFigure, DriftFigure, TraceFigure } from './fit-figures.ts';
import { evenly } from './thinning.ts';

const CLOCKS_COUNT_MAX = 400;
const CURVES_COUNT_MAX = 5;
const TRACE_POINTS_COUNT_MAX = 241;

interface Found {
  readonly aligned: AlignedAcquisition;
  readonly relation: ClockRelation;
  /** Origin of the meter's rows, seconds since 1970. */
  readonly originS: number;
}

export function alignmentOf(nodes: readonly AlignedRuns[]): AlignmentFigure | undefined {
  const [first] = nodes;
  if (!first) return undefined;
  const found = nodes.flatMap(foundOf).sort((a, b) => middleS(a) - middleS(b));
  const whole = found.filter((each) => each.aligned.taken === 'own');
  const drawn = whole.length > 0 ? whole : found;
  const moving = found.filter((each) => each.relation.track.stretches.length > 1);
  return {
    typicalOffsetS: first.typical.offsetS,
    typicalUncertaintyS: first.typical.offsetUncertaintyS,
    alignedCount: found.length,
    runsCount: nodes.reduce((sum, node) => sum + node.acquisitions.length, 0),
    clocks: pick(found, CLOCKS_COUNT_MAX).map((each): ClockFigure => ({
      run: each.aligned.run,
      atS: middleS(each),
      offsetS: each.aligned.offsetS,
      uncertaintyS: each.aligned.offsetUncertaintyS,
    })),
    traces: pick(drawn, CURVES_COUNT_MAX).map(traceOf),
    overTime: pick(moving, CURVES_COUNT_MAX).map(driftOf),
  };
}

function foundOf({ runs, acquisitions }: AlignedRuns): Found[] {
  const origins = new Map(
    runs.map(({ evidence }) => [evidence.run, evidence.feeds[0]?.series.originNs]),
  );
  return acquisitions.flatMap((aligned) => {
    const { relation } = aligned;
    const originNs = origins.get(aligned.run);
    if (isRefusal(relation) || originNs === undefined) return [];
    return [{ aligned, relation, originS: Number(originNs) / 1e9 }];
  });
}

const middleS = ({ relation, originS }: Found): number => originS + relation.pivotS;

function traceOf({ aligned, relation }: Found): TraceFigure {
  // Where no window of the meter has chips, there is no residual.
  const usable = relation.trace.filter((point) => Number.isFinite(point.residualW));
  const points = pick(usable, TRACE_POINTS_COUNT_MAX);
  return {
    run: aligned.run,
    offsetS: points.map((point) => point.offsetS),
    residualW: points.map((point) => point.residualW),
    bestOffsetS: relation.offsetS,
    uncertaintyS: relation.offsetUncertaintyS,
  };
}

function driftOf({ aligned, relation, originS }: Found): DriftFigure {
  const { stretches } = relation.track;
  return {
    run: aligned.run,
    atS: stretches.map(({ fromS, untilS }) => originS + (fromS + untilS) / 2),
    offsetS: stretches.map((stretch) => stretch.offsetS),
    uncertaintyS: stretches.map((stretch) => stretch.offsetUncertaintyS),
  };
}

const pick = <T>(things: readonly T[], most: number): T[] =>
  evenly(things.length, most).flatMap((place) => {
    const thing = things[place];
    return thing === undefined ? [] : [thing];
  });
