// A straightforward robust fit, written down from its definition: all rows in memory, a column per day, weights by Huber's
// rule, normal equations by elimination, and rounds until nothing moves. Slow, and sharing no code with the fast one.

export interface PlainRows {
  /** [row][column]. */
  readonly chipsW: readonly (readonly number[])[];
  readonly meterW: readonly number[];
  readonly day: readonly number[];
  readonly daysCount: number;
}

export interface PlainPrior {
  readonly centre: readonly number[];
  readonly precision: readonly number[];
}

export interface PlainFit {
  readonly parameters: readonly number[];
  readonly levelsW: readonly number[];
  readonly noiseW: number;
  readonly levelW2: number;
  readonly inflationRatio: number;
  readonly roundsCount: number;
}

const medianOf = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

export function plainHuber(rows: PlainRows, prior: PlainPrior): PlainFit {
  const count = rows.meterW.length;
  const termsCount = rows.chipsW[0]!.length;
  const size = 1 + termsCount + rows.daysCount;
  const design = rows.chipsW.map((chips, row) => {
    const line = new Array<number>(size).fill(0);
    line[0] = 1;
    chips.forEach((powerW, term) => (line[1 + term] = powerW));
    line[1 + termsCount + rows.day[row]!] = 1;
    return line;
  });
  const rowsOfDay = new Array<number>(rows.daysCount).fill(0);
  for (const day of rows.day) rowsOfDay[day]!++;
  let weights = new Array<number>(count).fill(1);
  let noiseW2 = 400;
  let levelW2 = 1e4;
  let noiseW = 0;
  let inflationRatio = 1;
  let solution = new Array<number>(size).fill(0);
  for (let round = 1; ; round++) {
    const matrix = Array.from({ length: size }, () => new Array<number>(size + 1).fill(0));
    design.forEach((line, row) => {
      const used = [...line.keys()].filter((column) => line[column] !== 0);
      for (const i of used) {
        for (const j of used) matrix[i]![j]! += weights[row]! * line[i]! * line[j]!;
        matrix[i]![size]! += weights[row]! * line[i]! * rows.meterW[row]!;
      }
    });
    for (let place = 0; place <= termsCount; place++) {
      matrix[place]![place]! += noiseW2 * prior.precision[place]!;
      matrix[place]![size]! += noiseW2 * prior.precision[place]! * prior.centre[place]!;
    }
    for (let day = 0; day < rows.daysCount; day++) {
      const place = 1 + termsCount + day;
      matrix[place]![place]! += noiseW2 / levelW2;
    }
    const next = eliminate(matrix);
    const moved = Math.max(...next.map((each, place) => Math.abs(each - solution[place]!)));
    solution = next;
    const residuals = design.map(
      (line, row) =>
        rows.meterW[row]! - line.reduce((sum, each, place) => sum + each * solution[place]!, 0),
    );
    noiseW = 1.4826 * medianOf(residuals.map(Math.abs));
    const boundW = 1.345 * noiseW;
    weights = residuals.map((residual) => Math.min(1, boundW / Math.abs(residual)));
    inflationRatio = inflation(residuals, boundW, rows.day);
    // A level as seen is what it was shrunken to, times how much it was shrunken.
    const seen = rowsOfDay.map(
      (rowsCount, day) => solution[1 + termsCount + day]! * (1 + noiseW2 / levelW2 / rowsCount),
    );
    noiseW2 = noiseW * noiseW * inflationRatio;
    const middle = seen.reduce((sum, each) => sum + each, 0) / seen.length;
    const spread = seen.reduce((sum, each) => sum + (each - middle) ** 2, 0) / (seen.length - 1);
    const own = rowsOfDay.reduce((sum, n) => sum + noiseW2 / n, 0) / rows.daysCount;
    levelW2 = Math.max(0, spread - own);
    // A median steps from one row to the next, so the last digits may never rest.
    if (moved < 1e-12 || round === 60) {
      return {
        parameters: solution.slice(0, 1 + termsCount),
        levelsW: solution.slice(1 + termsCount),
        noiseW,
        levelW2,
        inflationRatio,
        roundsCount: round,
      };
    }
  }
}

/** Variance of sums of cut residuals over 1, 4, 15 ... minutes of a day, over that of independent rows; the largest. */
function inflation(residuals: readonly number[], boundW: number, day: readonly number[]): number {
  const cut = residuals.map((residual) => Math.max(-boundW, Math.min(boundW, residual)));
  const variance = cut.reduce((sum, each) => sum + each * each, 0) / cut.length;
  let most = 1;
  for (const length of [60, 240, 900, 3600, 14_400]) {
    const means: number[] = [];
    let from = 0;
    while (from < cut.length) {
      let until = from;
      while (until < cut.length && day[until] === day[from]) until++;
      // Parts are of whole minutes from the start of a day.
      for (let start = from; start + length <= until; start += length) {
        means.push(cut.slice(start, start + length).reduce((sum, each) => sum + each, 0));
      }
      from = until;
    }
    if (means.length < 30) continue;
    const squares = means.reduce((sum, each) => sum + each * each, 0) / means.length / length;
    most = Math.max(most, squares / variance);
  }
  return most;
}

/** Gauss's elimination with the largest pivot first. */
function eliminate(matrix: number[][]): number[] {
  const size = matrix.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column; row < size; row++) {
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = matrix[row]![column]! / matrix[column]![column]!;
      if (factor === 0) continue;
      for (let each = column; each <= size; each++) {
        matrix[row]![each]! -= factor * matrix[column]![each]!;
      }
    }
  }
  return matrix.map((row, place) => row[size]! / row[place]!);
}
