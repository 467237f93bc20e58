// What a model says beside its gains, as JSON: covariance, shapes, conditions, levels, drift, meters, and its checks.
import {
  CONDITION_KINDS,
  GAIN_FORMS,
  type CorrectionCondition,
  type CorrectionDetail,
  type CorrectionShape,
  type HeldMeter,
  type LeftOut,
} from '../quantity/correction.ts';
import type { Fields, ModelDocument } from './document-fields.ts';

/** JSON has no infinity: type B alone is written as its word. */
export const freedom = (dof: number): number | string => (Number.isFinite(dof) ? dof : 'infinite');

const encodeLeftOut = (folds: readonly LeftOut[]): readonly ModelDocument[] =>
  folds.map((each) => ({
    name: each.name,
    bias_ratio: each.biasRatio,
    covered_s: each.coveredS,
  }));

export function encodeDetail(detail: CorrectionDetail): ModelDocument {
  const { heldBack, pooled } = detail;
  return {
    form: detail.form,
    shapes: detail.shapes.map((shape) => ({
      kind: shape.kind,
      ...(shape.kind === 'square' ? {} : { tau_s: shape.tauS }),
      ...(shape.kind === 'slow' ? {} : { scale_w: shape.scaleW }),
      gain_ratio: shape.gainRatio,
      gain_uncertainty_ratio: shape.gainUncertaintyRatio,
    })),
    ...(detail.conditions.length > 0
      ? {
          conditions: detail.conditions.map((condition) => ({
            source: condition.source,
            kind: condition.kind,
            gain_w: condition.gainW,
            gain_uncertainty_w: condition.gainUncertaintyW,
            effect_mean_ratio: condition.effectMeanRatio,
            effect_spread_ratio: condition.effectSpreadRatio,
          })),
        }
      : {}),
    covariance: detail.covariance,
    covariance_dof: freedom(detail.covarianceDof),
    level_w: detail.levelW,
    level_dof: freedom(detail.levelDof),
    drift: {
      level_w: detail.drift.levelW,
      gain_ratio: detail.drift.gainRatio,
      dof: freedom(detail.drift.dof),
      relax_s: detail.drift.relaxS,
    },
    application_w: detail.applicationW,
    ...(detail.applicationDof === undefined
      ? {}
      : { application_dof: freedom(detail.applicationDof) }),
    scale_ratio: detail.scaleRatio,
    noise_w: detail.noiseW,
    inflation_ratio: detail.inflationRatio,
    swing_w: detail.swingW,
    rate_ratio: detail.rateRatio,
    offset_uncertainty_s: detail.offsetUncertaintyS,
    meter_sources: detail.meterSources,
    held_meters: detail.heldMeters.map((meter) => ({
      source: meter.source,
      delay_s: meter.delayS,
      window_s: meter.windowS,
      share_ratio: meter.shareRatio,
      ...(meter.delayUncertaintyS === undefined
        ? {}
        : { delay_uncertainty_s: meter.delayUncertaintyS }),
      ...(meter.windowUncertaintyS === undefined
        ? {}
        : { window_uncertainty_s: meter.windowUncertaintyS }),
      ...(meter.refreshS === undefined ? {} : { refresh_s: meter.refreshS }),
    })),
    chip_stamp: detail.chipStamp,
    ...(detail.meterStamp === undefined ? {} : { meter_stamp: detail.meterStamp }),
    ...(detail.chipWindowS === undefined ? {} : { chip_window_s: detail.chipWindowS }),
    ...(heldBack
      ? {
          held_back: {
            bias_ratio: heldBack.biasRatio,
            cv_ratio: heldBack.cvRatio,
            block_s: heldBack.blockS,
            blocks_count: heldBack.blocksCount,
          },
        }
      : {}),
    left_out: {
      by_application: encodeLeftOut(detail.leftOut.byApplication),
      by_day: encodeLeftOut(detail.leftOut.byDay),
    },
    ...(pooled
      ? {
          pooled: {
            nodes_count: pooled.nodesCount,
            between_nodes_ratio: pooled.betweenNodesRatio,
            metered: pooled.metered,
          },
        }
      : {}),
  };
}

function decodeShape(shape: Fields): CorrectionShape {
  const gain = {
    gainRatio: shape.number('gain_ratio', 0),
    gainUncertaintyRatio: shape.number('gain_uncertainty_ratio', 0),
  };
  switch (shape.text('kind')) {
    case 'slow':
      return { kind: 'slow', tauS: shape.number('tau_s', 1e-3), ...gain };
    case 'warm':
      return {
        kind: 'warm',
        tauS: shape.number('tau_s', 1e-3),
        scaleW: shape.number('scale_w', 1e-3),
        ...gain,
      };
    case 'square':
      return { kind: 'square', scaleW: shape.number('scale_w', 1e-3), ...gain };
    default:
      throw shape.fault('kind', 'is none of slow, warm, square');
  }
}

function decodeCondition(condition: Fields): CorrectionCondition {
  const word = condition.text('kind');
  const kind = CONDITION_KINDS.find((each) => each === word);
  if (!kind) throw condition.fault('kind', `is none of ${CONDITION_KINDS.join(', ')}`);
  return {
    source: condition.text('source'),
    kind,
    gainW: condition.number('gain_w', 0),
    gainUncertaintyW: condition.number('gain_uncertainty_w', 0),
    effectMeanRatio: condition.number('effect_mean_ratio'),
    effectSpreadRatio: condition.number('effect_spread_ratio', 0),
  };
}

const decodeLeftOut = (fold: Fields): LeftOut => ({
  name: fold.text('name'),
  biasRatio: fold.number('bias_ratio'),
  coveredS: fold.number('covered_s', 0),
});

export function decodeDetail(detail: Fields, termsCount: number): CorrectionDetail {
  const form = GAIN_FORMS.find((each) => each === detail.text('form'));
  if (form === undefined) throw detail.fault('form', `is none of ${GAIN_FORMS.join(', ')}`);
  const shapes = detail.list('shapes').map(decodeShape);
  const covariance = detail.numbers('covariance');
  const conditions = detail.has('conditions') ? detail.list('conditions').map(decodeCondition) : [];
  const cellsCount = (termsCount + shapes.length + conditions.length + 1) ** 2;
  if (covariance.length !== cellsCount) {
    throw detail.fault('covariance', `has not ${cellsCount} entries`);
  }
  const drift = detail.inner('drift');
  const leftOut = detail.inner('left_out');
  const heldBack = detail.has('held_back') ? detail.inner('held_back') : undefined;
  const pooled = detail.has('pooled') ? detail.inner('pooled') : undefined;
  return {
    form,
    shapes,
    conditions,
    covariance,
    covarianceDof: detail.freedom('covariance_dof'),
    levelW: detail.number('level_w', 0),
    levelDof: detail.freedom('level_dof'),
    drift: {
      levelW: drift.number('level_w', 0),
      gainRatio: drift.number('gain_ratio', 0),
      dof: drift.freedom('dof'),
      relaxS: drift.number('relax_s', 1),
    },
    applicationW: detail.number('application_w', 0),
    ...(detail.has('application_dof') ? { applicationDof: detail.freedom('application_dof') } : {}),
    scaleRatio: detail.number('scale_ratio', 0),
    noiseW: detail.number('noise_w', 0),
    inflationRatio: detail.number('inflation_ratio', 0),
    swingW: detail.number('swing_w', 0),
    rateRatio: detail.number('rate_ratio', -0.5),
    offsetUncertaintyS: detail.number('offset_uncertainty_s', 0),
    meterSources: detail.texts('meter_sources'),
    heldMeters: detail.list('held_meters').map((meter): HeldMeter => ({
      source: meter.text('source'),
      delayS: meter.number('delay_s'),
      windowS: meter.number('window_s', 0),
      shareRatio: meter.number('share_ratio', 0),
      ...(meter.has('delay_uncertainty_s')
        ? { delayUncertaintyS: meter.number('delay_uncertainty_s', 0) }
        : {}),
      ...(meter.has('window_uncertainty_s')
        ? { windowUncertaintyS: meter.number('window_uncertainty_s', 0) }
        : {}),
      ...(meter.has('refresh_s') ? { refreshS: meter.number('refresh_s', 0) } : {}),
    })),
    chipStamp: detail.text('chip_stamp'),
    ...(detail.has('meter_stamp') ? { meterStamp: detail.text('meter_stamp') } : {}),
    ...(detail.has('chip_window_s') ? { chipWindowS: detail.number('chip_window_s', 0) } : {}),
    ...(heldBack
      ? {
          heldBack: {
            biasRatio: heldBack.number('bias_ratio'),
            cvRatio: heldBack.number('cv_ratio', 0),
            blockS: heldBack.number('block_s', 0),
            blocksCount: heldBack.number('blocks_count', 0),
          },
        }
      : {}),
    leftOut: {
      byApplication: leftOut.list('by_application').map(decodeLeftOut),
      byDay: leftOut.list('by_day').map(decodeLeftOut),
    },
    ...(pooled
      ? {
          pooled: {
            nodesCount: pooled.number('nodes_count', 1),
            betweenNodesRatio: pooled.number('between_nodes_ratio', 0),
            metered: pooled.truth('metered'),
          },
        }
      : {}),
  };
}
