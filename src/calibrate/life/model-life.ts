// The life of a correction model: each version says what it replaces and why. A level is anchored anew, a configuration
// changes, time passes without a look at the meter; each of these gives a version that claims no more than is still known.
import {
  UNKNOWN_CONFIG,
  type ConfigChange,
  type ConfigFingerprint,
} from '../../quantity/config-fingerprint.ts';
import type {
  CorrectionModel,
  ModelLife,
  Standing,
  VersionReason,
} from '../../quantity/correction.ts';
import { standingOf } from '../gates.ts';
import { refuse, type Refusal } from '../../quantity/fault.ts';
import { formatInstant, instantNs, type InstantNs } from '../../quantity/time.ts';
import { watts } from '../../quantity/units.ts';
import { levelDriftW } from './level-drift.ts';
import { modelId } from '../model-json.ts';

const DAY_NS = 86_400_000_000_000n;
/**
 * A year without a look at a meter, as reference instruments are recalibrated by the year: then a correction is provisional,
 * since a hidden regime (an idle power state, a supply that went) would show nowhere else. After two years it refuses.
 */
const VALID_DAYS = 366n;
const REFUSED_DAYS = 2n * VALID_DAYS;
/** What nodes of a type that was never metered may be off by: the spread of gains before any evidence (chip-terms). */
const TYPE_PRIOR_RATIO = 0.12;

/** The life of a model, and of one that was fitted from files as far as its evidence tells it. */
export const lifeOf = (model: CorrectionModel): ModelLife =>
  model.life ?? {
    supersedes: '',
    because: 'first-fit',
    sinceNs: model.evidence.fromNs,
    checkedNs: model.evidence.untilNs,
    sources: model.detail?.meterSources ?? [],
    config: UNKNOWN_CONFIG,
  };

/** Until when a model is as good as it says, if nobody looks at a meter again. */
export const validUntilNs = (model: CorrectionModel): InstantNs =>
  instantNs(lifeOf(model).checkedNs + VALID_DAYS * DAY_NS);

/** The model under a new id, with the life that this version has. */
export function versionOf(
  model: CorrectionModel | Omit<CorrectionModel, 'id'>,
  life: ModelLife,
): CorrectionModel {
  const content = { ...model, life };
  return { ...content, id: modelId(content) };
}

/** The next version of a model: it names the one before. */
function nextOf(
  before: CorrectionModel,
  changed: Partial<
    Pick<CorrectionModel, 'interceptW' | 'systematicRatio' | 'standing' | 'open' | 'detail'>
  >,
  because: VersionReason,
  atNs: InstantNs,
  life: Partial<ModelLife>,
): CorrectionModel {
  const next = { ...lifeOf(before), ...life, supersedes: before.id, because };
  return versionOf({ ...before, ...changed, fittedAtNs: atNs }, next);
}

/** Predicted power in the middle of what the model was fitted on, W: where its relative figures hold. */
export function typicalW(model: CorrectionModel): number {
  const { fromW, untilW } = model.holds;
  const gains = model.terms.reduce((sum, term) => sum + term.gainRatio, 0);
  return Math.max(
    1,
    model.interceptW + ((fromW + untilW) / 2) * (gains / Math.max(1, model.terms.length)),
  );
}

/** Standing by the gates that are open now; an audit needs applications that were left out, whatever is open. */
function regained(model: CorrectionModel, open: readonly string[]): Standing {
  const standing = standingOf(open);
  const leftOut = model.detail?.leftOut.byApplication.length ?? 0;
  return standing === 'audit' && leftOut === 0 ? 'accepted' : standing;
}

/** A level that was metered anew: W above what the model says now, its standard uncertainty, and since when it holds. */
export interface NewLevel {
  readonly shiftW: number;
  readonly uncertaintyW: number;
  readonly sinceNs: InstantNs;
  readonly checkedNs: InstantNs;
  /** False while less than a minute of it is known: then the model is provisional and a gate says so. */
  readonly known: boolean;
}

/**
 * The model moved to a new level. Its gains and what they are known by stay; the uncertainty of the level becomes that of
 * the metering. What the fit had said of the level is kept in its life, since the watch judges by that.
 */
export function reanchored(
  model: CorrectionModel,
  level: NewLevel,
  because: VersionReason,
  atNs: InstantNs,
): CorrectionModel {
  const before = model.life?.anchor;
  const powerW = typicalW(model);
  const others = model.open.filter(
    (gate) => !gate.startsWith('level:') && !(level.known && gate.startsWith('age:')),
  );
  const open = level.known
    ? others
    : [
        ...others,
        `level: stepped by ${level.shiftW.toFixed(1)} W at ${formatInstant(level.sinceNs)}, being anchored`,
      ];
  const fit = {
    fitLevelW: before?.fitLevelW ?? model.detail?.levelW ?? model.systematicRatio * powerW,
    fitLevelDof: before?.fitLevelDof ?? model.detail?.levelDof ?? model.dof,
  };
  const oldW = model.detail?.levelW ?? 0;
  const restW2 = Math.max(0, (model.systematicRatio * powerW) ** 2 - oldW ** 2);
  return nextOf(
    model,
    {
      interceptW: watts(model.interceptW + level.shiftW),
      systematicRatio: Math.sqrt(restW2 + level.uncertaintyW ** 2) / powerW,
      standing: regained(model, open),
      open,
      // A minute of metering and what it is judged by: as many degrees of freedom as spot-anchor gives it.
      ...(model.detail
        ? { detail: { ...model.detail, levelW: level.uncertaintyW, levelDof: 20 } }
        : {}),
    },
    because,
    atNs,
    {
      sinceNs: level.sinceNs,
      checkedNs: level.checkedNs,
      anchor: {
        shiftW: (before?.shiftW ?? 0) + level.shiftW,
        uncertaintyW: level.uncertaintyW,
        ...fit,
      },
    },
  );
}

/** The configuration changed: what was learned may hold no more, so the band is that of a node nobody metered. */
export function reconfigured(
  model: CorrectionModel,
  changes: readonly ConfigChange[],
  config: ConfigFingerprint,
  atNs: InstantNs,
): CorrectionModel {
  const gates = changes.map(
    ({ key, from, until }) =>
      `configuration: ${key} was ${from}, is ${until}; meter the node again`,
  );
  const others = model.open.filter((gate) => !gates.includes(gate));
  return nextOf(
    model,
    { ...widened(model), standing: 'provisional', open: [...others, ...gates] },
    'configuration-changed',
    atNs,
    { config, sinceNs: atNs },
  );
}

/** Widened to what is known of a node of this type without metering it. */
function widened(
  model: CorrectionModel,
): Pick<CorrectionModel, 'systematicRatio'> & Partial<Pick<CorrectionModel, 'detail'>> {
  const priorRatio = model.detail?.pooled?.betweenNodesRatio ?? TYPE_PRIOR_RATIO;
  return {
    systematicRatio: Math.max(model.systematicRatio, priorRatio),
    ...(model.detail
      ? { detail: { ...model.detail, scaleRatio: Math.max(model.detail.scaleRatio, priorRatio) } }
      : {}),
  };
}

/** The version of a model whose time has passed. */
export function expired(model: CorrectionModel, atNs: InstantNs): CorrectionModel {
  const others = model.open.filter((gate) => !gate.startsWith('age:'));
  const gate = `age: last metered ${formatInstant(lifeOf(model).checkedNs)}; meter the node again`;
  return nextOf(model, { standing: 'provisional', open: [...others, gate] }, 'expired', atNs, {});
}

/**
 * The model as it may be used at an instant: wider by what the level may have drifted since the meter was last looked at
 * (before the evidence, until it), provisional beyond its validity. Refuses `calibrate.expired` beyond twice that.
 */
export function modelAt(model: CorrectionModel, atNs: InstantNs): CorrectionModel | Refusal {
  const { checkedNs } = lifeOf(model);
  const { fromNs } = model.evidence;
  const ageNs = atNs > checkedNs ? atNs - checkedNs : atNs < fromNs ? fromNs - atNs : 0n;
  if (ageNs > REFUSED_DAYS * DAY_NS) {
    return refuse(
      'calibrate.expired',
      `the model of ${model.node} was last compared with a meter on ${formatInstant(checkedNs)}`,
      'meter the node for a minute on its usual load, or fit it again',
    );
  }
  // The first day is in the level already: fits are told from days, or assume them.
  const driftS = Number(ageNs - DAY_NS) / 1e9;
  if (driftS <= 0) return model;
  const powerW = typicalW(model);
  const driftW = levelDriftW(powerW, driftS);
  const old = ageNs > VALID_DAYS * DAY_NS ? expired(model, model.fittedAtNs) : model;
  return {
    ...old,
    id: model.id,
    systematicRatio: Math.hypot(old.systematicRatio, driftW / powerW),
    ...(old.detail
      ? { detail: { ...old.detail, levelW: Math.hypot(old.detail.levelW, driftW) } }
      : {}),
  };
}
