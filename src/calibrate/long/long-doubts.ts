// What contradicts a fit before it is tried: too little, too flat, columns that cannot be told apart, readings that
// contradict physics. All of it can be read off the sums of products, so it costs nothing.
import { refuse, type Refusal } from '../../quantity/fault.ts';
import type { ChipTerm } from '../chip-terms.ts';
import type { DayRows } from './day-cells.ts';
import { contracted, levelFreeGram, plainSums, type DaySums } from './day-sums.ts';
import { addGram, emptyGram, type Gram } from '../bounded-regression.ts';

const COVERED_S_MIN = 1800;
/** As in `fit-model.ts`: the spread from the 5th to the 95th percentile, 3.3 standard deviations of a bell. */
const SPREAD_RATIO_MIN = 0.04;
const SPREAD_W_MIN = 3;
const SPREAD_DEVIATIONS_COUNT = 3.3;
/** Noise of polling and quanta alone moves a column by this much: a column that moves less is constant. */
const MOVES_RATIO_MIN = 1e-3;
const MOVES_W_MIN = 1e-3;
/**
 * A column whose own part moves by less than 0.1 % of its swing is a copy or a sum of the others: that little is within what
 * a sensor's own quantum and timing do.
 */
const OWN_PART_RATIO_MIN = 1e-6;

/** The first doubt there is. Undefined where a fit may be tried. */
export function doubtsOf(
  days: readonly DayRows[],
  terms: readonly ChipTerm[],
): Refusal | undefined {
  const coveredS = days.reduce((sum, day) => sum + day.coveredS, 0);
  const rowsCount = days.reduce((sum, day) => sum + day.count, 0);
  const each = terms.map((_, index) => index + 1);
  if (coveredS < COVERED_S_MIN || rowsCount < 12 * (terms.length + 1)) {
    return refuse(
      'calibrate.few',
      `only ${rowsCount} intervals (${coveredS.toFixed(0)} s) have both instruments`,
      'record the meter and all chip sources over the same time, and check that their stamps are UTC',
    );
  }
  const sums = days.map((day) => plainSums(day, each));
  const within = emptyGram(terms.length + 1);
  for (const day of sums) addGram(within, levelFreeGram(day, 0));
  return (
    implausible(sums, terms) ?? constantColumn(within, sums, terms) ?? copiedColumn(within, terms)
  );
}

/** Mean power of each column and of the meter, W. */
function meansW(sums: readonly DaySums[]): Float64Array {
  const size = sums[0]?.size ?? 0;
  const totals = new Float64Array(size);
  let rowsCount = 0;
  for (const day of sums) {
    rowsCount += day.rowsCount;
    for (let place = 0; place < size; place++) {
      totals[place] =
        (totals[place] ?? 0) +
        (day.products[place] ?? 0) +
        day.rowsCount * (day.levelsW[place] ?? 0);
    }
  }
  return totals.map((total) => total / rowsCount);
}

/** The checks of `fitModel`, on all chips together. */
function implausible(sums: readonly DaySums[], terms: readonly ChipTerm[]): Refusal | undefined {
  const whole = sums.map((day) =>
    contracted(
      day,
      terms.map(() => 1),
    ),
  );
  const means = meansW(whole);
  const chipW = means[1] ?? 0;
  const meterW = means[2] ?? 0;
  if (!(chipW > 0) || !(meterW > 0)) {
    return refuse(
      'calibrate.implausible',
      'the chips or the meter read 0 W throughout',
      'check that both instruments are alive and belong to this node',
    );
  }
  const within = emptyGram(2);
  for (const day of whole) addGram(within, levelFreeGram(day, 0));
  const xx = within.zz[3] ?? 0;
  const xy = within.zy[1] ?? 0;
  const spreadW = SPREAD_DEVIATIONS_COUNT * Math.sqrt(Math.max(0, xx) / within.rowsCount);
  if (!(spreadW >= Math.max(SPREAD_W_MIN, SPREAD_RATIO_MIN * chipW))) {
    return refuse(
      'calibrate.flat',
      `chip power varied by ${spreadW.toFixed(1)} W within a day around ${chipW.toFixed(1)} W`,
      'run a load staircase while both instruments are read',
    );
  }
  const gainRatio = xy / xx;
  const most = terms.some((term) => term.prior.lowerRatio < 0.5) ? 6 : 3;
  if (!(gainRatio >= 0.5) || meterW < 0.9 * chipW || gainRatio > most) {
    return refuse(
      'calibrate.implausible',
      `the meter shows ${meterW.toFixed(1)} W for ${chipW.toFixed(1)} W of chips and rises by ${gainRatio.toPrecision(3)} W per W; physics allows 0.5 to ${most}`,
      'check units (W, mW, kW), whether a feed of the node or a chip source is missing, and other nodes on this meter',
    );
  }
  return undefined;
}

function constantColumn(
  within: Gram,
  sums: readonly DaySums[],
  terms: readonly ChipTerm[],
): Refusal | undefined {
  const means = meansW(sums);
  for (const [index, term] of terms.entries()) {
    const place = index + 1;
    const squares = within.zz[place * within.size + place] ?? 0;
    const movesW = Math.sqrt(Math.max(0, squares) / within.rowsCount);
    const meanW = means[place] ?? 0;
    if (movesW >= Math.max(MOVES_W_MIN, MOVES_RATIO_MIN * Math.abs(meanW))) continue;
    return refuse(
      'calibrate.flat',
      `${term.name} stands still at ${meanW.toFixed(1)} W, so that its gain cannot be told from the level`,
      'load that part of the node as well, or leave the source out',
    );
  }
  return undefined;
}

/** Takes the columns apart one after the other (Cholesky on correlations): what is left of each that no other explains. */
function copiedColumn(within: Gram, terms: readonly ChipTerm[]): Refusal | undefined {
  const { size } = within;
  const count = terms.length;
  const scale = terms.map((_, index) => {
    return 1 / Math.sqrt(within.zz[(index + 1) * size + index + 1] ?? 1);
  });
  const lower = new Float64Array(count * count);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column <= row; column++) {
      let sum =
        (within.zz[(row + 1) * size + column + 1] ?? 0) * (scale[row] ?? 0) * (scale[column] ?? 0);
      for (let inner = 0; inner < column; inner++) {
        sum -= (lower[row * count + inner] ?? 0) * (lower[column * count + inner] ?? 0);
      }
      if (row !== column) {
        lower[row * count + column] = sum / (lower[column * count + column] ?? 1);
      } else if (sum >= OWN_PART_RATIO_MIN) {
        lower[row * count + row] = Math.sqrt(sum);
      } else {
        return refuse(
          'calibrate.flat',
          `${terms[row]?.name ?? ''} always moves with ${terms
            .slice(0, row)
            .map((term) => term.name)
            .join(', ')}, so that their gains cannot be told apart`,
          'check that no source is counted twice, and load the parts of the node at different times',
        );
      }
    }
  }
  return undefined;
}
