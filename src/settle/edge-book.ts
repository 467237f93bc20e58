// The curve of one meter at interval edges, each evaluated once: adjoining intervals use the same number, for ever. An edge in
// a hole of the readings gets the shape of the chips behind the meter, where these were heard meanwhile.
import type { EdgeEnergy, EnergyCurve } from '../align/energy-curve.ts';
import type { EdgeAnchors } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import { joules, microjoules } from '../quantity/units.ts';
import { WAIT } from './draft.ts';
import { type NodeBehind, shareByChips } from './gaps/chips-behind.ts';

/** So long after a meter is heard again its edges wait for chips that are under way: agents send once a second. */
const CHIPS_LATE_NS = 30_000_000_000n;

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
  at(edgeNs: InstantNs, behind: readonly NodeBehind[] = []): EdgeEnergy | undefined {
    const known = this.edges.get(edgeNs);
    if (known) return known;
    const edge = this.curve.energyAt(edgeNs);
    const shaped = edge?.hole ? this.shaped(edge, edgeNs, behind) : edge;
    if (shaped === WAIT) return undefined;
    if (shaped) this.edges.set(edgeNs, shaped);
    return shaped;
  }

  /** Whether the edge lies between two anchors already, and only what shapes the rise is under way. */
  awaitsShape(edgeNs: InstantNs, behind: readonly NodeBehind[]): boolean {
    if (this.edges.has(edgeNs)) return false;
    const edge = this.curve.energyAt(edgeNs);
    if (!edge) return this.curve.awaitsShape(edgeNs);
    return edge.hole !== undefined && this.shaped(edge, edgeNs, behind) === WAIT;
  }

  private shaped(
    edge: EdgeEnergy,
    edgeNs: InstantNs,
    behind: readonly NodeBehind[],
  ): EdgeEnergy | typeof WAIT {
    const { before, after } = edge;
    const share = shareByChips(behind, before.atNs, edgeNs, after.atNs);
    if (share === WAIT) {
      const heardNs = this.curve.latestReadNs() ?? after.atNs;
      return heardNs - after.atNs < CHIPS_LATE_NS ? WAIT : edge;
    }
    if (share === undefined) return edge;
    const riseUj = Number(after.energyUj - before.energyUj);
    const offsetUj = BigInt(Math.floor(riseUj * share.shareRatio + 0.5));
    return {
      ...edge,
      energyUj: microjoules(before.energyUj + offsetUj),
      edgeJ: joules(Math.hypot(edge.resolutionJ, (riseUj / 1e6) * share.uncertaintyRatio)),
      method: 'register+chips',
      models: share.models,
    };
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
    if (!rebuilt || !same) return;
    const byChips = said.models && ({ method: 'register+chips', models: said.models } as const);
    this.edges.set(edgeNs, { ...rebuilt, ...byChips, energyUj: said.energyUj });
  }

  prune(beforeNs: InstantNs): void {
    for (const edgeNs of this.edges.keys()) if (edgeNs < beforeNs) this.edges.delete(edgeNs);
  }
}
