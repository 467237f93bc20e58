// OBIS codes (IEC 62056-61): what a value means, `A-B:C.D.E*F`. Meters write them in three ways; here each has one form,
// `1-0:1.8.0`, with `*F` only where the value is not the present one. And the entries of which a push meter's frame consists.
import type { Fraction } from './exact.ts';

export interface ObisEntry {
  readonly code: string;
  /** As it was sent, before its power of ten and unit: the digits as printed, or an integer; anything else is text. */
  readonly text: string;
  /** The number is `digits` x `step`, a power of ten; undefined where it is text. */
  readonly digits: bigint | undefined;
  readonly step: Fraction;
  /** As the meter says; empty where it says none. */
  readonly unit: string;
  /** SML: bits that the meter sends along; undefined elsewhere. */
  readonly status: bigint | undefined;
  /** SML: width of a signed integer in bytes; 0 elsewhere. */
  readonly signedBytesCount: number;
}

const WRITTEN =
  /^(?:(\d{1,3})-(\d{1,3}):)?([0-9]{1,3}|[CFLP])\.([0-9]{1,3}|[CFLP])(?:\.(\d{1,3}))?(?:[*&](\d{1,3}))?$/;
/** IEC 62056-21: letters stand for groups of abstract objects. */
const LETTERS: Readonly<Record<string, number>> = { C: 96, F: 97, L: 98, P: 99 };
/** Group F of the present value. */
const PRESENT = 255;

/** The one form of a code as people and IEC 62056-21 write it; undefined where it is none. Without A-B it is `1-0`. */
export function obisCode(written: string): string | undefined {
  const match = WRITTEN.exec(written);
  if (!match) return undefined;
  const [, a = '1', b = '0', c = '', d = '', e = '0', f = String(PRESENT)] = match;
  return oneForm([a, b, c, d, e, f].map((group) => LETTERS[group] ?? Number(group)));
}

/** The one form of a code of six bytes (SML objName, COSEM logical name). */
export const obisOfBytes = (bytes: Uint8Array): string | undefined =>
  bytes.length === 6 ? oneForm([...bytes]) : undefined;

function oneForm(groups: readonly number[]): string | undefined {
  if (groups.some((group) => group > 255)) return undefined;
  const [a, b, c, d, e, f = PRESENT] = groups;
  const present = `${String(a)}-${String(b)}:${String(c)}.${String(d)}.${String(e)}`;
  return f === PRESENT ? present : `${present}*${String(f)}`;
}

/** 10^power, exact; `power` is between -128 and 127. */
export const powerOfTen = (power: number): Fraction =>
  power >= 0
    ? { numerator: 10n ** BigInt(power), denominator: 1n }
    : { numerator: 1n, denominator: 10n ** BigInt(-power) };

const PRINTED = /^([+-]?)(\d{1,20})(?:\.(\d{1,12}))?$/;

/** Digits and step of a printed decimal such as `00123.456`; undefined where it is none. */
export function printedDigits(
  printed: string,
): (Pick<ObisEntry, 'step'> & { readonly digits: bigint }) | undefined {
  const match = PRINTED.exec(printed);
  if (!match) return undefined;
  const [, sign = '', whole = '', decimals = ''] = match;
  const magnitude = BigInt(whole + decimals);
  return { digits: sign === '-' ? -magnitude : magnitude, step: powerOfTen(-decimals.length) };
}
