// `trueup calibrate watch --model M.json RUN_DIR...`: recordings that have a meter are replayed against a model as one long
// life, and each change of the level is told: when it happened, when it was noticed, how much it was, what holds since.
import { parseArgs } from 'node:util';
import type { EnergySeries } from '../../align/energy-series.ts';
import type { RunEvidence } from '../../calibrate/evidence-rows.ts';
import { modelFor, type ModelSet } from '../../calibrate/model-set.ts';
import { ResidualWatch, type WatchEvent } from '../../calibrate/life/residual-watch.ts';
import { WatchBudget, type WatchBlock } from '../../calibrate/life/watch-budget.ts';
import { watchBlocks } from '../../calibrate/life/watch-rows.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, SiteFault } from '../../quantity/fault.ts';
import { formatInstant, instantNs } from '../../quantity/time.ts';
import type { Output } from './fit-summary.ts';
import { evidenceOf } from './sources.ts';
import { readModelFile } from './model-file.ts';
import { readRunFolder } from './run-folder.ts';

export const WATCH_USAGE = 'trueup calibrate watch --model M.json RUN_DIR... [--json]';

interface WatchOptions {
  readonly model: string;
  readonly folders: readonly string[];
  readonly json: boolean;
}

/** Runs the command; exit codes 0 done, 1 the data is wrong, 2 usage, 3 nothing could be compared with the model. */
export async function calibrateWatch(argv: readonly string[], io: Output): Promise<number> {
  let options: WatchOptions;
  try {
    options = parse(argv);
  } catch (problem) {
    io.err(problem instanceof Error ? problem.message : String(problem));
    io.err(`usage: ${WATCH_USAGE}`);
    return 2;
  }
  try {
    return await watch(options, io);
  } catch (problem) {
    if (!(problem instanceof SiteFault)) throw problem;
    io.err(problem.message);
    return 1;
  }
}

function parse(argv: readonly string[]): WatchOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { model: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  if (values.model === undefined) throw new Error('--model M.json is missing');
  if (positionals.length === 0) throw new Error('name at least one run folder');
  return { model: values.model, folders: positionals, json: values.json };
}

interface Recorded {
  readonly run: string;
  readonly blocks: readonly WatchBlock[];
}

async function watch(options: WatchOptions, io: Output): Promise<number> {
  const set = readModelFile(options.model);
  const machines = new Map<string, Recorded[]>();
  for (const [index, path] of options.folders.entries()) {
    if (options.folders.length > 1) {
      io.err(`reading ${index + 1} of ${options.folders.length}: ${path}`);
    }
    const folder = await readRunFolder(path);
    const { meterStamp, chipStamp } = folder.notes;
    const stamps = { meter: meterStamp ?? 'end', chips: chipStamp ?? 'end' };
    const nodes = evidenceOf(folder, stamps);
    if (nodes.length === 0) io.err(`${path}: no machine has both a meter and chips; left out`);
    for (const { machine, evidence } of nodes) {
      const recorded = recordedOf(set, machine, evidence, path, io);
      if (!recorded) continue;
      machines.set(machine, [...(machines.get(machine) ?? []), recorded]);
    }
  }
  const lives = [...machines].map(([machine, runs]) => lifeOf(set, machine, runs));
  for (const life of lives) tell(life, options.json, io);
  if (lives.length > 0) return 0;
  io.err('nothing of these recordings can be compared with the model');
  return 3;
}

function recordedOf(
  set: ModelSet,
  machine: string,
  evidence: RunEvidence,
  path: string,
  io: Output,
): Recorded | undefined {
  const model = modelFor(set, machine);
  if (!model) {
    io.err(`${path}: the file has no model for ${machine}; left out`);
    return undefined;
  }
  const blocks = watchBlocks(model, evidence);
  if (isRefusal(blocks)) {
    io.err(`${path}: ${blocks.code}: ${blocks.because}; left out`);
    return undefined;
  }
  if (blocks.length > 0) return { run: evidence.run, blocks };
  io.err(`${path}: the meter covers ${spanText(evidence)} beside the chips; left out`);
  return undefined;
}

function spanText({ feeds }: RunEvidence): string {
  const seconds = feeds.map(({ series }: { series: EnergySeries }) => series.coveredS.at(-1) ?? 0);
  return `too little of its ${Math.min(...seconds).toFixed(0)} s`;
}

interface Life {
  readonly machine: string;
  readonly events: readonly { readonly run: string; readonly event: WatchEvent }[];
  readonly meteredS: number;
  readonly levelW: number;
  readonly uncertaintyW: number;
  /** Error of the energy over all that was watched: as fitted, and with the level that was known at the time. */
  readonly staticRatio: number;
  readonly anchoredRatio: number;
}

function lifeOf(set: ModelSet, machine: string, runs: readonly Recorded[]): Life {
  const model: CorrectionModel | undefined = modelFor(set, machine);
  if (!model) throw new Error(`a recording of ${machine} was taken without a model`);
  const inTime = [...runs].sort((a, b) => (a.blocks[0]?.fromS ?? 0) - (b.blocks[0]?.fromS ?? 0));
  const residualWatch = new ResidualWatch(new WatchBudget(model));
  const events: { run: string; event: WatchEvent }[] = [];
  let meteredS = 0;
  let meteredJ = 0;
  let staticJ = 0;
  let anchoredJ = 0;
  for (const { run, blocks } of inTime) {
    for (const block of blocks) {
      const lengthS = block.untilS - block.fromS;
      // The level before the block: what a service would have corrected by, had it run then.
      const known = residualWatch.level();
      meteredS += lengthS;
      meteredJ += block.meteredW * lengthS;
      staticJ += (block.predictedW - block.meteredW) * lengthS;
      anchoredJ += (block.predictedW + known.levelW - block.meteredW) * lengthS;
      for (const event of residualWatch.take(block)) events.push({ run, event });
    }
  }
  const { levelW, uncertaintyW } = residualWatch.level();
  return {
    machine,
    events,
    meteredS,
    levelW,
    uncertaintyW,
    staticRatio: staticJ / meteredJ,
    anchoredRatio: anchoredJ / meteredJ,
  };
}

function tell(life: Life, json: boolean, io: Output): void {
  const changes = life.events.filter(({ event }) => event.kind !== 'anchored').length;
  if (json) {
    io.out(
      JSON.stringify({
        ...(life.machine === '' ? {} : { machine: life.machine }),
        metered_s: life.meteredS,
        changes_count: changes,
        level_w: life.levelW,
        level_u_w: 2 * life.uncertaintyW,
        static_error_percent: 100 * life.staticRatio,
        anchored_error_percent: 100 * life.anchoredRatio,
        events: life.events.map(eventJson),
      }),
    );
    return;
  }
  if (life.machine !== '') io.out(life.machine);
  for (const { run, event } of life.events) io.out(eventText(run, event));
  io.out(
    `watched ${(life.meteredS / 3600).toFixed(2)} h: ${changes} ${changes === 1 ? 'change' : 'changes'}, level now ${signed(life.levelW)} W ± ${(2 * life.uncertaintyW).toFixed(1)} W`,
  );
  io.out(
    `energy off by ${percent(life.staticRatio)} as fitted, by ${percent(life.anchoredRatio)} re-anchored`,
  );
}

function eventJson({ run, event }: Life['events'][number]): Record<string, unknown> {
  const known = event.regime === undefined ? {} : { regime: event.regime };
  const shared = { run, kind: event.kind, noticed: instantText(event.noticedS), ...known };
  if (event.kind === 'anchored') {
    return {
      ...shared,
      since: instantText(event.fromS),
      metered_s: event.meteredS,
      level_w: event.levelW,
      u_w: event.expandedW,
    };
  }
  return {
    ...shared,
    changed: instantText(event.changedS),
    metered_s: event.meteredS,
    step_w: event.toLevelW - event.fromLevelW,
    u_w: event.expandedW,
    from_level_w: event.fromLevelW,
    to_level_w: event.toLevelW,
  };
}

function eventText(run: string, event: WatchEvent): string {
  const regime = event.regime === undefined ? '' : `, regime ${event.regime} again`;
  const noticed = `noticed ${instantText(event.noticedS)} after ${event.meteredS.toFixed(0)} s of metering`;
  if (event.kind === 'anchored') {
    return `${instantText(event.fromS)}  level ${signed(event.levelW)} W ± ${event.expandedW.toFixed(1)} W${regime}, ${noticed}`;
  }
  const stepW = event.toLevelW - event.fromLevelW;
  return `${instantText(event.changedS)}  ${event.kind} ${signed(stepW)} W ± ${event.expandedW.toFixed(1)} W${regime}, ${noticed} (${run})`;
}

/** Whole seconds do: no change is known better than its block. */
const instantText = (atS: number): string =>
  formatInstant(instantNs(BigInt(Math.round(atS)) * 1_000_000_000n));
const signed = (powerW: number): string =>
  `${powerW < 0 ? '-' : '+'}${Math.abs(powerW).toFixed(1)}`;
const percent = (errorRatio: number): string => `${(100 * errorRatio).toFixed(2)} %`;
