// What speaks against rows of meter and chips before a model is fitted on them: too few, flat, a unit that is off by a power
// of ten or by 3600, a meter that stops rising, a node that was off. Longer than most files, as one question at several places.
import { refuse, type Refusal } from '../../quantity/fault.ts';
import { solveBounded } from '../bounded-regression.ts';
import type { ChipTerm } from '../chip-terms.ts';
import { refusalOf, type Doubt } from './doubts.ts';
import { chipTotalW, selectRows, type Rows } from '../rows.ts';
import { gramOfColumns } from '../gram-of-columns.ts';
import { feedSummary, suspectMissingFeed } from '../shared/missing-feed.ts';
import { unitSlip } from './unit-slip.ts';

export interface Examined {
  /** Without the rows in which the node was off or the meter silent. */
  readonly rows: Rows;
  readonly doubts: readonly Doubt[];
}

const ROWS_COUNT_MIN = 12;
const COVERED_S_MIN = 45;
/** Spread of the load, 5th to 95th percentile, below which the gain cannot be told from the intercept. */
const SPREAD_RATIO_MIN = 0.04;
const SPREAD_W_MIN = 3;
/** Physics: a supply never gives more than it takes, and no chain of converters loses two thirds. */
const SLOPE_RATIO_MIN = 0.5;
const SLOPE_RATIO_MAX = 3;
/** A modelled sensor may stand for several times what it reads. */
const MODELLED_SLOPE_RATIO_MAX = 6;
/** From here on rising load explains so much of the meter that a wild slope is a unit, not noise. */
const EXPLAINED_RATIO_MIN = 0.5;
const OFF_CHIP_RATIO = 0.01;
const OFF_METER_RATIO = 0.05;
const COLLINEAR_RATIO = 0.999;

/**
 * Looks at rows before a fit. Refuses `calibrate.few`, `calibrate.flat` and `calibrate.implausible`; what does not end the
 * fit comes back as doubts, with the rows that are fit to be used.
 */
export function examineRows(all: Rows, terms: readonly ChipTerm[]): Examined | Refusal {
  const doubts: Doubt[] = [];
  const rows = awakeRows(all, doubts);
  const few = fewDoubt(rows);
  if (few) return few;
  const chips = chipTotalW(rows);
  const meterW = meanOf(rows.meterW);
  const chipW = meanOf(chips);
  if (!(chipW > 0 && meterW > 0)) {
    return refuse(
      'calibrate.implausible',
      'the chips or the meter read 0 W throughout',
      'check that both instruments are alive and belong to this node',
    );
  }
  const slope = freeSlope(chips, rows.meterW);
  const wrongUnit =
    excessRefusal(rows, terms, meterW) ??
    unitRefusal(slope, meterW, chipW) ??
    termUnitRefusal(rows, terms, meterW);
  if (wrongUnit) return wrongUnit;
  const spreadW = spreadOf(chips);
  if (spreadW < Math.max(SPREAD_W_MIN, SPREAD_RATIO_MIN * chipW)) {
    return refuse(
      'calibrate.flat',
      `chip power varied by ${spreadW.toFixed(1)} W around ${chipW.toFixed(1)} W`,
      'run a load staircase while both instruments are read',
    );
  }
  const wild = slopeRefusal(slope, terms, meterW, chipW) ?? saturatedRefusal(rows, chips, meterW);
  if (wild) return wild;
  doubts.push(...feedDoubts(rows, chips, terms), ...collinearDoubts(rows, terms));
  return refusalOf(doubts) ?? { rows, doubts };
}

/** A feed that nobody meters makes a perfect fit of a part of the node. */
function feedDoubts(rows: Rows, chips: Float64Array, terms: readonly ChipTerm[]): readonly Doubt[] {
  const suspicion = suspectMissingFeed(feedSummary(rows.meterW, chips, terms));
  if (!suspicion) return [];
  const weight = { impossible: 'refuse', unlikely: 'gate', note: 'note' } as const;
  return [
    {
      code: 'missing-feed',
      weight: weight[suspicion.strength],
      source: '',
      because: suspicion.evidence.join('; '),
      remedy: suspicion.remedy,
    },
  ];
}

function fewDoubt(rows: Rows): Refusal | undefined {
  let coveredS = 0;
  for (const lengthS of rows.lengthS) coveredS += lengthS;
  if (rows.count >= ROWS_COUNT_MIN && coveredS >= COVERED_S_MIN) return undefined;
  return refuse(
    'calibrate.few',
    `only ${rows.count} intervals (${coveredS.toFixed(0)} s) have both instruments`,
    'record both for at least one minute, better for an hour',
  );
}

/** Rows in which the node was on and the meter spoke. */
function awakeRows(rows: Rows, doubts: Doubt[]): Rows {
  const chips = chipTotalW(rows);
  const usualChipW = quantile(chips, 0.5);
  const usualMeterW = quantile(rows.meterW, 0.5);
  const isOff = (row: number): boolean =>
    (chips[row] ?? 0) < OFF_CHIP_RATIO * usualChipW &&
    (rows.meterW[row] ?? 0) < OFF_METER_RATIO * usualMeterW;
  const isSilent = (row: number): boolean =>
    (chips[row] ?? 0) >= OFF_CHIP_RATIO * usualChipW &&
    (rows.meterW[row] ?? 0) < OFF_CHIP_RATIO * usualMeterW;
  const every = [...rows.meterW.keys()];
  const offCount = every.filter(isOff).length;
  const silentCount = every.filter(isSilent).length;
  if (offCount > 0) {
    doubts.push({
      code: 'node-off',
      weight: 'note',
      source: '',
      because: `${offCount} of ${rows.count} intervals have neither load nor chips`,
      remedy: 'they were left out: what a node draws when it is off is no part of the model',
    });
  }
  if (silentCount > 0) {
    doubts.push({
      code: 'meter-silent',
      weight: 'gate',
      source: '',
      because: `the meter reads nothing in ${silentCount} of ${rows.count} intervals while the chips work`,
      remedy: 'they were left out; look for a feed that failed or a meter that lost its input',
    });
  }
  if (offCount + silentCount === 0) return rows;
  return selectRows(rows, (row) => !isOff(row) && !isSilent(row));
}

interface Slope {
  readonly gainRatio: number;
  readonly uncertaintyRatio: number;
  /** Share of the meter's variance that the chips explain. */
  readonly explainedRatio: number;
}

function freeSlope(x: Float64Array, y: Float64Array): Slope {
  const meanX = meanOf(x);
  const meanY = meanOf(y);
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let row = 0; row < x.length; row++) {
    const offX = (x[row] ?? 0) - meanX;
    const offY = (y[row] ?? 0) - meanY;
    xx += offX * offX;
    xy += offX * offY;
    yy += offY * offY;
  }
  if (xx <= 0 || yy <= 0) return { gainRatio: 0, uncertaintyRatio: Infinity, explainedRatio: 0 };
  const gainRatio = xy / xx;
  // Neighbouring rows err alike; five rows count as one.
  const noise = Math.max(0, yy - gainRatio * xy) / Math.max(1, x.length / 5 - 2);
  return {
    gainRatio,
    uncertaintyRatio: Math.sqrt(noise / xx),
    explainedRatio: (xy * xy) / (xx * yy),
  };
}

/** A slope that one wrong unit explains: said before anything else, since it also makes loads look flat. */
function unitRefusal(slope: Slope, meterW: number, chipW: number): Refusal | undefined {
  if (slope.explainedRatio < EXPLAINED_RATIO_MIN) return undefined;
  const slip = unitSlip(slope.gainRatio, meterW, chipW);
  if (slip === undefined) return undefined;
  return refuse(
    'calibrate.implausible',
    `the meter rises by ${slope.gainRatio.toPrecision(3)} W per W of chips: ${slip}`,
    'mend the unit where the readings are recorded, and record or convert again',
  );
}

/** Some terms that read many times what the meter does, among others that do not: their unit is wrong. */
function excessRefusal(
  rows: Rows,
  terms: readonly ChipTerm[],
  meterW: number,
): Refusal | undefined {
  const excess = [...rows.chipW.keys()].filter(
    (term) => meanOf(rows.chipW[term] ?? new Float64Array(0)) > 10 * meterW,
  );
  const [worst] = excess;
  if (worst === undefined || excess.length === terms.length) return undefined;
  const meanW = meanOf(rows.chipW[worst] ?? new Float64Array(0));
  return refuse(
    'calibrate.implausible',
    `${excess.map((term) => sourcesOf(terms, term)).join(', ')} reads ${meanW.toPrecision(3)} W where the whole node draws ${meterW.toPrecision(3)} W: ${unitSlip(meterW / meanW, meterW, meanW) ?? 'its unit is wrong'}`,
    'mend the unit of this source',
  );
}

const sourcesOf = (terms: readonly ChipTerm[], term: number): string =>
  terms[term]?.sources.join(', ') ?? '';

/** One term in too large a unit among right ones: a gain of hundreds that explains what the others cannot. */
function termUnitRefusal(
  rows: Rows,
  terms: readonly ChipTerm[],
  meterW: number,
): Refusal | undefined {
  if (terms.length < 2) return undefined;
  const ones = new Float64Array(rows.count).fill(1);
  const free = fittedSquares([ones, ...rows.chipW], rows.meterW);
  for (const [term, column] of rows.chipW.entries()) {
    const gainRatio = free.gains[term + 1] ?? 0;
    const slip = gainRatio > 100 ? unitSlip(gainRatio, meterW, meanOf(column)) : undefined;
    if (slip === undefined) continue;
    const others = rows.chipW.filter((_, index) => index !== term);
    const without = fittedSquares([ones, ...others], rows.meterW);
    // The tiny column must carry what the others cannot: else its gain is only noise.
    if (without.squares - free.squares < 0.2 * free.variance) continue;
    return refuse(
      'calibrate.implausible',
      `the meter rises by ${gainRatio.toPrecision(3)} W per W of ${sourcesOf(terms, term)}: ${slip}`,
      'mend the unit of this source',
    );
  }
  return undefined;
}

function fittedSquares(
  columns: readonly Float64Array[],
  outcome: Float64Array,
): { gains: Float64Array; squares: number; variance: number } {
  const size = columns.length;
  const gains = solveBounded(gramOfColumns(columns, outcome), 1, {
    lower: new Float64Array(size).fill(-1e12),
    centre: new Float64Array(size),
    precision: new Float64Array(size).fill(1e-12),
  });
  const mean = meanOf(outcome);
  let squares = 0;
  let variance = 0;
  for (let row = 0; row < outcome.length; row++) {
    let fitted = 0;
    columns.forEach((column, index) => (fitted += (gains[index] ?? 0) * (column[row] ?? 0)));
    squares += ((outcome[row] ?? 0) - fitted) ** 2;
    variance += ((outcome[row] ?? 0) - mean) ** 2;
  }
  return { gains, squares, variance };
}

function slopeRefusal(
  slope: Slope,
  terms: readonly ChipTerm[],
  meterW: number,
  chipW: number,
): Refusal | undefined {
  const { gainRatio, uncertaintyRatio } = slope;
  if (gainRatio + 3 * uncertaintyRatio < SLOPE_RATIO_MIN || meterW < 0.9 * chipW) {
    return refuse(
      'calibrate.implausible',
      `the meter shows ${meterW.toFixed(1)} W for ${chipW.toFixed(1)} W of chips and rises by ${gainRatio.toPrecision(2)} W per W`,
      'check units (W, mW, kW), whether a feed of the node is missing, and whether a chip source is counted twice',
    );
  }
  const modelled = terms.some((term) => term.prior.lowerRatio < 0.5);
  const most = modelled ? MODELLED_SLOPE_RATIO_MAX : SLOPE_RATIO_MAX;
  if (gainRatio - 3 * uncertaintyRatio <= most) return undefined;
  return refuse(
    'calibrate.implausible',
    `the meter rises by ${gainRatio.toPrecision(3)} W per W of chips, physics allows at most ${most}`,
    'check units (W, mW, kW), chip sources that are missing, and other nodes on this meter',
  );
}

/**
 * A meter that shows its largest value again and again, as it shows no other, while the chips go on rising: it stops there.
 * A plateau of the load looks alike but for the chips, which then stand still too.
 */
function saturatedRefusal(rows: Rows, chips: Float64Array, meterW: number): Refusal | undefined {
  const mostW = quantile(rows.meterW, 1);
  const counts = new Map<number, number>();
  for (const each of rows.meterW) {
    const level = Math.round((1e6 * each) / mostW);
    counts.set(level, (counts.get(level) ?? 0) + 1);
  }
  const topCount = counts.get(1e6) ?? 0;
  const usualCount = (rows.count - topCount) / Math.max(1, counts.size - 1);
  if (topCount < Math.max(5, 0.01 * rows.count, 5 * usualCount)) return undefined;
  const atTop = chips.filter(
    (_, row) => Math.round((1e6 * (rows.meterW[row] ?? 0)) / mostW) >= 1e6,
  );
  const topSpreadW = spreadOf(atTop);
  if (topSpreadW < Math.max(0.03 * meterW, 0.15 * spreadOf(chips))) return undefined;
  return refuse(
    'calibrate.implausible',
    `the meter stops at ${mostW.toPrecision(5)} W in ${topCount} of ${rows.count} intervals while the chips vary by ${topSpreadW.toFixed(0)} W`,
    'use a larger range of the meter or its current transformers',
  );
}

/** Terms that move as one: their sum is known, their single gains are not. */
function collinearDoubts(rows: Rows, terms: readonly ChipTerm[]): readonly Doubt[] {
  const doubts: Doubt[] = [];
  rows.chipW.forEach((one, left) => {
    rows.chipW.slice(left + 1).forEach((other, distance) => {
      if (freeSlope(one, other).explainedRatio < COLLINEAR_RATIO ** 2) return;
      doubts.push({
        code: 'collinear',
        weight: 'note',
        source: `${terms[left]?.name ?? ''} and ${terms[left + 1 + distance]?.name ?? ''}`,
        because: 'move as one, so their single gains are not identifiable, only their sum',
        remedy: 'run a load that uses one of them without the other',
      });
    });
  });
  return doubts;
}

function quantile(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

/** 5th to 95th percentile. */
const spreadOf = (values: Float64Array): number => quantile(values, 0.95) - quantile(values, 0.05);

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const each of values) sum += each;
  return values.length === 0 ? 0 : sum / values.length;
}
