// A stretch: a part of a counter's life in which every step is known, as the anchors its energy curve passes through.
import assert from 'node:assert/strict';
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import { instantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';

export interface Span {
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
}

export class Stretch {
  readonly number: number;
  private readonly atNs: bigint[] = [];
  private readonly energyUj: bigint[] = [];
  private holes: Span[] = [];

  constructor(number: number) {
    this.number = number;
  }

  /** Anchors rise in time and never fall in energy. */
  push(atNs: InstantNs, energyUj: Microjoules): void {
    const last = this.last();
    assert(
      last === undefined || (atNs > last.atNs && energyUj >= last.energyUj),
      'anchors must rise',
    );
    this.atNs.push(atNs);
    this.energyUj.push(energyUj);
  }

  noteHole(hole: Span): void {
    this.holes.push(hole);
  }

  first(): Anchor | undefined {
    return this.at(0);
  }

  last(): Anchor | undefined {
    return this.at(this.atNs.length - 1);
  }

  /** The anchors on both sides: before.atNs <= atNs <= after.atNs; undefined outside of the stretch. */
  around(atNs: InstantNs): { before: Anchor; after: Anchor } | undefined {
    let low = 0;
    let high = this.atNs.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.atNs[mid] ?? atNs) <= atNs) low = mid + 1;
      else high = mid;
    }
    const before = this.at(low - 1);
    if (before === undefined) return undefined;
    if (before.atNs === atNs) return { before, after: before };
    const after = this.at(low);
    return after === undefined ? undefined : { before, after };
  }

  holeAt(atNs: InstantNs): Span | undefined {
    return this.holes.find((hole) => hole.fromNs < atNs && atNs < hole.untilNs);
  }

  holeWithin(fromNs: InstantNs, untilNs: InstantNs): boolean {
    return this.holes.some((hole) => hole.fromNs < untilNs && hole.untilNs > fromNs);
  }

  prune(beforeNs: InstantNs): void {
    let drop = 0;
    while ((this.atNs[drop + 1] ?? beforeNs) < beforeNs) drop += 1;
    this.atNs.splice(0, drop);
    this.energyUj.splice(0, drop);
    this.holes = this.holes.filter((hole) => hole.untilNs >= beforeNs);
  }

  private at(index: number): Anchor | undefined {
    const atNs = this.atNs[index];
    const energyUj = this.energyUj[index];
    if (atNs === undefined || energyUj === undefined) return undefined;
    return { atNs: instantNs(atNs), energyUj: microjoules(energyUj) };
  }
}
