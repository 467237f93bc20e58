// Applying a correction: chip energy over a span becomes energy at the wall, with its uncertainty in the three parts that
// add differently over time. Outside of the power it was fitted on a model widens, and a little further it refuses.
import type { CorrectionModel } from '../quantity/correction.ts';
import { refuse, type Refusal } from '../quantity/fault.ts';
import type { UncertaintyParts } from '../quantity/uncertainty.ts';
import { joules, type Joules } from '../quantity/units.ts';

export interface CorrectedEnergy {
  readonly energyJ: Joules;
  readonly parts: UncertaintyParts;
}

/** Beyond the fitted range by more than this share of it (or of its upper end) a model is not asked. */
const BEYOND_SPAN_RATIO = 0.5;
const BEYOND_TOP_RATIO = 0.15;
/** Relative standard uncertainty of the gain outside of the fitted range: supplies bend, fans rise with the cube. */
const BEYOND_GAIN_RATIO = 0.15;

/** A level that was metered anew: the shift of the intercept and its standard uncertainty, W. */
export interface Anchor {
  readonly shiftW: number;
  readonly uncertaintyW: number;
}

/**
 * Wall energy for chip energy (J by source) over `durationS`. Refuses `align.overlap` where a source of the model is
 * missing, `calibrate.out-of-range` where mean chip power lies outside, `calibrate.implausible` for what is no number.
 */
export function applyModel(
  model: CorrectionModel,
  chipEnergyJ: ReadonlyMap<string, number>,
  durationS: number,
  anchor?: Anchor,
): CorrectedEnergy | Refusal {
  if (!(durationS > 0) || !Number.isFinite(durationS)) {
    return refuse('calibrate.implausible', 'the span has no length', 'ask for a span above 0 s');
  }
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
  const powerW =
    model.interceptW +
    (anchor?.shiftW ?? 0) +
    model.terms.reduce((sum, term, index) => sum + term.gainRatio * (powersW[index] ?? 0), 0);
  return {
    energyJ: joules(powerW * durationS),
    parts: partsOf(model, powersW, powerW, beyondW, durationS, anchor),
  };
}

function partsOf(
  model: CorrectionModel,
  powersW: readonly number[],
  powerW: number,
  beyondW: number,
  durationS: number,
  anchor: Anchor | undefined,
): UncertaintyParts {
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
  const fitW2 = fitVarianceW2(detail.covariance, [1, ...powersW]);
  // A level that was metered anew replaces what the level may have moved by, and most of what the fit left open.
  const levelW = anchor ? anchor.uncertaintyW : detail.levelW;
  const scaleW = detail.scaleRatio * powerW;
  const systematicW = Math.hypot(Math.sqrt(fitW2), levelW, scaleW, beyondUncertaintyW);
  // Over spans shorter than the correlation, residuals do not average; over longer ones they do as independent blocks.
  const averagedRatio = Math.min(
    detail.inflationRatio * (model.intervalS / durationS),
    Math.max(1, model.intervalS / durationS),
  );
  const levelDof = anchor ? 20 : detail.levelDof;
  return {
    systematicJ: joules(systematicW * durationS),
    independentJ: joules(model.residualW * Math.sqrt(averagedRatio) * durationS),
    // Each of the two edges may be off by the offset's uncertainty at the usual swing of the load.
    edgeJ: joules(Math.SQRT2 * detail.offsetUncertaintyS * detail.swingW * gainRatio),
    dof: effectiveDof(systematicW, [
      [levelW, levelDof],
      [Math.sqrt(fitW2), Math.max(1, model.dof)],
    ]),
  };
}

function fitVarianceW2(covariance: readonly number[], at: readonly number[]): number {
  const size = at.length;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      sum += (at[i] ?? 0) * (covariance[i * size + j] ?? 0) * (at[j] ?? 0);
    }
  }
  return Math.max(0, sum);
}

/** Welch-Satterthwaite, GUM G.4.1; parts that are not listed count as type B. */
function effectiveDof(
  combinedW: number,
  parts: readonly (readonly [uncertaintyW: number, dof: number])[],
): number {
  const below = parts.reduce((sum, [partW, dof]) => sum + partW ** 4 / dof, 0);
  return below > 0 ? Math.max(1, combinedW ** 4 / below) : Infinity;
}
