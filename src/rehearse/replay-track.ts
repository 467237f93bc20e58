// A recording as energy over play time: runs are laid back to back, holes longer than a minute are skipped, and every
// meter and chip becomes one curve of whole microjoules with straight lines between its stamps.
import type { InstantNs } from '../quantity/time.ts';
import { formatInstant, instantNs, NS_PER_S } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';

/** One recorded series, in order of time, no stamp twice. `power_w` is the mean since the stamp before. */
export interface ReplaySeries {
  readonly quantity: 'power_w' | 'energy_j';
  readonly timesNs: BigInt64Array;
  readonly readings: Float64Array;
}

/** `sum`: chips that add up; `whole` and `part` are sent too but must not be added. */
export interface ReplayChip extends ReplaySeries {
  readonly role: 'sum' | 'whole' | 'part';
}

/** One recorded run: sources named as in the recording; `machine/source` belongs to that machine. */
export interface ReplayRun {
  readonly name: string;
  readonly meters: ReadonlyMap<string, ReplaySeries>;
  readonly chips: ReadonlyMap<string, ReplayChip>;
}

/** A stretch of one run that is played without a jump. */
export interface ReplaySegment {
  readonly runIndex: number;
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  /** Play time at its beginning, ns. */
  readonly atNs: bigint;
}

export interface ReplayTimeline {
  readonly segments: readonly ReplaySegment[];
  readonly lengthNs: bigint;
  /** What was left out, in words. */
  readonly gaps: readonly string[];
}

const HOLE_NS = 60n * NS_PER_S;

/** Where all meters and chips of a run were recorded, less the holes of more than a minute in any of them. */
export function replayTimeline(runs: readonly ReplayRun[]): ReplayTimeline {
  const segments: ReplaySegment[] = [];
  const gaps: string[] = [];
  let atNs = 0n;
  runs.forEach((run, runIndex) => {
    const series = [...run.meters.values(), ...run.chips.values()].filter(
      (each) => each.timesNs.length > 1,
    );
    const firsts = series.map((each) => each.timesNs[0] ?? 0n);
    const lasts = series.map((each) => each.timesNs.at(-1) ?? 0n);
    let fromNs = firsts.reduce((a, b) => (a > b ? a : b), 0n);
    const endNs = lasts.reduce((a, b) => (a < b ? a : b), lasts[0] ?? 0n);
    if (series.length === 0 || endNs <= fromNs) {
      gaps.push(`${run.name}: meters and chips share no time; not played`);
      return;
    }
    const holes = series.flatMap(holesOf).sort((a, b) => (a.fromNs < b.fromNs ? -1 : 1));
    const add = (untilNs: bigint): void => {
      if (untilNs - fromNs < NS_PER_S) return;
      segments.push({ runIndex, fromNs: instantNs(fromNs), untilNs: instantNs(untilNs), atNs });
      atNs += untilNs - fromNs;
    };
    for (const hole of holes) {
      if (hole.untilNs <= fromNs || hole.fromNs >= endNs) continue;
      add(hole.fromNs);
      gaps.push(
        `${run.name}: hole of ${String((hole.untilNs - hole.fromNs) / NS_PER_S)} s from ${formatInstant(instantNs(hole.fromNs))} skipped`,
      );
      fromNs = hole.untilNs > fromNs ? hole.untilNs : fromNs;
    }
    add(endNs);
  });
  return { segments, lengthNs: atNs, gaps };
}

function holesOf(series: ReplaySeries): { fromNs: bigint; untilNs: bigint }[] {
  const holes: { fromNs: bigint; untilNs: bigint }[] = [];
  for (let index = 1; index < series.timesNs.length; index += 1) {
    const fromNs = series.timesNs[index - 1] ?? 0n;
    const untilNs = series.timesNs[index] ?? 0n;
    if (untilNs - fromNs > HOLE_NS) holes.push({ fromNs, untilNs });
  }
  return holes;
}

/** Energy since the beginning of the play, whole µJ, at play times that are asked for in order. */
export interface EnergyTrack {
  at(playNs: bigint): Microjoules;
  /** First recorded value of a counter, µJ; 0 of a power. */
  readonly startUj: Microjoules;
  readonly totalUj: Microjoules;
}

/** Lays one source's series (undefined where a run lacks it) on the timeline. A counter that falls adds nothing. */
export function energyTrack(
  timeline: ReplayTimeline,
  seriesOfRun: (runIndex: number) => ReplaySeries | undefined,
): EnergyTrack {
  const knotsNs: bigint[] = [0n];
  const knotsUj: bigint[] = [0n];
  let totalUj = 0n;
  let startUj: bigint | undefined;
  for (const segment of timeline.segments) {
    const series = seriesOfRun(segment.runIndex);
    if (!series || series.timesNs.length < 2) continue;
    const curve = series.quantity === 'power_w' ? powerCurve(series) : counterCurve(series);
    startUj ??= series.quantity === 'energy_j' ? curve(segment.fromNs) : 0n;
    // The curve stands still between the end of the last segment that has this source and this one.
    knotsNs.push(segment.atNs);
    knotsUj.push(totalUj);
    let lastUj = curve(segment.fromNs);
    const push = (atNs: bigint): void => {
      const energyUj = curve(atNs);
      if (energyUj > lastUj) totalUj += energyUj - lastUj;
      lastUj = energyUj;
      knotsNs.push(segment.atNs + (atNs - segment.fromNs));
      knotsUj.push(totalUj);
    };
    for (const timeNs of series.timesNs) {
      if (timeNs > segment.fromNs && timeNs < segment.untilNs) push(timeNs);
    }
    push(segment.untilNs);
  }
  return {
    ...interpolator(knotsNs, knotsUj),
    startUj: microjoules(startUj ?? 0n),
    totalUj: microjoules(totalUj),
  };
}

function interpolator(
  knotsNs: readonly bigint[],
  knotsUj: readonly bigint[],
): Pick<EnergyTrack, 'at'> {
  let index = 0;
  return {
    at(playNs) {
      if (playNs < (knotsNs[index] ?? 0n)) index = 0;
      while (index + 1 < knotsNs.length && (knotsNs[index + 1] ?? 0n) <= playNs) index += 1;
      const fromNs = knotsNs[index] ?? 0n;
      const fromUj = knotsUj[index] ?? 0n;
      const untilNs = knotsNs[index + 1];
      const untilUj = knotsUj[index + 1];
      if (untilNs === undefined || untilUj === undefined || untilNs === fromNs)
        return microjoules(fromUj);
      return microjoules(fromUj + ((untilUj - fromUj) * (playNs - fromNs)) / (untilNs - fromNs));
    },
  };
}

/** Cumulated energy of a power series, from its first stamp: each value holds back to the stamp before it. */
function powerCurve(series: ReplaySeries): (atNs: bigint) => bigint {
  const cumulatedUj: bigint[] = [0n];
  for (let index = 1; index < series.timesNs.length; index += 1) {
    const stepNs = Number((series.timesNs[index] ?? 0n) - (series.timesNs[index - 1] ?? 0n));
    const stepUj = BigInt(Math.round(((series.readings[index] ?? 0) * stepNs) / 1000));
    cumulatedUj.push((cumulatedUj[index - 1] ?? 0n) + stepUj);
  }
  return interpolator([...series.timesNs], cumulatedUj).at;
}

function counterCurve(series: ReplaySeries): (atNs: bigint) => bigint {
  const countsUj = [...series.readings].map((energyJ) => BigInt(Math.round(energyJ * 1e6)));
  return interpolator([...series.timesNs], countsUj).at;
}
