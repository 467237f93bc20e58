// What a joint fit could tell and what it could not. A parameter that the data say nothing about keeps the variance of
// its prior, so the ratio of the two variances says how much was learnt; below a quarter the spread has halved.
import type { GainEvidence, LevelEvidence } from '../../quantity/correction.ts';

/** Share of the prior variance that is left at which a parameter counts as told by the data. */
const TOLD_RATIO = 0.25;

export interface LearntGain {
  /** Variances of the gain, and of its difference from the gain of its type (undefined for a type of one node). */
  readonly gain: { readonly prior: number; readonly posterior: number };
  readonly own: { readonly prior: number; readonly posterior: number } | undefined;
}

export function gainEvidence({ gain, own }: LearntGain): GainEvidence {
  const told = gain.posterior <= TOLD_RATIO * gain.prior;
  if (!told) return 'prior';
  return own === undefined || own.posterior <= TOLD_RATIO * own.prior ? 'own' : 'type';
}

export const levelEvidence = (prior: number, posterior: number): LevelEvidence =>
  posterior <= TOLD_RATIO * prior ? 'own' : 'sum';
