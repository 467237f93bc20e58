// What an accuracy class allows, as a relative standard uncertainty of active energy, by load, power factor and
// temperature. Limits of error are taken as rectangular (GUM 4.3.7), so u = limit / sqrt(3). Where a condition is not known
// the worst limit within normal conditions is taken, and said (decision 0030; docs/measurement-model.md section 7).
import type { AccuracyClass, AccuracyScheme } from './accuracy-promise.ts';
import {
  ACCURACY_SCHEMES,
  NORMAL_TEMPERATURE_CEL,
  UNSTATED_LIMIT_PERCENT,
} from './accuracy-table.ts';

/** The conditions under which a meter measured, as far as they are known. */
export interface MeterConditions {
  /** Share of the reference current: Iref of a direct connected meter, In behind transformers, class current in ANSI. */
  readonly loadRatio?: number;
  /** 0 to 1, inductive or capacitive. */
  readonly powerFactorRatio?: number;
  readonly temperatureCel?: number;
  readonly connection?: 'direct' | 'transformer';
  /** A polyphase meter of which one phase is loaded. */
  readonly isSinglePhase?: boolean;
  /** For `% range` and digits of a maker's statement: the reading as a share of the range, one digit of the reading. */
  readonly ofRangeRatio?: number;
  readonly digitRatio?: number;
}

export interface AccuracyLimit {
  /** Limit of error of active energy; influences that come on top of a class are inside. */
  readonly limitRatio: number;
  /** Relative standard uncertainty. */
  readonly standardRatio: number;
  /** What was taken because nobody said it, in words. */
  readonly assumed: readonly string[];
}

/** Nothing is promised under these conditions: a class ends at its least current, power factor or temperature. */
export interface Unspecified {
  readonly unspecified: string;
}

export const isUnspecified = (promise: AccuracyLimit | Unspecified): promise is Unspecified =>
  'unspecified' in promise;

/** The reference temperature of meter standards. */
const REFERENCE_CEL = 23;

/**
 * Relative standard uncertainty that an accuracy statement allows where nothing is known of load, power factor and
 * temperature: the simple door.
 * @param scheme a standard of the table, `manufacturer` (the class is `1 %` or `0.1 % + 0.05 % range + 1 digit`) or `unknown`.
 */
export function accuracyRatio(scheme: string, accuracyClass: string): number {
  const promise = accuracyOf(scheme, accuracyClass, {});
  // Without conditions nothing can lie outside of them, but a table is data and may be mended wrongly.
  return isUnspecified(promise) ? unstated('').standardRatio : promise.standardRatio;
}

/** Whether a class is one that the table or the form of makers' statements knows. */
export function isKnownClass(scheme: string, accuracyClass: string): boolean {
  if (scheme === 'manufacturer') return statementOf(accuracyClass) !== undefined;
  return entryOf(entryOf(ACCURACY_SCHEMES, scheme)?.classes ?? {}, accuracyClass) !== undefined;
}

/** Limit and standard uncertainty under given conditions, or the reason why nothing is promised there. */
export function accuracyOf(
  scheme: string,
  accuracyClass: string,
  conditions: MeterConditions,
): AccuracyLimit | Unspecified {
  if (scheme === 'manufacturer') return makersLimit(accuracyClass, conditions);
  const standard = entryOf(ACCURACY_SCHEMES, scheme);
  const promised = standard && entryOf(standard.classes, accuracyClass);
  if (!standard || !promised) return unstated(`no class is known for ${scheme} ${accuracyClass}`);
  return classLimit(standard, promised, conditions);
}

/** Links that err independently of each other (a meter and its transformers), in quadrature. */
export function combinedAccuracy(links: readonly AccuracyLimit[]): AccuracyLimit {
  return limitOf(
    Math.hypot(...links.map((link) => link.limitRatio)),
    links.flatMap((link) => link.assumed),
  );
}

export const limitOf = (limitRatio: number, assumed: readonly string[]): AccuracyLimit => ({
  limitRatio,
  standardRatio: limitRatio / Math.sqrt(3),
  assumed,
});

/** Names come from files of others: only what the table itself has counts. */
const entryOf = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name.trim()) ? table[name.trim()] : undefined;

const unstated = (because: string): AccuracyLimit =>
  limitOf(UNSTATED_LIMIT_PERCENT / 100, [
    `${because}: an error within ${UNSTATED_LIMIT_PERCENT.toString()} % is taken`,
  ]);

function classLimit(
  standard: AccuracyScheme,
  promised: AccuracyClass,
  conditions: MeterConditions,
): AccuracyLimit | Unspecified {
  const assumed: string[] = [];
  const [leastCel = -Infinity, mostCel = Infinity] = standard.temperatureCel;
  const { temperatureCel, powerFactorRatio, loadRatio } = conditions;
  if (temperatureCel !== undefined && !(temperatureCel >= leastCel && temperatureCel <= mostCel)) {
    return { unspecified: `nothing is promised at ${temperatureCel.toString()} degrees Celsius` };
  }
  if (temperatureCel === undefined) {
    assumed.push(
      `temperature anywhere from ${NORMAL_TEMPERATURE_CEL.join(' to ')} degrees Celsius`,
    );
  }
  const factors = [...new Set(promised.limits.map((row) => row.pfRatio))].sort((a, b) => b - a);
  const held =
    powerFactorRatio === undefined
      ? factors
      : factors.filter((each) => each <= powerFactorRatio).slice(0, 1);
  if (held.length === 0) return { unspecified: 'nothing is promised at so low a power factor' };
  if (powerFactorRatio === undefined) assumed.push('worst of the listed power factors');
  if (loadRatio === undefined) assumed.push('load from the transitional current upwards');
  let worstPercent = 0;
  for (const pfRatio of held) {
    const range = rangeOf(standard, promised, pfRatio, conditions);
    if (typeof range === 'object') return range;
    const temperatures = temperatureCel === undefined ? NORMAL_TEMPERATURE_CEL : [temperatureCel];
    for (const atCel of temperatures) {
      const limitPercent = rowPercent(promised, pfRatio, atCel, range);
      worstPercent = Math.max(worstPercent, limitPercent);
    }
  }
  if (conditions.isSinglePhase === true) {
    if (promised.singlePhasePercent === undefined) {
      assumed.push('no limit is known for one loaded phase: that of balanced load is taken');
    }
    worstPercent = Math.max(worstPercent, promised.singlePhasePercent ?? 0);
  }
  return limitOf(worstPercent / 100, assumed);
}

/** Which part of the load range counts; of an unknown connection the one that promises less. */
function rangeOf(
  standard: AccuracyScheme,
  promised: AccuracyClass,
  pfRatio: number,
  { loadRatio, connection }: MeterConditions,
): 'low' | 'normal' | Unspecified {
  if (loadRatio === undefined) return 'normal';
  const span = promised.loads.find((each) => each.pfRatio === pfRatio);
  const keys = (['d', 't'] as const).filter(
    (key) => connection === undefined || key === connection.charAt(0),
  );
  const known = keys.filter((key) => span?.fromRatio[key] !== undefined);
  if (!span || known.length === 0) {
    return { unspecified: `the class is not made for ${connection ?? 'this'} connection` };
  }
  const from = Math.max(...known.map((key) => span.fromRatio[key] ?? 0));
  const normal = Math.max(...known.map((key) => span.normalRatio[key] ?? 0));
  const most = Math.min(...known.map((key) => standard.mostLoadRatio[key] ?? Infinity));
  if (!(loadRatio >= from))
    return { unspecified: 'the load is below the least current of the class' };
  if (loadRatio > most)
    return { unspecified: 'the load is above the largest current of the class' };
  return loadRatio < normal ? 'low' : 'normal';
}

/** The first band that holds the temperature counts; influences beside a class add in quadrature, being independent. */
function rowPercent(
  promised: AccuracyClass,
  pfRatio: number,
  atCel: number,
  range: 'low' | 'normal',
): number {
  const row = promised.limits.find(({ pfRatio: factor, temperatureCel }) => {
    const [fromCel = -Infinity, untilCel = Infinity] = temperatureCel ?? [];
    return factor === pfRatio && atCel >= fromCel && atCel <= untilCel;
  });
  if (!row) return UNSTATED_LIMIT_PERCENT;
  const influencePercent = (row.kelvinPercent ?? 0) * Math.abs(atCel - REFERENCE_CEL);
  return Math.hypot(range === 'low' ? row.lowPercent : row.normalPercent, influencePercent);
}

/** `3 % + 0.05 % range + 1 digit`; range and digits may be absent. */
function statementOf(
  text: string,
): { readingPercent: number; rangePercent: number; digitsCount: number } | undefined {
  const number = String.raw`(\d+(?:\.\d+)?)`;
  const form = new RegExp(
    `^${number} ?%(?: (?:of )?reading)?(?: ?\\+ ?${number} ?% (?:of )?range)?(?: ?\\+ ?(\\d+) digits?)?$`,
  ).exec(text.trim());
  if (!form) return undefined;
  const [, reading, range, digits] = form;
  return {
    readingPercent: Number(reading),
    rangePercent: Number(range ?? 0),
    digitsCount: Number(digits ?? 0),
  };
}

/** Analysers promise their class from a tenth of the range upwards; three shown digits make one digit 1 % at most. */
const LEAST_OF_RANGE_RATIO = 0.1;
const MOST_DIGIT_RATIO = 0.01;

function makersLimit(text: string, conditions: MeterConditions): AccuracyLimit | Unspecified {
  const said = statementOf(text);
  if (!said) return unstated(`the maker's statement "${text}" has no form that is known`);
  const { ofRangeRatio, digitRatio } = conditions;
  if (ofRangeRatio !== undefined && !(ofRangeRatio > 0 && ofRangeRatio <= 1.2)) {
    return { unspecified: 'the reading is outside of the range' };
  }
  const assumed: string[] = [];
  if (said.rangePercent > 0 && ofRangeRatio === undefined) assumed.push('a tenth of the range');
  if (said.digitsCount > 0 && digitRatio === undefined) {
    assumed.push('one digit is at most 1 % of the reading');
  }
  const ofRange = said.rangePercent / (ofRangeRatio ?? LEAST_OF_RANGE_RATIO);
  const ofDigits = said.digitsCount * 100 * (digitRatio ?? MOST_DIGIT_RATIO);
  return limitOf((said.readingPercent + ofRange + ofDigits) / 100, assumed);
}
