// The curves of a site: which chips of a node add up, and how far back each curve must reach.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import { affineTerm, componentTerms } from '../../calibrate/chip-terms.ts';
import { feedGroupsOf, isShared, unallocatedPoint } from '../../quantity/feed-groups.ts';
import type { PointId } from '../../quantity/quality.ts';
import type { Site } from '../../quantity/site.ts';
import { type InstantNs, instantNs } from '../../quantity/time.ts';
import type { Seat } from './seats.ts';

/** Chip curves of a node that add up: those its site entry names, else the disjoint ones of all that it sends. */
export function chipCurves(
  site: Site,
  seats: ReadonlyMap<string, Seat>,
  nodeId: string,
): ReadonlyMap<string, EnergyCurve> {
  const node = site.nodes.find(({ id }) => id === nodeId);
  const trace = node && seats.get(node.chips)?.trace;
  if (!node || !trace) return new Map();
  const named = node.chipSources;
  const sources = named.length > 0 ? named : affineTerm(componentTerms(trace.components())).sources;
  const curves = new Map<string, EnergyCurve>();
  for (const source of sources) {
    const curve = trace.curve(source);
    // A named chip that has not been heard yet makes the sum unknown, not smaller.
    if (!curve) return new Map();
    curves.set(source, curve);
  }
  return curves;
}

/** Curves keep only what may still be settled. A feed of a node is kept for the node as well, chips also for their group. */
export function forget(
  site: Site,
  seats: ReadonlyMap<string, Seat>,
  horizonOf: (point: PointId) => InstantNs,
): void {
  const before = new Map<string, bigint>();
  const keep = (instrument: string | undefined, fromNs: InstantNs): void => {
    if (instrument === undefined) return;
    const known = before.get(instrument);
    if (known === undefined || fromNs < known) before.set(instrument, fromNs);
  };
  const meterOf = new Map(site.points.map(({ point, meter }) => [point, meter] as const));
  for (const { point, meter } of site.points) keep(meter, horizonOf(point));
  for (const node of site.nodes) {
    const horizonNs = horizonOf(`node/${node.id}`);
    keep(node.chips, horizonNs);
    for (const point of node.fedBy) {
      keep(meterOf.get(point), horizonNs);
      // While a meter is silent its chips are what will give its hole a shape.
      keep(node.chips, horizonOf(point));
    }
  }
  for (const group of feedGroupsOf(site.nodes).filter(isShared)) {
    const horizonNs = horizonOf(unallocatedPoint(group));
    for (const { id, chips } of site.nodes) if (group.nodes.includes(id)) keep(chips, horizonNs);
  }
  for (const [instrument, horizonNs] of before)
    seats.get(instrument)?.forget(instantNs(horizonNs), site.interval);
}
