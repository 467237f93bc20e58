// Which chip sources make which physical term of the model, and what physics allows its gain to be. Sources are told by
// their names (design: `rapl:package-0`, `rapl:dram-0`, `nvml:<uuid>`); what contains others never adds to them.

import { GAIN_PRIORS } from './knowledge/sensor-table.ts';

export type ChipKind = 'cpu' | 'core' | 'dram' | 'gpu' | 'whole' | 'other';

/**
 * What a gain (W at the wall per W at the chip) may be, and what it is thought to be before any evidence. A gain is at least
 * 1 / (best supply efficiency 0.96 x the largest known gain of the sensor); calibration/sensors.yaml has the figures with
 * their sources, and a test derives the bounds.
 */
export interface GainPrior {
  readonly lowerRatio: number;
  readonly meanRatio: number;
  readonly sdRatio: number;
}

export interface ChipTerm {
  readonly name: string;
  readonly sources: readonly string[];
  /** Sources that are part of `sources` and enter elsewhere: their energy is taken off. */
  readonly less: readonly string[];
  readonly prior: GainPrior;
}

/** What a set says about its chip sources; all optional, names decide the rest. */
export interface ChipLayout {
  readonly sumOf?: readonly string[];
  readonly partOf?: ReadonlyMap<string, string>;
}

const KIND_PATTERNS: readonly (readonly [ChipKind, RegExp])[] = [
  // NVML's scope `module` of Grace Hopper holds GPU, CPU and memory: it is no GPU beside them.
  ['whole', /(^|[:/_-])module([:/_-]|\d|$)/],
  ['core', /(^|[:/_-])(cores?|pp0|uncore|pp1)([-_\d]|$)/],
  ['dram', /(^|[:/_-])(dram|ram|mem|memory)([-_\d]|$)/],
  ['gpu', /(^|[:/_-])(nvml|gpu|accel|rocm|amdsmi|gaudi)([:/_-]|\d|$)/],
  ['cpu', /(^|[:/_-])(package|pkg|proc|socket|cpu)([-_\d]|$)/],
  ['whole', /(^|[:/_-])(psys|system|platform|bulk|node|total|dc|psu-output)([-_\d]|$)/],
];

export function chipKindOf(source: string): ChipKind {
  const lower = source.toLowerCase();
  for (const [kind, pattern] of KIND_PATTERNS) if (pattern.test(lower)) return kind;
  return 'other';
}

/**
 * The disjoint physical terms of these sources, ordered cpu, dram, gpu, other. `intel-rapl-mmio` is a second view of the
 * package and never counts; `whole` sources (psys, DC bus) contain the others and count only where they are alone.
 */
export function componentTerms(
  sources: readonly string[],
  layout: ChipLayout = {},
): readonly ChipTerm[] {
  const known = sources.filter((source) => !/mmio/i.test(source));
  const parts = partsOf(known, layout);
  const wholes = layout.sumOf ?? disjointOf(known, parts);
  const hasDram = known.some((source) => chipKindOf(source) === 'dram');
  const terms: ChipTerm[] = [];
  for (const kind of ['cpu', 'dram', 'gpu', 'other', 'whole', 'core'] as const) {
    const members = wholes.filter((source) => chipKindOf(source) === kind);
    if (members.length === 0) continue;
    const inside = [...parts].filter(([, whole]) => members.includes(whole)).map(([part]) => part);
    const prior = priorOf(kind, members, hasDram);
    if (inside.length > 0) {
      const partPrior = kind === 'cpu' ? priorOf('core', members, hasDram) : prior;
      terms.push({ name: `${kind}-core`, sources: inside, less: [], prior: partPrior });
      terms.push({ name: `${kind}-rest`, sources: members, less: inside, prior });
    } else terms.push({ name: kind, sources: members, less: [], prior });
  }
  return terms;
}

/** All disjoint sources as one term: the affine model. */
export function affineTerm(terms: readonly ChipTerm[]): ChipTerm {
  const inside = new Set(terms.flatMap((term) => term.less));
  const sources = terms.flatMap((term) => term.sources).filter((source) => !inside.has(source));
  const widest = terms.reduce(
    (a, b) => (b.prior.sdRatio > a.prior.sdRatio ? b : a),
    terms[0] ?? {
      prior: GAIN_PRIORS.unknown,
    },
  );
  return { name: 'chips', sources: [...new Set(sources)], less: [], prior: widest.prior };
}

/**
 * One term per source where a term sums several: sensors of one kind differ (boards by 5 %), and so does what each feeds.
 * A term that has parts taken off stays whole.
 */
export function sourceTerms(terms: readonly ChipTerm[]): readonly ChipTerm[] {
  return terms.flatMap((term) =>
    term.less.length > 0 || term.sources.length === 1
      ? [term]
      : term.sources.map((source) => ({ ...term, name: source, sources: [source] })),
  );
}

function partsOf(known: readonly string[], layout: ChipLayout): ReadonlyMap<string, string> {
  if (layout.partOf) {
    return new Map([...layout.partOf].filter(([part]) => known.includes(part)));
  }
  const packages = known.filter((source) => chipKindOf(source) === 'cpu');
  const parts = new Map<string, string>();
  for (const source of known) {
    if (chipKindOf(source) !== 'core') continue;
    const number = /(\d+)$/.exec(source)?.[1];
    const whole =
      packages.find((each) => number !== undefined && each.endsWith(`-${number}`)) ?? packages[0];
    if (whole !== undefined) parts.set(source, whole);
  }
  return parts;
}

function disjointOf(
  known: readonly string[],
  parts: ReadonlyMap<string, string>,
): readonly string[] {
  const outer = known.filter((source) => !parts.has(source));
  const single = outer.filter((source) => chipKindOf(source) !== 'whole');
  return single.length > 0 ? single : outer;
}

function priorOf(kind: ChipKind, members: readonly string[], hasDram: boolean): GainPrior {
  switch (kind) {
    case 'gpu':
      return GAIN_PRIORS['gpu-board'];
    case 'cpu':
    case 'core':
    case 'dram':
      // RAPL that has no DRAM domain may be a model (AMD): only a DRAM domain beside it proves a measuring generation.
      return hasDram || !members.some((source) => /rapl/i.test(source))
        ? GAIN_PRIORS['cpu-measured']
        : GAIN_PRIORS['cpu-modelled'];
    case 'whole':
      return members.every((source) => /(^|[:/_-])(dc|psu-output)([-_\d]|$)/i.test(source))
        ? GAIN_PRIORS['supply-output']
        : GAIN_PRIORS.unknown;
    case 'other':
      return GAIN_PRIORS.unknown;
  }
}
