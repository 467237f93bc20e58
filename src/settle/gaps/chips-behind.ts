// What the chips behind a meter say while it is silent: the shape of what it counted in the hole, and, where the meter never
// says, the energy itself within the band of the model. Nodes whose chips have a hole of their own say nothing.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import { applyModel } from '../../calibrate/apply-model.ts';
import { ageS } from '../../calibrate/corrected-rows.ts';
import { modelAt } from '../../calibrate/life/model-life.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import { type InstantNs, type Interval, since, toSeconds } from '../../quantity/time.ts';
import { combinedJ, type UncertaintyParts } from '../../quantity/uncertainty.ts';
import { combinedParts } from '../accounts/energy-sum.ts';
import { WAIT } from '../draft.ts';
import { shapeEnergies } from '../shape-energies.ts';

/** A node that the meter feeds, with the model that takes its chips to the wall. */
export interface NodeBehind {
  readonly model: CorrectionModel;
  readonly chips: ReadonlyMap<string, EnergyCurve>;
}

export interface ShareByChips {
  readonly shareRatio: number;
  /** Standard uncertainty of the share. */
  readonly uncertaintyRatio: number;
  readonly models: readonly string[];
}

/**
 * Which part of what was counted between two instants had been counted at one between them. WAIT while chips are not there
 * up to `afterNs`; undefined where they say nothing.
 */
export function shareByChips(
  nodes: readonly NodeBehind[],
  beforeNs: InstantNs,
  atNs: InstantNs,
  afterNs: InstantNs,
): ShareByChips | typeof WAIT | undefined {
  const early = wallOf(nodes, { fromNs: beforeNs, untilNs: atNs }, 'mean');
  const late = wallOf(nodes, { fromNs: atNs, untilNs: afterNs }, 'mean');
  if (early === undefined || late === undefined) return undefined;
  if (early === WAIT || late === WAIT) return WAIT;
  const wholeJ = early.energyJ + late.energyJ;
  if (!(early.energyJ > 0 && late.energyJ > 0)) return undefined;
  const shareRatio = early.energyJ / wholeJ;
  // Of a / (a + b) with independent errors of a and b; what both have in common cancels, so this is an upper bound.
  const apart = Math.hypot(
    combinedJ(early.parts) / early.energyJ,
    combinedJ(late.parts) / late.energyJ,
  );
  return {
    shareRatio,
    uncertaintyRatio: shareRatio * (1 - shareRatio) * apart,
    models: nodes.map(({ model }) => model.id),
  };
}

export interface WallByChips {
  readonly energyJ: number;
  readonly parts: UncertaintyParts;
}

/**
 * Energy at the wall of all the nodes, by their chips and models.
 * @param late how late states are taken: followed through the chips, or at rest at the mean load.
 */
export function wallOf(
  nodes: readonly NodeBehind[],
  span: Interval,
  late: 'followed' | 'mean',
): WallByChips | typeof WAIT | undefined {
  let energyJ = 0;
  const parts: UncertaintyParts[] = [];
  for (const { model: adopted, chips } of nodes) {
    const model = modelAt(adopted, span.fromNs);
    if (isRefusal(model)) return undefined;
    const energies = knownEnergies(chips, span);
    if (energies === undefined || energies === WAIT) return energies;
    const corrected = applyModel(model, energies, toSeconds(since(span.fromNs, span.untilNs)), {
      ageS: ageS(model, span.fromNs),
      shapeJ: late === 'followed' ? shapeEnergies(model, chips, span) : undefined,
    });
    if (isRefusal(corrected)) return undefined;
    energyJ += corrected.energyJ;
    parts.push(corrected.parts);
  }
  return parts.length === 0 ? undefined : { energyJ, parts: combinedParts(parts) };
}

/** Chip energy by source, J, of chips that were read all the time. */
function knownEnergies(
  chips: ReadonlyMap<string, EnergyCurve>,
  span: Interval,
): ReadonlyMap<string, number> | typeof WAIT | undefined {
  const energies = new Map<string, number>();
  for (const [source, curve] of chips) {
    const lastNs = curve.lastAnchor()?.atNs;
    if (lastNs === undefined || lastNs < span.untilNs) return WAIT;
    const from = curve.energyAt(span.fromNs);
    const until = curve.energyAt(span.untilNs);
    if (!from || !until || from.stretch !== until.stretch) return undefined;
    if (curve.holeWithin(span.fromNs, span.untilNs)) return undefined;
    energies.set(source, Number(until.energyUj - from.energyUj) / 1e6);
  }
  return energies.size === 0 ? undefined : energies;
}
