// How the clocks were aligned, as JSON.
import type { Fields, ModelDocument } from '../document-fields.ts';
import type { AlignmentFigure } from './fit-figures.ts';
import { columns, instantOf, rounded, stampOf } from './number-columns.ts';

const CLOCKS_COUNT_MAX = 1000;
const CURVES_COUNT_MAX = 20;

export const encodeAlignment = (alignment: AlignmentFigure): ModelDocument => ({
  typical_offset_s: rounded(alignment.typicalOffsetS),
  typical_uncertainty_s: rounded(alignment.typicalUncertaintyS),
  aligned_count: alignment.alignedCount,
  runs_count: alignment.runsCount,
  clocks: alignment.clocks.map((clock) => ({
    run: clock.run.slice(0, 200),
    at_s: stampOf(clock.atS),
    offset_s: rounded(clock.offsetS),
    uncertainty_s: rounded(clock.uncertaintyS),
  })),
  traces: alignment.traces.map((trace) => ({
    run: trace.run.slice(0, 200),
    offset_s: trace.offsetS.map(rounded),
    residual_w: trace.residualW.map(rounded),
    best_offset_s: rounded(trace.bestOffsetS),
    uncertainty_s: rounded(trace.uncertaintyS),
  })),
  over_time: alignment.overTime.map((drift) => ({
    run: drift.run.slice(0, 200),
    at_s: drift.atS.map(stampOf),
    offset_s: drift.offsetS.map(rounded),
    uncertainty_s: drift.uncertaintyS.map(rounded),
  })),
});

export function decodeAlignment(alignment: Fields): AlignmentFigure {
  return {
    typicalOffsetS: alignment.number('typical_offset_s'),
    typicalUncertaintyS: alignment.number('typical_uncertainty_s', 0),
    alignedCount: alignment.number('aligned_count', 0),
    runsCount: alignment.number('runs_count', 0),
    clocks: bounded(alignment, 'clocks', CLOCKS_COUNT_MAX).map((clock) => ({
      run: clock.text('run'),
      atS: instantOf(clock, 'at_s', clock.number('at_s')),
      offsetS: clock.number('offset_s'),
      uncertaintyS: clock.number('uncertainty_s', 0),
    })),
    traces: bounded(alignment, 'traces', CURVES_COUNT_MAX).map((trace) => {
      const [offsetS = [], residualW = []] = columns(trace, ['offset_s', 'residual_w']);
      return {
        run: trace.text('run'),
        offsetS,
        residualW,
        bestOffsetS: trace.number('best_offset_s'),
        uncertaintyS: trace.number('uncertainty_s', 0),
      };
    }),
    overTime: bounded(alignment, 'over_time', CURVES_COUNT_MAX).map((drift) => {
      const [atS = [], offsetS = [], uncertaintyS = []] = columns(drift, [
        'at_s',
        'offset_s',
        'uncertainty_s',
      ]);
      return {
        run: drift.text('run'),
        atS: atS.map((each) => instantOf(drift, 'at_s', each)),
        offsetS,
        uncertaintyS,
      };
    }),
  };
}

function bounded(fields: Fields, name: string, most: number): readonly Fields[] {
  const list = fields.list(name);
  if (list.length > most) throw fields.fault(name, `has more than ${most} entries`);
  return list;
}
