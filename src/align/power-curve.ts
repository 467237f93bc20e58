// The energy curve of an instrument that has no register: its power, integrated. Every reading is an anchor; a hole
// breaks the curve, since nothing counted while nobody looked.
import type { FaultCode } from '../quantity/fault.ts';
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Watts } from '../quantity/units.ts';
import { joules, microjoules } from '../quantity/units.ts';
import type { EdgeEnergy, EnergyCurve } from './energy-curve.ts';
import { Stretches } from './stretches.ts';

const UNREAD: FaultCode = 'settle.partial';

export class PowerCurve implements EnergyCurve {
  private readonly holeS: number;
  private readonly stretches = new Stretches();
  private last: { atNs: InstantNs; powerW: number; totalUj: bigint } | undefined;

  constructor(holeS: number) {
    this.holeS = holeS;
  }

  /** A reading that is not later than the last one is dropped. */
  observe(atNs: InstantNs, powerW: Watts): FaultCode | undefined {
    const last = this.last;
    if (last && atNs <= last.atNs) return 'time.backwards';
    const elapsedS = last ? Number(atNs - last.atNs) / 1e9 : Infinity;
    if (!last || elapsedS > this.holeS) {
      const broken = last && { fromNs: last.atNs, untilNs: atNs, because: UNREAD };
      this.stretches.begin(atNs, microjoules(0n), broken);
      this.last = { atNs, powerW, totalUj: 0n };
      return undefined;
    }
    // Each step is rounded by itself: so a step counts the same wherever the sum began.
    const stepJ = (Math.max(0, last.powerW + powerW) / 2) * elapsedS;
    const totalUj = last.totalUj + BigInt(Math.floor(stepJ * 1e6 + 0.5));
    this.stretches.newest()?.push(atNs, microjoules(totalUj));
    this.last = { atNs, powerW, totalUj };
    return undefined;
  }

  energyAt(atNs: InstantNs): EdgeEnergy | undefined {
    const around = this.stretches.around(atNs);
    if (around === undefined) return undefined;
    const { stretch, before, after } = around;
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
      resolutionJ: joules(0),
      hole: undefined,
      method: 'power',
    };
  }

  awaitsShape(): boolean {
    return false;
  }

  provisionalAt(): EdgeEnergy | undefined {
    return undefined;
  }

  breakWithin(fromNs: InstantNs, untilNs: InstantNs): FaultCode | undefined {
    return this.stretches.breakWithin(fromNs, untilNs);
  }

  holeWithin(fromNs: InstantNs, untilNs: InstantNs): boolean {
    return this.breakWithin(fromNs, untilNs) !== undefined;
  }

  firstAnchor(): Anchor | undefined {
    return this.stretches.firstAnchor();
  }

  lastAnchor(): Anchor | undefined {
    return this.stretches.lastAnchor();
  }

  latestReadNs(): InstantNs | undefined {
    return this.last?.atNs;
  }

  prune(beforeNs: InstantNs): void {
    this.stretches.prune(beforeNs);
  }
}
