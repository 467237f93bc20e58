// How recordings become rows: mean wall power and mean chip power per term over the same windows, after alignment.
import { meansOver, sumOf, type EnergySeries, type WindowMeans } from '../align/energy-series.ts';
import type { HeldMeter } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { sourceTerms, type ChipTerm } from './chip-terms.ts';
import type { Condition } from './condition.ts';
import type { Rows } from './rows.ts';
import { CANDIDATE_SHAPES, shapedSeries } from './shape.ts';
import { heldWall, plainWall, type Feed, type RunClock } from './wall-windows.ts';

export interface Phase {
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly application: string;
}

/** One recording of one node; `run` names it, as days and applications do not repeat by chance. */
export interface RunEvidence {
  readonly run: string;
  readonly feeds: readonly Feed[];
  readonly chips: ReadonlyMap<string, EnergySeries>;
  readonly phases: readonly Phase[];
  /** Fan speed, inlet temperature, utilisation, by name; absent where nobody read them. */
  readonly conditions?: ReadonlyMap<string, Condition>;
}

/** Energy of the disjoint chip sources of these terms, summed. Refuses where a source is missing. */
export function chipTotalOf(
  chips: ReadonlyMap<string, EnergySeries>,
  terms: readonly { readonly sources: readonly string[]; readonly less?: readonly string[] }[],
): EnergySeries | Refusal {
  const inside = new Set(terms.flatMap((term) => term.less ?? []));
  const names = new Set(terms.flatMap((term) => term.sources).filter((name) => !inside.has(name)));
  return seriesOf(chips, [...names]);
}

function seriesOf(
  chips: ReadonlyMap<string, EnergySeries>,
  names: readonly string[],
): EnergySeries | Refusal {
  const found: EnergySeries[] = [];
  for (const name of names) {
    const series = chips.get(name);
    if (!series) {
      return refuse(
        'align.overlap',
        `the chips lack the source ${name}`,
        'record every chip source',
      );
    }
    found.push(series);
  }
  const [first, ...others] = found;
  return first
    ? sumOf([first, ...others])
    : refuse('align.overlap', 'there is no chip source', 'record the chips beside the meter');
}

interface Piece {
  readonly meterW: Float64Array;
  readonly fromS: Float64Array;
  readonly untilS: Float64Array;
  readonly atS: Float64Array;
  readonly columns: readonly Float64Array[];
  readonly sources: readonly Float64Array[];
  readonly shapes: readonly Float64Array[];
  readonly conditions: readonly Float64Array[];
  readonly kept: readonly number[];
}

type ChipWindows = readonly (readonly [Float64Array, Float64Array, number])[];

/** Means over the windows of all feeds, each feed counting by its share of the node. */
function mixedMeans(series: EnergySeries, windows: ChipWindows): WindowMeans {
  const parts = windows.map(([fromS, untilS, shareRatio]) => ({
    means: meansOver(series, fromS, untilS),
    shareRatio,
  }));
  const count = parts[0]?.means.meanW.length ?? 0;
  const meanW = new Float64Array(count);
  const coveredRatio = new Float64Array(count).fill(1);
  for (const { means, shareRatio } of parts) {
    for (let row = 0; row < count; row++) {
      meanW[row] = (meanW[row] ?? 0) + shareRatio * (means.meanW[row] ?? 0);
      coveredRatio[row] = Math.min(coveredRatio[row] ?? 0, means.coveredRatio[row] ?? 0);
    }
  }
  return { meanW, coveredRatio };
}

/**
 * Rows of one run. Plain meters: blocks of at least `blockS` on their own edges, chips moved by the clock. Held meters:
 * one row per new value of the first feed, chips averaged over each feed's window and mixed by its share.
 */
function pieceOf(
  run: RunEvidence,
  terms: readonly ChipTerm[],
  clock: RunClock,
  held: readonly HeldMeter[],
  blockS: number,
  conditions: readonly string[],
): Piece | Refusal {
  const columnsOf = (
    names: readonly string[],
    windows: (origin: EnergySeries) => ChipWindows,
  ): WindowMeans | Refusal => {
    const series = seriesOf(run.chips, names);
    return isRefusal(series) ? series : mixedMeans(series, windows(series));
  };
  const total = chipTotalOf(run.chips, terms);
  if (isRefusal(total)) return total;
  const wall = held.length > 0 ? heldWall(run.feeds, held) : plainWall(run.feeds, clock, blockS);
  if (!wall)
    return refuse('align.overlap', 'the run has no meter', 'record the meter beside the chips');
  const covered = new Float64Array(wall.meterW.length).fill(1);
  const columnOf = (term: ChipTerm): Float64Array | Refusal => {
    const whole = columnsOf(term.sources, wall.windows);
    if (isRefusal(whole)) return whole;
    const less = term.less.length > 0 ? columnsOf(term.less, wall.windows) : undefined;
    if (less && isRefusal(less)) return less;
    for (let row = 0; row < covered.length; row++) {
      if (less) whole.meanW[row] = (whole.meanW[row] ?? 0) - (less.meanW[row] ?? 0);
      covered[row] = Math.min(covered[row] ?? 0, whole.coveredRatio[row] ?? 0);
    }
    return whole.meanW;
  };
  const sources: Float64Array[] = [];
  const columns: Float64Array[] = [];
  for (const [own, into] of [
    [sourceTerms(terms), sources],
    [terms, columns],
  ] as const) {
    for (const term of own) {
      const column = columnOf(term);
      if (isRefusal(column)) return column;
      into.push(column);
    }
  }
  const kept = [...covered.keys()].filter((row) => (covered[row] ?? 0) >= 0.95);
  const shapes = CANDIDATE_SHAPES.map(
    (shape) => mixedMeans(shapedSeries(total, shape), wall.windows(total)).meanW,
  );
  return {
    meterW: wall.meterW,
    fromS: wall.fromS,
    untilS: wall.untilS,
    atS: wall.atS,
    columns,
    sources,
    shapes,
    conditions: conditions.map((name) => {
      const series = run.conditions?.get(name)?.series;
      return series ? filledMeans(mixedMeans(series, wall.windows(series))) : new Float64Array();
    }),
    kept,
  };
}

/** Means where there are any, else the mean of those that there are. */
function filledMeans({ meanW, coveredRatio }: WindowMeans): Float64Array {
  let sum = 0;
  let count = 0;
  meanW.forEach((mean, row) => {
    if ((coveredRatio[row] ?? 0) < 0.5) return;
    sum += mean;
    count++;
  });
  const usual = sum / Math.max(1, count);
  return meanW.map((mean, row) => ((coveredRatio[row] ?? 0) < 0.5 ? usual : mean));
}

/** Conditions that every run has: one that some lack would split the evidence. */
function commonConditions(runs: readonly RunOnClock[]): readonly string[] {
  const [first, ...others] = runs.map((run) => run.evidence.conditions);
  return [...(first?.keys() ?? [])].filter((name) => others.every((each) => each?.has(name)));
}

export interface RunOnClock {
  readonly evidence: RunEvidence;
  readonly clock: RunClock;
}

/** Rows of all runs, in their order. A run whose sources are missing is refused as a whole. */
export function rowsOfRuns(
  runs: readonly RunOnClock[],
  terms: readonly ChipTerm[],
  held: readonly HeldMeter[],
  blockS: number,
): Rows | Refusal {
  const applications: string[] = [];
  const pieces: Piece[] = [];
  const conditions = commonConditions(runs);
  for (const run of runs) {
    const piece = pieceOf(run.evidence, terms, run.clock, held, blockS, conditions);
    if (isRefusal(piece)) return piece;
    pieces.push(piece);
  }
  const count = pieces.reduce((sum, piece) => sum + piece.kept.length, 0);
  const rows = {
    meterW: new Float64Array(count),
    chipW: terms.map(() => new Float64Array(count)),
    sourceW: sourceTerms(terms).map(() => new Float64Array(count)),
    shapeW: CANDIDATE_SHAPES.map(() => new Float64Array(count)),
    conditions: conditions.map((name) => ({
      source: name.replace(/ [a-z_]+$/, ''),
      kind: runs[0]?.evidence.conditions?.get(name)?.kind ?? 'utilisation_ratio',
      effectRatio: new Float64Array(count),
    })),
    lengthS: new Float64Array(count),
    atS: new Float64Array(count),
    run: new Int32Array(count),
    application: new Int32Array(count).fill(-1),
  };
  let filled = 0;
  pieces.forEach((piece, run) => {
    const phases = runs[run]?.evidence.phases ?? [];
    for (const row of piece.kept) {
      rows.meterW[filled] = piece.meterW[row] ?? 0;
      rows.chipW.forEach((column, term) => {
        column[filled] = piece.columns[term]?.[row] ?? 0;
      });
      rows.sourceW.forEach((column, source) => {
        column[filled] = piece.sources[source]?.[row] ?? 0;
      });
      rows.shapeW.forEach((column, shape) => {
        column[filled] = piece.shapes[shape]?.[row] ?? 0;
      });
      rows.conditions.forEach(({ effectRatio }, condition) => {
        effectRatio[filled] = piece.conditions[condition]?.[row] ?? 0;
      });
      rows.lengthS[filled] = (piece.untilS[row] ?? 0) - (piece.fromS[row] ?? 0);
      rows.atS[filled] = piece.atS[row] ?? 0;
      rows.run[filled] = run;
      const application = applicationAt(phases, piece.atS[row] ?? 0);
      if (application !== undefined) {
        let index = applications.indexOf(application);
        if (index < 0) index = applications.push(application) - 1;
        rows.application[filled] = index;
      }
      filled++;
    }
  });
  return { count, ...rows, runsCount: runs.length, applications };
}

function applicationAt(phases: readonly Phase[], atS: number): string | undefined {
  let low = 0;
  let high = phases.length;
  while (low < high) {
    const half = (low + high) >>> 1;
    const fromNs = phases[half]?.fromNs ?? 0n;
    if (Number(fromNs) / 1e9 <= atS) low = half + 1;
    else high = half;
  }
  const phase = phases[low - 1];
  return phase && Number(phase.untilNs) / 1e9 >= atS ? phase.application : undefined;
}
