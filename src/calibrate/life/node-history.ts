// The evidence of one node while the service runs: its wall and chip curves, sampled at common edges, for the last hours.
// Where one of the curves has a hole or a break the step adds neither energy nor covered time.
import type { EdgeEnergy, EnergyCurve } from '../../align/energy-curve.ts';
import type { EnergySeries } from '../../align/energy-series.ts';
import type { InstantNs } from '../../quantity/time.ts';
import { floorDiv, instantNs } from '../../quantity/time.ts';

interface Column {
  energyJ: number[];
  coveredS: number[];
  before: readonly EdgeEnergy[] | undefined;
}

export interface NodeEvidence {
  readonly wall: EnergySeries;
  readonly chips: ReadonlyMap<string, EnergySeries>;
}

export class NodeHistory {
  private readonly stepNs: bigint;
  private readonly keepCount: number;
  private originNs: InstantNs | undefined;
  private nextNs: bigint | undefined;
  private notBeforeNs = 0n;
  private atS: number[] = [];
  private wall: Column = emptyColumn();
  private chips = new Map<string, Column>();

  /**
   * @param stepNs distance of the common edges.
   * @param keepCount edges kept; older ones are forgotten.
   */
  constructor(stepNs: bigint, keepCount: number) {
    this.stepNs = stepNs;
    this.keepCount = keepCount;
  }

  /** Samples all curves up to the newest instant that all of them have reached. */
  extend(feeds: readonly EnergyCurve[], chips: ReadonlyMap<string, EnergyCurve>): void {
    const curves = [...feeds, ...chips.values()];
    const reached = earliest(curves.map((curve) => curve.lastAnchor()?.atNs));
    if (feeds.length === 0 || chips.size === 0 || reached === undefined) return;
    if (!sameKeys(chips, this.chips)) this.restart(curves, chips);
    if (this.nextNs === undefined) return;
    while (this.nextNs <= reached) {
      if (!this.sample(instantNs(this.nextNs), feeds, chips)) return;
      this.nextNs += this.stepNs;
    }
    this.forget();
  }

  /** Forgets what lies before, and takes up no more of it: it belongs to another regime or configuration. */
  forgetBefore(atNs: InstantNs): void {
    this.notBeforeNs = atNs;
    if (this.originNs === undefined || this.nextNs === undefined) return;
    if (this.nextNs < atNs) {
      this.nextNs = (floorDiv(atNs - 1n, this.stepNs) + 1n) * this.stepNs;
      // The step into the first edge would begin before the change.
      for (const column of [this.wall, ...this.chips.values()]) column.before = undefined;
    }
    const atS = Number(atNs - this.originNs) / 1e9;
    const keep = this.atS.findIndex((each) => each >= atS);
    this.drop(keep < 0 ? this.atS.length : keep);
  }

  /** Undefined while there are fewer than two edges. */
  evidence(): NodeEvidence | undefined {
    if (this.originNs === undefined || this.atS.length < 2) return undefined;
    const originNs = this.originNs;
    const atS = Float64Array.from(this.atS);
    const series = (column: Column): EnergySeries => ({
      originNs,
      atS,
      energyJ: Float64Array.from(column.energyJ),
      coveredS: Float64Array.from(column.coveredS),
    });
    return {
      wall: series(this.wall),
      chips: new Map([...this.chips].map(([source, column]) => [source, series(column)])),
    };
  }

  /** A chip that appears or goes changes what the sum means: evidence begins anew. */
  private restart(curves: readonly EnergyCurve[], chips: ReadonlyMap<string, EnergyCurve>): void {
    this.atS = [];
    this.wall = emptyColumn();
    this.chips = new Map([...chips.keys()].map((source) => [source, emptyColumn()]));
    const newest = curves
      .map((curve) => curve.firstAnchor()?.atNs ?? 0n)
      .reduce((a, b) => (b > a ? b : a), this.notBeforeNs);
    this.nextNs = (floorDiv(newest, this.stepNs) + 1n) * this.stepNs;
    this.originNs = instantNs(this.nextNs);
  }

  /** False where a value is not final yet: it is sampled at the next turn. */
  private sample(
    atNs: InstantNs,
    feeds: readonly EnergyCurve[],
    chips: ReadonlyMap<string, EnergyCurve>,
  ): boolean {
    const stepS = Number(this.stepNs) / 1e9;
    const wallEdges = feeds.map((curve) => curve.energyAt(atNs));
    if (wallEdges.some((edge, index) => edge === undefined && mayStillCome(feeds[index], atNs))) {
      return false;
    }
    this.atS.push(Number(atNs - (this.originNs ?? atNs)) / 1e9);
    advance(this.wall, wallEdges, stepS);
    for (const [source, column] of this.chips) {
      advance(column, [chips.get(source)?.energyAt(atNs)], stepS);
    }
    return true;
  }

  private forget(): void {
    const surplus = this.atS.length - this.keepCount;
    // In quarters, so that forgetting costs little.
    if (surplus >= this.keepCount / 4) this.drop(surplus);
  }

  private drop(surplus: number): void {
    this.atS.splice(0, surplus);
    for (const column of [this.wall, ...this.chips.values()]) {
      column.energyJ.splice(0, surplus);
      column.coveredS.splice(0, surplus);
    }
  }
}

const emptyColumn = (): Column => ({ energyJ: [], coveredS: [], before: undefined });

/** Behind a break or before the first anchor there never will be a value; at the newest anchor there may. */
const mayStillCome = (curve: EnergyCurve | undefined, atNs: InstantNs): boolean => {
  const lastNs = curve?.lastAnchor()?.atNs;
  const readNs = curve?.latestReadNs();
  if (lastNs === undefined || readNs === undefined || lastNs < atNs) return true;
  return readNs - lastNs < 60_000_000_000n && lastNs - atNs < 60_000_000_000n;
};

function advance(column: Column, edges: readonly (EdgeEnergy | undefined)[], stepS: number): void {
  const known = edges.filter((edge) => edge !== undefined);
  const before = column.before;
  const whole =
    before !== undefined &&
    known.length === edges.length &&
    known.every((edge, i) => edge.stretch === before[i]?.stretch && edge.hole === undefined);
  const lastJ = column.energyJ.at(-1) ?? 0;
  const lastS = column.coveredS.at(-1) ?? 0;
  let stepUj = 0n;
  if (whole) known.forEach((edge, i) => (stepUj += edge.energyUj - (before[i]?.energyUj ?? 0n)));
  column.energyJ.push(lastJ + Number(stepUj) / 1e6);
  column.coveredS.push(lastS + (whole ? stepS : 0));
  column.before = known.length === edges.length ? known : undefined;
}

const earliest = (instants: readonly (InstantNs | undefined)[]): InstantNs | undefined => {
  let first: InstantNs | undefined;
  for (const instant of instants) {
    if (instant === undefined) return undefined;
    if (first === undefined || instant < first) first = instant;
  }
  return first;
};

const sameKeys = (
  one: ReadonlyMap<string, unknown>,
  other: ReadonlyMap<string, unknown>,
): boolean => one.size === other.size && [...one.keys()].every((key) => other.has(key));
