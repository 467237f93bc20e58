// Applying a correction: chip energy over a span becomes energy at the wall, with its uncertainty in the three parts that
// add differently over time. Outside of the power it was fitted on a model widens, and a little further it refuses.
import type { CorrectionDetail, CorrectionModel, CorrectionShape } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import type { UncertaintyParts } from '../quantity/uncertainty.ts';
import { joules, type Joules } from '../quantity/units.ts';
import { varianceAt } from './bounded-regression.ts';
import { driftedRatio } from './level.ts';

export interface CorrectedEnergy {
  readonly energyJ: Joules;
  readonly parts: UncertaintyParts;
}

/** Beyond the fitted range by more than this share of it (or of its upper end) a model is not asked. */
const BEYOND_SPAN_RATIO = 0.5;
const BEYOND_TOP_RATIO = 0.15;
/** Relative standard uncertainty of the gain outside of the fitted range: supplies bend, fans rise with the cube. */
const BEYOND_GAIN_RATIO = 0.15;

/** What a short metering said of the level and the gain of a node: corrections to a model, with their covariance. */
export interface Anchor {
  readonly levelW: number;
  readonly gainRatio: number;
  /** Variance of the level (W²), covariance (W) and variance of the gain (1). */
  readonly covariance: readonly [number, number, number];
}

/** What is known beside the chips' energy; all of it may be absent. */
export interface Circumstance {
  readonly anchor?: Anchor | undefined;
  /** Seconds since the node was last metered; without it the whole drift counts. */
  readonly ageS?: number | undefined;
  /** Energy of the model's shapes over the span, J, in their order; without it only the mean load is known. */
  readonly shapeJ?: readonly number[] | undefined;
  /** Mean effect of the model's conditions over the span, in their order; undefined where nobody read one. */
  readonly effectRatio?: readonly (number | undefined)[] | undefined;
  /** How far apart chip power is at the two ends of the span, W; without it the usual swing of the load. */
  readonly edgeStepW?: number | undefined;
}

/**
 * Wall energy for chip energy (J by source) over `durationS`. Refuses `align.overlap` where a source of the model is
 * missing, `calibrate.out-of-range` where mean chip power lies outside, `calibrate.implausible` for what is no number,
 * `calibrate.refused` where the model's own evidence speaks against it.
 */
export function applyModel(
  model: CorrectionModel,
  chipEnergyJ: ReadonlyMap<string, number>,
  durationS: number,
  circumstance: Circumstance = {},
): CorrectedEnergy | Refusal {
  if (!(durationS > 0) || !Number.isFinite(durationS)) {
    return refuse('calibrate.implausible', 'the span has no length', 'ask for a span above 0 s');
  }
  if (model.standing === 'refused') {
    return refuse(
      'calibrate.refused',
      `the model of ${model.node} is refused by its own evidence (${model.open.join('; ')})`,
      'add the sensor that is missing and fit again, or use the meter',
    );
  }
  const powersW = termPowers(model, chipEnergyJ, durationS);
  if (isRefusal(powersW)) return powersW;
  const chipW = powersW.reduce((sum, powerW) => sum + powerW, 0);
  const beyondW = Math.max(0, model.holds.fromW - chipW, chipW - model.holds.untilW);
  const { fromW, untilW } = model.holds;
  const reachW = Math.max(BEYOND_SPAN_RATIO * (untilW - fromW), BEYOND_TOP_RATIO * untilW);
  if (beyondW > reachW) {
    return refuse(
      'calibrate.out-of-range',
      `chips at ${chipW.toFixed(1)} W, the model of ${model.node} holds from ${fromW.toFixed(1)} to ${untilW.toFixed(1)} W`,
      'meter the node at this load and fit again',
    );
  }
  const shapesW = (model.detail?.shapes ?? []).map((shape, index) => {
    const knownJ = circumstance.shapeJ?.[index];
    if (knownJ !== undefined) return knownJ / durationS;
    return shape.kind === 'square' ? (chipW * chipW) / shape.scaleW : 0;
  });
  const effects = (model.detail?.conditions ?? []).map(
    (condition, index) => circumstance.effectRatio?.[index] ?? condition.effectMeanRatio,
  );
  const { anchor } = circumstance;
  const fittedW = predictedPowerW(model, powersW, shapesW, effects);
  const powerW = fittedW * (1 + (anchor?.gainRatio ?? 0)) + (anchor?.levelW ?? 0);
  return {
    energyJ: joules(powerW * durationS),
    parts: partsOf(
      model,
      { at: [1, ...powersW, ...shapesW, ...effects], powerW, beyondW, durationS },
      circumstance,
    ),
  };
}

/** Wall power for mean power of the terms and shapes and mean effects of the conditions, W: the formula, nothing else. */
export function predictedPowerW(
  model: CorrectionModel,
  powersW: readonly number[],
  shapesW: readonly number[],
  effects: readonly number[],
): number {
  let powerW: number = model.interceptW;
  model.terms.forEach((term, index) => (powerW += term.gainRatio * (powersW[index] ?? 0)));
  model.detail?.shapes.forEach((shape, index) => {
    powerW += shape.gainRatio * (shapesW[index] ?? 0);
  });
  model.detail?.conditions.forEach((condition, index) => {
    powerW += condition.gainW * (effects[index] ?? condition.effectMeanRatio);
  });
  return powerW;
}

function termPowers(
  model: CorrectionModel,
  chipEnergyJ: ReadonlyMap<string, number>,
  durationS: number,
): readonly number[] | Refusal {
  const powersW: number[] = [];
  for (const term of model.terms) {
    let energyJ = 0;
    for (const [sources, sign] of [
      [term.sources, 1],
      [term.less ?? [], -1],
    ] as const) {
      for (const source of sources) {
        const sourceJ = chipEnergyJ.get(source);
        if (sourceJ === undefined) {
          return refuse(
            'align.overlap',
            `the model of ${model.node} needs the chip source ${source}`,
            'read every source that the model was fitted on',
          );
        }
        energyJ += sign * sourceJ;
      }
    }
    if (!Number.isFinite(energyJ)) {
      return refuse(
        'calibrate.implausible',
        `${term.name} is no number`,
        'check the chip readings',
      );
    }
    powersW.push(energyJ / durationS);
  }
  return powersW;
}

interface Span {
  /** [1, power of the terms, power of the shapes, effects of the conditions]. */
  readonly at: readonly number[];
  readonly powerW: number;
  readonly beyondW: number;
  readonly durationS: number;
}

function partsOf(model: CorrectionModel, span: Span, circumstance: Circumstance): UncertaintyParts {
  const { powerW, beyondW, durationS } = span;
  const gainRatio = model.terms.reduce((most, term) => Math.max(most, term.gainRatio), 1);
  const beyondUncertaintyW = BEYOND_GAIN_RATIO * gainRatio * beyondW;
  const { detail } = model;
  if (!detail) {
    const systematicW = Math.hypot(model.systematicRatio * powerW, beyondUncertaintyW);
    const shareS = Math.max(model.intervalS, Math.sqrt(model.intervalS * durationS));
    return {
      systematicJ: joules(systematicW * durationS),
      independentJ: joules(model.residualW * Math.min(durationS, shareS)),
      edgeJ: joules(0),
      dof: model.dof,
    };
  }
  const fitW = Math.sqrt(varianceAt(detail.covariance, span.at));
  const level = levelParts(detail, powerW, circumstance);
  const systematicW = Math.hypot(
    fitW,
    ...level.map(([partW]) => partW),
    detail.applicationW,
    unreadW(detail, circumstance),
    detail.scaleRatio * powerW,
    beyondUncertaintyW,
  );
  // Over spans shorter than the correlation, residuals do not average; over longer ones they do as independent blocks.
  const shareRatio = model.intervalS / durationS;
  const longW2 = Math.max(detail.inflationRatio * detail.noiseW ** 2, model.residualW ** 2);
  const independentW = Math.sqrt(
    Math.min(longW2 * shareRatio, model.residualW ** 2 * Math.max(1, shareRatio)),
  );
  // A shift of the clocks takes in at one end of the span what it gives away at the other. And a late state that nobody
  // followed may have taken in or given back what it holds at the usual swing of the load.
  const heldJ = circumstance.shapeJ
    ? 0
    : detail.shapes.reduce((sum, shape) => sum + latentJ(shape, detail.swingW, span.powerW), 0);
  const stepW = circumstance.edgeStepW ?? Math.SQRT2 * detail.swingW;
  const timingJ = detail.offsetUncertaintyS * stepW * gainRatio;
  return {
    systematicJ: joules(systematicW * durationS),
    independentJ: joules(independentW * durationS),
    edgeJ: joules(Math.hypot(timingJ, Math.SQRT2 * heldJ)),
    dof: systematicDof(systematicW, [
      ...level,
      [fitW, Math.max(1, detail.covarianceDof)],
      [detail.applicationW, Math.max(1, detail.applicationDof ?? Infinity)],
    ]),
  };
}

/** What a condition that nobody read may do, as far as it did over the evidence, W. */
function unreadW(detail: CorrectionDetail, { effectRatio }: Circumstance): number {
  return Math.hypot(
    ...detail.conditions.map((condition, index) =>
      effectRatio?.[index] === undefined ? condition.gainW * condition.effectSpreadRatio : 0,
    ),
  );
}

/** Energy that a late state holds at a swing of the load, J. */
function latentJ(shape: CorrectionShape, swingW: number, powerW: number): number {
  switch (shape.kind) {
    case 'slow':
      return shape.gainRatio * shape.tauS * swingW;
    case 'warm':
      return (shape.gainRatio * shape.tauS * swingW * powerW) / shape.scaleW;
    case 'square':
      return 0;
  }
}

type Part = readonly [uncertaintyW: number, dof: number];

/** Where the level and the gain may stand now: as far as they are known to move, or as a short metering left them. */
function levelParts(
  detail: CorrectionDetail,
  powerW: number,
  { anchor, ageS }: Circumstance,
): readonly Part[] {
  const { drift } = detail;
  const driftW = Math.hypot(drift.levelW, drift.gainRatio * powerW);
  const driftedW = Math.sqrt(driftedRatio(drift, anchor ? (ageS ?? 0) : ageS)) * driftW;
  if (!anchor) {
    return [
      [detail.levelW, detail.levelDof],
      [driftedW, drift.dof],
    ];
  }
  const [level, both, gain] = anchor.covariance;
  const anchoredW = Math.sqrt(Math.max(0, level + 2 * both * powerW + gain * powerW * powerW));
  return [
    [anchoredW, ANCHOR_DOF],
    [driftedW, drift.dof],
  ];
}

/** A weighing of priors and half a dozen blocks: the ratio of its uncertainty is known to about a sixth (GUM G.4.2). */
const ANCHOR_DOF = 20;

/** Welch-Satterthwaite, GUM G.4.1; parts that are not listed count as type B. */
function systematicDof(combinedW: number, parts: readonly Part[]): number {
  const below = parts.reduce((sum, [partW, dof]) => sum + partW ** 4 / dof, 0);
  return below > 0 ? Math.max(1, combinedW ** 4 / below) : Infinity;
}
