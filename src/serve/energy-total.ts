// A running total of what a curve has counted since the service started: it only grows, whatever the register does.
import type { EnergyCurve } from '../align/energy-curve.ts';
import type { InstantNs } from '../quantity/time.ts';

export class EnergyTotal {
  energyUj = 0n;
  private at: { stretch: number; energyUj: bigint; atNs: InstantNs } | undefined;

  /** Adds what the curve has risen since the last call, within one stretch. */
  follow(curve: EnergyCurve): void {
    const lastNs = curve.lastAnchor()?.atNs;
    if (lastNs === undefined || lastNs === this.at?.atNs) return;
    const now = curve.energyAt(lastNs);
    if (!now) return;
    if (this.at?.stretch === now.stretch) this.energyUj += now.energyUj - this.at.energyUj;
    this.at = { stretch: now.stretch, energyUj: now.energyUj, atNs: lastNs };
  }
}
