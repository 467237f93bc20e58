// Which sources of a recording are the wall and which are chips, per machine: as set.json says, else by their names.
import {
  energyFromCounter,
  energyFromPower,
  type SampleFlaws,
  type Samples,
} from '../../align/series-from-samples.ts';
import type { EnergySeries } from '../../align/energy-series.ts';
import { heldReadingsOf } from '../../align/held-readings.ts';
import type { ChipLayout } from '../../calibrate/chip-terms.ts';
import { chipKindOf } from '../../calibrate/chip-terms.ts';
import { conditionOf, type Condition } from '../../calibrate/condition.ts';
import { CONDITION_KINDS } from '../../quantity/correction.ts';
import type { Doubt } from '../../calibrate/doubts/doubts.ts';
import type { RunEvidence } from '../../calibrate/evidence-rows.ts';
import { judgeSamples } from '../../calibrate/doubts/sample-doubts.ts';
import { wrapRangeJ } from '../../calibrate/knowledge/sensor-knowledge.ts';
import type { Feed } from '../../calibrate/wall-windows.ts';
import type { StampMeaning } from '../../align/series-from-samples.ts';
import type { RunFolder, SourceSamples } from './run-folder.ts';

/** `node-07/dc` is `dc` of `node-07`; without a prefix the machine is the empty string. */
function machineOf(source: string): { machine: string; part: string } {
  const slash = source.indexOf('/');
  return slash < 0
    ? { machine: '', part: source }
    : { machine: source.slice(0, slash), part: source.slice(slash + 1) };
}

export function byMachine(
  sources: ReadonlyMap<string, SourceSamples>,
): ReadonlyMap<string, ReadonlyMap<string, SourceSamples>> {
  const machines = new Map<string, Map<string, SourceSamples>>();
  for (const [source, samples] of sources) {
    const { machine, part } = machineOf(source);
    const parts = machines.get(machine) ?? new Map<string, SourceSamples>();
    parts.set(part, samples);
    machines.set(machine, parts);
  }
  return machines;
}

export interface BuiltSeries {
  readonly series: EnergySeries;
  readonly flaws: SampleFlaws;
  readonly doubts: readonly Doubt[];
  /** The power samples that were used, where the source is a gauge. */
  readonly power: Samples | undefined;
}

/** A source as energy: its counter where it has one, else its power; without the samples that cannot be. */
export function seriesOf(
  source: string,
  samples: SourceSamples,
  stamp: StampMeaning,
  windowS: number | undefined,
  role: 'meter' | 'chips',
): BuiltSeries | undefined {
  const counter = samples.get('energy_j');
  const gauge = samples.get('power_w');
  if (counter) {
    const { doubts, ceilingW, samples: readings } = judgeSamples(source, 'energy_j', counter, role);
    const wrapsAtJ = wrapRangeJ(source, readings.reading);
    const built = energyFromCounter(readings, {
      ...(ceilingW === undefined ? {} : { ceilingW }),
      ...(wrapsAtJ === undefined ? {} : { wrapsAtJ }),
    });
    return { ...built, doubts, power: gauge };
  }
  if (!gauge) return undefined;
  const { doubts, samples: readings } = judgeSamples(source, 'power_w', gauge, role);
  return { ...energyFromPower(readings, stamp, windowS), doubts, power: readings };
}

/** Fan speeds, temperatures and utilisations of a machine, by source. */
export function conditionsOf(
  parts: ReadonlyMap<string, SourceSamples>,
): ReadonlyMap<string, Condition> {
  const conditions = new Map<string, Condition>();
  for (const [source, samples] of parts) {
    for (const kind of CONDITION_KINDS) {
      const readings = samples.get(kind);
      if (readings) conditions.set(`${source} ${kind}`, conditionOf(kind, readings));
    }
  }
  return conditions;
}

/** Set files write the sources of all machines as a pattern with a star before the slash. */
const withoutStar = (pattern: string): string => pattern.replace(/^\*\//, '');

/** Telemetry that is no wall meter, though it may lie in the same file. */
const NOT_WALL = /bmc|ipmi|acpi|psu|(^|[^a-z])dc([^a-z]|$)|input/i;

/** Sources of the meter file that together are the wall. */
export function wallParts(
  parts: readonly string[],
  named: readonly string[] | undefined,
): string[] {
  if (named) {
    const wanted = named.map(withoutStar);
    return parts.filter((part) => wanted.includes(part));
  }
  const walls = parts.filter((part) => !NOT_WALL.test(part));
  // One source that is called the wall is the sum already; feeds and outlets are to be summed.
  const whole = walls.find((part) => /^(wall|total|ac)$/i.test(part));
  return whole !== undefined ? [whole] : walls.length > 0 ? walls : [...parts];
}

export interface NodeEvidence {
  readonly machine: string;
  readonly evidence: RunEvidence;
  readonly flaws: readonly { readonly source: string; readonly flaws: SampleFlaws }[];
  readonly doubts: readonly Doubt[];
}

export interface StampWords {
  readonly meter: StampMeaning;
  readonly chips: StampMeaning;
}

export function layoutOf(folder: RunFolder): ChipLayout {
  const { chipSum, partOf } = folder.notes;
  return {
    ...(chipSum ? { sumOf: chipSum.map(withoutStar) } : {}),
    ...(partOf
      ? {
          partOf: new Map(
            [...partOf].map(([part, whole]) => [withoutStar(part), withoutStar(whole)]),
          ),
        }
      : {}),
  };
}

/** The evidence of every machine that has both a meter and chips in this run folder. */
export function evidenceOf(folder: RunFolder, stamps: StampWords): readonly NodeEvidence[] {
  const meters = byMachine(folder.meter);
  const layout = layoutOf(folder);
  const nodes: NodeEvidence[] = [];
  for (const [machine, parts] of byMachine(folder.chips)) {
    const meter = meters.get(machine);
    if (!meter) continue;
    const flaws: { source: string; flaws: SampleFlaws }[] = [];
    const doubts: Doubt[] = [];
    const feeds: Feed[] = [];
    for (const source of wallParts([...meter.keys()], folder.notes.wallSources)) {
      const samples = meter.get(source);
      const built = samples && seriesOf(source, samples, stamps.meter, folder.windowS, 'meter');
      if (!built) continue;
      const { power } = built;
      flaws.push({ source, flaws: built.flaws });
      doubts.push(...built.doubts);
      feeds.push({ source, series: built.series, held: power && heldReadingsOf(power) });
    }
    const chips = new Map<string, EnergySeries>();
    for (const [source, samples] of parts) {
      const named = layout.sumOf?.includes(source) ?? true;
      if (!named && !(layout.partOf?.has(source) ?? false)) continue;
      if (!layout.sumOf && chipKindOf(source) === 'whole' && parts.size > 1) continue;
      const built = seriesOf(source, samples, stamps.chips, folder.windowS, 'chips');
      if (!built) continue;
      flaws.push({ source, flaws: built.flaws });
      doubts.push(...built.doubts);
      chips.set(source, built.series);
    }
    if (feeds.length === 0 || chips.size === 0) continue;
    const conditions = conditionsOf(parts);
    const phases = folder.phases.map(({ fromNs, untilNs, application }) => ({
      fromNs,
      untilNs,
      application,
    }));
    nodes.push({
      machine,
      evidence: { run: folder.run, feeds, chips, conditions, phases },
      flaws,
      doubts,
    });
  }
  return nodes;
}
