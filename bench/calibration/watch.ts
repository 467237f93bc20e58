// The residual watch on recorded machines: fitted on the first part of the runs, the others watched in order of time as one
// life. Steps that are known are to be noticed within a minute of metering, and nothing else is to be reported as one.
// Printed by npm run bench:calibration.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { alignRuns } from '../../src/calibrate/clocks/align-runs.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import { rowsOfRuns, type RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { selectRows } from '../../src/calibrate/rows.ts';
import { fitModel } from '../../src/calibrate/fit-model.ts';
import { blockFor } from '../../src/calibrate/fit-node.ts';
import { seededRandom } from '../../src/calibrate/seeded-random.ts';
import { ResidualWatch, type WatchEvent } from '../../src/calibrate/life/residual-watch.ts';
import { WatchBudget, type WatchBlock } from '../../src/calibrate/life/watch-budget.ts';
import { watchBlocks } from '../../src/calibrate/life/watch-rows.ts';
import { evidenceOf, layoutOf } from '../../src/cli/calibrate/sources.ts';
import { readRunFolder, type RunFolder } from '../../src/cli/calibrate/run-folder.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { NODE_BUILDS, nodePhysics, type NodeType } from '../../src/rehearse/node-physics.ts';
import { rollDice } from '../../src/rehearse/dice.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { shared } from '../../test/fixtures.ts';

export interface WatchScore {
  readonly set: string;
  readonly watched: string;
  readonly hours: number;
  readonly stepsCount: number;
  readonly noticedCount: number;
  /** Metered seconds from the change to its notice. */
  readonly medianDelayS: number | undefined;
  readonly worstDelayS: number | undefined;
  readonly worstSizeErrorW: number | undefined;
  /** Steps whose stated size was off by no more than its U. */
  readonly insideUCount: number;
  readonly falseCount: number;
  readonly driftsCount: number;
}

/** What a node target asks for: a step is reported within 60 s of metering. */
const NOTICE_S_MAX = 60;
const FRAME = {
  node: 'node',
  fittedAtNs: instantNs(0n),
  seed: 1,
  offsetS: 0,
  rateRatio: 0,
  offsetUncertaintyS: 0.1,
  aligned: true,
  meterRatio: undefined,
} as const;

const must = <T>(outcome: T | Refusal): T => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};

interface Loaded {
  readonly folder: RunFolder;
  readonly run: RunEvidence;
  readonly startS: number;
}

/** The runs of a set in order of time. */
async function load(set: string): Promise<readonly Loaded[]> {
  const path = shared('data', set);
  if (path === undefined) return [];
  const loaded: Loaded[] = [];
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = await readRunFolder(join(path, entry.name));
    const { meterStamp, chipStamp } = folder.notes;
    const [node] = evidenceOf(folder, { meter: meterStamp ?? 'end', chips: chipStamp ?? 'end' });
    const series = node?.evidence.feeds[0]?.series;
    if (!node || !series) continue;
    const startS = Number(series.originNs) / 1e9 + (series.atS[0] ?? 0);
    loaded.push({ folder, run: node.evidence, startS });
  }
  return loaded.sort((a, b) => a.startS - b.startS);
}

/** A model of these runs, or of the first part of their rows. */
function fitOn(loaded: readonly Loaded[], shareOfRows = 1): CorrectionModel {
  const [first] = loaded;
  if (!first) throw new Error('nothing to fit');
  const { folder } = first;
  const terms = componentTerms([...first.run.chips.keys()], layoutOf(folder));
  const aligned = must(
    alignRuns(
      loaded.map(({ run }) => run),
      terms,
    ),
  );
  const coveredS = loaded.reduce(
    (sum, { run }) => sum + (run.feeds[0]?.series.coveredS.at(-1) ?? 0),
    0,
  );
  const blockS = Math.min(blockFor(coveredS), folder.windowS ?? Infinity);
  const rows = must(rowsOfRuns(aligned.runs, terms, aligned.held, blockS));
  const model = fitModel(
    selectRows(rows, (row) => row < shareOfRows * rows.count),
    terms,
    {
      ...FRAME,
      offsetS: aligned.typical.offsetS,
      rateRatio: aligned.typical.rateRatio,
      offsetUncertaintyS: aligned.typical.offsetUncertaintyS,
      aligned: aligned.typical.alignedCount > 0,
      meterSources: first.run.feeds.map((feed) => feed.source),
      heldMeters: aligned.held,
      chipStamp: folder.notes.chipStamp ?? 'end',
      chipWindowS: folder.windowS,
    },
  );
  return must(model);
}

type Noticed = Extract<WatchEvent, { kind: 'step' | 'drift' }>;

interface KnownStep {
  readonly atS: number;
  readonly stepW: number;
}

/** Watches blocks as one life and compares what was reported with the steps that are known. */
function judge(
  set: string,
  watched: string,
  model: CorrectionModel,
  blocks: readonly WatchBlock[],
  known: readonly KnownStep[],
): WatchScore {
  const watch = new ResidualWatch(new WatchBudget(model));
  const steps: Noticed[] = [];
  let driftsCount = 0;
  let coveredS = 0;
  for (const block of blocks) {
    coveredS += block.untilS - block.fromS;
    for (const event of watch.take(block)) {
      if (event.kind === 'step') steps.push(event);
      if (event.kind === 'drift') driftsCount++;
    }
  }
  const matched = known.map((step, index) => {
    const endS = known[index + 1]?.atS ?? Infinity;
    const found = steps.find(({ noticedS }) => noticedS > step.atS && noticedS <= endS);
    return (
      found && {
        found,
        delayS: meteredBetween(blocks, step.atS, found.noticedS),
        sizeErrorW: Math.abs(found.toLevelW - found.fromLevelW - step.stepW),
        expandedW: found.expandedW,
      }
    );
  });
  const noticed = matched.filter((each) => each !== undefined);
  const delays = noticed.map((each) => each.delayS).sort((a, b) => a - b);
  return {
    set,
    watched,
    hours: coveredS / 3600,
    stepsCount: known.length,
    noticedCount: noticed.filter((each) => each.delayS <= NOTICE_S_MAX).length,
    medianDelayS: delays[delays.length >> 1],
    worstDelayS: delays.at(-1),
    worstSizeErrorW: noticed.reduce<number | undefined>(
      (most, each) => Math.max(most ?? 0, each.sizeErrorW),
      undefined,
    ),
    insideUCount: noticed.filter((each) => each.sizeErrorW <= each.expandedW).length,
    falseCount: steps.length - noticed.length,
    driftsCount,
  };
}

/** Seconds that the blocks cover between two instants. */
function meteredBetween(blocks: readonly WatchBlock[], fromS: number, untilS: number): number {
  let sumS = 0;
  for (const block of blocks) {
    sumS += Math.max(0, Math.min(block.untilS, untilS) - Math.max(block.fromS, fromS));
  }
  return sumS;
}

const blocksOf = (model: CorrectionModel, loaded: readonly Loaded[]): WatchBlock[] =>
  loaded.flatMap(({ run }) => must(watchBlocks(model, run)));

/** Steps between runs, told without the gains of a model: wall less 1.2 times the chips moves by half of 157 W. */
function regimeSteps(model: CorrectionModel, loaded: readonly Loaded[]): KnownStep[] {
  const levels = loaded.map(({ run }) => {
    const blocks = must(watchBlocks(model, run));
    const sumW = blocks.reduce(
      (sum, { meteredW, termsW }) => sum + meteredW - 1.2 * termsW.reduce((a, b) => a + b, 0),
      0,
    );
    return { startS: blocks[0]?.fromS ?? 0, levelW: sumW / blocks.length };
  });
  return levels.flatMap(({ startS, levelW }, index) => {
    const stepW = index === 0 ? 0 : levelW - (levels[index - 1]?.levelW ?? 0);
    return Math.abs(stepW) > 78 ? [{ atS: startS, stepW }] : [];
  });
}

/** Puts a step of `stepW` into the middle third of each run, up and down in turn; the next run begins where it ended. */
function withSteps(
  runs: readonly (readonly WatchBlock[])[],
  stepW: number,
  seed: number,
): { blocks: WatchBlock[]; known: KnownStep[] } {
  const random = seededRandom(seed);
  const known: KnownStep[] = [];
  let levelW = 0;
  let sign = 1;
  const blocks = runs.flatMap((run) => {
    const at = Math.floor(run.length * (0.34 + 0.33 * random()));
    return run.map((block, index) => {
      if (index === at && run.length > 30) {
        levelW += sign * stepW;
        known.push({ atS: block.fromS, stepW: sign * stepW });
        sign = -sign;
      }
      return { ...block, meteredW: block.meteredW + levelW };
    });
  });
  return { blocks, known };
}

export async function scoreDgx1Cpu(): Promise<WatchScore[]> {
  const loaded = await load('dgx1-cpu');
  const scores: WatchScore[] = [];
  for (const count of loaded.length === 0 ? [] : [32, 49, 96, 120]) {
    const model = fitOn(loaded.slice(0, count));
    const later = loaded.slice(count);
    const known = regimeSteps(model, loaded).filter(({ atS }) => atS >= (later[0]?.startS ?? 0));
    // A model of one regime is to say so when it meets the other; one of both may find itself in either.
    const first =
      count === 49 ? known : known.filter(({ atS }) => atS > (later[0]?.startS ?? 0) + 60);
    const watched = `runs ${count + 1} to ${loaded.length}`;
    scores.push(judge('dgx1-cpu', watched, model, blocksOf(model, later), first));
  }
  if (loaded.length === 0) return scores;
  const model = fitOn(loaded.slice(0, 32));
  const quiet = loaded.slice(32, 49);
  for (const [stepW, seed] of [
    [157, 1],
    [157, 2],
    [100, 3],
  ] as const) {
    const put = withSteps(
      quiet.map(({ run }) => must(watchBlocks(model, run))),
      stepW,
      seed,
    );
    const watched = `runs 33 to 49, ${stepW} W put in`;
    scores.push(judge('dgx1-cpu', watched, model, put.blocks, put.known));
  }
  return scores;
}

async function scoreDgx1V100(): Promise<WatchScore[]> {
  const loaded = await load('dgx1-v100');
  return (loaded.length === 0 ? [] : [1, 3]).map((count) => {
    const model = fitOn(loaded.slice(0, count));
    const blocks = blocksOf(model, loaded.slice(count));
    return judge('dgx1-v100', `runs ${count + 1} to ${loaded.length}`, model, blocks, []);
  });
}

async function scoreHalf(set: string): Promise<WatchScore[]> {
  const loaded = await load(set);
  if (loaded.length === 0) return [];
  const model = fitOn(loaded, 0.5);
  const blocks = blocksOf(model, loaded);
  return [judge(set, 'second half', model, blocks.slice(blocks.length >> 1), [])];
}

/** A rehearsed node: fans with hysteresis, warm-up, supplies that bend. The first hour is fitted, the others watched. */
function scoreRehearsed(type: NodeType, seed: number, hours: number): WatchScore {
  const machine = nodePhysics(NODE_BUILDS[type], 2, rollDice(seed), instantNs(0n));
  const originNs = instantNs(0n);
  const count = hours * 3600;
  const atS = Float64Array.from({ length: count }, (_, second) => second);
  const columns = [...machine.feeds, ...machine.chips].map((counter) => ({
    counter,
    energyJ: new Float64Array(count),
  }));
  for (let second = 0; second < count; second++) {
    machine.step(instantNs(BigInt(second) * 1_000_000_000n));
    for (const { counter, energyJ } of columns) energyJ[second] = Number(counter.energyUj) / 1e6;
  }
  const series = (index: number) => ({
    originNs,
    atS,
    energyJ: columns[index]?.energyJ ?? new Float64Array(0),
    coveredS: atS,
  });
  const feedsCount = machine.feeds.length;
  const run: RunEvidence = {
    run: type,
    feeds: machine.feeds.map((_, index) => ({
      source: `feed-${index}`,
      series: series(index),
      held: undefined,
    })),
    chips: new Map(machine.chips.map(({ source }, index) => [source, series(feedsCount + index)])),
    phases: [],
  };
  const terms = componentTerms([...run.chips.keys()], {});
  const clock = { offsetS: 0, rateRatio: 0, pivotS: 0 };
  const rows = must(rowsOfRuns([{ evidence: run, clock }], terms, [], 10));
  const model = must(
    fitModel(
      selectRows(rows, (row) => (rows.atS[row] ?? 0) < 3600),
      terms,
      { ...FRAME, heldMeters: [], chipStamp: 'end', chipWindowS: undefined, meterSources: [] },
    ),
  );
  const later = must(watchBlocks(model, run)).filter(({ fromS }) => fromS >= 3600);
  return judge(type, `hours 2 to ${hours}, seed ${seed}`, model, later, []);
}

/** Detection delays, sizes and false alarms of the watch on all sets that are present. */
export async function scoreWatch(): Promise<WatchScore[]> {
  return [
    ...(await scoreDgx1Cpu()),
    ...(await scoreDgx1V100()),
    ...(await scoreHalf('ac922-pdu')),
    ...(await scoreHalf('xeon-bmc')),
    ...(await scoreHalf('epyc-rome')),
    scoreRehearsed('rehearsed-8gpu', 1, 8),
    scoreRehearsed('rehearsed-8gpu', 2, 8),
    scoreRehearsed('rehearsed-2cpu', 1, 8),
  ];
}

/** The table for people. */
export function printWatch(scores: readonly WatchScore[]): void {
  const number = (reading: number | undefined, digits: number): string =>
    (reading === undefined ? '-' : reading.toFixed(digits)).padStart(7);
  process.stdout.write(
    `${'set'.padEnd(16)}${'watched'.padEnd(28)}  hours  steps  in 60 s  median s  worst s  size err W  in U  false  drifts\n`,
  );
  for (const each of scores) {
    process.stdout.write(
      `${each.set.padEnd(16)}${each.watched.padEnd(28)}${number(each.hours, 2)}${number(each.stepsCount, 0)}${number(each.noticedCount, 0).padStart(9)}${number(each.medianDelayS, 0).padStart(10)}${number(each.worstDelayS, 0).padStart(9)}${number(each.worstSizeErrorW, 1).padStart(12)}${number(each.insideUCount, 0).padStart(6)}${number(each.falseCount, 0)}${number(each.driftsCount, 0).padStart(8)}\n`,
    );
  }
  const hours = scores.reduce((sum, each) => sum + each.hours, 0);
  const falseCount = scores.reduce((sum, each) => sum + each.falseCount, 0);
  process.stdout.write(`${falseCount} false alarms in ${hours.toFixed(0)} hours watched\n`);
}
