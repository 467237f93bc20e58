// What a current transformer adds to the error of active energy: its ratio error, and its phase displacement, which turns
// into an error of power by the tangent of the phase angle (IEC 61869-2; figures in calibration/accuracy-classes.yaml).
import {
  limitOf,
  type AccuracyLimit,
  type MeterConditions,
  type Unspecified,
} from './accuracy-class.ts';
import { CURRENT_TRANSFORMERS } from './accuracy-table.ts';

/**
 * Relative error of power by a phase displacement, in the direction that is worse:
 * |cos(phi ± d) / cos(phi) - 1| = (1 - cos d) + tan(phi) · sin d.
 * @param powerFactorRatio above 0, at most 1.
 */
export function phaseErrorRatio(powerFactorRatio: number, phaseMinutes: number): number {
  const displacement = (phaseMinutes / 60) * (Math.PI / 180);
  const tangent = Math.sqrt(1 - powerFactorRatio ** 2) / powerFactorRatio;
  return 1 - Math.cos(displacement) + tangent * Math.sin(displacement);
}

/**
 * Limit and standard uncertainty of active energy by a transformer of a class. Its ratio and its phase err independently,
 * so they add in quadrature. The load is a share of its rated primary current.
 */
export function transformerAccuracy(
  transformerClass: string,
  { loadRatio, powerFactorRatio }: Pick<MeterConditions, 'loadRatio' | 'powerFactorRatio'>,
): AccuracyLimit | Unspecified {
  const { classes } = CURRENT_TRANSFORMERS;
  const points = Object.hasOwn(classes, transformerClass) ? classes[transformerClass] : undefined;
  if (!points)
    return { unspecified: `no limits are known for transformer class ${transformerClass}` };
  const { mostLoadRatio, normalLoadRatio, normalPfRatio } = CURRENT_TRANSFORMERS;
  const assumed: string[] = [];
  if (loadRatio === undefined) {
    assumed.push(
      `transformers loaded with at least ${percent(normalLoadRatio)} of their rated current`,
    );
  }
  if (powerFactorRatio === undefined) {
    assumed.push(`a power factor of at least ${normalPfRatio.toString()}`);
  }
  if (powerFactorRatio !== undefined && !(powerFactorRatio > 0 && powerFactorRatio <= 1)) {
    return { unspecified: 'a power factor lies between 0 and 1' };
  }
  const load = loadRatio ?? normalLoadRatio;
  if (!(load <= mostLoadRatio)) {
    return { unspecified: `the load is above ${percent(mostLoadRatio)} of the rated current` };
  }
  const point = points.findLast((each) => each.loadRatio <= load);
  if (!point) return { unspecified: 'the load is below the least current of the class' };
  const phaseRatio = phaseErrorRatio(powerFactorRatio ?? normalPfRatio, point.phaseMinutes);
  return limitOf(Math.hypot(point.ratioPercent / 100, phaseRatio), assumed);
}

const percent = (ratio: number): string => `${(100 * ratio).toFixed(0)} %`;
