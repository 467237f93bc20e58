// The gates between a fit and a model that may be relied on. Each names itself, what was found, what is allowed and what
// to do. Building measurement's limits (ASHRAE Guideline 14: NMBE 5 %) are the floor, which nearly every affine passes; our own
// are far tighter. The figures come from calibration/gates.yaml, where their sources stand.
import type { LeftOut, Standing } from '../quantity/correction.ts';
import type { Rows } from './rows.ts';
import { ASHRAE_PERCENT, GATE_LIMITS } from './knowledge/gate-table.ts';

export interface BlockErrors {
  /** (predicted - metered) / metered energy; NMBE of ASHRAE Guideline 14 with the sign kept. */
  readonly biasRatio: number;
  /** RMS error of blocks over mean power; CV(RMSE). */
  readonly cvRatio: number;
  readonly blockS: number;
  readonly blocksCount: number;
}

export interface GateEvidence {
  readonly aligned: boolean;
  /** The last part of the evidence, predicted by a fit on what came before. */
  readonly held: BlockErrors | undefined;
  readonly byApplication: readonly LeftOut[];
  readonly byDay: readonly LeftOut[];
  /** What speaks against the evidence itself, in words. */
  readonly doubts: readonly string[];
}

export interface Verdict {
  readonly standing: Standing;
  readonly open: readonly string[];
}

const GATES = {
  floorRatio: ASHRAE_PERCENT.monthlyNmbe / 100,
  biasRatio: GATE_LIMITS.nmbe.limit / 100,
  cvRatio: GATE_LIMITS.cv.limit / 100,
  applicationsCount: GATE_LIMITS.applications.limit,
  evidenceS: GATE_LIMITS.evidence.limit,
} as const;

/** Blocks in which CV is judged, s: the longest that the evidence holds thirty of. */
const BLOCKS_S = [3600, 900, 60] as const;
const BLOCKS_COUNT_MIN = GATE_LIMITS.cvBlocks.limit;

/** Judges the evidence of a model; what is open says what to do. */
export function judge(rows: Rows, evidence: GateEvidence): Verdict {
  const open: string[] = [];
  const floor = floorGate(evidence.byApplication);
  if (floor !== undefined) return { standing: 'refused', open: [floor] };
  let coveredS = 0;
  for (const lengthS of rows.lengthS) coveredS += lengthS;
  if (coveredS < GATES.evidenceS) {
    open.push(
      `evidence: ${(coveredS / 60).toFixed(1)} of ${GATES.evidenceS / 60} minutes with both instruments; ${GATE_LIMITS.evidence.remedy}`,
    );
  }
  if (!evidence.aligned) {
    open.push(
      'alignment: no load edge shows how the clocks differ; run trueup calibrate staircase',
    );
  }
  open.push(...heldGates(evidence.held), ...evidence.doubts);
  open.push(...leftOutGates(evidence));
  return { standing: standingOf(open), open };
}

const AUDIT = 'audit: ';

/** A gate that an audit asks for, and use does not. */
export const isAuditGate = (gate: string): boolean => gate.startsWith(AUDIT);

/** What open gates leave of a model: those of the audit do not keep it from use. */
export function standingOf(open: readonly string[]): Standing {
  if (open.length === 0) return 'audit';
  return open.every(isAuditGate) ? 'accepted' : 'provisional';
}

/** RMS over applications, since the next one is as likely as any of them. */
function floorGate(byApplication: readonly LeftOut[]): string | undefined {
  if (byApplication.length < GATES.applicationsCount) return undefined;
  const squares = byApplication.reduce((sum, each) => sum + each.biasRatio ** 2, 0);
  const rootRatio = Math.sqrt(squares / byApplication.length);
  if (rootRatio <= GATES.floorRatio) return undefined;
  return `applications: left out in turn they are off by ${percent(rootRatio)} (RMS; ${worstOf(byApplication)}), the floor is ${percent(GATES.floorRatio)}; these chip readings miss a part of the node that loads use differently: add its sensor (DRAM, cores, GPU) or meter the node`;
}

function heldGates(held: BlockErrors | undefined): string[] {
  if (!held) return ['held-back check: too little evidence to hold any back; record longer'];
  const { biasRatio, cvRatio } = GATES;
  const open: string[] = [];
  if (Math.abs(held.biasRatio) > biasRatio) {
    open.push(
      `held-back energy: off by ${percent(held.biasRatio)}, allowed ${percent(biasRatio)}; ${GATE_LIMITS.nmbe.remedy}`,
    );
  }
  if (held.blocksCount === 0) {
    open.push(
      `held-back blocks of ${blockWords(held.blockS)}: no run of the last part is as long; record longer runs`,
    );
  }
  if (held.cvRatio > cvRatio) {
    open.push(
      `held-back blocks of ${blockWords(held.blockS)}: RMS error ${percent(held.cvRatio)}, allowed ${percent(cvRatio)}; ${GATE_LIMITS.cv.remedy}`,
    );
  }
  return open;
}

function leftOutGates({ byApplication, byDay }: GateEvidence): string[] {
  const open: string[] = [];
  const { applicationsCount, biasRatio } = GATES;
  if (byApplication.length < applicationsCount) {
    open.push(
      `${AUDIT}${byApplication.length} of ${applicationsCount} labelled applications; ${GATE_LIMITS.applications.remedy}`,
    );
  } else if (byApplication.some((each) => Math.abs(each.biasRatio) > biasRatio)) {
    open.push(
      `${AUDIT}an application left out is off by more than ${percent(biasRatio)} (${worstOf(byApplication)}); meter such loads, or bill them by meter`,
    );
  }
  if (byDay.some((each) => Math.abs(each.biasRatio) > biasRatio)) {
    open.push(
      `${AUDIT}a day left out is off by more than ${percent(biasRatio)} (${worstOf(byDay)}); anchor again each day, or keep the meter`,
    );
  }
  return open;
}

const worstOf = (folds: readonly LeftOut[]): string => {
  const worst = folds.reduce<LeftOut | undefined>(
    (most, each) => (most && Math.abs(most.biasRatio) >= Math.abs(each.biasRatio) ? most : each),
    undefined,
  );
  return worst ? `worst ${worst.name} ${percent(worst.biasRatio)}` : 'none';
};

const percent = (fractionRatio: number): string => `${(100 * fractionRatio).toFixed(2)} %`;
export function blockWords(blockS: number): string {
  const [count, unit] =
    blockS >= 3600 ? [blockS / 3600, 'h'] : blockS >= 120 ? [blockS / 60, 'min'] : [blockS, 's'];
  return `${Number(count.toPrecision(3))} ${unit}`;
}

/** The longest block that the runs of the evidence hold thirty of, s. */
export function blockLengthS(rows: Rows): number {
  const runsS = new Map<number, number>();
  for (let row = 0; row < rows.count; row++) {
    const run = rows.run[row] ?? 0;
    runsS.set(run, (runsS.get(run) ?? 0) + (rows.lengthS[row] ?? 0));
  }
  const countOf = (blockS: number): number =>
    [...runsS.values()].reduce((count, runS) => count + Math.floor(runS / blockS + 1e-6), 0);
  return BLOCKS_S.find((blockS) => countOf(blockS) >= BLOCKS_COUNT_MIN) ?? 60;
}

/**
 * Errors of what was held back, in the longest blocks of the evidence. Where its runs are too short for a fifth of the blocks that
 * are asked for (it is a fifth of the evidence), the next shorter ones are judged.
 */
export function heldErrors(rows: Rows, held: Rows, predictedW: Float64Array): BlockErrors {
  const longestS = blockLengthS(rows);
  const lengths = BLOCKS_S.filter((blockS) => blockS <= longestS);
  const errors = lengths.map((blockS) => blockErrors(held, predictedW, blockS));
  const enough = errors.find((each) => each.blocksCount >= BLOCKS_COUNT_MIN / 5);
  return enough ?? errors.at(-1) ?? blockErrors(held, predictedW, longestS);
}

/** Errors of predictions in blocks within one run; rows whose prediction is no number are passed over. */
export function blockErrors(rows: Rows, predictedW: Float64Array, blockS: number): BlockErrors {
  let meteredJ = 0;
  let errorJ = 0;
  let totalS = 0;
  let squares = 0;
  let blocksCount = 0;
  let blockErrorJ = 0;
  let lengthS = 0;
  for (let row = 0; row < rows.count; row++) {
    const eachW = predictedW[row] ?? Number.NaN;
    const eachS = Number.isNaN(eachW) ? 0 : (rows.lengthS[row] ?? 0);
    if (eachS > 0) {
      const meterW = rows.meterW[row] ?? 0;
      meteredJ += meterW * eachS;
      errorJ += (eachW - meterW) * eachS;
      blockErrorJ += (eachW - meterW) * eachS;
      lengthS += eachS;
      totalS += eachS;
    }
    const ends = row + 1 === rows.count || rows.run[row + 1] !== rows.run[row];
    const full = lengthS >= blockS * (1 - 1e-6);
    if (!full && !ends) continue;
    // What is left at the end of a run is a block if it is at least half of one.
    if (full || lengthS >= blockS / 2) {
      squares += (blockErrorJ / lengthS) ** 2;
      blocksCount++;
    }
    blockErrorJ = 0;
    lengthS = 0;
  }
  const meanW = totalS > 0 ? meteredJ / totalS : 1;
  return {
    biasRatio: meteredJ > 0 ? errorJ / meteredJ : 0,
    cvRatio: blocksCount > 0 ? Math.sqrt(squares / blocksCount) / meanW : 0,
    blockS,
    blocksCount,
  };
}
