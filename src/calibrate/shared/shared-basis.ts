// The parameters of a joint fit as a sum of independent pieces, each with a prior of its own: one level for all nodes and
// a difference for each, one gain per term of a type and a difference for each node of it. Alike nodes teach each other.
import type { LevelRule } from '../../quantity/correction.ts';
import type { ChipTerm } from '../chip-terms.ts';

export interface SharedNode {
  readonly node: string;
  /** Nodes of one type are alike; `unspecified` is like nothing else. */
  readonly type: string;
  readonly terms: readonly ChipTerm[];
  /** By which the sum of the levels is divided. */
  readonly weight: number;
}

/** One independent piece: where it enters the parameters of the nodes, and what is known of it beforehand. */
interface Piece {
  readonly is: 'level' | 'own-level' | 'gain' | 'own-gain';
  readonly enters: readonly (readonly [parameter: number, times: number])[];
  readonly centre: number;
  readonly spread: number;
  /** Least value, given the solution of the round before. */
  readonly lower: (solution: Float64Array) => number;
}

export interface Basis {
  readonly pieces: readonly Piece[];
  /** Index of each node's level among the parameters; its gains follow. */
  readonly levelAt: readonly number[];
  readonly parametersCount: number;
}

/** Gains of boards of one model differ by 5 %, of several in one term by less; what boards and supplies of a node share, by 2 %. */
const BOARD_RATIO = 0.05;
const NODE_RATIO = 0.02;
/** How far levels may lie from what the rule gives, relative: alike nodes, by nameplate, by nothing but their number. */
const LEVEL_RATIO = { alike: 0.1, type: 0.1, nameplate: 0.3, equal: 0.5 } as const;

const alone = (type: string): boolean => type === '' || type === 'unspecified';
const typeKey = ({ node, type }: SharedNode): string => (alone(type) ? `node ${node}` : type);

/**
 * @param levelW a first guess of the sum of all levels, W; it sets how far levels may differ, not where they lie.
 * @param reachW how far the sum may lie from it.
 */
export function basisOf(
  nodes: readonly SharedNode[],
  rule: LevelRule,
  levelW: number,
  reachW: number,
): Basis {
  const levelAt: number[] = [];
  let parametersCount = 0;
  for (const { terms } of nodes) {
    levelAt.push(parametersCount);
    parametersCount += 1 + terms.length;
  }
  const weights = weightsOf(nodes);
  const pieces: Piece[] = [
    {
      is: 'level',
      enters: nodes.map((_, index) => [levelAt[index] ?? 0, weights[index] ?? 0] as const),
      centre: levelW,
      spread: reachW,
      lower: () => 0,
    },
  ];
  const alike = new Set(nodes.map(typeKey)).size === 1;
  const ratio = alike ? LEVEL_RATIO.alike : LEVEL_RATIO[rule];
  nodes.forEach((_, index) => {
    if (nodes.length < 2) return;
    const weight = weights[index] ?? 0;
    pieces.push({
      is: 'own-level',
      enters: [[levelAt[index] ?? 0, 1]],
      centre: 0,
      spread: Math.max(ratio * weight * levelW, 1e-3),
      lower: (solution) => -weight * Math.max(0, solution[0] ?? 0),
    });
  });
  return {
    pieces: [...pieces, ...gainPieces(nodes, levelAt, pieces.length)],
    levelAt,
    parametersCount,
  };
}

function gainPieces(
  nodes: readonly SharedNode[],
  levelAt: readonly number[],
  firstPiece: number,
): Piece[] {
  const members = new Map<string, { parameter: number; term: ChipTerm }[]>();
  nodes.forEach((node, index) => {
    node.terms.forEach((term, place) => {
      const key = `${typeKey(node)}|${term.name}`;
      const known = members.get(key) ?? [];
      known.push({ parameter: (levelAt[index] ?? 0) + 1 + place, term });
      members.set(key, known);
    });
  });
  const pieces: Piece[] = [];
  for (const group of members.values()) {
    const [first] = group;
    if (!first) continue;
    const { prior } = first.term;
    const typeAt = firstPiece + pieces.length;
    pieces.push({
      is: 'gain',
      enters: group.map(({ parameter }) => [parameter, 1] as const),
      centre: prior.meanRatio,
      spread: prior.sdRatio,
      lower: () => prior.lowerRatio,
    });
    if (group.length < 2) continue;
    for (const { parameter, term } of group) {
      const boards = Math.hypot(BOARD_RATIO / Math.sqrt(term.sources.length), NODE_RATIO);
      pieces.push({
        is: 'own-gain',
        enters: [[parameter, 1]],
        centre: 0,
        spread: Math.min(boards * prior.meanRatio, prior.sdRatio / 2),
        lower: (solution) => prior.lowerRatio - (solution[typeAt] ?? prior.meanRatio),
      });
    }
  }
  return pieces;
}

/** Shares of the level, summing to 1; equal where no weight is any. */
export function weightsOf(nodes: readonly SharedNode[]): readonly number[] {
  const whole = nodes.reduce((sum, { weight }) => sum + weight, 0);
  return nodes.map(({ weight }) => (whole > 0 ? weight / whole : 1 / nodes.length));
}
