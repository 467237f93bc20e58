// What is held out of each recorded set, as the targets have it: later runs, whole applications, nodes never seen. Never
// single rows, since neighbours are alike.
import { alignRuns } from '../../src/calibrate/clocks/align-runs.ts';
import { componentTerms, type ChipTerm } from '../../src/calibrate/chip-terms.ts';
import { rowsOfRuns, type RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { selectRows, type Rows } from '../../src/calibrate/rows.ts';
import { fitType } from '../../src/calibrate/fit-type.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { watts } from '../../src/quantity/units.ts';
import { summed, type HeldOutScore, type Scored } from './held-out-score.ts';
import {
  evidence,
  fitOn,
  fitRowsOf,
  frameOf,
  loadSet,
  must,
  termsOf,
  type Fitted,
  type RecordedRun,
} from './recorded-set.ts';
import { scoreRows, scoreRun, scoreWhole } from './score-spans.ts';

function scoreRuns(
  set: string,
  heldOut: string,
  fitted: Fitted,
  runs: readonly RunEvidence[],
  more: { readonly finestS?: number; readonly spotS?: number } = {},
): HeldOutScore {
  const over = (everyS: number | undefined): Scored[] =>
    runs.flatMap((run) => scoreRun(fitted, run, everyS, more.spotS));
  const { finestS } = more;
  return summed(set, heldOut, {
    runs: over(undefined),
    minutes: over(60),
    ...(finestS === undefined ? {} : { finest: { everyS: finestS, spans: over(finestS) } }),
  });
}

/** Whole applications left out in turn; each counts as one run. Those that the model refuses are named, not passed over. */
function scoreApplications(
  set: string,
  loaded: readonly RecordedRun[],
  finestS: number | undefined,
): HeldOutScore {
  const used = evidence(loaded);
  const terms = termsOf(loaded);
  const aligned = must(alignRuns(used, terms));
  const [first] = loaded;
  const [sample] = used;
  if (!first || !sample) throw new Error('the set is empty');
  const frame = frameOf(aligned, sample, first.folder);
  const blockS = Math.min(finestS ?? 10, first.folder.windowS ?? Infinity);
  const rows = must(rowsOfRuns(aligned.runs, terms, aligned.held, Math.max(blockS, 5)));
  const runs: Scored[] = [];
  const minutes: Scored[] = [];
  const finest: Scored[] = [];
  const refused: string[] = [];
  rows.applications.forEach((name, application) => {
    const train = selectRows(rows, (row) => rows.application[row] !== application);
    const test = selectRows(rows, (row) => rows.application[row] === application);
    if (test.count < 5) return;
    const fitted = fitRowsOf(train, terms, frame);
    const whole = scoreWhole(fitted, terms, test);
    if (whole.length === 0) refused.push(name);
    runs.push(...whole);
    minutes.push(...scoreRows(fitted, terms, test, 60));
    if (finestS !== undefined) finest.push(...scoreRows(fitted, terms, test, finestS));
  });
  const without = refused.length > 0 ? `, ${refused.join(', ')} refused` : '';
  return summed(set, `${runs.length} applications left out${without}`, {
    runs,
    minutes,
    ...(finestS === undefined ? {} : { finest: { everyS: finestS, spans: finest } }),
  });
}

export async function scoreDgx1V100(): Promise<HeldOutScore[]> {
  const set = 'dgx1-v100';
  const loaded = await loadSet(set);
  if (loaded.length === 0) return [];
  const runs = evidence(loaded);
  const fitted = fitOn(loaded, runs.slice(0, 4));
  return [
    scoreRuns(set, 'runs 4 and 5, stamps as recorded', fitted, runs.slice(4), { finestS: 1 }),
    scoreRuns(set, 'runs 4 and 5, 60 s metered', fitted, runs.slice(4), { finestS: 1, spotS: 60 }),
    scoreApplications(set, loaded, undefined),
  ];
}

export async function scoreDgx1Cpu(): Promise<HeldOutScore[]> {
  const set = 'dgx1-cpu';
  const loaded = await loadSet(set);
  if (loaded.length === 0) return [];
  const runs = [...evidence(loaded)].sort(
    (a, b) => Number(a.feeds[0]?.series.originNs ?? 0n) - Number(b.feeds[0]?.series.originNs ?? 0n),
  );
  const fitted = fitOn(loaded, runs.slice(0, 120));
  return [
    scoreRuns(set, 'the last 40 runs, one model', fitted, runs.slice(120)),
    scoreRuns(set, 'the last 40 runs, 30 s metered in each', fitted, runs.slice(120), {
      spotS: 30,
    }),
  ];
}

/** One long recording: the first half fitted, the second scored, on the alignment of the first. */
export async function scoreHalves(set: string, finestS?: number): Promise<HeldOutScore[]> {
  const loaded = await loadSet(set);
  const [first] = loaded;
  const [run] = evidence(loaded);
  if (!first || !run) return [];
  const terms = termsOf(loaded);
  const early = { ...run, feeds: run.feeds.map(firstHalf) };
  const aligned = must(alignRuns([early], terms));
  const clock = aligned.runs[0]?.clock ?? { offsetS: 0, rateRatio: 0, pivotS: 0 };
  const blockS = Math.min(10, first.folder.windowS ?? Infinity);
  const rows = must(rowsOfRuns([{ evidence: run, clock }], terms, aligned.held, blockS));
  const half = rows.count >> 1;
  const fitted = fitRowsOf(
    selectRows(rows, (row) => row < half),
    terms,
    frameOf(aligned, run, first.folder),
  );
  const test = selectRows(rows, (row) => row >= half);
  const finest = finestS === undefined ? [] : scoreRows(fitted, terms, test, finestS);
  return [
    summed(set, 'the second half', {
      runs: scoreWhole(fitted, terms, test),
      minutes: scoreRows(fitted, terms, test, 60),
      ...(finestS === undefined ? {} : { finest: { everyS: finestS, spans: finest } }),
    }),
    ...(rows.applications.length >= 3 ? [scoreApplications(set, loaded, finestS)] : []),
  ];
}

export function firstHalf(feed: RunEvidence['feeds'][number]): RunEvidence['feeds'][number] {
  const { series, held } = feed;
  const knots = series.atS.length >> 1;
  return {
    ...feed,
    series: {
      originNs: series.originNs,
      atS: series.atS.slice(0, knots),
      energyJ: series.energyJ.slice(0, knots),
      coveredS: series.coveredS.slice(0, knots),
    },
    held: held && {
      ...held,
      atS: held.atS.slice(0, held.atS.length >> 1),
      meanW: held.meanW.slice(0, held.atS.length >> 1),
    },
  };
}

/** Package power alone: its own evidence has to refuse it. */
export async function verdictOnPackageOnly(): Promise<
  Pick<CorrectionModel, 'standing' | 'open'> | undefined
> {
  const loaded = await loadSet('epyc-rome');
  const [run] = evidence(loaded);
  const [first] = loaded;
  if (!run || !first) return undefined;
  const terms = componentTerms(['rapl:package']);
  const aligned = must(alignRuns([run], terms));
  const rows = must(rowsOfRuns(aligned.runs, terms, aligned.held, first.folder.windowS ?? 6));
  return fitRowsOf(rows, terms, frameOf(aligned, run, first.folder)).model;
}

export async function scoreH100(): Promise<HeldOutScore[]> {
  const set = 'h100-acdc';
  const loaded = await loadSet(set);
  if (loaded.length === 0) return [];
  const terms = componentTerms(['dc']);
  const scores: HeldOutScore[] = [];
  // Nodes that no fit has seen; then a whole system of nodes, in runs of other jobs.
  const splits = [
    ['nodes 5 to 8 of all systems', (_run: string, node: string) => node >= 'node-05'],
    ['all nodes of the 8-node system', (run: string) => run.startsWith('8x')],
  ] as const;
  for (const [heldOut, isHeld] of splits) {
    const seen = new Map<string, RunEvidence[]>();
    const unseen: RunEvidence[] = [];
    for (const { folder, nodes } of loaded) {
      for (const [node, run] of nodes) {
        if (isHeld(folder.run, node)) unseen.push(run);
        else seen.set(node, [...(seen.get(node) ?? []), run]);
      }
    }
    scores.push(scoreRuns(set, heldOut, typeOf(loaded, seen, terms), unseen));
  }
  return scores;
}

function typeOf(
  loaded: readonly RecordedRun[],
  seen: ReadonlyMap<string, readonly RunEvidence[]>,
  terms: readonly ChipTerm[],
): Fitted {
  const nodes = [...seen].map(([node, runs]) => ({ node, aligned: must(alignRuns(runs, terms)) }));
  const [one] = nodes;
  const sample = [...seen.values()][0]?.[0];
  const [first] = loaded;
  if (!one || !sample || !first) throw new Error('the set is empty');
  const frame = frameOf(one.aligned, sample, first.folder);
  const runs = nodes.map((each) => ({ node: each.node, runs: each.aligned.runs }));
  const { unmetered } = must(fitType(runs, terms, 60, frame, 'type'));
  const all = nodes.flatMap((each) => each.aligned.runs);
  const rows = must(rowsOfRuns(all, terms, [], 60));
  return { model: unmetered, affine: oneFactor(unmetered, rows) };
}

/** For nodes of a type the plain method is one factor: all metered energy over all chip energy. */
function oneFactor(model: CorrectionModel, rows: Rows): CorrectionModel {
  let meterJ = 0;
  let chipJ = 0;
  for (let row = 0; row < rows.count; row++) {
    meterJ += (rows.lengthS[row] ?? 0) * (rows.meterW[row] ?? 0);
    for (const column of rows.chipW) chipJ += (rows.lengthS[row] ?? 0) * (column[row] ?? 0);
  }
  const { detail } = model;
  return {
    ...model,
    interceptW: watts(0),
    terms: model.terms.map((term) => ({ ...term, gainRatio: meterJ / chipJ })),
    ...(detail ? { detail: { ...detail, shapes: [], covariance: [0, 0, 0, 0] } } : {}),
  };
}
