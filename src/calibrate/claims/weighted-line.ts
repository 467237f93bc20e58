// A straight line through points that are unsure in both directions, each by what is known of it (effective variance; York
// 1969). Robust: what lies far off for its own spread counts less (Huber).

export interface LinePoint {
  /** Mean power claimed and metered, W, with their standard uncertainties. */
  readonly x: number;
  readonly y: number;
  readonly xSpreadW: number;
  readonly ySpreadW: number;
}

export interface Line {
  readonly gainRatio: number;
  readonly levelW: number;
  /** Of [level, gain], row by row; widened where the points scatter more than they should. */
  readonly covariance: readonly number[];
  /** How much each point counted for what it says, 0 to 1: less where it lies far off. */
  readonly trustRatio: readonly number[];
}

export const lineAt = (line: Line, x: number): number => line.levelW + line.gainRatio * x;

/** What lies within its own expanded uncertainty (k = 2) is no outlier. */
const HUBER = 2;
const ROUNDS_COUNT = 12;

/** Fits; a gain below what physics allows is set to that bound. The points must differ in x. */
export function fitLine(points: readonly LinePoint[], lowerRatio: number): Line {
  let gainRatio = 1;
  let levelW = 0;
  let robust = points.map(() => 1);
  let sums = sumsOf(
    points,
    points.map(() => 1),
  );
  let scatter = 1;
  for (let round = 0; round < ROUNDS_COUNT; round++) {
    const spreads = points.map((point) => Math.hypot(point.ySpreadW, gainRatio * point.xSpreadW));
    sums = sumsOf(
      points,
      points.map((_, index) => (robust[index] ?? 1) / (spreads[index] ?? 1) ** 2),
    );
    const { w, x, y, xx, xy } = sums;
    const determinant = w * xx - x * x;
    gainRatio = determinant > 0 ? Math.max(lowerRatio, (w * xy - x * y) / determinant) : lowerRatio;
    levelW = (y - gainRatio * x) / w;
    const off = points.map(
      (point, index) => Math.abs(point.y - levelW - gainRatio * point.x) / (spreads[index] ?? 1),
    );
    scatter = Math.max(1, 1.4826 * middleOf(off));
    robust = off.map((each) => (each <= HUBER * scatter ? 1 : (HUBER * scatter) / each));
  }
  const { w, x, xx } = sums;
  const scale = (scatter * scatter) / Math.max(w * xx - x * x, Number.MIN_VALUE);
  return {
    gainRatio,
    levelW,
    covariance: [xx, -x, -x, w].map((each) => each * scale),
    trustRatio: robust,
  };
}

interface Sums {
  readonly w: number;
  readonly x: number;
  readonly y: number;
  readonly xx: number;
  readonly xy: number;
}

function sumsOf(points: readonly LinePoint[], weights: readonly number[]): Sums {
  const sums = { w: 0, x: 0, y: 0, xx: 0, xy: 0 };
  points.forEach((point, index) => {
    const weight = weights[index] ?? 0;
    sums.w += weight;
    sums.x += weight * point.x;
    sums.y += weight * point.y;
    sums.xx += weight * point.x * point.x;
    sums.xy += weight * point.x * point.y;
  });
  return sums;
}

function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
