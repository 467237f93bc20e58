// Errors of a model over time, by application, by run and by node: each with the U that the model states for it, and the
// error of a fit that had not seen it where there is one.
import { expandedJ } from '../../quantity/uncertainty.ts';
import type { Rows } from '../rows.ts';
import type { ErrorFigure, ErrorList, ResidualFigure } from './fit-figures.ts';
import { coversAll, type LeftOutRows } from './left-out-rows.ts';
import type { RowPredictions } from './row-predictions.ts';
import { errorRatioOf, expandedRatioOf, spansOf, sumOver, type Span } from './spans.ts';
import { evenly, mostStriking } from './thinning.ts';

const BLOCKS_COUNT_MAX = 400;
const LIST_COUNT_MAX = 400;
/** Lengths that a reader knows; a block is the shortest of them that keeps the plot legible. */
const BLOCKS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400] as const;

/** Errors of successive blocks, runs in order of time. */
export function residualsOf(rows: Rows, predictions: RowPredictions): ResidualFigure {
  const coveredS = rows.lengthS.reduce((sum, lengthS) => sum + lengthS, 0);
  const blockS = BLOCKS_S.find((each) => coveredS / each <= BLOCKS_COUNT_MAX / 2) ?? 86_400;
  const ordered = spansOf(rows, blockS).sort((a, b) => startS(rows, a) - startS(rows, b));
  const blocks = evenly(ordered.length, BLOCKS_COUNT_MAX).flatMap((place) => {
    const span = ordered[place];
    return span
      ? [{ span, sum: sumOver(rows, [span], predictions.predictedW, predictions.partsOf) }]
      : [];
  });
  const numbers = new Map<number, number>();
  for (const { run } of ordered) if (!numbers.has(run)) numbers.set(run, numbers.size);
  const expandedW = blocks.map(({ sum }) => sum.parts && expandedJ(sum.parts) / sum.coveredS);
  const stated = expandedW.filter((each) => each !== undefined);
  return {
    blockS,
    blocksCount: ordered.length,
    atS: blocks.map(({ span }) => middleS(rows, span)),
    coveredS: blocks.map(({ sum }) => sum.coveredS),
    errorW: blocks.map(({ sum }) => (sum.predictedJ - sum.meteredJ) / sum.coveredS),
    ...(stated.length === blocks.length ? { expandedW: stated } : {}),
    run: blocks.map(({ span }) => numbers.get(span.run) ?? 0),
  };
}

/** Errors by application; empty where none is named. */
export function applicationErrors(
  rows: Rows,
  predictions: RowPredictions,
  leftOut: LeftOutRows | undefined,
): ErrorList {
  const groups = new Map<string, Span[]>();
  for (const span of spansOf(rows, Infinity, true)) {
    const name = rows.applications[rows.application[span.from] ?? -1];
    if (name === undefined) continue;
    const group = groups.get(name) ?? [];
    group.push(span);
    groups.set(name, group);
  }
  return listOf(rows, groups, predictions, leftOut);
}

/** Errors by run; `names` by the index of the run. */
export function runErrors(
  rows: Rows,
  names: readonly string[],
  predictions: RowPredictions,
  leftOut: LeftOutRows | undefined,
): ErrorList {
  const groups = new Map<string, Span[]>();
  for (const span of spansOf(rows, Infinity)) {
    // The number keeps two runs of one name apart; it is taken off again.
    groups.set(`${span.run}|${names[span.run] ?? `run ${span.run + 1}`}`, [span]);
  }
  const list = listOf(rows, groups, predictions, leftOut);
  const bare = (name: string): string => name.slice(name.indexOf('|') + 1);
  return { ...list, kept: list.kept.map((each) => ({ ...each, name: bare(each.name) })) };
}

/** Errors by node; `nodes` by the index of the run. Empty where there is one node. */
export function nodeErrors(
  rows: Rows,
  nodes: readonly string[],
  predictions: RowPredictions,
): ErrorList {
  const groups = new Map<string, Span[]>();
  for (const span of spansOf(rows, Infinity)) {
    const node = nodes[span.run] ?? '';
    const group = groups.get(node) ?? [];
    group.push(span);
    groups.set(node, group);
  }
  if (groups.size < 2) return { count: 0, kept: [] };
  return listOf(rows, groups, predictions, undefined);
}

function listOf(
  rows: Rows,
  groups: ReadonlyMap<string, readonly Span[]>,
  { predictedW, partsOf }: RowPredictions,
  leftOut: LeftOutRows | undefined,
): ErrorList {
  const figures = [...groups].flatMap(([name, spans]): readonly ErrorFigure[] => {
    const sum = sumOver(rows, spans, predictedW, partsOf);
    if (!(sum.meteredJ > 0)) return [];
    const expandedRatio = expandedRatioOf(sum);
    const known = leftOut && coversAll(leftOut, spans) ? leftOut : undefined;
    return [
      {
        name,
        fromS: spans.reduce((least, span) => Math.min(least, startS(rows, span)), Infinity),
        coveredS: sum.coveredS,
        meanMeterW: sum.meteredJ / sum.coveredS,
        errorRatio: errorRatioOf(sum),
        ...(expandedRatio === undefined ? {} : { expandedRatio }),
        ...(known ? { leftOutRatio: errorRatioOf(sumOver(rows, spans, known.predictedW)) } : {}),
      },
    ];
  });
  figures.sort((a, b) => a.fromS - b.fromS);
  return {
    count: figures.length,
    kept: mostStriking(figures, LIST_COUNT_MAX, (each) => Math.abs(each.errorRatio)),
  };
}

const startS = (rows: Rows, span: Span): number =>
  (rows.atS[span.from] ?? 0) - (rows.lengthS[span.from] ?? 0) / 2;

const middleS = (rows: Rows, span: Span): number =>
  ((rows.atS[span.from] ?? 0) + (rows.atS[span.until - 1] ?? 0)) / 2;
