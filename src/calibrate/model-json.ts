// A correction model as JSON, for files and the ledger: snake_case names with the unit last, bigints as decimal strings.
// Decoding trusts nothing: a model from elsewhere is checked field by field before it may correct anything.
import type {
  CorrectionDetail,
  CorrectionModel,
  CorrectionTerm,
  HeldMeter,
} from '../quantity/correction.ts';
import { formatInstant } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import { Fields } from './document-fields.ts';

const MODEL_FORMAT = 'trueup-correction/1';

type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };
export type ModelDocument = Readonly<Record<string, Json>>;

/** Plain JSON values; `JSON.stringify` of it is the file. */
export function encodeModel(model: CorrectionModel): ModelDocument {
  return { ...encodeContent(model), id: model.id };
}

/** Identity of a model's content: 64 bits of FNV-1a over its document, in hex. Not a proof; the ledger hashes for that. */
export function modelId(model: Omit<CorrectionModel, 'id'>): string {
  const text = JSON.stringify(encodeContent(model));
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    hash = ((hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
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
    // JSON has no infinity: type B alone is written as its word.
    dof: Number.isFinite(model.dof) ? model.dof : 'infinite',
    standing: model.standing,
    open: model.open,
    gap_ratio: model.gapRatio,
    ...(model.detail ? { detail: encodeDetail(model.detail) } : {}),
  };
}

function encodeDetail(detail: CorrectionDetail): ModelDocument {
  const { heldBack, pooled } = detail;
  return {
    form: detail.form,
    covariance: detail.covariance,
    level_w: detail.levelW,
    level_dof: Number.isFinite(detail.levelDof) ? detail.levelDof : 'infinite',
    scale_ratio: detail.scaleRatio,
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
  const standing = top.text('standing');
  if (standing !== 'provisional' && standing !== 'accepted') {
    throw top.fault('standing', 'is neither provisional nor accepted');
  }
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
    gapRatio: top.number('gap_ratio'),
    ...(top.has('detail') ? { detail: decodeDetail(top.inner('detail'), terms.length) } : {}),
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

function decodeDetail(detail: Fields, termsCount: number): CorrectionDetail {
  const form = detail.text('form');
  if (form !== 'affine' && form !== 'components') {
    throw detail.fault('form', 'is neither affine nor components');
  }
  const covariance = detail.numbers('covariance');
  if (covariance.length !== (termsCount + 1) ** 2) {
    throw detail.fault('covariance', `has not ${(termsCount + 1) ** 2} entries`);
  }
  const heldBack = detail.has('held_back') ? detail.inner('held_back') : undefined;
  const pooled = detail.has('pooled') ? detail.inner('pooled') : undefined;
  return {
    form,
    covariance,
    levelW: detail.number('level_w', 0),
    levelDof: detail.freedom('level_dof'),
    scaleRatio: detail.number('scale_ratio', 0),
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
