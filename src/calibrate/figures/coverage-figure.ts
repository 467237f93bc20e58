// Does U hold what it promises? For each share of all spans that the band is meant to hold, the share that it did hold.
// A band that is honest runs along the diagonal; one that is too narrow stays below it.
import type { Rows } from '../rows.ts';
import type { CoverageFigure } from './fit-figures.ts';
import { coversAll, type LeftOutRows } from './left-out-rows.ts';
import type { RowPredictions } from './row-predictions.ts';
import { spansOf, standardizedOf, sumOver, type Span } from './spans.ts';

/** 95.45 % is the share that U itself is stated for. */
const NOMINAL_RATIOS = [
  0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.683, 0.75, 0.8, 0.85, 0.9, 0.9545, 0.99,
] as const;
/** Fewer than this many runs or quarters of an hour make no curve. */
const SPANS_COUNT_MIN = 4;

export function coverageOf(
  rows: Rows,
  predictions: RowPredictions,
  leftOut: LeftOutRows | undefined,
): readonly CoverageFigure[] {
  const lengths = [
    { name: 'minutes', limitS: 60 },
    { name: 'quarter-hours', limitS: 900 },
    { name: 'runs', limitS: Infinity },
  ] as const;
  return lengths.flatMap(({ name, limitS }) => {
    // The rest at the end of a run is shorter than the band was asked for, and rows of minutes make no single minute.
    const whole = spansOf(rows, limitS).filter((span) => {
      const ratio = lengthOf(rows, span) / limitS;
      return limitS === Infinity || (ratio >= 0.9 && ratio <= 1.5);
    });
    const curves = [
      curveOf(rows, whole, predictions.predictedW, predictions.partsOf, name, 'fitted'),
    ];
    if (leftOut) {
      const seen = whole.filter((span) => coversAll(leftOut, [span]));
      // Of a day that was left out nobody had looked at the meter.
      const partsOf: RowPredictions['partsOf'] = (from, until) =>
        predictions.partsOf(from, until, leftOut.by === 'day');
      curves.push(curveOf(rows, seen, leftOut.predictedW, partsOf, name, 'left out'));
    }
    return curves.filter((curve) => curve !== undefined);
  });
}

function curveOf(
  rows: Rows,
  spans: readonly Span[],
  predictedW: Float64Array,
  partsOf: RowPredictions['partsOf'],
  name: CoverageFigure['spans'],
  basis: CoverageFigure['basis'],
): CoverageFigure | undefined {
  if (spans.length < SPANS_COUNT_MIN) return undefined;
  const shares: number[] = [];
  for (const span of spans) {
    const standardized = standardizedOf(sumOver(rows, [span], predictedW, partsOf));
    if (!standardized) return undefined;
    shares.push(shareWithin(standardized.sigmaRatio, standardized.dof));
  }
  return {
    spans: name,
    basis,
    spansCount: spans.length,
    nominalRatio: NOMINAL_RATIOS,
    insideRatio: NOMINAL_RATIOS.map(
      (nominal) => shares.filter((share) => share <= nominal).length / shares.length,
    ),
  };
}

/**
 * The share of Student's t at `dof` that lies within ± `sigmaRatio`. With t = √ν tan θ its density is cos^(ν-1) θ, which
 * Simpson's rule integrates to far better than a plot shows. From 200 degrees of freedom up it is the normal one.
 */
export function shareWithin(sigmaRatio: number, dof: number): number {
  const nu = Math.min(200, Math.max(1, dof));
  const density = (theta: number): number => Math.max(0, Math.cos(theta)) ** (nu - 1);
  const within = simpson(density, Math.atan(sigmaRatio / Math.sqrt(nu)));
  return Math.min(1, within / simpson(density, Math.PI / 2));
}

function simpson(density: (at: number) => number, until: number): number {
  const stepsCount = 200;
  const step = until / stepsCount;
  let sum = density(0) + density(until);
  for (let index = 1; index < stepsCount; index++) {
    sum += (index % 2 === 1 ? 4 : 2) * density(index * step);
  }
  return (sum * step) / 3;
}

function lengthOf(rows: Rows, span: Span): number {
  let lengthS = 0;
  for (let row = span.from; row < span.until; row++) lengthS += rows.lengthS[row] ?? 0;
  return lengthS;
}
