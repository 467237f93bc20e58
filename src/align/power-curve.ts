// The energy curve of an instrument that has no register: its power, integrated. Every reading is an anchor; a hole
// breaks the curve, since nothing counted while nobody looked.
import type { FaultCode } from '../quantity/fault.ts';
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Watts } from '../quantity/units.ts';
import { joules, microjoules } from '../quantity/units.ts';
import type { EdgeEnergy, EnergyCurve } from './energy-curve.ts';
import { Stretch } from './stretch.ts';

export class PowerCurve implements EnergyCurve {
  private readonly holeS: number;
  private stretches: Stretch[] = [];
  private stretchCount = 0;
  private last: { atNs: InstantNs; powerW: number; totalJ: number } | undefined;
  private breaks: { fromNs: InstantNs; atNs: InstantNs }[] = [];

  constructor(holeS: number) {
    this.holeS = holeS;
  }

  /** A reading that is not later than the last one is dropped. */
  observe(atNs: InstantNs, powerW: Watts): FaultCode | undefined {
    const last = this.last;
    if (last && atNs <= last.atNs) return 'time.backwards';
    const elapsedS = last ? Number(atNs - last.atNs) / 1e9 : Infinity;
    if (!last || elapsedS > this.holeS) {
      if (last) this.breaks.push({ fromNs: last.atNs, atNs });
      this.stretchCount += 1;
      const stretch = new Stretch(this.stretchCount);
      stretch.push(atNs, microjoules(0n));
      this.stretches.push(stretch);
      this.last = { atNs, powerW, totalJ: 0 };
      return undefined;
    }
    const totalJ = last.totalJ + (Math.max(0, last.powerW + powerW) / 2) * elapsedS;
    this.stretches.at(-1)?.push(atNs, microjoules(BigInt(Math.round(totalJ * 1e6))));
    this.last = { atNs, powerW, totalJ };
    return undefined;
  }

  energyAt(atNs: InstantNs): EdgeEnergy | undefined {
    for (const stretch of this.stretches) {
      const around = stretch.around(atNs);
      if (around === undefined) continue;
      const { before, after } = around;
      const riseUj = Number(after.energyUj - before.energyUj);
      const spanNs = Number(after.atNs - before.atNs);
      const ratio = spanNs === 0 ? 0 : Number(atNs - before.atNs) / spanNs;
      const smallerPartUj = riseUj * Math.min(ratio, 1 - ratio);
      return {
        energyUj: microjoules(before.energyUj + BigInt(Math.floor(riseUj * ratio + 0.5))),
        stretch: stretch.number,
        before,
        after,
        edgeJ: joules(smallerPartUj / 1e6 / Math.sqrt(3)),
        hole: undefined,
        method: 'power',
      };
    }
    return undefined;
  }

  provisionalAt(): EdgeEnergy | undefined {
    return undefined;
  }

  breakWithin(fromNs: InstantNs, untilNs: InstantNs): FaultCode | undefined {
    return this.breaks.some((gap) => gap.fromNs < untilNs && gap.atNs > fromNs)
      ? 'settle.partial'
      : undefined;
  }

  holeWithin(fromNs: InstantNs, untilNs: InstantNs): boolean {
    return this.breakWithin(fromNs, untilNs) !== undefined;
  }

  firstAnchor(): Anchor | undefined {
    return this.stretches[0]?.first();
  }

  lastAnchor(): Anchor | undefined {
    return this.stretches.at(-1)?.last();
  }

  firstNs(): InstantNs | undefined {
    return this.firstAnchor()?.atNs;
  }

  lastNs(): InstantNs | undefined {
    return this.lastAnchor()?.atNs;
  }

  latestReadNs(): InstantNs | undefined {
    return this.last?.atNs;
  }

  prune(beforeNs: InstantNs): void {
    const newest = this.stretches.at(-1);
    this.stretches = this.stretches.filter(
      (stretch) => stretch === newest || (stretch.last()?.atNs ?? beforeNs) >= beforeNs,
    );
    for (const stretch of this.stretches) stretch.prune(beforeNs);
    this.breaks = this.breaks.filter((gap) => gap.atNs >= beforeNs);
  }
}
