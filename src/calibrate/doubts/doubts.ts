// What speaks against evidence before anything is fitted on it. A doubt names the source, says what was seen and what to do,
// and has a weight: a `note` was mended and is only told, a `gate` keeps the model provisional, `refuse` ends the fit.
import { refuse, type Refusal } from '../../quantity/fault.ts';

export const DOUBT_CODES = [
  'absurd-reading',
  'negative-reading',
  'contradicting-repeat',
  'stuck',
  'dead',
  'twice',
  'contains-others',
  'collinear',
  'coarse-meter',
  'node-off',
  'meter-silent',
  'missing-feed',
] as const;
type DoubtCode = (typeof DOUBT_CODES)[number];

export interface Doubt {
  readonly code: DoubtCode;
  readonly weight: 'note' | 'gate' | 'refuse';
  /** The source it is about; empty where it is about the node. */
  readonly source: string;
  readonly because: string;
  readonly remedy: string;
}

/** One line for people, as `open` gates and reports show it. */
export const doubtWords = ({ code, source, because, remedy }: Doubt): string =>
  `${code}: ${source === '' ? '' : `${source} `}${because}; ${remedy}`;

/** The refusal of the gravest doubt, if one ends the fit. */
export function refusalOf(doubts: readonly Doubt[]): Refusal | undefined {
  const gravest = doubts.find((doubt) => doubt.weight === 'refuse');
  if (!gravest) return undefined;
  const { source, because, remedy } = gravest;
  return refuse('calibrate.implausible', `${source === '' ? '' : `${source} `}${because}`, remedy);
}

/** Doubts in words by what they do to a model: those that keep it provisional, and those that are only told. */
export function wordsByWeight(doubts: readonly Doubt[]): {
  readonly open: readonly string[];
  readonly notes: readonly string[];
} {
  const distinct = (weight: Doubt['weight']): readonly string[] => [
    ...new Set(doubts.filter((doubt) => doubt.weight === weight).map(doubtWords)),
  ];
  return { open: distinct('gate'), notes: distinct('note') };
}
