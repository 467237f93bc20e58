// The curve of one meter at interval edges, each evaluated once: adjoining intervals use the same number, for ever.
import type { EdgeEnergy, EnergyCurve } from '../align/energy-curve.ts';
import type { EdgeAnchors } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';

export class EdgeBook {
  private readonly curve: EnergyCurve;
  private readonly edges = new Map<bigint, EdgeEnergy>();

  constructor(curve: EnergyCurve) {
    this.curve = curve;
  }

  isOf(curve: EnergyCurve): boolean {
    return this.curve === curve;
  }

  /** Final value at the edge, or undefined while there is none. */
  at(edgeNs: InstantNs): EdgeEnergy | undefined {
    const known = this.edges.get(edgeNs);
    if (known) return known;
    const edge = this.curve.energyAt(edgeNs);
    if (edge) this.edges.set(edgeNs, edge);
    return edge;
  }

  /**
   * After a restart: what a statement already said of this edge. It holds where the curve, rebuilt from the journal, has
   * the same anchors around it; else the rebuilt curve counts from elsewhere and its own value is used.
   */
  recall(edgeNs: InstantNs, said: EdgeAnchors): void {
    const rebuilt = this.curve.energyAt(edgeNs);
    const same =
      rebuilt?.before.atNs === said.before.atNs &&
      rebuilt.before.energyUj === said.before.energyUj &&
      rebuilt.after.atNs === said.after.atNs &&
      rebuilt.after.energyUj === said.after.energyUj;
    if (rebuilt && same) this.edges.set(edgeNs, { ...rebuilt, energyUj: said.energyUj });
  }

  prune(beforeNs: InstantNs): void {
    for (const edgeNs of this.edges.keys()) if (edgeNs < beforeNs) this.edges.delete(edgeNs);
  }
}
