// A feed that nobody meters leaves a perfect fit and a wrong one: every gain comes out too small by the share that is
// missing. Physics gives it away, since a wall never rises by less than what its chips rise by, nor shows less than they do.
import type { ChipTerm } from '../chip-terms.ts';

export const SUSPICIONS = ['missing-feed', 'unit', 'lost-feed', 'transfer'] as const;

export interface Suspicion {
  readonly what: (typeof SUSPICIONS)[number];
  /** `impossible`: physics is contradicted, nothing may be fitted. `unlikely`: a gate stays open. `note`: the sum still holds. */
  readonly strength: 'impossible' | 'unlikely' | 'note';
  readonly evidence: readonly string[];
  readonly remedy: string;
}

/** What the suspicion is drawn from: means, and the free straight line of the meter over the chips. */
export interface FeedSummary {
  readonly meterW: number;
  readonly chipW: number;
  readonly slopeRatio: number;
  readonly slopeUncertaintyRatio: number;
  /** Share of the meter's variance that the line explains, 0 to 1. */
  readonly explainedRatio: number;
  /** Standard uncertainty of the meter's mean against that of the chips, from the scatter about the line. */
  readonly meanUncertaintyW: number;
  /** Least gain that physics allows for any of the chips' sensors; 0 where one of them is a model. */
  readonly lowerRatio: number;
  /** The chips are the output of the supplies: they hold the whole node already. */
  readonly wholeNode: boolean;
  /** How many feeds are metered, and how many supplies the machine says it has, where somebody knows. */
  readonly feedsCount?: number;
  readonly suppliesCount?: number;
}

/** A meter whose class nobody states may read low by 3 %, the widest that PDU makers state. */
const METER_RATIO = 0.97;
/** A line that explains less than this is no line to judge physics by. */
const EXPLAINED_RATIO_MIN = 0.8;
/** A model of a chip may count too much, but not a quarter more than the whole machine takes. */
const MODELLED_LOWER_RATIO = 0.8;
/** Wall over chips of a whole node: software reads 18 to 44 % below the wall (recorded nodes), supplies alone lose 4 %. */
const WALL_PER_CHIP_LEAST = 1 / (1 - 0.18);
const WALL_PER_CHIP_MOST = 1 / (1 - 0.44);
const BARELY_ABOVE_RATIO = 1.08;
const AT_BOUND_RATIO = 1.05;
/** mW for W and W for kW are off by a thousand; no node has fifty supplies, nor a wall of fifty times its chips. */
const UNIT_RATIO = 50;

/** Means and free line of rows; neighbouring rows err alike, so five count as one. */
export function feedSummary(
  meterW: Float64Array,
  chipW: Float64Array,
  terms: readonly ChipTerm[],
): FeedSummary {
  const count = meterW.length;
  const meanOf = (column: Float64Array): number =>
    column.reduce((sum, each) => sum + each, 0) / Math.max(1, count);
  const meanY = meanOf(meterW);
  const meanX = meanOf(chipW);
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let row = 0; row < count; row++) {
    const offX = (chipW[row] ?? 0) - meanX;
    const offY = (meterW[row] ?? 0) - meanY;
    xx += offX * offX;
    xy += offX * offY;
    yy += offY * offY;
  }
  const slopeRatio = xx > 0 ? xy / xx : 0;
  const scatter = Math.max(0, yy - slopeRatio * xy);
  const noise = scatter / Math.max(1, count / 5 - 2);
  return {
    meterW: meanY,
    chipW: meanX,
    slopeRatio,
    slopeUncertaintyRatio: xx > 0 ? Math.sqrt(noise / xx) : Infinity,
    explainedRatio: xx > 0 && yy > 0 ? Math.min(1, (xy * xy) / (xx * yy)) : 0,
    meanUncertaintyW: Math.sqrt(scatter / Math.max(1, count) / Math.max(1, count / 5)),
    lowerRatio: terms.reduce((least, term) => Math.min(least, term.prior.lowerRatio), Infinity),
    wholeNode: terms.every((term) => term.name === 'whole'),
  };
}

/** Suspects a feed that is not metered, or a unit that is wrong by a thousand; undefined where physics is content. */
export function suspectMissingFeed(summary: FeedSummary): Suspicion | undefined {
  const { meterW, chipW, lowerRatio } = summary;
  if (!(chipW > 0) || !(meterW > 0)) return undefined;
  const wallPerChip = meterW / chipW;
  if (wallPerChip < 1 / UNIT_RATIO || wallPerChip > UNIT_RATIO) return unitOf(wallPerChip);
  const evidence: string[] = [];
  // Noise and timing in the chips flatten a line by as much as they leave unexplained: the steepest line it may truly be.
  const steepestRatio =
    summary.slopeRatio / Math.max(summary.explainedRatio, 0.05) + 3 * summary.slopeUncertaintyRatio;
  // Chips that are the whole node must show it in the mean; a line alone may bend at a few load steps out of time.
  const line = !summary.wholeNode && summary.explainedRatio >= EXPLAINED_RATIO_MIN;
  if (line && summary.slopeRatio > 0 && steepestRatio < METER_RATIO * lowerRatio) {
    evidence.push(
      `the meter rises by ${summary.slopeRatio.toFixed(2)} W per W of the chips, physics allows no less than ${lowerRatio.toFixed(2)}`,
    );
  }
  const leastRatio = METER_RATIO * Math.max(lowerRatio, MODELLED_LOWER_RATIO);
  if (wallPerChip + (3 * summary.meanUncertaintyW) / chipW < leastRatio) {
    evidence.push(
      `the meter shows ${meterW.toFixed(0)} W while the chips take ${chipW.toFixed(0)} W`,
    );
  }
  const impossible = evidence.length > 0;
  // One of four feeds missing leaves a line that is just possible, and a wall lower than that of any recorded node.
  const atBound = line && steepestRatio < AT_BOUND_RATIO * lowerRatio;
  const barely =
    !summary.wholeNode &&
    lowerRatio > 0 &&
    wallPerChip < (atBound ? WALL_PER_CHIP_LEAST : BARELY_ABOVE_RATIO);
  if (!impossible && !barely) return undefined;
  if (!impossible) {
    evidence.push(
      `the meter shows only ${(100 * (wallPerChip - 1)).toFixed(1)} % more than the chips, recorded nodes take 22 to 79 % more`,
    );
  }
  evidence.push(shareText(summary, wallPerChip));
  const { feedsCount, suppliesCount } = summary;
  if (feedsCount !== undefined && suppliesCount !== undefined && suppliesCount > feedsCount) {
    evidence.push(`the node has ${suppliesCount} supplies, ${feedsCount} of its feeds is metered`);
  }
  return {
    what: 'missing-feed',
    strength: impossible ? 'impossible' : 'unlikely',
    evidence,
    remedy:
      'name every feed of the node under fed_by (an A and a B feed are two), and check that no chip is counted twice and that the chips are those of this node',
  };
}

function shareText(summary: FeedSummary, wallPerChip: number): string {
  const least = summary.wholeNode ? 1 : WALL_PER_CHIP_LEAST;
  const most = summary.wholeNode ? 1.1 : WALL_PER_CHIP_MOST;
  const from = Math.round((100 * wallPerChip) / most);
  const until = Math.min(100, Math.round((100 * wallPerChip) / least));
  const fits = [2, 3, 4, 6, 8].flatMap((all) =>
    Array.from({ length: all - 1 }, (_, index) => [index + 1, all] as const).filter(
      ([some]) => (100 * some) / all >= from - 2 && (100 * some) / all <= until + 2,
    ),
  );
  const [first] = fits;
  const as = first ? `, such as ${first[0]} of ${first[1]} equal feeds` : '';
  return `as if it saw ${from} to ${until} % of the node${as}`;
}

const unitOf = (wallPerChip: number): Suspicion => ({
  what: 'unit',
  strength: 'impossible',
  evidence: [`the meter shows ${wallPerChip.toPrecision(2)} times what the chips take`],
  remedy: 'check the units of meter and chips: mW, W and kW are a thousand apart',
});

/** One line for people. */
export const suspicionText = ({ what, evidence, remedy }: Suspicion): string =>
  `${TITLES[what]}: ${evidence.join('; ')}; to do: ${remedy}`;

const TITLES: Readonly<Record<Suspicion['what'], string>> = {
  'missing-feed': 'a feed seems to be missing',
  unit: 'a unit seems to be wrong',
  'lost-feed': 'a feed has been lost',
  transfer: 'load moved from one feed to another',
};
