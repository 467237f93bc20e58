// Recordings that are too long to be held as readings: which ones they are, and their days, judged by the same rules as any
// recording and handed over one at a time in memory that worker threads share.
import { statSync } from 'node:fs';
import { secondsBetween, type EnergySeries } from '../../align/energy-series.ts';
import { periodOf } from '../../align/series-from-samples.ts';
import { componentTerms, type ChipTerm } from '../../calibrate/chip-terms.ts';
import { DayClocks, type FoundClock } from '../../calibrate/long/day-clock.ts';
import type { DayCounter } from '../../calibrate/long/day-counters.ts';
import type { DayCounters } from '../../calibrate/long/day-rows.ts';
import { refusalOf, type Doubt } from '../../calibrate/doubts/doubts.ts';
import { chipTotalOf, type RunEvidence } from '../../calibrate/evidence-rows.ts';
import { wallOf } from '../../calibrate/wall-windows.ts';
import { isRefusal, SiteFault } from '../../quantity/fault.ts';
import { formatInstant, type InstantNs } from '../../quantity/time.ts';
import { readLines } from '../../transport/csv-lines.ts';
import type { Output } from './fit-summary.ts';
import { evidenceOf, layoutOf } from './sources.ts';
import { daySlices, type DaySlice } from './day-slices.ts';
import { readFolderNotes, type FolderNotes } from './run-folder.ts';

/** Two days of seconds in one folder, or a month of them in all: beyond, readings no longer belong into memory at one time. */
const LONG_READINGS_COUNT = 2 * 86_400;
const LONG_TOGETHER_COUNT = 30 * 86_400;
/** The shortest line there is, and how well gzip packs counters at the most. */
const LINE_BYTES = 30;
const PACKED_RATIO = 25;

/** Whether a fit of these folders should go day by day. */
export async function isLongRecording(folders: readonly string[]): Promise<boolean> {
  const files: { path: string; mostCount: number }[] = [];
  for (const folder of folders) {
    const { chipsPath, meterPath } = readFolderNotes(folder);
    if (chipsPath === undefined || meterPath === undefined) return false;
    const packed = chipsPath.endsWith('.gz') ? PACKED_RATIO : 1;
    files.push({ path: chipsPath, mostCount: (statSync(chipsPath).size * packed) / LINE_BYTES });
  }
  // Files that cannot hold so many lines need not be counted.
  const mayBeTogether = files.reduce((sum, file) => sum + file.mostCount, 0) > LONG_TOGETHER_COUNT;
  let togetherCount = 0;
  for (const { path, mostCount } of files) {
    if (mostCount <= LONG_READINGS_COUNT && !mayBeTogether) continue;
    const count = await readingsIn(path, LONG_READINGS_COUNT);
    togetherCount += count;
    if (count > LONG_READINGS_COUNT || togetherCount > LONG_TOGETHER_COUNT) return true;
  }
  return false;
}

/** Lines per source of a file, counted no farther than asked. */
async function readingsIn(path: string, mostCount: number): Promise<number> {
  const sources = new Set<string>();
  let linesCount = 0;
  for await (const { lines } of readLines(path, 'latin1')) {
    if (linesCount === 0) {
      for (const line of lines.slice(1, 2000)) sources.add(line.split(',', 3).slice(1).join());
    }
    linesCount += lines.length;
    if (linesCount / Math.max(1, sources.size) > mostCount) break;
  }
  return linesCount / Math.max(1, sources.size);
}

/** What the days of a long recording said beside their rows. */
export interface LongEvidence {
  terms: readonly ChipTerm[];
  meterSources: readonly string[];
  chipStamp: string;
  chipWindowS: number | undefined;
  readonly doubts: Doubt[];
  /** In the order of the days. */
  readonly clocks: {
    readonly day: string;
    readonly dayNs: InstantNs;
    readonly found: FoundClock;
  }[];
  rehearsed: boolean;
  flawsCount: number;
}

/** A line of progress for so many days. */
const TOLD_DAYS_COUNT = 10;

/** The days of these folders, in their order; `evidence` is filled in as they are drawn. */
export async function* longDays(
  folders: readonly string[],
  evidence: LongEvidence,
  io: Output,
): AsyncGenerator<DayCounters, void, undefined> {
  const clocks = new DayClocks();
  let rowS = 0;
  for (const path of folders) {
    const folder = readFolderNotes(path);
    evidence.rehearsed ||= folder.notes.rehearsed;
    for await (const [meter, chips] of sharedDays(folder)) {
      const node = nodeOf(folder, meter, chips, io);
      if (!node) continue;
      const { run, feeds } = node.evidence;
      evidence.flawsCount += node.flawsCount;
      noteDoubts(evidence.doubts, node.doubts);
      const gravest = refusalOf(node.doubts);
      if (gravest) {
        io.err(`${run}: left out: ${gravest.because}; ${gravest.remedy}`);
        continue;
      }
      if (evidence.terms.length === 0) {
        evidence.terms = componentTerms([...node.evidence.chips.keys()], layoutOf(asRun(folder)));
        evidence.meterSources = feeds.map((feed) => feed.source);
        evidence.chipStamp = folder.notes.chipStamp ?? 'end';
        evidence.chipWindowS = folder.windowS;
      }
      const wall = wallOf(feeds);
      const total = chipTotalOf(node.evidence.chips, evidence.terms);
      if (!wall || isRefusal(total) || evidence.terms.length === 0) {
        io.err(`${run}: left out: ${isRefusal(total) ? total.because : 'it has no meter'}`);
        continue;
      }
      rowS ||= rowLengthS(wall);
      const found = clocks.next(wall, total);
      evidence.clocks.push({ day: run, dayNs: meter.dayNs, found });
      if (evidence.clocks.length % TOLD_DAYS_COUNT === 0) {
        io.err(
          `read ${evidence.clocks.length} days, until ${formatInstant(meter.dayNs)}; chips ${found.clock.offsetS.toFixed(2)} s later than the meter`,
        );
      }
      yield countersOf(node.evidence, evidence.terms, found, rowS, meter.dayNs);
    }
  }
}

/** Days that both files have, joined by date. */
async function* sharedDays(
  folder: FolderNotes,
): AsyncGenerator<readonly [DaySlice, DaySlice], void, undefined> {
  const { meterPath, chipsPath } = folder;
  if (meterPath === undefined || chipsPath === undefined) return;
  const meters = daySlices(meterPath);
  const chips = daySlices(chipsPath);
  try {
    let meter = await meters.next();
    let chip = await chips.next();
    while (meter.done !== true && chip.done !== true) {
      if (meter.value.dayNs === chip.value.dayNs) {
        yield [meter.value, chip.value];
        meter = await meters.next();
        chip = await chips.next();
      } else if (meter.value.dayNs < chip.value.dayNs) meter = await meters.next();
      else chip = await chips.next();
    }
  } finally {
    await meters.return();
    await chips.return();
  }
}

const asRun = (folder: FolderNotes): Parameters<typeof evidenceOf>[0] => ({
  ...folder,
  meter: new Map(),
  chips: new Map(),
  phases: [],
});

/** The one node of a day. Throws SiteFault where there are several: long recordings are of one node each. */
function nodeOf(
  folder: FolderNotes,
  meter: DaySlice,
  chips: DaySlice,
  io: Output,
):
  | {
      readonly evidence: RunEvidence;
      readonly doubts: readonly Doubt[];
      readonly flawsCount: number;
    }
  | undefined {
  const stamps = {
    meter: folder.notes.meterStamp ?? 'end',
    chips: folder.notes.chipStamp ?? 'end',
  } as const;
  const day = formatInstant(meter.dayNs).slice(0, 'YYYY-MM-DD'.length);
  const run = { ...asRun(folder), run: day, meter: meter.sources, chips: chips.sources };
  const [node, another] = evidenceOf(run, stamps);
  if (another) {
    throw new SiteFault({
      where: folder.path,
      what: 'a recording of more than two days has several machines',
      remedy: 'write one folder per machine, and fit each by itself',
    });
  }
  if (!node) {
    io.err(`${day}: left out: meter and chips are not of one machine`);
    return undefined;
  }
  let flawsCount = 0;
  for (const { flaws } of node.flaws) {
    for (const count of Object.values<number>({ ...flaws })) flawsCount += count;
  }
  return { evidence: node.evidence, doubts: node.doubts, flawsCount };
}

/** One doubt of a kind and source stands for all days. */
function noteDoubts(known: Doubt[], found: readonly Doubt[]): void {
  for (const doubt of found) {
    const isKnown = known.some((each) => each.code === doubt.code && each.source === doubt.source);
    // What would end a fit is told where its day is left out.
    if (!isKnown && doubt.weight !== 'refuse') known.push(doubt);
  }
}

/** As `blockFor`: over ten seconds, noise and timing of single readings are small against the load, and attenuate no gain. */
const ROW_S_MIN = 10;

/** A register that moves in quanta shows no power within one: rows are so long that both edges are off by 1 % at most. */
function rowLengthS(wall: EnergySeries): number {
  const periodS = Math.max(periodOf(wall.atS), ROW_S_MIN);
  let stillCount = 0;
  let quantumJ = Infinity;
  for (let knot = 1; knot < wall.atS.length; knot++) {
    const stepJ = (wall.energyJ[knot] ?? 0) - (wall.energyJ[knot - 1] ?? 0);
    if (stepJ > 0) quantumJ = Math.min(quantumJ, stepJ);
    else stillCount++;
  }
  const last = wall.atS.length - 1;
  const meanW = (wall.energyJ[last] ?? 0) / Math.max(1, wall.coveredS[last] ?? 1);
  if (stillCount < 0.01 * last || !(meanW > 0)) return periodS;
  // Two edges, each off by a rectangular quantum: q / sqrt(6) over a row, GUM F.2.2.1.
  return Math.max(periodS, (100 * quantumJ) / Math.sqrt(6) / meanW);
}

function countersOf(
  { feeds, chips }: RunEvidence,
  terms: readonly ChipTerm[],
  { clock }: FoundClock,
  rowS: number,
  originNs: InstantNs,
): DayCounters {
  const shared: Float64Array[] = [];
  const counterOf = (series: EnergySeries): DayCounter => {
    const shiftS = secondsBetween(originNs, series.originNs);
    const atS = sharedCopy(series.atS.map((instantS) => instantS + shiftS));
    const same = shared.find(
      (each) => each.length === atS.length && each.every((instantS, at) => instantS === atS[at]),
    );
    if (!same) shared.push(atS);
    return {
      atS: same ?? atS,
      countJ: sharedCopy(series.energyJ),
      isHole: holesOf(series),
      // Steps were judged already.
      ceilingW: Infinity,
    };
  };
  return {
    originNs,
    feeds: feeds.map((feed) => counterOf(feed.series)),
    chips: [...chips].flatMap(([source, series]) => {
      const placesIn = (names: 'sources' | 'less'): readonly number[] =>
        terms.flatMap((term, place) => (term[names].includes(source) ? [place] : []));
      const addTo = placesIn('sources');
      const takeFrom = placesIn('less');
      return addTo.length + takeFrom.length === 0
        ? []
        : [{ counter: counterOf(series), addTo, takeFrom }];
    }),
    termsCount: terms.length,
    clock,
    rowS,
  };
}

function sharedCopy(numbers: Float64Array): Float64Array {
  const copy = new Float64Array(new SharedArrayBuffer(numbers.byteLength));
  copy.set(numbers);
  return copy;
}

/** Steps over which a series covers no time. */
function holesOf({ atS, coveredS }: EnergySeries): Uint8Array {
  const holes = new Uint8Array(new SharedArrayBuffer(atS.length));
  for (let knot = 1; knot < atS.length; knot++) {
    const lengthS = (atS[knot] ?? 0) - (atS[knot - 1] ?? 0);
    const covered = (coveredS[knot] ?? 0) - (coveredS[knot - 1] ?? 0);
    if (covered < 0.999 * lengthS) holes[knot] = 1;
  }
  return holes;
}
