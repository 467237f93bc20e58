// Calibration held out in time, by node and by application on the recorded runs: what a model fitted on the earlier part
// says about the later, against the meter that it did not see. One command: npx tsx bench/calibration-first.ts [--json].
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { meansOver, secondsBetween } from '../src/align/energy-series.ts';
import { alignRuns } from '../src/calibrate/align-runs.ts';
import { shapeOf } from '../src/calibrate/shape.ts';
import { applyModel } from '../src/calibrate/apply-model.ts';
import { componentTerms } from '../src/calibrate/chip-terms.ts';
import { correctedRows, wallSpan } from '../src/calibrate/corrected-rows.ts';
import { anchorOn } from '../src/calibrate/spot-anchor.ts';
import {
  rowsOfRuns,
  selectRows,
  shapeColumn,
  type RunEvidence,
} from '../src/calibrate/evidence-rows.ts';
import { wallOf } from '../src/calibrate/wall-windows.ts';
import { fitModel } from '../src/calibrate/fit-model.ts';
import { blockFor } from '../src/calibrate/fit-node.ts';
import { fitType } from '../src/calibrate/fit-type.ts';
import { evidenceOf, layoutOf } from '../src/cli/calibrate-sources.ts';
import { readRunFolder, type RunFolder } from '../src/cli/run-folder.ts';
import type { CorrectionModel } from '../src/quantity/correction.ts';
import { isRefusal, type Refusal } from '../src/quantity/fault.ts';
import { instantNs, type InstantNs } from '../src/quantity/time.ts';
import { expandedJ } from '../src/quantity/uncertainty.ts';
import type { EnergySeries } from '../src/align/energy-series.ts';
import { shared } from '../test/fixtures.ts';
import { cut, summed, type HeldOutScore, type Scored } from './held-out-score.ts';

const must = <T>(outcome: T | Refusal): T => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};

const at = instantNs(0n);

interface Loaded {
  readonly folder: RunFolder;
  readonly nodes: ReadonlyMap<string, RunEvidence>;
}

async function load(set: string, run: string): Promise<Loaded> {
  const path = shared('data', set, run);
  if (path === undefined) throw new Error(`${set}/${run} is absent`);
  const folder = await readRunFolder(path);
  const stamps = {
    meter: folder.notes.meterStamp ?? 'end',
    chips: folder.notes.chipStamp ?? 'end',
  };
  const nodes = evidenceOf(folder, stamps);
  return { folder, nodes: new Map(nodes.map((node) => [node.machine, node.evidence])) };
}

const runsOf = (set: string): readonly string[] => {
  const path = shared('data', set);
  if (path === undefined) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
};

async function loadAll(set: string): Promise<readonly Loaded[]> {
  const loaded: Loaded[] = [];
  for (const run of runsOf(set)) loaded.push(await load(set, run));
  return loaded;
}

function fitOn(loaded: readonly Loaded[], runs: readonly RunEvidence[]): CorrectionModel {
  const [first] = loaded;
  const [sample] = runs;
  if (!first || !sample) throw new Error('nothing to fit');
  const terms = componentTerms([...sample.chips.keys()], layoutOf(first.folder));
  const aligned = must(alignRuns(runs, terms));
  const coveredS = runs.reduce((sum, run) => sum + (run.feeds[0]?.series.coveredS.at(-1) ?? 0), 0);
  const blockS = Math.min(blockFor(coveredS), first.folder.windowS ?? Infinity);
  const rows = must(rowsOfRuns(aligned.runs, terms, aligned.held, blockS));
  return must(fitModel(rows, terms, frameOf(aligned, sample, first.folder)));
}

function frameOf(
  aligned: Exclude<ReturnType<typeof alignRuns>, Refusal>,
  sample: RunEvidence,
  folder: RunFolder,
): Parameters<typeof fitModel>[2] {
  return {
    node: 'node',
    fittedAtNs: at,
    seed: 1,
    offsetS: aligned.typical.offsetS,
    rateRatio: aligned.typical.rateRatio,
    offsetUncertaintyS: aligned.typical.offsetUncertaintyS,
    aligned: aligned.typical.alignedCount > 0,
    meterRatio: undefined,
    meterSources: sample.feeds.map((feed) => feed.source),
    heldMeters: aligned.held,
    chipStamp: folder.notes.chipStamp ?? 'end',
    chipWindowS: folder.windowS,
  };
}

/** Windows of a run, predicted and metered; only what both cover for 95 %. */
function scoreWindows(
  model: CorrectionModel,
  run: RunEvidence,
  everyS: number | undefined,
  spotS: number | undefined,
): Scored[] {
  const wall = wallOf(run.feeds);
  const span = wallSpan(model, run.chips);
  if (!wall || !span) return [];
  const anchor =
    spotS === undefined
      ? undefined
      : must(
          anchorOn(model, run.chips, [
            { source: 'wall', series: cut(wall, 0.5, spotS), power: undefined },
          ]),
        );
  const fromNs = later(
    span.fromNs,
    Math.max(0, secondsBetween(span.fromNs, wall.originNs) + (wall.atS[0] ?? 0)),
  );
  const endS = secondsBetween(fromNs, wall.originNs) + (wall.atS.at(-1) ?? 0);
  const lengthS = Math.min(endS, secondsBetween(fromNs, span.untilNs));
  const stepS = everyS ?? lengthS;
  const count = Math.floor(lengthS / stepS + 1e-9);
  const fromS = Float64Array.from({ length: count }, (_, row) => row * stepS);
  const untilS = fromS.map((each) => each + stepS);
  const rows = must(correctedRows(model, run.chips, { originNs: fromNs, fromS, untilS }, anchor));
  return rows.flatMap((row) => {
    if (isRefusal(row.corrected)) return [];
    const startS = secondsBetween(wall.originNs, row.startNs);
    const metered = meansOver(wall, Float64Array.of(startS), Float64Array.of(startS + stepS));
    if ((metered.coveredRatio[0] ?? 0) < 0.9 || row.durationS < 0.9 * stepS) return [];
    const meterJ = (metered.meanW[0] ?? 0) * row.durationS;
    return [
      {
        errorJ: row.corrected.energyJ - meterJ,
        meterJ,
        expandedJ: expandedJ(row.corrected.parts),
      },
    ];
  });
}

const later = (fromNs: InstantNs, byS: number): InstantNs =>
  instantNs(fromNs + BigInt(Math.round(byS * 1e9)));

function scoreRuns(
  set: string,
  heldOut: string,
  model: CorrectionModel,
  runs: readonly RunEvidence[],
  spotS?: number,
): HeldOutScore {
  const whole = runs.flatMap((run) => scoreWindows(model, run, undefined, spotS));
  const minutes = runs.flatMap((run) => scoreWindows(model, run, 60, spotS));
  return summed(set, heldOut, whole, minutes);
}

export async function scoreDgx1V100(): Promise<HeldOutScore[]> {
  const loaded = await loadAll('dgx1-v100');
  const runs = loaded.flatMap((each) => [...each.nodes.values()]);
  const model = fitOn(loaded, runs.slice(0, 4));
  return [
    scoreRuns('dgx1-v100', 'runs 4, 5 of the evening', model, runs.slice(4)),
    scoreRuns('dgx1-v100', 'runs 4, 5 with 60 s of metering', model, runs.slice(4), 60),
    ...scoreApplications('dgx1-v100', loaded, runs),
  ];
}

export async function scoreDgx1Cpu(): Promise<HeldOutScore[]> {
  const loaded = await loadAll('dgx1-cpu');
  const runs = loaded
    .flatMap((each) => [...each.nodes.values()])
    .map((run) => ({ run, startS: Number(run.feeds[0]?.series.originNs ?? 0n) }))
    .sort((a, b) => a.startS - b.startS)
    .map((each) => each.run);
  const model = fitOn(loaded, runs.slice(0, 120));
  return [
    scoreRuns('dgx1-cpu', 'the last 40 runs', model, runs.slice(120)),
    scoreRuns('dgx1-cpu', 'the last 40 runs with 30 s of metering', model, runs.slice(120), 30),
  ];
}

export async function scoreH100(): Promise<HeldOutScore[]> {
  const loaded = await loadAll('h100-acdc');
  const [first] = loaded;
  if (!first) return [];
  const byNode = new Map<string, RunEvidence[]>();
  for (const each of loaded) {
    for (const [node, run] of each.nodes) {
      const runs = byNode.get(node) ?? [];
      runs.push(run);
      byNode.set(node, runs);
    }
  }
  const terms = componentTerms(['dc']);
  const seen = [...byNode].filter(([node]) => node < 'node-05');
  const unseen = [...byNode].filter(([node]) => node >= 'node-05').flatMap(([, runs]) => runs);
  const aligned = seen.map(([node, runs]) => ({ node, aligned: must(alignRuns(runs, terms)) }));
  const [one] = aligned;
  const sample = unseen[0];
  if (!one || !sample) return [];
  const fit = must(
    fitType(
      aligned.map((each) => ({ node: each.node, runs: each.aligned.runs })),
      terms,
      10,
      frameOf(one.aligned, sample, first.folder),
      'type',
    ),
  );
  return [scoreRuns('h100-acdc', 'nodes 5 to 8, never seen', fit.unmetered, unseen)];
}

/** Whole applications left out, scored row by row on common windows. */
function scoreApplications(
  set: string,
  loaded: readonly Loaded[],
  runs: readonly RunEvidence[],
): HeldOutScore[] {
  const [first] = loaded;
  const [sample] = runs;
  if (!first || !sample) return [];
  const terms = componentTerms([...sample.chips.keys()], layoutOf(first.folder));
  const aligned = must(alignRuns(runs, terms));
  const blockS = Math.min(10, first.folder.windowS ?? Infinity);
  const rows = must(rowsOfRuns(aligned.runs, terms, aligned.held, blockS));
  const whole: Scored[] = [];
  const minutes: Scored[] = [];
  rows.applications.forEach((_, application) => {
    const train = selectRows(rows, (row) => rows.application[row] !== application);
    const test = selectRows(rows, (row) => rows.application[row] === application);
    if (test.count < 5) return;
    const model = must(fitModel(train, terms, frameOf(aligned, sample, first.folder)));
    if (process.env['DBG'])
      console.log(
        set,
        rows.applications[application],
        model.detail?.form,
        JSON.stringify(model.detail?.shapes),
        model.interceptW.toFixed(1),
        model.terms.map((t) => `${t.name} ${t.gainRatio.toFixed(3)}`).join(' '),
        (
          (100 * scoreSpan(model, terms, test, 0, test.count)[0]!.errorJ) /
          scoreSpan(model, terms, test, 0, test.count)[0]!.meterJ
        ).toFixed(2),
        (
          (100 * scoreSpan(model, terms, test, 0, test.count)[0]!.expandedJ) /
          scoreSpan(model, terms, test, 0, test.count)[0]!.meterJ
        ).toFixed(2),
      );
    const each = scoreRows(model, terms, test);
    minutes.push(...each);
    whole.push(totalOf(model, terms, test));
  });
  return [summed(set, `each of ${whole.length} applications`, whole, minutes)];
}

type Terms = ReturnType<typeof componentTerms>;
type Rows = Exclude<ReturnType<typeof rowsOfRuns>, Refusal>;

/** Energies by source that give a term its column: the first source carries it all, parts are put back. */
function energiesOf(
  terms: Terms,
  rows: Rows,
  from: number,
  until: number,
): { energies: Map<string, number>; lengthS: number; meterJ: number } {
  const energies = new Map<string, number>();
  let lengthS = 0;
  let meterJ = 0;
  for (let row = from; row < until; row++) {
    lengthS += rows.lengthS[row] ?? 0;
    meterJ += (rows.lengthS[row] ?? 0) * (rows.meterW[row] ?? 0);
  }
  terms.forEach((term, index) => {
    let energyJ = 0;
    for (let row = from; row < until; row++) {
      energyJ += (rows.lengthS[row] ?? 0) * (rows.chipW[index]?.[row] ?? 0);
    }
    for (const part of term.less) energyJ += energies.get(part) ?? 0;
    term.sources.forEach((source, place) => energies.set(source, place === 0 ? energyJ : 0));
  });
  return { energies, lengthS, meterJ };
}

function scoreSpan(
  model: CorrectionModel,
  terms: Terms,
  rows: Rows,
  from: number,
  until: number,
): Scored[] {
  const { energies, lengthS, meterJ } = energiesOf(terms, rows, from, until);
  const shapeJ = (model.detail?.shapes ?? []).map((shape) => {
    const column = shapeColumn(rows, shapeOf(shape));
    let sumJ = 0;
    for (let row = from; row < until; row++) {
      sumJ += (rows.lengthS[row] ?? 0) * (column[row] ?? 0);
    }
    return sumJ;
  });
  const corrected = applyModel(model, energies, lengthS, { shapeJ, ageS: 0 });
  if (isRefusal(corrected)) return [];
  return [{ errorJ: corrected.energyJ - meterJ, meterJ, expandedJ: expandedJ(corrected.parts) }];
}

function scoreRows(model: CorrectionModel, terms: Terms, rows: Rows): Scored[] {
  const scores: Scored[] = [];
  let from = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    lengthS += rows.lengthS[row] ?? 0;
    if (lengthS < 59 && row + 1 < rows.count) continue;
    scores.push(...scoreSpan(model, terms, rows, from, row + 1));
    from = row + 1;
    lengthS = 0;
  }
  return scores;
}

const totalOf = (model: CorrectionModel, terms: Terms, rows: Rows): Scored =>
  scoreSpan(model, terms, rows, 0, rows.count)[0] ?? { errorJ: NaN, meterJ: 1, expandedJ: 0 };

/** One long recording: the first half fitted, the second scored, both on the alignment of the first. */
export async function scoreHalves(set: string): Promise<HeldOutScore[]> {
  const loaded = await loadAll(set);
  const [first] = loaded;
  const run = first && [...first.nodes.values()][0];
  if (!first || !run) return [];
  const terms = componentTerms([...run.chips.keys()], layoutOf(first.folder));
  const early: RunEvidence = {
    ...run,
    feeds: run.feeds.map((feed) => ({
      ...feed,
      series: cut(feed.series, 0, spanOf(feed.series) / 2),
      held: feed.held && {
        ...feed.held,
        atS: feed.held.atS.slice(0, feed.held.atS.length >> 1),
        meanW: feed.held.meanW.slice(0, feed.held.atS.length >> 1),
      },
    })),
  };
  const aligned = must(alignRuns([early], terms));
  const blockS = Math.min(10, first.folder.windowS ?? Infinity);
  const clock = aligned.runs[0]?.clock ?? { offsetS: 0, rateRatio: 0, pivotS: 0 };
  const rows = must(rowsOfRuns([{ evidence: run, clock }], terms, aligned.held, blockS));
  const half = rows.count >> 1;
  const train = selectRows(rows, (row) => row < half);
  const test = selectRows(rows, (row) => row >= half);
  const model = must(fitModel(train, terms, frameOf(aligned, run, first.folder)));
  return [
    summed(set, 'the second half', [totalOf(model, terms, test)], scoreRows(model, terms, test)),
    ...(rows.applications.length >= 3 ? scoreApplications(set, loaded, [run]) : []),
  ];
}

const spanOf = (series: EnergySeries): number => (series.atS.at(-1) ?? 0) - (series.atS[0] ?? 0);

async function main(): Promise<void> {
  const scores = [
    ...(await scoreDgx1V100()),
    ...(await scoreDgx1Cpu()),
    ...(await scoreHalves('ac922-pdu')),
    ...(await scoreHalves('epyc-rome')),
    ...(await scoreHalves('xeon-bmc')),
    ...(await scoreH100()),
  ];
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ scores }));
    return;
  }
  console.log(
    'set         held out                                runs  median  worst   all     CV 60s  U covers runs / min   mean U',
  );
  for (const each of scores) {
    const percent = (value: number, width: number): string =>
      `${value.toFixed(2)} %`.padStart(width);
    console.log(
      `${each.set.padEnd(12)}${each.heldOut.padEnd(40)}${String(each.runsCount).padStart(4)}${percent(each.medianPercent, 9)}${percent(each.worstPercent, 9)}${percent(each.overallPercent, 9)}${percent(each.cvMinutePercent, 9)}${percent(each.coverRunsPercent, 11)} /${percent(each.coverMinutesPercent, 9)}${percent(each.meanUPercent, 9)}`,
    );
  }
}

if (process.argv[1] !== undefined && join(process.argv[1]).endsWith('calibration-first.ts'))
  await main();
