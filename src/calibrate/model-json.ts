// A correction model as JSON, for files and the ledger: snake_case names with the unit last, bigints as decimal strings.
// Decoding trusts nothing: a model from elsewhere is checked field by field before it may correct anything.
import { STANDINGS, type CorrectionModel, type CorrectionTerm } from '../quantity/correction.ts';
import { fnv1a64 } from '../quantity/config-fingerprint.ts';
import { formatInstant } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import { decodeDetail, encodeDetail, freedom } from './detail-json.ts';
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
