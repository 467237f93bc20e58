// What the shapes of a model come to over one interval while the service runs: chip curves are read in steps short against
// the model's own time constant, some of them before the interval, so that the late state is known when it begins.
import type { EnergyCurve } from '../align/energy-curve.ts';
import { meansOver, type EnergySeries } from '../align/energy-series.ts';
import { shapedSeries, shapeOf } from '../calibrate/shape.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { instantNs, type Interval } from '../quantity/time.ts';

/** Steps per time constant, and time constants that are read before the interval. */
const STEPS_PER_TAU = 8;
const RUN_UP_TAUS = 3;
/**
 * Chips are remembered for at least so long before what is still to be settled, or for one interval where that is longer; no
 * run-up is longer, so that a number does not depend on what happens to be remembered.
 */
export const REMEMBERED_S = 120;
const STEPS_COUNT_MAX = 2000;

/** J by shape, in the order of the model; undefined where the curves do not reach. */
export function shapeEnergies(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergyCurve>,
  interval: Interval,
): readonly number[] | undefined {
  const shapes = model.detail?.shapes ?? [];
  if (shapes.length === 0) return [];
  const taus = shapes.flatMap((shape) => (shape.kind === 'square' ? [] : [shape.tauS]));
  const lengthS = Number(interval.untilNs - interval.fromNs) / 1e9;
  const runUpS = Math.min(RUN_UP_TAUS * Math.max(0, ...taus), Math.max(lengthS, REMEMBERED_S));
  const shortestS = Math.min(lengthS, ...taus) / STEPS_PER_TAU;
  const stepS = Math.max(1, shortestS, (lengthS + runUpS) / STEPS_COUNT_MAX);
  const total = totalOf(model, chips, interval, { stepS, runUpS });
  if (!total) return undefined;
  const fromS = Float64Array.of(-lengthS);
  return shapes.map((shape) => {
    const means = meansOver(shapedSeries(total, shapeOf(shape)), fromS, Float64Array.of(0));
    return (means.meanW[0] ?? 0) * lengthS;
  });
}

/** Chip energy of the model's sources in even steps that end with the interval; its origin is the interval's end. */
function totalOf(
  model: CorrectionModel,
  chips: ReadonlyMap<string, EnergyCurve>,
  interval: Interval,
  grid: { readonly stepS: number; readonly runUpS: number },
): EnergySeries | undefined {
  const inside = new Set(model.terms.flatMap((term) => term.less ?? []));
  const sources = new Set(model.terms.flatMap((term) => term.sources));
  const curves: EnergyCurve[] = [];
  for (const source of sources) {
    if (inside.has(source)) continue;
    const curve = chips.get(source);
    if (!curve) return undefined;
    curves.push(curve);
  }
  const lengthS = Number(interval.untilNs - interval.fromNs) / 1e9;
  const energiesUj: bigint[] = [];
  const atS: number[] = [];
  for (let step = 0; step * grid.stepS <= lengthS + grid.runUpS; step++) {
    // The last step backwards reaches the interval's start exactly.
    const backS = step * grid.stepS;
    const sum = sumAt(curves, instantNs(interval.untilNs - BigInt(Math.round(backS * 1e9))));
    if (sum === undefined) {
      if (backS < lengthS) return undefined;
      break;
    }
    energiesUj.push(sum);
    atS.push(-backS);
  }
  const firstUj = energiesUj.at(-1) ?? 0n;
  const rising = Float64Array.from(atS.reverse());
  return {
    originNs: interval.untilNs,
    atS: rising,
    energyJ: Float64Array.from(energiesUj.reverse(), (each) => Number(each - firstUj) / 1e6),
    coveredS: rising.map((each) => each - (rising[0] ?? 0)),
  };
}

/** Undefined where a curve has no value or has begun anew since: then there is no one sum. */
function sumAt(curves: readonly EnergyCurve[], atNs: Interval['fromNs']): bigint | undefined {
  let sumUj = 0n;
  for (const curve of curves) {
    const edge = curve.energyAt(atNs);
    if (!edge) return undefined;
    sumUj += edge.energyUj;
  }
  return sumUj;
}
