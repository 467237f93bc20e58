// The loops that touch every row of a long history, and nothing else. Columns are taken three at a time, whatever their
// number, so that each loop sees one kind of array and the compiler keeps its sums in registers.

/** Rows that are worked on at one time: all columns of a block stay in the first cache. A multiple of `PART_ROWS`. */
export const BLOCK_ROWS = 480;
/** Residuals are summed over parts of this many rows, a minute at 1 s, to see how long they stay alike. */
export const PART_ROWS = 60;

/** Columns of a square of sums, filled up to threes. */
export const paddedColumns = (columnsCount: number): number => 3 * Math.ceil(columnsCount / 3);

/**
 * residual = last column - constant - sum of slopes × columns, for rows [from, from + rowsCount). `cells` holds the columns
 * one after the other, `strideCount` apart; the last of them is explained by the others.
 */
export function residualsOf(
  cells: Float32Array,
  strideCount: number,
  from: number,
  rowsCount: number,
  slopes: Float64Array,
  constant: number,
  into: Float64Array,
): void {
  const columnsCount = slopes.length;
  // Where a group has fewer than three columns, the explained one is read for those that lack, with a slope of 0.
  const at = (column: number): number => Math.min(column, columnsCount) * strideCount + from;
  const slope = (column: number): number => slopes[column] ?? 0;
  for (let column = 0; column < columnsCount; column += 3) {
    const subtract = column === 0 ? explainByThree : explainByThreeMore;
    subtract(
      cells,
      at(column),
      at(column + 1),
      at(column + 2),
      slope(column),
      slope(column + 1),
      slope(column + 2),
      into,
      rowsCount,
      columnsCount * strideCount + from,
      constant,
    );
  }
}

function explainByThree(
  cells: Float32Array,
  atA: number,
  atB: number,
  atC: number,
  slopeA: number,
  slopeB: number,
  slopeC: number,
  into: Float64Array,
  rowsCount: number,
  explainedAt: number,
  constant: number,
): void {
  for (let row = 0; row < rowsCount; row++) {
    into[row] =
      (cells[explainedAt + row] ?? 0) -
      constant -
      slopeA * (cells[atA + row] ?? 0) -
      slopeB * (cells[atB + row] ?? 0) -
      slopeC * (cells[atC + row] ?? 0);
  }
}

function explainByThreeMore(
  cells: Float32Array,
  atA: number,
  atB: number,
  atC: number,
  slopeA: number,
  slopeB: number,
  slopeC: number,
  into: Float64Array,
  rowsCount: number,
): void {
  for (let row = 0; row < rowsCount; row++) {
    into[row] =
      (into[row] ?? 0) -
      slopeA * (cells[atA + row] ?? 0) -
      slopeB * (cells[atB + row] ?? 0) -
      slopeC * (cells[atC + row] ?? 0);
  }
}

/**
 * Adds the sums of products of all pairs of columns to a square of `columnsCount`² (a multiple of three; only the upper
 * tiles are written, see `mirror`). Columns lie `BLOCK_ROWS` apart; those that fill up to a multiple of three are 0.
 */
export function addProducts(
  columns: Float64Array,
  columnsCount: number,
  rowsCount: number,
  into: Float64Array,
): void {
  for (let first = 0; first < columnsCount; first += 3) {
    addOwnThree(columns, first, columnsCount, rowsCount, into);
    for (let second = first + 3; second < columnsCount; second += 3) {
      addThreeByThree(columns, first, second, columnsCount, rowsCount, into);
    }
  }
}

function addOwnThree(
  columns: Float64Array,
  first: number,
  columnsCount: number,
  rowsCount: number,
  into: Float64Array,
): void {
  const atA = first * BLOCK_ROWS;
  const atB = atA + BLOCK_ROWS;
  const atC = atB + BLOCK_ROWS;
  let aa = 0;
  let ab = 0;
  let ac = 0;
  let bb = 0;
  let bc = 0;
  let cc = 0;
  for (let row = 0; row < rowsCount; row++) {
    const a = columns[atA + row] ?? 0;
    const b = columns[atB + row] ?? 0;
    const c = columns[atC + row] ?? 0;
    aa += a * a;
    ab += a * b;
    ac += a * c;
    bb += b * b;
    bc += b * c;
    cc += c * c;
  }
  const top = first * columnsCount + first;
  add(into, top, aa, ab, ac);
  add(into, top + columnsCount, ab, bb, bc);
  add(into, top + 2 * columnsCount, ac, bc, cc);
}

function addThreeByThree(
  columns: Float64Array,
  first: number,
  second: number,
  columnsCount: number,
  rowsCount: number,
  into: Float64Array,
): void {
  const atA = first * BLOCK_ROWS;
  const atB = atA + BLOCK_ROWS;
  const atC = atB + BLOCK_ROWS;
  const atD = second * BLOCK_ROWS;
  const atE = atD + BLOCK_ROWS;
  const atF = atE + BLOCK_ROWS;
  let ad = 0;
  let ae = 0;
  let af = 0;
  let bd = 0;
  let be = 0;
  let bf = 0;
  let cd = 0;
  let ce = 0;
  let cf = 0;
  for (let row = 0; row < rowsCount; row++) {
    const a = columns[atA + row] ?? 0;
    const b = columns[atB + row] ?? 0;
    const c = columns[atC + row] ?? 0;
    const d = columns[atD + row] ?? 0;
    const e = columns[atE + row] ?? 0;
    const f = columns[atF + row] ?? 0;
    ad += a * d;
    ae += a * e;
    af += a * f;
    bd += b * d;
    be += b * e;
    bf += b * f;
    cd += c * d;
    ce += c * e;
    cf += c * f;
  }
  const top = first * columnsCount + second;
  add(into, top, ad, ae, af);
  add(into, top + columnsCount, bd, be, bf);
  add(into, top + 2 * columnsCount, cd, ce, cf);
}

function add(into: Float64Array, at: number, one: number, two: number, three: number): void {
  into[at] = (into[at] ?? 0) + one;
  into[at + 1] = (into[at + 1] ?? 0) + two;
  into[at + 2] = (into[at + 2] ?? 0) + three;
}

/** Fills the lower half of a square from its upper half. */
export function mirror(square: Float64Array, columnsCount: number): void {
  for (let row = 1; row < columnsCount; row++) {
    for (let column = 0; column < row; column++) {
      square[row * columnsCount + column] = square[column * columnsCount + row] ?? 0;
    }
  }
}
