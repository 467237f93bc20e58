// Spans that were predicted and metered: windows of whole recordings through the product's own path, or rows of evidence
// where meters hold their values and only the rows know which chip windows belong to a value.
import { meansOver, secondsBetween } from '../../src/align/energy-series.ts';
import { applyModel, type Anchor } from '../../src/calibrate/apply-model.ts';
import { sourceTerms, type ChipTerm } from '../../src/calibrate/chip-terms.ts';
import { ageS, correctedRows, wallSpan } from '../../src/calibrate/corrected-rows.ts';
import type { RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { shapeColumn, type Rows } from '../../src/calibrate/rows.ts';
import { onSpotClock } from '../../src/calibrate/spot-clock.ts';
import { anchorOn } from '../../src/calibrate/spot-anchor.ts';
import { shapeOf } from '../../src/calibrate/shape.ts';
import { wallOf } from '../../src/calibrate/wall-windows.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { expandedJ } from '../../src/quantity/uncertainty.ts';
import { cut, type Scored } from './held-out-score.ts';
import { must, type Fitted } from './recorded-set.ts';

/** A short metering from the middle of the run: the model on its clock, and where level and gain stand. */
function spotOf(
  model: CorrectionModel,
  run: RunEvidence,
  spotS: number,
): { readonly model: CorrectionModel; readonly anchor: Anchor } {
  const wall = wallOf(run.feeds);
  if (!wall) throw new Error('no meter');
  const feeds = [{ source: 'wall', series: cut(wall, 0.5, spotS), power: undefined }];
  const clocked = onSpotClock(model, run.chips, feeds);
  return { model: clocked, anchor: must(anchorOn(clocked, run.chips, feeds)) };
}

/** Windows of a run, `everyS` long or the whole; only what both instruments cover for nine tenths. */
export function scoreRun(
  { model: fitted, affine }: Fitted,
  run: RunEvidence,
  everyS: number | undefined,
  spotS?: number,
): Scored[] {
  const wall = wallOf(run.feeds);
  const { model, anchor } =
    spotS === undefined ? { model: fitted, anchor: undefined } : spotOf(fitted, run, spotS);
  const span = wallSpan(model, run.chips);
  if (!wall || !span) return [];
  const beginS = Math.max(0, secondsBetween(span.fromNs, wall.originNs) + (wall.atS[0] ?? 0));
  const fromNs = later(span.fromNs, beginS);
  const endS = secondsBetween(fromNs, wall.originNs) + (wall.atS.at(-1) ?? 0);
  const lengthS = Math.min(endS, secondsBetween(fromNs, span.untilNs));
  const stepS = everyS ?? lengthS;
  const count = Math.floor(lengthS / stepS + 1e-9);
  const fromS = Float64Array.from({ length: count }, (_, row) => row * stepS);
  const windows = { originNs: fromNs, fromS, untilS: fromS.map((each) => each + stepS) };
  const rows = must(correctedRows(model, run.chips, windows, anchor));
  const plain = must(correctedRows(affine, run.chips, windows));
  const shiftS = secondsBetween(wall.originNs, fromNs);
  const moved = (edges: Float64Array): Float64Array => edges.map((each) => each + shiftS);
  const metered = meansOver(wall, moved(windows.fromS), moved(windows.untilS));
  return rows.flatMap((row, index) => {
    const beside = plain[index]?.corrected;
    if (isRefusal(row.corrected) || beside === undefined || isRefusal(beside)) return [];
    const place = Math.round(Number(row.startNs - fromNs) / 1e9 / stepS);
    if ((metered.coveredRatio[place] ?? 0) < 0.9 || row.durationS < 0.9 * stepS) return [];
    const meterJ = (metered.meanW[place] ?? 0) * row.durationS;
    return [
      {
        errorJ: row.corrected.energyJ - meterJ,
        affineErrorJ: beside.energyJ - meterJ,
        meterJ,
        expandedJ: expandedJ(row.corrected.parts),
      },
    ];
  });
}

const later = (fromNs: InstantNs, byS: number): InstantNs =>
  instantNs(fromNs + BigInt(Math.round(byS * 1e9)));

/** Rows of evidence as one span, or in spans of about `everyS`. */
export function scoreRows(
  fitted: Fitted,
  terms: readonly ChipTerm[],
  rows: Rows,
  everyS: number,
): Scored[] {
  const scores: Scored[] = [];
  let from = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    lengthS += rows.lengthS[row] ?? 0;
    const ends = row + 1 === rows.count || rows.run[row + 1] !== rows.run[row];
    if (lengthS < 0.98 * everyS && !ends) continue;
    if (lengthS >= 0.5 * Math.min(everyS, 1e6) || everyS === Infinity) {
      scores.push(...scoreSpan(fitted, terms, rows, from, row + 1));
    }
    from = row + 1;
    lengthS = 0;
  }
  return scores;
}

export function scoreWhole(fitted: Fitted, terms: readonly ChipTerm[], rows: Rows): Scored[] {
  return scoreSpan(fitted, terms, rows, 0, rows.count);
}

function scoreSpan(
  { model, affine }: Fitted,
  terms: readonly ChipTerm[],
  rows: Rows,
  from: number,
  until: number,
): Scored[] {
  const over = (column: Float64Array): number => {
    let sumJ = 0;
    for (let row = from; row < until; row++) {
      sumJ += (rows.lengthS[row] ?? 0) * (column[row] ?? 0);
    }
    return sumJ;
  };
  const durationS = over(new Float64Array(rows.count).fill(1));
  const meterJ = over(rows.meterW);
  // Parts are put back, so that the terms come out as in the rows.
  const energies = new Map<string, number>();
  sourceTerms(terms).forEach((term, index) => {
    let energyJ = over(rows.sourceW[index] ?? new Float64Array(rows.count));
    for (const part of term.less) energyJ += energies.get(part) ?? 0;
    term.sources.forEach((source, place) => energies.set(source, place === 0 ? energyJ : 0));
  });
  const shapeJ = (model.detail?.shapes ?? []).map((shape) =>
    over(shapeColumn(rows, shapeOf(shape))),
  );
  const atNs = instantNs(BigInt(Math.round((rows.atS[from] ?? 0) * 1e9)));
  const circumstance = { shapeJ, ageS: ageS(model, atNs), edgeStepW: 0 };
  const ours = applyModel(model, energies, durationS, circumstance);
  const plain = applyModel(affine, energies, durationS);
  if (isRefusal(ours) || isRefusal(plain)) return [];
  return [
    {
      errorJ: ours.energyJ - meterJ,
      affineErrorJ: plain.energyJ - meterJ,
      meterJ,
      expandedJ: expandedJ(ours.parts),
    },
  ];
}
