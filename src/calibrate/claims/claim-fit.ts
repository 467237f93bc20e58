// Learning a tracker: its claims beside the wall energy of the same spans give an affine correction of mean power. Each claim
// weighs as its steps allow, and claims of one application weigh together: they err alike, however often they are repeated.
import { meansOver, secondsBetween, type EnergySeries } from '../../align/energy-series.ts';
import { CLAIMED_KINDS, type Claim } from '../../quantity/claim.ts';
import type { CorrectionDetail, CorrectionModel, LeftOut } from '../../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import type { InstantNs } from '../../quantity/time.ts';
import { watts } from '../../quantity/units.ts';
import { dayDrift } from '../level.ts';
import { modelId } from '../model-json.ts';
import { GAIN_PRIORS } from '../knowledge/sensor-table.ts';
import { standingOf } from '../gates.ts';
import {
  applicationSpread,
  togetherW,
  type ApplicationSpread,
  type ClaimPoint,
} from './application-spread.ts';
import { claimedEnergyJ, claimSource, lengthOf, stepUncertaintyJ } from './correct-claim.ts';
import { fitLine, lineAt, type Line } from './weighted-line.ts';

export interface MeteredClaim {
  readonly claim: Claim;
  /** What a meter counted over the same span. */
  readonly wallJ: number;
}

export interface ClaimFitFrame {
  readonly node: string;
  readonly fittedAtNs: InstantNs;
  /** Relative standard uncertainty of the meter; without it U is relative to the meter. */
  readonly meterRatio?: number | undefined;
}

const CLAIMS_COUNT_MIN = 4;
const SPREAD_RATIO_MIN = 0.04;
/** Half an hour; applications enough to see what a line through them leaves; each within 5 % by a fit without it. */
const EVIDENCE_S = 1800;
const APPLICATIONS_COUNT = 3;
const GATE_APPLICATIONS_COUNT = 4;
const LEFT_OUT_RATIO = 0.05;
/** Whatever its errors, a claim is what a program says of itself: no audit rests on it. */
const NO_AUDIT =
  'audit: learnt from claims of a tracker, not from counters; run trueup agent on the node';
const COVERED_RATIO_MIN = 0.95;
const ROUNDS_COUNT = 4;
/** Tracker and meter stamp by the same host time at best to a whole second: rectangular. */
const STAMP_S = 1 / Math.sqrt(12);

/** The claims that a meter covered, with its energy over each. */
export function meteredClaims(
  claims: readonly Claim[],
  wall: EnergySeries,
): readonly MeteredClaim[] {
  return claims.flatMap((claim) => {
    const fromS = secondsBetween(wall.originNs, claim.fromNs);
    const lengthS = lengthOf(claim);
    const means = meansOver(wall, Float64Array.of(fromS), Float64Array.of(fromS + lengthS));
    if ((means.coveredRatio[0] ?? 0) < COVERED_RATIO_MIN) return [];
    return [{ claim, wallJ: (means.meanW[0] ?? 0) * lengthS }];
  });
}

interface Point extends Omit<ClaimPoint, 'trustRatio'> {
  readonly lengthS: number;
}

/**
 * Fits one tracker on one node. Refuses `calibrate.few` below four claims, `calibrate.flat` where their power is alike, and
 * `calibrate.implausible` where the claims measure different chips or explain the wall with a gain that physics forbids.
 */
export function fitClaims(
  metered: readonly MeteredClaim[],
  frame: ClaimFitFrame,
): CorrectionModel | Refusal {
  const [first] = metered;
  if (!first || metered.length < CLAIMS_COUNT_MIN) {
    return refuse(
      'calibrate.few',
      `a meter covers ${metered.length} of the claims`,
      `give at least ${CLAIMS_COUNT_MIN} claims of different load, and the meter of the same time (local stamps need --zone)`,
    );
  }
  const { tracker } = first.claim;
  const kinds = CLAIMED_KINDS.filter((kind) => first.claim.measured.has(kind));
  const odd = metered.find(
    ({ claim }) =>
      claim.tracker !== tracker ||
      claim.measured.size !== kinds.length ||
      !kinds.every((kind) => claim.measured.has(kind)),
  );
  if (odd) {
    return refuse(
      'calibrate.implausible',
      'some claims measure other chips than others',
      'learn from claims of one tracker and one set of chips',
    );
  }
  const powersW = metered.map(({ claim }) => claimedEnergyJ(claim) / lengthOf(claim));
  const lowW = Math.min(...powersW);
  const highW = Math.max(...powersW);
  if (!(lowW > 0) || highW - lowW < SPREAD_RATIO_MIN * highW) {
    return refuse(
      'calibrate.flat',
      `the claims lie between ${lowW.toFixed(1)} and ${highW.toFixed(1)} W`,
      'learn from an idle span and from loads',
    );
  }
  const holds = { fromW: watts(lowW), untilW: watts(highW) };
  const points = metered.map((each) => pointOf(each, holds));
  // A total may hold table values for what was not measured: physics bounds no such gain.
  const lowerRatio = kinds.includes('total') ? 0 : GAIN_PRIORS['gpu-board'].lowerRatio;
  const { line, spread } = fitApplications(points, lowerRatio);
  if (line.gainRatio > 3 && lowerRatio > 0) {
    return refuse(
      'calibrate.implausible',
      `the wall rises by ${line.gainRatio.toFixed(2)} W per claimed W`,
      'check the number of devices, the PUE, and that the meter measures this node',
    );
  }
  const evidence = { points, line, spread, lowerRatio, holds };
  return modelOf(
    metered,
    kinds.map((kind) => claimSource(tracker, kind)),
    evidence,
    frame,
  );
}

function pointOf({ claim, wallJ }: MeteredClaim, seen: CorrectionModel['holds']): Point {
  const lengthS = lengthOf(claim);
  const y = wallJ / lengthS;
  const { levelW, gainRatio } = dayDrift(y);
  return {
    x: claimedEnergyJ(claim) / lengthS,
    y,
    xSpreadW: stepUncertaintyJ(claim, seen) / lengthS,
    ySpreadW: Math.hypot(levelW, gainRatio * y),
    application: claim.application,
    lengthS,
  };
}

/** The line and what applications do beside it, each from the other: a few rounds settle both. */
function fitApplications(
  said: readonly Point[],
  lowerRatio: number,
): { readonly line: Line; readonly spread: ApplicationSpread } {
  // Who is odd is seen before claims are taken together, where one of two would carry the other along.
  const alone = fitLine(said, lowerRatio);
  const points = said.map((point, index) => ({
    ...point,
    trustRatio: alone.trustRatio[index] ?? 1,
  }));
  let spread = applicationSpread(points, alone);
  let line = fitLine(togetherW(points, spread), lowerRatio);
  for (let round = 1; round < ROUNDS_COUNT; round++) {
    spread = applicationSpread(points, line);
    line = fitLine(togetherW(points, spread), lowerRatio);
  }
  return { line, spread };
}

interface Evidence {
  readonly points: readonly Point[];
  readonly line: Line;
  readonly spread: ApplicationSpread;
  readonly holds: CorrectionModel['holds'];
  readonly lowerRatio: number;
}

function modelOf(
  metered: readonly MeteredClaim[],
  sources: readonly string[],
  { points, line, spread, holds, lowerRatio }: Evidence,
  frame: ClaimFitFrame,
): CorrectionModel {
  const meanY = meanOf(points.map((point) => point.y));
  const meanX = meanOf(points.map((point) => point.x));
  const residuals = points.map((point) => lineAt(line, point.x) - point.y);
  const residualW = Math.sqrt(
    residuals.reduce((sum, each) => sum + each * each, 0) / Math.max(1, points.length - 2),
  );
  const applications = [...new Set(points.map((point) => point.application))];
  const byApplication = leftOutOf(points, applications, lowerRatio);
  const coveredS = points.reduce((sum, point) => sum + point.lengthS, 0);
  const open = openGates(coveredS, byApplication, applications.length);
  const detail: CorrectionDetail = {
    form: 'affine',
    shapes: [],
    conditions: [],
    covariance: line.covariance,
    covarianceDof: spread.dof,
    levelW: 0,
    levelDof: Infinity,
    drift: dayDrift(meanY),
    applicationW: spread.applicationW,
    applicationDof: spread.dof,
    scaleRatio: frame.meterRatio ?? 0,
    noiseW: residualW,
    inflationRatio: 1,
    swingW: Math.sqrt(meanOf(points.map((point) => (point.x - meanX) ** 2))),
    rateRatio: 0,
    offsetUncertaintyS: STAMP_S,
    meterSources: [],
    heldMeters: [],
    chipStamp: 'end',
    leftOut: { byApplication, byDay: [] },
  };
  const [from] = metered.map(({ claim }) => claim.fromNs).sort(ascending);
  const until = metered.map(({ claim }) => claim.untilNs).sort(ascending);
  const model: Omit<CorrectionModel, 'id'> = {
    node: frame.node,
    fittedAtNs: frame.fittedAtNs,
    evidence: {
      fromNs: from ?? frame.fittedAtNs,
      untilNs: until[until.length - 1] ?? frame.fittedAtNs,
      intervalsCount: metered.length,
    },
    interceptW: watts(line.levelW),
    terms: [
      {
        name: 'chips',
        sources,
        gainRatio: line.gainRatio,
        gainUncertaintyRatio: Math.sqrt(line.covariance[3] ?? 0),
      },
    ],
    holds,
    offsetNs: 0n,
    residualW: watts(residualW),
    intervalS: meanOf(points.map((point) => point.lengthS)),
    systematicRatio: Math.hypot(frame.meterRatio ?? 0, detail.applicationW / meanY),
    dof: spread.dof,
    standing: standingOf(open),
    open,
    gapRatio: 1 - meanX / meanY,
    detail,
  };
  return { ...model, id: modelId(model) };
}

function leftOutOf(
  points: readonly Point[],
  applications: readonly string[],
  lowerRatio: number,
): readonly LeftOut[] {
  if (applications.length < APPLICATIONS_COUNT) return [];
  return applications.map((name) => {
    const { line } = fitApplications(
      points.filter((point) => point.application !== name),
      lowerRatio,
    );
    const own = points.filter((point) => point.application === name);
    const coveredS = own.reduce((sum, point) => sum + point.lengthS, 0);
    const meteredJ = own.reduce((sum, point) => sum + point.lengthS * point.y, 0);
    const saidJ = own.reduce((sum, point) => sum + point.lengthS * lineAt(line, point.x), 0);
    return { name, biasRatio: saidJ / meteredJ - 1, coveredS };
  });
}

function openGates(
  coveredS: number,
  byApplication: readonly LeftOut[],
  applicationsCount: number,
): readonly string[] {
  const open: string[] = [NO_AUDIT];
  if (coveredS < EVIDENCE_S) {
    open.push(
      `evidence: ${(coveredS / 60).toFixed(1)} of ${EVIDENCE_S / 60} minutes of claims with a meter; give more of them`,
    );
  }
  if (applicationsCount < GATE_APPLICATIONS_COUNT) {
    open.push(
      `applications: ${applicationsCount} of ${GATE_APPLICATIONS_COUNT}; name projects or windows in the tracker`,
    );
  }
  const worst = byApplication.filter((each) => Math.abs(each.biasRatio) > LEFT_OUT_RATIO);
  for (const { name, biasRatio } of worst) {
    open.push(
      `application ${name}: left out it is off by ${(100 * biasRatio).toFixed(1)} %; longer spans or shorter steps would show why`,
    );
  }
  return open;
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length);
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** The same for whoever has claims and refusals mixed, as a file gives them. */
export const wholeClaims = (entries: readonly (Claim | Refusal)[]): readonly Claim[] =>
  entries.flatMap((entry) => (isRefusal(entry) ? [] : [entry]));
