// A tracker's claim becomes energy at the wall: by a model that was learnt from this tracker's claims, or by the model of
// the node's chips where the claim measured each kind of chip that the model adds up. What it did not see is never guessed.
import type { Claim, ClaimedKind, ClaimOutcome } from '../../quantity/claim.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { expandedJ } from '../../quantity/uncertainty.ts';
import { joules } from '../../quantity/units.ts';
import { applyModel } from '../apply-model.ts';
import { chipKindOf } from '../chip-terms.ts';

/** A claim is an instrument of its own: `claim:codecarbon:gpu`. */
export const claimSource = (tracker: string, kind: ClaimedKind): string =>
  `claim:${tracker}:${kind}`;

/** A sum of samples says nothing of a span that has no two of them. */
const STEPS_COUNT_MIN = 2;
/** How near the factors in a tracker must be to those of the model to be them: as many digits as people copy. */
const SAME_RATIO = 2e-3;

/** Seconds of a claim. */
export const lengthOf = (claim: Claim): number => Number(claim.untilNs - claim.fromNs) / 1e9;

/**
 * What samples at steps may be off by, J, one standard deviation. A sum of power times steps stands for up to a step more or
 * less than the span: rectangular over one step of what it read. A mean times the span's own length errs only where the
 * load changes: at each of its two ends up to a step of it may be the load beyond, which is any that was seen.
 */
export function stepUncertaintyJ(claim: Claim, seen: CorrectionModel['holds']): number {
  const lengthS = lengthOf(claim);
  const claimedW = claimedEnergyJ(claim) / lengthS;
  const beyondW = Math.hypot(
    claimedW - (seen.fromW + seen.untilW) / 2,
    (seen.untilW - seen.fromW) / Math.sqrt(12),
  );
  let sum = 0;
  for (const { energyJ, stepS, isMean } of claim.measured.values()) {
    const powerW = energyJ / lengthS;
    sum += stepS * (isMean ? (Math.SQRT2 * beyondW * powerW) / claimedW : powerW);
  }
  return sum / Math.sqrt(12);
}

/** Of all chips that the tracker measured, J. */
export const claimedEnergyJ = ({ measured }: Claim): number =>
  [...measured.values()].reduce((sum, { energyJ }) => sum + energyJ, 0);

/**
 * Wall energy of a claim with U. Refuses `tracker.corrected`, `tracker.short`, `tracker.unmeasured` where the model needs
 * chips that the tracker does not measure, and what `applyModel` refuses.
 */
export function correctClaim(model: CorrectionModel, claim: Claim): ClaimOutcome {
  if (isCorrectedInside(model, claim)) {
    return refuse(
      'tracker.corrected',
      'the tracker was given the factors of this model and has applied them itself',
      'use its energy_consumed as it is',
    );
  }
  const lengthS = lengthOf(claim);
  const longestS = Math.max(0, ...[...claim.measured.values()].map(({ stepS }) => stepS));
  if (lengthS < STEPS_COUNT_MIN * longestS) {
    return refuse(
      'tracker.short',
      `it is ${lengthS.toFixed(1)} s long and was sampled each ${longestS} s`,
      'claim longer spans, or sample more often',
    );
  }
  const chips = chipsOf(model, claim);
  if (isRefusal(chips)) return chips;
  const corrected = applyModel(model, chips, lengthS);
  if (isRefusal(corrected)) return corrected;
  const gainRatio = model.terms.reduce((most, term) => Math.max(most, term.gainRatio), 0);
  const edgeJ = Math.hypot(corrected.parts.edgeJ, gainRatio * stepUncertaintyJ(claim, model.holds));
  return {
    energyJ: corrected.energyJ,
    expandedJ: expandedJ({ ...corrected.parts, edgeJ: joules(edgeJ) }),
    quality: 'derived',
    model: model.id,
  };
}

/** CodeCarbon with PUE a and a RAM power of b / a reports a x + b: exactly an affine model of gain a and level b. */
function isCorrectedInside(model: CorrectionModel, { configured }: Claim): boolean {
  const [term, ...others] = model.terms;
  if (!configured || !term || others.length > 0 || configured.pueRatio === 1) return false;
  const ramW = model.interceptW / term.gainRatio;
  return (
    Math.abs(configured.pueRatio / term.gainRatio - 1) < SAME_RATIO &&
    Math.abs(configured.ramW / ramW - 1) < SAME_RATIO
  );
}

function chipsOf(model: CorrectionModel, claim: Claim): ReadonlyMap<string, number> | Refusal {
  const sources = model.terms.flatMap((term) => term.sources);
  const own = [...claim.measured].map(
    ([kind, { energyJ }]) => [claimSource(claim.tracker, kind), energyJ] as const,
  );
  if (sources.some((source) => source.startsWith('claim:'))) {
    const strange = own.find(([source]) => !sources.includes(source));
    const lacking = sources.find((source) => !own.some(([name]) => name === source));
    if (!strange && lacking === undefined) return new Map(own);
    return refuse(
      'tracker.unmeasured',
      `the model was learnt from ${sources.join(', ')}, the claim has ${own.map(([name]) => name).join(', ')}`,
      'learn a model from claims of this tracker on this node',
    );
  }
  return nodeChips(model, claim);
}

/** The energy of each kind put on the first source of that kind: a gain applies to the sum of its sources. */
function nodeChips(model: CorrectionModel, claim: Claim): ReadonlyMap<string, number> | Refusal {
  const chips = new Map<string, number>();
  const left = new Map([...claim.measured].map(([kind, { energyJ }]) => [kind, Number(energyJ)]));
  for (const term of model.terms) {
    if ((term.less ?? []).length > 0) return unmeasured(claim, `the parts of ${term.name}`);
    for (const source of term.sources) chips.set(source, 0);
    for (const kind of new Set(term.sources.map(chipKindOf))) {
      const energyJ = takeKind(left, kind, model.terms.length === 1);
      if (energyJ === undefined) return unmeasured(claim, kind);
      const first = term.sources.find((source) => chipKindOf(source) === kind) ?? '';
      chips.set(first, energyJ);
    }
  }
  const over = [...left].find(([kind]) => kind !== 'cpu+dram' || left.get(kind) !== 0)?.[0];
  return over === undefined
    ? chips
    : refuse(
        'tracker.unmeasured',
        `${claim.tracker} measured ${over}, which the model of ${model.node} does not have`,
        'fit a model with that chip',
      );
}

/** Takes a kind out of what was claimed; CPU and memory in one number serve a model that adds them, and no other. */
function takeKind(
  left: Map<ClaimedKind, number>,
  kind: ReturnType<typeof chipKindOf>,
  isOneTerm: boolean,
): number | undefined {
  if (kind !== 'cpu' && kind !== 'dram' && kind !== 'gpu') return undefined;
  const own = left.get(kind);
  if (own !== undefined) {
    left.delete(kind);
    return own;
  }
  if (!isOneTerm || kind === 'gpu') return undefined;
  // The second of the two kinds comes with the first one.
  const both = left.get('cpu+dram');
  if (both !== undefined) left.set('cpu+dram', 0);
  return both;
}

const unmeasured = (claim: Claim, what: string): Refusal =>
  refuse(
    'tracker.unmeasured',
    `the model needs ${what}, which ${claim.tracker} did not measure`,
    'learn a model from claims of this tracker (trueup correct learn), or fit one without that chip',
  );
