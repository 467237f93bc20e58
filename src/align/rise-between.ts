// Between two anchors of a register: which part of the rise has passed at an instant, and how far that may be off.
import type { InstantNs } from '../quantity/time.ts';
import { type Joules, joules } from '../quantity/units.ts';
import type { PowerShape } from './power-shape.ts';

export interface ShareOfRise {
  readonly shareRatio: number;
  /** Whether power gave the shape; a straight line did elsewhere. */
  readonly byPower: boolean;
}

/** Which part of the rise between two anchors has passed at an instant between them. */
export function shareOfRise(
  power: PowerShape,
  beforeNs: InstantNs,
  atNs: InstantNs,
  afterNs: InstantNs,
  holeS: number,
): ShareOfRise {
  if (atNs === beforeNs) return { shareRatio: 0, byPower: false };
  const wholeJ = power.integralJ(beforeNs, afterNs, holeS);
  const partJ = power.integralJ(beforeNs, atNs, holeS);
  if (wholeJ !== undefined && partJ !== undefined && wholeJ > 0) {
    return { shareRatio: Math.min(1, partJ / wholeJ), byPower: true };
  }
  return { shareRatio: Number(atNs - beforeNs) / Number(afterNs - beforeNs), byPower: false };
}

/** A count is reached somewhere within one quantum, rectangular, so q/sqrt(12) (GUM F.2.2.1). */
export const resolutionJ = (quantumUj: number): Joules => joules(quantumUj / Math.sqrt(12) / 1e6);

/**
 * Resolution, and the error of the shape: at most the smaller part of the rise by a straight line, a tenth of that with
 * power.
 */
export function edgeUncertaintyJ(quantumUj: number, riseUj: number, share: ShareOfRise): Joules {
  const smallerPartUj = riseUj * Math.min(share.shareRatio, 1 - share.shareRatio);
  const shapeUj = (smallerPartUj * (share.byPower ? 0.1 : 1)) / Math.sqrt(3);
  return joules(Math.hypot(resolutionJ(quantumUj), shapeUj / 1e6));
}
