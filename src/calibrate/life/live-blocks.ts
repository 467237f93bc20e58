// Blocks for the watch from curves that are still growing: wall and chips at common edges, the chips where their own clock
// stands then. Nothing is kept but the last edge, so a watch of a thousand nodes costs next to nothing.
import type { EdgeEnergy, EnergyCurve } from '../../align/energy-curve.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { floorDiv, instantNs, type InstantNs } from '../../quantity/time.ts';
import type { WatchBlock } from './watch-budget.ts';
import { LateStates, shapeOf } from '../shape.ts';
import { predictedOf } from './watch-rows.ts';

interface Edge {
  readonly atNs: InstantNs;
  readonly wall: readonly EdgeEnergy[];
  readonly chips: ReadonlyMap<string, EdgeEnergy>;
}

export class LiveBlocks {
  readonly #blockNs: bigint;
  #nextNs: bigint | undefined;
  #before: Edge | undefined;
  #sourcesW: ReadonlyMap<string, number> = new Map();
  readonly #late = new LateStates();

  constructor(blockNs: bigint) {
    this.#blockNs = blockNs;
  }

  /** Chip power by source in the last block. */
  sourcesW(): ReadonlyMap<string, number> {
    return this.#sourcesW;
  }

  /** Begins anew behind an instant: what lies before has been watched, or is not to be. */
  restart(fromNs: InstantNs): void {
    this.#nextNs = (floorDiv(fromNs, this.#blockNs) + 1n) * this.#blockNs;
    this.#before = undefined;
    this.#late.reset();
  }

  /** The next block that has become final, if there is one. A block with a hole or a break in it is none. */
  take(
    model: CorrectionModel,
    feeds: readonly EnergyCurve[],
    chips: ReadonlyMap<string, EnergyCurve>,
  ): WatchBlock | undefined {
    const reachNs = reachedBy(model, feeds, chips);
    if (this.#nextNs === undefined || reachNs === undefined) return undefined;
    this.#skipUnkept(feeds, chips);
    while (this.#nextNs <= reachNs) {
      const atNs = instantNs(this.#nextNs);
      const chipNs = instantNs(atNs + model.offsetNs);
      if (feeds.some((curve) => curve.awaitsShape(atNs))) return undefined;
      if ([...chips.values()].some((curve) => curve.awaitsShape(chipNs))) return undefined;
      this.#nextNs += this.#blockNs;
      const edge = edgeAt(atNs, chipNs, feeds, chips);
      const block = edge && this.#before && this.#between(model, this.#before, edge);
      if (!block) this.#late.reset();
      this.#before = edge;
      if (block) return block;
    }
    return undefined;
  }

  /** Edges before the first reading that is still kept can never be had. */
  #skipUnkept(feeds: readonly EnergyCurve[], chips: ReadonlyMap<string, EnergyCurve>): void {
    for (const curve of [...feeds, ...chips.values()]) {
      const firstNs = curve.firstAnchor()?.atNs;
      if (firstNs !== undefined && this.#nextNs !== undefined && this.#nextNs < firstNs) {
        this.restart(firstNs);
      }
    }
  }

  #between(model: CorrectionModel, before: Edge, edge: Edge): WatchBlock | undefined {
    const lengthS = Number(edge.atNs - before.atNs) / 1e9;
    let meteredJ = 0;
    for (const [feed, until] of edge.wall.entries()) {
      const stepJ = stepOf(before.wall[feed], until);
      if (stepJ === undefined) return undefined;
      meteredJ += stepJ;
    }
    const sourcesW = new Map<string, number>();
    for (const [source, until] of edge.chips) {
      const stepJ = stepOf(before.chips.get(source), until);
      if (stepJ === undefined) return undefined;
      sourcesW.set(source, stepJ / lengthS);
    }
    const termsW = termPowers(model, sourcesW);
    if (!termsW) return undefined;
    this.#sourcesW = sourcesW;
    const shapes = (model.detail?.shapes ?? []).map(shapeOf);
    const totalW = termsW.reduce((sum, each) => sum + each, 0);
    return {
      fromS: Number(before.atNs) / 1e9,
      untilS: Number(edge.atNs) / 1e9,
      meteredW: meteredJ / lengthS,
      predictedW: predictedOf(model, termsW, this.#late.advance(shapes, totalW, lengthS)),
      termsW,
    };
  }
}

/** Chip power of each term; undefined where a source of the model is missing. */
export function termPowers(
  model: CorrectionModel,
  sourcesW: ReadonlyMap<string, number>,
): readonly number[] | undefined {
  const termsW: number[] = [];
  for (const term of model.terms) {
    let sumW = 0;
    for (const [sources, sign] of [
      [term.sources, 1],
      [term.less ?? [], -1],
    ] as const) {
      for (const source of sources) {
        const eachW = sourcesW.get(source);
        if (eachW === undefined) return undefined;
        sumW += sign * eachW;
      }
    }
    termsW.push(sumW);
  }
  return termsW;
}

/** The newest instant, on the wall's clock, that every curve has reached. */
function reachedBy(
  model: CorrectionModel,
  feeds: readonly EnergyCurve[],
  chips: ReadonlyMap<string, EnergyCurve>,
): bigint | undefined {
  let reachNs: bigint | undefined;
  const note = (lastNs: bigint | undefined): boolean => {
    if (lastNs === undefined) return false;
    if (reachNs === undefined || lastNs < reachNs) reachNs = lastNs;
    return true;
  };
  if (feeds.length === 0 || chips.size === 0) return undefined;
  for (const curve of feeds) if (!note(curve.lastAnchor()?.atNs)) return undefined;
  for (const curve of chips.values()) {
    const lastNs = curve.lastAnchor()?.atNs;
    if (!note(lastNs && lastNs - model.offsetNs)) return undefined;
  }
  return reachNs;
}

function edgeAt(
  atNs: InstantNs,
  chipNs: InstantNs,
  feeds: readonly EnergyCurve[],
  chips: ReadonlyMap<string, EnergyCurve>,
): Edge | undefined {
  const wall: EdgeEnergy[] = [];
  for (const curve of feeds) {
    const edge = curve.energyAt(atNs);
    if (!edge || edge.hole) return undefined;
    wall.push(edge);
  }
  const energies = new Map<string, EdgeEnergy>();
  for (const [source, curve] of chips) {
    const edge = curve.energyAt(chipNs);
    if (!edge || edge.hole) return undefined;
    energies.set(source, edge);
  }
  return { atNs, wall, chips: energies };
}

function stepOf(before: EdgeEnergy | undefined, until: EdgeEnergy): number | undefined {
  if (!before || before.stretch !== until.stretch) return undefined;
  return Number(until.energyUj - before.energyUj) / 1e6;
}
