// Shared meters where the split is known: recorded nodes put behind one meter by adding them up, and made-up racks. Printed by
// npm run bench:calibration. Parts are scored against what each node's own meter said.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  meansOver,
  secondsBetween,
  sumOf,
  type EnergySeries,
} from '../../src/align/energy-series.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import { fitGroup } from '../../src/calibrate/shared/fit-group.ts';
import { fitShared } from '../../src/calibrate/shared/shared-fit.ts';
import { evidenceOf } from '../../src/cli/calibrate/sources.ts';
import { readRunFolder } from '../../src/cli/calibrate/run-folder.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import type { PointId } from '../../src/quantity/quality.ts';
import { durationNs, instantNs, type Interval } from '../../src/quantity/time.ts';
import { expandedJ, NO_UNCERTAINTY } from '../../src/quantity/uncertainty.ts';
import { joules, joulesToMicrojoules } from '../../src/quantity/units.ts';
import { settleGroup } from '../../src/settle/settle-group.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import type { IntervalStatement } from '../../src/quantity/statement.ts';
import { shared } from '../../test/fixtures.ts';
import { RACK, sampleRack, type RackTruth } from '../../test/calibrate/synthetic-rack.ts';

export interface SharedScore {
  readonly set: string;
  readonly groupsCount: number;
  readonly partsCount: number;
  /** Of a node's part of the second half of the evidence (or of the evidence, where it is short), %. */
  readonly medianPercent: number;
  readonly p95Percent: number;
  readonly worstPercent: number;
  /** The same if the meter were divided in proportion to the chips alone, %. */
  readonly plainMedianPercent: number;
  readonly plainP95Percent: number;
  /** Share of parts whose error lies inside U, and the mean U, %. */
  readonly coverPercent: number;
  readonly meanUPercent: number;
}

interface Part {
  readonly trueJ: number;
  readonly partJ: number;
  readonly plainJ: number;
  readonly expandedJ: number;
}

interface Split {
  readonly models: readonly CorrectionModel[];
  /** Over the interval: what the common meter counted, and of each node its chips and its own meter. */
  readonly meterJ: number;
  readonly chipsJ: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly trueJ: ReadonlyMap<string, number>;
  readonly durationS: number;
}

const POINT: PointId = 'feed/all';

/** Runs one interval through settlement, as the service would. */
function partsOf({ models, meterJ, chipsJ, trueJ, durationS }: Split): Part[] {
  const fromNs = instantNs(0n);
  const duration = durationNs(BigInt(Math.round(durationS * 1e9)));
  const interval: Interval = { fromNs, untilNs: instantNs(duration) };
  const metered: IntervalStatement = {
    point: POINT,
    kind: 'metered',
    startNs: fromNs,
    durationNs: duration,
    energyUj: joulesToMicrojoules(joules(meterJ)),
    uncertainty: NO_UNCERTAINTY,
    quality: 'actual',
    method: 'register',
    tier: 1,
    version: 1,
    supersedes: '',
    powerMeanW: undefined,
    powerMaxW: undefined,
    because: undefined,
    coveredNs: duration,
    anchors: [],
    flags: [],
    model: '',
    core: '',
  };
  const drafts = settleGroup(
    {
      account: 'account/unallocated',
      nodes: models.map(({ node }) => ({ id: node, fedBy: [POINT] })),
      metered: new Map([[POINT, metered]]),
      chips: chipsJ,
      models,
    },
    interval,
  );
  const chipJ = (node: string): number =>
    [...(chipsJ.get(node)?.values() ?? [])].reduce((sum, each) => sum + each, 0);
  const allChipsJ = models.reduce((sum, { node }) => sum + chipJ(node), 0);
  return models.flatMap(({ node }, index) => {
    const draft = drafts[index];
    if (draft?.energyUj === undefined) return [];
    return [
      {
        trueJ: trueJ.get(node) ?? NaN,
        partJ: Number(draft.energyUj) / 1e6,
        plainJ: (meterJ * chipJ(node)) / allChipsJ,
        expandedJ: expandedJ(draft.uncertainty),
      },
    ];
  });
}

function scored(set: string, groups: readonly (readonly Part[])[]): SharedScore {
  const parts = groups.flat();
  const errors = (of: (part: Part) => number): number[] =>
    parts.map((part) => (100 * Math.abs(of(part) - part.trueJ)) / part.trueJ).sort((a, b) => a - b);
  const own = errors((part) => part.partJ);
  const plain = errors((part) => part.plainJ);
  const at = (list: readonly number[], share: number): number =>
    list[Math.min(list.length - 1, Math.floor(share * list.length))] ?? NaN;
  const inside = parts.filter((part) => Math.abs(part.partJ - part.trueJ) <= part.expandedJ).length;
  return {
    set,
    groupsCount: groups.length,
    partsCount: parts.length,
    medianPercent: at(own, 0.5),
    p95Percent: at(own, 0.95),
    worstPercent: at(own, 1),
    plainMedianPercent: at(plain, 0.5),
    plainP95Percent: at(plain, 0.95),
    coverPercent: (100 * inside) / parts.length,
    meanUPercent:
      (100 * parts.reduce((sum, part) => sum + part.expandedJ / part.trueJ, 0)) / parts.length,
  };
}

/** Runs of several H100 nodes: their AC inputs added up are the meter, their DC outputs the chips. */
export async function scoreH100Shared(pattern: RegExp, set: string): Promise<SharedScore> {
  const root = shared('data', 'h100-acdc');
  const runs =
    root === undefined
      ? []
      : readdirSync(root)
          .filter((name) => pattern.test(name))
          .sort();
  const groups: Part[][] = [];
  for (const run of runs) {
    const folder = await readRunFolder(join(root ?? '', run));
    const nodes = evidenceOf(folder, { meter: 'end', chips: 'end' }).map((each) => ({
      node: each.machine,
      wall: each.evidence.feeds[0]?.series,
      chips: each.evidence.chips,
    }));
    const walls = nodes.flatMap(({ wall }) => wall ?? []);
    const [first, ...others] = walls;
    if (!first || others.length === 0 || walls.length < nodes.length) continue;
    const wall = sumOf([first, ...others]);
    const models = fitGroup({
      group: 'h100',
      wall,
      levelRule: 'equal',
      fittedAtNs: instantNs(0n),
      nodes: nodes.map(({ node, chips }) => ({
        node,
        type: 'h100',
        weight: 1,
        terms: componentTerms([...chips.keys()]),
        chips,
      })),
    });
    if (isRefusal(models)) continue;
    const split = spanOf(wall, nodes, models);
    if (split) groups.push(partsOf(split));
  }
  return scored(set, groups);
}

/** The part of a run that all of its series cover. */
function spanOf(
  wall: EnergySeries,
  nodes: readonly {
    readonly node: string;
    readonly wall: EnergySeries | undefined;
    readonly chips: ReadonlyMap<string, EnergySeries>;
  }[],
  models: readonly CorrectionModel[],
): Split | undefined {
  const fromS = wall.atS[0] ?? 0;
  const untilS = wall.atS.at(-1) ?? 0;
  const meanW = (series: EnergySeries): number => {
    const shiftS = secondsBetween(series.originNs, wall.originNs);
    return (
      meansOver(series, Float64Array.of(fromS + shiftS), Float64Array.of(untilS + shiftS))
        .meanW[0] ?? 0
    );
  };
  const durationS = untilS - fromS;
  const chipsJ = new Map<string, ReadonlyMap<string, number>>();
  const trueJ = new Map<string, number>();
  for (const { node, wall: own, chips } of nodes) {
    if (!own) return undefined;
    trueJ.set(node, meanW(own) * durationS);
    chipsJ.set(
      node,
      new Map([...chips].map(([source, series]) => [source, meanW(series) * durationS])),
    );
  }
  // What the nodes' own meters say over the span is the truth, and their sum the common meter.
  const meterJ = [...trueJ.values()].reduce((sum, each) => sum + each, 0);
  return { models, meterJ, chipsJ, trueJ, durationS };
}

/** Made-up racks: fitted on the first two thirds, the last third settled. */
export function scoreRacks(
  set: string,
  change: Partial<RackTruth>,
  seedsCount: number,
): SharedScore {
  const groups: Part[][] = [];
  for (let seed = 1; seed <= seedsCount; seed++)
    groups.push(rackParts({ ...RACK, ...change, seed }));
  return scored(set, groups);
}

function rackParts(truth: RackTruth): Part[] {
  const cut = Math.floor((2 * truth.rowsCount) / 3);
  // What is settled lies on another day than what was fitted.
  const rack = sampleRack({ ...truth, dayFromRow: cut });
  const series = (column: Float64Array): EnergySeries => {
    const count = cut + 1;
    const energyJ = new Float64Array(count);
    for (let row = 0; row < cut; row++)
      energyJ[row + 1] = (energyJ[row] ?? 0) + 10 * (column[row] ?? 0);
    const atS = Float64Array.from({ length: count }, (_, row) => 10 * row);
    return { originNs: instantNs(0n), atS, energyJ, coveredS: atS };
  };
  const models = fitGroup({
    group: 'rack',
    wall: series(rack.rows.meterW),
    levelRule: 'equal',
    fittedAtNs: instantNs(0n),
    nodes: rack.nodes.map((node, index) => ({
      ...node,
      chips: new Map(
        node.terms.flatMap((term, place) => {
          const column = rack.rows.chipW[index]?.[place] ?? new Float64Array(0);
          const each = column.map((powerW) => powerW / term.sources.length);
          return term.sources.map((source) => [source, series(each)] as const);
        }),
      ),
    })),
  });
  if (isRefusal(models)) throw new Error(models.because);
  const sumJ = (column: Float64Array | undefined): number => {
    let energyJ = 0;
    for (let row = cut; row < truth.rowsCount; row++) energyJ += 10 * (column?.[row] ?? 0);
    return energyJ;
  };
  return partsOf({
    models,
    meterJ: sumJ(rack.rows.meterW),
    chipsJ: new Map(
      rack.nodes.map((node, index) => [
        node.node,
        new Map(
          node.terms.flatMap((term, place) =>
            term.sources.map(
              (source) =>
                [source, sumJ(rack.rows.chipW[index]?.[place]) / term.sources.length] as const,
            ),
          ),
        ),
      ]),
    ),
    trueJ: new Map(rack.nodes.map((node, index) => [node.node, sumJ(rack.trueW[index])])),
    durationS: 10 * (truth.rowsCount - cut),
  });
}

export async function scoreShared(): Promise<readonly SharedScore[]> {
  // Levels of unlike nodes differ by as much as a rule of equal parts allows for.
  const unlike = { alike: false, levelRatio: 0.5 };
  return [
    await scoreH100Shared(/^8x-/, 'h100-acdc, 8 nodes'),
    await scoreH100Shared(/^9x-/, 'h100-acdc, 9 nodes'),
    scoreRacks('3 alike, own loads', {}, 60),
    scoreRacks('3 alike, one job', { together: 1 }, 60),
    scoreRacks('8 alike, own loads', { nodesCount: 8 }, 30),
    scoreRacks('8 alike, one job', { nodesCount: 8, together: 1 }, 30),
    scoreRacks('3 unlike, own loads', unlike, 60),
    scoreRacks('3 unlike, one job', { ...unlike, together: 1 }, 60),
  ];
}

/** The table for people. */
export function printShared(scores: readonly SharedScore[]): void {
  console.log(
    'set                    groups parts   median    p95    worst   by chips alone: median   p95   U covers  mean U',
  );
  for (const each of scores) {
    const percent = (figure: number, width: number): string =>
      `${figure.toFixed(2)} %`.padStart(width);
    console.log(
      `${each.set.padEnd(22)}${String(each.groupsCount).padStart(7)}${String(each.partsCount).padStart(6)}${percent(each.medianPercent, 9)}${percent(each.p95Percent, 9)}${percent(each.worstPercent, 9)}${percent(each.plainMedianPercent, 18)}${percent(each.plainP95Percent, 10)}${percent(each.coverPercent, 10)}${percent(each.meanUPercent, 9)}`,
    );
  }
  console.log(`joint fit of 8 nodes, 720 rows: ${fitMs().toFixed(0)} ms`);
}

function fitMs(): number {
  const rack = sampleRack({ ...RACK, nodesCount: 8 });
  const began = performance.now();
  fitShared(rack.rows, rack.nodes, 'equal');
  return performance.now() - began;
}
