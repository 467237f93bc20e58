// Energy of any window of a node: by the meters where their curves still hold it, from settled statements where it is older,
// from corrected chips where no meter looked. Pieces add as the statements do: systematic parts linearly, independent ones
// in quadrature, and of the edges only the two outer ones.
import type { EdgeEnergy, EnergyCurve } from '../align/energy-curve.ts';
import { applyModel } from '../calibrate/apply-model.ts';
import { ageS } from '../calibrate/corrected-rows.ts';
import { modelAt } from '../calibrate/life/model-life.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import type { Kind, Quality } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import {
  alignedInterval,
  instantNs,
  since,
  toSeconds,
  type DurationNs,
  type InstantNs,
  type Interval,
} from '../quantity/time.ts';
import { expandedJ, type UncertaintyParts } from '../quantity/uncertainty.ts';
import { joules, type Joules } from '../quantity/units.ts';
import type { IntervalSource } from './intervals.ts';

/** What is known of a node now; all of it may be empty. */
export interface NodeSight {
  /** Meters of the feeds that feed this node alone; empty where it is not metered by itself. */
  readonly feeds: readonly { readonly curve: EnergyCurve; readonly systematicRatio: number }[];
  readonly chips: ReadonlyMap<string, EnergyCurve>;
  readonly model: CorrectionModel | undefined;
  /** Why there is no model yet; empty where there is. */
  readonly waitingFor: string;
  /** The slowest of its sensors, s: what is shorter than a few of these cannot be told apart. */
  readonly periodS: number;
}

export interface WindowSources {
  readonly interval: DurationNs;
  readonly statements: IntervalSource;
  readonly nowNs: () => InstantNs;
  /** undefined where the site has no such node. */
  readonly sight: (node: string) => NodeSight | undefined;
}

export interface WindowEnergy {
  readonly energyJ: Joules;
  readonly parts: UncertaintyParts;
  readonly quality: Quality;
  /** Where the pieces came from: `meter`, `settled`, `model`. */
  readonly methods: readonly string[];
  readonly models: readonly string[];
}

type Piece = WindowEnergy;

/** From the best to the least: a window is as good as its worst piece. */
const RANKS: readonly Quality[] = [
  'verified',
  'actual',
  'scaled',
  'interpolated',
  'like-day',
  'derived',
  'partial',
  'provisional',
];
const KINDS_BY_WORTH: readonly Kind[] = ['metered', 'allocated', 'corrected'];
const SPAN_DAYS = 92n;

/** Refuses `settle.missing` where a part of the window is known by nobody, and what is not over yet. */
export function windowEnergy(
  sources: WindowSources,
  node: string,
  window: Interval,
): WindowEnergy | Refusal {
  const sight = sources.sight(node);
  if (!sight) return missing(`this site has no node "${node}"`, '/v1/rack lists the nodes');
  if (window.untilNs <= window.fromNs) return missing('the window has no length', 'end it later');
  if (window.untilNs - window.fromNs > SPAN_DAYS * 86_400_000_000_000n) {
    return missing('the window is longer than 92 days', 'ask for its parts');
  }
  if (window.untilNs > sources.nowNs()) return missing('the window is not over yet', 'ask later');
  const whole = meteredPiece(sight, window);
  if (whole) return closest(whole, sight, window);
  const pieces: Piece[] = [];
  const settled = settledOf(sources, node, window);
  for (let atNs = window.fromNs; atNs < window.untilNs;) {
    const around = alignedInterval(atNs, sources.interval);
    const endNs = around.untilNs < window.untilNs ? around.untilNs : window.untilNs;
    const span = { fromNs: atNs, untilNs: endNs };
    const statement = settled.get(around.fromNs);
    const isWhole = atNs === around.fromNs && endNs === around.untilNs;
    const piece =
      (isWhole && statement ? settledPiece(statement, span) : undefined) ??
      livePiece(sight, span) ??
      (statement ? settledPiece(statement, span) : undefined);
    if (!piece || isRefusal(piece)) {
      return (
        piece ??
        missing(
          'neither a meter nor corrected chips cover a part of the window',
          'the newest readings come within seconds, settled intervals when they are due',
        )
      );
    }
    pieces.push(piece);
    atNs = instantNs(endNs);
  }
  return sumOf(pieces);
}

const missing = (because: string, remedy: string): Refusal =>
  refuse('settle.missing', because, remedy);

/** The best settled statement of each interval that the window touches, by its start. */
function settledOf(
  { statements, interval }: WindowSources,
  node: string,
  window: Interval,
): ReadonlyMap<bigint, IntervalStatement> {
  const best = new Map<bigint, IntervalStatement>();
  const fromNs = alignedInterval(window.fromNs, interval).fromNs;
  const chunkNs = 6n * 3_600_000_000_000n;
  for (let atNs = fromNs; atNs < window.untilNs; atNs = instantNs(atNs + chunkNs)) {
    const endNs = instantNs(atNs + chunkNs < window.untilNs ? atNs + chunkNs : window.untilNs);
    for (const { statement } of statements.between(atNs, endNs)) {
      if (statement.point !== `node/${node}` || statement.energyUj === undefined) continue;
      const known = best.get(statement.startNs);
      if (worth(statement) >= 0 && (!known || worth(statement) < worth(known))) {
        best.set(statement.startNs, statement);
      }
    }
  }
  return best;
}

const worth = ({ kind }: IntervalStatement): number => KINDS_BY_WORTH.indexOf(kind);

/** A statement, or the part of it that lies in the span, as if its power had been even. */
function settledPiece(statement: IntervalStatement, span: Interval): Piece {
  const shareRatio = Number(span.untilNs - span.fromNs) / Number(statement.durationNs);
  const energyJ = (Number(statement.energyUj ?? 0n) / 1e6) * shareRatio;
  const { uncertainty } = statement;
  // Where in the interval the energy lay is not known: rectangular, up to all that lies outside of the span.
  const unevenJ = shareRatio < 1 ? (energyJ * (1 - shareRatio)) / Math.sqrt(3) : 0;
  return {
    energyJ: joules(energyJ),
    parts: {
      systematicJ: joules(uncertainty.systematicJ * shareRatio),
      independentJ: joules(uncertainty.independentJ * Math.sqrt(shareRatio)),
      edgeJ: joules(Math.hypot(uncertainty.edgeJ, unevenJ)),
      dof: uncertainty.dof,
    },
    quality: shareRatio < 1 && statement.quality === 'actual' ? 'interpolated' : statement.quality,
    methods: ['settled'],
    models: statement.model === '' ? [] : [statement.model],
  };
}

/** The meter where it looked, else corrected chips. */
function livePiece(sight: NodeSight, span: Interval): Piece | Refusal | undefined {
  const metered = meteredPiece(sight, span);
  return metered ? closest(metered, sight, span) : modelledPiece(sight, span);
}

/**
 * A register of 10 Wh knows a minute worse than chips that it has taught: of the two the one with the smaller U counts, and
 * says which it is. A provisional model never stands in for a meter.
 */
function closest(metered: Piece, sight: NodeSight, span: Interval): Piece {
  if (sight.model?.standing === 'provisional') return metered;
  const modelled = modelledPiece(sight, span);
  if (!modelled || isRefusal(modelled)) return metered;
  return expandedJ(modelled.parts) < expandedJ(metered.parts) ? modelled : metered;
}

function meteredPiece({ feeds }: NodeSight, span: Interval): Piece | undefined {
  if (feeds.length === 0) return undefined;
  let energyJ = 0;
  let systematicJ = 0;
  let edgeJ2 = 0;
  let quality: Quality = 'actual';
  for (const { curve, systematicRatio } of feeds) {
    const from = curve.energyAt(span.fromNs);
    const final = curve.energyAt(span.untilNs);
    const until: EdgeEnergy | undefined = final ?? curve.provisionalAt(span.untilNs);
    if (!from || !until || from.stretch !== until.stretch) return undefined;
    if (!final) quality = 'provisional';
    else if (quality === 'actual' && (from.hole ?? until.hole)) quality = 'interpolated';
    const feedJ = Number(until.energyUj - from.energyUj) / 1e6;
    energyJ += feedJ;
    systematicJ += Math.abs(feedJ) * systematicRatio;
    edgeJ2 += from.edgeJ ** 2 + until.edgeJ ** 2;
  }
  return {
    energyJ: joules(energyJ),
    parts: {
      systematicJ: joules(systematicJ),
      independentJ: joules(0),
      edgeJ: joules(Math.sqrt(edgeJ2)),
      dof: Infinity,
    },
    quality,
    methods: ['meter'],
    models: [],
  };
}

function modelledPiece({ chips, model }: NodeSight, span: Interval): Piece | Refusal | undefined {
  if (!model || chips.size === 0) return undefined;
  const energies = new Map<string, number>();
  for (const [source, curve] of chips) {
    const from = curve.energyAt(span.fromNs);
    const until = curve.energyAt(span.untilNs) ?? curve.provisionalAt(span.untilNs);
    if (!from || !until || from.stretch !== until.stretch) return undefined;
    energies.set(source, Number(until.energyUj - from.energyUj) / 1e6);
  }
  const held = modelAt(model, span.fromNs);
  if (isRefusal(held)) return held;
  const corrected = applyModel(held, energies, toSeconds(since(span.fromNs, span.untilNs)), {
    ageS: ageS(held, span.fromNs),
  });
  if (isRefusal(corrected)) return corrected;
  return {
    ...corrected,
    quality: held.standing === 'provisional' ? 'provisional' : 'derived',
    methods: ['model'],
    models: [held.id],
  };
}

function sumOf(pieces: readonly Piece[]): WindowEnergy {
  const sum = (of: (piece: Piece) => number): number =>
    pieces.reduce((total, piece) => total + of(piece), 0);
  const outer = [pieces[0], pieces[pieces.length - 1]];
  return {
    energyJ: joules(sum((piece) => piece.energyJ)),
    parts: {
      systematicJ: joules(sum((piece) => piece.parts.systematicJ)),
      independentJ: joules(Math.sqrt(sum((piece) => piece.parts.independentJ ** 2))),
      edgeJ: joules(
        pieces.length === 1
          ? (pieces[0]?.parts.edgeJ ?? 0)
          : Math.hypot(...outer.map((piece) => piece?.parts.edgeJ ?? 0)),
      ),
      dof: Math.min(...pieces.map((piece) => piece.parts.dof)),
    },
    quality: worstOf(pieces.map((piece) => piece.quality)),
    methods: [...new Set(pieces.flatMap((piece) => piece.methods))],
    models: [...new Set(pieces.flatMap((piece) => piece.models))],
  };
}

export const worstOf = (qualities: readonly Quality[]): Quality =>
  qualities.reduce((worst, each) => (RANKS.indexOf(each) > RANKS.indexOf(worst) ? each : worst));
