// The rows of a day, collected block by block: mean powers are summed up in place, rows that are not known are left out, the
// rest goes to the day's cells and into its sums of products while it is still in the cache.
import { SAMPLED_BLOCKS, type DayRows } from './day-cells.ts';
import { addPower, markOutside, markUnknown, type Poll } from './edge-walk.ts';
import { addProducts, BLOCK_ROWS, mirror, paddedColumns, PART_ROWS } from './row-loops.ts';

type Built = Omit<DayRows, 'originNs' | 'flaws'>;

export class RowsBuilder {
  readonly #termsCount: number;
  readonly #strideCount: number;
  readonly #levelsW: Float64Array;
  readonly #cells: Float32Array;
  readonly #side: number;
  readonly #products: Float64Array;
  readonly #sampleProducts: Float64Array;
  /** A block as columns of [1, powers..., 0]; powers of known rows become cells. */
  readonly #columns: Float64Array;
  readonly #perS = new Float64Array(BLOCK_ROWS);
  readonly #isKnown = new Uint8Array(BLOCK_ROWS);
  readonly #blockFrom: number[] = [0];
  readonly #blockFromS: number[] = [];
  readonly #blockUntilS: number[] = [];
  readonly #blockCoveredS: number[] = [];
  #edgesS: Float64Array = new Float64Array(0);
  #count = 0;
  #lowestW = Infinity;
  #highestW = -Infinity;

  constructor(termsCount: number, strideCount: number, levelsW: Float64Array, cells: Float32Array) {
    this.#termsCount = termsCount;
    this.#strideCount = strideCount;
    this.#levelsW = levelsW;
    this.#cells = cells;
    this.#side = paddedColumns(termsCount + 3);
    this.#products = new Float64Array(this.#side ** 2);
    this.#sampleProducts = new Float64Array(this.#side ** 2);
    this.#columns = new Float64Array(this.#side * BLOCK_ROWS);
    this.#columns.fill(1, 0, BLOCK_ROWS);
  }

  begin(edgesS: Float64Array, rowsCount: number, longestS: number): void {
    this.#edgesS = edgesS;
    this.#columns.fill(0, BLOCK_ROWS, (this.#termsCount + 2) * BLOCK_ROWS);
    markLength(edgesS, rowsCount, longestS, this.#isKnown, this.#perS);
  }

  add(poll: Poll, rowsCount: number): void {
    const isKnown = this.#isKnown;
    markOutside(poll, isKnown, rowsCount);
    for (const { counter, addTo, takeFrom } of poll.sources) {
      const { countJ, unknownCounts } = counter;
      for (const column of addTo) this.#addPower(countJ, poll, column, rowsCount, 1);
      for (const column of takeFrom) this.#addPower(countJ, poll, column, rowsCount, -1);
      if (unknownCounts) markUnknown(poll, unknownCounts, isKnown, rowsCount);
    }
  }

  #addPower(countJ: Float64Array, poll: Poll, column: number, rowsCount: number, sign: number) {
    const at = (column + 1) * BLOCK_ROWS;
    addPower(countJ, poll, this.#perS, this.#columns, at, rowsCount, sign);
  }

  end(rowsCount: number): void {
    const isKnown = this.#isKnown;
    const keptCount = countKnown(isKnown, rowsCount);
    const last = isKnown.lastIndexOf(1, rowsCount - 1);
    this.#blockFromS.push(keptCount > 0 ? (this.#edgesS[isKnown.indexOf(1)] ?? NaN) : NaN);
    this.#blockUntilS.push(keptCount > 0 ? (this.#edgesS[last + 1] ?? NaN) : NaN);
    this.#blockCoveredS.push(knownS(this.#edgesS, isKnown, rowsCount));
    for (let column = 0; column <= this.#termsCount; column++) {
      const at = (column + 1) * BLOCK_ROWS;
      const levelW = this.#levelsW[column] ?? 0;
      const cellsAt = column * this.#strideCount + this.#count;
      if (keptCount === rowsCount) {
        toCells(this.#columns, at, rowsCount, levelW, this.#cells, cellsAt);
      } else {
        knownToCells(this.#columns, at, rowsCount, levelW, this.#cells, cellsAt, isKnown);
      }
    }
    const isSampled = (this.#blockFrom.length - 1) % SAMPLED_BLOCKS === 0;
    const products = isSampled ? this.#sampleProducts : this.#products;
    addProducts(this.#columns, this.#side, keptCount, products);
    this.#noteRange(keptCount);
    this.#count += keptCount;
    this.#blockFrom.push(this.#count);
  }

  #noteRange(keptCount: number): void {
    let levelW = 0;
    for (let column = 0; column < this.#termsCount; column++) levelW += this.#levelsW[column] ?? 0;
    for (let from = 0; from + PART_ROWS <= keptCount; from += PART_ROWS) {
      let sumW = 0;
      for (let column = 1; column <= this.#termsCount; column++) {
        sumW += sumOfPart(this.#columns, column * BLOCK_ROWS + from);
      }
      const meanW = levelW + sumW / PART_ROWS;
      this.#lowestW = Math.min(this.#lowestW, meanW);
      this.#highestW = Math.max(this.#highestW, meanW);
    }
  }

  done(): Built {
    mirror(this.#sampleProducts, this.#side);
    mirror(this.#products, this.#side);
    return {
      cells: this.#cells,
      strideCount: this.#strideCount,
      count: this.#count,
      levelsW: this.#levelsW,
      products: this.#products.map((sum, cell) => sum + (this.#sampleProducts[cell] ?? 0)),
      sampleProducts: this.#sampleProducts,
      blocks: {
        from: Int32Array.from(this.#blockFrom),
        fromS: Float64Array.from(this.#blockFromS),
        untilS: Float64Array.from(this.#blockUntilS),
        coveredS: Float64Array.from(this.#blockCoveredS),
      },
      coveredS: this.#blockCoveredS.reduce((sum, each) => sum + each, 0),
      fromS: this.#blockFromS.find(Number.isFinite) ?? Infinity,
      untilS: this.#blockUntilS.findLast(Number.isFinite) ?? -Infinity,
      lowestW: this.#lowestW,
      highestW: this.#highestW,
    };
  }
}

function markLength(
  edgesS: Float64Array,
  rowsCount: number,
  longestS: number,
  isKnown: Uint8Array,
  perS: Float64Array,
): void {
  for (let row = 0; row < rowsCount; row++) {
    const rowS = (edgesS[row + 1] ?? 0) - (edgesS[row] ?? 0);
    isKnown[row] = rowS <= longestS ? 1 : 0;
    perS[row] = 1 / rowS;
  }
}

function countKnown(isKnown: Uint8Array, rowsCount: number): number {
  let count = 0;
  for (let row = 0; row < rowsCount; row++) count += isKnown[row] ?? 0;
  return count;
}

function knownS(edgesS: Float64Array, isKnown: Uint8Array, rowsCount: number): number {
  let lengthS = 0;
  for (let row = 0; row < rowsCount; row++) {
    lengthS += (isKnown[row] ?? 0) * ((edgesS[row + 1] ?? 0) - (edgesS[row] ?? 0));
  }
  return lengthS;
}

/** Powers become cells, also here, so that sums are those of what is kept. */
function toCells(
  columns: Float64Array,
  at: number,
  rowsCount: number,
  levelW: number,
  cells: Float32Array,
  cellsAt: number,
): void {
  for (let row = 0; row < rowsCount; row++) {
    const cell = Math.fround((columns[at + row] ?? 0) - levelW);
    columns[at + row] = cell;
    cells[cellsAt + row] = cell;
  }
}

/** The same where some rows are not known: a row that is not is written over by the next. */
function knownToCells(
  columns: Float64Array,
  at: number,
  rowsCount: number,
  levelW: number,
  cells: Float32Array,
  cellsAt: number,
  isKnown: Uint8Array,
): void {
  let count = 0;
  for (let row = 0; row < rowsCount; row++) {
    const cell = Math.fround((columns[at + row] ?? 0) - levelW);
    if (isKnown[row] === 0) continue;
    columns[at + count] = cell;
    cells[cellsAt + count] = cell;
    count++;
  }
}

function sumOfPart(columns: Float64Array, at: number): number {
  let sum = 0;
  for (let row = at; row < at + PART_ROWS; row++) sum += columns[row] ?? 0;
  return sum;
}
