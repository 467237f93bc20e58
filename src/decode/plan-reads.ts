// The register plan: the fewest reads that fetch every value of a profile within its limits. Values are never split, and
// holes are read across only where the profile says that they can be. Greedy from the lowest address is optimal here,
// because every part of a block that may be read may be read too.
import type { ReadRequest, RegisterTable } from '../transport/transport.ts';
import { REGISTER_TABLES_ORDER } from './profile-words.ts';
import { isModbus, type ModbusProfile, type ModbusRead, type Profile } from './profile.ts';
import { placesOf, tableOf } from './decode-modbus.ts';
import { REGISTER_COUNT } from './register-value.ts';

/** What is asked for where no document states a limit: every meter that we know of answers so much. */
const CAUTIOUS_READ_COUNT = 60;

/** How many values a read may be longer than needed, so that two reads in a row differ. */
const LENGTHENED_MAX_COUNT = 3;

/** Registers [from, until) of one table that belong together. */
interface Extent {
  readonly table: RegisterTable;
  readonly from: number;
  readonly until: number;
}

/**
 * Reads in the order in which they are to be asked: by table and address, unless another order keeps equal lengths apart
 * better. `alternateCount` differs from `count`, and two reads that follow each other (the last and
 * the first included, since polls follow polls) differ in length, as far as the profile knows registers to lengthen by;
 * where it knows none they are equal, and the wire must keep silence instead. Empty for profiles that are not Modbus.
 */
export function planReads(profile: Profile): readonly ReadRequest[] {
  if (!isModbus(profile)) return [];
  const most = mostRegisters(profile);
  const blocks: Extent[] = [];
  for (const extent of extentsOf(profile)) {
    const open = blocks.at(-1);
    if (open && joins(profile, open, extent, most)) {
      blocks[blocks.length - 1] = { ...open, until: Math.max(open.until, extent.until) };
    } else {
      blocks.push(extent);
    }
  }
  const plans = [blocks, apart(blocks)].map((order) =>
    withLengths(order, (block) => lengthsOf(profile, block, most)),
  );
  return plans.reduce((best, plan) => (plan.cost < best.cost ? plan : best)).reads;
}

/** Blocks with equal lengths apart: the commonest length takes every second place, then the next one. */
function apart(blocks: readonly Extent[]): readonly Extent[] {
  const byLength = new Map<number, Extent[]>();
  for (const block of blocks) {
    const length = block.until - block.from;
    byLength.set(length, [...(byLength.get(length) ?? []), block]);
  }
  const queue = [...byLength.values()].sort((a, b) => b.length - a.length).flat();
  const evenCount = Math.ceil(queue.length / 2);
  return queue
    .map((_, place) => (place % 2 === 0 ? queue[place / 2] : queue[evenCount + (place - 1) / 2]))
    .filter((block) => block !== undefined);
}

/** Registers of a read at most. */
export function mostRegisters(profile: ModbusProfile): number {
  const { registers_per_read: most } = profile.limits;
  return typeof most === 'number' ? most : CAUTIOUS_READ_COUNT;
}

/** All registers that a read needs at once: those of its value, or from the first to the last of the values it adds. */
export function extentOf(profile: ModbusProfile, read: ModbusRead): Extent {
  const places = placesOf(read);
  return {
    table: tableOf(profile, read),
    from: Math.min(...places),
    until: Math.max(...places) + REGISTER_COUNT[read.as],
  };
}

function extentsOf(profile: ModbusProfile): readonly Extent[] {
  return profile.reads
    .map((read) => extentOf(profile, read))
    .sort(
      (a, b) =>
        REGISTER_TABLES_ORDER[a.table] - REGISTER_TABLES_ORDER[b.table] ||
        a.from - b.from ||
        a.until - b.until,
    );
}

function joins(profile: ModbusProfile, block: Extent, next: Extent, most: number): boolean {
  if (block.table !== next.table || next.until - block.from > most) return false;
  return (
    next.from <= block.until ||
    isReadable(profile, { ...block, from: block.until, until: next.from })
  );
}

const isReadable = (profile: ModbusProfile, hole: Extent): boolean =>
  (profile.limits.readable ?? []).some(
    (span) =>
      tableOf(profile, span) === hole.table && span.from <= hole.from && hole.until <= span.until,
  );

/** The lengths that a block may be asked with, the needed one first. */
function lengthsOf(profile: ModbusProfile, block: Extent, most: number): readonly number[] {
  const needed = block.until - block.from;
  const values = extentsOf(profile).filter(({ table }) => table === block.table);
  const cuts = (end: number): boolean =>
    values.some(({ from, until }) => from < end && end < until);
  const longer = (profile.limits.readable ?? [])
    .filter((span) => tableOf(profile, span) === block.table)
    .filter((span) => span.from <= block.until && (block.until - span.from) % span.step === 0)
    .flatMap((span) =>
      Array.from({ length: LENGTHENED_MAX_COUNT }, (_, index) => ({
        count: needed + (index + 1) * span.step,
        until: span.until,
      })),
    )
    .filter(({ count, until }) => count <= most && block.from + count <= until)
    .filter(({ count }) => !cuts(block.from + count))
    .map(({ count }) => count)
    .filter((count) => count % (profile.limits.registers_multiple ?? 1) === 0);
  return [...new Set([needed, ...longer])].sort((a, b) => a - b);
}

interface Choice {
  readonly count: number;
  readonly alternateCount: number;
}
interface Path {
  readonly cost: number;
  readonly choices: readonly Choice[];
}

// A repeated length costs far more than any number of registers: it makes the wire wait.
const REPEAT_COST = 1000;

/** Chooses lengths so that reads that follow each other differ: the cheapest cycle, found for each first choice. */
function withLengths(
  blocks: readonly Extent[],
  lengths: (block: Extent) => readonly number[],
): { readonly cost: number; readonly reads: readonly ReadRequest[] } {
  const options = blocks.map((block) => {
    const counts = lengths(block);
    return counts.flatMap((count) => counts.map((alternateCount) => ({ count, alternateCount })));
  });
  let best: Path | undefined;
  for (const first of options[0] ?? []) {
    const path = cheapest(blocks, options, first);
    if (best === undefined || path.cost < best.cost) best = path;
  }
  const reads = blocks.map(({ table, from, until }, index) => {
    const choice = best?.choices[index] ?? { count: until - from, alternateCount: until - from };
    return { table, address: from, ...choice };
  });
  return { cost: best?.cost ?? 0, reads };
}

function cheapest(
  blocks: readonly Extent[],
  options: readonly (readonly Choice[])[],
  first: Choice,
): Path {
  let paths: readonly Path[] = [{ cost: ownCost(first), choices: [first] }];
  for (let index = 1; index < blocks.length; index += 1) {
    const alike = blocks[index]?.table === blocks[index - 1]?.table;
    paths = (options[index] ?? []).map((choice) =>
      least(
        paths.map((path) => {
          const before = path.choices.at(-1) ?? first;
          const cost = path.cost + ownCost(choice) + (alike ? followCost(before, choice) : 0);
          return { cost, choices: [...path.choices, choice] };
        }),
      ),
    );
  }
  if (blocks.length === 1 || blocks[0]?.table !== blocks.at(-1)?.table) return least(paths);
  // The last read of a poll is followed by the first of the next, which asks with its other length.
  return least(
    paths.map((path) => {
      const last = path.choices.at(-1) ?? first;
      const turned = { count: first.alternateCount, alternateCount: first.count };
      return { ...path, cost: path.cost + followCost(last, turned) };
    }),
  );
}

const least = (paths: readonly Path[]): Path =>
  paths.reduce((best, path) => (path.cost < best.cost ? path : best));

const ownCost = ({ count, alternateCount }: Choice): number =>
  count + alternateCount + (count === alternateCount ? REPEAT_COST : 0);

const followCost = (before: Choice, after: Choice): number =>
  (before.count === after.count ? REPEAT_COST : 0) +
  (before.alternateCount === after.alternateCount ? REPEAT_COST : 0);
