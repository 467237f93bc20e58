// A meter that holds its values, predicted at every poll from chips of kernels and times that were not fitted: windows and
// delays from the training part alone, one bounded gain per chip source. Printed by npm run bench:calibration.
import {
  meansOver,
  secondsBetween,
  sumOf,
  type EnergySeries,
} from '../../src/align/energy-series.ts';
import { findMeterWindow, type MeterWindow } from '../../src/align/held-meter.ts';
import type { HeldReadings } from '../../src/align/held-readings.ts';
import { emptyGram, solveBounded } from '../../src/calibrate/bounded-regression.ts';
import { GAIN_PRIORS } from '../../src/calibrate/knowledge/sensor-table.ts';
import type { RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { evidenceOf } from '../../src/cli/calibrate/sources.ts';
import { readRunFolder } from '../../src/cli/calibrate/run-folder.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { shared } from '../../test/fixtures.ts';

/** One poll of both feeds: what they showed, and the application in the middle of what they averaged. */
interface Poll {
  readonly atS: number;
  readonly shownW: number;
  /** Index of the held value in force, by feed. */
  readonly value: readonly number[];
  readonly application: string;
}

export interface HeldScore {
  readonly heldOut: string;
  readonly pollsCount: number;
  readonly biasPercent: number;
  /** CV(RMSE) at the polls, and of means over 60 s. */
  readonly pollPercent: number;
  readonly minutePercent: number;
}

type Held = readonly HeldReadings[];

function pollsOf(run: RunEvidence, held: Held): Poll[] {
  const [first] = held;
  if (!first) return [];
  const lengthS = (first.atS.at(-1) ?? 0) - (first.atS[0] ?? 0);
  const polls: Poll[] = [];
  for (let place = 0; place * first.periodS < lengthS; place++) {
    const atS = (first.atS[0] ?? 0) + place * first.periodS;
    const value = held.map((each) => {
      const shiftS = secondsBetween(first.originNs, each.originNs);
      const index = each.atS.findIndex((changeS) => changeS + shiftS > atS);
      return (index < 0 ? each.atS.length : index) - 1;
    });
    if (value.some((index) => index < 0)) continue;
    const middleNs = first.originNs + BigInt(Math.round((atS - 1.5 * first.holdS) * 1e9));
    const phase = run.phases.find((each) => each.fromNs <= middleNs && middleNs < each.untilNs);
    const shownW = value.reduce((sum, index, feed) => sum + (held[feed]?.meanW[index] ?? 0), 0);
    polls.push({ atS, shownW, value, application: phase?.application ?? '' });
  }
  return polls;
}

/** Held values that polls of the training part show. */
function trained(held: Held, polls: readonly Poll[]): Held {
  return held.map((each, feed) => {
    const shown = new Set(polls.map((poll) => poll.value[feed] ?? -1));
    const kept = [...each.atS.keys()].filter((index) => shown.has(index));
    return {
      ...each,
      atS: Float64Array.from(kept, (index) => each.atS[index] ?? 0),
      meanW: Float64Array.from(kept, (index) => each.meanW[index] ?? 0),
    };
  });
}

/** Chip power per source as the feeds average it, mixed by their shares, poll by poll. */
function columnsOf(
  sources: readonly EnergySeries[],
  held: Held,
  windows: readonly MeterWindow[],
  polls: readonly Poll[],
): Float64Array[] {
  const gain = windows.reduce((sum, each) => sum + each.gainRatio, 0);
  return sources.map((series) => {
    const column = new Float64Array(polls.length);
    held.forEach((each, feed) => {
      const window = windows[feed];
      if (!window) return;
      const shiftS = secondsBetween(series.originNs, each.originNs) - window.delayS;
      const untilS = each.atS.map((atS) => atS + shiftS);
      const { meanW } = meansOver(
        series,
        untilS.map((atS) => atS - window.windowS),
        untilS,
      );
      polls.forEach((poll, row) => {
        const powerW = meanW[poll.value[feed] ?? 0] ?? 0;
        column[row] = (column[row] ?? 0) + (window.gainRatio / gain) * powerW;
      });
    });
    return column;
  });
}

function fitted(
  columns: readonly Float64Array[],
  polls: readonly Poll[],
  rows: readonly number[],
): Float64Array {
  const size = columns.length + 1;
  const gram = emptyGram(size);
  for (const row of rows) {
    const z = [1, ...columns.map((column) => column[row] ?? 0)];
    z.forEach((one, i) => {
      gram.zy[i] = (gram.zy[i] ?? 0) + one * (polls[row]?.shownW ?? 0);
      z.forEach((other, j) => (gram.zz[i * size + j] = (gram.zz[i * size + j] ?? 0) + one * other));
    });
  }
  const prior = GAIN_PRIORS['cpu-measured'];
  // A watt at a poll, remembered over the thirty polls of some minutes: what such residuals look like.
  return solveBounded(gram, 30, {
    lower: Float64Array.from({ length: size }, (_, at) => (at === 0 ? 0 : prior.lowerRatio)),
    centre: Float64Array.from({ length: size }, (_, at) => (at === 0 ? 300 : prior.meanRatio)),
    precision: Float64Array.from({ length: size }, (_, at) =>
      at === 0 ? 1e-8 : 1 / prior.sdRatio ** 2,
    ),
  });
}

function score(
  heldOut: string,
  errors: readonly { atS: number; errorW: number; shownW: number }[],
): HeldScore {
  const meanW = errors.reduce((sum, each) => sum + each.shownW, 0) / errors.length;
  const bins = new Map<number, number[]>();
  for (const each of errors) {
    const bin = Math.floor(each.atS / 60);
    bins.set(bin, [...(bins.get(bin) ?? []), each.errorW]);
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((a, b) => a + b, 0) / values.length;
  const minutes = [...bins.values()].filter((each) => each.length >= 10).map(mean);
  const cv = (values: readonly number[]): number =>
    (100 * Math.sqrt(mean(values.map((each) => each ** 2)))) / meanW;
  const all = errors.map((each) => each.errorW);
  return {
    heldOut,
    pollsCount: errors.length,
    biasPercent: (100 * mean(all)) / meanW,
    pollPercent: cv(all),
    minutePercent: cv(minutes),
  };
}

/** The set's one recording: each half of the time, and each kernel, predicted from the rest. */
export async function scoreHeldMeter(): Promise<readonly HeldScore[]> {
  const path = shared('data', 'ac922-pdu', 'part1');
  if (path === undefined) return [];
  const folder = await readRunFolder(path);
  const [node] = evidenceOf(folder, { meter: 'end', chips: 'end' });
  const run = node?.evidence;
  const held = run?.feeds.flatMap((feed) => (feed.held ? [feed.held] : [])) ?? [];
  const sources = [...(run?.chips.values() ?? [])];
  const [first, ...others] = sources;
  if (!run || !first || held.length < 2) throw new Error('the set has no held meters');
  const total = sumOf([first, ...others]);
  // The first values average what was before the chips began.
  const polls = pollsOf(run, held).filter((poll) => poll.value.every((index) => index >= 3));
  const errorsOf = (
    isTest: (poll: Poll) => boolean,
  ): { atS: number; errorW: number; shownW: number }[] => {
    const training = polls.filter((poll) => !isTest(poll));
    const windows = trained(held, training).map((each) => {
      const window = findMeterWindow(each, total, sources);
      if (isRefusal(window)) throw new Error(window.because);
      return window;
    });
    const columns = columnsOf(sources, held, windows, polls);
    const rows = [...polls.keys()];
    const isTraining = (row: number): boolean => {
      const poll = polls[row];
      return poll !== undefined && !isTest(poll);
    };
    const parameters = fitted(columns, polls, rows.filter(isTraining));
    return rows
      .filter((row) => !isTraining(row))
      .map((row) => {
        const poll = polls[row];
        const predictedW = columns.reduce(
          (sum, column, at) => sum + (parameters[at + 1] ?? 0) * (column[row] ?? 0),
          parameters[0] ?? 0,
        );
        const shownW = poll?.shownW ?? 0;
        return { atS: poll?.atS ?? 0, errorW: predictedW - shownW, shownW };
      });
  };
  const middleS = polls[polls.length >> 1]?.atS ?? 0;
  const applications = [...new Set(polls.map((poll) => poll.application))].filter(
    (name) => name !== '',
  );
  const perKernel = applications.map((name) => errorsOf((poll) => poll.application === name));
  return [
    score(
      'the second half',
      errorsOf((poll) => poll.atS >= middleS),
    ),
    score(
      'the first half',
      errorsOf((poll) => poll.atS < middleS),
    ),
    ...perKernel.map((errors, at) => score(`kernel ${applications[at] ?? ''}`, errors)),
    score('each kernel, together', perKernel.flat()),
  ];
}

/** The table for people. */
export function printHeldMeter(scores: readonly HeldScore[]): void {
  for (const each of scores) {
    console.log(
      `${each.heldOut.padEnd(24)}${String(each.pollsCount).padStart(6)} polls  bias ${each.biasPercent.toFixed(3)} %  5 s CV ${each.pollPercent.toFixed(3)} %  60 s CV ${each.minutePercent.toFixed(3)} %`,
    );
  }
}
