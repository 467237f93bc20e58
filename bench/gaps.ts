// How well a hole in a meter's readings is bridged: by the shape of the calibrated chips, and by a straight line beside it, both
// from the meter's own count at the two ends of the hole. Recorded sets; models are fitted on the first runs, or the first half
// of a single run, and the holes lie in the rest. Scored is the energy up to each tenth of a hole, as a share of all that was
// used in it. One command: npm run bench:gaps [-- --json]
import { alignRuns } from '../src/calibrate/clocks/align-runs.ts';
import { rowsOfRuns } from '../src/calibrate/evidence-rows.ts';
import { selectRows, type Rows } from '../src/calibrate/rows.ts';
import { powersOf } from '../src/calibrate/fit-columns.ts';
import type { CorrectionModel } from '../src/quantity/correction.ts';
import { firstHalf } from './calibration/hold-outs.ts';
import {
  evidence,
  fitRowsOf,
  frameOf,
  loadSet,
  must,
  rowsFor,
  termsOf,
} from './calibration/recorded-set.ts';

const GAPS_MIN = [1, 5, 15, 60] as const;

interface GapScore {
  readonly set: string;
  readonly gapMin: number;
  readonly holesCount: number;
  /** Per cent of the hole's energy: root mean square and the 95th percentile of all tenths. */
  readonly chips: { readonly rmsPercent: number; readonly p95Percent: number };
  readonly line: { readonly rmsPercent: number; readonly p95Percent: number };
}

interface Part {
  readonly model: CorrectionModel;
  readonly rows: Rows;
}

/** The rest of a set, and the model of its beginning. */
async function partOf(set: string): Promise<Part | undefined> {
  const loaded = await loadSet(set);
  const used = evidence(loaded);
  const [first] = loaded;
  const [sample] = used;
  if (!first || !sample) return undefined;
  const terms = termsOf(loaded);
  if (used.length > 1) {
    const earlyCount = Math.ceil((2 * used.length) / 3);
    const early = used.slice(0, earlyCount);
    const aligned = must(alignRuns(early, terms));
    const fitted = fitRowsOf(
      rowsFor(loaded, early, terms, aligned),
      terms,
      frameOf(aligned, sample, first.folder),
    );
    const later = used.slice(earlyCount);
    const clocks = must(alignRuns(later, terms));
    const blockS = Math.min(5, first.folder.windowS ?? Infinity);
    return {
      model: fitted.model,
      rows: must(rowsOfRuns(clocks.runs, terms, clocks.held, blockS)),
    };
  }
  const aligned = must(alignRuns([{ ...sample, feeds: sample.feeds.map(firstHalf) }], terms));
  const clock = aligned.runs[0]?.clock ?? { offsetS: 0, rateRatio: 0, pivotS: 0 };
  const blockS = Math.min(5, first.folder.windowS ?? Infinity);
  const rows = must(rowsOfRuns([{ evidence: sample, clock }], terms, aligned.held, blockS));
  const half = rows.count >> 1;
  const { model } = fitRowsOf(
    selectRows(rows, (row) => row < half),
    terms,
    frameOf(aligned, sample, first.folder),
  );
  return { model, rows: selectRows(rows, (row) => row >= half) };
}

/** Wall power of each row as a hole is given its shape: gains and intercept, late states at rest. */
function shapeW({ model, rows }: Part): Float64Array {
  const terms = powersOf(rows, model.detail?.form ?? 'affine');
  return Float64Array.from({ length: rows.count }, (_, row) => {
    const powers = terms.map((term) => term[row] ?? 0);
    const chipW = powers.reduce((sum, each) => sum + each, 0);
    const square = (model.detail?.shapes ?? []).reduce(
      (sum, shape) =>
        shape.kind === 'square' ? sum + (shape.gainRatio * chipW * chipW) / shape.scaleW : sum,
      0,
    );
    return model.terms.reduce(
      (sum, { gainRatio }, term) => sum + gainRatio * (powers[term] ?? 0),
      model.interceptW + square,
    );
  });
}

/** Holes follow each other within runs, each of rows without a pause. */
function score(set: string, part: Part, gapMin: number): GapScore | undefined {
  const { rows } = part;
  const shape = shapeW(part);
  const errors = { chips: [] as number[], line: [] as number[] };
  let holesCount = 0;
  for (let from = 0; from < rows.count;) {
    const until = holeFrom(rows, from, 60 * gapMin);
    if (until === undefined) {
      from += 1;
      continue;
    }
    let [meterJ, chipsJ, lengthS] = [0, 0, 0];
    const passed: [number, number, number][] = [];
    for (let row = from; row < until; row++) {
      const rowS = rows.lengthS[row] ?? 0;
      meterJ += (rows.meterW[row] ?? 0) * rowS;
      chipsJ += (shape[row] ?? 0) * rowS;
      lengthS += rowS;
      passed.push([meterJ, chipsJ, lengthS]);
    }
    holesCount += 1;
    for (let tenth = 1; tenth < 10; tenth++) {
      const at = passed.find(([, , s]) => s >= (tenth * lengthS) / 10);
      if (!at || !(meterJ > 0) || !(chipsJ > 0)) continue;
      errors.chips.push(100 * (at[1] / chipsJ - at[0] / meterJ));
      errors.line.push(100 * (at[2] / lengthS - at[0] / meterJ));
    }
    from = until;
  }
  if (holesCount === 0) return undefined;
  return { set, gapMin, holesCount, chips: summary(errors.chips), line: summary(errors.line) };
}

/** End of a hole of that length, or undefined where the run or its readings end before. */
function holeFrom(rows: Rows, from: number, wantedS: number): number | undefined {
  let lengthS = 0;
  for (let row = from; row < rows.count; row++) {
    if (rows.run[row] !== rows.run[from]) return undefined;
    if (row > from) {
      const pauseS = (rows.atS[row] ?? 0) - (rows.atS[row - 1] ?? 0);
      const usualS = ((rows.lengthS[row] ?? 0) + (rows.lengthS[row - 1] ?? 0)) / 2;
      if (pauseS > 1.5 * usualS) return undefined;
    }
    lengthS += rows.lengthS[row] ?? 0;
    if (lengthS >= wantedS - 1e-6) return row + 1;
  }
  return undefined;
}

function summary(errors: readonly number[]): GapScore['chips'] {
  const sizes = errors.map(Math.abs).sort((a, b) => a - b);
  const squares = sizes.reduce((sum, each) => sum + each * each, 0);
  return {
    rmsPercent: Math.sqrt(squares / Math.max(1, sizes.length)),
    p95Percent: sizes[Math.floor(0.95 * sizes.length)] ?? 0,
  };
}

const sets = ['dgx1-v100', 'ac922-pdu', 'dgx1-cpu', 'xeon-bmc'];
const scores: GapScore[] = [];
const absent: string[] = [];
for (const set of sets) {
  const part = await partOf(set);
  if (!part) absent.push(set);
  else scores.push(...GAPS_MIN.flatMap((gapMin) => score(set, part, gapMin) ?? []));
}
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ scores, absent }));
} else {
  console.log('energy up to each tenth of a hole, error in % of the energy used in it');
  console.log(
    'set         hole     holes   chips rms    p95    line rms    p95   line/chips (rms)',
  );
  const column = (value: number, width: number): string => value.toFixed(2).padStart(width);
  for (const { set, gapMin, holesCount, chips, line } of scores) {
    console.log(
      `${set.padEnd(11)}${String(gapMin).padStart(3)} min ${String(holesCount).padStart(8)}` +
        `${column(chips.rmsPercent, 12)}${column(chips.p95Percent, 7)}` +
        `${column(line.rmsPercent, 12)}${column(line.p95Percent, 7)}` +
        column(line.rmsPercent / chips.rmsPercent, 13),
    );
  }
  if (absent.length > 0) console.log(`absent: ${absent.join(', ')}`);
}
