// Sums of products of a day, with its level taken out, as the Gram of the parameters that all days share. The level of a day
// is a random effect: u ~ N(0, τ²), eliminated exactly, so a fit over a year solves for a handful of parameters.
import { emptyGram, type Gram } from '../bounded-regression.ts';
import type { DayRows } from './day-cells.ts';
import { paddedColumns } from './row-loops.ts';
import type { DayRound, DayWeighed } from './weigh-day.ts';

/**
 * Which parameter each column of chips has: [1, 2, 3] gives each its own gain, [1, 1, 1] one gain to all. Parameter 0 is
 * the intercept.
 */
export type Form = readonly number[];

export const parametersCount = (form: Form): number =>
  form.reduce((most, each) => Math.max(most, each), 0) + 1;

/** Sums over a day of products of [1, parameters' columns, meter] in cells, a square of `size` = parameters + 1. */
export interface DaySums {
  readonly size: number;
  readonly products: Float64Array;
  /** Levels of the columns and of the meter, W: what must be added to cells to get powers. */
  readonly levelsW: Float64Array;
  readonly rowsCount: number;
}

/** All rows of a day with the same weight, or those of its sample. */
export function plainSums(day: DayRows, form: Form, rows: DayRound['rows'] = 'all'): DaySums {
  const products = rows === 'all' ? day.products : day.sampleProducts;
  return sumsOf(day, products, products[0] ?? 0, form);
}

/**
 * The rows of a day under Huber's loss about the parameters that it was weighed with: reweighed, or as the quadratic that
 * equals the loss there in value, slope and bend. At its minimum both have the same.
 */
export function weighedSums(
  { day, treatment, boundW, rows }: DayRound,
  { beyond }: DayWeighed,
  form: Form,
): DaySums {
  const all = rows === 'all' ? day.products : day.sampleProducts;
  const products = all.map((sum, cell) => sum - (beyond[cell] ?? 0));
  if (treatment === 'newton') {
    // ψ is ± the bound beyond it: a constant slope, which joins the products with the meter.
    const side = paddedColumns(form.length + 3);
    const meter = form.length + 1;
    const sign = form.length + 2;
    for (let column = 0; column <= form.length; column++) {
      const slope = boundW * (beyond[column * side + sign] ?? 0);
      products[column * side + meter] = (products[column * side + meter] ?? 0) + slope;
      products[meter * side + column] = (products[meter * side + column] ?? 0) + slope;
    }
    const own = meter * side + meter;
    products[own] =
      (products[own] ?? 0) +
      2 * boundW * (beyond[meter * side + sign] ?? 0) -
      boundW * boundW * (beyond[sign * side + sign] ?? 0);
  }
  return sumsOf(day, products, all[0] ?? 0, form);
}

/** The same sums with columns put together as a form says. */
export function contracted(sums: DaySums, form: Form, side = sums.size): DaySums {
  const meter = parametersCount(form);
  const size = meter + 1;
  const places = [0, ...form, meter];
  const products = new Float64Array(size * size);
  const levelsW = new Float64Array(size);
  places.forEach((row, i) => {
    levelsW[row] = (levelsW[row] ?? 0) + (sums.levelsW[i] ?? 0);
    places.forEach((column, j) => {
      products[row * size + column] =
        (products[row * size + column] ?? 0) + (sums.products[i * side + j] ?? 0);
    });
  });
  return { size, products, levelsW, rowsCount: sums.rowsCount };
}

const sumsOf = (day: DayRows, products: Float64Array, rowsCount: number, form: Form): DaySums =>
  contracted(
    {
      size: form.length + 2,
      products,
      levelsW: Float64Array.of(0, ...day.levelsW),
      rowsCount,
    },
    form,
    paddedColumns(form.length + 3),
  );

/**
 * The Gram of a day in powers, its level eliminated. `rowsPerLevel` is how many rows weigh as much as what is known of a
 * level beforehand (noise over τ²); Infinity where days have no level of their own.
 */
export function levelFreeGram(sums: DaySums, rowsPerLevel: number): Gram {
  const { size, products, levelsW } = sums;
  const weight = products[0] ?? 0;
  const keptRatio =
    rowsPerLevel === Infinity || weight <= 0 ? 1 : rowsPerLevel / (weight + rowsPerLevel);
  const free = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const own = products[i * size + j] ?? 0;
      const shared = keptRatio === 1 ? 0 : ((products[i] ?? 0) * (products[j] ?? 0)) / weight;
      free[i * size + j] = i === 0 || j === 0 ? own * keptRatio : own - shared * (1 - keptRatio);
    }
  }
  const powers = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      powers[i * size + j] =
        (free[i * size + j] ?? 0) +
        (levelsW[i] ?? 0) * (free[j] ?? 0) +
        (levelsW[j] ?? 0) * (free[i] ?? 0) +
        (levelsW[i] ?? 0) * (levelsW[j] ?? 0) * (free[0] ?? 0);
    }
  }
  const meter = size - 1;
  const gram = emptyGram(meter);
  for (let i = 0; i < meter; i++) {
    gram.zy[i] = powers[i * size + meter] ?? 0;
    for (let j = 0; j < meter; j++) gram.zz[i * meter + j] = powers[i * size + j] ?? 0;
  }
  gram.yy = powers[meter * size + meter] ?? 0;
  gram.weight = weight;
  gram.rowsCount = sums.rowsCount;
  return gram;
}

/** The level of a day given the parameters, shrunken as far as it is known beforehand, W. */
export function levelOfDay(sums: DaySums, parameters: Float64Array, rowsPerLevel: number): number {
  const weight = sums.products[0] ?? 0;
  if (rowsPerLevel === Infinity || weight + rowsPerLevel <= 0) return 0;
  return (weight * meanErrorW(sums, parameters)) / (weight + rowsPerLevel);
}

/** Weighted mean over a day of metered minus predicted power, W. */
export function meanErrorW(sums: DaySums, parameters: Float64Array): number {
  const { size, products, levelsW } = sums;
  const meter = size - 1;
  const weight = products[0] ?? 0;
  if (!(weight > 0)) return 0;
  let errorW = (products[meter] ?? 0) / weight + (levelsW[meter] ?? 0);
  errorW -= parameters[0] ?? 0;
  for (let place = 1; place < meter; place++) {
    errorW -= (parameters[place] ?? 0) * ((products[place] ?? 0) / weight + (levelsW[place] ?? 0));
  }
  return errorW;
}
