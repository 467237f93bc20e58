// A correction model as JSON, for files and the ledger: snake_case names with the unit last, bigints as decimal strings.
// Decoding trusts nothing: a model from elsewhere is checked field by field before it may correct anything.
import {
  CONDITION_KINDS,
  GAIN_FORMS,
  STANDINGS,
  type CorrectionCondition,
  type CorrectionDetail,
  type CorrectionModel,
  type CorrectionShape,
  type CorrectionTerm,
  type HeldMeter,
  type LeftOut,
} from '../quantity/correction.ts';
import { fnv1a64 } from '../quantity/config-fingerprint.ts';
import { formatInstant } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import { Fields, type ModelDocument } from './document-fields.ts';
import { decodeLife, encodeLife } from './life-json.ts';
import { decodeShared, encodeShared } from './shared-json.ts';

const MODEL_FORMAT = 'trueup-correction/1';

/** Plain JSON values; `JSON.stringify` of it is the file. */
export function encodeModel(model: CorrectionModel): ModelDocument {
  return { ...encodeContent(model), id: model.id };
}

/** Identity of a model's content: 64 bits of FNV-1a over its document, in hex. Not a proof; the ledger hashes for that. */
export function modelId(model: Omit<CorrectionModel, 'id'>): string {
  return fnv1a64(JSON.stringify(encodeContent(model)));
}

function encodeContent(model: Omit<CorrectionModel, 'id'>): ModelDocument {
  return {
    format: MODEL_FORMAT,
    node: model.node,
    fitted_at: formatInstant(model.fittedAtNs),
    evidence: {
      from: formatInstant(model.evidence.fromNs),
      until: formatInstant(model.evidence.untilNs),
      intervals_count: model.evidence.intervalsCount,
    },
    intercept_w: model.interceptW,
    terms: model.terms.map((term) => ({
      name: term.name,
      sources: term.sources,
      gain_ratio: term.gainRatio,
      gain_uncertainty_ratio: term.gainUncertaintyRatio,
      ...(term.less ? { less: term.less } : {}),
    })),
    holds: { from_w: model.holds.fromW, until_w: model.holds.untilW },
    offset_ns: model.offsetNs.toString(),
    residual_w: model.residualW,
    interval_s: model.intervalS,
    systematic_ratio: model.systematicRatio,
    dof: freedom(model.dof),
    standing: model.standing,
    open: model.open,
    ...(model.notes ? { notes: model.notes } : {}),
    gap_ratio: model.gapRatio,
    ...(model.detail ? { detail: encodeDetail(model.detail) } : {}),
    ...(model.shared ? { shared: encodeShared(model.shared) } : {}),
    ...(model.life ? { life: encodeLife(model.life) } : {}),
  };
}

/** JSON has no infinity: type B alone is written as its word. */
const freedom = (dof: number): number | string => (Number.isFinite(dof) ? dof : 'infinite');

const encodeLeftOut = (folds: readonly LeftOut[]): readonly ModelDocument[] =>
  folds.map((each) => ({
    name: each.name,
    bias_ratio: each.biasRatio,
    covered_s: each.coveredS,
  }));

function encodeDetail(detail: CorrectionDetail): ModelDocument {
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

/** Reads a model document; throws SiteFault that names the field. `where` is the file or the ledger entry. */
export function decodeModel(document: unknown, where: string): CorrectionModel {
  const top = new Fields(document, where);
  if (top.text('format') !== MODEL_FORMAT) {
    throw top.fault('format', `is not ${MODEL_FORMAT}`);
  }
  const evidence = top.inner('evidence');
  const holds = top.inner('holds');
  const terms = top.list('terms').map(decodeTerm);
  if (terms.length === 0 || terms.length > 16) throw top.fault('terms', 'has not 1 to 16 entries');
  const word = top.text('standing');
  const standing = STANDINGS.find((each) => each === word);
  if (!standing) throw top.fault('standing', `is none of ${STANDINGS.join(', ')}`);
  const offset = top.text('offset_ns');
  if (!/^-?\d{1,18}$/.test(offset)) throw top.fault('offset_ns', 'is no whole number in text');
  const fromW = holds.number('from_w', 0);
  const untilW = holds.number('until_w', fromW);
  return {
    node: top.text('node'),
    id: top.text('id'),
    fittedAtNs: top.instant('fitted_at'),
    evidence: {
      fromNs: evidence.instant('from'),
      untilNs: evidence.instant('until'),
      intervalsCount: evidence.number('intervals_count', 0),
    },
    interceptW: watts(top.number('intercept_w')),
    terms,
    holds: { fromW: watts(fromW), untilW: watts(untilW) },
    offsetNs: BigInt(offset),
    residualW: watts(top.number('residual_w', 0)),
    intervalS: top.number('interval_s', 0),
    systematicRatio: top.number('systematic_ratio', 0),
    dof: top.freedom('dof'),
    standing,
    open: top.texts('open'),
    ...(top.has('notes') ? { notes: top.texts('notes') } : {}),
    gapRatio: top.number('gap_ratio'),
    ...(top.has('detail') ? { detail: decodeDetail(top.inner('detail'), terms.length) } : {}),
    ...(top.has('shared') ? { shared: decodeShared(top.inner('shared'), terms.length) } : {}),
    ...(top.has('life') ? { life: decodeLife(top.inner('life')) } : {}),
  };
}

function decodeTerm(term: Fields): CorrectionTerm {
  const sources = term.texts('sources');
  if (sources.length === 0) throw term.fault('sources', 'is empty');
  return {
    name: term.text('name'),
    sources,
    gainRatio: term.number('gain_ratio', 0),
    gainUncertaintyRatio: term.number('gain_uncertainty_ratio', 0),
    ...(term.has('less') ? { less: term.texts('less') } : {}),
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

function decodeDetail(detail: Fields, termsCount: number): CorrectionDetail {
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
