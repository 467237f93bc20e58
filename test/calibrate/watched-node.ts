// Blocks of a node whose level is known at every instant: noise that is correlated over a minute, applications that the
// model has not seen, and a level that a test moves as it likes. Noise comes from a seed.
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import type { WatchBlock } from '../../src/calibrate/life/watch-budget.ts';
import { minimalRandom } from './synthetic-node.ts';

export const START_S = 1_700_000_000;
const BLOCK_S = 5;

/** 970 W + 1.2 x chips, fitted on 150 to 250 W of chips. */
export function watchedModel(
  parts: {
    readonly levelW?: number;
    readonly levelDof?: number;
    readonly residualW?: number;
    readonly inflationRatio?: number;
    readonly applicationW?: number;
  } = {},
): CorrectionModel {
  return {
    node: 'n1',
    id: 'a',
    fittedAtNs: instantNs(BigInt(START_S) * 1_000_000_000n),
    evidence: {
      fromNs: instantNs(BigInt(START_S - 7200) * 1_000_000_000n),
      untilNs: instantNs(BigInt(START_S) * 1_000_000_000n),
      intervalsCount: 720,
    },
    interceptW: watts(970),
    terms: [
      {
        name: 'cpu',
        sources: ['rapl:package-0'],
        gainRatio: 1.2,
        gainUncertaintyRatio: 0.005,
      },
    ],
    holds: { fromW: watts(150), untilW: watts(250) },
    offsetNs: 0n,
    residualW: watts(parts.residualW ?? 2),
    intervalS: 10,
    systematicRatio: 0.01,
    dof: 40,
    standing: 'accepted',
    open: [],
    gapRatio: 0.8,
    detail: {
      form: 'components',
      covariance: [4, -0.01, -0.01, 0.000025],
      levelW: parts.levelW ?? 7,
      levelDof: parts.levelDof ?? 60,
      shapes: [],
      conditions: [],
      covarianceDof: 40,
      drift: { levelW: 0, gainRatio: 0, dof: 8, relaxS: 43_200 },
      applicationW: parts.applicationW ?? 0,
      noiseW: parts.residualW ?? 2,
      leftOut: { byApplication: [], byDay: [] },
      scaleRatio: 0,
      inflationRatio: parts.inflationRatio ?? 4,
      swingW: 27,
      rateRatio: 0,
      offsetUncertaintyS: 0.1,
      meterSources: ['wall'],
      heldMeters: [],
      chipStamp: 'end',
    },
  };
}

export interface Lived {
  readonly hours: number;
  readonly seed: number;
  readonly startS?: number;
  /** W above the model, by seconds since the start. */
  readonly levelW?: (afterS: number) => number;
  /** Standard deviation of one block, correlated over a minute, W. */
  readonly noiseW?: number;
  /** Each application of ten minutes draws its own gain, off by this much (standard deviation). */
  readonly gainScatterRatio?: number;
}

export function livedBlocks(lived: Lived): WatchBlock[] {
  const random = minimalRandom(lived.seed);
  for (let skipped = 0; skipped < 20; skipped++) random();
  const normal = (): number => {
    let sum = -6;
    for (let draw = 0; draw < 12; draw++) sum += random();
    return sum;
  };
  const startS = lived.startS ?? START_S;
  const count = Math.round((lived.hours * 3600) / BLOCK_S);
  const keep = Math.exp(-BLOCK_S / 60);
  let noise = 0;
  let gainRatio = 1.2;
  let chipW = 200;
  return Array.from({ length: count }, (_, index) => {
    if (index % 120 === 0) {
      gainRatio = 1.2 * (1 + (lived.gainScatterRatio ?? 0) * normal());
      chipW = 160 + 80 * random();
    }
    noise = keep * noise + Math.sqrt(1 - keep ** 2) * normal();
    const afterS = index * BLOCK_S;
    const aboveW =
      (lived.levelW?.(afterS) ?? 0) +
      (lived.noiseW ?? 2) * noise +
      // An application errs about the load that the node was calibrated at.
      (gainRatio - 1.2) * (chipW - 200);
    return {
      fromS: startS + afterS,
      untilS: startS + afterS + BLOCK_S,
      meteredW: 970 + 1.2 * chipW + aboveW,
      predictedW: 970 + 1.2 * chipW,
      termsW: [chipW],
    };
  });
}
