// What a re-settlement changes: line by line the new less the old, so that an invoice that was sent stays as it is and the
// next one carries a difference with its reason.
import {
  addDecimals,
  type Decimal,
  formatDecimal,
  negated,
  parseDecimal,
} from '../settle/accounts/decimal.ts';
import type { LineJson } from './settlement-json.ts';

/** Lines that have a difference; meters and totals follow from them. */
const COMPARED = ['energy', 'uplift', 'demand', 'remainder'];
const COUNTS = ['energy_uj', 'kwh', 'kw', 'amount'];

const textOf = (line: LineJson | undefined, name: string): string | undefined => {
  const found = line?.[name];
  return typeof found === 'string' ? found : undefined;
};

const keyOf = (line: LineJson): string =>
  ['line', 'account', 'meter', 'bucket'].map((name) => textOf(line, name) ?? '').join(' ');

const isCompared = (line: LineJson): boolean => COMPARED.includes(textOf(line, 'line') ?? '');

/** Differences in the order of their keys; lines that did not change have none. */
export function differenceLines(
  before: readonly LineJson[],
  after: readonly LineJson[],
): readonly LineJson[] {
  const old = new Map(before.filter(isCompared).map((line) => [keyOf(line), line]));
  const now = new Map(after.filter(isCompared).map((line) => [keyOf(line), line]));
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort();
  return keys.flatMap((key) => {
    const [was, is] = [old.get(key), now.get(key)];
    const named = is ?? was ?? {};
    const counts = COUNTS.flatMap((name) => {
      const change = difference(textOf(was, name), textOf(is, name));
      return change ? [[name, formatDecimal(change)] as const] : [];
    });
    if (counts.every(([, change]) => /^[0.]+$/.test(change))) return [];
    const { account, meter, bucket } = named;
    return [
      {
        line: 'difference',
        of: named['line'],
        account,
        ...(meter === undefined ? {} : { meter }),
        ...(bucket === undefined ? {} : { bucket }),
        ...Object.fromEntries(counts),
      },
    ];
  });
}

/** New less old, with the places of whichever has more; undefined where neither is a number. */
function difference(was: string | undefined, is: string | undefined): Decimal | undefined {
  const [old, now] = [parseLong(was), parseLong(is)];
  if (!old && !now) return undefined;
  const placesCount = Math.max(old?.placesCount ?? 0, now?.placesCount ?? 0);
  const widen = (one: Decimal | undefined): Decimal => ({
    digits: (one?.digits ?? 0n) * 10n ** BigInt(placesCount - (one?.placesCount ?? 0)),
    placesCount,
  });
  return addDecimals(widen(now), negated(widen(old)));
}

/** Whole µJ may have more digits than a price. */
const parseLong = (text: string | undefined): Decimal | undefined => {
  if (text === undefined) return undefined;
  return /^-?\d+$/.test(text) ? { digits: BigInt(text), placesCount: 0 } : parseDecimal(text);
};
