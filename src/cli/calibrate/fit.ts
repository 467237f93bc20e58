// `trueup calibrate fit RUN_DIR... --model OUT.json`: recorded runs of one node, or of nodes of one type, become a file
// of correction models. It prints what it found, what it could not find, and which gates are still open.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { StampMeaning } from '../../align/series-from-samples.ts';
import { alignRuns, type AlignedRuns } from '../../calibrate/clocks/align-runs.ts';
import { componentTerms, type ChipLayout, type ChipTerm } from '../../calibrate/chip-terms.ts';
import { doubtWords, refusalOf, type Doubt } from '../../calibrate/doubts/doubts.ts';
import { rowsOfRuns, type RunEvidence } from '../../calibrate/evidence-rows.ts';
import { fitModel, type FitFrame } from '../../calibrate/fit-model.ts';
import { blockFor } from '../../calibrate/fit-node.ts';
import { fitType } from '../../calibrate/fit-type.ts';
import { alignmentOf } from '../../calibrate/figures/alignment-figure.ts';
import { figuresOf, type FitToDraw } from '../../calibrate/figures/figures-of-fit.ts';
import type { FitProvenance } from '../../calibrate/figures/fit-figures.ts';
import { judgeMachines } from '../../calibrate/doubts/machine-doubts.ts';
import { encodeModelSet } from '../../calibrate/model-set.ts';
import type { Clock } from '../../quantity/clock.ts';
import { isRefusal, refuse, SiteFault, type Refusal } from '../../quantity/fault.ts';
import { instantNs } from '../../quantity/time.ts';
import { evidenceOf, layoutOf, type NodeEvidence } from './sources.ts';
import { fitLongFolders } from './fit-long.ts';
import { provenanceOf } from './fit-provenance.ts';
import { report, type Fitted, type Output } from './fit-summary.ts';
import { zoneOffsetS } from '../../decode/ptdaemon-log.ts';
import { isLongRecording } from './long-recording.ts';
import { readRunFolder } from './run-folder.ts';

export const FIT_USAGE =
  'trueup calibrate fit RUN_DIR... --model OUT.json [--node NAME] [--meter-class PERCENT] [--zone ±HH:MM] [--seed N] [--json]';

/** Runs the command; exit codes 0 done, 1 the data is wrong, 2 usage, 3 refused by a gate. */
export async function calibrateFit(
  argv: readonly string[],
  io: Output,
  clock: Pick<Clock, 'nowNs'>,
): Promise<number> {
  let options: FitOptions;
  try {
    options = parse(argv);
  } catch (problem) {
    io.err(problem instanceof Error ? problem.message : String(problem));
    io.err(`usage: ${FIT_USAGE}`);
    return 2;
  }
  try {
    const fit = (await isLongRecording(options.folders)) ? fitLongFolders : fitFolders;
    const fitted = await fit(options, io, clock);
    if (isRefusal(fitted)) {
      if (options.json)
        io.out(
          JSON.stringify({ refused: fitted.code, because: fitted.because, remedy: fitted.remedy }),
        );
      io.err(`refused (${fitted.code}): ${fitted.because}. To do: ${fitted.remedy}.`);
      return 3;
    }
    writeFileSync(
      options.model,
      `${JSON.stringify(encodeModelSet(fitted.set, fitted.figures), null, 1)}\n`,
    );
    report(fitted, options, io);
    const all = [...fitted.set.models, ...(fitted.set.unmetered ? [fitted.set.unmetered] : [])];
    const refused = all.filter((model) => model.standing === 'refused');
    for (const { node, open } of refused) io.err(`refused: ${node}: ${open.join('; ')}`);
    return refused.length > 0 ? 3 : 0;
  } catch (problem) {
    if (problem instanceof SiteFault) {
      io.err(problem.message);
      return 1;
    }
    if (problem instanceof Error && 'code' in problem) {
      io.err(`${options.model}: ${problem.message}`);
      return 2;
    }
    throw problem;
  }
}

interface FitOptions {
  readonly folders: readonly string[];
  readonly model: string;
  readonly node: string;
  readonly meterRatio: number | undefined;
  readonly seed: number;
  /** Zone of logs whose stamps carry none, `Z` or `±HH:MM`. */
  readonly zone: string | undefined;
  readonly json: boolean;
  readonly argv: readonly string[];
  readonly classPercent: number | undefined;
}

function parse(argv: readonly string[]): FitOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      model: { type: 'string' },
      node: { type: 'string', default: 'node' },
      'meter-class': { type: 'string' },
      zone: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new Error('name at least one run folder');
  if (values.model === undefined) throw new Error('--model OUT.json is missing');
  const classPercent =
    values['meter-class'] === undefined ? undefined : Number(values['meter-class']);
  if (classPercent !== undefined && !(classPercent > 0 && classPercent < 20)) {
    throw new Error('--meter-class is the limit of error in per cent, such as 1');
  }
  const seed = Number(values.seed);
  if (values.zone !== undefined && zoneOffsetS(values.zone) === undefined) {
    throw new Error('--zone is Z or an offset from UTC such as +02:00');
  }
  if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number');
  return {
    folders: positionals,
    model: values.model,
    node: values.node,
    // A limit of error without a distribution is rectangular: GUM 4.3.7.
    meterRatio: classPercent === undefined ? undefined : classPercent / 100 / Math.sqrt(3),
    seed,
    zone: values.zone,
    json: values.json,
    argv,
    classPercent,
  };
}

async function fitFolders(
  options: FitOptions,
  io: Output,
  clock: Pick<Clock, 'nowNs'>,
): Promise<Fitted | Refusal> {
  const machines = new Map<string, RunEvidence[]>();
  const doubts: Doubt[] = [];
  let layout: ChipLayout = {};
  let windowS: number | undefined;
  let chipStamp: StampMeaning = 'end';
  let meterStamp: StampMeaning = 'end';
  let flawsCount = 0;
  let rehearsed = false;
  for (const [index, path] of options.folders.entries()) {
    if (options.folders.length > 1) {
      io.err(`reading ${index + 1} of ${options.folders.length}: ${path}`);
    }
    const folder = await readRunFolder(path, options.zone);
    chipStamp = folder.notes.chipStamp ?? 'end';
    meterStamp = folder.notes.meterStamp ?? 'end';
    layout = layoutOf(folder);
    windowS = folder.windowS;
    rehearsed ||= folder.notes.rehearsed;
    const nodes = evidenceOf(folder, { meter: meterStamp, chips: chipStamp });
    if (nodes.length === 0) io.err(`${path}: no machine has both a meter and chips; left out`);
    for (const node of nodes) {
      flawsCount += tellFlaws(path, node, io);
      doubts.push(...node.doubts);
      const runs = machines.get(node.machine) ?? [];
      runs.push(node.evidence);
      machines.set(node.machine, runs);
    }
  }
  const judged = judgeMachines(
    machines,
    new Set([...(layout.sumOf ?? []), ...(layout.partOf?.keys() ?? [])]),
  );
  doubts.push(...judged.doubts);
  for (const words of new Set(doubts.map(doubtWords))) io.err(`doubt  ${words}`);
  const refused = refusalOf(doubts);
  if (refused) return refused;
  const [first] = judged.machines.values();
  const sample = first?.[0];
  if (!sample) {
    return refuse(
      'align.overlap',
      'no run folder has a meter and chips of one machine',
      'check the source names, or say in set.json which sources are the wall',
    );
  }
  const terms = componentTerms([...sample.chips.keys()], layout);
  const frame = {
    fittedAtNs: instantNs(clock.nowNs()),
    seed: options.seed,
    meterRatio: options.meterRatio,
    meterSources: sample.feeds.map((feed) => feed.source),
    chipStamp,
    meterStamp,
    chipWindowS: windowS,
    doubts,
  };
  const provenance = await provenanceOf(options, rehearsed);
  return fitMachines(
    judged.machines,
    terms,
    frame,
    options.node,
    windowS,
    flawsCount,
    provenance,
    io,
  );
}

function fitMachines(
  machines: ReadonlyMap<string, readonly RunEvidence[]>,
  terms: readonly ChipTerm[],
  frame: Pick<
    FitFrame,
    | 'fittedAtNs'
    | 'seed'
    | 'meterRatio'
    | 'meterSources'
    | 'chipStamp'
    | 'meterStamp'
    | 'chipWindowS'
    | 'doubts'
  >,
  name: string,
  windowS: number | undefined,
  flawsCount: number,
  provenance: FitProvenance,
  io: Output,
): Fitted | Refusal {
  const nodes: { node: string; aligned: AlignedRuns }[] = [];
  for (const [machine, runs] of machines) {
    if (machines.size > 1) io.err(`aligning ${machine}: ${runs.length} runs`);
    const aligned = alignRuns(runs, terms);
    if (isRefusal(aligned)) return aligned;
    nodes.push({ node: machine, aligned });
  }
  const [first] = nodes;
  if (!first) return refuse('align.overlap', 'there is no machine', 'name a run folder');
  const coveredS = [...machines.values()].flat().reduce((sum, run) => {
    const series = run.feeds[0]?.series;
    return sum + (series?.coveredS[series.coveredS.length - 1] ?? 0);
  }, 0);
  const blockS = Math.min(blockFor(coveredS), windowS ?? Infinity);
  const typical = first.aligned.typical;
  const whole = {
    ...frame,
    offsetS: typical.offsetS,
    rateRatio: typical.rateRatio,
    offsetUncertaintyS: typical.offsetUncertaintyS,
    aligned: nodes.some((node) => node.aligned.typical.alignedCount > 0),
    heldMeters: first.aligned.held,
  };
  const counted = {
    aligned: nodes.map((node) => node.aligned),
    flawsCount,
    runsCount: nodes.reduce((sum, node) => sum + node.aligned.runs.length, 0),
  };
  if (nodes.length === 1 && first.node === '') {
    const rows = rowsOfRuns(first.aligned.runs, terms, first.aligned.held, blockS);
    if (isRefusal(rows)) return rows;
    const model = fitModel(rows, terms, { ...whole, node: name });
    return isRefusal(model)
      ? model
      : {
          set: { models: [model], unmetered: undefined },
          figures: [figuresOf({ model, rows, terms, ...drawnOf(nodes), provenance })],
          ...counted,
          tornRuns: [],
        };
  }
  const type = fitType(
    nodes.map((node) => ({ node: node.node, runs: node.aligned.runs })),
    terms,
    blockS,
    whole,
    name,
  );
  if (isRefusal(type)) return type;
  const { unmetered, rows, tornRuns } = type;
  return {
    set: { models: type.nodes, unmetered },
    figures: [figuresOf({ model: unmetered, rows, terms, ...drawnOf(nodes), provenance })],
    ...counted,
    tornRuns,
  };
}

const drawnOf = (
  nodes: readonly { readonly node: string; readonly aligned: AlignedRuns }[],
): Pick<FitToDraw, 'runs' | 'nodesCount' | 'alignment'> => ({
  runs: nodes.flatMap(({ node, aligned }) =>
    aligned.runs.map(({ evidence }) => ({ node, run: evidence.run })),
  ),
  nodesCount: nodes.length,
  alignment: alignmentOf(nodes.map(({ aligned }) => aligned)),
});

function tellFlaws(path: string, node: NodeEvidence, io: Output): number {
  let count = 0;
  for (const { source, flaws } of node.flaws) {
    const told = Object.entries(flaws).filter(([, each]) => Number(each) > 0);
    if (told.length === 0) continue;
    count += told.reduce((sum, [, each]) => sum + Number(each), 0);
    const words = told.map(([name, each]) => `${String(each)} ${name.replace(/Count$/, '')}`);
    io.err(
      `${path}: ${node.machine}${node.machine ? '/' : ''}${source}: ${words.join(', ')} samples`,
    );
  }
  return count;
}
