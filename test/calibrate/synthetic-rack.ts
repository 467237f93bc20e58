// A made-up rack behind one meter whose truth is known: nodes with levels and gains of their own, loads that go their own
// way or together, and a meter that shows the sum only. It shares no code with the fit.
import type { ChipTerm } from '../../src/calibrate/chip-terms.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import type { SharedNode } from '../../src/calibrate/shared/shared-basis.ts';
import type { SharedRows } from '../../src/calibrate/shared/shared-rows.ts';
import { minimalRandom } from './synthetic-node.ts';

export interface RackTruth {
  readonly nodesCount: number;
  readonly rowsCount: number;
  readonly seed: number;
  /** One type, whose nodes differ a little; or a type for each, with gains from all that physics allows. */
  readonly alike: boolean;
  /** Relative spread of the levels between the nodes. */
  readonly levelRatio: number;
  /** From this row on it is another day: the level of each node has moved by 0.6 % of its power (one sigma). */
  readonly dayFromRow: number;
  /** 0: every node has a load of its own; 1: all run the same job. */
  readonly together: number;
  readonly noiseW: number;
  /** Wander of each node's level, W, over about a minute. */
  readonly wanderW: number;
}

export const RACK: RackTruth = {
  nodesCount: 3,
  rowsCount: 720,
  seed: 1,
  alike: true,
  levelRatio: 0.1,
  dayFromRow: Infinity,
  together: 0,
  noiseW: 5,
  wanderW: 5,
};

/** Gains of boards differ by 5 %: of one in the cpu term, of eight in the gpu term, and by 2 % from node to node. */
const OWN_RATIO = [Math.hypot(0.05, 0.02), Math.hypot(0.05 / Math.sqrt(8), 0.02)] as const;

export const RACK_TERMS: readonly ChipTerm[] = componentTerms([
  'rapl:package-0',
  'rapl:dram-0',
  ...Array.from({ length: 8 }, (_, board) => `nvml:${String(board)}`),
]).filter(({ name }) => name !== 'dram');

export interface SampledRack {
  readonly rows: SharedRows;
  readonly nodes: readonly SharedNode[];
  /** What each node truly took in each row, W. */
  readonly trueW: readonly Float64Array[];
  readonly levelsW: readonly number[];
  /** Per node: gain of cpu and gpu. */
  readonly gains: readonly (readonly [number, number])[];
}

export function normalOf(random: () => number): number {
  let sum = -6;
  for (let draw = 0; draw < 12; draw++) sum += random();
  return sum;
}

export function sampleRack(truth: RackTruth): SampledRack {
  const random = minimalRandom(truth.seed * 7919 + 13);
  for (let skipped = 0; skipped < 50; skipped++) random();
  const normal = (): number => normalOf(random);
  const { nodesCount, rowsCount } = truth;
  const typeGain = [1.17 + 0.12 * normal(), 1.17 + 0.12 * normal()] as const;
  const levelsW = Array.from({ length: nodesCount }, () =>
    Math.max(60, 300 * (1 + truth.levelRatio * normal())),
  );
  const gainOf = (term: 0 | 1, least: number): number => {
    const own = truth.alike
      ? typeGain[term] * (1 + OWN_RATIO[term] * normal())
      : 1.17 + 0.12 * normal();
    return Math.max(least, own);
  };
  const gains = levelsW.map(() => [gainOf(0, 1.05), gainOf(1, 0.92)] as const);
  const dayRatios = levelsW.map(() => 0.006 * normal());
  const column = (): Float64Array => new Float64Array(rowsCount);
  const chipW = levelsW.map(() => [column(), column()]);
  const trueW = levelsW.map(column);
  const meterW = column();
  const wander = levelsW.map(() => 0);
  const load = levelsW.map(() => random());
  let common = 0.5;
  for (let row = 0; row < rowsCount; row++) {
    if (random() < 1 / 12) common = random();
    for (let node = 0; node < nodesCount; node++) {
      if (random() < 1 / 12) load[node] = random();
      wander[node] =
        (wander[node] ?? 0) * (5 / 6) + truth.wanderW * Math.sqrt(1 - 25 / 36) * normal();
      const share = truth.together * common + (1 - truth.together) * (load[node] ?? 0);
      const cpu = 150 + 150 * share + 3 * normal();
      const gpu = 400 + 2000 * share + 10 * normal();
      const [own] = [chipW[node]];
      own![0]![row] = cpu;
      own![1]![row] = gpu;
      const [gainCpu, gainGpu] = gains[node]!;
      const dayRatio = row >= truth.dayFromRow ? (dayRatios[node] ?? 0) : 0;
      const steadyW = levelsW[node]! + gainCpu * cpu + gainGpu * gpu;
      const powerW = steadyW * (1 + dayRatio) + (wander[node] ?? 0);
      trueW[node]![row] = powerW;
      meterW[row]! += powerW;
    }
    meterW[row]! += truth.noiseW * normal();
  }
  return {
    rows: {
      count: rowsCount,
      meterW,
      lengthS: column().fill(10),
      chipW,
      onRatio: levelsW.map(() => undefined),
    },
    nodes: levelsW.map((_, node) => ({
      node: `n${String(node)}`,
      type: truth.alike ? 'dgx' : `type-${String(node)}`,
      terms: RACK_TERMS,
      weight: 1,
    })),
    trueW,
    levelsW,
    gains,
  };
}
