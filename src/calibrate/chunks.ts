// Rows in chunks: a stretch of one run and one application, about as long as residuals stay alike. Chunks are what the
// bootstrap draws and what folds are made of; their Grams are summed once and used by both.
import type { Gram, Ridge } from './bounded-regression.ts';
import type { Rows } from './rows.ts';
import type { FitColumn } from './fit-columns.ts';

/** Which fold of its kind a chunk belongs to. */
type FoldIndex = number;

/** A stretch of rows of one run and one application, the unit of the bootstrap. */
export interface Chunk {
  readonly from: number;
  readonly until: number;
  readonly run: number;
  /** -1 where none is known. */
  readonly application: FoldIndex;
  /** Days since 1970 (UTC). */
  readonly day: FoldIndex;
  /** Fifth of the evidence by time. */
  readonly fifth: FoldIndex;
}

export interface Chunked {
  readonly grams: readonly Gram[];
  readonly chunks: readonly Chunk[];
  /** Variance of one row times its autocorrelation. */
  readonly noiseW2: number;
  readonly ridge: Ridge;
}

/** What is left out together when a model is checked on what it has not seen; never single rows. */
export type FoldKind = 'application' | 'day' | 'run' | 'fifth';

/** Residuals of a recorded GPU node stay alike for 24 s; a chunk is at least twice that where there is time for it. */
const CHUNK_S = 60;

/** Chunks of at least 60 s, shorter where the evidence is: a twelfth of it. They never cross a run or an application. */
export function chunksOf(rows: Rows): readonly Chunk[] {
  let totalS = 0;
  for (const lengthS of rows.lengthS) totalS += lengthS;
  const chunkS = Math.min(CHUNK_S, totalS / 12);
  const chunks: Chunk[] = [];
  let from = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    lengthS += rows.lengthS[row] ?? 0;
    const run = rows.run[row] ?? 0;
    const application = rows.application[row] ?? -1;
    const last =
      row + 1 === rows.count ||
      rows.run[row + 1] !== run ||
      rows.application[row + 1] !== application;
    if (!last && lengthS < chunkS * (1 - 1e-6)) continue;
    chunks.push({
      from,
      until: row + 1,
      run,
      application,
      day: Math.floor((rows.atS[from] ?? 0) / 86_400),
      fifth: Math.floor((5 * row) / rows.count),
    });
    from = row + 1;
    lengthS = 0;
  }
  return chunks;
}

/** Applications where at least three are labelled, else days, else runs, where there are three, else fifths of the time. */
export function foldKindOf(chunks: readonly Chunk[]): FoldKind {
  for (const kind of ['application', 'day', 'run'] as const) {
    if (foldsOf(chunks, kind).length >= 3) return kind;
  }
  return 'fifth';
}

/** The folds of a kind in order; rows between applications belong to none. */
export function foldsOf(chunks: readonly Chunk[], kind: FoldKind): readonly number[] {
  return [...new Set(chunks.map((chunk) => chunk[kind]))]
    .filter((fold) => fold >= 0)
    .sort((a, b) => a - b);
}

export function runsWithRows(rows: Rows): number {
  return new Set(rows.run).size;
}

export function addRows(
  gram: Gram,
  rows: Rows,
  columns: readonly FitColumn[],
  weights: Float64Array,
  effectsW: Float64Array,
  chunk: Chunk,
): void {
  const { size, zz, zy } = gram;
  const z = new Float64Array(size);
  z[0] = 1;
  for (let row = chunk.from; row < chunk.until; row++) {
    const weight = weights[row] ?? 0;
    const y = (rows.meterW[row] ?? 0) - (effectsW[rows.run[row] ?? 0] ?? 0);
    for (let term = 1; term < size; term++) z[term] = columns[term - 1]?.meanW[row] ?? 0;
    for (let i = 0; i < size; i++) {
      const weighted = weight * (z[i] ?? 0);
      zy[i] = (zy[i] ?? 0) + weighted * y;
      for (let j = 0; j < size; j++) {
        zz[i * size + j] = (zz[i * size + j] ?? 0) + weighted * (z[j] ?? 0);
      }
    }
    gram.yy += weight * y * y;
    gram.weight += weight;
    gram.rowsCount++;
  }
}
