// `trueup correct TRACKER FILE --model M.json --out FILE`: a tracker's own file with the energy at the wall beside what it
// says. `trueup correct learn` makes the model where a meter ran beside the tracker.
import { basename, join, resolve } from 'node:path';
import { correctClaim, lengthOf } from '../../calibrate/claims/correct-claim.ts';
import { sharesOf } from '../../calibrate/claims/share-claims.ts';
import type { Claim, ClaimOutcome } from '../../quantity/claim.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, SiteFault, type Refusal } from '../../quantity/fault.ts';
import { kwhOfJoules } from '../../quantity/format.ts';
import { joules } from '../../quantity/units.ts';
import { type Command, EXIT, readArguments, type Terminal, UsageError } from '../command.ts';
import { learn, LEARN_USAGE } from './correct-learn.ts';
import { readModelFile } from '../calibrate/model-file.ts';
import { systemClock } from '../system-clock.ts';
import {
  readTrackerFiles,
  TRACKER_OPTIONS,
  trackerOf,
  type TrackerFile,
  writeResult,
} from './tracker-files.ts';

const USAGE =
  'trueup correct TRACKER FILE... --model M.json --out FILE|FOLDER [--node NAME] [--zone Area/City] [--pue P] [--step S] [--json]';

export const CORRECT: Command = {
  about: 'put the energy at the wall into the files of software trackers',
  help: `trueup correct - put the energy at the wall into the files of software trackers

usage: ${USAGE}
       ${LEARN_USAGE}

TRACKER is codecarbon (emissions.csv), carbontracker (..._carbontracker.log), eco2ai (emission.csv), zeus (its window
log), impact-tracker (data.json), scaphandre (its JSON) or green-metrics-tool (the log of a RAPL provider).

The file keeps its shape and gets wall_energy_kwh, u_kwh (U, 95 %), quality and model. Facility overhead (PUE) and memory
that was never measured are left out, wrapped counters and CarbonTracker's mean over devices are mended, and each mend is
told. What cannot be corrected is a refused row without numbers, with its reason on standard error and exit code 3.

--model  of trueup calibrate fit (where the tracker measured every kind of chip in it) or of correct learn
--node   whose model, where the file has several
--out    a file; a folder where several files are given. Runs that overlap in time claimed one node twice: each gets its
         share by overlap, so that they add up once
--zone   of the machine that wrote local times (codecarbon, carbontracker, eco2ai)
--pue    that was given to eco2ai, which does not write it down
--step   seconds between samples, where it is not the tracker's own

learn    takes files of the tracker and the meter of the same time (time,source,quantity,value) and writes a model of
         this tracker on this node. Local times need --zone.

examples: trueup correct codecarbon emissions.csv --model node7.json --out corrected.csv
          trueup correct learn carbontracker logs/*_carbontracker.log --meter meter.csv --zone Europe/Paris --out ct.json
          trueup correct carbontracker job42_carbontracker.log --model ct.json --out job42.log`,
  run: async (argv, terminal) =>
    argv[0] === 'learn'
      ? await learn(argv.slice(1), terminal, systemClock())
      : correct(argv, terminal),
};

function correct(argv: string[], terminal: Terminal): number {
  const { values, positionals } = readArguments({
    args: argv,
    allowPositionals: true,
    options: {
      ...TRACKER_OPTIONS,
      model: { type: 'string' },
      node: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [word, ...paths] = positionals;
  const tracker = trackerOf(word);
  const { model: modelPath, out } = values;
  if (paths.length === 0) throw new UsageError('no file is named');
  if (modelPath === undefined) throw new UsageError('--model M.json is missing');
  if (out === undefined) throw new UsageError('--out FILE is missing');
  if (paths.some((path) => resolve(path) === resolve(out))) {
    throw new UsageError('--out is the file itself: name another, the record stays as it is');
  }
  const names = new Set(paths.map((path) => basename(path)));
  if (names.size < paths.length) {
    throw new UsageError('two files have one name, and would become one in the folder of --out');
  }
  const model = chosenModel(modelPath, values.node);
  const files = readTrackerFiles(tracker, paths, values);
  const done = correctFiles(files, model);
  for (const { file, outcomes } of done) {
    if (isRefusal(file.reading)) continue;
    const place = files.length === 1 ? out : join(out, file.name);
    writeResult(place, file.reading.write(outcomes));
  }
  return tell(done, model, out, values.json, terminal);
}

function chosenModel(path: string, node: string | undefined): CorrectionModel {
  const { models } = readModelFile(path);
  const chosen = node === undefined ? models : models.filter((model) => model.node === node);
  const [model, ...others] = chosen;
  if (model && others.length === 0) return model;
  throw new SiteFault({
    where: path,
    what: model ? `has models of ${models.length} nodes` : `has no model of ${node ?? 'a node'}`,
    remedy: `choose one with --node: ${models
      .slice(0, 20)
      .map((each) => each.node)
      .join(', ')}`,
  });
}

interface Done {
  readonly file: TrackerFile;
  readonly outcomes: readonly ClaimOutcome[];
  readonly claims: readonly Claim[];
  /** Claims that others overlapped. */
  readonly sharedCount: number;
}

function correctFiles(files: readonly TrackerFile[], model: CorrectionModel): readonly Done[] {
  const entries = files.flatMap(({ reading }) => (isRefusal(reading) ? [] : reading.claims));
  const claims = entries.filter((entry): entry is Claim => !isRefusal(entry));
  const shares = new Map(sharesOf(claims).map((share, index) => [claims[index], share]));
  return files.map((file) => {
    if (isRefusal(file.reading)) return { file, outcomes: [], claims: [], sharedCount: 0 };
    let sharedCount = 0;
    const outcomes = file.reading.claims.map((entry): ClaimOutcome => {
      if (isRefusal(entry)) return entry;
      const outcome = correctClaim(model, entry);
      const shareRatio = shares.get(entry) ?? 1;
      if (isRefusal(outcome) || shareRatio > 1 - 1e-9) return outcome;
      sharedCount++;
      return {
        ...outcome,
        energyJ: joules(outcome.energyJ * shareRatio),
        expandedJ: joules(outcome.expandedJ * shareRatio),
      };
    });
    const own = file.reading.claims.filter((entry): entry is Claim => !isRefusal(entry));
    return { file, outcomes, claims: own, sharedCount };
  });
}

function tell(
  done: readonly Done[],
  model: CorrectionModel,
  out: string,
  json: boolean,
  terminal: Terminal,
): number {
  const refused: { where: string; refusal: Refusal }[] = [];
  const repairs = new Map<string, number>();
  let correctedCount = 0;
  let sharedCount = 0;
  let wallJ = 0;
  let lengthS = 0;
  for (const each of done) {
    const { reading, name } = each.file;
    if (isRefusal(reading)) refused.push({ where: name, refusal: reading });
    for (const outcome of each.outcomes) {
      if (isRefusal(outcome)) refused.push({ where: name, refusal: outcome });
      else {
        correctedCount++;
        wallJ += outcome.energyJ;
      }
    }
    for (const claim of each.claims) {
      lengthS += lengthOf(claim);
      for (const repair of claim.repairs) repairs.set(repair, (repairs.get(repair) ?? 0) + 1);
    }
    sharedCount += each.sharedCount;
  }
  for (const [repair, count] of repairs) terminal.err(`mended (${count}): ${repair}`);
  if (sharedCount > 0) terminal.err(`shared (${sharedCount}): runs overlap, each gets its share`);
  for (const { where, refusal } of refused.slice(0, 20)) {
    terminal.err(`refused: ${where}: ${refusal.code}: ${refusal.because}; ${refusal.remedy}`);
  }
  if (refused.length > 20) terminal.err(`and ${refused.length - 20} more`);
  const summary = {
    out,
    model: model.id,
    corrected_count: correctedCount,
    refused_count: refused.length,
    shared_count: sharedCount,
    claimed_s: Math.round(lengthS * 1e3) / 1e3,
    wall_energy_kwh: kwhOfJoules(wallJ),
  };
  if (json) terminal.out(JSON.stringify(summary));
  else {
    terminal.out(
      `${out}: ${correctedCount} corrected, ${refused.length} refused; ${summary.wall_energy_kwh.toFixed(6)} kWh at the wall`,
    );
  }
  if (refused.length === 0) return EXIT.done;
  return correctedCount === 0 && done.every(({ file }) => isWrongFile(file))
    ? EXIT.wrong
    : EXIT.refused;
}

const isWrongFile = ({ reading }: TrackerFile): boolean =>
  isRefusal(reading) && reading.code === 'tracker.format';
