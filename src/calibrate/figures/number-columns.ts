// Columns of numbers in a document of figures: equally long, bounded, and rounded to what a plot can show.
import type { Fields } from '../document-fields.ts';

/** More points than this are no figure but a data set. */
const POINTS_COUNT_MAX = 2000;
/** Instants that a date can be printed of: years 1 to 9999. */
const INSTANT_S_MIN = -62_135_596_800;
const INSTANT_S_MAX = 253_402_300_799;

/** Six digits. */
export const rounded = (quantity: number): number => Number(quantity.toPrecision(6));

/** Instants keep their milliseconds. */
export const stampOf = (atS: number): number => Math.round(atS * 1e3) / 1e3;

/** Columns of these names; throws SiteFault where they are too long or of different length. */
export function columns(fields: Fields, names: readonly string[]): readonly (readonly number[])[] {
  const found = names.map((name) => fields.numbers(name));
  const length = found[0]?.length ?? 0;
  found.forEach((column, index) => {
    const name = names[index] ?? '';
    if (column.length > POINTS_COUNT_MAX) {
      throw fields.fault(name, `has more than ${POINTS_COUNT_MAX} entries`);
    }
    if (column.length !== length) {
      throw fields.fault(name, `is not as long as ${names[0] ?? ''}`);
    }
  });
  return found;
}

/** An instant that can be printed as a date; throws SiteFault otherwise. */
export function instantOf(fields: Fields, name: string, atS: number): number {
  if (atS < INSTANT_S_MIN || atS > INSTANT_S_MAX) throw fields.fault(name, 'is no date');
  return atS;
}

/** A word of a closed list; throws SiteFault otherwise. */
export function oneOf<Word extends string>(
  fields: Fields,
  name: string,
  words: readonly Word[],
): Word {
  const text = fields.text(name);
  const word = words.find((each) => each === text);
  if (word === undefined) throw fields.fault(name, `is none of: ${words.join(', ')}`);
  return word;
}
