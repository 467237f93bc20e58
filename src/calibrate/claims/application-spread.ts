// What an application does beside the line through others. A few of them are seldom seen, however often each was repeated,
// so what is known of such errors before any claim counts beside what the claims show, with its own degrees of freedom.
import { lineAt, type Line, type LinePoint } from './weighted-line.ts';

export interface ClaimPoint extends LinePoint {
  readonly application: string;
  /** Below 1 for one that lies far off its like. */
  readonly trustRatio: number;
}

export interface ApplicationSpread {
  /** Standard uncertainty of the wall power of an application beside the line, W. */
  readonly applicationW: number;
  readonly dof: number;
}

/**
 * Gains of two sensors differ by 5.3 % each (calibration/sensors.yaml: boards of 17 models), 7.5 % together; an application
 * that moves a quarter of the power from one to the other, rectangular, errs by 7.5 % / 4 / sqrt(3) of it.
 */
const PRIOR_RATIO = 0.011;
/** It is known to a factor of about two, a relative uncertainty of a half: two degrees of freedom (GUM G.4.2). */
const PRIOR_DOF = 2;
/** A line through two applications leaves nothing to see. */
const LINE_COUNT = 2;

/**
 * Scatter of the applications' mean residuals beyond what their steps explain, pooled with the prior by degrees of freedom.
 * The prior is that of the mean power of the points; below three applications it stands alone.
 */
export function applicationSpread(points: readonly ClaimPoint[], line: Line): ApplicationSpread {
  const priorW = PRIOR_RATIO * line.gainRatio * meanOf(points.map(({ x }) => x));
  const seen = [...new Set(points.map(({ application }) => application))];
  const seenDof = Math.max(0, seen.length - LINE_COUNT);
  let squaresW2 = 0;
  if (seenDof > 0) {
    for (const name of seen) {
      const own = points.filter(({ application }) => application === name);
      const trusted = own.reduce((sum, { trustRatio }) => sum + trustRatio, 0);
      const offW =
        own.reduce((sum, each) => sum + each.trustRatio * (lineAt(line, each.x) - each.y), 0) /
        trusted;
      const stepW = line.gainRatio * meanOf(own.map(({ xSpreadW }) => xSpreadW));
      squaresW2 += Math.max(0, offW ** 2 - stepW ** 2);
    }
  }
  const dof = PRIOR_DOF + seenDof;
  return { applicationW: Math.sqrt((PRIOR_DOF * priorW ** 2 + squaresW2) / dof), dof };
}

/**
 * Points as a line must weigh them where the claims of one application err together (generalised least squares with a common
 * error per group): what it does beside the line is in each of them, and so are their steps, since repeats last as long and
 * are sampled at the same places of the load. So n of them know no more of the line than one.
 */
export function togetherW(
  points: readonly ClaimPoint[],
  { applicationW }: ApplicationSpread,
): readonly LinePoint[] {
  const counts = new Map<string, number>();
  for (const { application, trustRatio } of points) {
    counts.set(application, (counts.get(application) ?? 0) + trustRatio);
  }
  return points.map((point) => {
    const alikeRatio = Math.sqrt((counts.get(point.application) ?? 1) / point.trustRatio);
    return {
      ...point,
      xSpreadW: alikeRatio * point.xSpreadW,
      ySpreadW: Math.hypot(point.ySpreadW, alikeRatio * applicationW),
    };
  });
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length);
