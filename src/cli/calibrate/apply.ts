// `trueup calibrate apply --model M.json --chips FILE ... --out OUT.csv`: a recording of chips becomes wall energy with
// its uncertainty. It reads its arguments only; what a model cannot answer is a refused row, never a number.
import { writeFileSync } from 'node:fs';
import { sumOf, type EnergySeries } from '../../align/energy-series.ts';
import { STAMP_MEANINGS } from '../../align/series-from-samples.ts';
import {
  correctedRows,
  nativeWindows,
  wallSpan,
  type CorrectedRow,
  type WallWindows,
} from '../../calibrate/corrected-rows.ts';
import { anchorOn, type SpotFeed } from '../../calibrate/spot-anchor.ts';
import { onSpotClock } from '../../calibrate/spot-clock.ts';
import { doubtWords, refusalOf, type Doubt } from '../../calibrate/doubts/doubts.ts';
import { modelAt } from '../../calibrate/life/model-life.ts';
import { modelFor, type ModelSet } from '../../calibrate/model-set.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, refuse, SiteFault, type Refusal } from '../../quantity/fault.ts';
import { formatInstant, instantNs } from '../../quantity/time.ts';
import { expandedJ } from '../../quantity/uncertainty.ts';
import { APPLY_USAGE, parseApply, type ApplyOptions, type Rhythm } from './apply-options.ts';
import type { Output } from './fit-summary.ts';
import { byMachine, conditionsOf, seriesOf, wallParts } from './sources.ts';
import { readModelFile } from './model-file.ts';
import { readReadings, type SourceSamples } from './run-folder.ts';

/** Runs the command; exit codes 0 done, 1 the data is wrong, 2 usage, 3 rows were refused. */
export async function calibrateApply(argv: readonly string[], io: Output): Promise<number> {
  let options: ApplyOptions;
  try {
    options = parseApply(argv);
  } catch (problem) {
    io.err(problem instanceof Error ? problem.message : String(problem));
    io.err(`usage: ${APPLY_USAGE}`);
    return 2;
  }
  try {
    return await apply(options, io);
  } catch (problem) {
    if (problem instanceof SiteFault) {
      io.err(problem.message);
      return 1;
    }
    if (problem instanceof Error && 'code' in problem) {
      io.err(`${options.out}: ${problem.message}`);
      return 2;
    }
    throw problem;
  }
}

interface MachineRows {
  readonly machine: string;
  readonly rows: readonly CorrectedRow[];
}

async function apply(options: ApplyOptions, io: Output): Promise<number> {
  const set = readModelFile(options.model);
  const machines = byMachine(await readReadings(options.chips));
  const spots =
    options.spot === undefined ? undefined : byMachine(await readReadings(options.spot));
  const done: MachineRows[] = [];
  const refusals: { machine: string; refusal: Refusal }[] = [];
  const doubts: Doubt[] = [];
  for (const [machine, sources] of machines) {
    const spot = spots?.get(machine);
    const rows = rowsOfMachine(set, machine, sources, spot, options.rhythm, doubts);
    if (isRefusal(rows)) {
      refusals.push({ machine, refusal: rows });
      done.push({ machine, rows: refusedSpan(options.rhythm, rows) });
      continue;
    }
    for (const row of rows) {
      if (isRefusal(row.corrected)) refusals.push({ machine, refusal: row.corrected });
    }
    done.push({ machine, rows });
  }
  for (const words of new Set(doubts.map(doubtWords))) io.err(`doubt  ${words}`);
  const several = machines.size > 1 || set.models.length > 1;
  writeFileSync(options.out, csvOf(done, several));
  tell(done, refusals, options, io);
  return refusals.length > 0 ? 3 : 0;
}

function rowsOfMachine(
  set: ModelSet,
  machine: string,
  sources: ReadonlyMap<string, SourceSamples>,
  spot: ReadonlyMap<string, SourceSamples> | undefined,
  rhythm: Rhythm,
  doubts: Doubt[],
): readonly CorrectedRow[] | Refusal {
  const stored = modelFor(set, machine);
  if (!stored) {
    return refuse(
      'calibrate.few',
      `the file has no model for ${machine === '' ? 'this node' : machine}`,
      'fit a model on runs of this node, or of several nodes of its type',
    );
  }
  const found: Doubt[] = [];
  const chips = chipsOf(stored, sources, found);
  // A spot metering says where the level is now, however long nobody has looked.
  const began = wallSpan(stored, chips)?.fromNs;
  const valid = spot || began === undefined ? stored : modelAt(stored, began);
  if (isRefusal(valid)) return valid;
  const feeds = spot && spotFeedsOf(valid, spot, found);
  const model = feeds ? onSpotClock(valid, chips, feeds) : valid;
  doubts.push(...found);
  const refused = refusalOf(found);
  if (refused) return refused;
  const conditions = conditionsOf(sources);
  const anchor = feeds && anchorOn(model, chips, feeds, conditions);
  if (anchor && isRefusal(anchor)) return anchor;
  const windows = windowsOf(model, chips, rhythm);
  if (isRefusal(windows)) return windows;
  const rows = correctedRows(model, chips, windows, anchor, conditions);
  if (!isRefusal(rows) && rows.length === 0) {
    return refuse(
      'align.overlap',
      'the chips cover no part of what was asked for',
      'ask for a time within the recording, in UTC',
    );
  }
  return rows;
}

const stampOf = (stated: string | undefined): (typeof STAMP_MEANINGS)[number] =>
  STAMP_MEANINGS.find((meaning) => meaning === stated) ?? 'end';

/** Only the sources that the model names; others of the file are none of its business. */
function chipsOf(
  model: CorrectionModel,
  sources: ReadonlyMap<string, SourceSamples>,
  doubts: Doubt[],
): ReadonlyMap<string, EnergySeries> {
  const names = new Set(model.terms.flatMap((term) => [...term.sources, ...(term.less ?? [])]));
  const chips = new Map<string, EnergySeries>();
  for (const name of names) {
    const samples = sources.get(name);
    const windowS = model.detail?.chipWindowS;
    const built =
      samples && seriesOf(name, samples, stampOf(model.detail?.chipStamp), windowS, 'chips');
    if (!built) continue;
    chips.set(name, built.series);
    doubts.push(...built.doubts);
  }
  return chips;
}

function spotFeedsOf(
  model: CorrectionModel,
  spot: ReadonlyMap<string, SourceSamples>,
  doubts: Doubt[],
): readonly SpotFeed[] {
  const named = model.detail?.meterSources;
  const stamp = stampOf(model.detail?.meterStamp);
  const parts = wallParts([...spot.keys()], named && named.length > 0 ? named : undefined);
  return parts.flatMap((source) => {
    const samples = spot.get(source);
    const built = samples && seriesOf(source, samples, stamp, undefined, 'meter');
    if (!built) return [];
    doubts.push(...built.doubts);
    return [{ source, series: built.series, power: built.power }];
  });
}

function windowsOf(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergySeries>,
  rhythm: Rhythm,
): WallWindows | Refusal {
  if (rhythm.kind === 'span') {
    const lengthS = Number(rhythm.untilNs - rhythm.fromNs) / 1e9;
    return {
      originNs: rhythm.fromNs,
      fromS: Float64Array.of(0),
      untilS: Float64Array.of(lengthS),
    };
  }
  const [first, ...others] = chips.values();
  const span = wallSpan(model, chips);
  if (!first || !span) {
    return refuse(
      'align.overlap',
      'the file has none of the chip sources that the model needs',
      'record the sources that the model was fitted on',
    );
  }
  if (rhythm.kind === 'native') return nativeWindows(model, sumOf([first, ...others]));
  const everyNs = BigInt(Math.round(rhythm.everyS * 1e9));
  const startNs = (span.fromNs / everyNs) * everyNs;
  const count = Number((span.untilNs - startNs + everyNs - 1n) / everyNs);
  if (count > 50_000_000) {
    return refuse('calibrate.implausible', `that is ${count} rows`, 'ask for longer intervals');
  }
  return {
    originNs: instantNs(startNs),
    fromS: Float64Array.from({ length: count }, (_, row) => row * rhythm.everyS),
    untilS: Float64Array.from({ length: count }, (_, row) => (row + 1) * rhythm.everyS),
  };
}

/** A machine that is refused as a whole still has its row where one span was asked for. */
function refusedSpan(rhythm: Rhythm, refusal: Refusal): readonly CorrectedRow[] {
  if (rhythm.kind !== 'span') return [];
  const durationS = Number(rhythm.untilNs - rhythm.fromNs) / 1e9;
  return [{ startNs: rhythm.fromNs, durationS, quality: 'refused', corrected: refusal }];
}

function csvOf(machines: readonly MachineRows[], several: boolean): string {
  const lines = [`${several ? 'machine,' : ''}start,duration_s,energy_wh,u_wh,quality`];
  for (const { machine, rows } of machines) {
    for (const row of rows) {
      const { corrected } = row;
      const energies = isRefusal(corrected)
        ? ','
        : `${wattHours(corrected.energyJ)},${wattHours(expandedJ(corrected.parts))}`;
      lines.push(
        `${several ? `${machine},` : ''}${formatInstant(row.startNs)},${seconds(row.durationS)},${energies},${row.quality}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

const wattHours = (energyJ: number): string => (energyJ / 3600).toFixed(6);
/** To the microsecond, without trailing zeros. */
const seconds = (durationS: number): string => String(Math.round(durationS * 1e6) / 1e6);

function tell(
  done: readonly MachineRows[],
  refusals: readonly { machine: string; refusal: Refusal }[],
  options: ApplyOptions,
  io: Output,
): void {
  const reasons = new Map<string, number>();
  for (const { machine, refusal } of refusals) {
    const reason = `${machine === '' ? '' : `${machine}: `}${refusal.code}: ${refusal.because}; ${refusal.remedy}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  let shown = 0;
  for (const [reason, count] of reasons) {
    if (shown++ === 20) {
      io.err(`and ${reasons.size - 20} more reasons`);
      break;
    }
    io.err(`refused (${count}): ${reason}`);
  }
  const rows = done.flatMap((each) => each.rows);
  const count = (quality: CorrectedRow['quality']): number =>
    rows.filter((row) => row.quality === quality).length;
  const summary = {
    out: options.out,
    rows_count: rows.length,
    derived_count: count('derived'),
    partial_count: count('partial'),
    refused_count: count('refused'),
  };
  if (options.json) {
    const refused = [...reasons].map(([because, times]) => ({ because, count: times }));
    io.out(JSON.stringify({ ...summary, refused }));
  } else {
    io.out(
      `${options.out}: ${summary.derived_count} derived, ${summary.partial_count} partial, ${summary.refused_count} refused`,
    );
  }
}
