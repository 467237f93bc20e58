// What whole chip sources cannot be, over all runs of a node: dead, the same sensor under a second name, or the sum of
// others. Such a source is left out before terms are made of them, since it would be counted twice or not at all.
import {
  firstS,
  lastS,
  meansOver,
  secondsBetween,
  type EnergySeries,
} from '../../align/energy-series.ts';
import { chipKindOf } from '../chip-terms.ts';
import type { Doubt } from './doubts.ts';

type Chips = ReadonlyMap<string, EnergySeries>;

export interface JudgedSources {
  /** The same runs without the sources that are left out. */
  readonly chips: readonly Chips[];
  readonly doubts: readonly Doubt[];
}

/** Blocks on which sources are compared: long enough that stamps a second apart do not matter. */
const BLOCK_S = 10;
const BLOCKS_COUNT_MAX = 4000;
const BLOCKS_COUNT_MIN = 6;
/** Two sensors of one thing never agree so well; two names of one sensor do. */
const TWICE_RATIO = 1e-3;
/** What a sum may lack of its parts: gains of their own, and stamps that differ. */
const SUM_RESIDUAL_RATIO = 0.02;
/** A live source moves by more than this of its mean, whatever runs. */
const DEAD_RATIO = 1e-9;

/**
 * Judges the chip sources of all runs of one node together, since every run must have the same ones. `never` overrules what
 * somebody declared: sources named in a layout (`sumOf`, `partOf`) are compared, but not left out as sums.
 */
export function judgeSources(runs: readonly Chips[], declared: ReadonlySet<string>): JudgedSources {
  const names = [...new Set(runs.flatMap((chips) => [...chips.keys()]))];
  const columns = columnsOf(runs, names);
  const doubts: Doubt[] = [];
  const left = new Set<string>();
  for (const name of names) {
    const column = columns.get(name);
    if (column && isDead(column)) {
      left.add(name);
      doubts.push(deadDoubt(name, column));
    }
  }
  // A node of dead sources only has nothing to leave out: the fit refuses it as flat, which is what it is.
  if (left.size === names.length) return { chips: runs, doubts };
  const alive = (): readonly string[] => names.filter((name) => !left.has(name));
  for (const [index, name] of alive().entries()) {
    const twin = alive()
      .slice(0, index)
      .find((other) => !left.has(other) && isTwice(columns.get(other), columns.get(name)));
    if (twin === undefined) continue;
    left.add(name);
    doubts.push({
      code: 'twice',
      weight: 'note',
      source: name,
      because: `reads the same as ${twin} throughout`,
      remedy: 'one sensor has two names: it was counted once; read it once',
    });
  }
  for (const name of alive()) {
    if (declared.has(name)) continue;
    const parts = partsOfSum(name, alive(), columns);
    if (!parts) continue;
    left.add(name);
    doubts.push({
      code: 'contains-others',
      weight: 'note',
      source: name,
      because: `is the sum of ${parts.join(', ')}`,
      remedy:
        'it was left out, since it would count them twice; name it in sum_of of set.json to use it alone',
    });
  }
  if (left.size === 0) return { chips: runs, doubts };
  return {
    chips: runs.map((chips) => new Map([...chips].filter(([name]) => !left.has(name)))),
    doubts,
  };
}

/** Mean power of every source over common blocks of all runs; blocks that one of them does not cover are left out. */
function columnsOf(
  runs: readonly Chips[],
  names: readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const columns = new Map<string, number[]>(names.map((name) => [name, []]));
  for (const chips of runs) {
    const series = names.map((name) => chips.get(name));
    const [first] = series;
    if (!first || series.some((each) => !each || each.atS.length < 2)) continue;
    const shifts = series.map((each) => (each ? secondsBetween(first.originNs, each.originNs) : 0));
    const fromS = Math.max(
      ...series.map((each, i) => (each ? firstS(each) : 0) + (shifts[i] ?? 0)),
    );
    const untilS = Math.min(
      ...series.map((each, i) => (each ? lastS(each) : 0) + (shifts[i] ?? 0)),
    );
    const blockS = Math.max(BLOCK_S, (untilS - fromS) / BLOCKS_COUNT_MAX);
    const count = Math.max(0, Math.floor((untilS - fromS) / blockS));
    const edges = Float64Array.from({ length: count + 1 }, (_, edge) => fromS + edge * blockS);
    const means = series.flatMap((each, i) => {
      const own = edges.map((edge) => edge - (shifts[i] ?? 0));
      return each ? [meansOver(each, own.slice(0, -1), own.slice(1))] : [];
    });
    for (let block = 0; block < count; block++) {
      if (means.some((each) => (each.coveredRatio[block] ?? 0) < 0.95)) continue;
      names.forEach((name, i) => columns.get(name)?.push(means[i]?.meanW[block] ?? 0));
    }
  }
  return columns;
}

const meanOf = (column: readonly number[]): number =>
  column.reduce((sum, each) => sum + each, 0) / Math.max(1, column.length);

function deviationOf(column: readonly number[]): number {
  const mean = meanOf(column);
  return Math.sqrt(meanOf(column.map((each) => (each - mean) ** 2)));
}

function isDead(column: readonly number[]): boolean {
  if (column.length < BLOCKS_COUNT_MIN) return false;
  return deviationOf(column) <= DEAD_RATIO * Math.abs(meanOf(column));
}

function deadDoubt(source: string, column: readonly number[]): Doubt {
  const meanW = meanOf(column);
  return {
    code: 'dead',
    weight: 'gate',
    source,
    because: meanW === 0 ? 'reads 0 throughout' : `reads ${meanW.toPrecision(4)} W throughout`,
    remedy:
      'it was left out, so what it should read is in no term: mend the sensor and record again',
  };
}

function isTwice(
  one: readonly number[] | undefined,
  other: readonly number[] | undefined,
): boolean {
  if (!one || !other || one.length < BLOCKS_COUNT_MIN) return false;
  const spread = deviationOf(one);
  const apart = Math.sqrt(meanOf(one.map((each, row) => (each - (other[row] ?? 0)) ** 2)));
  return spread > 0 && apart <= TWICE_RATIO * spread;
}

/**
 * The parts that a source is the sum of: all others, or the others of one kind, at least two, such that only a constant
 * remains. A source that grows by more than its parts is no plain sum of them and stays.
 */
function partsOfSum(
  name: string,
  names: readonly string[],
  columns: ReadonlyMap<string, readonly number[]>,
): readonly string[] | undefined {
  const own = columns.get(name);
  if (!own || own.length < BLOCKS_COUNT_MIN || deviationOf(own) === 0) return undefined;
  const others = names.filter((other) => other !== name);
  const kinds = new Set(others.map(chipKindOf));
  const groups = [
    others,
    ...[...kinds].map((kind) => others.filter((o) => chipKindOf(o) === kind)),
  ];
  return groups.find((group) => {
    if (group.length < 2) return false;
    const rest = own.map((each, row) =>
      group.reduce((sum, part) => sum - (columns.get(part)?.[row] ?? 0), each),
    );
    const restW = meanOf(rest);
    // A sum is never less than its parts, and what it has beyond them hardly moves.
    return (
      restW >= -SUM_RESIDUAL_RATIO * meanOf(own) &&
      deviationOf(rest) <= SUM_RESIDUAL_RATIO * deviationOf(own)
    );
  });
}
