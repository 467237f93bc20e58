// Machines that live through a recording: the recorded power of every meter goes through a feed, the recorded chips
// count as they did. The play begins when it is told to, so that nothing is lost before somebody reads the meters.
import { SiteFault } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { instantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';
import type { ChipCounter, Feed, Machine } from './machine.ts';
import { DRAM_STEP_NJ, PACKAGE_STEP_NJ } from './machine.ts';
import type { EnergyTrack, ReplayRun, ReplayTimeline } from './replay-track.ts';
import { energyTrack, replayTimeline } from './replay-track.ts';

export interface ReplayedMachine extends Machine {
  /** Machine of the recording; empty where it has only one. */
  readonly name: string;
  /** In the order of `feeds`. */
  readonly meterSources: readonly string[];
  /** Chip sources that add up to the chip energy. */
  readonly sumSources: readonly string[];
}

export interface Replay {
  readonly machines: readonly ReplayedMachine[];
  readonly timeline: ReplayTimeline;
  /** Civil time at which the first sample is played. Only the first call counts. */
  begin(atNs: InstantNs): void;
  /** Civil time at which the last one has been played; undefined before the play has begun. */
  readonly endsNs: InstantNs | undefined;
}

/** Builds the machines of a recording. Throws SiteFault where there is nothing to play. */
export function replayMachines(runs: readonly ReplayRun[]): Replay {
  const timeline = replayTimeline(runs);
  if (timeline.lengthNs === 0n) {
    throw new SiteFault({
      where: 'rehearsal --replay',
      what: `no run has a meter and a chip that were recorded at the same time${timeline.gaps.map((gap) => `; ${gap}`).join('')}`,
      remedy: 'name a folder with runs that hold meter.csv and chips.csv of one machine',
    });
  }
  let beganNs: bigint | undefined;
  const playNs = (nowNs: bigint): bigint => {
    if (beganNs === undefined || nowNs <= beganNs) return 0n;
    return nowNs - beganNs > timeline.lengthNs ? timeline.lengthNs : nowNs - beganNs;
  };
  const names = new Set(runs.flatMap((run) => [...run.meters.keys()].map(machineOf)));
  const machines = [...names].map((name) => machineFor(name, runs, timeline, playNs));
  return {
    machines,
    timeline,
    begin: (atNs) => {
      beganNs ??= atNs;
    },
    get endsNs() {
      return beganNs === undefined ? undefined : instantNs(beganNs + timeline.lengthNs);
    },
  };
}

/** `node-01/ac` is of machine `node-01`; `wall` is of the only one there is. */
const machineOf = (source: string): string =>
  source.includes('/') ? source.slice(0, source.indexOf('/')) : '';
const bareSource = (source: string): string => source.slice(source.indexOf('/') + 1);

function machineFor(
  name: string,
  runs: readonly ReplayRun[],
  timeline: ReplayTimeline,
  playNs: (nowNs: bigint) => bigint,
): ReplayedMachine {
  const sourcesOf = (pick: (run: ReplayRun) => ReadonlyMap<string, unknown>): string[] =>
    [...new Set(runs.flatMap((run) => [...pick(run).keys()]))].filter(
      (source) => machineOf(source) === name,
    );
  const meterSources = sourcesOf((run) => run.meters);
  const chipSources = sourcesOf((run) => run.chips);
  const feeds = meterSources.map((source) => {
    const track = energyTrack(timeline, (runIndex) => runs[runIndex]?.meters.get(source));
    return { track, energyUj: microjoules(0n) } satisfies Feed & { track: EnergyTrack };
  });
  const chips = chipSources.map((source) => {
    const track = energyTrack(timeline, (runIndex) => runs[runIndex]?.chips.get(source));
    return { ...chipCounter(bareSource(source), track.startUj), track };
  });
  const sumSources = chipSources
    .filter((source) => runs.some((run) => run.chips.get(source)?.role === 'sum'))
    .map(bareSource);
  const present = timeline.segments.map((segment) =>
    meterSources.some((source) => runs[segment.runIndex]?.meters.has(source)),
  );
  let awake = false;
  return {
    name,
    meterSources: meterSources.map(bareSource),
    sumSources,
    feeds,
    chips,
    get awake() {
      return awake;
    },
    step: (untilNs) => {
      const atNs = playNs(untilNs);
      for (const feed of feeds) feed.energyUj = feed.track.at(atNs);
      for (const chip of chips) chip.energyUj = addUj(chip.track.startUj, chip.track.at(atNs));
      const index = timeline.segments.findLastIndex((segment) => segment.atNs < atNs);
      awake = atNs < timeline.lengthNs && (present[index] ?? false);
    },
  };
}

const addUj = (a: Microjoules, b: Microjoules): Microjoules => microjoules(a + b);

function chipCounter(
  source: string,
  startUj: Microjoules,
): ChipCounter & { energyUj: Microjoules } {
  const stepNj = source.startsWith('rapl:dram')
    ? DRAM_STEP_NJ
    : source.startsWith('rapl:')
      ? PACKAGE_STEP_NJ
      : undefined;
  return { source, unit: source.startsWith('nvml:') ? 'mJ' : 'uJ', energyUj: startUj, stepNj };
}
