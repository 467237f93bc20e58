// What `trueup calibrate apply` may be asked: a recording, a model, and the rows that are wanted of it.
import { parseArgs } from 'node:util';
import { parseInstant, type InstantNs } from '../../quantity/time.ts';

export const APPLY_USAGE =
  'trueup calibrate apply --model M.json --chips chips.csv[.gz] [--spot meter.csv[.gz]] (--every SECONDS|native | --from T --until T) --out OUT.csv [--json]';

export type Rhythm =
  | { readonly kind: 'every'; readonly everyS: number }
  | { readonly kind: 'native' }
  | { readonly kind: 'span'; readonly fromNs: InstantNs; readonly untilNs: InstantNs };

export interface ApplyOptions {
  readonly model: string;
  readonly chips: string;
  readonly spot: string | undefined;
  readonly rhythm: Rhythm;
  readonly out: string;
  readonly json: boolean;
}

/** Reads the arguments; throws an Error that says what is wrong with them. */
export function parseApply(argv: readonly string[]): ApplyOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      model: { type: 'string' },
      chips: { type: 'string' },
      spot: { type: 'string' },
      every: { type: 'string' },
      from: { type: 'string' },
      until: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { model, chips, out } = values;
  if (model === undefined) throw new Error('--model M.json is missing');
  if (chips === undefined) throw new Error('--chips FILE is missing');
  if (out === undefined) throw new Error('--out OUT.csv is missing');
  return {
    model,
    chips,
    out,
    spot: values.spot,
    rhythm: rhythmOf(values.every, values.from, values.until),
    json: values.json,
  };
}

function rhythmOf(
  every: string | undefined,
  from: string | undefined,
  until: string | undefined,
): Rhythm {
  if (every !== undefined && (from !== undefined || until !== undefined)) {
    throw new Error('give either --every or --from with --until');
  }
  if (every === 'native') return { kind: 'native' };
  if (every !== undefined) {
    const everyS = Number(every);
    if (!(everyS >= 0.001 && everyS <= 366 * 86_400)) {
      throw new Error('--every takes seconds, such as 60, or the word native');
    }
    return { kind: 'every', everyS };
  }
  const fromNs = parseInstant(from ?? '');
  const untilNs = parseInstant(until ?? '');
  if (fromNs === undefined || untilNs === undefined) {
    throw new Error('give --every SECONDS|native, or --from and --until as RFC 3339 times');
  }
  if (untilNs <= fromNs) throw new Error('--until is not later than --from');
  return { kind: 'span', fromNs, untilNs };
}
