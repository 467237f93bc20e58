// How the clocks were aligned, as a reader can check it: the residual over the offsets that were tried, the offset that
// each recording got, and how it moved within.
import type { ClockRelation } from '../../align/clock-search.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { AlignedAcquisition, AlignedRuns } from '../clocks/align-runs.ts';
import type { AlignmentFigure, ClockFigure, DriftFigure, TraceFigure } from './fit-figures.ts';
import { evenly } from './thinning.ts';

/** What was found on one day of a long recording. */
export interface DayFound {
  readonly day: string;
  /** Seconds since 1970 at which the offset holds. */
  readonly atS: number;
  readonly offsetS: number;
  readonly uncertaintyS: number;
  /** Undefined where no load edge of the day showed it. */
  readonly trace: ClockRelation['trace'] | undefined;
}

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

/** The same for days: those that showed nothing lie on the line of the others. */
export function alignmentOfDays(days: readonly DayFound[]): AlignmentFigure | undefined {
  const last = days.at(-1);
  if (!last) return undefined;
  const seen = days.filter((day) => day.trace !== undefined);
  return {
    typicalOffsetS: last.offsetS,
    typicalUncertaintyS: last.uncertaintyS,
    alignedCount: seen.length,
    runsCount: days.length,
    clocks: pick(seen, CLOCKS_COUNT_MAX).map(({ day, atS, offsetS, uncertaintyS }) => ({
      run: day,
      atS,
      offsetS,
      uncertaintyS,
    })),
    traces: pick(seen, CURVES_COUNT_MAX).map(({ day, offsetS, uncertaintyS, trace = [] }) =>
      traceFigure(day, offsetS, uncertaintyS, trace),
    ),
    overTime: [],
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

const traceOf = ({ aligned, relation }: Found): TraceFigure =>
  traceFigure(aligned.run, relation.offsetS, relation.offsetUncertaintyS, relation.trace);

function traceFigure(
  run: string,
  bestOffsetS: number,
  uncertaintyS: number,
  trace: ClockRelation['trace'],
): TraceFigure {
  // Where no window of the meter has chips, there is no residual.
  const usable = trace.filter((point) => Number.isFinite(point.residualW));
  const points = pick(usable, TRACE_POINTS_COUNT_MAX);
  return {
    run,
    offsetS: points.map((point) => point.offsetS),
    residualW: points.map((point) => point.residualW),
    bestOffsetS,
    uncertaintyS,
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
